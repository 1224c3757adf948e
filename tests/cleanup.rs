//! Nothing is left behind: no process, and no file outside the folder that was chosen. Success, Ctrl-C and a replay that
//! hangs are in tests/confirm.rs; here are a failure, the death of envrace itself, and reproducers.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::processes;

const PROGRAM: &str = "\
import os, threading

def work():
    for _ in range(9):
        os.system(':')

threading.Thread(target=work).start()
for n in range(9):
    os.environ['A%d' % n] = 'b'
";

/// A folder with a racy program, an empty one to work in, and the command `confirm` on the one in the other, with a mark in
/// the environment of all that it starts.
struct Scene {
    folder: tempfile::TempDir,
    mark: String,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let folder = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(folder.path().join("source")).expect("the folder is ours");
        fs::create_dir(folder.path().join("scratch")).expect("the folder is ours");
        fs::write(folder.path().join("source/main.py"), PROGRAM).expect("the folder is ours");
        Scene {
            folder,
            mark: format!("/nowhere/mark-{}-{name}", std::process::id()),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path("scratch"))
            .env("TMPDIR", self.path("scratch"));
        // The loader's own variable is the one that a replay passes on.
        command.env("LD_LIBRARY_PATH", &self.mark);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn confirm(&self) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_envrace")));
        command
            .args(["confirm", "--no-keep", "--isolated"])
            .arg(self.path("source/main.py"));
        command
    }

    fn assert_nothing_left(&self) {
        processes::assert_none_left(&self.mark);
        let names = |folder: &str| {
            let entries = fs::read_dir(self.path(folder)).expect("it is there").flatten();
            entries
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names("scratch"), Vec::<String>::new());
        assert_eq!(names("source"), ["main.py"]);
    }
}

/// An interpreter that says who it is and then hangs, with children that hang as well, one of them deaf to signals.
fn hanging_interpreter(scene: &Scene) -> PathBuf {
    let path = scene.path("python3");
    let answer = serde_json::json!({
        "program": path, "implementation": "CPython", "version": [3, 11, 0], "free_threaded": false, "libc": null,
    });
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = -S ]; then\n  echo '{answer}'\n  exit\nfi\n(trap '' TERM INT HUP; sleep 600) &\nsleep 600 &\nsleep 600\n"
    );
    fs::write(&path, script).expect("the folder is ours");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    path
}

fn kill(child: &Child, signal: &str) {
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
}

#[test]
fn a_failure_leaves_nothing() {
    let scene = Scene::new("failure");
    let ended = scene.confirm().args(["--python", "/nowhere/python3"]).status();
    assert_eq!(ended.ok().and_then(|status| status.code()), Some(3));
    scene.assert_nothing_left();
}

#[test]
fn whoever_kills_envrace_leaves_nothing_running() {
    let scene = Scene::new("killed");
    let mut command = scene.confirm();
    command
        .arg("--python")
        .arg(hanging_interpreter(&scene))
        .args(["--budget", "60"]);
    let mut child = command.spawn().expect("the program under test exists");
    // envrace, its guardian, the interpreter, the shell below it, and three that sleep.
    processes::wait_for(&scene.mark, 6);
    kill(&child, "-KILL");
    let _killed = child.wait();
    scene.assert_nothing_left();
}

#[test]
fn whoever_kills_envrace_in_a_replay_leaves_nothing_running() {
    for active in [false, true] {
        let scene = Scene::new(if active { "killed-active" } else { "killed-replay" });
        let mut command = scene.confirm();
        command.args(["--budget", "60"]).args(active.then_some("--active"));
        let mut child = command.spawn().expect("the program under test exists");
        processes::wait_for(&scene.mark, 3);
        kill(&child, "-KILL");
        let _killed = child.wait();
        scene.assert_nothing_left();
    }
}

/// A reproducer that never reproduces, for it runs as its own control.
fn running_reproducer(scene: &Scene) -> Child {
    let mut emit = Command::new(env!("CARGO_BIN_EXE_envrace"));
    let emitted = emit
        .args(["confirm", "source", "--emit", "out"])
        .current_dir(scene.folder.path())
        .output();
    assert!(emitted.is_ok_and(|output| output.status.success()));
    let mut command = scene.command(&scene.path("out/run.sh"));
    // In a group of its own, to be sent what a terminal sends to all of it.
    command
        .args(["control", "600"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .process_group(0);
    processes::interruptible(&mut command);
    let child = command.spawn().expect("run.sh is executable");
    processes::wait_for(&scene.mark, 3);
    child
}

#[test]
fn ctrl_c_ends_a_reproducer() {
    let scene = Scene::new("reproducer-interrupted");
    let mut child = running_reproducer(&scene);
    let interrupted = Command::new("kill")
        .args(["-INT", "--", &format!("-{}", child.id())])
        .status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    let _ended = child.wait();
    scene.assert_nothing_left();
}

#[test]
fn whoever_kills_a_reproducer_leaves_nothing_running() {
    let scene = Scene::new("reproducer-killed");
    let mut child = running_reproducer(&scene);
    // The program itself, which starts the rounds. On a busy machine its rounds may be seen before its name is.
    let is_program = |pid: &String| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let of_shell = status.contains(&format!("PPid:\t{}\n", child.id()));
        of_shell && String::from_utf8_lossy(&command).contains("repro.py")
    };
    let program = processes::wait_for_one(&scene.mark, is_program);
    let killed = Command::new("kill").args(["-KILL", &program]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let _ended = child.wait();
    scene.assert_nothing_left();
}
