//! The racy Python fixtures are programs that really run: each ends by itself, with status 0, whatever its race does.

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::fixtures::themes;
use support::parallel;

/// A hanging program is stopped after this time. Far above what any of them needs, so that a busy machine fails no test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs one program in its theme's folder; what went wrong, if something did.
fn run(program: &PathBuf) -> Option<String> {
    let folder = program
        .parent()
        .expect("a program's path has its theme's folder as its parent");
    let name = program.display();
    let started = Command::new("python3")
        .arg(program)
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return Some(format!("{name}: {error}")),
    };
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return None,
            Ok(Some(status)) => return Some(format!("{name}: {status}")),
            Ok(None) if begun.elapsed() > PATIENCE => {
                // The child may have ended meanwhile; then there is nothing left to stop.
                let _ = child.kill();
                let _ = child.wait();
                return Some(format!("{name}: still running after {PATIENCE:?}"));
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Some(format!("{name}: {error}")),
        }
    }
}

#[test]
fn racy_python_fixtures_run_to_their_end() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no python3 on this machine, so the Python fixtures were not run");
        return;
    }
    let programs: Vec<PathBuf> = themes()
        .iter()
        .filter(|theme| theme.language == "python" && theme.side == "racy" && theme.skipped("RUN.skip").is_none())
        .flat_map(|theme| theme.python_programs())
        .collect();
    assert!(programs.len() > 60, "only {} programs found", programs.len());
    let failures = parallel::failures(&programs, run);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
