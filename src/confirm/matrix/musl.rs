//! The cells of C on musl: their reproducers, compiled by `musl-gcc`.
//!
//! Our own binary is linked to one libc; a reproducer is linked to whichever it is compiled against.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::super::compile::{Compiled, compile_text};
use super::super::emit::c_program;
use super::super::machine::loader_libc;
use super::super::pattern::Pattern;
use super::super::run::{Bounds, End, run_bounded};
use super::super::statistics::interval;
use super::measure::{Agreement, Measured, Shown, agreement};
use super::{Cell, Claim, Mark};

/// How many times as long a second try goes on, where what is common was not seen.
const SECOND_TRY: u32 = 6;

/// The compiler.
const COMPILER: &str = "musl-gcc";

/// musl's version, where its compiler is installed; else one sentence.
pub fn musl_version() -> Result<String, String> {
    let bounds = Bounds {
        wall: Duration::from_secs(10),
        output: 1 << 16,
    };
    let compiler = run_bounded(&compiler()?, &["--version".into()], &environment(), bounds);
    if !compiler.is_ok_and(|outcome| outcome.end == End::Exited(0)) {
        return Err(format!("{COMPILER} does not work"));
    }
    let libc = loader_libc();
    let version = libc.strip_prefix("musl ").map(str::to_owned);
    version.ok_or_else(|| "musl does not say its version".to_owned())
}

fn compiler() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(COMPILER))
        .find(|program| program.is_file())
        .ok_or_else(|| format!("{COMPILER} is not installed"))
}

fn environment() -> Vec<(OsString, OsString)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    vec![("PATH".into(), path), ("LC_ALL".into(), "C".into())]
}

/// Compiles and runs a cell of C, for `seconds` or until it fails.
pub fn measure_musl(cell: &Cell, seconds: u32) -> Measured {
    if cell.claim == Claim::Memory && cell.mark == Mark::Latent {
        return note(Agreement::Open, "latent: not tested");
    }
    let binary = match compiled(&cell.pattern) {
        Ok(binary) => binary,
        Err(reason) => return note(Agreement::CannotRun, &reason),
    };
    let run = |arguments: &[&str]| {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let bounds = Bounds {
            wall: Duration::from_secs(u64::from(seconds * SECOND_TRY) + 30),
            output: 1 << 20,
        };
        let outcome =
            run_bounded(&binary.program(), &arguments, &environment(), bounds).map_err(|error| error.to_string())?;
        Ok::<_, String>((outcome.end, outcome.stdout))
    };
    let expected = cell.claim == Claim::Memory && cell.mark == Mark::Common;
    let patient = (seconds * SECOND_TRY).to_string();
    let seconds = seconds.to_string();
    let mut first = run(&[&seconds]);
    if expected && matches!(&first, Ok((End::Exited(1), said)) if shown(said).failures == 0) {
        // A loaded machine makes few trials in this time.
        first = run(&[&patient]);
    }
    match first {
        Ok((End::Exited(0 | 1), said)) => {
            let mut shown = shown(&said);
            if shown.failures > 0 {
                let control = run(&["control", &seconds]);
                shown.controls = control.ok().map(|(end, _)| u64::from(end != End::Exited(1)));
            }
            judged(cell, shown)
        }
        Ok((_, said)) => note(
            Agreement::CannotRun,
            said.lines().last().unwrap_or("it did not end well"),
        ),
        Err(reason) => note(Agreement::CannotRun, &reason),
    }
}

/// As for other cells, but that no child can be held: what is rare needs luck.
fn judged(cell: &Cell, shown: Shown) -> Measured {
    let lucky = cell.claim == Claim::Memory && cell.mark == Mark::Rare && shown.failures == 0;
    let spoiled = shown.controls.is_some_and(|failures| failures > 0);
    let agreement = match agreement(cell, &shown) {
        Agreement::Contradicts if lucky || spoiled => Agreement::Open,
        other => other,
    };
    Measured {
        shown,
        agreement,
        note: if spoiled {
            "the control fails too".to_owned()
        } else {
            String::new()
        },
    }
}

fn note(agreement: Agreement, note: &str) -> Measured {
    Measured {
        shown: Shown::default(),
        agreement,
        note: note.to_owned(),
    }
}

fn compiled(pattern: &Pattern) -> Result<Compiled, String> {
    let text = c_program(pattern).ok_or("no program in C")?;
    compile_text(&compiler()?, &text, "-static")
}

/// What a reproducer's output says.
fn shown(said: &str) -> Shown {
    let mut shown = Shown::default();
    for line in said.lines() {
        let symptom = if line.contains("errno = 14") {
            "EFAULT"
        } else if line.contains("hung") {
            "hang"
        } else if line.contains("killed by signal") {
            "signal"
        } else if line.contains("return code = 32512") {
            "status:32512"
        } else if line.contains("ouch!") {
            "torn"
        } else {
            ""
        };
        if !symptom.is_empty() {
            *shown.seen.entry(symptom.to_owned()).or_default() += 1;
            shown.failures += 1;
        }
        let runs = line
            .split_once(" successful runs before failure")
            .map(|(runs, _)| runs)
            .or_else(|| {
                line.strip_prefix("no failure in ")
                    .and_then(|rest| rest.split(' ').next())
            });
        if let Some(runs) = runs.and_then(|runs| runs.parse::<u64>().ok()) {
            shown.trials = runs + shown.failures;
        }
    }
    shown.interval = interval(shown.failures, shown.trials);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reproducer_prints_is_read_back() {
        let failed =
            shown("[thread 5][system failure] ouch! errno = 14 (Bad address)\n302 successful runs before failure\n");
        assert_eq!((failed.trials, failed.failures, failed.seen["EFAULT"]), (303, 1, 1));
        let crashed = shown(
            "[round 3] ouch! it was killed by signal 11 (Segmentation fault)\n7 successful runs before failure\n",
        );
        assert!(crashed.harms_memory() && crashed.trials == 8);
        let clean = shown("no failure in 1200 runs, 10 rounds and 2 seconds\n");
        assert_eq!((clean.trials, clean.failures), (1200, 0));
        assert_eq!(clean.interval, [0.0, 0.0025]);
    }
}
