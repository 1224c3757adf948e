//! Findings to text: a file a format. Renderers decide nothing and open no file: what is shown was built before,
//! and excerpts come from the texts that were read for the analysis.

mod base;
mod concise;
mod earlier;
mod github;
mod gitlab;
pub mod graph;
mod human;
mod json;
mod package;
mod sanitise;
mod sarif;
mod sections;
mod summary;
mod text;

use crate::facts::Problem;
use crate::finding::Finding;
use crate::input::{PassedOver, Sources};
use crate::knowledge::Target;
use crate::model::Census;

pub use base::Base;
pub use concise::concise;
pub use earlier::{Earlier, EarlierError};
pub use github::github;
pub use gitlab::gitlab;
pub use human::human;
pub use json::{json, jsonl, pretty as json_document};
pub use package::{Package, PackageVerdict};
pub use sanitise::line as sanitise_line;
pub use sarif::sarif;
pub use summary::summary;
pub use text::{Style, WIDTH, paint, wrap};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Findings only.
    Quiet,
    Normal,
    /// Every problem, every step, fingerprints.
    Verbose,
}

/// Files that were not parsed, by the reason why no finding can come of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Nothing in their language changes the environment.
    pub unchanging: u64,
    /// Something does, and nothing runs beside anything.
    pub alone: u64,
}

impl Left {
    /// All of them.
    pub fn total(self) -> u64 {
        self.unchanging + self.alone
    }

    /// Adds those of another project.
    pub fn add(&mut self, other: Left) {
        self.unchanging += other.unchanging;
        self.alone += other.alone;
    }
}

/// Numbers about the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Source files that were found.
    pub files: u64,
    /// Those that were parsed and understood, at least in part.
    pub parsed: u64,
    /// Those that were looked at and left alone.
    pub left: Left,
    pub passed_over: PassedOver,
    /// What was found in the files that were parsed.
    pub census: Census,
    /// Files that were looked at, by language: C, Python, Rust.
    pub languages: [u64; 3],
    /// Findings that `--min-confidence` left out.
    pub below_confidence: u64,
    /// Findings that do not touch the files that were named.
    pub elsewhere: u64,
    /// Notes that persona regular left out.
    pub notes: u64,
    /// Findings of rules that the configuration sets to `off`.
    pub switched_off: u64,
    /// Findings that touch no changed line.
    pub unchanged: u64,
    /// Findings of the baseline that no longer occur.
    pub stale: u64,
}

impl Summary {
    /// Findings that are there and were not asked for.
    pub fn unshown(&self) -> u64 {
        self.below_confidence + self.elsewhere + self.notes + self.switched_off + self.unchanged
    }
}

/// Everything that a report shows. Findings are sorted; paths in findings, problems and sources are those that the user
/// is to see.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    pub findings: &'a [Finding],
    pub problems: &'a [Problem],
    pub summary: &'a Summary,
    pub target: &'a Target,
    pub sources: &'a Sources,
    /// What was found in each archive.
    pub packages: &'a [Package],
    pub base: &'a Base,
    pub detail: Detail,
    /// Excerpts are drawn; else places are named.
    pub pictures: bool,
}

/// Sorts by path, line and column of the mutation, then of the partner, then by rule.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.partner.as_ref().map(|site| site.location.clone()), finding.code);
        a.mutation
            .location
            .cmp(&b.mutation.location)
            .then_with(|| key(a).cmp(&key(b)))
    });
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
pub(crate) mod sample;
