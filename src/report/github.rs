//! GitHub's workflow commands: one line a finding, which a runner turns into an annotation beside the code.
//!
//! `::error file=…,line=…,title=…::message`. Escapes as in actions/toolkit, packages/core/src/command.ts: `%`, carriage
//! returns and line feeds everywhere, in properties also `:` and `,`. All else that a runner or terminal would obey is
//! made harmless before.

use std::fmt::Write;

use crate::facts::Problem;
use crate::finding::{Finding, Severity};

use super::{Report, sanitise, summary};

/// The report as workflow commands, and the summary as a last line; silenced findings are left out.
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for finding in report.findings.iter().filter(|finding| finding.suppressed.is_none()) {
        annotation(&mut out, report, finding);
    }
    for problem in report.problems {
        complaint(&mut out, report, problem);
    }
    out.push_str(&summary::last_line(report));
    out.push('\n');
    out
}

fn annotation(out: &mut String, report: &Report, finding: &Finding) {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let place = &finding.mutation.location;
    let file = property(&report.base.path(&place.path));
    let title = property(&format!("{} ({})", finding.rule, finding.code.code()));
    let _ = write!(
        out,
        "::{command} file={file},line={},endLine={}",
        place.line.max(1),
        place.end_line.max(place.line).max(1)
    );
    // Columns are refused where the place has several lines.
    if place.end_line == place.line && place.column > 0 && place.end_column >= place.column {
        let _ = write!(out, ",col={},endColumn={}", place.column, place.end_column);
    }
    let text: Vec<String> = details(report, finding).iter().map(|line| message(line)).collect();
    let _ = writeln!(out, ",title={title}::{}", text.join("%0A"));
}

/// What the annotation says, line by line.
fn details(report: &Report, finding: &Finding) -> Vec<String> {
    let mut lines = vec![finding.message.clone()];
    if let Some(partner) = &finding.partner {
        lines.push(format!(
            "{}: {}:{} in {}: {}",
            finding.partner_kind.name(),
            report.base.path(&partner.location.path),
            partner.location.line,
            partner.function,
            partner.api
        ));
    }
    lines.push(format!("why: {}", finding.overlap.reason));
    if !finding.holds_for.is_empty() {
        lines.push(format!("holds for: {}", finding.holds_for.join(", ")));
    }
    lines.push(format!("instead: {}", finding.help));
    lines
}

fn complaint(out: &mut String, report: &Report, problem: &Problem) {
    let command = if problem.kind.loses_input() {
        "warning"
    } else {
        "notice"
    };
    let file = property(&report.base.path(&problem.path));
    let line = problem.line.map(|line| format!(",line={line}")).unwrap_or_default();
    let _ = writeln!(
        out,
        "::{command} file={file}{line},title=envrace problem ({})::{}",
        problem.kind.name(),
        message(&problem.message)
    );
}

fn message(text: &str) -> String {
    // What is safe on a line holds neither carriage returns nor line feeds.
    sanitise::line(text).replace('%', "%25")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_finding_is_an_annotation() {
        let sample = sample::seed();
        let text = github(&sample.report());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "::error file=plugins/python/plugin.py,line=3,endLine=3,col=5,endColumn=36,title=env-mutation-during-spawn \
             (ER001)::a child may start while the environment moves%0Aspawn: build.py:4 in worker: os.system%0Awhy: the \
             workers are never joined before the plugin runs%0Aholds for: glibc <2.41, musl%0Ainstead: set the variable \
             before the workers start"
        );
        assert_eq!(
            lines[1],
            "::notice file=build.py,line=9,title=envrace problem (partial)::a recovered syntax error"
        );
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn names_and_messages_cannot_command() {
        let mut sample = sample::seed();
        let hostile = "x,line=1::set-output name=a::b\n::stop-commands::\r%0A##[add-mask]c";
        sample.findings[0].mutation.location.path = hostile.to_owned();
        sample.findings[0].message = hostile.to_owned();
        let text = github(&sample.report());
        assert_eq!(text.lines().count(), 3, "{text}");
        let first = text.lines().next().expect("there is a finding");
        let (properties, _) = first[2..].split_once("::").expect("a command has a message");
        assert!(
            properties
                .starts_with("error file=x%2Cline=1%3A%3Aset-output name=a%3A%3Ab␊%3A%3Astop-commands%3A%3A␍%250A##"),
            "{first}"
        );
        assert!(!text.contains("##["), "{text}");
    }

    #[test]
    fn several_lines_have_no_columns() {
        let mut sample = sample::seed();
        sample.findings[0].mutation.location.end_line = 5;
        assert!(github(&sample.report()).contains(",line=3,endLine=5,title="));
    }
}
