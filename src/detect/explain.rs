//! Why a place is reported or not, in sentences.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::model::{AccessKind, Observation, Program, SiteId, StartId};

use super::describe::Describe;

/// The files that were analysed.
pub fn roots(program: &Program<'_>) -> Vec<String> {
    program
        .engine
        .values
        .tree
        .files
        .iter()
        .map(|file| file.path.clone())
        .collect()
}

/// Explanations of every site, by path and line. `omitted`: what is a finding, but not among the nearest of its mutation.
pub fn all(
    describe: &Describe<'_, '_>,
    program: &Program<'_>,
    findings: &[Finding],
    omitted: &[Finding],
) -> BTreeMap<(String, u32), Vec<String>> {
    let mut found: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
    for (site, info) in program.engine.sites.iter() {
        if info.kind == AccessKind::Fork {
            continue;
        }
        let location = describe.location(info.function, info.span);
        let mut lines = vec![format!(
            "{}:{}: {} ({})",
            location.path,
            location.line,
            info.display,
            kind(info.kind)
        )];
        let reported = findings.iter().filter(|finding| {
            finding.mutation.location == location
                || finding
                    .partner
                    .as_ref()
                    .is_some_and(|partner| partner.location == location)
        });
        for finding in reported.clone() {
            let other = if finding.mutation.location == location {
                finding.partner.as_ref()
            } else {
                Some(&finding.mutation)
            };
            let other = other.map_or_else(String::new, |site| {
                format!(" with {} at {}:{}", site.api, site.location.path, site.location.line)
            });
            lines.push(format!(
                "  reported as {} ({}, {} confidence){other}: {}",
                finding.rule,
                finding.severity.name(),
                finding.confidence.name(),
                finding.overlap.reason
            ));
        }
        let mut reasons: Vec<String> = Vec::new();
        for observation in program.engine.observations.of(site) {
            if let Some(reason) = sentence(describe, program, site, &observation)
                && !reasons.contains(&reason)
            {
                reasons.push(reason);
            }
        }
        let quiet = reported.count() == 0;
        if quiet {
            let is_partner = |finding: &&Finding| {
                let partner = finding.partner.as_ref();
                partner.is_some_and(|partner| partner.location == location)
            };
            reasons.extend(omitted.iter().filter(is_partner).map(|finding| {
                let mutation = &finding.mutation;
                format!(
                    "it is a partner of {} at {}:{}, which has others that are surer or nearer: those are shown, and it is \
                     counted with the rest",
                    mutation.api, mutation.location.path, mutation.location.line
                )
            }));
        }
        if quiet && reasons.is_empty() {
            let known = match program.engine.starts().any(|(_, start)| !start.process) {
                false => "no thread runs in this program",
                true => {
                    "no thread that is started here is known to be alive while it runs: no way that was followed leads to both"
                }
            };
            reasons.push(format!("not reported: {known}"));
        }
        lines.extend(reasons.into_iter().map(|reason| {
            if quiet {
                format!("  not reported: {}", reason.trim_start_matches("not reported: "))
            } else {
                format!("  also: {reason}")
            }
        }));
        found.entry((location.path, location.line)).or_default().extend(lines);
    }
    found
}

fn kind(kind: AccessKind) -> &'static str {
    match kind {
        AccessKind::Mutation => "mutation",
        AccessKind::Spawn => "spawn",
        AccessKind::Read => "read",
        AccessKind::Fork => "fork",
    }
}

fn sentence(
    describe: &Describe<'_, '_>,
    program: &Program<'_>,
    site: SiteId,
    observation: &Observation,
) -> Option<String> {
    let engine = &program.engine;
    let tree = engine.values.tree;
    let thread = |start: StartId| {
        let info = engine.start(start);
        let location = describe.location(info.site.0, tree.call(info.site).span);
        (
            describe.thread_name(start),
            format!("{}:{}", location.path, location.line),
        )
    };
    let _ = site;
    Some(match observation {
        Observation::Before { function, start } => {
            let (name, place) = thread(*start);
            format!(
                "in {} it ends before the thread of {name} starts, at {place}",
                tree.display(*function)
            )
        }
        Observation::After {
            function,
            start,
            joined_in,
            joined,
        } => {
            let (name, _) = thread(*start);
            let at = describe.location(*joined_in, *joined);
            format!(
                "in {} the thread of {name} has ended before: joined at {}:{}",
                tree.display(*function),
                at.path,
                at.line
            )
        }
        Observation::Gated { start, partner, .. } => {
            let (name, place) = thread(*start);
            let info = engine.sites.get(*partner);
            let other = describe.location(info.function, info.span);
            format!(
                "the thread of {name} (started at {place}) first waits to receive, and nothing is sent to it before this place; \
                 {} at {}:{} comes after that",
                info.display, other.path, other.line
            )
        }
        Observation::Guarded { partner, lock } => {
            let info = engine.sites.get(*partner);
            let other = describe.location(info.function, info.span);
            format!(
                "{lock} is held here and around {} at {}:{}",
                info.display, other.path, other.line
            )
        }
        Observation::Beside { function, start } => {
            let (name, place) = thread(*start);
            format!(
                "in {} the thread of {name} (started at {place}) may be alive, and does nothing then that this could harm",
                tree.display(*function)
            )
        }
        Observation::Alone { .. } => return None,
    })
}
