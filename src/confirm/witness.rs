//! Runs a real program under the observer with an active hold, and says what became of the arrays that it used.
//!
//! A replay repeats a pattern until luck shows its race; here the program runs once, as it is. Each child is held at
//! `execve`, and each thread behind a load of the array's address, until the array's memory is used for something else
//! or a bounded time has passed. Nothing is put into the program and nothing in its memory is changed: what is seen
//! could have happened without the observer, only rarely. So what is seen is a race, and what is not seen is not safe.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::run::{Bounds, End, run_bounded_in};
use super::watch::{self, WatchLine, WatchParameters, Watched};

/// What to run, and how.
#[derive(Debug, Clone)]
pub struct Subject {
    /// A path, not searched for.
    pub program: PathBuf,
    /// Without the program's own name.
    pub arguments: Vec<OsString>,
    /// The whole environment. A small one shows more: a freed array of many entries keeps its contents for a while.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it runs.
    pub folder: PathBuf,
    /// The longest that a child or a thread is held.
    pub hold: Duration,
    /// After which the program and all that it started is killed.
    pub patience: Duration,
}

/// What was seen of one kind of use of the array.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Times that a child stood at `execve`, or that a thread was held behind a load.
    pub uses: u64,
    /// While it was held, another thread moved the array that it was about to read.
    pub moved: u64,
    /// Of these: the array's memory was free and held something else already.
    pub reused: u64,
}

/// What was seen of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    pub spawns: Seen,
    pub reads: Seen,
    /// Calls of `execve` that failed with EFAULT.
    pub faults: u64,
    /// Children whose array was changed where it was while they were held.
    pub in_place: u64,
    /// False where threads could not be held behind loads: `reads` is empty then.
    pub reads_watched: bool,
    /// The signal that ended the program.
    pub signal: Option<i32>,
    /// It was killed, for its time was over.
    pub hung: bool,
}

/// Why there is nothing to say of a run.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Tracing is impossible or forbidden.
    #[error("nothing can be observed here: {0}")]
    Refused(String),
    #[error("the observer cannot be started: {0}")]
    Start(std::io::Error),
    /// It was killed before it could say what it saw.
    #[error("the observer said nothing")]
    Silent,
}

/// Output of the observer that is kept: one line, for the program itself is silent.
const MOST_OUTPUT: usize = 1 << 16;

/// Runs a program to its end, and watches it.
///
/// # Arguments
/// `helper`: a program that answers to the hidden commands, which is the observer's process.
///
/// # Errors
/// Where it cannot be observed here.
pub fn witness(helper: &Path, subject: &Subject) -> Result<Witness, WitnessError> {
    let parameters = WatchParameters {
        hold_us: subject.hold.as_micros() as u64,
        trace_lines: 0,
        until_reused: true,
        silent: true,
    };
    let text = serde_json::to_string(&parameters).expect("numbers and words have a JSON form");
    let mut arguments = vec![
        watch::NAME.into(),
        text.into(),
        subject.program.clone().into_os_string(),
    ];
    arguments.extend(subject.arguments.iter().cloned());
    let bounds = Bounds {
        wall: subject.patience,
        output: MOST_OUTPUT,
    };
    let outcome = run_bounded_in(&subject.folder, helper, &arguments, &subject.environment, bounds)
        .map_err(WitnessError::Start)?;
    let hung = outcome.end == End::TimedOut;
    let mut said = outcome
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    match said.next() {
        Some(WatchLine::Watched(watched)) => Ok(Witness { hung, ..of(&watched) }),
        Some(WatchLine::Refused(reason)) => Err(WitnessError::Refused(reason)),
        _ if hung => Ok(Witness {
            hung,
            ..of(&Watched::default())
        }),
        _ => Err(WitnessError::Silent),
    }
}

fn of(watched: &Watched) -> Witness {
    Witness {
        spawns: Seen {
            uses: watched.execs,
            moved: watched.moved,
            reused: watched.reused,
        },
        reads: Seen {
            uses: watched.reads,
            moved: watched.reads_moved,
            reused: watched.reads_reused,
        },
        faults: watched.faults,
        in_place: watched.in_place,
        reads_watched: watched.reads_watched,
        signal: (watched.signal != 0).then_some(watched.signal),
        hung: false,
    }
}
