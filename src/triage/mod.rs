//! Findings to findings: what the user silenced, what lies below a threshold, what touches the files that were named.
//!
//! Nothing is thrown away unseen: silenced findings stay, marked, and everything dropped is counted.

mod baseline;
mod directives;
mod levels;

use std::collections::BTreeSet;

pub use baseline::{Add, Baseline, BaselineError, Entry, Run, Update};
pub use directives::{Ignores, unknown_rule_help};
pub use levels::{Level, set_levels};

use crate::finding::{Confidence, Finding, Location, Severity};

/// Keeps the findings of which the mutation, the partner or the place where the thread is started lies in one of
/// `paths` (as in the findings).
pub fn touching(findings: Vec<Finding>, paths: &BTreeSet<String>) -> Vec<Finding> {
    findings
        .into_iter()
        .filter(|finding| places(finding).any(|place| paths.contains(&place.path)))
        .collect()
}

/// Keeps the findings of which the mutation, the partner or the place where the thread is started lies in lines that
/// `is_changed` knows; also says how many were dropped.
pub fn changed(findings: Vec<Finding>, is_changed: &dyn Fn(&Location) -> bool) -> (Vec<Finding>, usize) {
    let before = findings.len();
    let kept: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| places(finding).any(is_changed))
        .collect();
    let dropped = before - kept.len();
    (kept, dropped)
}

/// Drops notes; also says how many those were.
pub fn without_notes(findings: Vec<Finding>) -> (Vec<Finding>, usize) {
    let before = findings.len();
    let kept: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| finding.severity > Severity::Note)
        .collect();
    let dropped = before - kept.len();
    (kept, dropped)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::*;

    /// An ER001 finding whose mutation is at `path:line`; its partner and thread are in `worker.py`.
    pub(super) fn finding(path: &str, line: u32) -> Finding {
        let place = |path: &str, line: u32| Location {
            path: path.to_owned(),
            line,
            column: 1,
            end_line: line,
            end_column: 5,
        };
        let site = |location: Location| Site {
            location,
            api: "api".to_owned(),
            entries: vec![],
            variable: None,
            shape: None,
            function: "f".to_owned(),
            chain: vec![],
            repeated: false,
            language: "python".to_owned(),
            spawns: None,
            code: "code".to_owned(),
        };
        let thread = Thread {
            created: place("worker.py", 8),
            start: place("worker.py", 9),
            entry: "run".to_owned(),
            many: false,
            joined: None,
            note: None,
        };
        FindingBuilder {
            code: RuleCode::ER001,
            effect: Effect::Memory,
            severity: Severity::Error,
            confidence: Confidence::High,
            message: "message".to_owned(),
            help: "help".to_owned(),
            mutation: site(place(path, line)),
            partner: Some(site(place("worker.py", 5))),
            partner_kind: PartnerKind::Spawn,
            overlap: Overlap {
                reason: "reason".to_owned(),
                threads: vec![thread],
                ancestor: "main".to_owned(),
            },
            holds_for: vec![],
            guards: vec![],
            status: None,
            array: None,
            interleaving: ["a", "b", "c"].map(str::to_owned).to_vec(),
            doubts: vec![],
        }
        .build()
    }

    #[test]
    fn findings_touch_the_files_of_all_their_places() {
        let touched = |path: &str| touching(vec![finding("a.py", 1)], &BTreeSet::from([path.to_owned()])).len();
        assert_eq!([touched("a.py"), touched("worker.py"), touched("b.py")], [1, 1, 0]);
    }

    #[test]
    fn confidence_below_the_threshold_is_counted() {
        let mut low = finding("a.py", 1);
        low.confidence = Confidence::Low;
        let (kept, dropped) = at_least(vec![low, finding("b.py", 1)], Confidence::Medium);
        assert_eq!((kept.len(), dropped), (1, 1));
        assert_eq!(kept[0].mutation.location.path, "b.py");
    }
}
