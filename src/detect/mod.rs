//! Stub of the engine's interface until it is merged: no findings, no explanations.

use crate::facts::{FileFacts, Problem};
use crate::finding::{Finding, RuleCode};
use crate::input::Sources;
use crate::knowledge::{Catalog, Target};

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persona {
    Regular,
    Pedantic,
    Auditor,
}

/// What the analysis is to judge by.
#[derive(Debug, Clone)]
pub struct Options {
    pub target: Target,
    pub persona: Persona,
}

/// What the analysis found.
#[derive(Debug, Default)]
pub struct Analysis {
    pub findings: Vec<Finding>,
    pub problems: Vec<Problem>,
}

/// Finds the pairs.
pub fn analyse(_files: Vec<FileFacts>, _sources: &Sources, _catalog: &Catalog, _options: &Options) -> Analysis {
    Analysis::default()
}

/// Lines of explanation for every mutation, spawn or read at `path:line`.
pub fn why(_analysis: &Analysis, _path: &str, _line: u32) -> Vec<String> {
    Vec::new()
}

/// The rule's manual; its first line is a summary.
pub fn manual(rule: RuleCode) -> &'static str {
    rule.name()
}
