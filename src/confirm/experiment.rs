//! Carries out one experiment: the pattern, then its two controls beside each other, each in a bounded process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::finding::{Evidence, Machine};

use super::environ_check;
use super::judge::{Observed, judge};
use super::machine::{Interpreter, machine};
use super::pattern::Pattern;
use super::pattern_python::{PythonMutation, PythonSpawn};
use super::run::{Bounds, End, Outcome, run_bounded};
use super::statistics::control_trials;
use super::tally::Tally;

/// The Python program that replays a pattern.
const REPLAY: &str = include_str!("replay.py");
/// Variables that exist from the beginning to the end of a replay.
const SENTINELS: usize = 12;
/// Trials after which an experiment that has failed may end.
const TRIALS: u64 = 300;
/// Steps of the mutator in one run. Arrays of more than about 127 entries are rarely moved (glibc's small bins end
/// there), so a new run with a small environment shows more than a longer one.
const STEPS: u32 = 100;
/// Microseconds between two steps.
const PACE: u32 = 50;

/// Everything that experiments share.
#[derive(Debug, Clone)]
pub struct Laboratory {
    /// The interpreter, or why there is none.
    pub python: Result<Interpreter, String>,
    /// A program that answers `__environ-check`, or none: then torn environments are seen by shells alone.
    pub helper: Option<PathBuf>,
    /// For one pattern with its controls.
    pub budget: Duration,
}

/// What one replay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Experiment,
    NoMutation,
    OneLock,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Side::Experiment => "none",
            Side::NoMutation => "no-mutation",
            Side::OneLock => "one-lock",
        }
    }
}

/// How far a replay goes.
#[derive(Debug, Clone, Copy)]
struct Extent {
    trials: u64,
    /// After which no run is begun.
    time: Duration,
}

/// Replays a pattern with its controls and judges what was seen.
pub fn carry_out(pattern: &Pattern, laboratory: &Laboratory, progress: &mut dyn FnMut(&'static str)) -> Evidence {
    let Pattern::Python { mutation, spawn } = pattern;
    let interpreter = match &laboratory.python {
        Ok(interpreter) => interpreter,
        Err(reason) => return cannot_run(pattern.to_string(), reason.clone(), machine(None)),
    };
    let replay = |side, extent| replay_python(interpreter, laboratory, (*mutation, *spawn), side, extent);
    progress("pattern");
    let search = Extent {
        trials: TRIALS,
        time: laboratory.budget.mul_f64(0.4),
    };
    let experiment = match replay(Side::Experiment, search) {
        Ok(tally) => tally,
        Err(reason) => return cannot_run(pattern.to_string(), reason, machine(Some(interpreter))),
    };
    progress("controls");
    let demanded = control_trials(experiment.first.as_ref().map(|first| first.trial));
    let extent = Extent {
        trials: demanded,
        time: laboratory.budget * 4,
    };
    let (no_mutation, one_lock) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| replay(Side::OneLock, extent));
        let here = replay(Side::NoMutation, extent);
        (
            here,
            beside
                .join()
                .unwrap_or_else(|_| Err("a control failed to run".to_owned())),
        )
    });
    let observed = Observed {
        pattern: pattern.to_string(),
        experiment,
        no_mutation: no_mutation.unwrap_or_default(),
        one_lock: one_lock.unwrap_or_default(),
        demanded,
        active: false,
        machine: machine(Some(interpreter)),
    };
    judge(observed)
}

/// Evidence of an experiment that could not begin.
pub fn cannot_run(pattern: String, reason: String, machine: Machine) -> Evidence {
    Evidence {
        verdict: crate::finding::Verdict::CannotRun,
        reason,
        pattern,
        trials: 0,
        failures: 0,
        interval: [0.0, 1.0],
        runs: 0,
        first_failure: None,
        seen: Default::default(),
        controls: Vec::new(),
        active: false,
        machine,
    }
}

/// Runs the replay program once: a series of runs for one side.
fn replay_python(
    interpreter: &Interpreter,
    laboratory: &Laboratory,
    (mutation, spawn): (PythonMutation, PythonSpawn),
    side: Side,
    extent: Extent,
) -> Result<Tally, String> {
    let (partner, options) = spawn.parameters();
    let checker = laboratory.helper.clone().unwrap_or_else(|| PathBuf::from("/bin/true"));
    let parameters = json!({
        "mutation": mutation.word(),
        "partner": partner,
        "options": options,
        "control": side.word(),
        "checker": checker,
        "check_command": environ_check::NAME,
        "sentinels": SENTINELS,
        "steps": STEPS,
        "pace_us": PACE,
        "run_seconds": if side == Side::Experiment { 0.5 } else { 0.2 },
        "threads": 2,
        "trials": extent.trials,
        "runs": if side == Side::Experiment { 8 } else { 1 },
        "seconds": extent.time.as_secs_f64(),
        "search": side == Side::Experiment,
        "alarm": 10,
    });
    let arguments = ["-I", "-S", "-B", "-c", REPLAY, &parameters.to_string()].map(OsString::from);
    let bounds = Bounds {
        wall: extent.time + Duration::from_secs(12),
        output: 4 << 20,
    };
    let outcome = run_bounded(&interpreter.program, &arguments, &environment(laboratory), bounds)
        .map_err(|error| format!("the interpreter cannot be started: {error}"))?;
    read(&outcome)
}

/// The environment of a replay: nothing of the user's but what the loader needs.
fn environment(laboratory: &Laboratory) -> Vec<(OsString, OsString)> {
    let mut path = OsString::new();
    if let Some(directory) = laboratory.helper.as_ref().and_then(|helper| helper.parent()) {
        path.push(directory);
        path.push(":");
    }
    path.push("/usr/local/bin:/usr/bin:/bin");
    // LC_ALL keeps CPython from coercing the locale, which would add a variable by itself (PEP 538).
    let mut environment = vec![("PATH".into(), path), ("LC_ALL".into(), "C".into())];
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        environment.push(("LD_LIBRARY_PATH".into(), libraries));
    }
    environment
}

/// The tally of a replay's output; an error where it did no work at all.
fn read(outcome: &Outcome) -> Result<Tally, String> {
    let tally = Tally::of(&outcome.stdout);
    let useless = tally.runs == 0 || tally.broken == tally.runs;
    if useless {
        let said = outcome.stderr.lines().last().unwrap_or("").trim();
        let end = match outcome.end {
            End::Exited(code) => format!("it ended with status {code}"),
            End::Signalled(signal) => format!("signal {signal} ended it"),
            End::TimedOut => "it made no run in time".to_owned(),
            End::TooMuchOutput => "it wrote too much".to_owned(),
        };
        return Err(format!(
            "the replay does not work here: {end}{}{said}",
            if said.is_empty() { "" } else { ": " }
        ));
    }
    Ok(tally)
}
