//! Finds processes by a mark in the environment that they began with, to see that none is left.

use std::fs;
use std::time::{Duration, Instant};

/// Numbers of the processes whose environment held this text when they began. Ones that have ended and that nobody has
/// reaped have none.
pub fn with_mark(mark: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|window| window == mark.as_bytes())
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Waits until there are at least so many.
pub fn wait_for(mark: &str, count: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    while with_mark(mark).len() < count {
        assert!(Instant::now() < end, "only {:?} have begun", with_mark(mark));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until one of them is the one that is asked for.
pub fn wait_for_one(mark: &str, is_it: impl Fn(&String) -> bool) -> String {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(pid) = with_mark(mark).into_iter().find(&is_it) {
            return pid;
        }
        assert!(Instant::now() < end, "none of {:?} is it", with_mark(mark));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until no process has the mark.
pub fn assert_none_left(mark: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while !with_mark(mark).is_empty() {
        assert!(Instant::now() < end, "still there: {:?}", with_mark(mark));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Lets Ctrl-C end what the command starts, also where the tests themselves run in the background of a script, whose shell
/// has them ignore it: what is ignored stays so through execve.
pub fn interruptible(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: signal(2) is async-signal-safe and touches no memory of ours.
    unsafe {
        command.pre_exec(|| {
            nix::libc::signal(nix::libc::SIGINT, nix::libc::SIG_DFL);
            Ok(())
        });
    }
}
