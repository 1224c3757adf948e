//! How a replay is started: its program, parameters and environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::environ_check;
use super::experiment::Laboratory;
use super::pattern::Pattern;
use super::pattern_native::{NativeMutation, NativePartner};
use super::pattern_python::{PythonMutation, PythonPartner};
use super::replay::{self, ControlMode, Parameters};
use super::run::{Bounds, End, Outcome, run_bounded};
use super::setting::Setting;
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
    pub setting: Setting,
}

impl Extent {
    fn is_experiment(self) -> bool {
        self.control == ControlMode::None
    }

    /// Every size is replayed; a control may stop when it has its trials.
    fn runs(self) -> u64 {
        match self.setting.runs {
            _ if !self.is_experiment() => 1,
            Some(runs) => runs as u64,
            None => SIZES,
        }
    }

    /// Goes on until something has failed; not where the number of runs is given.
    fn searches(self) -> bool {
        self.is_experiment() && self.setting.runs.is_none()
    }

    /// A control of spawns needs no more than its trials, each of which takes about a millisecond. One of reads keeps
    /// its steps: it has its trials before there was a change among them.
    fn is_brief(self, spawns: bool) -> bool {
        !self.is_experiment() && spawns
    }

    fn threads(self) -> usize {
        self.setting.threads.unwrap_or(THREADS)
    }

    /// Microseconds before the first change: a few changes would be over before the other threads are under way.
    fn lead_us(self) -> u64 {
        const FEW: usize = 10;
        let few = self.setting.changes.is_some_and(|changes| changes <= FEW);
        if few { 20_000 } else { 0 }
    }

    /// The environment is left as it is given, apart from one addition by the program or its interpreter.
    fn is_bare(self) -> bool {
        self.setting.env_vars.is_some()
    }

    /// In a given environment, what PATH, LANG and the pieces of `env-bytes` leave; else the usual number.
    fn sentinels(self) -> usize {
        match self.setting.env_vars {
            Some(count) => {
                let others = 1 + usize::from(self.setting.lang) + self.pieces().count();
                count.saturating_sub(others).max(1)
            }
            None => SENTINELS,
        }
    }

    /// The lengths of the variables that `env-bytes` asks for: the kernel takes no single string of more than 128 KiB.
    fn pieces(self) -> impl Iterator<Item = usize> {
        const PIECE: usize = 100_000;
        let bytes = self.setting.env_bytes.unwrap_or(0);
        (0..bytes).step_by(PIECE).map(move |start| PIECE.min(bytes - start))
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
    let outcome = run_bounded(
        &PathBuf::from(program),
        arguments,
        &environment(laboratory, extent),
        bounds,
    )
    .map_err(|error| format!("the replay cannot be started: {error}"))?;
    read(&outcome)
}

/// The program whose child sees the raw environment, or one that does nothing.
fn checker(laboratory: &Laboratory) -> PathBuf {
    let small = laboratory.checker.as_ref().map(|checker| checker.program());
    let checker = small.or_else(|| laboratory.helper.clone());
    checker.unwrap_or_else(|| PathBuf::from("/bin/true"))
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
        "sentinels": extent.sentinels(),
        "steps": extent.setting.changes.unwrap_or(STEPS),
        "pace_us": PACE,
        "run_seconds": extent.run_seconds(),
        "threads": extent.threads(),
        "trials": extent.trials,
        "runs": extent.runs(),
        "seconds": extent.time.as_secs_f64(),
        "brief": extent.is_brief(form.spawns()),
        "search": extent.searches(),
        "alarm": ALARM,
        "bare": extent.is_bare(),
        "lead_us": extent.lead_us(),
        "command_length": extent.setting.command_length.unwrap_or(0),
        "env_bytes": extent.setting.env_bytes.unwrap_or(0),
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
        sentinels: extent.sentinels(),
        steps: extent.setting.changes.unwrap_or(steps),
        pace_us,
        run_seconds: extent.run_seconds(),
        threads: extent.threads(),
        trials: extent.trials,
        runs: extent.runs(),
        seconds: extent.time.as_secs_f64(),
        brief: extent.is_brief(partner.spawns()),
        search: extent.searches(),
        alarm: ALARM,
        bare: extent.is_bare(),
        lead_us: extent.lead_us(),
        command_length: extent.setting.command_length.unwrap_or(0),
        env_bytes: extent.setting.env_bytes.unwrap_or(0),
    };
    // What is Rust's own cannot be had from a C compiler.
    if let Some(compiled) = &laboratory.compiled
        && !mutation.is_std()
        && !partner.uses_std()
    {
        let program = compiled.as_ref().map_err(Clone::clone)?.program();
        return Ok(compiled_command(program, &parameters));
    }
    let text = serde_json::to_string(&parameters).map_err(|error| error.to_string())?;
    Ok(vec![helper.clone().into_os_string(), replay::NAME.into(), text.into()])
}

/// The word by which a form is serialised.
fn word(form: impl Serialize) -> String {
    let value = serde_json::to_value(form).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// The command line of `replay.c`.
fn compiled_command(program: PathBuf, parameters: &Parameters) -> Vec<OsString> {
    let partner = match parameters.partner {
        NativePartner::Mutation(other) => format!("mutation:{}", word(other)),
        partner => word(partner),
    };
    let numbers = [
        parameters.sentinels.to_string(),
        parameters.steps.to_string(),
        parameters.pace_us.to_string(),
        parameters.run_seconds.to_string(),
        parameters.threads.to_string(),
        parameters.trials.to_string(),
        parameters.runs.to_string(),
        parameters.seconds.to_string(),
        u8::from(parameters.search).to_string(),
        parameters.alarm.to_string(),
        parameters.command_length.to_string(),
        parameters.env_bytes.to_string(),
        parameters.lead_us.to_string(),
        u8::from(parameters.bare).to_string(),
        u8::from(parameters.brief).to_string(),
    ];
    let words = [
        word(parameters.mutation),
        partner,
        word(parameters.control),
        parameters.checker.clone(),
        parameters.check_command.clone(),
    ];
    let all = words.into_iter().chain(numbers).map(OsString::from);
    [program.into_os_string()].into_iter().chain(all).collect()
}

/// The environment of a replay: nothing of the user's but what the loader needs.
fn environment(laboratory: &Laboratory, extent: Extent) -> Vec<(OsString, OsString)> {
    let mut path = OsString::new();
    // Forms that search for their program must find the checker.
    if let Some(directory) = checker(laboratory).parent() {
        path.push(directory);
        path.push(":");
    }
    path.push("/usr/local/bin:/usr/bin:/bin");
    if extent.is_bare() {
        return bare_environment(path, extent);
    }
    // LC_ALL keeps CPython from coercing the locale, which would add a variable by itself (PEP 538).
    let mut environment = vec![("PATH".into(), path), ("LC_ALL".into(), "C".into())];
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        environment.push(("LD_LIBRARY_PATH".into(), libraries));
    }
    environment
}

/// PATH, LANG if it is asked for, what `env-bytes` asks for, and sentinels: `env-vars` in all, if that is enough
/// for the others and one sentinel.
fn bare_environment(path: OsString, extent: Extent) -> Vec<(OsString, OsString)> {
    let mut environment = vec![("PATH".into(), path)];
    if extent.setting.lang {
        environment.push(("LANG".into(), "C.UTF-8".into()));
    }
    let pieces = extent.pieces().enumerate();
    environment
        .extend(pieces.map(|(index, length)| (format!("ENVRACE_B{index:02}").into(), "x".repeat(length).into())));
    let sentinels = (0..extent.sentinels()).map(environ_check::sentinel);
    environment.extend(sentinels.map(|(name, value)| (name.into(), value.into())));
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
