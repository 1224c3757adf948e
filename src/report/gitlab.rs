//! GitLab's code quality report: an array of issues in the shape of Code Climate's, of which GitLab reads `description`,
//! `check_name`, `fingerprint`, `severity` and `location`.

use std::collections::HashMap;

use serde::Serialize;

use crate::finding::{Finding, Location, Severity};

use super::{Report, sanitise};

#[derive(Serialize)]
struct Issue<'a> {
    r#type: &'static str,
    check_name: &'a str,
    description: String,
    categories: [&'static str; 1],
    severity: &'static str,
    /// Issues of one fingerprint are one issue to GitLab, so none may occur twice.
    fingerprint: String,
    location: Place,
    other_locations: Vec<Place>,
    content: Content,
}

#[derive(Serialize)]
struct Place {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

#[derive(Serialize)]
struct Content {
    body: String,
}

/// The report as one JSON array; silenced findings are left out. Problems have no place in it.
pub fn gitlab(report: &Report) -> String {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let mut issues = Vec::new();
    for finding in report.findings.iter().filter(|finding| finding.suppressed.is_none()) {
        let times = seen.entry(&finding.fingerprint).or_default();
        *times += 1;
        let fingerprint = match times {
            1 => finding.fingerprint.clone(),
            times => format!("{}-{times}", finding.fingerprint),
        };
        issues.push(issue(report, finding, fingerprint));
    }
    let text = serde_json::to_string_pretty(&issues).expect("plain structs with string keys always serialise");
    sanitise::json(&text) + "\n"
}

fn issue<'a>(report: &Report, finding: &'a Finding, fingerprint: String) -> Issue<'a> {
    let place = |location: &Location| Place {
        path: report.base.path(&location.path),
        lines: Lines {
            begin: location.line.max(1),
            end: location.end_line.max(location.line).max(1),
        },
    };
    let partner = finding.partner.as_ref().map_or_else(String::new, |partner| {
        let path = report.base.path(&partner.location.path);
        format!(" (partner {path}:{})", partner.location.line)
    });
    let starts = finding.overlap.threads.iter().map(|thread| &thread.start);
    let others = finding.partner.iter().map(|site| &site.location).chain(starts);
    Issue {
        r#type: "issue",
        check_name: &finding.rule,
        description: sanitise::line(&format!("{}{partner}", finding.message)),
        categories: ["Bug Risk"],
        severity: match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "major",
            Severity::Note => "info",
        },
        fingerprint,
        location: place(&finding.mutation.location),
        other_locations: others.map(place).collect(),
        content: Content {
            body: sanitise::line(&format!("{}. Instead: {}.", finding.overlap.reason, finding.help)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use serde_json::Value;

    #[test]
    fn an_issue_has_what_gitlab_reads() {
        let sample = sample::seed();
        let document: Value = serde_json::from_str(&gitlab(&sample.report())).expect("the report is JSON");
        let issue = &document[0];
        assert_eq!(issue["check_name"], "env-mutation-during-spawn");
        assert_eq!(
            issue["description"],
            "a child may start while the environment moves (partner build.py:4)"
        );
        assert_eq!(issue["severity"], "critical");
        assert_eq!(issue["location"]["path"], "plugins/python/plugin.py");
        assert_eq!(issue["location"]["lines"]["begin"], 3);
        assert_eq!(issue["other_locations"][0]["path"], "build.py");
        assert_eq!(document.as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn fingerprints_do_not_repeat() {
        let mut sample = sample::seed();
        let twin = sample.findings[0].clone();
        sample.findings.push(twin);
        let document: Value = serde_json::from_str(&gitlab(&sample.report())).expect("the report is JSON");
        let first = document[0]["fingerprint"].as_str().expect("a fingerprint is text");
        assert_eq!(document[1]["fingerprint"], format!("{first}-2"));
    }

    #[test]
    fn nothing_found_is_an_empty_array() {
        let mut sample = sample::seed();
        sample.findings.clear();
        assert_eq!(gitlab(&sample.report()), "[]\n");
    }
}
