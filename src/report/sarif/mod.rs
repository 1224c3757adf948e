//! SARIF 2.1.0, for code hosts and editors.
//!
//! What consumers are known to refuse is not written: results have a location, paths are relative to `%SRCROOT%`, and our
//! fingerprint has a key of its own beside the one that the host computes. A fix that somebody has to decide on first is in
//! the properties alone, since consumers may apply what stands in `fixes` without asking.

mod document;
mod fixes;
mod flows;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::detect;
use crate::facts::{Problem, ProblemKind};
use crate::finding::{self, Finding, RuleCode, Severity, Step, SuppressedBy};

use super::base::{Place, encode};
use super::{Report, sanitise};
use document::*;

/// The base of all paths below the repository's root.
const ROOT: &str = "%SRCROOT%";

/// Longer lines are generated code, and would fill the log.
const MAX_SNIPPET: usize = 400;

/// The report as a SARIF log, silenced findings included.
pub fn sarif(report: &Report) -> String {
    let writer = Writer { report };
    let root = ArtifactBase {
        description: plain_text("the root of the repository, or the folder that was analysed"),
    };
    let log = Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool { driver: driver() },
            invocations: [writer.invocation()],
            original_uri_base_ids: BTreeMap::from([(ROOT, root)]),
            column_kind: "unicodeCodePoints",
            results: report.findings.iter().map(|finding| writer.result(finding)).collect(),
            properties: Map::from_iter([(
                "target".to_owned(),
                json!({
                    "libc": report.target.libcs.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    "python": report.target.pythons.iter().map(ToString::to_string).collect::<Vec<_>>(),
                }),
            )]),
        }],
    };
    let text = serde_json::to_string_pretty(&log).expect("plain structs with string keys always serialise");
    sanitise::json(&text) + "\n"
}

fn driver() -> Driver {
    Driver {
        name: "envrace",
        version: env!("CARGO_PKG_VERSION"),
        semantic_version: env!("CARGO_PKG_VERSION"),
        short_description: plain_text(env!("CARGO_PKG_DESCRIPTION")),
        rules: RuleCode::ALL.into_iter().map(rule).collect(),
        notifications: ProblemKind::ALL
            .map(|kind| NotificationDescriptor { id: kind.name() })
            .into(),
    }
}

fn rule(code: RuleCode) -> Descriptor {
    let manual = detect::manual(code);
    let summary = manual.lines().next().unwrap_or_default().to_owned();
    // The first paragraph below the first heading: what goes wrong.
    let why: Vec<&str> = manual
        .split("\n## Why\n")
        .nth(1)
        .unwrap_or_default()
        .trim_start()
        .lines()
        .take_while(|line| !line.is_empty())
        .collect();
    let level = code.worst();
    Descriptor {
        id: code.code(),
        name: code.name(),
        short_description: text(&summary),
        full_description: text(&why.join(" ")),
        help: MarkdownText {
            text: escape(manual.trim_end()),
            markdown: format!("# {} ({})\n\n{}", code.name(), code.code(), manual.trim_end()),
        },
        default_configuration: Configuration {
            level: self::level(level),
        },
        properties: RuleProperties {
            // CWE-362: concurrent execution using a shared resource with improper synchronization.
            tags: vec!["concurrency", "correctness", "external/cwe/cwe-362"],
            precision: if level == Severity::Error { "high" } else { "medium" },
            severity: match level {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "recommendation",
            },
        },
    }
}

fn level(severity: Severity) -> &'static str {
    // SARIF's words are ours.
    severity.name()
}

/// A line of text as a message: nothing in it is a link or a placeholder, or acts on whoever shows it.
fn text(text: &str) -> Text {
    Text {
        text: escape(&plain(text)),
    }
}

/// A message of our own words.
fn plain_text(text: &str) -> Text {
    Text { text: text.to_owned() }
}

fn plain(text: &str) -> String {
    sanitise::line(text)
}

/// Braces stand for arguments (3.11.5), and `[a](b)` for a link (3.11.6).
fn escape(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

/// What the parts of a log need to be written.
struct Writer<'a> {
    report: &'a Report<'a>,
}

impl<'a> Writer<'a> {
    fn result(&self, finding: &'a Finding) -> SarifResult<'a> {
        SarifResult {
            rule_id: finding.code.code(),
            rule_index: RuleCode::ALL
                .iter()
                .position(|code| *code == finding.code)
                .unwrap_or_default(),
            level: level(finding.severity),
            message: self.message(finding),
            locations: [self.location(&finding.mutation.location, Some(&finding.mutation.function), "")],
            related_locations: self.related(finding),
            partial_fingerprints: BTreeMap::from([("envraceSites/v1", finding.fingerprint.as_str())]),
            code_flows: flows::flows(self, finding),
            fixes: fixes::fixes(self, finding),
            suppressions: finding
                .suppressed
                .iter()
                .map(|suppressed| Suppression {
                    kind: match suppressed.by {
                        SuppressedBy::Source => "inSource",
                        SuppressedBy::Baseline => "external",
                    },
                    status: "accepted",
                    justification: plain(&suppressed.reason),
                })
                .collect(),
            properties: properties(finding),
        }
    }

    /// What can happen, then the places by links, then what to do.
    fn message(&self, finding: &Finding) -> Text {
        let mut lines = vec![escape(&plain(&finding.message))];
        let mut id = 0;
        let mut link = |what: &str, place: &finding::Location| {
            id += 1;
            // Brackets would end the link's text.
            let shown = plain(&format!("{}:{}", place.path, place.line)).replace(['[', ']'], "_");
            format!("{what} [{}]({id})", escape(&shown))
        };
        let mut places = Vec::new();
        if let Some(partner) = &finding.partner {
            places.push(link(finding.partner_kind.name(), &partner.location));
        }
        for thread in &finding.overlap.threads {
            places.push(link("thread started at", &thread.start));
        }
        if !places.is_empty() {
            lines.push(format!("Overlaps with: {}.", places.join(", ")));
        }
        lines.push(format!("Why: {}.", escape(&plain(&finding.overlap.reason))));
        if !finding.holds_for.is_empty() {
            lines.push(format!("Holds for {}.", escape(&plain(&finding.holds_for.join(", ")))));
        }
        lines.push(format!("Instead: {}.", escape(&plain(&finding.help))));
        Text { text: lines.join("\n") }
    }

    /// The places that the message links to, in its order, then the joins and where threads are made.
    fn related(&self, finding: &Finding) -> Vec<Location> {
        let mut all = Vec::new();
        let threads = &finding.overlap.threads;
        if let Some(partner) = &finding.partner {
            let says = format!("{}: {}", finding.partner_kind.name(), partner.api);
            all.push(self.location(&partner.location, Some(&partner.function), &says));
        }
        for thread in threads {
            let says = format!("the thread of {} starts here", thread.entry);
            all.push(self.location(&thread.start, None, &says));
        }
        for thread in threads {
            if thread.created != thread.start {
                let says = format!("the thread of {} is made here", thread.entry);
                all.push(self.location(&thread.created, None, &says));
            }
            if let Some(joined) = &thread.joined {
                let says = match &thread.note {
                    Some(note) => format!("joined here, which may not end it: {note}"),
                    None => "joined only here".to_owned(),
                };
                all.push(self.location(joined, None, &says));
            }
        }
        for (index, location) in all.iter_mut().enumerate() {
            location.id = Some(index + 1);
        }
        all
    }

    /// A place; an empty message is none.
    fn location(&self, place: &finding::Location, function: Option<&str>, says: &str) -> Location {
        let function = function.into_iter().map(|function| LogicalLocation {
            fully_qualified_name: plain(function),
            kind: "function",
        });
        Location {
            id: None,
            physical_location: PhysicalLocation {
                artifact_location: self.artifact(&place.path),
                region: self.region(place),
            },
            logical_locations: function.collect(),
            message: (!says.is_empty()).then(|| text(says)),
        }
    }

    fn step(&self, step: &Step) -> Location {
        let place = finding::Location {
            path: step.path.clone(),
            line: step.line,
            column: step.column,
            end_line: 0,
            end_column: 0,
        };
        self.location(&place, Some(&step.function), &step.note)
    }

    fn artifact(&self, path: &str) -> ArtifactLocation {
        match self.report.base.place(path) {
            Place::Inside(path) => ArtifactLocation {
                uri: encode(&path),
                uri_base_id: Some(ROOT),
            },
            Place::Outside(path) => ArtifactLocation {
                uri: format!("file://{}", encode(&path)),
                uri_base_id: None,
            },
        }
    }

    /// The region of a place, with its text; none for a file as a whole.
    fn region(&self, place: &finding::Location) -> Option<Region> {
        if place.line == 0 {
            return None;
        }
        let ends = (place.end_line, place.end_column) > (place.line, place.column) && place.end_column > 0;
        let one_line = ends && place.end_line == place.line && place.column > 0;
        let snippet = self
            .report
            .sources
            .line(&place.path, place.line)
            .filter(|line| one_line && line.len() <= MAX_SNIPPET)
            .map(|line| {
                let (from, to) = (place.column as usize - 1, place.end_column as usize - 1);
                line.chars().skip(from).take(to - from).collect::<String>()
            });
        Some(Region {
            start_line: place.line,
            start_column: (place.column > 0).then_some(place.column),
            end_line: ends.then_some(place.end_line),
            end_column: (ends && place.column > 0).then_some(place.end_column),
            snippet: snippet.filter(|text| !text.is_empty()).map(|text| Text {
                text: sanitise::source(&text),
            }),
        })
    }

    /// What the run itself has to say: problems are notifications, and a file that was lost means that the run saw less
    /// than it was asked to.
    fn invocation(&self) -> Invocation {
        let problems = self.report.problems;
        Invocation {
            execution_successful: !problems.iter().any(|problem| problem.kind.loses_input()),
            tool_execution_notifications: problems.iter().map(|problem| self.notification(problem)).collect(),
        }
    }

    fn notification(&self, problem: &Problem) -> Notification {
        let place = finding::Location {
            path: problem.path.clone(),
            line: problem.line.unwrap_or(0),
            column: 0,
            end_line: 0,
            end_column: 0,
        };
        Notification {
            descriptor: NotificationDescriptor {
                id: problem.kind.name(),
            },
            level: if problem.kind.loses_input() { "error" } else { "note" },
            message: text(&problem.message),
            locations: [self.location(&place, None, "")],
        }
    }
}

/// What a finding knows beyond what SARIF has a place for, evidence included, under the names of `envrace/1`.
fn properties(finding: &Finding) -> Map<String, Value> {
    let all = serde_json::to_value(finding).expect("plain structs with string keys always serialise");
    let Value::Object(all) = all else { return Map::new() };
    const KEPT: [&str; 12] = [
        "effect",
        "confidence",
        "partner_kind",
        "holds_for",
        "guards",
        "status",
        "array",
        "interleaving",
        "doubts",
        "partners_omitted",
        "fix",
        "confirmation",
    ];
    all.into_iter()
        .filter(|(key, value)| KEPT.contains(&key.as_str()) && !value.is_null())
        .collect()
}

#[cfg(test)]
mod tests;
