#!/usr/bin/env python3
"""Runs envrace on whole packages, one after the other, and writes down how each run ended: docs/reliability.md.

    tests/tools/whole_runs.py [--envrace PROGRAM] [--timeout SECONDS] [--out FILE] PACKAGE...

A package is a folder or an archive. FILE gets a line of JSON for each; the sums go to standard output. The status is 1
where a run crashed, was stopped by the timeout, or printed no report.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
import time


def run(program, package, timeout):
    """One run: how it ended, what it says it did not see, what it took."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        command = [program, "check", "--no-config", "--no-cache", "--all", "--persona", "auditor", "--format", "json", package]
        child = subprocess.Popen(["timeout", "--signal=KILL", str(timeout), *command], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
        out.seek(0)
        err.seek(0)
        text, said = out.read(), err.read().decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(status)
    row = {"package": os.path.basename(package.rstrip("/")), "code": code, "seconds": round(seconds, 2), "rss_mib": usage.ru_maxrss // 1024}
    row["panicked"] = "panicked" in said or b"internal error" in text
    try:
        report = json.loads(text)
    except ValueError:
        row["lost"] = said[-400:]
        return row
    summary = report["summary"]
    kinds = collections.Counter(problem["kind"] for problem in report["problems"])
    row.update(files=summary["files"], parsed=summary["parsed"], findings=len(report["findings"]), problems=kinds)
    limits = [problem for problem in report["problems"] if problem["kind"] == "limit"]
    row["limits"] = [f'{problem["path"]}: {problem["message"]}' for problem in limits[:20]]
    lost = sum(kinds[kind] for kind in ("parse", "io", "too-large", "binary", "encoding"))
    # Every file that was found is understood, or a problem says why it is not.
    row["silent"] = max(0, summary["files"] - summary["parsed"] - lost - kinds["limit"])
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--envrace", default="envrace")
    parser.add_argument("--timeout", type=int, default=600)
    parser.add_argument("--out", default="/dev/null")
    parser.add_argument("packages", nargs="+")
    asked = parser.parse_args()
    rows = []
    with open(asked.out, "a", encoding="utf-8") as out:
        for package in asked.packages:
            row = run(asked.envrace, package, asked.timeout)
            rows.append(row)
            out.write(json.dumps(row) + "\n")
            out.flush()
    bad = [row for row in rows if "lost" in row or row["panicked"] or row.get("silent")]
    kinds = sum((collections.Counter(row.get("problems")) for row in rows), collections.Counter())
    files = sum(row.get("files", 0) for row in rows)
    print(f'{len(rows)} packages, {files} files, {sum(row.get("parsed", 0) for row in rows)} understood, {sum(row.get("findings", 0) for row in rows)} findings')
    print("problems:", ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) or "none")
    for what, unit in (("seconds", "s"), ("rss_mib", "MiB")):
        most = max(rows, key=lambda row: row[what])
        print(f'most {what}: {most[what]} {unit} ({most["package"]})')
    for row in bad:
        print("BAD", json.dumps(row))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
