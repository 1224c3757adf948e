//! Findings to text: human, concise, JSON. Renderers decide nothing and open no file: what is shown was built before,
//! and excerpts come from the texts that were read for the analysis.

mod concise;
mod earlier;
mod human;
mod json;
mod package;
mod sanitise;
mod sections;
mod summary;
mod text;

use crate::facts::Problem;
use crate::finding::Finding;
use crate::input::{PassedOver, Sources};
use crate::knowledge::Target;

pub use concise::concise;
pub use earlier::{Earlier, EarlierError};
pub use human::human;
pub use json::json;
pub use package::{Package, PackageVerdict};
pub use sanitise::line as sanitise_line;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Findings only.
    Quiet,
    Normal,
    /// Every problem, every step, fingerprints.
    Verbose,
}

/// Numbers about the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Source files that were found.
    pub files: u64,
    /// Those that were understood, at least in part.
    pub parsed: u64,
    pub passed_over: PassedOver,
    /// Findings that `--min-confidence` left out.
    pub below_confidence: u64,
    /// Notes that persona regular left out.
    pub notes: u64,
    /// Findings of rules that the configuration sets to `off`.
    pub switched_off: u64,
    /// Findings that touch no changed line.
    pub unchanged: u64,
    /// Findings of the baseline that no longer occur.
    pub stale: u64,
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
    pub detail: Detail,
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
pub(crate) mod sample;
