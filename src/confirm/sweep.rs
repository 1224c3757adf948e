//! One pattern under values of one knob: which of the things that people suspect really decides?

use crate::finding::{Control, Machine};

use super::experiment::{Laboratory, watching};
use super::launch::{Extent, replay};
use super::machine::machine;
use super::pattern::Pattern;
use super::replay::ControlMode;
use super::setting::{Setting, Sweep};
use super::statistics::{control_trials, interval};
use super::tally::Tally;

/// Runs for each value where nothing else is asked for.
const RUNS: usize = 30;

/// What was seen under one value.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepRow {
    pub value: usize,
    pub runs: u64,
    pub failed_runs: u64,
    pub trials: u64,
    pub failures: u64,
    /// Of the failed runs among all: 95 % Wilson, the rule of three at zero. Runs are independent of each other, trials
    /// of one run are not.
    pub interval: [f64; 2],
    pub controls: Vec<Control>,
}

/// The figures of one pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepTable {
    pub pattern: String,
    pub machine: Machine,
    /// A row for each value, or why there is none.
    pub rows: Result<Vec<SweepRow>, String>,
}

/// Replays a pattern under each value, with both controls under the same value.
pub fn sweep(pattern: &Pattern, laboratory: &Laboratory, sweep: &Sweep, fixed: Setting) -> SweepTable {
    let mut machine = match pattern {
        Pattern::Python { .. } => machine(laboratory.python.as_ref().ok()),
        Pattern::Native { .. } => machine(None),
    };
    let rows = sweep.values.iter().map(|&value| {
        let (row, libc) = row(pattern, laboratory, value, fixed.with(sweep.knob, value))?;
        if let Some(libc) = libc {
            machine.libc = libc;
        }
        Ok(row)
    });
    let rows = rows.collect();
    SweepTable {
        pattern: pattern.to_string(),
        machine,
        rows,
    }
}

fn row(
    pattern: &Pattern,
    laboratory: &Laboratory,
    value: usize,
    setting: Setting,
) -> Result<(SweepRow, Option<String>), String> {
    let watching = watching(pattern, laboratory)?;
    let setting = Setting {
        runs: setting.runs.or(Some(RUNS)),
        ..setting
    };
    let side = |control, trials| {
        let extent = Extent {
            control,
            trials,
            time: laboratory.budget * 8,
            setting,
        };
        replay(pattern, laboratory, extent, watching)
    };
    let experiment = side(ControlMode::None, 0)?;
    let demanded = control_trials(experiment.first.as_ref().map(|first| first.trial));
    let no_mutation = side(ControlMode::NoMutation, demanded)?;
    let one_lock = side(ControlMode::OneLock, demanded)?;
    let control = |kind: &str, tally: &Tally| Control {
        kind: kind.to_owned(),
        trials: tally.trials,
        failures: tally.failures,
    };
    let row = SweepRow {
        value,
        runs: experiment.runs,
        failed_runs: experiment.failed_runs,
        trials: experiment.trials,
        failures: experiment.failures,
        interval: interval(experiment.failed_runs, experiment.runs),
        controls: vec![control("no-mutation", &no_mutation), control("one-lock", &one_lock)],
    };
    Ok((row, experiment.libc))
}
