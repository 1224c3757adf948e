//! `envrace confirm`: analyse as `check` does, replay what was found, and print the findings with their evidence.

use std::io::IsTerminal;

use crate::confirm::{self, ConfirmOptions, Progress};
use crate::finding::{Finding, RuleCode, Verdict};
use crate::report::{self, Detail};
use crate::triage::unknown_rule_help;

use super::args::{Color, Confirm};
use super::check::{complain, progress};
use super::error::UserError;
use super::exit::Exit;
use super::output;
use super::reports::Reports;
use super::scan::{self, Outcome, Request};

/// Runs the command.
///
/// # Errors
/// What stops the whole run.
pub fn run(asked: &Confirm, color: Color, detail: Detail) -> Result<Exit, UserError> {
    let rules = rules(&asked.rule)?;
    let reports = Reports::plan(asked.output.format, &asked.output.output)?;
    let progress = progress(detail);
    let request = Request {
        scan: &asked.scan,
        fail_on: None,
        min_confidence: None,
        progress: &progress,
        picture: false,
    };
    let mut outcome = scan::with_threads(asked.scan.jobs, || scan::run(&asked.paths, request))??;
    drop(progress);
    outcome
        .findings
        .retain(|finding| wanted(finding, &rules, &asked.fingerprint));
    replay(&mut outcome.findings, asked, color, detail);
    complain(&outcome, color);
    reports.write(&outcome.report(detail), color)?;
    Ok(exit(&outcome))
}

fn replay(findings: &mut [Finding], asked: &Confirm, color: Color, detail: Detail) {
    confirm::clean_up_on_signals();
    let options = ConfirmOptions {
        python: asked.python.clone(),
        budget: asked.budget,
        ..ConfirmOptions::default()
    };
    // Experiments take seconds each, so whoever watches is told; files and pipes are not.
    let watched = detail > Detail::Quiet && std::io::stderr().is_terminal();
    confirm::confirm(findings, &options, &mut |progress| {
        if let (true, Progress::Begins { number, of, pattern }) = (watched, progress) {
            let pattern = report::sanitise_line(pattern);
            output::complain(&format!("replaying {number} of {of}: {pattern}\n"), color);
        }
    });
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
