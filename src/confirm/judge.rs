//! From what was seen to a verdict.

use std::time::SystemTime;

use crate::finding::{Control, Evidence, Machine, Verdict};

use super::moment::utc;
use super::statistics::interval;
use super::tally::Tally;
use super::watch::Watched;

/// An experiment with its controls.
#[derive(Debug, Clone)]
pub struct Observed {
    pub pattern: String,
    pub experiment: Tally,
    pub no_mutation: Tally,
    pub one_lock: Tally,
    /// Trials that each control had to make.
    pub demanded: u64,
    pub active: bool,
    /// What the observer saw where children were held, in the experiment or in a second one that showed no failure.
    pub held: Option<Watched>,
    /// The partner hides the errno of `execve`, and there is no observer to see it.
    pub blind: bool,
    pub machine: Machine,
}

/// Fewer trials than this say nothing where none of them failed.
const LEAST_TRIALS: u64 = 100;

/// The verdict with its figures.
///
/// `confirmed` asks for failures beside two controls that are clean and large enough; a control that fails too makes it
/// `inconclusive`, as does a replay in which most trials went wrong for other reasons.
pub fn judge(observed: Observed) -> Evidence {
    let (verdict, reason) = verdict(&observed);
    let experiment = observed.experiment;
    let control = |kind: &str, tally: &Tally| Control {
        kind: kind.to_owned(),
        trials: tally.trials,
        failures: tally.failures,
    };
    Evidence {
        verdict,
        reason,
        pattern: observed.pattern,
        trials: experiment.trials,
        failures: experiment.failures,
        interval: interval(experiment.failures, experiment.trials),
        runs: experiment.runs,
        first_failure: experiment.first,
        seen: experiment.seen,
        controls: vec![
            control("no-mutation", &observed.no_mutation),
            control("one-lock", &observed.one_lock),
        ],
        active: observed.active,
        machine: observed.machine,
        taken: utc(SystemTime::now()),
        stale: None,
    }
}

fn verdict(observed: &Observed) -> (Verdict, String) {
    let experiment = &observed.experiment;
    let controls = [
        ("without the mutation", &observed.no_mutation),
        ("under one lock", &observed.one_lock),
    ];
    if let Some((name, tally)) = controls.iter().find(|(_, tally)| tally.failures > 0) {
        let seen: Vec<_> = tally.seen.keys().map(String::as_str).collect();
        let reason = format!(
            "the control {name} fails too ({} of {} trials: {})",
            tally.failures,
            tally.trials,
            seen.join(", ")
        );
        return (Verdict::Inconclusive, reason);
    }
    if experiment.failures == 0 && observed.blind && experiment.spoiled_trials() > 0 {
        let reason = format!(
            "{} trials failed, but the partner hides the errno and ptrace, which could show it, is not allowed here",
            experiment.spoiled_trials()
        );
        return (Verdict::Inconclusive, reason);
    }
    if let Some(reason) = too_little_work(experiment) {
        return (Verdict::Inconclusive, reason);
    }
    if experiment.failures == 0 {
        let bound = 100.0 * interval(0, experiment.trials)[1];
        let mut reason = format!(
            "no failure in {} trials: here it is rarer than {bound:.2} % of them, which is not to say that it is safe",
            experiment.trials
        );
        if let Some(held) = observed.held {
            reason.push_str(&what_held_children_saw(held));
        }
        return (Verdict::NotObserved, reason);
    }
    for (name, tally) in controls {
        if tally.trials < observed.demanded {
            let reason = format!(
                "the control {name} made only {} of the {} trials that the comparison needs, within its time",
                tally.trials, observed.demanded
            );
            return (Verdict::Inconclusive, reason);
        }
    }
    (
        Verdict::Confirmed,
        format!(
            "the pattern failed in {} of {} trials on this machine, and both controls stayed clean",
            experiment.failures, experiment.trials
        ),
    )
}

/// What became of the arrays of children that were held at execve, none of which failed.
fn what_held_children_saw(held: Watched) -> String {
    let children = held.execs;
    if held.moved > 0 {
        let moved = held.moved;
        format!("; of {children} children held at execve the array moved under {moved}: this libc keeps the old array")
    } else if held.in_place > 0 {
        let changed = held.in_place;
        format!("; of {children} children held at execve the array changed in place under {changed}, and never moved")
    } else {
        format!("; of {children} children held at execve the array changed under none")
    }
}

/// Why an experiment says nothing, where it does.
fn too_little_work(experiment: &Tally) -> Option<String> {
    if experiment.spoiled_trials() * 2 > experiment.trials {
        let (name, count) = experiment.spoiled.iter().max_by_key(|(_, count)| **count)?;
        return Some(format!(
            "{count} of {} trials ended with {name}, which has other causes",
            experiment.trials
        ));
    }
    (experiment.failures == 0 && experiment.trials < LEAST_TRIALS).then(|| {
        format!(
            "only {} trials fitted into the time, too few to say anything",
            experiment.trials
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(failures: u64, trials: u64) -> Tally {
        let mut tally = Tally {
            runs: 8,
            trials,
            failures,
            mutations: trials,
            ..Tally::default()
        };
        if failures > 0 {
            tally.seen.insert("EFAULT".to_owned(), failures);
        }
        tally
    }

    fn verdict_of(experiment: Tally, no_mutation: Tally, one_lock: Tally) -> Verdict {
        let observed = Observed {
            pattern: "a pattern".to_owned(),
            experiment,
            no_mutation,
            one_lock,
            demanded: 500,
            active: false,
            held: None,
            blind: false,
            machine: Machine::default(),
        };
        judge(observed).verdict
    }

    #[test]
    fn only_failures_beside_clean_and_large_controls_confirm() {
        let clean = || tally(0, 500);
        assert_eq!(verdict_of(tally(3, 300), clean(), clean()), Verdict::Confirmed);
        assert_eq!(verdict_of(tally(3, 300), tally(1, 500), clean()), Verdict::Inconclusive);
        assert_eq!(verdict_of(tally(3, 300), clean(), tally(1, 500)), Verdict::Inconclusive);
        assert_eq!(verdict_of(tally(3, 300), clean(), tally(0, 499)), Verdict::Inconclusive);
        assert_eq!(verdict_of(tally(0, 300), clean(), clean()), Verdict::NotObserved);
        assert_eq!(verdict_of(tally(0, 99), clean(), clean()), Verdict::Inconclusive);
    }

    #[test]
    fn a_spawn_that_merely_failed_is_no_evidence() {
        let mut spoiled = tally(0, 300);
        spoiled.spoiled.insert("EAGAIN".to_owned(), 200);
        assert_eq!(verdict_of(spoiled, tally(0, 500), tally(0, 500)), Verdict::Inconclusive);
    }

    #[test]
    fn without_the_errno_a_failed_spawn_is_left_open_by_name() {
        let mut spoiled = tally(0, 300);
        spoiled.spoiled.insert("ENOMEM".to_owned(), 200);
        let observed = Observed {
            pattern: String::new(),
            experiment: spoiled,
            no_mutation: tally(0, 500),
            one_lock: tally(0, 500),
            demanded: 500,
            active: false,
            held: None,
            blind: true,
            machine: Machine::default(),
        };
        let evidence = judge(observed);
        assert_eq!(evidence.verdict, Verdict::Inconclusive);
        assert!(evidence.reason.contains("ptrace"), "{}", evidence.reason);
    }

    #[test]
    fn a_clean_experiment_states_its_bound() {
        let observed = Observed {
            pattern: String::new(),
            experiment: tally(0, 300),
            no_mutation: tally(0, 500),
            one_lock: tally(0, 500),
            demanded: 500,
            active: false,
            held: None,
            blind: false,
            machine: Machine::default(),
        };
        let evidence = judge(observed);
        assert!(evidence.reason.contains("1.00 %"), "{}", evidence.reason);
        assert_eq!(evidence.interval, [0.0, 0.01]);
    }

    #[test]
    fn what_held_children_saw_tells_a_moved_array_from_a_changed_one() {
        let seen = |moved, in_place| {
            what_held_children_saw(Watched {
                execs: 9,
                moved,
                in_place,
                ..Watched::default()
            })
        };
        assert!(seen(4, 2).contains("moved under 4: this libc keeps the old array"));
        assert!(seen(0, 2).contains("changed in place under 2, and never moved"));
        assert!(seen(0, 0).contains("of 9 children held at execve the array changed under none"));
    }
}
