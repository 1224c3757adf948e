//! The matrix as a Markdown document.

use std::fmt::Write;

use crate::facts::Language;
use crate::finding::Machine;

use super::measure::{Agreement, Measured, Shown};
use super::{Cell, Claim};

/// How many cells went how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    pub cells: u64,
    pub agree: u64,
    pub contradict: u64,
    pub open: u64,
    pub cannot_run: u64,
}

impl Summary {
    /// Of these measurements.
    pub fn of<'a>(measured: impl IntoIterator<Item = &'a Measured>) -> Summary {
        let mut summary = Summary::default();
        for measured in measured {
            summary.cells += 1;
            match measured.agreement {
                Agreement::Agrees => summary.agree += 1,
                Agreement::Contradicts => summary.contradict += 1,
                Agreement::Open => summary.open += 1,
                Agreement::CannotRun => summary.cannot_run += 1,
            }
        }
        summary
    }
}

/// A table of a document: a heading (`C on glibc 2.36`), and its cells.
pub type Section = (String, Vec<(Cell, Measured)>);

/// The document.
///
/// # Arguments
/// `command`: what made it. `sections`: tables in the order in which they are to stand. `absent`: sentences on what could not be
/// measured at all.
pub fn document(command: &str, machine: &Machine, sections: &[Section], absent: &[String]) -> String {
    let runtime = machine.runtime.as_deref().unwrap_or("no Python interpreter");
    let mut out = format!(
        "# What the catalog says, measured\n\n\
         Made by `{command}`, which anyone can run again, on {}, {}, {runtime}, {} cores. Rates belong to\n\
         this machine and its load.\n\n{EXPLAINED}\n\
         | table | cells | agree | contradict | open | cannot run |\n|---|---|---|---|---|---|\n",
        machine.kernel, machine.libc, machine.cores,
    );
    // Writing into a string cannot fail, here and below.
    for (name, cells) in sections {
        let sum = Summary::of(cells.iter().map(|(_, measured)| measured));
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} |",
            sum.cells, sum.agree, sum.contradict, sum.open, sum.cannot_run
        );
    }
    for sentence in absent {
        let _ = write!(out, "\nNot measured: {sentence}.\n");
    }
    for (name, cells) in sections {
        let _ = write!(
            out,
            "\n## {name}\n\n\
             | mutation | partner | says | shows | failed | seen | first after | controls | |\n\
             |---|---|---|---|---|---|---|---|---|\n"
        );
        for (cell, measured) in cells {
            row(&mut out, cell, measured);
        }
    }
    out
}

const EXPLAINED: &str = "\
A cell is a mutation beside a partner. *says* is the verdict that the catalog gives for this libc and interpreter to a
program with that pair, *shows* how it is marked to show (`measured` in rules/*.toml; the less of both sides). The
pattern is replayed as by `confirm`, for 2 seconds or until it fails, then beside its two controls. `common` must be
seen; `rare` must be seen where each child is held at execve (reads cannot be held, so they may stay unseen); `latent` is not
tested. Where the verdict is `none` nothing may fail, where it is `environment` nothing that speaks of memory (EFAULT,
status 32512, a signal); the figure is then the bound, 3 divided by the trials. *open* cells are said to be unsafe and have no mark.
";

fn row(out: &mut String, cell: &Cell, measured: &Measured) {
    let shown = &measured.shown;
    let seen: Vec<String> = shown
        .seen
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let held = if shown.active { " (held)" } else { "" };
    let first = shown
        .seconds
        .filter(|_| shown.failures > 0)
        .map_or(String::new(), |seconds| format!("{seconds:.2} s"));
    let controls = match shown.controls {
        None => "",
        Some(0) => "clean",
        Some(_) => "FAIL",
    };
    let note = if measured.note.is_empty() {
        String::new()
    } else {
        format!(": {}", measured.note)
    };
    let _ = writeln!(
        out,
        "| {} | {} | {} | {} | {}{held} | {} | {first} | {controls} | {}{} |",
        code(cell.mutation),
        code(cell.partner),
        cell.claim.name(),
        if cell.claim == Claim::Memory {
            cell.mark.name()
        } else {
            ""
        },
        rate(shown),
        seen.join(", "),
        measured.agreement.name(),
        note.replace('|', "/"),
    );
}

fn rate(shown: &Shown) -> String {
    match (shown.trials, shown.failures) {
        (0, _) => String::new(),
        (trials, 0) => format!("0 of {trials} (<{:.2} %)", 100.0 * shown.interval[1]),
        (trials, failures) => format!("{failures} of {trials}"),
    }
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "/").trim_end_matches(';'))
}

/// The heading of a language's table.
pub fn heading(language: Language, machine: &Machine) -> String {
    match language {
        Language::C => format!("C on {}", machine.libc),
        Language::Python => format!("{} on {}", machine.runtime.as_deref().unwrap_or("Python"), machine.libc),
        Language::Rust => format!("Rust on {}", machine.libc),
    }
}
