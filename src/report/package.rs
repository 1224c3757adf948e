//! What came of one archive: a verdict line of its own in texts, an element of `packages` in JSON.

use serde::Serialize;

use crate::facts::Problem;
use crate::finding::{Finding, Severity};

use super::text::{Style, count, paint};
use super::{Summary, sanitise};

/// What can be said of an archive in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PackageVerdict {
    /// There are findings that are not silenced.
    Findings,
    /// There are none, but something was lost, so that this says little.
    Lost,
    /// It holds no source of a language that is read.
    Nothing,
    Clean,
}

/// The numbers of one archive. Findings that are silenced are not counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Package {
    /// As the user named it.
    pub path: String,
    pub verdict: PackageVerdict,
    pub errors: u64,
    pub warnings: u64,
    pub notes: u64,
    pub files: u64,
    pub parsed: u64,
    pub problems: u64,
}

impl Package {
    /// Counts what was found in the archive at `path`.
    pub fn new(path: String, summary: Summary, findings: &[Finding], problems: &[Problem]) -> Package {
        let of = |severity| {
            let loud = |finding: &&Finding| finding.suppressed.is_none() && finding.severity == severity;
            findings.iter().filter(loud).count() as u64
        };
        let (errors, warnings, notes) = (of(Severity::Error), of(Severity::Warning), of(Severity::Note));
        let verdict = if errors + warnings + notes > 0 {
            PackageVerdict::Findings
        } else if problems.iter().any(|problem| problem.kind.loses_input()) {
            PackageVerdict::Lost
        } else if summary.files == 0 {
            PackageVerdict::Nothing
        } else {
            PackageVerdict::Clean
        };
        Package {
            path,
            verdict,
            errors,
            warnings,
            notes,
            files: summary.files,
            parsed: summary.parsed,
            problems: problems.len() as u64,
        }
    }
}

/// The verdict line.
pub(super) fn line(package: &Package) -> String {
    let (style, verdict) = match package.verdict {
        PackageVerdict::Findings => (
            if package.errors > 0 {
                Style::Error
            } else if package.warnings > 0 {
                Style::Warning
            } else {
                Style::Note
            },
            severities(package),
        ),
        PackageVerdict::Lost => (Style::Warning, "not wholly read".to_owned()),
        PackageVerdict::Nothing => (Style::Note, "nothing to analyse".to_owned()),
        PackageVerdict::Clean => (Style::Good, "no findings".to_owned()),
    };
    let mut numbers = count(package.files, "file", "files");
    if package.parsed != package.files {
        numbers.push_str(&format!(", {} parsed", package.parsed));
    }
    if package.problems > 0 {
        numbers.push_str(&format!(", {}", count(package.problems, "problem", "problems")));
    }
    format!(
        "{}: {}: {numbers}\n",
        sanitise::line(&package.path),
        paint(style, &verdict)
    )
}

fn severities(package: &Package) -> String {
    let kinds = [
        (package.errors, "error", "errors"),
        (package.warnings, "warning", "warnings"),
        (package.notes, "note", "notes"),
    ];
    let told = kinds.into_iter().filter(|(number, ..)| *number > 0);
    told.map(|(number, one, many)| count(number, one, many))
        .collect::<Vec<_>>()
        .join(", ")
}
