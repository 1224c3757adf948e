//! `envrace confirm`: analyse as `check` does, replay what was found, and print the findings with their evidence.

use crate::finding::{Finding, RuleCode, Verdict};
use crate::report::{self, Detail};
use crate::triage::unknown_rule_help;

use super::args::{Color, Confirm, ConfirmFormat};
use super::error::UserError;
use super::exit::Exit;
use super::output;
use super::scan::{self, Outcome, Request};

/// Runs the command.
///
/// # Errors
/// What stops the whole run.
pub fn run(confirm: &Confirm, color: Color, detail: Detail) -> Result<Exit, UserError> {
    let rules = rules(&confirm.rule)?;
    let request = Request {
        scan: &confirm.scan,
        fail_on: None,
        min_confidence: None,
    };
    let mut outcome = scan::with_threads(confirm.scan.jobs, || scan::run(&confirm.paths, request))??;
    outcome
        .findings
        .retain(|finding| wanted(finding, &rules, &confirm.fingerprint));
    replay(&mut outcome.findings, confirm);
    for error in &outcome.errors {
        output::complain(&error.render(), color);
    }
    let report = outcome.report(detail);
    let written = match confirm.format {
        ConfirmFormat::Human => output::print(&report::human(&report), color),
        ConfirmFormat::Json => output::raw(&report::json(&report)),
    };
    output::say_failure(written, color);
    Ok(exit(&outcome))
}

// ---- SEAM: the experiments are `crate::confirm::confirm(findings, &options)`; this is where its options are made from
// `confirm.python`, `confirm.budget` and `confirm.scan.jobs`. Until it is merged nothing is replayed.
fn replay(_findings: &mut [Finding], _confirm: &Confirm) {}
// ---- end of the seam

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
