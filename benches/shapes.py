#!/usr/bin/env python3
"""Measures envrace on programs of shapes that hurt, each in several sizes, so that one sees how the cost grows.

    python3 benches/shapes.py [--program PATH] [--only WORD ...]

Prints a table in Markdown: for each shape and size the bytes, processor time, peak memory, and how many times the cost of
the size before. Each shape holds a race that must be found, whatever its size: one that is lost is said so.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

RACE = """
import os, threading
def work():
    os.system('true')
def race():
    t = threading.Thread(target=work)
    t.start()
    os.environ['A'] = '1'
    t.join()
"""

RACE_IN_C = """
#include <pthread.h>
#include <stdlib.h>
static void *work(void *unused) { system("true"); return unused; }
void race(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    setenv("A", "1", 1);
    pthread_join(thread, NULL);
}
"""

RACE_IN_RUST = """
extern "C" { fn system(command: *const i8) -> i32; }
fn work() { unsafe { system(c"true".as_ptr()) }; }
fn race() {
    let thread = std::thread::spawn(work);
    unsafe { std::env::set_var("A", "1") };
    thread.join().unwrap();
}
"""


def called_often(size):
    """One function that is called from many places."""
    calls = "".join(f"def f{n}():\n    helper({n})\n" for n in range(size))
    return f"{RACE}def helper(x):\n    race()\n{calls}race()\n"


def deep_calls(size):
    """A chain of calls with the race at its end."""
    calls = "".join(f"def f{n}():\n    f{n + 1}()\n" for n in range(size))
    return f"{RACE}{calls}def f{size}():\n    race()\nf0()\n"


def recursion(size):
    """Functions that all call each other in a circle."""
    calls = "".join(f"def f{n}():\n    f{(n + 1) % size}()\n    f{(n * 7 + 3) % size}()\n" for n in range(size))
    return f"{RACE}{calls}f0()\nrace()\n"


def one_name(size):
    """Many classes with a method of one name, called on what nothing is known of."""
    classes = "".join(f"class C{n}:\n    def go(self):\n        race()\n" for n in range(size))
    return f"{RACE}{classes}def all_of(things):\n    for thing in things:\n        thing.go()\nall_of(load())\n"


def many_starts(size):
    """Many threads, each started and never joined, beside many changes."""
    starts = "".join(f"threading.Thread(target=work).start()\nos.environ['A{n}'] = '1'\n" for n in range(size))
    return f"{RACE}{starts}"


def generated(size):
    """One function of many lines, as generators write them."""
    lines = "".join(f"    table[{n}] = ('name{n}', lookup({n}, 'x'), [1, 2, {n}])\n" for n in range(size))
    return f"{RACE}def fill(table):\n{lines}race()\n"


def branches(size):
    """One function of many branches, each of which may start a thread."""
    arms = "".join(f"    if x == {n}:\n        t{n} = threading.Thread(target=work)\n        t{n}.start()\n" for n in range(size))
    return f"{RACE}def choose(x):\n{arms}    os.environ['B'] = '1'\nchoose(1)\n"


def class_chain(size):
    """Classes that each derive from the one before."""
    classes = "".join(f"class C{n + 1}(C{n}):\n    pass\n" for n in range(size))
    return f"{RACE}class C0:\n    def go(self):\n        race()\n{classes}C{size}().go()\nrace()\n"


def decorated(size):
    """Many classes with a decorated method."""
    classes = "".join(f"class C{n}:\n    @property\n    def go(self):\n        return race()\n" for n in range(size))
    return f"{RACE}{classes}race()\n"


def switch_arms(size):
    """C: a switch of many arms that all call one function."""
    arms = "".join(f"    case {n}: race(); break;\n" for n in range(size))
    return f"{RACE_IN_C}void choose(int x) {{\n    switch (x) {{\n{arms}    }}\n}}\nint main(int count, char **_) {{ choose(count); }}\n"


def early_returns(size):
    """C: many tests of an argument that leave the function, each with a call behind it."""
    tests = "".join(f"    if (x == {n}) return;\n    race();\n" for n in range(size))
    return f"{RACE_IN_C}void choose(int x) {{\n{tests}}}\nint main(int count, char **_) {{ choose(count); }}\n"


def tests(size):
    """Rust: many tests that each change a variable and read one."""
    body = 'unsafe { std::env::set_var("A%d", "1") }; let _ = std::env::var("B%d");'
    all_of_them = "".join(f"    #[test]\n    fn t{n}() {{ {body % (n, n)} }}\n" for n in range(size))
    return f"{RACE_IN_RUST}fn main() {{ race(); }}\n#[cfg(test)]\nmod tests {{\n{all_of_them}}}\n"


SHAPES = {
    called_often: [12_500, 25_000, 50_000],
    deep_calls: [1_000, 2_000, 4_000],
    recursion: [250, 500, 1_000],
    one_name: [2_500, 5_000, 10_000],
    many_starts: [50, 100, 200],
    generated: [25_000, 50_000, 100_000],
    branches: [50, 100, 200],
    class_chain: [1_000, 2_000, 4_000],
    decorated: [5_000, 10_000, 20_000],
    switch_arms: [1_000, 2_000, 4_000],
    early_returns: [1_000, 2_000, 4_000],
    tests: [250, 500, 1_000],
}
NAMES = {switch_arms: "main.c", early_returns: "main.c", tests: "main.rs"}
LIMIT = 120


def measure(program, name, text):
    """Processor time in s, peak in MiB, and what became of the race."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(text)
        command = [program, "check", "--no-config", "--no-cache", "--format", "concise", "-q", name]
        with tempfile.TemporaryFile() as out:
            begin = time.perf_counter()
            child = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
            while (ended := os.wait4(child.pid, os.WNOHANG))[0] == 0:
                if time.perf_counter() - begin > LIMIT:
                    child.kill()
                time.sleep(0.005)
            spent = ended[2].ru_utime + ended[2].ru_stime
            child.returncode = os.waitstatus_to_exitcode(ended[1])
            out.seek(0)
            found = out.read().decode(errors="replace").count("env-mutation-during-spawn")
    verdict = "given up" if child.returncode < 0 else f"{found} findings" if found else "LOST"
    return spent, ended[2].ru_maxrss / 1024, verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(REPOSITORY / "target" / "release" / "envrace"))
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    print("| shape | size | kB | s | MiB | times the size before | |\n|---|---|---|---|---|---|---|")
    lost = False
    for shape, sizes in SHAPES.items():
        if asked.only and not any(word in shape.__name__ for word in asked.only):
            continue
        before = None
        for size in sizes:
            text = shape(size)
            spent, peak, verdict = measure(asked.program, NAMES.get(shape, "main.py"), text)
            times = "" if before is None else f"{spent / before:.1f}"
            print(f"| {shape.__name__.replace('_', ' ')} | {size} | {len(text) // 1000} | {spent:.2f} | {peak:.0f} | {times} | {verdict} |")
            sys.stdout.flush()
            before = spent
            lost |= verdict in ("LOST", "given up")
            if verdict == "given up":
                break
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
