//! `envrace run`: the program is executed as it is, and what could not be started is told. Where ptrace is forbidden, what
//! must hold is that nothing was run and that the reason is said.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use support::processes;

/// `envrace run` with these arguments.
fn run(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_envrace"));
    command.arg("run").args(arguments).stdin(Stdio::null());
    processes::interruptible(&mut command);
    command
}

fn output(arguments: &[&str]) -> Output {
    run(arguments).output().expect("the program under test exists")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether programs can be observed here; where not, `run` must say so and run nothing.
fn observable() -> bool {
    let tried = output(&["--", "sh", "-c", "echo it ran"]);
    if tried.status.success() {
        return true;
    }
    assert_eq!(tried.status.code(), Some(125), "{}", stderr(&tried));
    assert!(
        tried.stdout.is_empty() && stderr(&tried).contains("was not run"),
        "{}",
        stderr(&tried)
    );
    eprintln!("SKIPPED: {}", stderr(&tried));
    false
}

fn kill(child: &Child, signal: &str) {
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
}

/// Starts it with a mark, and waits for the line that its program prints first.
fn started(arguments: &[&str], mark: &str) -> Child {
    let mut command = run(arguments);
    command.env("MARK", mark).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program under test exists");
    let mut line = String::new();
    let read = BufReader::new(child.stdout.take().expect("it was asked to be piped")).read_line(&mut line);
    assert!(read.is_ok() && line == "ready\n", "{line}");
    child
}

#[test]
fn streams_and_exit_code_pass_through() {
    if !observable() {
        return;
    }
    let mut command = run(&["--", "sh", "-c", "cat; echo err >&2; exit 7"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it exists");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(b"through\n")
        .expect("cat reads it");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(7), b"through\n".as_slice())
    );
    let said = stderr(&output);
    assert!(said.starts_with("envrace: executing sh under the observer"), "{said}");
    assert!(
        said.contains("\nerr\n") && said.contains("ended with status 7; it started 2 programs"),
        "{said}"
    );
    assert!(said.contains("no execve failed"), "{said}");
}

#[test]
fn a_failed_execve_is_told_with_thread_command_and_errno() {
    if !observable() {
        return;
    }
    // The search for `true` along PATH is none.
    let script = "PATH=/nowhere:/usr/bin:/bin; /nowhere/program a b 2>/dev/null; env true; exit 3";
    let output = output(&["sh", "-c", script]);
    assert_eq!(output.status.code(), Some(3));
    let said = stderr(&output);
    assert!(
        said.contains("and 1 could not be started, 0 of them with EFAULT"),
        "{said}"
    );
    assert!(
        said.contains("execve(\"/nowhere/program\", [\"/nowhere/program\", \"a\", \"b\"], 0x"),
        "{said}"
    );
    assert!(
        said.contains("= -1 ENOENT (No such file or directory)\n    by thread "),
        "{said}"
    );
    assert!(said.contains(" of sh (process "), "{said}");
}

/// Adds variables and takes them away beside two threads that call os.system, until a call has failed or 20 seconds are
/// over.
const RACY: &str = "\
import os, threading, time

def work():
    while not over:
        if os.system('exit 0') != 0:
            failed.append(1)

over, failed = [], []
os.environ['FIRST'] = 'moves the array to the heap'
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
end = time.monotonic() + 20
number = 0
while not failed and time.monotonic() < end:
    number += 1
    os.environ['ADDED_%d' % number] = 'v'
    time.sleep(0.0001)
    if number % 60 == 0:
        for one in range(number - 59, number + 1):
            del os.environ['ADDED_%d' % one]
over.append(1)
for thread in threads:
    thread.join()
";

#[test]
fn what_fails_is_matched_to_findings() {
    let python = Command::new("python3").arg("--version").output().is_ok();
    if !observable() || !python {
        eprintln!("SKIPPED: this needs ptrace and python3");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("build.py"), RACY).expect("the folder is ours");
    let report = folder.path().join("report.txt");
    let mut command = run(&[
        "--in",
        "build.py",
        "--output",
        "report.txt",
        "--",
        "python3",
        "build.py",
    ]);
    // A deletion closes the gap in the array, which fails on every libc; a small environment shows more.
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .current_dir(folder.path());
    let output = command.output().expect("the program under test exists");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = fs::read_to_string(report).expect("the report was written");
    if said.contains("EFAULT (Bad address)") {
        assert!(said.contains("execve(\"/bin/sh\", [\"sh\", \"-c\", "), "{said}");
        assert!(
            said.contains("fits env-mutation-during-spawn (ER001): os.environ[k] = v at build.py:"),
            "{said}"
        );
        assert!(said.contains(" beside os.system at build.py:5, fingerprint "), "{said}");
    } else {
        assert!(said.contains("no execve failed"), "{said}");
    }
    assert!(!stderr(&output).contains("EFAULT"), "the report went to the file");
}

#[test]
fn signals_are_forwarded() {
    if !observable() {
        return;
    }
    let mark = format!("run-forwarded-{}", std::process::id());
    let script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done";
    let mut child = started(&["sh", "-c", script], &mark);
    kill(&child, "-TERM");
    assert_eq!(child.wait().expect("it is ours").code(), Some(9));
    processes::assert_none_left(&mark);
}

#[test]
fn the_signal_that_ends_the_program_is_told() {
    if !observable() {
        return;
    }
    let output = output(&["sh", "-c", "kill -SEGV $$"]);
    assert_eq!(output.status.code(), Some(128 + 11));
    assert!(
        stderr(&output).contains("was ended by signal 11"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn whoever_kills_envrace_leaves_nothing_running() {
    if !observable() {
        return;
    }
    let mark = format!("run-killed-{}", std::process::id());
    let mut child = started(&["sh", "-c", "sleep 600 & setsid sleep 600 & echo ready; wait"], &mark);
    processes::wait_for(&mark, 4);
    kill(&child, "-KILL");
    let _killed = child.wait();
    processes::assert_none_left(&mark);
}

#[test]
fn what_a_program_leaves_behind_is_waited_for_and_ends_with_a_signal() {
    if !observable() {
        return;
    }
    let mark = format!("run-behind-{}", std::process::id());
    let mut child = started(&["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo ready; exit 5"], &mark);
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
    let waiting = said
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.contains("waiting for processes that it left"));
    assert!(waiting, "it says what it waits for");
    kill(&child, "-INT");
    assert_eq!(child.wait().expect("it is ours").code(), Some(5));
    processes::assert_none_left(&mark);
}

#[test]
fn where_ptrace_is_forbidden_nothing_is_run() {
    if !observable() {
        return;
    }
    // A process has one tracer: what is observed cannot observe.
    let inner = env!("CARGO_BIN_EXE_envrace");
    let output = output(&["--", inner, "run", "--", "sh", "-c", "echo it ran"]);
    assert_eq!(output.status.code(), Some(125));
    let said = stderr(&output);
    assert!(output.stdout.is_empty(), "{said}");
    assert!(
        said.contains("error: `sh` was not run\n  cause: ptrace is forbidden here: "),
        "{said}"
    );
}

#[test]
fn a_mistake_in_the_paths_costs_no_run() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("touched");
    let output = output(&["--in", "/nowhere/x", "--", "touch", &file.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!Path::exists(&file));
}
