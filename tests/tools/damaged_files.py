#!/usr/bin/env python3
"""Makes damaged copies of real source files, for whole_runs.py: docs/reliability.md.

    tests/tools/damaged_files.py --out FOLDER [--count N] [--seed N] SOURCES...

For each language N (10000) copies of files found below SOURCES are cut off, spliced with another file, or have bytes
flipped, and are written to FOLDER/LANGUAGE-nnn, 200 to a folder. The same seed makes the same files. What is to be run is
FOLDER/*; files above 64 KiB are left out, so that a run is about damage and not about size.
"""

import argparse
import random
from pathlib import Path

LANGUAGES = {"c": {".c", ".h"}, "python": {".py"}, "rust": {".rs"}}
MOST = 64 << 10
TOGETHER = 200


def damaged(chance, text, other):
    """A copy with one or several kinds of damage."""
    data = bytearray(text)
    kind = chance.randrange(4)
    if kind in (0, 3):
        del data[chance.randrange(len(data) + 1):]
    if kind in (1, 3):
        at, piece = chance.randrange(len(data) + 1), chance.randrange(len(other) + 1)
        data[at:at + chance.randrange(200)] = other[piece:piece + chance.randrange(2000)]
    if kind in (2, 3) and data:
        for _ in range(1 + chance.randrange(20)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("sources", type=Path, nargs="+")
    asked = parser.parse_args()
    files = sorted(path for folder in asked.sources for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    for language, suffixes in LANGUAGES.items():
        chance = random.Random(f"{language} {asked.seed}")
        seeds = [path for path in files if path.suffix in suffixes and 0 < path.stat().st_size <= MOST]
        print(f"{language}: {asked.count} copies of {len(seeds)} files")
        for number in range(asked.count if seeds else 0):
            first, second = chance.choice(seeds), chance.choice(seeds)
            folder = asked.out / f"{language}-{number // TOGETHER:03}"
            folder.mkdir(parents=True, exist_ok=True)
            name = f"f{number:05}{first.suffix}"
            (folder / name).write_bytes(damaged(chance, first.read_bytes(), second.read_bytes()))


if __name__ == "__main__":
    main()
