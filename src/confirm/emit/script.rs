//! What builds and runs a reproducer: `run.sh`, and a Makefile that calls it.

use super::ProgramLanguage;

/// The Makefile.
pub fn makefile(language: ProgramLanguage) -> String {
    let (other, made) = match language {
        ProgramLanguage::C => (
            "`make CC=musl-gcc CFLAGS=-static run` asks another C library.",
            "repro ",
        ),
        ProgramLanguage::Python => ("`make PYTHON=python3.12 run` asks another interpreter.", ""),
        ProgramLanguage::Rust => ("`make RUSTC=... run` asks another compiler.", "repro "),
    };
    MAKEFILE.replace("@OTHER@", other).replace("@MADE@", made)
}

const MAKEFILE: &str = "\
# @OTHER@
all:
\t@sh run.sh build

run:
\t@sh run.sh

control:
\t@sh run.sh control

clean:
\trm -f @MADE@trace.txt

.PHONY: all run control clean
";

/// `run.sh`. Where the pattern starts programs it also shows what strace sees, if strace is there.
pub fn shell(language: ProgramLanguage, spawns: bool) -> String {
    let (tool, build, program) = match language {
        ProgramLanguage::C => (
            "${CC:-cc}",
            "\"$tool\" ${CFLAGS:--O1 -g} -pthread -o repro repro.c || exit 2",
            "./repro",
        ),
        ProgramLanguage::Python => ("${PYTHON:-python3}", "", "\"$tool\" -B repro.py"),
        ProgramLanguage::Rust => (
            "${RUSTC:-rustc}",
            "\"$tool\" --edition 2021 -O -o repro repro.rs || exit 2",
            "./repro",
        ),
    };
    let build = if build.is_empty() {
        String::new()
    } else {
        format!("{build}\n")
    };
    let trace = if spawns {
        TRACE.replace("@PROGRAM@", program)
    } else {
        String::new()
    };
    SHELL
        .replace("@TOOL@", tool)
        .replace("@BUILD@", &build)
        .replace("@TRACE@", &trace)
        .replace("@PROGRAM@", program)
}

const SHELL: &str = r#"#!/bin/sh
# Builds and runs the reproducer: ./run.sh [build | control] [SECONDS]
# Ends with 0 when a run failed, 1 when none did, 2 where it could not run. `control` leaves out the changes of the
# environment: it ends with 0 when no run failed, and with 1 when one did.
cd "$(dirname "$0")" || exit 2
tool=@TOOL@
command -v "$tool" >/dev/null 2>&1 || { echo "$tool is not installed" >&2; exit 2; }
@BUILD@case ${1-} in
build)
    exit 0
    ;;
control)
    @PROGRAM@ "$@"
    case $? in
    0) exit 1 ;;
    1) exit 0 ;;
    *) exit 2 ;;
    esac
    ;;
esac
@PROGRAM@ "$@"
status=$?
@TRACE@exit $status
"#;

const TRACE: &str = r#"if [ $status -eq 0 ] && command -v strace >/dev/null 2>&1; then
    # Once more, slower, for the kernel's own answer.
    strace -f -o trace.txt -e trace=execve @PROGRAM@ 5 >/dev/null 2>&1
    if grep 'execve.*EFAULT' trace.txt >/dev/null 2>&1; then
        echo "strace saw, see trace.txt:"
        grep 'execve.*EFAULT' trace.txt | head -n 3
    else
        rm -f trace.txt
    fi
fi
"#;
