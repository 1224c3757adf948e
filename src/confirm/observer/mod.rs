//! Sees every `execve` of a program and of all that it starts, with its errno, without strace.
//!
//! A failed spawn says little about its cause: `system` gives 127 for a command that is not found as well, and glibc's
//! `popen` turns EFAULT into ENOMEM. The observer is told by the kernel. A seccomp filter stops a child at `execve`
//! alone, so that everything else runs at full speed; tracing every system call would cost ten times the spawn.
//!
//! With [`Hold`], a child stays at the entry of `execve` until the array that it is about to pass has moved: the
//! schedule that otherwise needs luck. With [`Holds::reads`], a thread that has loaded the array's address stays behind
//! that load in the same way, by the processor's watchpoints.

mod array;
mod describe;
mod events;
mod reads;
mod tracee;
mod watchpoint;

use std::ffi::CString;
use std::time::Duration;

pub use describe::trace_line;
pub use events::{MOST_TEXT, observe, observe_all};
pub use tracee::{forward_signals, leave_signals};

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A path, not searched for.
    pub program: CString,
    /// With the program's own name first.
    pub arguments: Vec<CString>,
    /// `NAME=value`.
    pub environment: Vec<CString>,
    /// What it prints goes nowhere, rather than where the caller's output goes.
    pub silent: bool,
}

/// How long a child may be kept at the entry of `execve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Not at all.
    Never,
    /// Until the array has moved or changed, this long at most. A child whose array no variable of its program points
    /// to (an environment of its own) is never held.
    UntilMoved(Duration),
    /// The same, and for a moment longer, until its memory is seen to be used for something else. Only children whose
    /// array holds strings of the kernel's own, which an array made for one child does not.
    UntilReused(Duration),
}

/// Whom to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// Children at the entry of `execve`.
    pub execs: Hold,
    /// Threads of the target, behind a load of the array's address, until the array's memory is used for something else,
    /// this long at most. Where the processor's watchpoints cannot be had no thread is held; see
    /// [`Observed::reads_watched`].
    pub reads: Option<Duration>,
}

/// What happened to the array of a held child between entry and release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// No variable of the program pointed to it at entry: the child has an array of its own, or the array had moved
    /// before the child was stopped.
    Unreferenced,
    /// Nothing.
    Unchanged,
    /// The same array has other entries.
    InPlace,
    /// The program's `environ` points elsewhere now: the old array is free, or will be.
    Moved,
    /// The same, and the old array is free: its memory, which is not the kernel's own, holds something else. Seen only
    /// where it is waited for.
    Reused,
}

/// One `execve` or `execveat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecEvent {
    /// The thread that called it.
    pub pid: i32,
    /// The thread that had made that process, where it was seen to.
    pub starter: Option<i32>,
    /// Empty where it succeeded: the child is another program then, and its texts are gone. So are the arguments.
    pub path: String,
    /// The first few arguments, each cut to a readable length; `None` where they could not be read.
    pub arguments: Option<Vec<String>>,
    /// The address of the array.
    pub array: u64,
    /// Its entries at entry, where it could be read.
    pub variables: Option<usize>,
    /// 0, or the errno.
    pub errno: i32,
    /// What became of the array while the child was held.
    pub change: Change,
}

/// A thread of the target that was held behind a load of the array's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadEvent {
    pub thread: i32,
    /// The address behind the load.
    pub instruction: u64,
    /// What it loaded.
    pub array: u64,
    /// What became of the array while the thread was held.
    pub change: Change,
}

/// What the observer reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Exec(ExecEvent),
    Read(ReadEvent),
    /// The target itself; what it started may go on.
    Ended(Ended),
}

/// The whole of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    pub ended: Ended,
    /// Threads could be held behind loads: there was one besides the first, the words that point to the array were
    /// found, and the processor has watchpoints.
    pub reads_watched: bool,
}

/// How the observed program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Exited(i32),
    Signalled(i32),
}

/// Why a program cannot be observed here.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error("this system has no ptrace and seccomp that the observer knows")]
    Unsupported,
    #[error("ptrace is forbidden here: {0}")]
    Forbidden(std::io::Error),
    /// The filter was refused, or the kernel tells nothing about the calls at which it stops.
    #[error("seccomp filters, or what ptrace tells about them since Linux 5.3, are not to be had here")]
    Filter,
    #[error("the program cannot be started: {0}")]
    Start(std::io::Error),
}
