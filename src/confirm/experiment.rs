//! Carries out one experiment: the pattern, then its two controls beside each other, each in a bounded process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::finding::{Evidence, Machine, Verdict};

use super::checker::Checker;
use super::compile::Compiled;
use super::host;
use super::judge::{Observed, judge};
use super::launch::{Extent, Watching, replay};
use super::machine::{Interpreter, STATIC, machine, own_libc};
use super::moment::utc;
use super::pattern::Pattern;
use super::replay::ControlMode;
use super::setting::Setting;
use super::statistics::control_trials;
use super::tally::Tally;

/// Trials after which an experiment that has failed may end.
const TRIALS: u64 = 300;

/// The same for one whose children are held: its trials are slow, and mostly the first one fails.
const HELD_TRIALS: u64 = 100;

/// Everything that experiments share.
#[derive(Debug, Clone)]
pub struct Laboratory {
    /// The interpreter, or why there is none.
    pub python: Result<Interpreter, String>,
    /// A program that answers to the hidden commands, or none: then C and Rust cannot be replayed.
    pub helper: Option<PathBuf>,
    /// The checking child as a small program, or none: then the helper is started in its place, or, without one, a
    /// program that checks nothing, so that torn environments are seen by shells alone.
    pub checker: Option<Arc<Checker>>,
    /// Programs can be observed here, or why not: mostly that ptrace is forbidden.
    pub observer: Result<(), String>,
    /// C patterns are replayed in this program, or cannot be for this reason; `None` for this binary itself.
    pub compiled: Option<Result<Arc<Compiled>, String>>,
    /// Children are held until their array has moved.
    pub active: bool,
    /// Failed calls of `execve` are wanted as lines.
    pub trace: bool,
    /// For one pattern with its controls.
    pub budget: Duration,
}

/// Replays a pattern with its controls and judges what was seen.
///
/// `progress` gets the name of each phase; `trace` each failed `execve` of the experiment.
pub fn carry_out(
    pattern: &Pattern,
    laboratory: &Laboratory,
    progress: &mut dyn FnMut(&'static str),
    trace: &mut dyn FnMut(&str),
) -> Evidence {
    let mut machine = match pattern {
        Pattern::Python { .. } => machine(laboratory.python.as_ref().ok()),
        Pattern::Native { .. } => machine(None),
    };
    let mut watching = match watching(pattern, laboratory) {
        Ok(watching) => watching,
        Err(reason) => return cannot_run(pattern.to_string(), reason, machine),
    };
    let replay_side = |control, trials, time, watching| {
        let extent = Extent {
            control,
            trials,
            time,
            setting: Setting::default(),
        };
        replay(pattern, laboratory, extent, watching)
    };
    progress("pattern");
    let search = laboratory.budget.mul_f64(0.4);
    let mut experiment = match replay_side(ControlMode::None, TRIALS, search, watching) {
        Ok(tally) => tally,
        Err(reason) => return cannot_run(pattern.to_string(), reason, machine),
    };
    let mut held_children = experiment.watched.filter(|_| watching == Watching::Hold);
    if experiment.failures == 0 && watching != Watching::Hold && pattern.spawns() && laboratory.observer.is_ok() {
        progress("pattern, held");
        // Luck has not shown it; a schedule may. What the held replay does not show either is said of the free one.
        if let Ok(held) = replay_side(ControlMode::None, HELD_TRIALS, search, Watching::Hold) {
            held_children = held.watched;
            if held.failures > 0 {
                (experiment, watching) = (held, Watching::Hold);
            }
        }
    }
    let side = |control, trials, time| replay_side(control, trials, time, watching);
    experiment.trace.iter().for_each(|line| trace(line));
    if let Some(libc) = &experiment.libc {
        machine.libc.clone_from(libc);
    }
    progress("controls");
    let demanded = control_trials(experiment.first.as_ref().map(|first| first.trial));
    let time = laboratory.budget * 8;
    let (no_mutation, one_lock) =
        beside_each_other(machine.cores, demanded, &|control, trials| side(control, trials, time));
    let trouble = [&no_mutation, &one_lock]
        .into_iter()
        .find_map(|control| control.as_ref().err().cloned());
    let evidence = judge(Observed {
        pattern: pattern.to_string(),
        experiment,
        no_mutation: no_mutation.unwrap_or_default(),
        one_lock: one_lock.unwrap_or_default(),
        demanded,
        active: watching == Watching::Hold,
        held: held_children,
        blind: pattern.hides_errno() && watching == Watching::No,
        machine,
    });
    let evidence = match trouble {
        Some(reason) => without_control(evidence, &reason),
        None => evidence,
    };
    if STATIC && evidence.machine.libc == own_libc() {
        return of_another_libc(evidence, host::libc().ok().as_deref());
    }
    evidence
}

/// What a replay in a binary that carries its own C library says of a machine whose programs use another, `theirs`: what
/// failed did fail, with the library that is named; that nothing failed says nothing.
fn of_another_libc(mut evidence: Evidence, theirs: Option<&str>) -> Evidence {
    let family = |libc: &str| libc.split(['-', ' ']).next().unwrap_or_default().to_owned();
    let Some(theirs) = theirs.filter(|theirs| family(theirs) != family(&evidence.machine.libc)) else {
        return evidence;
    };
    if evidence.verdict == Verdict::NotObserved {
        evidence.verdict = Verdict::Inconclusive;
        evidence.reason = format!(
            "{}; this envrace carries {}, and programs here use {theirs}: an envrace that is linked to that would tell (a \
             manylinux wheel, or one that cargo builds)",
            evidence.reason,
            family(&evidence.machine.libc)
        );
    }
    evidence
}

/// Both controls at once. The one under a lock has one trial at a time, so that where there are processors for it two
/// processes make a half each.
fn beside_each_other(
    cores: u32,
    demanded: u64,
    control: &(dyn Fn(ControlMode, u64) -> Result<Tally, String> + Sync),
) -> (Result<Tally, String>, Result<Tally, String>) {
    let parts = if cores > 1 { 2 } else { 1 };
    std::thread::scope(|scope| {
        let locked: Vec<_> = (0..parts)
            .map(|_| scope.spawn(|| control(ControlMode::OneLock, demanded.div_ceil(parts))))
            .collect();
        let no_mutation = control(ControlMode::NoMutation, demanded);
        let mut one_lock = Ok(Tally::default());
        for part in locked {
            let part = part
                .join()
                .unwrap_or_else(|_| Err("a control failed to run".to_owned()));
            one_lock = one_lock.and_then(|sum: Tally| part.map(|part| sum.and(part)));
        }
        (no_mutation, one_lock)
    })
}

/// What is left to say where a control did not run: nothing failed, or nothing can be concluded.
fn without_control(mut evidence: Evidence, reason: &str) -> Evidence {
    if evidence.failures > 0 {
        evidence.verdict = Verdict::Inconclusive;
        evidence.reason = format!("a control did not run: {reason}");
    }
    evidence
}

/// Whether this pattern's replays run under the observer: where they must, or where it was asked for.
pub fn watching(pattern: &Pattern, laboratory: &Laboratory) -> Result<Watching, String> {
    let spawns = pattern.spawns();
    if laboratory.active && spawns {
        return match &laboratory.observer {
            Ok(()) => Ok(Watching::Hold),
            Err(reason) => Err(format!("holding a child at execve needs ptrace: {reason}")),
        };
    }
    let wanted = spawns && (laboratory.trace || pattern.hides_errno());
    Ok(if wanted && laboratory.observer.is_ok() {
        Watching::Observe
    } else {
        Watching::No
    })
}

/// Evidence of an experiment that could not begin.
pub fn cannot_run(pattern: String, reason: String, machine: Machine) -> Evidence {
    Evidence {
        verdict: Verdict::CannotRun,
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
        taken: utc(SystemTime::now()),
        stale: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::pattern_native::{NativeMutation, NativePartner};

    fn laboratory(observer: bool) -> Laboratory {
        Laboratory {
            python: Err("no interpreter".to_owned()),
            helper: None,
            checker: None,
            compiled: None,
            observer: observer
                .then_some(())
                .ok_or_else(|| "ptrace is forbidden here".to_owned()),
            active: true,
            trace: false,
            budget: Duration::from_millis(10),
        }
    }

    #[test]
    fn that_nothing_failed_says_nothing_of_another_libc() {
        let evidence = |verdict| {
            let mut evidence = cannot_run("a beside b".to_owned(), "no failure".to_owned(), machine(None));
            evidence.verdict = verdict;
            evidence.machine.libc = "musl (linked into envrace)".to_owned();
            evidence
        };
        let quiet = || evidence(Verdict::NotObserved);
        let other = of_another_libc(quiet(), Some("glibc-2.36"));
        assert_eq!(other.verdict, Verdict::Inconclusive);
        assert!(
            other.reason.contains("carries musl, and programs here use glibc-2.36"),
            "{}",
            other.reason
        );
        assert_eq!(of_another_libc(quiet(), Some("musl-1.2")), quiet());
        assert_eq!(of_another_libc(quiet(), None), quiet());
        let failed = || evidence(Verdict::Confirmed);
        assert_eq!(of_another_libc(failed(), Some("glibc-2.36")), failed());
    }

    #[test]
    fn what_cannot_run_says_why() {
        let pattern = Pattern::Native {
            mutation: NativeMutation::SetenvAdd,
            partner: NativePartner::System,
        };
        let refused = carry_out(&pattern, &laboratory(false), &mut |_| {}, &mut |_| {});
        assert_eq!(refused.verdict, Verdict::CannotRun);
        assert!(refused.reason.contains("ptrace"), "{}", refused.reason);
        let helpless = carry_out(&pattern, &laboratory(true), &mut |_| {}, &mut |_| {});
        assert!(helpless.reason.contains("hidden commands"), "{}", helpless.reason);
    }
}
