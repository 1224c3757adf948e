//! `check --fix` and `check --diff`: the fixes of what would be reported, applied to the files or shown.
//!
//! Fixes that touch the same text wait for another round, after which everything is analysed anew. A file is only written
//! where it is still what was analysed, lies in the analysed project, and is understood as well as before.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use similar::TextDiff;

use crate::facts::Language;
use crate::finding::{Edit, Finding, Fix, Safety};
use crate::frontend;
use crate::input::{Source, by_name, lower_case};

use super::error::UserError;
use super::scan::Outcome;
use super::write;

/// A byte order mark, which the analysis does not see.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// One file with its changes.
pub struct Change {
    /// As the user knows it.
    pub path: String,
    before: String,
    after: String,
}

impl Change {
    /// The change as a unified diff.
    pub fn diff(&self) -> String {
        let diff = TextDiff::from_lines(&self.before, &self.after);
        let mut unified = diff.unified_diff();
        unified
            .header(&format!("a/{}", self.path), &format!("b/{}", self.path))
            .to_string()
    }
}

/// What fixing comes to.
#[derive(Default)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// How many fixes that is.
    pub fixes: usize,
    /// Why some are left out, a sentence each.
    pub refused: Vec<String>,
}

/// The changes that the findings' fixes make together.
pub fn plan(outcome: &Outcome, least: Safety) -> Plan {
    let mut plan = Plan::default();
    let mut accepted: Vec<&Fix> = Vec::new();
    for fix in wanted(&outcome.findings, least) {
        let apart = accepted.iter().all(|other| !overlap(other, fix));
        if !accepted.contains(&fix) && apart {
            accepted.push(fix);
        }
    }
    let mut by_file: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    for edit in accepted.iter().flat_map(|fix| &fix.edits) {
        by_file.entry(&edit.location.path).or_default().push(edit);
    }
    let mut lost = Vec::new();
    for (path, edits) in by_file {
        match change(outcome, path, edits) {
            Ok(change) => plan.changes.push(change),
            Err(why) => {
                plan.refused.push(format!("`{path}` is not changed: {why}"));
                lost.push(path);
            }
        }
    }
    // A fix lives in one file; what of it was refused with its file is none.
    plan.fixes = accepted
        .iter()
        .filter(|fix| {
            fix.edits
                .iter()
                .all(|edit| !lost.contains(&edit.location.path.as_str()))
        })
        .count();
    plan
}

/// Writes the changes.
///
/// # Errors
/// The first file that cannot be written; those before it are.
pub fn write(plan: &Plan) -> Result<(), UserError> {
    for change in &plan.changes {
        let path = Path::new(&change.path);
        let marked = fs::read(path).is_ok_and(|bytes| bytes.starts_with(MARK));
        let mut bytes = if marked { MARK.to_vec() } else { Vec::new() };
        bytes.extend(change.after.as_bytes());
        write::atomically(path, &bytes)?;
    }
    Ok(())
}

/// The fixes of what is reported that are safe enough.
fn wanted(findings: &[Finding], least: Safety) -> impl Iterator<Item = &Fix> {
    findings
        .iter()
        .filter(|finding| finding.suppressed.is_none())
        .filter_map(|finding| finding.fix.as_ref())
        .filter(move |fix| fix.safety <= least)
}

fn overlap(a: &Fix, b: &Fix) -> bool {
    let meet = |a: &Edit, b: &Edit| {
        // Two insertions at one place have no order.
        a.location.path == b.location.path && a.start <= b.end && b.start <= a.end
    };
    a.edits.iter().any(|one| b.edits.iter().any(|other| meet(one, other)))
}

/// The file with these edits, where that is sound.
fn change(outcome: &Outcome, path: &str, mut edits: Vec<&Edit>) -> Result<Change, String> {
    let before = outcome.sources.text(path).ok_or("it is not on the disk")?.to_owned();
    let real = Path::new(path).canonicalize().map_err(|error| lower_case(&error))?;
    if !outcome.homes.iter().any(|home| real.starts_with(&home.root)) {
        return Err("only files of a project that was analysed whole are changed".to_owned());
    }
    let bytes = fs::read(&real).map_err(|error| lower_case(&error))?;
    if bytes.strip_prefix(MARK).unwrap_or(&bytes) != before.as_bytes() {
        return Err("it is not what was analysed: it has changed meanwhile, or is not UTF-8".to_owned());
    }
    edits.sort();
    let mut after = before.clone();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.start));
    for edit in edits {
        let range = edit.start as usize..edit.end as usize;
        if before.get(range.clone()).is_none() {
            return Err("an edit does not fit it".to_owned());
        }
        after.replace_range(range, &edit.replacement);
    }
    let change = Change {
        path: path.to_owned(),
        before,
        after,
    };
    if understood(&real, &change.after) > understood(&real, &change.before) {
        return Err("it would no longer be understood; please report this".to_owned());
    }
    Ok(change)
}

/// How many problems a file has.
fn understood(path: &Path, text: &str) -> usize {
    let source = Source {
        path: path.to_string_lossy().into_owned(),
        language: by_name(path).unwrap_or(Language::Python),
        text: text.to_owned(),
    };
    frontend::lower(&source).1.len()
}
