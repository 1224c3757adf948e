//! The replay of C and Rust patterns, in a child of this very program: `__replay`.
//!
//! The forms run against the libc that this binary is linked to. As in replay.py, each run is a forked child with a
//! fresh small environment and counters in shared memory, so that a crash ends that run only; one JSON line a run.

mod board;
mod c_forms;
mod environment;
mod rust_forms;
mod threads;

use std::process::ExitCode;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::machine::{PROBE_ARGUMENT, PROBE_YES};
use super::pattern_native::{NativeMutation, NativePartner};
use super::tally::RunLine;

use board::Board;

/// The hidden command's name.
pub const NAME: &str = "__replay";

/// The program that replays Python patterns.
pub const PYTHON: &str = include_str!("replay.py");

/// What both sides do beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlMode {
    /// The experiment itself.
    None,
    NoMutation,
    OneLock,
}

/// The argument of `__replay`, as JSON. Times are in the unit that their names say.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parameters {
    pub mutation: NativeMutation,
    pub partner: NativePartner,
    pub control: ControlMode,
    /// A program that answers `check_command`, or `/bin/true`.
    pub checker: String,
    pub check_command: String,
    pub sentinels: usize,
    /// Steps of the mutator in a run.
    pub steps: usize,
    pub pace_us: u64,
    pub run_seconds: f64,
    /// Threads that run the partner.
    pub threads: usize,
    /// At least so many trials, runs,
    pub trials: u64,
    pub runs: u64,
    /// but no run begins after so many seconds.
    pub seconds: f64,
    /// A run ends when there are enough trials, rather than with its last step.
    pub brief: bool,
    /// Goes on until something has failed.
    pub search: bool,
    /// Seconds after which a run is killed.
    pub alarm: u32,
    /// The environment is left as it was given, but for one addition.
    pub bare: bool,
    /// Microseconds between the threads' start and the first step.
    pub lead_us: u64,
    /// Bytes that a command has at least.
    pub command_length: usize,
    /// Bytes of further variables.
    pub env_bytes: usize,
}

/// Replays by the parameters in the first argument.
///
/// Exits 0 when it has made its runs, 64 for parameters that it does not understand, 71 where it cannot fork.
pub fn hidden_main(arguments: &[String]) -> ExitCode {
    if arguments.first().is_some_and(|word| word == PROBE_ARGUMENT) {
        return ExitCode::from(PROBE_YES);
    }
    let Some(Ok(parameters)) = arguments.first().map(|text| serde_json::from_str::<Parameters>(text)) else {
        return ExitCode::from(64);
    };
    let Some(board) = Board::new() else {
        return ExitCode::from(71);
    };
    let began = Instant::now();
    let (mut trials, mut failures, mut runs) = (0, 0, 0);
    while began.elapsed().as_secs_f64() <= parameters.seconds {
        let enough = trials >= parameters.trials && runs >= parameters.runs;
        if enough && (failures > 0 || !parameters.search) {
            break;
        }
        board.reset();
        let size = 1 + (runs % 8) as u32;
        let wanted = parameters.brief.then(|| parameters.trials.saturating_sub(trials));
        let run = || threads::run(&board, &parameters, size, wanted, began);
        let Some(end) = board::in_a_fork(parameters.alarm, run) else {
            return ExitCode::from(71);
        };
        let line = line(&board, size, end, began);
        trials += line.trials;
        failures += line.failures + u64::from(line.end.starts_with("signal:"));
        runs += 1;
        if let Ok(text) = serde_json::to_string(&line) {
            println!("{text}");
        }
    }
    ExitCode::SUCCESS
}

/// What a run left on the board.
fn line(board: &Board, size: u32, end: String, began: Instant) -> RunLine {
    let (seen, spoiled) = board.symptoms();
    RunLine {
        size,
        trials: board.trials(),
        mutations: board.mutations(),
        failures: board.failures(),
        seen,
        spoiled,
        first: board.first(),
        end,
        seconds: began.elapsed().as_secs_f64(),
    }
}
