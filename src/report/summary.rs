//! What stands below the findings: problems, counts, and one last line that is always there.

use std::collections::BTreeMap;

use crate::facts::{Problem, ProblemKind};
use crate::finding::{Finding, RuleCode, Safety, Severity, SuppressedBy};

use super::text::{Style, WIDTH, count, paint, wrap};
use super::{Detail, Report, package, sanitise};

/// What stands below the findings, alone.
pub fn summary(report: &Report) -> String {
    let mut out = String::new();
    write(&mut out, report, Quiet::Short);
    out
}

/// What is said where nothing is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// The last line.
    Short,
    /// What was looked at, too.
    Explained,
}

/// Appends problems, counts by rule and the last line.
pub fn write(out: &mut String, report: &Report, quiet: Quiet) {
    problems(out, report);
    by_rule(out, report);
    fixable(out, report);
    if report.summary.stale > 0 {
        let (what, occur) = match report.summary.stale {
            1 => ("finding", "occurs"),
            _ => ("findings", "occur"),
        };
        out.push_str(&format!(
            "{}: {} {what} of the baseline no longer {occur} (`envrace baseline --prune` drops what is gone)\n",
            paint(Style::Note, "note"),
            report.summary.stale
        ));
    }
    for one in report.packages {
        out.push_str(&package::line(one));
    }
    if quiet == Quiet::Explained {
        looked_at(out, report);
    }
    out.push_str(&last_line(report));
    out.push('\n');
}

fn problems(out: &mut String, report: &Report) {
    let (partial, others): (Vec<&Problem>, Vec<&Problem>) = report
        .problems
        .iter()
        .partition(|problem| problem.kind == ProblemKind::Partial);
    for problem in others {
        problem_line(out, problem);
    }
    if report.detail == Detail::Verbose {
        for problem in partial {
            problem_line(out, problem);
        }
    } else if !partial.is_empty() {
        let mut paths: Vec<&str> = partial.iter().map(|problem| problem.path.as_str()).collect();
        paths.dedup();
        let files = count(paths.len() as u64, "file was", "files were");
        out.push_str(&format!(
            "{}: {files} understood only in part (-v lists them)\n",
            paint(Style::Note, "problem")
        ));
    }
}

fn problem_line(out: &mut String, problem: &Problem) {
    let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
    let style = if problem.kind.loses_input() {
        Style::Warning
    } else {
        Style::Note
    };
    let text = sanitise::line(&format!("{}{line}: {}", problem.path, problem.message));
    out.push_str(&format!(
        "{}: {text}\n",
        paint(style, &format!("problem[{}]", problem.kind.name()))
    ));
}

fn by_rule(out: &mut String, report: &Report) {
    let mut rules: BTreeMap<RuleCode, u64> = BTreeMap::new();
    for finding in loud(report) {
        *rules.entry(finding.code).or_default() += 1;
    }
    for (rule, number) in rules {
        out.push_str(&format!("{number:>5}  {} ({})\n", rule.name(), rule.code()));
    }
}

/// Where nothing is reported, what was looked at and why that is quiet: "no findings" alone reads like "did not run".
fn looked_at(out: &mut String, report: &Report) {
    let census = report.summary.census;
    let summary = report.summary;
    // An archive has a verdict line of its own.
    if summary.languages == [0; 3]
        || !report.packages.is_empty()
        || !report.findings.is_empty()
        || summary.unshown() > 0
    {
        return;
    }
    let languages = ["C", "Python", "Rust"];
    let files: Vec<String> = report
        .summary
        .languages
        .iter()
        .zip(languages)
        .filter(|(number, _)| **number > 0)
        .map(|(number, language)| format!("{number} {language}"))
        .collect();
    let places = [
        count(census.mutations, "mutation", "mutations"),
        count(census.spawns, "spawn", "spawns"),
        count(census.reads, "read", "reads"),
        count(census.starts, "thread start", "thread starts"),
    ];
    let noun = if summary.languages.iter().sum::<u64>() == 1 {
        "file"
    } else {
        "files"
    };
    let mut what = format!("looked at {} {noun}", files.join(", "));
    if summary.parsed > 0 {
        let of = if summary.left.total() > 0 {
            format!(", parsed {}", summary.parsed)
        } else {
            String::new()
        };
        what.push_str(&format!("{of}: {}", places.join(", ")));
    }
    let cut = report.problems.iter().any(|problem| problem.kind == ProblemKind::Limit);
    let why = if cut {
        "not all of it was looked at to its end"
    } else if census.mutations == 0 && summary.left.alone == 0 {
        "nothing here changes the environment"
    } else if census.starts == 0 {
        "no thread starts here, so nothing runs beside a change"
    } else {
        "no change was found beside what it would hurt; `envrace graph` shows the threads"
    };
    for line in wrap(&what, WIDTH).iter().map(String::as_str).chain([why]) {
        out.push_str(line);
        out.push('\n');
    }
}

fn fixable(out: &mut String, report: &Report) {
    let fixes = |safety: Safety| {
        loud(report)
            .filter(|finding| finding.fix.as_ref().is_some_and(|fix| fix.safety == safety))
            .count() as u64
    };
    let (safe, risky) = (fixes(Safety::Safe), fixes(Safety::Unsafe));
    if safe > 0 {
        out.push_str(&format!(
            "{} fixable with --fix\n",
            count(safe, "finding is", "findings are")
        ));
    }
    if risky > 0 {
        let more = if safe > 0 { "more " } else { "" };
        out.push_str(&format!(
            "{} {more}fixable with --fix --unsafe-fixes\n",
            count(risky, "finding is", "findings are")
        ));
    }
}

fn loud<'a>(report: &Report<'a>) -> impl Iterator<Item = &'a Finding> + use<'a> {
    report.findings.iter().filter(|finding| finding.suppressed.is_none())
}

/// How many findings are there and not reported.
pub fn suppressed(findings: &[Finding], by: SuppressedBy) -> u64 {
    let all = findings.iter().filter_map(|finding| finding.suppressed.as_ref());
    all.filter(|suppressed| suppressed.by == by).count() as u64
}

/// The line that is always there.
pub fn last_line(report: &Report) -> String {
    let of = |severity: Severity| loud(report).filter(|finding| finding.severity == severity).count() as u64;
    let (errors, warnings, notes) = (of(Severity::Error), of(Severity::Warning), of(Severity::Note));
    let total = errors + warnings + notes;
    let style = match (errors, warnings, notes) {
        (0, 0, 0) => Style::Good,
        (0, 0, _) => Style::Note,
        (0, ..) => Style::Warning,
        _ => Style::Error,
    };
    let mut first = if total == 0 {
        "no findings".to_owned()
    } else {
        count(total, "finding", "findings")
    };
    let kinds = [
        (errors, "error", "errors"),
        (warnings, "warning", "warnings"),
        (notes, "note", "notes"),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|kind| kind.0 > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect();
    if !kinds.is_empty() {
        first.push_str(&format!(" ({})", kinds.join(", ")));
    }
    let summary = report.summary;
    let mut parts = vec![
        count(summary.files, "file", "files"),
        format!("{} parsed", summary.parsed),
    ];
    let (silenced, baselined) = (
        suppressed(report.findings, SuppressedBy::Source),
        suppressed(report.findings, SuppressedBy::Baseline),
    );
    let problems = report.problems.len() as u64;
    for (number, text) in [
        (
            summary.passed_over.total(),
            format!("{} passed over", summary.passed_over.total()),
        ),
        (problems, count(problems, "problem", "problems")),
        (silenced, format!("{silenced} silenced")),
        (baselined, format!("{baselined} in the baseline")),
        (summary.switched_off, format!("{} switched off", summary.switched_off)),
        (summary.unchanged, format!("{} in unchanged lines", summary.unchanged)),
        (
            summary.notes,
            format!(
                "{} not shown (--persona pedantic)",
                count(summary.notes, "note", "notes")
            ),
        ),
        (
            summary.elsewhere,
            format!("{} in other files", count(summary.elsewhere, "finding", "findings")),
        ),
        (
            summary.below_confidence,
            format!("{} below the asked confidence", summary.below_confidence),
        ),
    ] {
        if number > 0 {
            parts.push(text);
        }
    }
    format!("{}: {}", paint(style, &first), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_last_line_has_numbers_also_when_nothing_was_found() {
        let mut sample = sample::seed();
        assert!(last_line(&sample.report()).ends_with("1 finding (1 error)\x1b[0m: 2 files, 2 parsed, 1 problem"));
        sample.findings.clear();
        sample.problems.clear();
        sample.summary.passed_over.ignored = 3;
        assert!(last_line(&sample.report()).ends_with("no findings\x1b[0m: 2 files, 2 parsed, 3 passed over"));
    }

    #[test]
    fn a_quiet_run_says_what_it_looked_at() {
        let mut sample = sample::seed();
        let said = |sample: &sample::Sample| {
            let mut out = String::new();
            looked_at(&mut out, &sample.report());
            out
        };
        assert_eq!(said(&sample), "", "there is a finding");
        sample.findings.clear();
        sample.summary.languages = [0, 2, 0];
        sample.summary.census.spawns = 1;
        assert_eq!(
            said(&sample),
            "looked at 2 Python files: 0 mutations, 1 spawn, 0 reads, 0 thread starts\nnothing here changes the \
             environment\n"
        );
        sample.summary.languages = [12, 2, 1];
        sample.summary.census.mutations = 3;
        assert!(said(&sample).starts_with("looked at 12 C, 2 Python, 1 Rust files:"));
        assert!(said(&sample).contains("no thread starts here"));
        sample.summary.census.starts = 1;
        assert!(said(&sample).contains("no change was found beside"));
        assert!(said(&sample).lines().all(|line| line.chars().count() <= WIDTH));
        sample.summary.left.unchanging = 12;
        assert!(said(&sample).starts_with("looked at 12 C, 2 Python, 1 Rust files, parsed 2: 3 mutations"));
        sample.summary.parsed = 0;
        sample.summary.census = Default::default();
        assert_eq!(
            said(&sample),
            "looked at 12 C, 2 Python, 1 Rust files\nnothing here changes the environment\n"
        );
        sample.summary.left.alone = 1;
        assert!(said(&sample).ends_with("\nno thread starts here, so nothing runs beside a change\n"));
        sample.summary.elsewhere = 1;
        assert_eq!(said(&sample), "");
        assert!(last_line(&sample.report()).ends_with("2 files, 0 parsed, 1 problem, 1 finding in other files"));
    }

    #[test]
    fn partial_problems_are_counted_and_listed_when_asked() {
        let mut sample = sample::seed();
        let mut out = String::new();
        problems(&mut out, &sample.report());
        assert!(
            out.contains("1 file was understood only in part (-v lists them)"),
            "{out}"
        );
        sample.detail = Detail::Verbose;
        let mut out = String::new();
        problems(&mut out, &sample.report());
        assert!(
            out.contains("problem[partial]") && out.contains("build.py:9: a recovered syntax error"),
            "{out}"
        );
    }
}
