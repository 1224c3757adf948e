//! Kept evidence and findings: `check` shows what an earlier `confirm` kept, `confirm` keeps what it saw.

use std::path::Path;

use crate::confirm::{Kept, keep};
use crate::finding::Finding;

use super::scan::Home;

/// Puts what is kept for the project at `root` into its findings. What goes wrong is a sentence, and takes nothing from
/// the findings.
pub fn show(root: &Path, findings: &mut [Finding]) -> Option<String> {
    if findings.is_empty() {
        return None;
    }
    let kept = match Kept::load(root) {
        Ok(kept) => kept,
        Err(error) => return Some(error.to_string()),
    };
    for finding in findings {
        if finding.confirmation.is_none() {
            finding.confirmation = kept.evidence(&finding.fingerprint);
        }
    }
    None
}

/// Keeps the evidence of each finding in the project that it belongs to; a sentence for each project that cannot.
pub fn keep_all(homes: &[Home], findings: &[Finding]) -> Vec<String> {
    let of_home = |home: &Home| {
        let own = findings
            .iter()
            .filter(|finding| home.fingerprints.contains(&finding.fingerprint));
        keep(&home.root, own).err().map(|error| error.to_string())
    };
    homes.iter().filter_map(of_home).collect()
}
