//! `envrace check`.

use std::collections::BTreeSet;

use crate::facts::ProblemKind;
use crate::finding::Safety;
use crate::report::{Detail, Report};

use super::args::{Check, Color, Format};
use super::error::UserError;
use super::exit::Exit;
use super::reports::{self, Reports};
use super::scan::{self, Known, Lines, Notes, Outcome, Request};
use super::ticker::Progress;
use super::{fix, output};

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
        notes: match check.output.format {
            Some(Format::Json | Format::Jsonl) => Notes::Always,
            _ => Notes::AsPersona,
        },
        strict: check.strict,
    };
    let least = if check.unsafe_fixes {
        Safety::Unsafe
    } else {
        Safety::Safe
    };
    let mut outcome = scan::with_threads(check.scan.jobs, || scan::run(&check.paths, request))??;
    if check.fix {
        outcome = fixed(check, request, outcome, least, (color, detail))?;
    }
    drop(progress);
    complain(&outcome, color);
    if check.diff {
        let plan = fix::plan(&outcome, least);
        let text: String = plan.changes.iter().map(fix::Change::diff).collect();
        output::warn(&plan.refused, color);
        tell("would fix", plan.fixes, plan.changes.len(), color, detail);
        output::raw(&text)?;
        return Ok(exit(check, &outcome));
    }
    reports.write(&outcome.report(detail), color)?;
    Ok(exit(check, &outcome))
}

/// How often everything is analysed anew after fixes. Fixes do not make work for each other without end; if they did, that
/// would be a mistake to be seen.
const ROUNDS: usize = 20;

/// Applies fixes until none is left, and says what is found then.
fn fixed(
    check: &Check,
    request: Request,
    mut outcome: Outcome,
    least: Safety,
    (color, detail): (Color, Detail),
) -> Result<Outcome, UserError> {
    let (mut fixes, mut files) = (0, BTreeSet::new());
    for _ in 0..ROUNDS {
        let plan = fix::plan(&outcome, least);
        if plan.changes.is_empty() {
            output::warn(&plan.refused, color);
            break;
        }
        fix::write(&plan)?;
        fixes += plan.fixes;
        files.extend(plan.changes.iter().map(|change| change.path.clone()));
        outcome = scan::with_threads(check.scan.jobs, || scan::run(&check.paths, request))??;
    }
    tell("fixed", fixes, files.len(), color, detail);
    Ok(outcome)
}

/// Says on standard error what fixing came to, so that standard output stays what it is.
fn tell(verb: &str, fixes: usize, files: usize, color: Color, detail: Detail) {
    if detail > Detail::Quiet {
        let places = if fixes == 1 { "place" } else { "places" };
        let in_files = if files == 1 { "file" } else { "files" };
        output::complain(&format!("{verb} {fixes} {places} in {files} {in_files}\n"), color);
    }
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
