//! The observer's loop: from stops of tracees to events.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::array::{Layouts, Watched, count};
use super::reads::Reads;
use super::tracee::{Resume, Syscall, Wait, event_message, read_near, resume, start, syscall, target_ended, wait};
use super::{Change, Ended, Event, ExecEvent, Hold, Holds, ObserveError, Observed, Target};

/// A call that has begun.
#[derive(Debug)]
struct Call {
    path: u64,
    arguments: u64,
    event: ExecEvent,
}

/// A child that is kept at the entry.
#[derive(Debug)]
struct Held {
    watched: Watched,
    deadline: Instant,
}

/// What the loop remembers.
#[derive(Debug)]
struct Scene {
    hold: Hold,
    calls: HashMap<i32, Call>,
    held: HashMap<i32, Held>,
    /// Processes that have not ended, and the threads that made them.
    starters: HashMap<i32, i32>,
    layouts: Layouts,
    reads: Reads,
    /// Some `execve` was seen, if only the target's own.
    seen: bool,
}

/// Between two looks at a held child.
const LOOK: Duration = Duration::from_micros(20);
/// Bytes of an argument that are kept; one of that length may have been longer.
pub const MOST_TEXT: usize = 1024;
/// Arguments of a list.
const MOST_ARGUMENTS: usize = 16;

/// Runs a target to its end, and that of everything that it started, and reports each `execve`.
///
/// The standard streams are the caller's. Set-user-id programs run without their privilege, for the filter demands it.
///
/// # Errors
/// Where the target cannot be started, or tracing is not possible here.
pub fn observe(target: &Target, hold: Hold, report: &mut dyn FnMut(&ExecEvent)) -> Result<Ended, ObserveError> {
    let holds = Holds {
        execs: hold,
        reads: None,
    };
    let observed = observe_all(target, holds, &mut |event| {
        if let Event::Exec(event) = event {
            report(event);
        }
    })?;
    Ok(observed.ended)
}

/// The same with a choice of whom to hold; threads that were held behind a load are reported as well.
///
/// # Errors
/// As [`observe`].
pub fn observe_all(target: &Target, holds: Holds, report: &mut dyn FnMut(&Event)) -> Result<Observed, ObserveError> {
    let root = start(target)?;
    let mut scene = Scene {
        hold: holds.execs,
        calls: HashMap::new(),
        held: HashMap::new(),
        starters: HashMap::new(),
        seen: false,
        layouts: Layouts::default(),
        reads: Reads::new(root, holds.reads),
    };
    let mut observed = Observed {
        ended: Ended::Exited(127),
        reads_watched: false,
    };
    loop {
        let idle = scene.held.is_empty() && scene.reads.is_idle();
        match wait(if idle { Wait::Sleep } else { Wait::Look }) {
            None if !scene.seen => return Err(ObserveError::Filter),
            None => return Ok(observed),
            Some(None) => {
                scene.release_changed(report);
                std::thread::sleep(LOOK);
            }
            Some(Some((pid, status))) => {
                if let Some(end) = scene.stop(pid, status, report)
                    && pid == root
                {
                    observed.ended = end;
                    target_ended();
                    report(&Event::Ended(end));
                }
                observed.reads_watched |= scene.reads.is_watching();
            }
        }
    }
}

impl Scene {
    /// One change of a tracee; its end where it has ended.
    fn stop(&mut self, pid: i32, status: i32, report: &mut dyn FnMut(&Event)) -> Option<Ended> {
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            self.calls.remove(&pid);
            self.held.remove(&pid);
            self.starters.remove(&pid);
            self.reads.gone(pid);
            let exited = libc::WIFEXITED(status);
            return Some(if exited {
                Ended::Exited(libc::WEXITSTATUS(status))
            } else {
                Ended::Signalled(libc::WTERMSIG(status))
            });
        }
        let signal = libc::WSTOPSIG(status);
        match status >> 16 {
            libc::PTRACE_EVENT_SECCOMP => self.enter(pid),
            libc::PTRACE_EVENT_EXEC => {
                let former = event_message(pid);
                self.leave(former, 0, report);
                self.reads.begins(pid);
                resume(pid, Resume::Continue(0));
            }
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
                self.starters.insert(event_message(pid), pid);
                resume(pid, Resume::Continue(0));
            }
            libc::PTRACE_EVENT_STOP if is_job_control(signal) => resume(pid, Resume::StayStopped),
            // The one who starts a thread, and the new thread, in either order.
            libc::PTRACE_EVENT_CLONE | libc::PTRACE_EVENT_STOP => {
                self.reads.attach(pid);
                resume(pid, Resume::Continue(0));
            }
            0 if signal == libc::SIGTRAP && self.reads.trap(pid, &mut |event| report(&Event::Read(event))) => {}
            0 if signal == libc::SIGTRAP | 0x80 => {
                if let Syscall::Exit(value) = syscall(pid) {
                    self.leave(pid, i32::try_from(-value).unwrap_or(0), report);
                }
                resume(pid, Resume::Continue(0));
            }
            0 => resume(pid, Resume::Continue(signal)),
            _ => resume(pid, Resume::Continue(0)),
        }
        None
    }

    /// A child stands at the entry of `execve`.
    fn enter(&mut self, pid: i32) {
        let Syscall::Entry(number, arguments) = syscall(pid) else {
            return resume(pid, Resume::ToSyscallExit);
        };
        let at = usize::from(number == libc::SYS_execveat as u64);
        let (path, list, array) = (arguments[at], arguments[at + 1], arguments[at + 2]);
        self.seen = true;
        let mut event = ExecEvent {
            pid,
            starter: None,
            path: String::new(),
            arguments: None,
            array,
            variables: None,
            errno: 0,
            change: Change::Unchanged,
        };
        match self.hold {
            Hold::Never => {
                event.variables = count(&read_near(pid, array, 4096));
                resume(pid, Resume::ToSyscallExit);
            }
            Hold::UntilMoved(longest) | Hold::UntilReused(longest) => {
                let strict = matches!(self.hold, Hold::UntilReused(_));
                let watched = self.layouts.watch(pid, array, strict);
                event.variables = watched.variables();
                if watched.is_unreferenced() {
                    event.change = Change::Unreferenced;
                    resume(pid, Resume::ToSyscallExit);
                } else {
                    self.held.insert(
                        pid,
                        Held {
                            watched,
                            deadline: Instant::now() + longest,
                        },
                    );
                }
            }
        }
        self.calls.insert(
            pid,
            Call {
                path,
                arguments: list,
                event,
            },
        );
    }

    /// Lets go of held children and threads whose array has moved, or whose time is over.
    fn release_changed(&mut self, report: &mut dyn FnMut(&Event)) {
        let now = Instant::now();
        let (calls, hold) = (&mut self.calls, self.hold);
        self.held.retain(|pid, held| {
            let change = match hold {
                Hold::UntilReused(_) => held.watched.change_with_memory(*pid, now),
                _ => Some(held.watched.change(*pid)).filter(|change| *change == Change::Moved),
            };
            if change.is_none() && now < held.deadline {
                return true;
            }
            if let Some(call) = calls.get_mut(pid) {
                call.event.change = change.unwrap_or_else(|| held.watched.change(*pid));
            }
            resume(*pid, Resume::ToSyscallExit);
            false
        });
        self.reads.release_changed(&mut |event| report(&Event::Read(event)));
    }

    /// An `execve` has ended; 0 where the child is another program now, and its texts are gone.
    fn leave(&mut self, pid: i32, errno: i32, report: &mut dyn FnMut(&Event)) {
        let Some(mut call) = self.calls.remove(&pid) else {
            return;
        };
        call.event.errno = errno;
        call.event.starter = self.starters.get(&pid).copied();
        if errno != 0 {
            call.event.path = text(pid, call.path).unwrap_or_default();
            call.event.arguments = texts(pid, call.arguments);
        }
        report(&Event::Exec(call.event));
    }
}

/// Signals by which a shell stops a job.
fn is_job_control(signal: i32) -> bool {
    matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}

/// A C string of a tracee, cut.
fn text(pid: i32, address: u64) -> Option<String> {
    let bytes = read_near(pid, address, MOST_TEXT);
    if bytes.is_empty() {
        return None;
    }
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

/// A list of C strings of a tracee, cut.
fn texts(pid: i32, address: u64) -> Option<Vec<String>> {
    let bytes = read_near(pid, address, MOST_ARGUMENTS * size_of::<u64>());
    let words = bytes.chunks_exact(size_of::<u64>());
    let addresses = words.map(|word| u64::from_ne_bytes(word.try_into().expect("chunks of eight bytes")));
    let list: Option<Vec<String>> = addresses
        .take_while(|address| *address != 0)
        .map(|address| text(pid, address))
        .collect();
    list.filter(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    fn text(text: &str) -> CString {
        CString::new(text).expect("no NUL in a literal")
    }

    fn shell(script: &str) -> (Result<Ended, ObserveError>, Vec<ExecEvent>) {
        let target = Target {
            program: text("/bin/sh"),
            arguments: ["sh", "-c", script].map(text).to_vec(),
            environment: ["PATH=/usr/bin:/bin", "A=1"].map(text).to_vec(),
            silent: false,
        };
        let mut events = Vec::new();
        let ended = observe(&target, Hold::Never, &mut |event| events.push(event.clone()));
        (ended, events)
    }

    #[test]
    fn each_execve_is_seen_with_its_errno_and_the_exit_code_passes_through() {
        let (ended, events) = shell("/bin/true; /nowhere/program 2>/dev/null; exit 5");
        let ended = match ended {
            // Where tracing is forbidden that is all that can be said.
            Err(ObserveError::Forbidden(_) | ObserveError::Unsupported) => return,
            other => other.expect("the shell exists"),
        };
        assert_eq!(ended, Ended::Exited(5));
        let errnos: Vec<i32> = events.iter().map(|event| event.errno).collect();
        assert_eq!(errnos, [0, 0, libc::ENOENT]);
        assert_eq!(events[0].variables, Some(2));
        assert_eq!(events[2].path, "/nowhere/program");
        assert_eq!(
            events[2].arguments.as_deref(),
            Some(["/nowhere/program".to_owned()].as_slice())
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_seen_as_such() {
        let target = Target {
            program: text("/nowhere/program"),
            arguments: vec![text("x")],
            environment: Vec::new(),
            silent: false,
        };
        let mut errnos = Vec::new();
        match observe(&target, Hold::Never, &mut |event| errnos.push(event.errno)) {
            Err(ObserveError::Forbidden(_) | ObserveError::Unsupported) => {}
            other => {
                assert_eq!(other.expect("the fork works"), Ended::Exited(127));
                assert_eq!(errnos, [libc::ENOENT]);
            }
        }
    }

    #[test]
    fn signals_reach_the_program() {
        let (ended, _) = shell("trap 'exit 9' TERM; kill -TERM $$; exit 1");
        match ended {
            Err(ObserveError::Forbidden(_) | ObserveError::Unsupported) => {}
            other => assert_eq!(other.expect("the shell exists"), Ended::Exited(9)),
        }
    }
}
