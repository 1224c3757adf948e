//! Findings to findings: what the user silenced, what lies below a threshold, what touches the files that were named.
//!
//! Nothing is thrown away unseen: silenced findings stay, marked, and everything dropped is counted.

mod directives;

use std::collections::BTreeSet;

pub use directives::{Ignores, unknown_rule_help};

use crate::finding::{Confidence, Finding, Location};

/// Keeps the findings of which the mutation, the partner or the place where the thread is started lies in one of
/// `paths` (as in the findings).
pub fn touching(findings: Vec<Finding>, paths: &BTreeSet<String>) -> Vec<Finding> {
    findings
        .into_iter()
        .filter(|finding| places(finding).any(|place| paths.contains(&place.path)))
        .collect()
}

/// Drops the findings below `least`; also says how many those were.
pub fn at_least(findings: Vec<Finding>, least: Confidence) -> (Vec<Finding>, usize) {
    let before = findings.len();
    let kept: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| finding.confidence >= least)
        .collect();
    let dropped = before - kept.len();
    (kept, dropped)
}

/// The places that a finding is about: mutation, partner, and where threads are made and started.
fn places(finding: &Finding) -> impl Iterator<Item = &Location> {
    let sites = std::iter::once(&finding.mutation)
        .chain(&finding.partner)
        .map(|site| &site.location);
    let threads = finding
        .overlap
        .threads
        .iter()
        .flat_map(|thread| [&thread.created, &thread.start]);
    sites.chain(threads)
}
