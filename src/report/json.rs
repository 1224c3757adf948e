//! The document `envrace/1`, whole or as lines. Its findings are the serialised [`Finding`]s, silenced ones included.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::facts::Problem;
use crate::finding::{Finding, SuppressedBy};
use crate::knowledge::Target;

use super::summary::suppressed;
use super::{Package, Report, sanitise};

/// The name of the contract.
pub(super) const SCHEMA: &str = "envrace/1";

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    target: TargetDocument,
    findings: &'a [Finding],
    problems: &'a [Problem],
    /// One for each archive that was named.
    #[serde(skip_serializing_if = "<[Package]>::is_empty")]
    packages: &'a [Package],
    summary: SummaryDocument<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
struct TargetDocument {
    libc: Vec<String>,
    python: Vec<String>,
    rust: Option<String>,
    rust_test_runner: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SummaryDocument<'a> {
    /// Source files that were found.
    files: u64,
    /// Those that were parsed, at least in part; of the others no finding can come, or they were lost.
    parsed: u64,
    /// Files, folders and links that were not looked at: hidden, ignored, excluded, symbolic links, archives in archives.
    skipped: u64,
    /// Findings that are not silenced, by the rule's name.
    by_rule: BTreeMap<&'a str, u64>,
    /// Findings that a comment in the source silences; they stand in `findings`.
    silenced: u64,
    /// Findings that the baseline knows; they stand in `findings`.
    baselined: u64,
    /// Findings below `--min-confidence`. These and the next four are not in `findings`.
    below_confidence: u64,
    /// Notes, which persona regular does not show.
    notes: u64,
    /// Findings of rules that the configuration sets to `off`.
    switched_off: u64,
    /// Findings that touch no line that `--since` or `--staged` counts as changed.
    unchanged: u64,
    /// Findings that touch none of the files that were named.
    elsewhere: u64,
    /// Entries of the baseline that no longer occur.
    stale: u64,
    /// Places that change the environment, in the files that were parsed, reported or not.
    mutations: u64,
    /// Places that start a process with the live environment.
    spawns: u64,
    /// Places that read it.
    reads: u64,
    /// Places that start a thread.
    starts: u64,
}

/// A line of JSON Lines.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Finding(&'a Finding),
    Problem(&'a Problem),
    Package(&'a Package),
    Summary(Box<LastLine<'a>>),
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LastLine<'a> {
    schema: &'static str,
    version: &'static str,
    target: TargetDocument,
    #[serde(flatten)]
    summary: SummaryDocument<'a>,
}

/// The report as JSON, with a line end at its end.
pub fn json(report: &Report) -> String {
    let document = Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        target: target(report.target),
        findings: report.findings,
        problems: report.problems,
        packages: report.packages,
        summary: summary(report),
    };
    pretty(&document)
}

/// The report as lines of JSON, each a finding, a problem, or last the summary, told apart by their `type`: what reads a
/// long run can begin before its end, and a file can be cut and joined by lines.
pub fn jsonl(report: &Report) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut add = |line: &Line| lines.push(serde_json::to_string(line).expect(SERIALISES));
    for finding in report.findings {
        add(&Line::Finding(finding));
    }
    for problem in report.problems {
        add(&Line::Problem(problem));
    }
    for package in report.packages {
        add(&Line::Package(package));
    }
    add(&Line::Summary(Box::new(LastLine {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        target: target(report.target),
        summary: summary(report),
    })));
    lines.iter().map(|line| sanitise::json(line) + "\n").collect()
}

const SERIALISES: &str = "plain structs with string keys always serialise";

fn summary<'a>(report: &Report<'a>) -> SummaryDocument<'a> {
    let summary = report.summary;
    SummaryDocument {
        files: summary.files,
        parsed: summary.parsed,
        skipped: summary.passed_over.total(),
        by_rule: by_rule(report.findings),
        silenced: suppressed(report.findings, SuppressedBy::Source),
        baselined: suppressed(report.findings, SuppressedBy::Baseline),
        below_confidence: summary.below_confidence,
        notes: summary.notes,
        switched_off: summary.switched_off,
        unchanged: summary.unchanged,
        elsewhere: summary.elsewhere,
        stale: summary.stale,
        mutations: summary.census.mutations,
        spawns: summary.census.spawns,
        reads: summary.census.reads,
        starts: summary.census.starts,
    }
}

/// Findings that are not silenced, by the rule's name.
pub(super) fn by_rule(findings: &[Finding]) -> BTreeMap<&str, u64> {
    let mut by_rule = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.suppressed.is_none()) {
        *by_rule.entry(finding.rule.as_str()).or_insert(0) += 1;
    }
    by_rule
}

/// How many a comment silences.
pub(super) fn silenced(findings: &[Finding]) -> u64 {
    suppressed(findings, SuppressedBy::Source)
}

/// Any JSON document as text that acts on nothing that shows it, with a line end at its end.
pub fn pretty(document: &impl Serialize) -> String {
    sanitise::json(&serde_json::to_string_pretty(document).expect(SERIALISES)) + "\n"
}

fn target(target: &Target) -> TargetDocument {
    TargetDocument {
        libc: target.libcs.iter().map(ToString::to_string).collect(),
        python: target.pythons.iter().map(ToString::to_string).collect(),
        rust: target
            .rust
            .map(|(major, minor, micro)| format!("{major}.{minor}.{micro}")),
        rust_test_runner: if target.process_per_test { "nextest" } else { "cargo" },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use schemars::generate::SchemaSettings;
    use schemars::{JsonSchema, Schema};
    use serde_json::Value;

    use super::super::sample;
    use super::{Document, Line};

    /// The schema of what is written, with the documentation of the types as its descriptions. Further keys are allowed: a
    /// later version may add some.
    fn schema<T: JsonSchema>(title: &str) -> Schema {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut schema = generator.into_root_schema_for::<T>();
        schema.insert("title".to_owned(), title.into());
        schema
    }

    fn committed(name: &str, schema: &Schema) -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
        let text = serde_json::to_string_pretty(schema).expect("a schema serialises") + "\n";
        if std::env::var_os("ENVRACE_BLESS").is_some() {
            std::fs::write(&path, &text).expect("the schema can be written");
        }
        let there = std::fs::read_to_string(&path).expect("the schema is part of the repository");
        assert!(
            there == text,
            "schemas/{name} is not what the types say; ENVRACE_BLESS=1 cargo test --lib schema writes it"
        );
        serde_json::from_str(&there).expect("a schema is JSON")
    }

    #[test]
    fn the_committed_schema_is_that_of_the_document() {
        let schema = committed("report.schema.json", &schema::<Document>("envrace/1"));
        let sample = sample::seed();
        let document: Value = serde_json::from_str(&super::json(&sample.report())).expect("the report is JSON");
        jsonschema::validate(&schema, &document).expect("a report is what its schema says");
        let mut other = document.clone();
        other["findings"][0]["severity"] = "fatal".into();
        assert!(!jsonschema::is_valid(&schema, &other), "the schema knows the words");
        let mut other = document;
        other["findings"][0]
            .as_object_mut()
            .expect("a finding is a table")
            .remove("mutation");
        assert!(
            !jsonschema::is_valid(&schema, &other),
            "the schema knows what is always there"
        );
    }

    #[test]
    fn the_committed_schema_is_that_of_each_line() {
        let schema = committed("report-line.schema.json", &schema::<Line>("a line of envrace/1"));
        let sample = sample::seed();
        for line in super::jsonl(&sample.report()).lines() {
            let line: Value = serde_json::from_str(line).expect("every line is JSON");
            jsonschema::validate(&schema, &line).expect("a line is what its schema says");
        }
        assert!(!jsonschema::is_valid(&schema, &serde_json::json!({ "type": "other" })));
    }

    #[test]
    fn the_contract_holds() {
        let sample = sample::seed();
        let document: Value = serde_json::from_str(&super::json(&sample.report())).expect("the report is JSON");
        assert_eq!(document["schema"], "envrace/1");
        let finding = &document["findings"][0];
        assert_eq!(finding["rule"], "env-mutation-during-spawn");
        assert_eq!(finding["code"], "ER001");
        assert_eq!(finding["severity"], "error");
        assert_eq!(finding["mutation"]["path"], "plugins/python/plugin.py");
        assert_eq!(finding["mutation"]["line"], 3);
        assert_eq!(finding["partner"]["end_column"], 30);
        assert_eq!(finding["partner_kind"], "spawn");
        assert_eq!(finding["overlap"]["threads"][0]["many"], true);
        assert_eq!(finding["status"]["kind"], "silent-exit");
        assert_eq!(finding["suppressed"], Value::Null);
        assert_eq!(finding["confirmation"], Value::Null);
        assert_eq!(document["problems"][0]["kind"], "partial");
        assert_eq!(document["summary"]["by_rule"]["env-mutation-during-spawn"], 1);
        assert_eq!(document["target"]["libc"][0], "glibc 2.31");
    }

    #[test]
    fn lines_are_findings_then_problems_then_the_summary() {
        let sample = sample::seed();
        let text = super::jsonl(&sample.report());
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("every line is JSON"))
            .collect();
        let types: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
        assert_eq!(types, ["finding", "problem", "summary"]);
        let document: Value = serde_json::from_str(&super::json(&sample.report())).expect("the report is JSON");
        let mut finding = document["findings"][0].clone();
        finding["type"] = "finding".into();
        assert_eq!(lines[0], finding, "a line says what the document says");
        assert_eq!(lines[2]["schema"], "envrace/1");
        assert_eq!(lines[2]["by_rule"]["env-mutation-during-spawn"], 1);
    }
}
