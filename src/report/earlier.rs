//! The document `envrace/1` of an earlier run, read back: `confirm --report` goes on from it.
//!
//! What this version does not know in it is kept and printed again, for keys are added within `envrace/1`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::facts::Problem;
use crate::finding::Finding;
use crate::input::PassedOver;

use super::Summary;
use super::json::{SCHEMA, by_rule, pretty, silenced};

/// A document and what stands in it.
#[derive(Debug, Clone)]
pub struct Earlier {
    pub findings: Vec<Finding>,
    pub problems: Vec<Problem>,
    /// What was passed over is known by its sum alone, and counts as ignored.
    pub summary: Summary,
    document: Map<String, Value>,
}

/// Why a text is no such document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EarlierError {
    #[error("it is not JSON: {0}")]
    NotJson(String),
    #[error("it is a SARIF log, which does not hold all that a replay needs")]
    Sarif,
    #[error("it is JSON, but not a report of envrace: it has no `schema` of envrace's")]
    Foreign,
    #[error("it is of the schema `{0}`, which this version does not know")]
    Schema(String),
    #[error("it does not hold what a report of the schema `envrace/1` must: {0}")]
    Broken(String),
}

#[derive(Deserialize)]
struct Contents {
    findings: Vec<Finding>,
    #[serde(default)]
    problems: Vec<Problem>,
    #[serde(default)]
    summary: Counts,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Counts {
    files: u64,
    parsed: u64,
    skipped: u64,
}

impl Earlier {
    /// Reads the text of a document.
    ///
    /// # Errors
    /// Where it is something else, with a guess at what, or lacks something.
    pub fn read(text: &str) -> Result<Earlier, EarlierError> {
        let value: Value = serde_json::from_str(text).map_err(|error| EarlierError::NotJson(error.to_string()))?;
        let Value::Object(document) = value else {
            return Err(EarlierError::Foreign);
        };
        match document.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => {}
            Some(schema) if schema.starts_with("envrace/") => return Err(EarlierError::Schema(schema.to_owned())),
            _ if document.contains_key("runs") => return Err(EarlierError::Sarif),
            _ => return Err(EarlierError::Foreign),
        }
        // From the text again, and not from the value, for the line and column in an error.
        let contents: Contents = serde_json::from_str(text).map_err(|error| EarlierError::Broken(error.to_string()))?;
        let counts = contents.summary;
        Ok(Earlier {
            findings: contents.findings,
            problems: contents.problems,
            summary: Summary {
                files: counts.files,
                parsed: counts.parsed,
                passed_over: PassedOver {
                    ignored: counts.skipped,
                    ..PassedOver::default()
                },
                ..Summary::default()
            },
            document,
        })
    }

    /// The same document with other findings, and the numbers that follow from them.
    pub fn json(&self, findings: &[Finding]) -> String {
        let value = |held: Result<Value, serde_json::Error>| held.expect("findings and counts always serialise");
        let mut document = self.document.clone();
        document.insert("findings".to_owned(), value(serde_json::to_value(findings)));
        if let Some(Value::Object(summary)) = document.get_mut("summary") {
            summary.insert("by_rule".to_owned(), value(serde_json::to_value(by_rule(findings))));
            summary.insert("silenced".to_owned(), value(serde_json::to_value(silenced(findings))));
        }
        pretty(&document)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{json, sample};
    use super::*;

    #[test]
    fn a_report_comes_back_with_what_it_holds_and_more() {
        let mut sample = sample::seed();
        let text = json(&sample.report()).replacen('{', "{\"newer\": [1],", 1);
        let earlier = Earlier::read(&text).expect("our own report");
        assert_eq!(earlier.findings, sample.findings);
        assert_eq!(earlier.problems, sample.problems);
        assert_eq!(earlier.summary.files, sample.summary.files);
        sample.findings[0].confirmation = Some(sample::evidence());
        let again: Value = serde_json::from_str(&earlier.json(&sample.findings)).expect("JSON");
        assert_eq!(again["newer"][0], 1);
        assert_eq!(again["findings"][0]["confirmation"]["failures"], 121);
        assert_eq!(again["target"]["libc"][0], "glibc 2.31");
        let none: Value = serde_json::from_str(&earlier.json(&[])).expect("JSON");
        assert_eq!(none["summary"]["by_rule"], serde_json::json!({}));
    }

    #[test]
    fn other_files_are_told_apart() {
        let refused = |text: &str| Earlier::read(text).expect_err(text).to_string();
        assert!(refused("").contains("not JSON: EOF"));
        assert!(refused("[]").contains("not a report of envrace"));
        assert!(refused("{\"version\": \"2.1.0\", \"runs\": []}").contains("SARIF"));
        assert!(refused("{\"schema\": \"envrace/2\"}").contains("`envrace/2`"));
        assert!(refused("{\"schema\": \"envrace/1\"}").contains("missing field `findings`"));
        let broken = refused("{\"schema\": \"envrace/1\",\n\"findings\": [{}]}");
        assert!(broken.contains("missing field `rule` at line 2 column 15"), "{broken}");
    }
}
