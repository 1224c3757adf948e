#!/usr/bin/env python3
"""@PATTERN@: one thread changes the environment while others use it.

Usage: repro.py [control] [SECONDS]
Ends with 0 when a run failed, 1 when none did in SECONDS (20), 2 where it could not run.
`control` leaves out the changes: then nothing may fail.

A reproducer by `envrace confirm --emit`; README.md says what it shows.
"""

@IMPORTS@

THREADS = 8  # that run @PARTNER@
CHANGES = @CHANGES@  # in a round, by one more thread
PAUSE = 0.00005  # seconds after each
SIZES = 8  # environments tried in turn: the number of variables decides whether an addition moves the array
KEPT = 12  # variables that are always there
ROUND_SECONDS = 5  # after which a round counts as hung

@CHECK@

class Round:
    """What the threads of a round share."""

    def __init__(self, good, control):
        self.good = good  # a pipe that gets a byte for each run that went well
        self.control = control
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.failures = self.setbacks = 0

    def ouch(self, thread, text):
        """A failure that only the race explains."""
        with self.lock:
            self.failures += 1
            if self.failures <= 5:
                say("[thread %d][%s failure] ouch! %s" % (thread, NAME, text))
        self.stop.set()

    def setback(self, thread, text):
        """A failure with other causes: no process can be started, say."""
        with self.lock:
            self.setbacks += 1
            if self.setbacks == 1:
                say("[thread %d][%s failure] for another reason: %s" % (thread, NAME, text))
            if self.setbacks > 100:
                self.stop.set()


NAME = "@NAME@"


def say(line):
    os.write(1, (line + "\n").encode())

@JUDGES@
def change(n):
    @MUTATION@


def use(scene, thread):
    """One run; true where all went well."""
@USE@


def worker(scene, thread):
    while not scene.stop.is_set():
        try:
            well = use(scene, thread)
        except OSError as problem:
            well = False
            if problem.errno == errno.EFAULT:
                scene.ouch(thread, problem)
            else:
                scene.setback(thread, problem)
        except (KeyError, IndexError, RuntimeError, ValueError) as problem:
            well = False
            scene.ouch(thread, "%s: %s" % (type(problem).__name__, problem))
        if well:
            os.write(scene.good, b".")


def fill(size):
    os.environ["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    os.environ["CHANGED"] = "old"
    for index in range(KEPT):
        os.environ["KEPT_%02d" % index] = chr(ord("a") + index)
    for index in range(size):
        os.environ["FILL_%02d" % index] = "f"


def run_round(scene, size):
    """In a process of its own, so that each round begins with a small environment and a crash ends that round only."""
    parent = os.getppid()
    os.environ.clear()
@PREPARE@    fill(size)
    threads = [threading.Thread(target=worker, args=(scene, number + 1), daemon=True) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for n in range(CHANGES):
        if not scene.control:
            change(n)
        time.sleep(PAUSE)
        # Nobody is left to tell where the program itself was killed.
        if scene.stop.is_set() or os.getppid() != parent:
            break
    scene.stop.set()
    for thread in threads:
        thread.join()
    return 1 if scene.failures else 3 if scene.setbacks else 0


def start_round(size, control):
    """Starts a round; returns its wait status and how many runs went well."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            os.close(reader)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.alarm(ROUND_SECONDS)
            code = run_round(Round(writer, control), size)
        except BaseException as problem:
            sys.stderr.write("%s: %s\n" % (type(problem).__name__, problem))
        finally:
            os._exit(code)
    os.close(writer)
    runs = 0
    try:
        while True:
            block = os.read(reader, 4096)
            if not block:
                break
            runs += len(block)
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        sys.exit(130)
    os.close(reader)
    return os.waitpid(pid, 0)[1], runs


def main():
    control, seconds = False, 20.0
    for argument in sys.argv[1:]:
        if argument == "control":
            control = True
        else:
            try:
                seconds = float(argument)
            except ValueError:
                sys.stderr.write(__doc__)
                return 2
    runs = rounds = hindered = 0
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        status, well = start_round(1 + rounds % SIZES, control)
        rounds += 1
        runs += well
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        if code is None:
            number = os.WTERMSIG(status)
            how = "it hung and was ended" if number == signal.SIGALRM else "it was killed"
            say("[round %d] ouch! %s by signal %d" % (rounds, how, number))
        if code in (None, 1):
            say("%d successful runs before failure" % runs)
            return 0
        if code == 2:
            return 2
        hindered += code == 3
    say("no failure in %d runs, %d rounds and %.0f seconds" % (runs, rounds, time.monotonic() - began))
    return 2 if hindered > rounds / 2 else 1


if __name__ == "__main__":
    sys.exit(main())
