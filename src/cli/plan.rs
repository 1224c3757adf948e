//! `confirm --list`: what would be replayed, and what has no replay.

use serde_json::json;

use crate::confirm::{Plan, plan};
use crate::finding::Finding;
use crate::report::{Detail, json_document, sanitise_line};

/// Findings that are named for an experiment unless everything is asked for.
const NAMED: usize = 3;

/// The plan for people: a line for each experiment, one for each finding without one, and a last one with the numbers.
pub fn text(findings: &[Finding], detail: Detail) -> String {
    let plan = plan(findings);
    let mut out = String::new();
    for experiment in &plan.experiments {
        let pattern = sanitise_line(&experiment.pattern.to_string());
        let places = places(findings, &experiment.findings, detail);
        out.push_str(&format!("{pattern}: {places}\n"));
    }
    for (index, reason) in &plan.impossible {
        let place = sanitise_line(&place(&findings[*index]));
        out.push_str(&format!("no replay: {place}: {}\n", sanitise_line(reason)));
    }
    if detail > Detail::Quiet {
        out.push_str(&last_line(&plan, findings.len()));
    }
    out
}

/// The same as a document, with fingerprints.
pub fn document(findings: &[Finding]) -> String {
    let plan = plan(findings);
    let named = |index: usize| {
        let finding = &findings[index];
        json!({"fingerprint": finding.fingerprint, "rule": finding.rule, "mutation": at(&finding.mutation.location),
            "partner": finding.partner.as_ref().map(|partner| at(&partner.location))})
    };
    let experiments = plan.experiments.iter().map(|experiment| {
        let held: Vec<_> = experiment.findings.iter().map(|index| named(*index)).collect();
        json!({"pattern": experiment.pattern.to_string(), "findings": held})
    });
    let impossible = plan
        .impossible
        .iter()
        .map(|(index, reason)| json!({"finding": named(*index), "reason": reason}));
    let document = json!({
        "schema": "envrace-plan/1",
        "experiments": experiments.collect::<Vec<_>>(),
        "impossible": impossible.collect::<Vec<_>>(),
    });
    json_document(&document)
}

fn at(place: &crate::finding::Location) -> String {
    format!("{}:{}", place.path, place.line)
}

fn place(finding: &Finding) -> String {
    let mutation = at(&finding.mutation.location);
    match &finding.partner {
        Some(partner) => format!("{mutation} with {}", at(&partner.location)),
        None => mutation,
    }
}

fn places(findings: &[Finding], indices: &[usize], detail: Detail) -> String {
    let shown = if detail == Detail::Verbose {
        indices.len()
    } else {
        NAMED
    };
    let mut places: Vec<String> = indices
        .iter()
        .take(shown)
        .map(|index| sanitise_line(&place(&findings[*index])))
        .collect();
    if indices.len() > shown {
        places.push(format!("{} more (-v names them)", indices.len() - shown));
    }
    places.join(", ")
}

fn last_line(plan: &Plan, findings: usize) -> String {
    let number = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let mut line = format!(
        "{} for {}",
        number(plan.experiments.len(), "experiment", "experiments"),
        number(findings - plan.impossible.len(), "finding", "findings")
    );
    if !plan.impossible.is_empty() {
        line.push_str(&format!(
            ", {} without a replay",
            number(plan.impossible.len(), "finding", "findings")
        ));
    }
    line.push('\n');
    line
}
