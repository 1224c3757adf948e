//! A replay or a program under the observer: `__observe`, a process of its own, so that it has the tracees' only tracer
//! and one thread.

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::machine::{PROBE_ARGUMENT, PROBE_YES};
use super::observer::{
    Change, Ended, Event, ExecEvent, Hold, Holds, ObserveError, ReadEvent, Target, observe, observe_all, trace_line,
};

/// The hidden command's name.
pub const NAME: &str = "__observe";

/// The first argument of `__observe`, as JSON; the command to run follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchParameters {
    /// Microseconds for which a child may be held at `execve`, 0 for never.
    pub hold_us: u64,
    /// Failed calls that are printed as lines.
    pub trace_lines: usize,
    /// Held children, and threads behind their loads of the array, wait until the array's memory is used for something
    /// else; without it children wait until it has moved.
    #[serde(default)]
    pub until_reused: bool,
    /// What the command prints goes nowhere.
    #[serde(default)]
    pub silent: bool,
}

/// The line that it prints last: what the kernel said to each `execve`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    pub execs: u64,
    pub faults: u64,
    /// The number of the first call that failed with EFAULT, from 1.
    pub first_fault: Option<u64>,
    /// When it came, in seconds since the observer began.
    pub first_seconds: f64,
    /// Children whose array moved or was changed in place while they were held, or was not the live one at entry.
    pub moved: u64,
    pub in_place: u64,
    pub unreferenced: u64,
    /// Of the moved: those whose array's memory was used for something else.
    #[serde(default)]
    pub reused: u64,
    /// Threads that were held behind a load of the array's address, and those of them whose array moved, or moved and
    /// had its memory used for something else.
    #[serde(default)]
    pub reads: u64,
    #[serde(default)]
    pub reads_moved: u64,
    #[serde(default)]
    pub reads_reused: u64,
    /// Threads could be held behind loads.
    #[serde(default)]
    pub reads_watched: bool,
    /// The signal that ended the program, or 0.
    #[serde(default)]
    pub signal: i32,
}

/// A line of `__observe`'s own among those of the replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchLine {
    Watched(Watched),
    /// A failed call in strace's form.
    Trace(String),
    /// Nothing can be observed here, and why.
    Refused(String),
}

impl Watched {
    fn add(&mut self, event: &ExecEvent, seconds: f64) {
        self.execs += 1;
        match event.change {
            Change::Moved => self.moved += 1,
            Change::Reused => {
                self.moved += 1;
                self.reused += 1;
            }
            Change::InPlace => self.in_place += 1,
            Change::Unreferenced => self.unreferenced += 1,
            Change::Unchanged => {}
        }
        if event.errno == libc::EFAULT {
            self.faults += 1;
            if self.first_fault.is_none() {
                self.first_fault = Some(self.execs);
                self.first_seconds = seconds;
            }
        }
    }

    fn add_read(&mut self, event: &ReadEvent) {
        self.reads += 1;
        self.reads_moved += u64::from(matches!(event.change, Change::Moved | Change::Reused));
        self.reads_reused += u64::from(event.change == Change::Reused);
    }
}

/// Observes the command that follows the parameters; its output is this process's.
///
/// Exits as the command did, 126 where it cannot be observed; the probe says yes where a program can be observed here,
/// and prints what is against it elsewhere.
pub fn hidden_main(arguments: &[String]) -> ExitCode {
    let Some((first, command)) = arguments.split_first() else {
        return ExitCode::from(64);
    };
    if first == PROBE_ARGUMENT {
        return probe();
    }
    let Ok(parameters) = serde_json::from_str::<WatchParameters>(first) else {
        return ExitCode::from(64);
    };
    match watch(parameters, command) {
        Ok(Ended::Exited(code)) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Ok(Ended::Signalled(signal)) => ExitCode::from(128u8.wrapping_add(u8::try_from(signal).unwrap_or(0))),
        Err(error) => {
            say(&WatchLine::Refused(error.to_string()));
            ExitCode::from(126)
        }
    }
}

fn probe() -> ExitCode {
    let target = Target {
        program: c"/bin/true".into(),
        arguments: vec![c"true".into()],
        environment: Vec::new(),
        silent: true,
    };
    match observe(&target, Hold::Never, &mut |_| {}) {
        Ok(_) => ExitCode::from(PROBE_YES),
        Err(error) => {
            println!("{error}");
            ExitCode::from(126)
        }
    }
}

fn watch(parameters: WatchParameters, command: &[String]) -> Result<Ended, ObserveError> {
    let text = |text: &String| CString::new(text.as_bytes()).unwrap_or_default();
    let environment = std::env::vars_os().map(|(name, value)| {
        let mut entry = name.into_vec();
        entry.push(b'=');
        entry.extend(value.into_vec());
        CString::new(entry).unwrap_or_default()
    });
    let target = Target {
        program: command.first().map(text).unwrap_or_default(),
        arguments: command.iter().map(text).collect(),
        environment: environment.collect(),
        silent: parameters.silent,
    };
    let longest = Duration::from_micros(parameters.hold_us);
    let holds = Holds {
        execs: match parameters.hold_us {
            0 => Hold::Never,
            _ if parameters.until_reused => Hold::UntilReused(longest),
            _ => Hold::UntilMoved(longest),
        },
        reads: (parameters.until_reused && parameters.hold_us > 0).then_some(longest),
    };
    let began = Instant::now();
    let mut watched = Watched::default();
    let mut failed = 0;
    let observed = observe_all(&target, holds, &mut |event| match event {
        Event::Ended(_) => {}
        Event::Read(event) => watched.add_read(event),
        Event::Exec(event) => {
            watched.add(event, began.elapsed().as_secs_f64());
            if event.errno != 0 {
                failed += 1;
                if failed <= parameters.trace_lines {
                    say(&WatchLine::Trace(trace_line(event)));
                }
            }
        }
    })?;
    if parameters.trace_lines > 0 && failed > parameters.trace_lines {
        let more = failed - parameters.trace_lines;
        say(&WatchLine::Trace(format!("... and {more} more failed calls of execve")));
    }
    watched.reads_watched = observed.reads_watched;
    if let Ended::Signalled(signal) = observed.ended {
        watched.signal = signal;
    }
    say(&WatchLine::Watched(watched));
    Ok(observed.ended)
}

/// Prints a line in one write, among the lines of the replay.
fn say(line: &WatchLine) {
    if let Ok(text) = serde_json::to_string(line) {
        println!("{text}");
    }
}
