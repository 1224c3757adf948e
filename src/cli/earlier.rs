//! `confirm --report FILE`: the findings of an earlier check.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::facts::Language;
use crate::finding::{Finding, Location, Site};
use crate::input::{Sources, lower_case, read_file};
use crate::report::Earlier;

use super::error::UserError;
use super::evidence;
use super::scan::{Home, Outcome};

/// Reads a report, and the sources that it was made of where they are still there.
///
/// Its paths are relative to the folder in which the check ran, which is taken to be this one.
///
/// # Errors
/// Where the file cannot be read or is no report.
pub fn read(file: &Path) -> Result<(Earlier, Outcome), UserError> {
    let shown = file.display().to_string();
    let text = text_of(file).map_err(|error| UserError::ReportUnreadable {
        file: shown.clone(),
        cause: lower_case(&error),
    })?;
    let earlier = Earlier::read(&text).map_err(|error| UserError::ReportWrong { file: shown, error })?;
    let (sources, changed) = sources(&earlier.findings);
    let mut outcome = Outcome {
        findings: earlier.findings.clone(),
        problems: earlier.problems.clone(),
        summary: earlier.summary,
        ..Outcome::default()
    };
    if !changed.is_empty() {
        let files = changed.into_iter().collect::<Vec<_>>().join("`, `");
        let sentence = format!("the report is older than `{files}`: its findings may be gone, or stand elsewhere");
        outcome.warnings.push(sentence);
    }
    // Evidence is kept beside the sources; without them this folder is not the project's.
    if sources.iter().next().is_some() {
        let root = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        outcome.warnings.extend(evidence::show(&root, &mut outcome.findings));
        outcome.homes.push(Home {
            root,
            fingerprints: outcome
                .findings
                .iter()
                .map(|finding| finding.fingerprint.clone())
                .collect(),
        });
    }
    Ok((earlier, outcome))
}

fn text_of(file: &Path) -> io::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(file)
}

fn sites(finding: &Finding) -> impl Iterator<Item = &Site> {
    std::iter::once(&finding.mutation).chain(&finding.partner)
}

/// The texts of the files that findings stand in, and the paths of those that say something else by now. Such a file is
/// left out, for a picture of it would point at the wrong place.
fn sources(findings: &[Finding]) -> (Sources, BTreeSet<String>) {
    let mut paths: BTreeSet<&str> = findings
        .iter()
        .flat_map(sites)
        .map(|site| site.location.path.as_str())
        .collect();
    let starts = findings.iter().flat_map(|finding| &finding.overlap.threads);
    paths.extend(starts.map(|thread| thread.start.path.as_str()));
    let read = paths
        .iter()
        .filter_map(|path| read_file(Path::new(path), path, Language::C).0);
    let all = Sources::new(read);
    let changed: BTreeSet<String> = findings
        .iter()
        .flat_map(sites)
        .filter(|site| all.text(&site.location.path).is_some() && !stands(site, &all))
        .map(|site| site.location.path.clone())
        .collect();
    let kept = paths
        .into_iter()
        .filter(|path| !changed.contains(*path))
        .filter_map(|path| read_file(Path::new(path), path, Language::C).0);
    (Sources::new(kept), changed)
}

/// Whether the site's code still stands at its place.
fn stands(site: &Site, sources: &Sources) -> bool {
    let at = &site.location;
    let text = excerpt(at, sources);
    text.split_whitespace().collect::<Vec<_>>().join(" ") == site.code || site.code.is_empty()
}

/// The text of a place; columns count characters from 1, and the last one is not part of it.
fn excerpt(at: &Location, sources: &Sources) -> String {
    let index = |column: u32| (column as usize).saturating_sub(1);
    let part = |line: u32| {
        let text = sources.line(&at.path, line)?;
        let from = if line == at.line { index(at.column) } else { 0 };
        let to = if line == at.end_line {
            index(at.end_column)
        } else {
            usize::MAX
        };
        Some(
            text.chars()
                .skip(from)
                .take(to.saturating_sub(from))
                .collect::<String>(),
        )
    };
    (at.line..=at.end_line).map_while(part).collect::<Vec<_>>().join("\n")
}
