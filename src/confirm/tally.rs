//! What a replay saw, added up from the lines that it prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::FirstFailure;

use super::watch::{WatchLine, Watched};

/// One line of a replay: one run, which is one forked child with an environment of one size.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunLine {
    /// Added variables at the beginning, 1 to 8.
    pub size: u32,
    /// Times that the partner ran.
    pub trials: u64,
    /// Steps of the mutator (waits, in the control without mutation).
    pub mutations: u64,
    /// Trials that showed evidence.
    pub failures: u64,
    /// Evidence by symptom.
    pub seen: BTreeMap<String, u64>,
    /// What went wrong without being evidence (`EAGAIN`), by name.
    pub spoiled: BTreeMap<String, u64>,
    /// Trial within the run, and seconds since the replay began.
    pub first: Option<(u64, f64)>,
    /// `exit`, `status:N` or `signal:N`.
    pub end: String,
    /// Seconds since the replay began.
    pub seconds: f64,
}

/// The line that a compiled replay prints first.
#[derive(Debug, Deserialize)]
struct LibcLine {
    libc: String,
}

/// The name of the symptom that the replay and the observer both can see.
const FAULT: &str = "EFAULT";

/// The sum over the runs of one replay.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    pub runs: u64,
    pub trials: u64,
    pub mutations: u64,
    pub failures: u64,
    /// Runs with a failure.
    pub failed_runs: u64,
    pub first: Option<FirstFailure>,
    pub seen: BTreeMap<String, u64>,
    pub spoiled: BTreeMap<String, u64>,
    /// Runs that did not end by themselves or said that they could not do their work.
    pub broken: u64,
    /// What the observer saw, where there was one.
    pub watched: Option<Watched>,
    /// Failed calls of `execve`, in strace's form.
    pub trace: Vec<String>,
    /// Why the observer could not observe.
    pub refused: Option<String>,
    /// The C library that was tested, where it is not this binary's own.
    pub libc: Option<String>,
}

impl Tally {
    /// Adds up a replay's output; lines that are no run lines are passed over.
    pub fn of(output: &str) -> Tally {
        let mut tally = Tally::default();
        for line in output.lines() {
            if let Ok(watch) = serde_json::from_str::<WatchLine>(line) {
                tally.watch(watch);
            } else if let Ok(line) = serde_json::from_str::<LibcLine>(line) {
                tally.libc = Some(line.libc);
            } else if let Ok(run) = serde_json::from_str::<RunLine>(line) {
                tally.add(&run);
            }
        }
        tally
    }

    /// This replay and another of the same kind, of which nothing is kept but the figures.
    pub fn and(mut self, other: Tally) -> Tally {
        self.runs += other.runs;
        self.trials += other.trials;
        self.mutations += other.mutations;
        self.failures += other.failures;
        self.failed_runs += other.failed_runs;
        self.broken += other.broken;
        self.first = self.first.or(other.first);
        for (name, count) in other.seen {
            *self.seen.entry(name).or_default() += count;
        }
        for (name, count) in other.spoiled {
            *self.spoiled.entry(name).or_default() += count;
        }
        self
    }

    /// Takes in what the observer says. A call that failed with EFAULT is one failed trial, whether or not the replay
    /// could see it itself.
    fn watch(&mut self, line: WatchLine) {
        match line {
            WatchLine::Trace(line) => self.trace.push(line),
            WatchLine::Refused(reason) => self.refused = Some(reason),
            WatchLine::Watched(watched) => {
                self.watched = Some(watched);
                let known = self.seen.get(FAULT).copied().unwrap_or(0);
                if watched.faults > known {
                    self.failures = self.failures.max(watched.faults);
                    self.seen.insert(FAULT.to_owned(), watched.faults);
                    self.explain(watched.faults - known);
                }
                if let Some(trial) = watched.first_fault
                    && self.first.as_ref().is_none_or(|first| trial < first.trial)
                {
                    self.first = Some(FirstFailure {
                        trial,
                        seconds: watched.first_seconds,
                    });
                }
            }
        }
    }

    /// Takes trials out of the spoiled ones whose cause the observer has seen: what the replay took for another error.
    fn explain(&mut self, mut faults: u64) {
        for count in self.spoiled.values_mut() {
            let explained = faults.min(*count);
            *count -= explained;
            faults -= explained;
        }
        self.spoiled.retain(|_, count| *count > 0);
    }

    /// Adds one run.
    pub fn add(&mut self, run: &RunLine) {
        self.runs += 1;
        if self.first.is_none()
            && let Some((trial, seconds)) = run.first
        {
            self.first = Some(FirstFailure {
                trial: self.trials + trial,
                seconds,
            });
        }
        self.failed_runs += u64::from(run.failures > 0 || run.end.starts_with("signal:"));
        self.trials += run.trials;
        self.mutations += run.mutations;
        self.failures += run.failures;
        for (name, count) in &run.seen {
            *self.seen.entry(name.clone()).or_default() += count;
        }
        for (name, count) in &run.spoiled {
            *self.spoiled.entry(name.clone()).or_default() += count;
        }
        if run.end.starts_with("signal:") {
            self.crash(run);
        } else if run.end != "exit" {
            self.broken += 1;
        }
    }

    /// A run that died is one failed trial. The alarm's signal means that it hung.
    fn crash(&mut self, run: &RunLine) {
        let name = if run.end == "signal:14" {
            "hang"
        } else {
            run.end.as_str()
        };
        *self.seen.entry(name.to_owned()).or_default() += 1;
        self.failures += 1;
        self.trials += 1;
        if self.first.is_none() {
            self.first = Some(FirstFailure {
                trial: self.trials,
                seconds: run.seconds,
            });
        }
    }

    /// Trials that went wrong in a way that proves nothing.
    pub fn spoiled_trials(&self) -> u64 {
        self.spoiled.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_added_and_the_first_failure_counts_earlier_trials() {
        let tally = Tally::of(
            "{\"libc\":\"glibc 2.36\"}\n{\"trials\":10,\"mutations\":4,\"end\":\"exit\"}\nnoise\n\
             {\"trials\":7,\"failures\":2,\"first\":[3,0.5],\"seen\":{\"EFAULT\":2},\"end\":\"exit\"}\n\
             {\"trials\":5,\"failures\":1,\"first\":[1,0.9],\"seen\":{\"EFAULT\":1},\"end\":\"exit\"}\n",
        );
        assert_eq!(
            (tally.runs, tally.trials, tally.failures, tally.mutations),
            (3, 22, 3, 4)
        );
        assert_eq!(
            tally.first,
            Some(FirstFailure {
                trial: 13,
                seconds: 0.5
            })
        );
        assert_eq!(tally.seen["EFAULT"], 3);
        assert_eq!((tally.failed_runs, tally.libc), (2, Some("glibc 2.36".to_owned())));
    }

    #[test]
    fn two_replays_of_a_kind_add_up() {
        let one = Tally::of("{\"trials\":10,\"mutations\":4,\"seen\":{\"torn\":1},\"failures\":1,\"end\":\"exit\"}");
        let two = Tally::of(
            "{\"trials\":7,\"failures\":2,\"first\":[3,0.5],\"seen\":{\"torn\":2},\"end\":\"exit\"}\n{\"end\":\"status:1\"}",
        );
        let sum = one.and(two);
        assert_eq!((sum.runs, sum.trials, sum.failures, sum.mutations), (3, 17, 3, 4));
        assert_eq!((sum.seen["torn"], sum.failed_runs, sum.broken), (3, 2, 1));
        assert_eq!(sum.first.map(|first| first.trial), Some(3));
    }

    #[test]
    fn what_the_observer_saw_explains_what_the_replay_could_not() {
        let tally = Tally::of(
            "{\"trace\":\"a line\"}\n{\"trials\":50,\"spoiled\":{\"ENOMEM\":5},\"end\":\"exit\"}\n\
             {\"watched\":{\"execs\":50,\"faults\":4,\"first_fault\":7,\"first_seconds\":0.5,\"moved\":0,\"in_place\":0,\"unreferenced\":0}}",
        );
        assert_eq!(
            (tally.failures, tally.seen["EFAULT"], tally.spoiled_trials()),
            (4, 4, 1)
        );
        assert_eq!(tally.first, Some(FirstFailure { trial: 7, seconds: 0.5 }));
        assert_eq!(tally.trace, ["a line"]);
    }

    #[test]
    fn a_crashed_run_is_a_failure_and_a_hang_is_named() {
        let tally = Tally::of(
            "{\"trials\":4,\"end\":\"signal:11\",\"seconds\":0.25}\n{\"trials\":1,\"end\":\"signal:14\"}\n\
             {\"trials\":1,\"end\":\"status:17920\"}",
        );
        assert_eq!(tally.failures, 2);
        assert_eq!(
            tally.first,
            Some(FirstFailure {
                trial: 5,
                seconds: 0.25
            })
        );
        assert_eq!((tally.seen["signal:11"], tally.seen["hang"], tally.broken), (1, 1, 1));
    }
}
