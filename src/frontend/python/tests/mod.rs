//! What the facts of tiny sources are, as [`dump`](super::dump) writes them.

mod definitions;
mod names;
mod python2;
mod regions;
mod robustness;
mod values;

use super::dump::dump_function;
use crate::facts::{FileFacts, Language, Problem};
use crate::input::Source;

fn lower(text: &str) -> (FileFacts, Vec<Problem>) {
    super::lower(&Source {
        path: "a.py".into(),
        language: Language::Python,
        text: text.into(),
    })
}

/// The facts of a text that is free of problems.
fn facts(text: &str) -> FileFacts {
    let (facts, problems) = lower(text);
    assert_eq!(problems, [], "{text}");
    facts
}

/// Asserts what the module-level code of `text` does: one line an event or region, indented by two.
#[track_caller]
fn module(text: &str, expected: &str) {
    function(text, "<module>", expected);
}

/// Asserts what the function called `qualified` does.
#[track_caller]
fn function(text: &str, qualified: &str, expected: &str) {
    same(&dump_function(&facts(text), qualified), expected, text);
}

/// Compares line by line; `expected` may be indented as a whole.
#[track_caller]
fn same(found: &str, expected: &str, text: &str) {
    let lines: Vec<&str> = expected.lines().filter(|line| !line.trim().is_empty()).collect();
    let indent = lines
        .iter()
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let expected: String = lines.iter().map(|line| format!("{}\n", &line[indent..])).collect();
    assert!(found == expected, "for\n{text}\nfound\n{found}\nexpected\n{expected}");
}
