//! `envrace confirm`: analyse as `check` does, or take up an earlier report; replay what was found, and print the
//! findings with their evidence.

use crate::confirm::{self, ConfirmOptions, Sweep};
use crate::finding::{Finding, RuleCode, Verdict};
use crate::report::{Detail, Earlier};
use crate::triage::unknown_rule_help;

use super::args::{Color, Confirm, Format};
use super::check::{complain, progress};
use super::error::UserError;
use super::exit::Exit;
use super::progress::Display;
use super::reports::Reports;
use super::scan::{self, Outcome, Request};
use super::{earlier, emit, evidence, output, plan, sweep};

/// Runs the command.
///
/// # Errors
/// What stops the whole run.
pub fn run(asked: &Confirm, color: Color, detail: Detail) -> Result<Exit, UserError> {
    let rules = rules(&asked.rule)?;
    let reports = Reports::plan(asked.output.format, &asked.output.output)?;
    let (earlier, mut outcome) = findings(asked, detail)?;
    outcome
        .findings
        .retain(|finding| wanted(finding, &rules, &asked.fingerprint));
    if asked.list {
        return list(asked, &outcome, color, detail);
    }
    if let Some(directory) = &asked.emit {
        let written = emit::run(&outcome.findings, directory, color)?;
        return Ok(outcome.errors.first().map_or(written, UserError::exit));
    }
    if let Some(values) = &asked.sweep {
        return sweep(asked, values, &outcome, color);
    }
    replay(&mut outcome.findings, asked, color, detail);
    if !asked.no_keep {
        outcome
            .warnings
            .extend(evidence::keep_all(&outcome.homes, &outcome.findings));
        outcome.warnings.dedup();
    }
    complain(&outcome, color);
    let document = earlier.map(|earlier| earlier.json(&outcome.findings));
    reports.write_with(&outcome.report(detail), document.as_deref(), color)?;
    Ok(exit(&outcome))
}

/// What there is to confirm: that of an earlier report, or what is found now.
fn findings(asked: &Confirm, detail: Detail) -> Result<(Option<Earlier>, Outcome), UserError> {
    if let Some(file) = &asked.report {
        let (earlier, mut outcome) = earlier::read(file)?;
        outcome.base = scan::base();
        return Ok((Some(earlier), outcome));
    }
    let progress = progress(detail);
    let request = Request {
        progress: Some(&progress),
        ..Request::all(&asked.scan)
    };
    let outcome = scan::with_threads(asked.scan.jobs, || scan::run(&asked.paths, request))??;
    Ok((None, outcome))
}

fn list(asked: &Confirm, outcome: &Outcome, color: Color, detail: Detail) -> Result<Exit, UserError> {
    complain(outcome, color);
    match asked.output.format.unwrap_or(Format::Human) {
        Format::Human => output::print(&plan::text(&outcome.findings, detail), color),
        Format::Json => output::raw(&plan::document(&outcome.findings)),
        format => Err(UserError::PlanFormat { format: format.name() }),
    }?;
    Ok(outcome.errors.first().map_or(Exit::Clean, UserError::exit))
}

fn options(asked: &Confirm) -> ConfirmOptions {
    let usual = ConfirmOptions::default();
    ConfirmOptions {
        python: asked.python.clone(),
        budget: asked.budget,
        compiler: asked.cc.clone().or(usual.compiler),
        active: asked.active,
        trace: asked.trace,
        helper: usual.helper,
    }
}

/// A table for each pattern, printed as it is done.
fn sweep(asked: &Confirm, values: &Sweep, outcome: &Outcome, color: Color) -> Result<Exit, UserError> {
    let format = asked.output.format.unwrap_or(Format::Human);
    if !matches!(format, Format::Human | Format::Json) {
        return Err(UserError::PlanFormat { format: format.name() });
    }
    confirm::clean_up_on_signals();
    output::warn(&outcome.warnings, color);
    let mut tables = Vec::new();
    let mut printed = Ok(());
    let fixed = sweep::setting(&asked.set);
    confirm::sweep(&outcome.findings, &options(asked), values, fixed, &mut |table| {
        if format == Format::Human && printed.is_ok() {
            printed = output::print(&sweep::text(table, values.knob, &asked.set), color);
        }
        tables.push(table.clone());
    });
    printed?;
    match format {
        Format::Json => output::raw(&sweep::document(&tables, values.knob, &asked.set))?,
        _ if tables.is_empty() => output::print("no pattern to replay\n", color)?,
        _ => {}
    }
    let unrun = tables.iter().any(|table| table.rows.is_err());
    let usual = if unrun { Exit::Lost } else { Exit::Clean };
    Ok(outcome.errors.first().map_or(usual, UserError::exit))
}

fn replay(findings: &mut [Finding], asked: &Confirm, color: Color, detail: Detail) {
    confirm::clean_up_on_signals();
    let options = options(asked);
    let mut display = Display::new(color, detail);
    confirm::confirm(findings, &options, &mut |progress| display.show(progress));
}

fn rules(names: &[String]) -> Result<Vec<RuleCode>, UserError> {
    let parse = |name: &String| {
        RuleCode::parse(name).ok_or_else(|| UserError::UnknownName {
            text: name.clone(),
            help: unknown_rule_help(name),
        })
    };
    names.iter().map(parse).collect()
}

/// Silenced findings are not replayed: their owner has said that they know.
fn wanted(finding: &Finding, rules: &[RuleCode], fingerprints: &[String]) -> bool {
    finding.suppressed.is_none()
        && (rules.is_empty() || rules.contains(&finding.code))
        && (fingerprints.is_empty()
            || fingerprints
                .iter()
                .any(|prefix| finding.fingerprint.starts_with(prefix.as_str())))
}

fn exit(outcome: &Outcome) -> Exit {
    let any = |verdict: Verdict| {
        outcome.findings.iter().any(|finding| {
            finding
                .confirmation
                .as_ref()
                .is_some_and(|found| found.verdict == verdict)
        })
    };
    let unrun = outcome.findings.iter().any(|finding| finding.confirmation.is_none());
    if let Some(error) = outcome.errors.first() {
        error.exit()
    } else if any(Verdict::Confirmed) {
        Exit::Findings
    } else if unrun || any(Verdict::CannotRun) || any(Verdict::Inconclusive) {
        Exit::Lost
    } else {
        Exit::Clean
    }
}
