//! The JSON schema of rules files, made from the table of keys that the loader goes by.
//!
//! Draft 7, since that is what editors know for TOML.

use serde_json::{Map, Value as Json, json};

use super::fields::{KINDS, TESTS};
use super::keys::{COMMON, EFFECT, EFFECTS, EXAMPLE, FRAME, IDIOM, Key, Value, WHEN};

/// The schema of a file of `[[api]]` tables, as text: `rules/schema.json`.
pub fn schema() -> String {
    let document = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "envrace: what APIs do to the environment, threads and processes",
        "description": "The [[api]] tables of a rules file; rules/README.md explains every key.",
        "type": "object",
        "properties": {
            "api": { "type": "array", "items": { "$ref": "#/definitions/api" } },
            "frame": { "type": "array", "items": { "$ref": "#/definitions/frame" } },
            "idiom": { "type": "array", "items": { "$ref": "#/definitions/idiom" } },
        },
        "additionalProperties": false,
        "definitions": {
            "api": api(),
            "when": closed(WHEN),
            "example": example(),
            "frame": closed(FRAME),
            "idiom": closed(IDIOM),
            "argument": {
                "type": "string",
                "minLength": 1,
                "description": "receiver, result, every, last, or keywords and positions from 0 between bars: target|1",
            },
            "texts": {
                "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
            },
            "match": { "type": "string", "pattern": match_pattern() },
            "predicates": {
                "type": "object",
                "additionalProperties": { "type": "string", "pattern": tests_pattern() },
            },
        },
    });
    let mut text = serde_json::to_string_pretty(&document).expect("a value of strings and lists can be written");
    text.push('\n');
    text
}

/// An `[[api]]` table: the effect decides which keys it needs and which it may hold.
fn api() -> Json {
    let mut properties = properties(COMMON);
    properties.extend(properties_of(&EFFECT));
    for effect in &EFFECTS {
        for key in effect.keys {
            // Two effects that share a key agree on what it is, save for its description.
            properties.entry(key.name).or_insert_with(|| value(key));
        }
    }
    let required: Vec<&str> = [EFFECT.name].into_iter().chain(required(COMMON)).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "allOf": EFFECTS.iter().map(by_effect).collect::<Vec<Json>>(),
    })
}

fn by_effect(effect: &super::keys::EffectKeys) -> Json {
    let common = COMMON.iter().map(|key| key.name);
    let own = effect.keys.iter().map(|key| key.name);
    let names: Vec<&str> = [EFFECT.name].into_iter().chain(common).chain(own).collect();
    json!({
        "if": { "properties": { "effect": { "const": effect.name } }, "required": ["effect"] },
        "then": {
            "description": effect.about,
            "required": required(effect.keys),
            "propertyNames": { "enum": names },
        },
    })
}

/// Whole programs, or what a frame lacks.
fn example() -> Json {
    let mut example = closed(EXAMPLE);
    example["oneOf"] = json!([
        { "required": ["racy", "safe"], "not": { "required": ["use"] } },
        { "required": ["use"], "not": { "anyOf": [{ "required": ["racy"] }, { "required": ["safe"] }] } },
    ]);
    example
}

/// A table that holds these keys and no others.
fn closed(keys: &[Key]) -> Json {
    json!({
        "type": "object",
        "properties": properties(keys),
        "required": required(keys),
        "additionalProperties": false,
    })
}

fn required(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().filter(|key| key.required).map(|key| key.name).collect()
}

fn properties(keys: &[Key]) -> Map<String, Json> {
    keys.iter().flat_map(properties_of).collect()
}

fn properties_of(key: &Key) -> Map<String, Json> {
    Map::from_iter([(key.name.to_owned(), value(key))])
}

fn value(key: &Key) -> Json {
    let reference = |name: &str| json!({ "$ref": format!("#/definitions/{name}") });
    let one_or_list = |item: Json| json!({ "oneOf": [item, { "type": "array", "items": item, "minItems": 1 }] });
    let kind = match key.value {
        Value::Text => json!({ "type": "string", "minLength": 1 }),
        Value::Texts => json!({ "allOf": [reference("texts")] }),
        Value::Flag => json!({ "type": "boolean" }),
        Value::Argument => json!({ "allOf": [reference("argument")] }),
        Value::Word(words) => json!({ "enum": words() }),
        Value::Words(words) => one_or_list(json!({ "enum": words() })),
        Value::Match => one_or_list(reference("match")),
        Value::Predicates => one_or_list(reference("predicates")),
        Value::When => json!({ "allOf": [reference("when")] }),
        Value::Examples => json!({ "type": "array", "items": reference("example") }),
    };
    let mut kind = kind;
    kind["description"] = Json::from(key.about);
    kind
}

fn match_pattern() -> String {
    let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    format!("^({}):.+$", kinds.join("|"))
}

fn tests_pattern() -> String {
    let tests: Vec<&str> = TESTS.iter().map(|(name, _)| *name).collect();
    let one = tests.join("|");
    format!("^ *({one}) *(\\| *({one}) *)*$")
}

#[cfg(test)]
mod tests;
