//! `confirm` where something is missing or forbidden: what can be replayed is, and the rest says why not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const C: &str = "\
#include <pthread.h>
#include <stdlib.h>
static void *work(void *nothing) { CALL; return nothing; }
int main(void)
{
    pthread_t thread;
    pthread_create(&thread, 0, work, 0);
    setenv(\"A\", \"b\", 1);
    return 0;
}
";

const PYTHON: &str = "\
import os, threading
def work():
    os.system(':')
threading.Thread(target=work).start()
os.environ['A'] = 'b'
";

/// A folder with a C program that makes this call beside a setenv.
fn c(call: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("main.c"), C.replace("CALL", call)).expect("the directory is ours");
    folder
}

fn python() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("main.py"), PYTHON).expect("the directory is ours");
    folder
}

/// What a run said.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Said {
    /// The evidence of its only finding.
    fn evidence(&self) -> Value {
        let document: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no document: {}", self.stderr));
        document["findings"][0]["confirmation"].clone()
    }

    fn reason(&self) -> String {
        self.evidence()["reason"]
            .as_str()
            .expect("evidence has a reason")
            .to_owned()
    }
}

fn confirm(folder: &Path, arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_envrace"));
    command
        .args(["confirm", "--no-keep", "--format", "json", "--budget", "1"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    prepare(&mut command);
    let output = command.output().expect("the program under test exists");
    Said {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The libc's old array is freed when an addition moves it: glibc before 2.41, and musl.
fn frees_the_old_array(evidence: &Value) -> bool {
    let libc = evidence["machine"]["libc"].as_str().unwrap_or_default();
    let minor = libc.strip_prefix("glibc 2.").and_then(|rest| rest.parse::<u32>().ok());
    minor.is_some_and(|minor| minor < 41) || libc.starts_with("musl")
}

/// Both controls ran and are clean, and the pattern failed where it must.
fn assert_shown(said: &Said) {
    let evidence = said.evidence();
    let controls = evidence["controls"].as_array().expect("a list");
    assert!(
        controls.len() == 2 && controls.iter().all(|control| control["failures"] == 0),
        "{evidence:#}"
    );
    if frees_the_old_array(&evidence) {
        assert_eq!(evidence["verdict"], "confirmed", "{evidence:#}");
        assert_eq!(said.code, Some(1));
    }
}

/// Makes ptrace fail with EPERM for the command and all that it starts, as containers do.
fn forbid_ptrace(command: &mut Command) {
    let statement = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let filter = [
        // The number of the system call is at the beginning of struct seccomp_data.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            libc::SYS_ptrace as u32,
        ),
        statement(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
        ),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let install = move || {
        let program = libc::sock_fprog {
            len: filter.len() as u16,
            filter: filter.as_ptr().cast_mut(),
        };
        // SAFETY: two system calls; the filter outlives them, and the kernel copies it.
        let installed = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
        };
        if installed {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    };
    // SAFETY: system calls only between fork and exec.
    unsafe { command.pre_exec(install) };
}

#[test]
fn without_ptrace_what_needs_no_errno_is_shown_and_the_rest_says_so() {
    assert_shown(&confirm(c("system(\":\")").path(), &[], forbid_ptrace));

    let held = confirm(c("system(\":\")").path(), &["--active"], forbid_ptrace);
    assert_eq!(
        (held.code, held.evidence()["verdict"].as_str()),
        (Some(3), Some("cannot-run"))
    );
    assert!(held.reason().contains("ptrace is forbidden here"), "{}", held.reason());

    let traced = confirm(c("system(\":\")").path(), &["--trace"], forbid_ptrace);
    assert!(
        traced
            .stderr
            .contains("no execve can be traced here: ptrace is forbidden"),
        "{}",
        traced.stderr
    );
    assert!(!traced.stderr.contains("execve("), "{}", traced.stderr);
    assert_shown(&traced);

    // glibc's popen says ENOMEM whatever execve said, so that nothing is proved, and nothing is claimed.
    let hidden = confirm(c("popen(\":\", \"r\")").path(), &[], forbid_ptrace);
    assert_ne!(hidden.evidence()["verdict"], "not-observed", "{}", hidden.reason());
    assert!(
        hidden.evidence()["verdict"] == "confirmed" || hidden.reason().contains("ptrace"),
        "{}",
        hidden.reason()
    );
}

#[test]
fn a_trace_is_in_straces_form() {
    let said = confirm(c("system(\":\")").path(), &["--trace"], |_| {});
    let evidence = said.evidence();
    if said.stderr.contains("no execve can be traced here") || !frees_the_old_array(&evidence) {
        return;
    }
    let line = said
        .stderr
        .lines()
        .find(|line| line.contains("EFAULT"))
        .unwrap_or_else(|| panic!("{}", said.stderr));
    let pid: String = line
        .strip_prefix("[pid ")
        .expect("a line of a trace")
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    assert!(pid.parse::<u32>().is_ok(), "{line}");
    assert!(line.contains("] execve(\"/bin/sh\", [\"sh\", \"-c\", \""), "{line}");
    assert!(line.contains(" vars */) = -1 EFAULT (Bad address)"), "{line}");
}

#[test]
fn without_an_interpreter_python_cannot_be_replayed_and_c_can() {
    let nowhere = |command: &mut Command| {
        command.env("PATH", "/nowhere");
    };
    let said = confirm(python().path(), &[], nowhere);
    assert_eq!(
        (said.code, said.evidence()["verdict"].as_str()),
        (Some(3), Some("cannot-run"))
    );
    assert!(
        said.reason().contains("`python3` cannot be started"),
        "{}",
        said.reason()
    );
    assert_shown(&confirm(c("system(\":\")").path(), &[], nowhere));
}

#[test]
fn without_a_compiler_that_was_asked_for_c_cannot_be_replayed() {
    let said = confirm(c("system(\":\")").path(), &["--cc", "cc"], |command| {
        command.env("PATH", "/nowhere");
    });
    assert_eq!(
        (said.code, said.evidence()["verdict"].as_str()),
        (Some(3), Some("cannot-run"))
    );
    assert!(
        said.reason().contains("the C compiler `cc` cannot be started"),
        "{}",
        said.reason()
    );
}

/// Whether a program of this name is on the path; says that a test is skipped where it is not.
fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let there = found.is_ok();
    if !there {
        eprintln!("SKIPPED: there is no {program}");
    }
    there
}

#[test]
fn a_compiled_replay_names_its_libc_and_leaves_nothing() {
    for (compiler, libc) in [("cc", ""), ("musl-gcc", "musl")] {
        if !has(compiler) {
            continue;
        }
        let scratch = tempfile::tempdir().expect("a temporary directory");
        for call in ["system(\":\")", "getenv(\"A\")"] {
            let said = confirm(c(call).path(), &["--cc", compiler], |command| {
                command.env("TMPDIR", scratch.path());
            });
            assert_shown(&said);
            let tested = said.evidence()["machine"]["libc"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            assert!(
                tested.starts_with(libc) && !tested.contains("unknown"),
                "{compiler}: {tested}"
            );
        }
        assert_eq!(fs::read_dir(scratch.path()).map_or(1, Iterator::count), 0, "{compiler}");
    }
}

#[test]
fn an_ordinary_user_can_confirm() {
    // SAFETY: takes nothing and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("SKIPPED: not root, so the other tests ran as an ordinary user already");
        return;
    }
    let folder = c("system(\":\")");
    let program = folder.path().join("envrace");
    fs::copy(env!("CARGO_BIN_EXE_envrace"), &program).expect("the directory is ours");
    for path in [folder.path(), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }
    const NOBODY: u32 = 65534;
    let output = Command::new(&program)
        .args(["confirm", "--format", "json", "--budget", "1", "main.c"])
        .current_dir(folder.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .stdin(Stdio::null())
        .output()
        .expect("the program was copied");
    let said = Said {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    assert_shown(&said);
    // The folder is not theirs: the evidence is printed, and the user is told that it is not kept.
    assert!(said.stderr.contains("cannot keep evidence in"), "{}", said.stderr);
    assert!(!folder.path().join(".envrace").exists());
}

/// Keeps the command on one processor.
fn on_one_processor(command: &mut Command) {
    // SAFETY: all zeros is an empty set; the calls get a set that outlives them and its size, and are system calls.
    unsafe {
        command.pre_exec(|| {
            let mut all: libc::cpu_set_t = std::mem::zeroed();
            libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut all);
            let mut one: libc::cpu_set_t = std::mem::zeroed();
            if let Some(first) = (0..libc::CPU_SETSIZE as usize).find(|&cpu| libc::CPU_ISSET(cpu, &all)) {
                libc::CPU_SET(first, &mut one);
            }
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &one);
            Ok(())
        });
    }
}

#[test]
fn on_one_processor_a_held_child_is_certain() {
    for _ in 0..3 {
        let said = confirm(c("system(\":\")").path(), &["--active"], on_one_processor);
        let evidence = said.evidence();
        if evidence["verdict"] == "cannot-run" {
            assert!(said.reason().contains("ptrace"), "{}", said.reason());
            return;
        }
        assert_shown(&said);
        assert_eq!(evidence["machine"]["cores"], 1);
        assert_eq!(evidence["active"], true);
    }
}

#[test]
fn a_sweep_prints_a_line_for_each_value_with_clean_controls() {
    let folder = c("system(\":\")");
    let arguments = ["--sweep", "threads=1,2", "--set", "runs=3", "--set", "changes=20"];
    let said = confirm(folder.path(), &arguments, |_| {});
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let document: Value = serde_json::from_str(&said.stdout).expect("a document");
    assert_eq!(document["knob"], "threads");
    let rows = document["tables"][0]["rows"].as_array().expect("a list");
    let values: Vec<_> = rows.iter().map(|row| row["value"].as_u64()).collect();
    assert_eq!(values, [Some(1), Some(2)]);
    for row in rows {
        assert_eq!(row["runs"], 3);
        let controls = row["controls"].as_array().expect("a list");
        assert!(
            controls
                .iter()
                .all(|control| control["failures"] == 0 && control["trials"].as_u64() >= Some(500))
        );
    }
}
