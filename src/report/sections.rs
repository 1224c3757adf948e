//! The prose of a human report below its picture: a labelled section for each thing that a finding knows.

use crate::finding::{Confidence, Evidence, Finding, Location, PartnerKind, Safety, Side, Site, StatusKind, Verdict};

use super::Detail;
use super::text::{count, section};

/// Longer chains lose their middle unless everything is asked for.
const MAX_STEPS: usize = 8;

/// Appends every section that the finding has something to say in.
pub fn write(out: &mut String, finding: &Finding, detail: Detail) {
    section(out, "why", &why(finding));
    section(out, "mutation", &chain(&finding.mutation, detail));
    if let Some(partner) = &finding.partner {
        section(out, finding.partner_kind.name(), &chain(partner, detail));
    }
    let numbered = finding
        .interleaving
        .iter()
        .enumerate()
        .map(|(index, step)| format!("{}. {step}", index + 1));
    section(out, "how", &numbered.collect::<Vec<_>>());
    section(out, "array", &array(finding));
    section(out, "lock", &guards(finding));
    section(out, "you see", &status(finding));
    if !finding.holds_for.is_empty() {
        section(out, "holds for", &[finding.holds_for.join(", ")]);
    }
    section(out, "doubt", &doubts(finding));
    if finding.partners_omitted > 0 {
        let number = count(
            u64::from(finding.partners_omitted),
            "further partner",
            "further partners",
        );
        section(out, "also", &[format!("{number} of the same mutation, farther away")]);
    }
    section(out, "help", std::slice::from_ref(&finding.help));
    section(out, "fix", &fix(finding));
    if let Some(evidence) = &finding.confirmation {
        section(out, "replay", &replay(evidence));
    }
    if detail == Detail::Verbose {
        section(out, "print", &[format!("fingerprint {}", finding.fingerprint)]);
    }
}

fn at(place: &Location) -> String {
    format!("{}:{}", place.path, place.line)
}

fn why(finding: &Finding) -> Vec<String> {
    let overlap = &finding.overlap;
    let mut lines = vec![overlap.reason.clone()];
    for thread in &overlap.threads {
        // The sentence mostly names the thread already.
        if !overlap.reason.contains(&at(&thread.start)) {
            let many = if thread.many { "threads run" } else { "a thread runs" };
            let joined = thread
                .joined
                .as_ref()
                .map(|joined| format!(", joined at {}", at(joined)))
                .unwrap_or_default();
            lines.push(format!(
                "{many} `{}`, started at {}{joined}",
                thread.entry,
                at(&thread.start)
            ));
        }
        if at(&thread.created) != at(&thread.start) {
            lines.push(format!(
                "the thread of `{}` is made at {}",
                thread.entry,
                at(&thread.created)
            ));
        }
        lines.extend(thread.note.clone());
    }
    if !overlap.ancestor.is_empty() {
        lines.push(format!("the two part in `{}`", overlap.ancestor));
    }
    lines
}

fn chain(site: &Site, detail: Detail) -> Vec<String> {
    let mut lines: Vec<String> = site
        .chain
        .iter()
        .map(|step| format!("{}:{} in `{}`: {}", step.path, step.line, step.function, step.note))
        .collect();
    if lines.len() > MAX_STEPS && detail < Detail::Verbose {
        let dropped = lines.len() - MAX_STEPS + 1;
        lines.splice(
            MAX_STEPS / 2..MAX_STEPS / 2 + dropped,
            [format!("... {dropped} steps (-v shows them) ...")],
        );
    }
    let repeated = if site.repeated { ", repeatedly" } else { "" };
    lines.push(format!(
        "{} in `{}`: {}{repeated}",
        at(&site.location),
        site.function,
        site.api
    ));
    lines
}

fn array(finding: &Finding) -> Vec<String> {
    let text = finding.array.as_ref().map(|array| {
        let state = if array.heap {
            "can be on the heap already"
        } else {
            "is still the kernel's own"
        };
        format!("environ {state}: {}", array.reason)
    });
    text.into_iter().collect()
}

fn guards(finding: &Finding) -> Vec<String> {
    finding
        .guards
        .iter()
        .map(|guard| {
            let (has, lacks) = match guard.side {
                Side::Mutation => ("the mutation", format!("the {}", finding.partner_kind.name())),
                Side::Partner => (partner_words(finding.partner_kind), "the mutation".to_owned()),
            };
            let missing = match (guard.side, &finding.partner) {
                (Side::Mutation, Some(partner)) => at(&partner.location),
                _ => at(&finding.mutation.location),
            };
            format!(
                "{has} holds `{}`, but {lacks} does not: take it at {missing} too",
                guard.name
            )
        })
        .collect()
}

fn partner_words(kind: PartnerKind) -> &'static str {
    match kind {
        PartnerKind::Spawn => "the spawn",
        PartnerKind::Read => "the read",
        PartnerKind::Mutation => "the other mutation",
        PartnerKind::Fork => "the fork",
    }
}

fn status(finding: &Finding) -> Vec<String> {
    let text = finding
        .status
        .as_ref()
        .zip(finding.partner.as_ref())
        .map(|(status, partner)| {
            let place = format!("{}:{}", partner.location.path, status.line);
            match status.kind {
                StatusKind::Checked => format!("an error about the failed command; the status is checked at {place}"),
                StatusKind::Dropped => format!("nothing: the status is dropped at {place}"),
                StatusKind::SilentExit => format!("exit code 1 and no message; the status is lost at {place}"),
            }
        });
    text.into_iter().collect()
}

fn doubts(finding: &Finding) -> Vec<String> {
    if finding.confidence == Confidence::High {
        return Vec::new();
    }
    let mut lines = vec![format!("confidence is {}:", finding.confidence.name())];
    if finding.doubts.len() == 1 {
        lines[0].push(' ');
        lines[0].push_str(&finding.doubts[0]);
    } else {
        lines.extend(finding.doubts.iter().map(|doubt| format!("- {doubt}")));
    }
    lines
}

fn fix(finding: &Finding) -> Vec<String> {
    let text = finding.fix.as_ref().map(|fix| match fix.safety {
        Safety::Safe => format!("{} (--fix)", fix.title),
        Safety::Unsafe => format!("{} (--fix --unsafe-fixes): {}", fix.title, fix.because),
    });
    text.into_iter().collect()
}

/// The lines about an experiment: the verdict, the figures, the controls, the machine.
fn replay(evidence: &Evidence) -> Vec<String> {
    let verdict = match evidence.verdict {
        Verdict::Confirmed => "confirmed",
        Verdict::NotObserved => "not observed",
        Verdict::Inconclusive => "inconclusive",
        Verdict::CannotRun => "cannot run here",
    };
    let mut lines = Vec::new();
    if let Some(changed) = &evidence.stale {
        lines.push(format!("stale, for {changed}: `envrace confirm` replays it again"));
    }
    if evidence.trials == 0 {
        lines.push(format!("{verdict}: {}", evidence.reason));
        return lines;
    }
    let mut figures = format!(
        "{verdict}: {} failed in {} of {} trials ({}) over {}",
        evidence.pattern,
        evidence.failures,
        evidence.trials,
        interval(evidence),
        count(evidence.runs, "run", "runs")
    );
    if let Some(first) = &evidence.first_failure {
        figures.push_str(&format!(
            ", first at trial {} after {:.2} s",
            first.trial, first.seconds
        ));
    }
    if evidence.active {
        figures.push_str("; the schedule was forced");
    }
    lines.push(figures);
    if !evidence.reason.is_empty() {
        lines.push(evidence.reason.clone());
    }
    if !evidence.seen.is_empty() {
        let seen: Vec<String> = evidence
            .seen
            .iter()
            .map(|(what, number)| format!("{what} {number} times"))
            .collect();
        lines.push(format!("seen: {}", seen.join(", ")));
    }
    let controls: Vec<String> = evidence
        .controls
        .iter()
        .map(|control| format!("{} {} of {}", control.kind, control.failures, control.trials))
        .collect();
    if !controls.is_empty() {
        lines.push(format!("controls failed: {}", controls.join(", ")));
    }
    let machine = &evidence.machine;
    let parts = [
        machine.kernel.clone(),
        machine.libc.clone(),
        machine.runtime.clone().unwrap_or_default(),
    ];
    let mut parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.push(count(u64::from(machine.cores), "core", "cores"));
    let taken = match evidence.taken.as_str() {
        "" => String::new(),
        taken => format!("; taken {taken}"),
    };
    lines.push(format!("on {}{taken}", parts.join(", ")));
    lines
}

/// The 95 % interval; where nothing failed, up to the bound of the rule of three.
fn interval(evidence: &Evidence) -> String {
    let [low, high] = evidence.interval.map(|rate| rate * 100.0);
    if evidence.failures == 0 {
        format!("95 % interval: 0 to {high:.2} %")
    } else {
        format!("95 % interval: {low:.2} % to {high:.2} %")
    }
}
