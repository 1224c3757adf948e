//! Findings made by hand, of a pattern and nothing else.

use envrace::finding::Finding;
use serde_json::{Value, json};

/// A site with one catalog entry.
fn site(language: &str, entry: &str, shape: Value, code: &str) -> Value {
    json!({
        "path": "a", "line": 1, "column": 1, "end_line": 1, "end_column": 2, "api": entry, "entries": [entry],
        "variable": null, "shape": shape, "function": "f", "chain": [], "repeated": true, "language": language,
        "code": code,
    })
}

fn pair(mutation: Value, kind: &str, partner: Value) -> Finding {
    let place = json!({"path": "a", "line": 1, "column": 1, "end_line": 1, "end_column": 2});
    let finding = json!({
        "rule": "env-mutation-during-spawn", "code": "ER001", "effect": "memory", "severity": "error",
        "confidence": "high", "message": "m", "help": "h",
        "mutation": mutation, "partner": partner, "partner_kind": kind,
        "overlap": {"reason": "r", "ancestor": "main", "threads": [
            {"created": place, "start": place, "entry": "f", "many": true, "joined": null, "note": null}]},
        "holds_for": [], "guards": [], "status": null, "array": null, "interleaving": ["1", "2", "3"], "doubts": [],
        "partners_omitted": 0, "suppressed": null, "fingerprint": "0", "confirmation": null,
    });
    serde_json::from_value(finding).expect("the literal above has every field of a finding")
}

/// A finding of an addition by `mutation` beside `partner` of this kind, which stands in the source as `code`.
pub fn addition(language: &str, mutation: &str, kind: &str, partner: &str, code: &str) -> Finding {
    let mutation = site(language, mutation, json!("add"), "");
    pair(mutation, kind, site(language, partner, Value::Null, code))
}

/// A finding of a mutation of this shape beside a spawn.
pub fn shaped(language: &str, mutation: &str, shape: &str, partner: &str) -> Finding {
    let mutation = site(language, mutation, json!(shape), "");
    pair(mutation, "spawn", site(language, partner, Value::Null, ""))
}
