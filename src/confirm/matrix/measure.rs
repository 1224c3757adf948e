//! Measuring a cell: its pattern is replayed, and what is seen is held against what the catalog says.

use std::collections::BTreeMap;

use crate::finding::{Evidence, Machine, Verdict};
use crate::knowledge::{Target, TargetError};

use super::super::experiment::{Laboratory, carry_out};
use super::super::launch::{Extent, Watching, replay};
use super::super::machine::{Interpreter, machine};
use super::super::replay::ControlMode;
use super::super::setting::Setting;
use super::super::statistics::interval;
use super::super::{ConfirmOptions, Needs, laboratory};
use super::{Cell, Claim, Mark};

/// Trials after which a look ends once something has failed.
const TRIALS: u64 = 300;
/// Fewer say nothing where none of them failed.
const LEAST_TRIALS: u64 = 100;

/// Symptoms that do not speak of memory: a mix of old and new variables, an exception of the language's own.
const ENVIRONMENT: [&str; 6] = [
    "torn",
    "wrong-value",
    "KeyError",
    "IndexError",
    "RuntimeError",
    "ValueError",
];

/// What all cells of a machine share.
#[derive(Debug, Clone)]
pub struct Measurer {
    laboratory: Laboratory,
}

/// What a cell showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    pub trials: u64,
    /// Trials that failed, whatever they showed.
    pub failures: u64,
    pub seen: BTreeMap<String, u64>,
    /// Of the failure rate, 95 %.
    pub interval: [f64; 2],
    /// Until the first failure.
    pub seconds: Option<f64>,
    /// Children were held at `execve`.
    pub active: bool,
    /// Failures of both controls, where they ran.
    pub controls: Option<u64>,
}

/// Whether a measurement and the catalog go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agreement {
    Agrees,
    Contradicts,
    /// The catalog does not say how it shows, or too little was measured to say anything.
    Open,
    /// It could not be measured here.
    CannotRun,
}

/// A cell's measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub shown: Shown,
    pub agreement: Agreement,
    /// A fragment; empty where the figures say it all.
    pub note: String,
}

impl Agreement {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Agreement::Agrees => "agrees",
            Agreement::Contradicts => "CONTRADICTS",
            Agreement::Open => "open",
            Agreement::CannotRun => "cannot run",
        }
    }
}

impl Shown {
    /// Failures that speak of memory were among what was seen.
    pub fn harms_memory(&self) -> bool {
        self.seen.keys().any(|symptom| !ENVIRONMENT.contains(&symptom.as_str()))
    }

    fn of(evidence: &Evidence) -> Shown {
        Shown {
            trials: evidence.trials,
            failures: evidence.failures,
            seen: evidence.seen.clone(),
            interval: evidence.interval,
            seconds: evidence.first_failure.as_ref().map(|first| first.seconds),
            active: evidence.active,
            controls: Some(evidence.controls.iter().map(|control| control.failures).sum()),
        }
    }
}

impl Measurer {
    /// Finds out what can be measured here.
    pub fn new(options: &ConfirmOptions) -> Measurer {
        Measurer {
            laboratory: laboratory(
                options,
                Needs {
                    python: true,
                    compiler: false,
                },
            ),
        }
    }

    /// The machine, with the interpreter where there is one.
    pub fn machine(&self) -> Machine {
        machine(self.laboratory.python.as_ref().ok())
    }

    /// Whether patterns in Python can be measured.
    ///
    /// # Errors
    /// Why not, in one sentence.
    pub fn python(&self) -> Result<(), &String> {
        self.laboratory.python.as_ref().map(|_| ())
    }

    /// This machine's libc and interpreter as a target.
    ///
    /// # Errors
    /// Where one of them is none that a target can name.
    pub fn target(&self) -> Result<Target, TargetError> {
        Target::parse(&spec(&machine(None), self.laboratory.python.as_ref().ok()))
    }

    /// Replays a cell's pattern: for the budget of an experiment, or until it fails; then beside its controls.
    pub fn measure(&self, cell: &Cell) -> Measured {
        if cell.claim == Claim::Memory && cell.mark == Mark::Latent {
            return measured(Shown::default(), Agreement::Open, "latent: not tested");
        }
        let mut laboratory = self.laboratory.clone();
        laboratory.active = cell.claim == Claim::Memory && cell.mark == Mark::Rare && cell.pattern.spawns();
        let mut note = String::new();
        let mut shown = match self.look(cell, &laboratory) {
            Ok(shown) => shown,
            Err(reason) => return measured(Shown::default(), Agreement::CannotRun, &reason),
        };
        let expected = cell.claim == Claim::Memory && cell.mark == Mark::Common;
        if expected && shown.failures == 0 {
            note.push_str("on the second try");
            match self.look(cell, &laboratory) {
                Ok(second) => shown = second,
                Err(reason) => return measured(shown, Agreement::CannotRun, &reason),
            }
        }
        if shown.failures > 0 {
            let evidence = carry_out(&cell.pattern, &laboratory, &mut |_| {}, &mut |_| {});
            if evidence.failures > 0 && evidence.verdict != Verdict::CannotRun {
                shown = Shown::of(&evidence);
            }
        }
        let agreement = agreement(cell, &shown);
        if agreement == Agreement::Contradicts && shown.controls.is_some_and(|failures| failures > 0) {
            return measured(shown, Agreement::Open, "a control fails too");
        }
        measured(shown, agreement, &note)
    }

    /// The pattern alone, without its controls: all that is needed where nothing fails.
    fn look(&self, cell: &Cell, laboratory: &Laboratory) -> Result<Shown, String> {
        let extent = Extent {
            control: ControlMode::None,
            trials: TRIALS,
            time: laboratory.budget,
            setting: Setting::default(),
        };
        let watching = match (laboratory.active, cell.pattern.spawns() && laboratory.observer.is_ok()) {
            (_, false) => Watching::No,
            (true, true) => Watching::Hold,
            (false, true) if cell.pattern.hides_errno() => Watching::Observe,
            (false, true) => Watching::No,
        };
        let tally = replay(&cell.pattern, laboratory, extent, watching)?;
        Ok(Shown {
            trials: tally.trials,
            failures: tally.failures,
            interval: interval(tally.failures, tally.trials),
            seconds: tally.first.as_ref().map(|first| first.seconds),
            seen: tally.seen,
            active: watching == Watching::Hold,
            controls: None,
        })
    }
}

fn measured(shown: Shown, agreement: Agreement, note: &str) -> Measured {
    Measured {
        shown,
        agreement,
        note: note.to_owned(),
    }
}

/// How what was seen goes with what is said.
pub fn agreement(cell: &Cell, shown: &Shown) -> Agreement {
    let contradicts_if = |wrong| {
        if wrong {
            Agreement::Contradicts
        } else {
            Agreement::Agrees
        }
    };
    match (cell.claim, cell.mark) {
        (Claim::Memory, Mark::Common | Mark::Rare) if shown.failures > 0 => Agreement::Agrees,
        (Claim::Memory, Mark::Common) => Agreement::Contradicts,
        // Reads cannot be held, so that a rare one needs luck.
        (Claim::Memory, Mark::Rare) => contradicts_if(cell.pattern.spawns()),
        (Claim::Memory, _) => Agreement::Open,
        _ if shown.failures == 0 && shown.trials < LEAST_TRIALS => Agreement::Open,
        (Claim::Environment, _) => contradicts_if(shown.harms_memory()),
        (Claim::Nothing, _) => contradicts_if(shown.failures > 0),
        (Claim::Deadlock, _) => Agreement::Open,
    }
}

/// `libc=glibc-2.36,python=3.11.7` of this machine.
fn spec(machine: &Machine, python: Option<&Interpreter>) -> String {
    let mut spec = format!("libc={}", machine.libc.replace(' ', "-"));
    if let Some(python) = python {
        let version = python.name.split(' ').nth(1).unwrap_or_default();
        let free = if python.name.contains("free-threaded") { "t" } else { "" };
        spec.push_str(&format!(",python={version}{free}"));
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::pattern::Pattern;
    use crate::confirm::pattern_native::{NativeMutation, NativePartner};
    use crate::facts::Language;

    fn cell(claim: Claim, mark: Mark, partner: NativePartner) -> Cell {
        Cell {
            language: Language::C,
            mutation: "",
            partner: "",
            pattern: Pattern::Native {
                mutation: NativeMutation::SetenvAdd,
                partner,
            },
            claim,
            mark,
        }
    }

    fn shown(trials: u64, symptom: Option<&str>) -> Shown {
        Shown {
            trials,
            failures: u64::from(symptom.is_some()),
            seen: symptom.into_iter().map(|name| (name.to_owned(), 1)).collect(),
            ..Shown::default()
        }
    }

    #[test]
    fn a_claim_of_memory_must_be_seen_as_its_mark_says() {
        let of = |mark, partner, symptom| agreement(&cell(Claim::Memory, mark, partner), &shown(300, symptom));
        let system = NativePartner::System;
        assert_eq!(of(Mark::Common, system, Some("EFAULT")), Agreement::Agrees);
        assert_eq!(of(Mark::Common, system, None), Agreement::Contradicts);
        assert_eq!(of(Mark::Rare, system, None), Agreement::Contradicts);
        assert_eq!(of(Mark::Rare, NativePartner::Getenv, None), Agreement::Agrees);
        assert_eq!(of(Mark::Unmarked, system, None), Agreement::Open);
    }

    #[test]
    fn what_is_said_to_be_safe_must_not_fail() {
        let of = |claim, trials, symptom| {
            agreement(
                &cell(claim, Mark::Common, NativePartner::System),
                &shown(trials, symptom),
            )
        };
        assert_eq!(of(Claim::Nothing, 300, None), Agreement::Agrees);
        assert_eq!(of(Claim::Nothing, 300, Some("torn")), Agreement::Contradicts);
        assert_eq!(of(Claim::Environment, 300, Some("torn")), Agreement::Agrees);
        assert_eq!(of(Claim::Environment, 300, Some("signal:11")), Agreement::Contradicts);
        assert_eq!(
            of(Claim::Environment, 20, None),
            Agreement::Open,
            "too few to say anything"
        );
    }

    #[test]
    fn the_machine_is_a_target() {
        let machine = Machine {
            libc: "glibc 2.36".to_owned(),
            ..Machine::default()
        };
        let python = Interpreter {
            program: "python3".into(),
            name: "CPython 3.13.5 (free-threaded)".to_owned(),
            libc: "glibc 2.36".to_owned(),
        };
        let spec = spec(&machine, Some(&python));
        assert_eq!(spec, "libc=glibc-2.36,python=3.13.5t");
        assert!(Target::parse(&spec).is_ok());
    }
}
