//! How loud the configuration wants a rule to be.

use crate::finding::{Confidence, Finding, RuleCode, Severity};

/// What a rule is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Its findings are not wanted.
    Off,
    /// Its findings have this severity.
    At(Severity),
}

/// Gives findings the severity that `level_of` says for the path of their mutation and their rule; also says how many
/// were dropped since their rule is off. What rests on a guess is never made louder than it is.
pub fn set_levels(findings: Vec<Finding>, level_of: &dyn Fn(&str, RuleCode) -> Option<Level>) -> (Vec<Finding>, usize) {
    let before = findings.len();
    let kept: Vec<Finding> = findings
        .into_iter()
        .filter_map(|mut finding| {
            match level_of(&finding.mutation.location.path, finding.code) {
                Some(Level::Off) => return None,
                Some(Level::At(severity)) if finding.confidence == Confidence::Low => {
                    finding.severity = finding.severity.min(severity);
                }
                Some(Level::At(severity)) => finding.severity = severity,
                None => {}
            }
            Some(finding)
        })
        .collect();
    let dropped = before - kept.len();
    (kept, dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::tests::finding;

    #[test]
    fn a_level_decides_and_a_guess_is_never_made_louder() {
        let mut guess = finding("a.py", 1);
        (guess.confidence, guess.severity) = (Confidence::Low, Severity::Note);
        let set = |finding: &Finding, level| {
            let (kept, dropped) = set_levels(vec![finding.clone()], &|_, _| level);
            (kept.first().map(|finding| finding.severity), dropped)
        };
        let sure = finding("a.py", 1);
        let at = |severity| Some(Level::At(severity));
        assert_eq!(set(&sure, None), (Some(Severity::Error), 0));
        assert_eq!(set(&sure, at(Severity::Warning)), (Some(Severity::Warning), 0));
        assert_eq!(set(&sure, Some(Level::Off)), (None, 1));
        assert_eq!(set(&guess, at(Severity::Error)), (Some(Severity::Note), 0));
    }

    #[test]
    fn the_path_is_that_of_the_mutation() {
        let off = |path: &str, _| (path == "worker.py").then_some(Level::Off);
        assert_eq!(set_levels(vec![finding("a.py", 1)], &off).1, 0);
        assert_eq!(set_levels(vec![finding("worker.py", 1)], &off).1, 1);
    }
}
