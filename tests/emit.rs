//! Reproducers are built and run. Whether a race shows depends on the machine, so what is certain is asserted: the program
//! ends, its status says what it printed, the control is clean, nothing is written elsewhere; and on a libc that frees
//! the old array it reproduces, which takes milliseconds of the seconds that it has.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a reproducer did.
struct Ran {
    status: i32,
    stdout: String,
}

/// Threads of a pool that call os.system beside os.putenv.
const PYTHON: &str = "\
import os
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(8) as pool:
    for number in range(99):
        pool.submit(os.system, 'exit 0')
    for number in range(99):
        os.putenv('ADDED_%d' % number, 'v')
";

const C: &str = "\
#include <pthread.h>
#include <stdlib.h>
static void *work(void *unused) { for (;;) system(\":\"); return unused; }
int main(void)
{
    static char entries[] = \"ADDED=v\";
    pthread_t thread;
    pthread_create(&thread, 0, work, 0);
    for (;;) putenv(entries);
}
";

const RUST: &str = "\
extern crate libc;
fn main() {
    std::thread::spawn(|| loop { unsafe { libc::system(c\":\".as_ptr()) }; });
    for number in 0.. { unsafe { std::env::set_var(format!(\"ADDED_{number}\"), \"v\") } }
}
";

/// Emits the reproducer of a program's only pattern.
fn emit(folder: &Path, name: &str, text: &str) -> String {
    fs::create_dir(folder.join("source")).expect("the folder is ours");
    fs::write(folder.join("source").join(name), text).expect("the folder is ours");
    let output = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args(["confirm", "source", "--emit", "out"])
        .current_dir(folder)
        .output()
        .expect("the program under test exists");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

/// Runs `run.sh`, which may only write to its own folder, for a bounded time.
fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let elsewhere = folder.join("elsewhere");
    fs::create_dir_all(&elsewhere).expect("the folder is ours");
    let began = Instant::now();
    let output = Command::new(folder.join("out/run.sh"))
        .args(arguments)
        .current_dir(&elsewhere)
        .env("HOME", &elsewhere)
        .env("TMPDIR", &elsewhere)
        // The variables of the caller must not matter.
        .env("MALLOC_PERTURB_", "7")
        .stdin(Stdio::null())
        .output()
        .expect("run.sh is executable");
    assert!(began.elapsed() < Duration::from_secs(120), "it did not end by itself");
    let left: Vec<_> = fs::read_dir(&elsewhere).expect("it is there").flatten().collect();
    // rustup keeps its settings in HOME.
    assert!(left.iter().all(|entry| entry.file_name() == ".rustup"), "{left:?}");
    Ran {
        status: output.status.code().expect("no signal ended it"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
    }
}

/// The libc that a program compiled here is linked to frees the old array when an addition moves it.
fn frees_the_old_array() -> bool {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let version = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let minor = version
        .trim()
        .strip_prefix("glibc 2.")
        .and_then(|rest| rest.parse::<u32>().ok());
    minor.is_some_and(|minor| minor < 41)
}

/// Whether a tool that a reproducer needs is here; says so where it is not.
fn has(tool: &str) -> bool {
    let found = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("SKIPPED: {tool} is not installed");
    }
    found
}

fn assert_reproduces(folder: &Path, failure: &str) {
    let ran = run(folder, &["30"]);
    let failed = ran.stdout.contains("ouch!") && ran.stdout.contains(" successful runs before failure\n");
    let clean = ran.stdout.contains("no failure in ");
    assert_eq!(
        (failed, clean),
        (ran.status == 0, ran.status == 1),
        "{}: {}",
        ran.status,
        ran.stdout
    );
    if frees_the_old_array() {
        assert_eq!(ran.status, 0, "{}", ran.stdout);
        assert!(ran.stdout.contains(failure), "{}", ran.stdout);
    }
    let control = run(folder, &["control", "1"]);
    assert_eq!(control.status, 0, "{}", control.stdout);
    assert!(
        control.stdout.contains("no failure in ") && !control.stdout.contains("ouch!"),
        "{}",
        control.stdout
    );
}

#[test]
fn a_pool_of_os_system_beside_os_putenv_reproduces() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let said = emit(folder.path(), "main.py", PYTHON);
    assert!(said.contains("os.putenv(k, v) beside os.system in Python"), "{said}");
    if has("python3") {
        assert_reproduces(folder.path(), "[os.system failure] ouch! return code = 32512\n");
    }
}

#[test]
fn system_beside_putenv_reproduces_in_c() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let said = emit(folder.path(), "main.c", C);
    assert!(said.contains("putenv beside system in C"), "{said}");
    let readme = fs::read_to_string(folder.path().join("out/README.md")).expect("it was written");
    assert!(
        readme.contains("`source/main.c:9`") && readme.contains("32512"),
        "{readme}"
    );
    if has("cc") {
        assert_reproduces(
            folder.path(),
            "[system failure] ouch! return code = 32512, errno = 14 (Bad address)\n",
        );
        let output = Command::new("make")
            .arg("clean")
            .current_dir(folder.path().join("out"))
            .output();
        assert!(
            output.is_err() || !folder.path().join("out/repro").exists(),
            "make clean"
        );
    }
}

#[test]
fn the_c_librarys_system_beside_set_var_reproduces_in_rust() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let said = emit(folder.path(), "main.rs", RUST);
    assert!(said.contains("std::env::set_var beside system in Rust"), "{said}");
    if has("rustc") {
        assert_reproduces(
            folder.path(),
            "[system failure] ouch! return code = 32512, errno = 14 (Bad address)\n",
        );
    }
}

#[test]
fn a_missing_tool_is_no_reproduction() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    emit(folder.path(), "main.py", PYTHON);
    let output = Command::new(folder.path().join("out/run.sh"))
        .env("PYTHON", "/nowhere/python3")
        .output()
        .expect("run.sh is executable");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/python3 is not installed"));
}
