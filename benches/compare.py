#!/usr/bin/env python3
"""Measures envrace on a large tree beside rg and linters, all in one run on one machine.

    python3 benches/compare.py [--folder FOLDER] [--runs N] [--only WORD ...]

Builds the release program, gets the tree from package registries by the exact versions below, and prints a table in
Markdown: for each case the medians of wall time, processor time and peak memory, and the ratio of its wall time to that of
`rg -l -F` in the same rounds. The cases take turns, so that what the machine does meanwhile meets all of them. Tools that
are not installed are left out and named at the end. Nothing is written outside of FOLDER (default: target/compare).
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

# What the tree is made of. The crates are those of this repository's Cargo.lock.
DEBIAN = {"postgresql-15": "15.18-0+deb12u1", "python3.11": "3.11.2-6+deb12u8"}
PYPI = [
    "ansible-core==2.18.1", "botocore==1.35.80", "django==5.1.4", "matplotlib==3.9.3", "networkx==3.4.2", "numpy==2.2.0",
    "pandas==2.2.3", "plotly==5.24.1", "scikit-learn==1.6.0", "scipy==1.14.1", "setuptools==75.6.0",
    "sqlalchemy==2.0.36", "sympy==1.13.3", "transformers==4.47.0", "twisted==24.11.0",
]
SUFFIXES = {".c", ".h", ".py", ".rs"}
# What tells where a project begins; a tree without these would be one program.
MARKERS = {"Cargo.toml", "METADATA", "PKG-INFO", "configure.ac", "meson.build", "pyproject.toml"}
# What rg looks for: what changes the environment.
LITERALS = ["setenv", "putenv", "clearenv", "environ", "set_var", "remove_var"]

def words_of_changes(program):
    """What the files of a tree without any change do not hold: of every API that changes the environment its longest word,
    but for those that are methods of `environ`, which is a word of its own."""
    told = subprocess.run([program, "apis", "--no-config", "--effect", "mutation", "--format", "json"], check=True, stdout=subprocess.PIPE)
    words = set(LITERALS)
    for api in json.loads(told.stdout)["apis"]:
        parts = re.findall(r"\w+", api["match"].split(":", 1)[1])
        if not any(literal in part for literal in LITERALS for part in parts):
            words.add(max(parts, key=len))
    return sorted(words)


def run(*command, **options):
    """Runs a command that has to succeed."""
    return subprocess.run([str(word) for word in command], check=True, **options)


def sources(folder):
    """All source files below a folder, sorted."""
    found = (path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file() and not path.is_symlink())
    return sorted(found)


def copy(paths, origin, target):
    for path in paths:
        place = target / path.relative_to(origin)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def copy_markers(origin, target):
    """Copies what tells where projects begin, into folders that are there; what installers say lies in one of its own."""
    markers = (path for path in origin.rglob("*") if path.name in MARKERS and path.is_file())

    def belongs(path):
        folder = (target / path.relative_to(origin)).parent
        return (folder.parent if folder.suffix == ".dist-info" else folder).exists()

    copy([path for path in markers if belongs(path)], origin, target)


def copy_sources(origin, target):
    copy(sources(origin), origin, target)
    copy_markers(origin, target)


def drop_parsed(program, tree):
    """Takes away the projects of a tree of which the program parses anything: their words of changes are others."""
    for project in [*tree.glob("pypi/*"), *tree.glob("crates/*"), *tree.iterdir()]:
        if project.name in ("pypi", "crates"):
            continue
        told = subprocess.run([program, "check", "--no-config", "--no-cache", "--exit-zero", "--max-steps", "1", "--format", "json", project],
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if json.loads(told.stdout)["summary"]["parsed"] > 0:
            shutil.rmtree(project)


def get_debian(work, tree, missing):
    for name, version in DEBIAN.items():
        folder = work / name
        if not folder.exists():
            folder.mkdir(parents=True)
            asked = f"{name}={version}"
            got = subprocess.run(["apt-get", "source", "-qq", asked], cwd=folder, stdout=subprocess.DEVNULL)
            if got.returncode != 0:
                shutil.rmtree(folder)
                missing.append(f"the Debian source {asked} (apt-get source failed: is deb-src set up?)")
                continue
        [unpacked] = [path for path in folder.iterdir() if path.is_dir()]
        copy_sources(unpacked / "Lib" if name.startswith("python") else unpacked, tree / name)


def get_pypi(work, tree, missing):
    for pinned in PYPI:
        name = pinned.split("==")[0]
        folder = work / "pypi" / pinned
        if not folder.exists():
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--python-version", "3.11",
                       "--only-binary=:all:", "--dest", str(work / "wheels"), pinned]
            wheels = list((work / "wheels").glob("*")) if (work / "wheels").exists() else []
            got = subprocess.run(command, stdout=subprocess.DEVNULL)
            new = [path for path in (work / "wheels").glob("*") if path not in wheels] if got.returncode == 0 else []
            if len(new) != 1:
                missing.append(f"the wheel of {pinned}")
                continue
            shutil.unpack_archive(new[0], folder, "zip")
            new[0].unlink()
        copy_sources(folder, tree / "pypi" / name)


def get_crates(work, tree):
    vendored = work / "crates"
    if not vendored.exists():
        run("cargo", "vendor", "--locked", "--quiet", vendored, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    copy_sources(vendored, tree / "crates")


def build_tree(work, missing):
    tree = work / "tree"
    if not (work / "tree.done").exists():
        shutil.rmtree(tree, ignore_errors=True)
        get_debian(work, tree, missing)
        get_pypi(work, tree, missing)
        get_crates(work, tree)
        (work / "tree.done").write_text("\n".join(missing))
    missing.extend(line for line in (work / "tree.done").read_text().splitlines() if line not in missing)
    return tree


def build_variants(work, tree, program):
    """A tree without changes of the environment, the tree twice, and a repository of a thousand files."""
    quiet, doubled, small = work / "quiet", work / "doubled", work / "thousand"
    if not quiet.exists():
        words = [word.encode() for word in words_of_changes(program)]
        for path in sources(tree):
            text = path.read_bytes()
            if not any(word in text for word in words):
                place = quiet / path.relative_to(tree)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(text)
        copy_markers(tree, quiet)
        drop_parsed(program, quiet)
    if not doubled.exists():
        for name in ("one", "two"):
            copy_sources(tree, doubled / name)
            # Without what tells where projects begin it would be one program.
            copy_markers(tree, doubled / name)
    if not small.exists():
        for path in sources(tree / "pypi" / "django")[:1000]:
            place = small / path.relative_to(tree / "pypi" / "django")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        run("git", "init", "-q", small)
    return quiet, doubled, small


class Case:
    """Something to be measured: how to make ready for it, untimed, and what to run."""

    def __init__(self, name, command, before=None, env=None):
        self.name, self.command, self.before, self.env = name, [str(word) for word in command], before, env or {}
        self.walls, self.processor, self.peaks = [], [], []

    def measure(self):
        if self.before:
            self.before()
        begin = time.perf_counter()
        child = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env={**os.environ, **self.env})
        _, status, usage = os.wait4(child.pid, 0)
        self.walls.append(time.perf_counter() - begin)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 1, 3):
            sys.exit(f"`{' '.join(self.command)}` ended with {child.returncode}")
        self.processor.append(usage.ru_utime + usage.ru_stime)
        self.peaks.append(usage.ru_maxrss / 1024)


COMMENTS = {".py": "# {0}"}
FUNCTIONS = {".py": "def changed_{0}():\n    return {0}", ".rs": "fn changed_{0}() -> u64 {{\n    {0}\n}}"}


def changer(paths, ends=COMMENTS, other="// {0}"):
    """Adds an end to every file, another one each time: of those by suffixes, or the other one."""
    originals = {}

    def change():
        for path in paths:
            text = originals.setdefault(path, path.read_bytes())
            end = ends.get(path.suffix, other).format(time.monotonic_ns())
            path.write_bytes(text + f"\n{end}\n".encode())

    return change


def coder(paths):
    """Adds a function to every file, another one each time."""
    return changer(paths, FUNCTIONS, "static long changed_{0}(void)\n{{\n    return {0};\n}}")


def cases(work, tree, envrace, missing):
    quiet, doubled, small = build_variants(work, tree, envrace)
    check = [envrace, "check", "--no-config", "-q", "--exit-zero"]

    def cached(name):
        return {"ENVRACE_CACHE_DIR": str(work / f"cache-{name}")}

    def forget(name):
        return lambda: shutil.rmtree(work / f"cache-{name}", ignore_errors=True)

    literals = [word for literal in LITERALS for word in ("-e", literal)]
    all_files = sources(tree)
    yield Case("`rg -l -F`", ["rg", "--no-config", "-l", "-F", *literals, tree])
    yield Case("`rg -l -F`, tree without changes", ["rg", "--no-config", "-l", "-F", *literals, quiet])
    yield Case("envrace, tree without changes", [*check, quiet], env=cached("quiet"))
    yield Case("envrace, tree without changes, --no-cache", [*check, "--no-cache", quiet])
    yield Case("envrace cold", [*check, tree], before=forget("cold"), env=cached("cold"))
    yield Case("envrace warm", [*check, tree], env=cached("warm"))
    yield Case("envrace, a comment in 5 % of the files", [*check, tree], before=changer(all_files[::20]), env=cached("changed"))
    yield Case("envrace, a function in 5 % of the files", [*check, tree], before=coder(all_files[::20]), env=cached("coded"))
    yield Case("envrace --all --no-cache", [*check, "--all", "--no-cache", tree])
    yield Case("envrace cold, tree twice", [*check, doubled], before=forget("doubled"), env=cached("doubled"))
    one = sources(small)[:1]
    yield Case("envrace, 1,000 files, a comment in one", [*check, small], before=changer(one), env=cached("small"))
    yield Case("envrace, 1,000 files, a function in one", [*check, small], before=coder(one), env=cached("small-coded"))
    for name, command in {
        "ruff": ["ruff", "check", "-q", "--no-cache", "--isolated", "--select", "S,B,PLW", tree / "pypi"],
        "ast-grep": ["ast-grep", "run", "-l", "c", "-p", "setenv($$$)", tree / "postgresql-15"],
        "semgrep": ["semgrep", "scan", "--quiet", "--metrics=off", "--disable-version-check", "--lang", "c", "-e", "setenv(...)", tree / "postgresql-15"],
    }.items():
        if shutil.which(name):
            yield Case(f"{name}, its part", command)
        else:
            missing.append(f"{name} (pip install {'ast-grep-cli' if name == 'ast-grep' else name})")


def size(files):
    return sum(path.stat().st_size for path in files) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "target" / "compare")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--only", nargs="*", default=[], help="only cases whose name holds one of these, and rg")
    asked = parser.parse_args()
    if not shutil.which("rg"):
        sys.exit("ripgrep is what everything is held against: install it first")
    work = asked.folder.resolve()
    work.mkdir(parents=True, exist_ok=True)
    run("cargo", "build", "--release", "--locked", "-q", cwd=REPOSITORY)
    envrace = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "release" / "envrace"
    missing = []
    tree = build_tree(work, missing)
    wanted = [case for case in cases(work, tree, envrace, missing)
              if not asked.only or case.name == "`rg -l -F`" or any(word in case.name for word in asked.only)]
    for number in range(asked.runs + 1):
        for case in wanted:
            case.measure()
        print(f"round {number} of {asked.runs}", file=sys.stderr)
    files = sources(tree)
    print(f"{len(files)} files, {size(files):.0f} MB; {os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}; "
          f"medians of {asked.runs} rounds, the first left out\n")
    print("| case | wall s | processor s | peak MiB | times `rg -l -F` |\n|---|---|---|---|---|")
    floor = statistics.median(wanted[0].walls[1:])
    for case in wanted:
        wall, processor, peak = (statistics.median(numbers[1:]) for numbers in (case.walls, case.processor, case.peaks))
        print(f"| {case.name} | {wall:.3f} | {processor:.3f} | {peak:.0f} | {wall / floor:.1f} |")
    for what in missing:
        print(f"\nleft out: {what}")


if __name__ == "__main__":
    main()
