//! One line a finding, for editors and for reading many: `path:line:col: error[rule] message (partner path:line)`.

use std::fmt::Write;

use crate::finding::Finding;

use super::{Detail, Report, sanitise, summary};

/// The report as text; silenced findings are left out.
pub fn concise(report: &Report) -> String {
    let mut out = String::new();
    for finding in report.findings.iter().filter(|finding| finding.suppressed.is_none()) {
        out.push_str(&sanitise::line(&line(finding)));
        out.push('\n');
    }
    if report.detail > Detail::Quiet {
        summary::write(&mut out, report);
    }
    out
}

fn line(finding: &Finding) -> String {
    let place = &finding.mutation.location;
    let mut text = format!(
        "{}:{}:{}: {}[{}] {}",
        place.path,
        place.line,
        place.column,
        finding.severity.name(),
        finding.rule,
        finding.message
    );
    if let Some(partner) = &finding.partner {
        // Writing into a string cannot fail.
        let _ = write!(text, " (partner {}:{})", partner.location.path, partner.location.line);
    }
    if finding.fix.is_some() {
        text.push_str(" [fixable]");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn a_finding_is_one_line() {
        let sample = sample::seed();
        let text = super::concise(&sample.report());
        let first = text.lines().next().expect("there is a finding");
        assert_eq!(
            first,
            "plugins/python/plugin.py:3:5: error[env-mutation-during-spawn] a child may start while the environment \
             moves (partner build.py:4)"
        );
    }
}
