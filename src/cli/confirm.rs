//! `envrace confirm`: analyse as `check` does, or take up an earlier report; replay what was found, and print the
//! findings with their evidence.

use crate::confirm::{self, ConfirmOptions};
use crate::finding::{Finding, RuleCode, Verdict};
use crate::report::{self, Detail, Earlier};
use crate::triage::unknown_rule_help;

use super::args::{Color, Confirm, ConfirmFormat};
use super::error::UserError;
use super::exit::Exit;
use super::progress::Display;
use super::scan::{self, Outcome, Request};
use super::{earlier, emit, evidence, output, plan};

/// Runs the command.
///
/// # Errors
/// What stops the whole run.
pub fn run(asked: &Confirm, color: Color, detail: Detail) -> Result<Exit, UserError> {
    let rules = rules(&asked.rule)?;
    let (earlier, mut outcome) = findings(asked)?;
    outcome
        .findings
        .retain(|finding| wanted(finding, &rules, &asked.fingerprint));
    for error in &outcome.errors {
        output::complain(&error.render(), color);
    }
    if asked.list {
        return list(asked, &outcome, color, detail);
    }
    if let Some(directory) = &asked.emit {
        let written = emit::run(&outcome.findings, directory, color)?;
        return Ok(outcome.errors.first().map_or(written, UserError::exit));
    }
    replay(&mut outcome.findings, asked, color, detail);
    if !asked.no_keep {
        outcome
            .warnings
            .extend(evidence::keep_all(&outcome.homes, &outcome.findings));
        outcome.warnings.dedup();
    }
    output::warn(&outcome.warnings, color);
    match (asked.format, &earlier) {
        (ConfirmFormat::Human, _) => output::print(&report::human(&outcome.report(detail)), color),
        (ConfirmFormat::Json, Some(earlier)) => output::raw(&earlier.json(&outcome.findings)),
        (ConfirmFormat::Json, None) => output::raw(&report::json(&outcome.report(detail))),
    }?;
    Ok(exit(&outcome))
}

/// What there is to confirm: that of an earlier report, or what is found now.
fn findings(asked: &Confirm) -> Result<(Option<Earlier>, Outcome), UserError> {
    if let Some(file) = &asked.report {
        let (earlier, outcome) = earlier::read(file)?;
        return Ok((Some(earlier), outcome));
    }
    let request = Request::all(&asked.scan);
    let outcome = scan::with_threads(asked.scan.jobs, || scan::run(&asked.paths, request))??;
    Ok((None, outcome))
}

fn list(asked: &Confirm, outcome: &Outcome, color: Color, detail: Detail) -> Result<Exit, UserError> {
    output::warn(&outcome.warnings, color);
    match asked.format {
        ConfirmFormat::Human => output::print(&plan::text(&outcome.findings, detail), color),
        ConfirmFormat::Json => output::raw(&plan::document(&outcome.findings)),
    }?;
    Ok(outcome.errors.first().map_or(Exit::Clean, UserError::exit))
}

fn replay(findings: &mut [Finding], asked: &Confirm, color: Color, detail: Detail) {
    confirm::clean_up_on_signals();
    let options = ConfirmOptions {
        python: asked.python.clone(),
        budget: asked.budget,
        active: asked.active,
        trace: asked.trace,
        ..ConfirmOptions::default()
    };
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
