//! A program that somebody wants to run anyway, run as it is, with every `execve` that fails taken down.
//!
//! Unlike a replay, this executes the target. It keeps the streams, the terminal and the signals that it would have
//! without us; what differs is said of [`Followed`].

use std::collections::HashMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::observer::{
    Ended, Event, ExecEvent, Hold, Holds, ObserveError, Target, forward_signals, leave_signals, observe_all,
};

/// What is known of a program that has run.
///
/// Programs whose set-user-id bit counts run without it, for the observer's filter demands that no privilege is gained;
/// and no debugger can attach, for there is one tracer at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    pub ended: Ended,
    /// Programs that were started, the first included.
    pub started: u64,
    /// In the order in which they failed; [`MOST_FAILURES`] at most.
    pub failures: Vec<Failure>,
    /// Failures beyond those.
    pub omitted: u64,
    /// Failures with ENOENT and its like that were but steps of a search along PATH that found its program.
    pub searched: u64,
}

/// An `execve` that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub event: ExecEvent,
    /// Who had made the process that called it; none where that one is gone or the program called it itself.
    pub origin: Option<Origin>,
    /// Places of PATH that were tried before with the same result.
    pub places: u32,
}

/// A thread that starts processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub thread: i32,
    pub process: i32,
    /// The thread's name, which is the program's unless it gave itself another.
    pub name: String,
}

/// Why a program was not run.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// No such program in PATH, or no such file.
    #[error("there is no such program")]
    Missing,
    /// It is there and cannot be executed.
    #[error("it cannot be executed: {0}")]
    NotExecutable(io::Error),
    #[error(transparent)]
    Observe(#[from] ObserveError),
}

/// Failures that are kept.
pub const MOST_FAILURES: usize = 1000;
/// The longest that a child is held.
const HOLD: Duration = Duration::from_millis(1);
/// How long processes that a program leaves behind may take to end before somebody is told.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs a command to its end, and that of everything that it starts.
///
/// # Arguments
/// `command`: the program, which is looked for along PATH where it has no slash, and its arguments; at least one word.
/// `active`: each child is held at `execve` until its array has moved.
/// `waiting`: called where the program has ended long ago and processes that it started have not.
///
/// # Errors
/// Where the program cannot be found, executed or observed. It has not run then.
pub fn follow(command: &[OsString], active: bool, waiting: fn()) -> Result<Followed, FollowError> {
    let program = found(command.first().ok_or(FollowError::Missing)?)?;
    let text = |bytes: &[u8]| CString::new(bytes).unwrap_or_default();
    let environment = std::env::vars_os().map(|(name, value)| {
        let mut entry = name.into_vec();
        entry.push(b'=');
        entry.extend(value.into_vec());
        text(&entry)
    });
    let target = Target {
        program: text(program.as_os_str().as_bytes()),
        arguments: command.iter().map(|word| text(word.as_bytes())).collect(),
        environment: environment.collect(),
        silent: false,
    };
    let holds = Holds {
        execs: if active { Hold::UntilMoved(HOLD) } else { Hold::Never },
        reads: None,
    };
    forward_signals();
    let (running, ended) = mpsc::channel::<()>();
    let mut ended = Some(ended);
    let mut clerk = Clerk::default();
    let observed = observe_all(&target, holds, &mut |event| match event {
        Event::Exec(event) => clerk.take(event),
        Event::Read(_) => {}
        Event::Ended(_) => {
            if let Some(ended) = ended.take() {
                std::thread::spawn(move || {
                    if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                        waiting();
                    }
                });
            }
        }
    });
    drop(running);
    leave_signals();
    let observed = observed?;
    match clerk.first {
        Some(errno) if errno != 0 => Err(FollowError::NotExecutable(io::Error::from_raw_os_error(errno))),
        _ => Ok(clerk.finish(observed.ended)),
    }
}

/// Takes down what happens.
#[derive(Debug, Default)]
struct Clerk {
    /// What became of the program's own `execve`.
    first: Option<i32>,
    started: u64,
    searched: u64,
    /// With their number, by which they are sorted in the end.
    failures: Vec<(u64, Failure)>,
    count: u64,
    /// Failed steps along PATH of a thread that may yet find its program.
    searches: HashMap<i32, (u64, Failure)>,
}

impl Clerk {
    fn take(&mut self, event: &ExecEvent) {
        self.first.get_or_insert(event.errno);
        let search = self.searches.remove(&event.pid);
        if event.errno == 0 {
            self.started += 1;
            self.searched += search.map_or(0, |(_, failure)| 1 + u64::from(failure.places));
            return;
        }
        self.count += 1;
        let mut failure = Failure {
            event: event.clone(),
            origin: event.starter.and_then(origin),
            places: 0,
        };
        match search {
            Some((_, earlier)) if base(&earlier.event.path) == base(&event.path) => {
                failure.places = earlier.places + 1;
            }
            Some((number, other)) => self.keep(number, other),
            None => {}
        }
        let step = matches!(event.errno, libc::ENOENT | libc::ENOTDIR | libc::EACCES);
        if step && self.searches.len() < MOST_FAILURES {
            self.searches.insert(event.pid, (self.count, failure));
        } else {
            self.searched += u64::from(failure.places);
            failure.places = 0;
            self.keep(self.count, failure);
        }
    }

    fn keep(&mut self, number: u64, failure: Failure) {
        if self.failures.len() < MOST_FAILURES {
            self.failures.push((number, failure));
        }
    }

    fn finish(mut self, ended: Ended) -> Followed {
        for (number, failure) in std::mem::take(&mut self.searches).into_values() {
            self.keep(number, failure);
        }
        self.failures.sort_by_key(|(number, _)| *number);
        let failures: Vec<Failure> = self.failures.into_iter().map(|(_, failure)| failure).collect();
        let told: u64 = failures.iter().map(|failure| 1 + u64::from(failure.places)).sum();
        Followed {
            ended,
            started: self.started,
            omitted: self.count.saturating_sub(told + self.searched),
            searched: self.searched,
            failures,
        }
    }
}

/// The last component of a path.
fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Who a thread is, as long as it is there.
fn origin(thread: i32) -> Option<Origin> {
    let name = fs::read_to_string(format!("/proc/{thread}/comm")).ok()?;
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let process = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    Some(Origin {
        thread,
        process: process.trim().parse().ok()?,
        name: name.trim_end().to_owned(),
    })
}

/// Where a program is: along PATH where its name has no slash.
fn found(name: &OsStr) -> Result<PathBuf, FollowError> {
    if name.as_bytes().contains(&b'/') {
        return executable(PathBuf::from(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let mut missed = FollowError::Missing;
    for folder in std::env::split_paths(&path).filter(|_| !name.is_empty()) {
        // An empty folder means the working directory.
        match executable(Path::new(".").join(folder).join(name)) {
            Ok(program) => return Ok(program),
            Err(FollowError::Missing) => {}
            Err(denied) => missed = denied,
        }
    }
    Err(missed)
}

fn executable(path: PathBuf) -> Result<PathBuf, FollowError> {
    let refused = |errno| FollowError::NotExecutable(io::Error::from_raw_os_error(errno));
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(FollowError::Missing),
        Err(error) => Err(FollowError::NotExecutable(error)),
        Ok(found) if found.is_dir() => Err(refused(libc::EISDIR)),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => Err(refused(libc::EACCES)),
        Ok(_) => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::observer::Change;

    fn event(pid: i32, path: &str, errno: i32) -> ExecEvent {
        ExecEvent {
            pid,
            starter: None,
            path: path.to_owned(),
            arguments: None,
            array: 0,
            variables: None,
            errno,
            change: Change::Unchanged,
        }
    }

    fn followed(events: &[ExecEvent]) -> Followed {
        let mut clerk = Clerk::default();
        events.iter().for_each(|event| clerk.take(event));
        clerk.finish(Ended::Exited(0))
    }

    #[test]
    fn a_search_along_path_that_ends_well_is_no_failure() {
        let seen = followed(&[
            event(1, "", 0),
            event(2, "/a/cc", libc::ENOENT),
            event(3, "/a/ld", libc::ENOENT),
            event(2, "/b/cc", libc::EACCES),
            event(2, "", 0),
            event(3, "/b/ld", libc::ENOENT),
        ]);
        assert_eq!((seen.started, seen.searched, seen.omitted), (2, 2, 0));
        assert_eq!(seen.failures.len(), 1);
        assert_eq!(
            (seen.failures[0].event.path.as_str(), seen.failures[0].places),
            ("/b/ld", 1)
        );
    }

    #[test]
    fn what_ends_a_search_badly_is_kept_and_its_steps_are_not() {
        let seen = followed(&[
            event(1, "", 0),
            event(2, "/a/sh", libc::ENOENT),
            event(2, "/b/sh", libc::EFAULT),
            event(4, "/a/x", libc::ENOENT),
            event(4, "/a/y", libc::ENOENT),
        ]);
        let told: Vec<_> = seen
            .failures
            .iter()
            .map(|failure| (failure.event.path.as_str(), failure.event.errno))
            .collect();
        assert_eq!(
            told,
            [("/b/sh", libc::EFAULT), ("/a/x", libc::ENOENT), ("/a/y", libc::ENOENT)]
        );
        assert_eq!((seen.searched, seen.omitted), (1, 0));
    }

    #[test]
    fn failures_beyond_the_most_are_counted() {
        let many: Vec<ExecEvent> = (0..1200).map(|pid| event(pid, "/a/b", libc::E2BIG)).collect();
        let seen = followed(&many);
        assert_eq!((seen.failures.len(), seen.omitted), (MOST_FAILURES, 200));
    }

    #[test]
    fn a_program_is_looked_for_as_a_shell_would() {
        assert!(found(OsStr::new("sh")).is_ok());
        assert!(matches!(
            found(OsStr::new("no-such-program-anywhere")),
            Err(FollowError::Missing)
        ));
        assert!(matches!(found(OsStr::new("/nowhere/x")), Err(FollowError::Missing)));
        assert!(matches!(found(OsStr::new("/")), Err(FollowError::NotExecutable(_))));
        assert!(matches!(
            found(OsStr::new("/etc/passwd")),
            Err(FollowError::NotExecutable(_))
        ));
        assert!(matches!(found(OsStr::new("")), Err(FollowError::Missing)));
    }
}
