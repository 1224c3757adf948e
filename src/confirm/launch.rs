//! How a replay is started: its program, parameters and environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::environ_check;
use super::experiment::Laboratory;
use super::pattern::Pattern;
use super::pattern_native::{NativeMutation, NativePartner};
use super::pattern_python::{PythonMutation, PythonPartner};
use super::replay::{self, ControlMode, Parameters};
use super::run::{Bounds, End, Outcome, run_bounded};
use super::tally::Tally;
use super::watch::{self, WatchParameters};

/// Variables that exist from the beginning to the end of a replay.
const SENTINELS: usize = 12;
/// Steps of the mutator in one run, where the partner does not ask for others (see [`NativePartner::pace`]).
const STEPS: usize = 100;
/// Microseconds between two steps.
const PACE: u64 = 50;
/// Threads that do the partner's part.
const THREADS: usize = 2;
/// Seconds after which a run is taken to hang.
const ALARM: u32 = 5;
/// The longest that a replay may take beyond its time before it is killed: its last run, and that run's alarm.
const MOST_GRACE: Duration = Duration::from_secs(6);
/// Environment sizes, each with a run at least: whether an addition moves the array depends on the size.
const SIZES: u64 = 8;
/// The longest that a child is held at `execve`.
const HOLD: Duration = Duration::from_millis(1);
/// Failed calls of `execve` that a replay prints.
const TRACE_LINES: usize = 20;

/// How far a replay goes.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub control: ControlMode,
    pub trials: u64,
    /// After which no run is begun.
    pub time: Duration,
}

impl Extent {
    fn is_experiment(self) -> bool {
        self.control == ControlMode::None
    }

    /// Every size is replayed; a control may stop when it has its trials.
    fn runs(self) -> u64 {
        if self.is_experiment() { SIZES } else { 1 }
    }

    fn run_seconds(self) -> f64 {
        if self.is_experiment() { 0.5 } else { 0.2 }
    }
}

/// Whether and how the kernel's answers are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watching {
    No,
    Observe,
    /// Children are held until their array has moved.
    Hold,
}

/// Runs a replay, a series of runs for one side.
///
/// # Errors
/// One sentence where it cannot be started or did no work.
pub fn replay(pattern: &Pattern, laboratory: &Laboratory, extent: Extent, watching: Watching) -> Result<Tally, String> {
    let mut command = match pattern {
        Pattern::Python { mutation, partner } => python_command(*mutation, *partner, laboratory, extent)?,
        Pattern::Native { mutation, partner } => native_command(*mutation, *partner, laboratory, extent)?,
    };
    if watching != Watching::No {
        let helper = laboratory.helper.as_ref().ok_or("the observer is not there")?;
        let parameters = WatchParameters {
            hold_us: if watching == Watching::Hold {
                HOLD.as_micros() as u64
            } else {
                0
            },
            trace_lines: if laboratory.trace { TRACE_LINES } else { 0 },
            until_reused: false,
            silent: false,
        };
        let text = serde_json::to_string(&parameters).map_err(|error| error.to_string())?;
        command.splice(0..0, [helper.clone().into_os_string(), watch::NAME.into(), text.into()]);
    }
    let (program, arguments) = command.split_first().ok_or("there is nothing to run")?;
    let bounds = Bounds {
        wall: extent.time + (laboratory.budget * 3).min(MOST_GRACE),
        output: 4 << 20,
    };
    let outcome = run_bounded(&PathBuf::from(program), arguments, &environment(laboratory), bounds)
        .map_err(|error| format!("the replay cannot be started: {error}"))?;
    read(&outcome)
}

/// The program whose child sees the raw environment, or one that does nothing.
fn checker(laboratory: &Laboratory) -> PathBuf {
    laboratory.helper.clone().unwrap_or_else(|| PathBuf::from("/bin/true"))
}

fn python_command(
    mutation: PythonMutation,
    form: PythonPartner,
    laboratory: &Laboratory,
    extent: Extent,
) -> Result<Vec<OsString>, String> {
    let interpreter = laboratory.python.as_ref().map_err(Clone::clone)?;
    let (partner, options) = form.parameters();
    let parameters = json!({
        "mutation": mutation.word(),
        "partner": partner,
        "options": options,
        "control": extent.control,
        "checker": checker(laboratory),
        "check_command": environ_check::NAME,
        "sentinels": SENTINELS,
        "steps": STEPS,
        "pace_us": PACE,
        "run_seconds": extent.run_seconds(),
        "threads": THREADS,
        "trials": extent.trials,
        "runs": extent.runs(),
        "seconds": extent.time.as_secs_f64(),
        "search": extent.is_experiment(),
        "alarm": ALARM,
    });
    let mut command = vec![interpreter.program.clone().into_os_string()];
    command.extend(["-I", "-S", "-B", "-c", replay::PYTHON, &parameters.to_string()].map(OsString::from));
    Ok(command)
}

fn native_command(
    mutation: NativeMutation,
    partner: NativePartner,
    laboratory: &Laboratory,
    extent: Extent,
) -> Result<Vec<OsString>, String> {
    let helper = laboratory
        .helper
        .as_ref()
        .ok_or("this program does not answer to its hidden commands")?;
    let (steps, pace_us) = match partner {
        NativePartner::ForkWindow if extent.control != ControlMode::None => (STEPS, PACE),
        _ => partner.pace(),
    };
    // A mutator without a pause would keep the one lock for itself.
    let pace_us = if extent.control == ControlMode::OneLock {
        pace_us.max(20)
    } else {
        pace_us
    };
    let parameters = Parameters {
        mutation,
        partner,
        control: extent.control,
        checker: checker(laboratory).to_string_lossy().into_owned(),
        check_command: environ_check::NAME.to_owned(),
        sentinels: SENTINELS,
        steps,
        pace_us,
        run_seconds: extent.run_seconds(),
        threads: THREADS,
        trials: extent.trials,
        runs: extent.runs(),
        seconds: extent.time.as_secs_f64(),
        search: extent.is_experiment(),
        alarm: ALARM,
    };
    let text = serde_json::to_string(&parameters).map_err(|error| error.to_string())?;
    Ok(vec![helper.clone().into_os_string(), replay::NAME.into(), text.into()])
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
    if let Some(reason) = &tally.refused {
        return Err(reason.clone());
    }
    if tally.runs == 0 || tally.broken == tally.runs {
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
