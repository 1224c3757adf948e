"""Replays one pattern: threads that start processes beside a thread that changes the environment.

Started by envrace with one JSON argument. Every run is a forked child, so that each begins with the same small
environment and a crash ends that run only; counters live in shared memory and survive it. One JSON line a run is
printed. Nothing here comes from a program under analysis: the forms are a closed list.
"""

import errno
import json
import mmap
import os
import signal
import struct
import sys
import threading
import time

PARAMETERS = json.loads(sys.argv[1])
MUTATION = PARAMETERS["mutation"]
PARTNER = PARAMETERS["partner"]
OPTIONS = PARAMETERS["options"]
CONTROL = PARAMETERS["control"]
CHECKER = PARAMETERS["checker"]
SENTINELS = PARAMETERS["sentinels"]
STEPS = PARAMETERS["steps"]
PACE = PARAMETERS["pace_us"] / 1e6
RUN_SECONDS = PARAMETERS["run_seconds"]
SPAWNERS = PARAMETERS["threads"]

# What some forms alone need, and before the first fork: a run must not spend its time on imports.
if PARTNER in ("subprocess", "fork_window", "popen"):
    import subprocess
elif PARTNER == "getaddrinfo":
    import socket
elif PARTNER == "setlocale":
    import locale
ctypes = None
if PARTNER == "system" or MUTATION.startswith("native"):
    try:
        import ctypes
    except ImportError:
        pass

# Exit codes by which a child says what is wrong with its environment.
TORN = (77, 78, 79)
# Symptoms have fixed slots in shared memory, so that a crash loses none.
SLOTS = 16
SYMPTOM_WIDTH = 32
# Counters: failures, mutations, and one for each thread.
FAILURES = 0
MUTATIONS = 1
FIRST_THREAD = 2
COUNTERS = FIRST_THREAD + SPAWNERS


class Board:
    """Counters shared with the forked run: trials by thread, mutations, the first failure, and symptoms by name."""

    def __init__(self):
        self.memory = mmap.mmap(-1, 8192)
        self.lock = threading.Lock()

    def reset(self):
        self.memory[:] = bytes(8192)

    def add(self, slot):
        """Counts in a slot that one thread alone writes."""
        at = slot * 8
        struct.pack_into("q", self.memory, at, struct.unpack_from("q", self.memory, at)[0] + 1)

    def get(self, slot):
        return struct.unpack_from("q", self.memory, slot * 8)[0]

    def trials(self):
        return sum(self.get(FIRST_THREAD + slot) for slot in range(SPAWNERS))

    def symptom(self, name, failed, trial, seconds):
        """Counts a symptom; `failed` symptoms are evidence, the others (marked by a tilde) only spoil a trial."""
        with self.lock:
            base = COUNTERS * 8 + 64
            for slot in range(SLOTS):
                at = base + slot * (SYMPTOM_WIDTH + 8)
                held = self.memory[at : at + SYMPTOM_WIDTH].rstrip(b"\0").decode()
                if held in ("", name):
                    self.memory[at : at + SYMPTOM_WIDTH] = name.encode()[:SYMPTOM_WIDTH].ljust(SYMPTOM_WIDTH, b"\0")
                    count = struct.unpack_from("q", self.memory, at + SYMPTOM_WIDTH)[0]
                    struct.pack_into("q", self.memory, at + SYMPTOM_WIDTH, count + 1)
                    break
            if failed:
                self.add(FAILURES)
                if self.get(FAILURES) == 1:
                    struct.pack_into("qd", self.memory, COUNTERS * 8, trial, seconds)

    def symptoms(self):
        base = COUNTERS * 8 + 64
        seen = {}
        for slot in range(SLOTS):
            at = base + slot * (SYMPTOM_WIDTH + 8)
            name = self.memory[at : at + SYMPTOM_WIDTH].rstrip(b"\0").decode()
            if name:
                seen[name] = struct.unpack_from("q", self.memory, at + SYMPTOM_WIDTH)[0]
        return seen

    def first(self):
        return struct.unpack_from("qd", self.memory, COUNTERS * 8)


class NoLock:
    """Stands in for the lock where a replay takes none."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def give_way(self):
        pass

    first = __enter__


class OneLock:
    """One lock for both sides. Spawners give way to a waiting mutator, which they would starve otherwise."""

    def __init__(self):
        self.lock = threading.Lock()
        self.wanted = False

    def __enter__(self):
        self.lock.acquire()
        return self

    def __exit__(self, *_):
        self.lock.release()
        return False

    def give_way(self):
        while self.wanted:
            time.sleep(0.00002)

    def first(self):
        self.wanted = True
        self.lock.acquire()
        self.wanted = False
        return self


def errno_locator():
    """The C function that tells where the calling thread's errno is; None where it cannot be had."""
    if ctypes is None or PARTNER != "system":
        return None
    try:
        locate = ctypes.CDLL(None).__errno_location
        locate.restype = ctypes.c_void_p
        return locate
    except (AttributeError, OSError):
        return None


ERRNO_LOCATOR = errno_locator()


def errno_cell():
    """The calling thread's C errno, to be read right after os.system; None without ctypes."""
    try:
        return ctypes.c_int.from_address(ERRNO_LOCATOR()) if ERRNO_LOCATOR else None
    except (OSError, ValueError):
        return None


def sentinel(index):
    return "ENVRACE_S%02d" % index, "sentinel-%02d" % index


def shell_command():
    """Compares the sentinels with builtins alone, so that 127 can never mean that a command was not found."""
    names = "".join("$" + sentinel(index)[0] for index in range(SENTINELS))
    values = "".join(sentinel(index)[1] for index in range(SENTINELS))
    empty = ' || [ -z "%s" ]' % names if MUTATION.startswith("clear") else ""
    return '[ "%s" = "%s" ]%s || exit 77' % (names, values, empty)


SHELL = shell_command()
CHECK = [CHECKER, PARAMETERS["check_command"], str(SENTINELS)] + (["emptied"] if MUTATION.startswith("clear") else [])
PADDING = "x" * max(PARAMETERS["command_length"] - len(SHELL) - 3, 0)
if PADDING:
    SHELL += " # " + PADDING
    CHECK.append(PADDING)
if OPTIONS.get("bare"):
    CHECK = [os.path.basename(CHECKER)] + CHECK[1:]


def status_symptom(status):
    """What the wait status of a checked child says: nothing, or (symptom, whether it is evidence)."""
    if status == 0:
        return None
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return "hang", True
    if os.WIFSIGNALED(status):
        return "signal:%d" % os.WTERMSIG(status), True
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) in TORN:
        return "torn", True
    if status == 127 << 8:
        return "status:32512", True
    return "status:%d" % status, False


def code_symptom(code):
    """The same for a subprocess return code."""
    if code == 0:
        return None
    return status_symptom(-code if code < 0 else code << 8)


def spawn_system(cell):
    if cell is not None:
        cell.value = 0
    status = os.system(SHELL)
    cause = cell.value if cell is not None else 0
    if status == -1:
        return errno.errorcode.get(cause, "status:-1"), cause == errno.EFAULT
    found = status_symptom(status)
    if found and found[0] == "status:32512" and cause == errno.EFAULT:
        return found[0], True, "EFAULT"
    return found


def spawn_popen(_cell):
    stream = os.popen(SHELL)
    stream.read()
    status = stream.close()
    return status_symptom(status if status else 0)


def subprocess_arguments():
    keywords = {}
    if OPTIONS.get("shell"):
        keywords["shell"] = True
    if OPTIONS.get("cwd"):
        keywords["cwd"] = "/"
    if OPTIONS.get("keep_fds"):
        keywords["close_fds"] = False
    if OPTIONS.get("preexec"):
        keywords["preexec_fn"] = int
    if OPTIONS.get("session"):
        keywords["start_new_session"] = True
    if OPTIONS.get("pass_fds"):
        keywords["pass_fds"] = (2,)
    return (SHELL if OPTIONS.get("shell") else CHECK), keywords


def spawn_subprocess(_cell):
    command, keywords = subprocess_arguments()
    environment = OPTIONS.get("env")
    if environment == "copy":
        keywords["env"] = os.environ.copy()
    elif environment == "live":
        keywords["env"] = os.environ
    function = OPTIONS["function"]
    try:
        if function in ("call", "check_call"):
            return code_symptom(getattr(subprocess, function)(command, **keywords))
        if function == "run":
            return code_symptom(subprocess.run(command, **keywords).returncode)
        if function == "check_output":
            subprocess.check_output(command, **keywords)
            return None
        if function == "getoutput":
            return code_symptom(subprocess.getstatusoutput(SHELL)[0])
        with subprocess.Popen(command, **keywords) as process:
            return code_symptom(process.wait())
    except subprocess.CalledProcessError as problem:
        return code_symptom(problem.returncode)


def wait_for(pid):
    return status_symptom(os.waitpid(pid, 0)[1])


def spawn_posix(_cell):
    spawn = os.posix_spawnp if OPTIONS.get("bare") else os.posix_spawn
    environment = os.environ.copy() if OPTIONS.get("env") == "copy" else os.environ
    if OPTIONS.get("env") == "none":
        environment = None
    return wait_for(spawn(CHECK[0], CHECK, environment))


def spawn_spawnv(_cell):
    function = os.spawnvp if OPTIONS.get("bare") else os.spawnv
    code = function(os.P_WAIT, CHECK[0], CHECK)
    return status_symptom(-code if code < 0 else code << 8)


def spawn_fork(_cell):
    pid = os.fork()
    if pid == 0:
        try:
            os.execv(CHECKER, CHECK)
        finally:
            os._exit(127)
    return wait_for(pid)


def change_in_child():
    """What a child does between fork and exec, with a bound on how long it may take."""
    signal.setitimer(signal.ITIMER_REAL, 0.4)
    if MUTATION in ("delete", "pop", "popitem", "unsetenv"):
        os.unsetenv("ENVRACE_O")
    elif MUTATION == "clear":
        os.environ.clear()
    else:
        os.environ["ENVRACE_C"] = "c"


def spawn_fork_window(_cell):
    if OPTIONS.get("preexec"):
        return code_symptom(subprocess.call(CHECK, preexec_fn=change_in_child))
    pid = os.fork()
    if pid == 0:
        try:
            change_in_child()
        finally:
            os._exit(0)
    return wait_for(pid)


def read_iterate(_cell):
    for _name in os.environ:
        pass


def read_copy(_cell):
    os.environ.copy()


def read_getaddrinfo(_cell):
    socket.getaddrinfo("localhost", None)


def read_localtime(_cell):
    time.localtime()


def read_tzset(_cell):
    time.tzset()


def read_setlocale(_cell):
    locale.setlocale(locale.LC_ALL, "")


SPAWNS = {
    "system": spawn_system,
    "popen": spawn_popen,
    "subprocess": spawn_subprocess,
    "posix_spawn": spawn_posix,
    "spawnv": spawn_spawnv,
    "fork_exec": spawn_fork,
    "fork_window": spawn_fork_window,
    "iterate": read_iterate,
    "copy": read_copy,
    "getaddrinfo": read_getaddrinfo,
    "localtime": read_localtime,
    "tzset": read_tzset,
    "setlocale": read_setlocale,
}


def victims():
    """Variables that a deleting mutation takes away one after another; they lie before the sentinels."""
    return ["ENVRACE_V%04d" % index for index in range(STEPS)]


def native(function):
    """A C function of the libc that the interpreter uses."""
    return getattr(ctypes.CDLL(None), function)


def mutation():
    """The mutating step as a function of its number. Bound once, so that the loop does nothing else."""
    env = os.environ
    saved = dict(env)
    names = victims()

    def refill(_step):
        env.clear()
        env.update(saved)

    def toggle(_step):
        env["ENVRACE_T"] = "t"
        del env["ENVRACE_T"]

    forms = {
        "store-add": lambda step: env.__setitem__("ENVRACE_N%04d" % step, "n"),
        "store-overwrite": lambda step: env.__setitem__("ENVRACE_O", "o%d" % step),
        "delete": lambda step: env.__delitem__(names[step]),
        "pop": lambda step: env.pop(names[step]),
        "popitem": lambda step: env.popitem(),
        "setdefault": lambda step: env.setdefault("ENVRACE_N%04d" % step, "n"),
        "update-add": lambda step: env.update({"ENVRACE_N%04d" % step: "n"}),
        "update-overwrite": lambda step: env.update({"ENVRACE_O": "o%d" % step}),
        "clear": refill,
        "toggle": toggle,
        "putenv-add": lambda step: os.putenv("ENVRACE_N%04d" % step, "n"),
        "putenv-overwrite": lambda step: os.putenv("ENVRACE_O", "o%d" % step),
        "unsetenv": lambda step: os.unsetenv(names[step]),
    }
    if MUTATION == "native-setenv":
        setenv = native("setenv")
        return lambda step: setenv(b"ENVRACE_N%04d" % step, b"n", 1)
    if MUTATION == "native-unsetenv":
        unsetenv = native("unsetenv")
        return lambda step: unsetenv(b"ENVRACE_V%04d" % step)
    return forms[MUTATION]


def prepare(size):
    """Sets the environment up: victims first, then sentinels, then `size` fillers, whose first addition makes it a heap array."""
    if PARAMETERS["bare"]:
        return
    kept = {name: os.environ[name] for name in ("PATH", "LC_ALL") if name in os.environ}
    os.environ.clear()
    if MUTATION in ("delete", "pop", "popitem", "unsetenv", "native-unsetenv"):
        for name in victims():
            os.environ[name] = "v"
    os.environ.update(kept)
    os.environ["ENVRACE_O"] = "o"
    for index in range(SENTINELS):
        name, value = sentinel(index)
        os.environ[name] = value
    for index in range(size):
        os.environ["ENVRACE_F%02d" % index] = "f"
    for index, start in enumerate(range(0, PARAMETERS["env_bytes"], 100000)):
        os.environ["ENVRACE_B%02d" % index] = "x" * min(100000, PARAMETERS["env_bytes"] - start)


def spawner(board, slot, lock, stop, began):
    """Starts processes until told to stop."""
    spawn = SPAWNS[PARTNER]
    cell = errno_cell()
    while not stop.is_set():
        try:
            with lock:
                found = spawn(cell)
        except OSError as problem:
            found = errno.errorcode.get(problem.errno, "errno:%s" % problem.errno), problem.errno == errno.EFAULT
        except (KeyError, IndexError, RuntimeError, ValueError) as problem:
            found = type(problem).__name__, True
        board.add(FIRST_THREAD + slot)
        if found:
            name = found[0] if found[1] else "~" + found[0]
            board.symptom(name, found[1], board.trials(), time.monotonic() - began)
            for also in found[2:]:
                board.symptom(also, False, 0, 0.0)
        lock.give_way()


def run(board, size, wanted, began):
    """One run: the threads start, this one mutates, the threads end; early, where there is a number of wanted trials."""
    prepare(size)
    lock = OneLock() if CONTROL == "one-lock" else NoLock()
    stop = threading.Event()
    step_once = (lambda step: None) if CONTROL == "no-mutation" else mutation()
    threads = [threading.Thread(target=spawner, args=(board, slot, lock, stop, began)) for slot in range(SPAWNERS)]
    end = time.monotonic() + RUN_SECONDS
    for thread in threads:
        thread.start()
    time.sleep(PARAMETERS["lead_us"] / 1e6)
    for step in range(STEPS):
        lock.first()
        try:
            step_once(step)
        finally:
            lock.__exit__()
        board.add(MUTATIONS)
        time.sleep(PACE)
        if time.monotonic() > end or (wanted is not None and board.trials() >= wanted):
            break
    stop.set()
    for thread in threads:
        thread.join()


def report(board, number, size, status, began):
    symptoms = board.symptoms()
    failures = board.get(FAILURES)
    end = "exit"
    if os.WIFSIGNALED(status):
        end = "signal:%d" % os.WTERMSIG(status)
    elif status != 0:
        end = "status:%d" % status
    print(
        json.dumps(
            {
                "run": number,
                "size": size,
                "trials": board.trials(),
                "mutations": board.get(MUTATIONS),
                "failures": failures,
                "seen": {name: count for name, count in symptoms.items() if name[0] != "~"},
                "spoiled": {name[1:]: count for name, count in symptoms.items() if name[0] == "~"},
                "first": board.first() if failures else None,
                "end": end,
                "seconds": time.monotonic() - began,
            }
        ),
        flush=True,
    )


def main():
    board = Board()
    began = time.monotonic()
    trials = failures = number = 0
    while True:
        elapsed = time.monotonic() - began
        enough = trials >= PARAMETERS["trials"] and number >= PARAMETERS["runs"]
        if elapsed > PARAMETERS["seconds"] or (enough and (failures or not PARAMETERS["search"])):
            break
        board.reset()
        size = 1 + number % 8
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                signal.alarm(PARAMETERS["alarm"])
                run(board, size, PARAMETERS["trials"] - trials if PARAMETERS["brief"] else None, began)
                code = 0
            except BaseException as problem:
                sys.stderr.write("%s: %s\n" % (type(problem).__name__, problem))
                sys.stderr.flush()
            finally:
                os._exit(code)
        status = os.waitpid(pid, 0)[1]
        report(board, number, size, status, began)
        trials += board.trials()
        failures += board.get(FAILURES) + (1 if os.WIFSIGNALED(status) else 0)
        number += 1


main()
