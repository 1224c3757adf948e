//! `envrace check`.

use crate::facts::ProblemKind;
use crate::report::{self, Detail, Report};

use super::args::{Check, Color, Format};
use super::error::UserError;
use super::exit::Exit;
use super::output;
use super::scan::{self, Known, Lines, Outcome, Request};

/// Runs the command.
///
/// # Errors
/// What stops the whole run.
pub fn run(check: &Check, color: Color, detail: Detail) -> Result<Exit, UserError> {
    let request = Request {
        scan: &check.scan,
        fail_on: check.fail_on.map(Into::into),
        min_confidence: check.min_confidence.map(Into::into),
        known: match &check.baseline {
            _ if check.no_baseline => Known::None,
            Some(file) => Known::File(file),
            None => Known::Configured,
        },
        lines: match &check.since {
            _ if check.staged => Lines::Staged,
            Some(reference) => Lines::Since(reference),
            None => Lines::All,
        },
    };
    let outcome = scan::with_threads(check.scan.jobs, || scan::run(&check.paths, request))??;
    print(&outcome, check.format, color, detail)?;
    Ok(exit(check, &outcome))
}

fn print(outcome: &Outcome, format: Format, color: Color, detail: Detail) -> Result<(), UserError> {
    for error in &outcome.errors {
        output::complain(&error.render(), color);
    }
    for path in &outcome.nothing {
        output::warn(&[format!("nothing to analyse in `{path}`")], color);
    }
    output::warn(&outcome.warnings, color);
    let report = outcome.report(detail);
    match format {
        Format::Human => output::print(&report::human(&report), color),
        Format::Concise => output::print(&report::concise(&report), color),
        Format::Json => output::raw(&report::json(&report)),
    }
}

fn exit(check: &Check, outcome: &Outcome) -> Exit {
    // The default path is nobody's mistake.
    let by_hand = check.paths.iter().any(|path| path.as_os_str() != ".");
    let partial = outcome
        .problems
        .iter()
        .any(|problem| problem.kind == ProblemKind::Partial);
    let lost = outcome.problems.iter().any(|problem| problem.kind.loses_input());
    if let Some(error) = outcome.errors.first() {
        error.exit()
    } else if outcome.fails && !check.exit_zero {
        Exit::Findings
    } else if lost || (check.strict && partial) {
        Exit::Lost
    } else if by_hand && !outcome.nothing.is_empty() {
        Exit::Nothing
    } else {
        Exit::Clean
    }
}

impl Outcome {
    /// The outcome as the renderers take it.
    pub fn report(&self, detail: Detail) -> Report<'_> {
        Report {
            findings: &self.findings,
            problems: &self.problems,
            summary: &self.summary,
            target: &self.target,
            sources: &self.sources,
            packages: &self.packages,
            detail,
        }
    }
}
