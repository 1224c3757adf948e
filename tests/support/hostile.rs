//! Runs the command on what somebody hostile made, and holds that it ends, in order, and says what it did not see.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A race that must be found wherever it lies among the rest.
pub const RACE: &str = "\
import os
import threading

def work():
    os.system('cc')

def main():
    thread = threading.Thread(target=work)
    thread.start()
    for name in os.listdir('.'):
        os.environ[name] = '1'
    thread.join()

main()
";

/// How long a run may take before it counts as one that does not end: a thousand times what it takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Everything is looked at, whether or not a finding can come of it.
pub const CHECK: [&str; 5] = ["check", "--all", "--no-cache", "--format", "json"];

/// What came of a run.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The report as a document.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}: {:?} {} {}", self.status, self.stdout, self.stderr))
    }

    /// The problems of a file, each with its kind, in order.
    pub fn problems_of(&self, path: &str) -> Vec<String> {
        let document = self.json();
        let problems = document["problems"].as_array().expect("a report lists its problems");
        let kind = |problem: &Value| problem["kind"].as_str().unwrap_or_default().to_owned();
        problems
            .iter()
            .filter(|problem| problem["path"] == path)
            .map(kind)
            .collect()
    }

    /// How many findings have their mutation in a file.
    pub fn findings_in(&self, path: &str) -> usize {
        let document = self.json();
        let findings = document["findings"].as_array().expect("a report lists its findings");
        findings
            .iter()
            .filter(|finding| finding["mutation"]["path"] == path)
            .count()
    }

    /// It ended by itself, and neither failed within.
    #[track_caller]
    pub fn in_order(self) -> Ended {
        let Ended { status, stdout, stderr } = &self;
        assert!(matches!(status.code(), Some(0 | 1 | 3 | 4)), "{status:?}: {stderr}");
        assert!(
            !stderr.contains("panicked") && !stdout.contains("internal error"),
            "{stdout} {stderr}"
        );
        self
    }
}

/// Runs the command in a folder, with `stdin` as its input.
#[track_caller]
pub fn run_with(folder: &Path, args: &[&str], stdin: Stdio) -> Ended {
    // Into files and not through pipes, which would fill up while nobody reads.
    let out = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let err = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let file = |of: &tempfile::NamedTempFile| of.reopen().expect("it is there");
    let mut child = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args(args)
        .current_dir(folder)
        .env_remove("CLICOLOR_FORCE")
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .stdin(stdin)
        .stdout(file(&out))
        .stderr(file(&err))
        .spawn()
        .expect("the command was built for this test");
    let end = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            break status;
        }
        if Instant::now() > end {
            let _killed = child.kill();
            panic!("{args:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |of: &tempfile::NamedTempFile| {
        let bytes = fs::read(of.path()).expect("it is there");
        String::from_utf8(bytes).expect("what is printed is UTF-8")
    };
    Ended {
        status,
        stdout: text(&out),
        stderr: text(&err),
    }
}

/// The same without input.
#[track_caller]
pub fn run(folder: &Path, args: &[&str]) -> Ended {
    run_with(folder, args, Stdio::null())
}

/// `check` of a folder as JSON, in order.
#[track_caller]
pub fn check(folder: &Path) -> Ended {
    run(folder, &CHECK).in_order()
}

/// A folder with these files.
pub fn folder_of<P: AsRef<Path>, T: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, T)>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (path, text) in files {
        write(folder.path().join(path), text);
    }
    folder
}

/// Writes a file, and makes its folders.
pub fn write(path: PathBuf, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("folders can be made");
    fs::write(path, text).expect("files can be written");
}
