//! `envrace check`.

use crate::facts::ProblemKind;
use crate::report::{Detail, Report};

use super::args::{Check, Color};
use super::error::UserError;
use super::exit::Exit;
use super::output;
use super::reports::{self, Reports};
use super::scan::{self, Known, Lines, Outcome, Request};
use super::ticker::Progress;

/// Runs the command.
///
/// # Errors
/// What stops the whole run.
pub fn run(check: &Check, color: Color, detail: Detail) -> Result<Exit, UserError> {
    let reports = Reports::plan(check.output.format, &check.output.output)?;
    let progress = progress(detail);
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
        progress: Some(&progress),
        picture: false,
    };
    let outcome = scan::with_threads(check.scan.jobs, || scan::run(&check.paths, request))??;
    drop(progress);
    complain(&outcome, color);
    reports.write(&outcome.report(detail), color)?;
    Ok(exit(check, &outcome))
}

/// Shown where somebody watches and has not asked for quiet.
pub fn progress(detail: Detail) -> Progress {
    if detail > Detail::Quiet && reports::watched() {
        Progress::on_terminal()
    } else {
        Progress::silent()
    }
}

/// Says what could not be analysed at all.
pub fn complain(outcome: &Outcome, color: Color) {
    for error in &outcome.errors {
        output::complain(&error.render(), color);
    }
    for path in &outcome.nothing {
        output::warn(&[format!("nothing to analyse in `{path}`")], color);
    }
    output::warn(&outcome.warnings, color);
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
            base: &self.base,
            detail,
            pictures: reports::pictures(),
        }
    }
}
