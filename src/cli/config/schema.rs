//! The JSON schema of the configuration, for editors; made from the table that the parser asks.

use serde_json::{Map, Value, json};

use crate::knowledge;

use super::keys::{Form, KEYS, LEVELS, rule_names};

/// The schema as text, with a line end at its end. It is committed as `schemas/config.schema.json`.
pub fn schema() -> String {
    let mut properties = Map::new();
    for key in KEYS {
        let mut property = form(key.form);
        if let Value::Object(property) = &mut property {
            property.insert("description".to_owned(), json!(key.doc));
            if let Some(default) = default(key.default) {
                property.insert("default".to_owned(), default);
            }
        }
        properties.insert(key.name.to_owned(), property);
    }
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "envrace.toml",
        "description": "The configuration of envrace: envrace.toml, .envrace.toml, [tool.envrace] in pyproject.toml, or \
                        [package.metadata.envrace] or [workspace.metadata.envrace] in Cargo.toml.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "definitions": api_definitions(),
    });
    let mut text = serde_json::to_string_pretty(&schema).expect("a JSON value always serialises");
    text.push('\n');
    text
}

/// What the schema of rules files says of `[[api]]` tables.
fn api_definitions() -> Value {
    let rules: Value = serde_json::from_str(&knowledge::schema()).expect("the schema of rules files is JSON");
    rules["definitions"].clone()
}

fn form(form: Form) -> Value {
    let texts = || json!({ "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] });
    let levels = || {
        let words: Vec<&str> = LEVELS.iter().map(|(word, _)| *word).collect();
        let rules: Map<String, Value> = rule_names()
            .into_iter()
            .map(|name| (name.to_owned(), json!({ "enum": words })))
            .collect();
        json!({ "type": "object", "properties": rules, "additionalProperties": false })
    };
    match form {
        Form::Flag => json!({ "type": "boolean" }),
        Form::Text => json!({ "type": "string" }),
        Form::Texts => texts(),
        Form::Word(words) => json!({ "enum": words }),
        Form::Table(names) => {
            let keys: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), texts())).collect();
            json!({ "type": "object", "properties": keys, "additionalProperties": false })
        }
        Form::Levels => levels(),
        Form::PerPath => json!({
            "type": "array",
            "items": {
                "type": "object",
                "properties": { "paths": texts(), "rules": levels() },
                "required": ["paths", "rules"],
                "additionalProperties": false,
            },
        }),
        Form::Apis => json!({
            "type": "array",
            "items": { "allOf": [{ "$ref": "#/definitions/api" }, { "required": ["language"] }] },
        }),
    }
}

/// A default in TOML as JSON.
fn default(text: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("x = {text}")).ok()?;
    serde_json::to_value(table.get("x")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_the_generated_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/config.schema.json");
        if std::env::var_os("ENVRACE_BLESS").is_some() {
            std::fs::write(&path, schema()).expect("the schema can be written");
        }
        let committed = std::fs::read_to_string(&path).expect("the schema is part of the repository");
        assert!(
            committed == schema(),
            "schemas/config.schema.json is not what the table of keys says; ENVRACE_BLESS=1 cargo test --lib schema writes it"
        );
    }

    #[test]
    fn the_schema_knows_the_words() {
        let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
        let properties = &schema["properties"];
        assert_eq!(properties["fail-on"]["enum"], json!(["note", "warning", "error"]));
        assert_eq!(properties["fail-on"]["default"], "warning");
        assert!(properties["target"]["properties"]["libc"].is_object());
        let levels = &properties["per-path"]["items"]["properties"]["rules"]["properties"];
        assert_eq!(levels["ER004"]["enum"], json!(["off", "note", "warning", "error"]));
        assert!(levels["env-seen-by-chance"].is_object());
    }
}
