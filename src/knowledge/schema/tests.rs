use super::*;

/// The parts of JSON Schema that [`schema`] uses; anything else in it is a mistake of the test.
fn accepts(schema: &Json, value: &Json, root: &Json) -> bool {
    let Some(rules) = schema.as_object() else {
        return schema.as_bool().expect("a schema is an object, true or false");
    };
    rules
        .iter()
        .all(|(rule, wanted)| holds(rule, wanted, value, root, schema))
}

fn holds(rule: &str, wanted: &Json, value: &Json, root: &Json, schema: &Json) -> bool {
    let list = || wanted.as_array().expect("it is a list");
    match rule {
        "$ref" => {
            let path = wanted
                .as_str()
                .expect("a reference is a string")
                .trim_start_matches('#');
            accepts(root.pointer(path).expect("it leads somewhere"), value, root)
        }
        "type" => match wanted.as_str().expect("one type") {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            other => panic!("no such type: {other}"),
        },
        "enum" => list().contains(value),
        "const" => wanted == value,
        "minLength" | "minItems" => {
            let length = value.as_str().map(str::len).or(value.as_array().map(Vec::len));
            length.is_none_or(|length| length as u64 >= wanted.as_u64().expect("a number"))
        }
        "pattern" => value
            .as_str()
            .is_none_or(|text| fits(wanted.as_str().expect("a pattern"), text)),
        "properties" => wanted
            .as_object()
            .expect("a table")
            .iter()
            .all(|(name, inner)| value.get(name).is_none_or(|value| accepts(inner, value, root))),
        "required" => {
            !value.is_object()
                || list()
                    .iter()
                    .all(|name| value.get(name.as_str().expect("a name")).is_some())
        }
        "additionalProperties" => value.as_object().is_none_or(|table| {
            let known = |name: &str| schema.get("properties").is_some_and(|known| known.get(name).is_some());
            table
                .iter()
                .all(|(name, value)| known(name) || accepts(wanted, value, root))
        }),
        "propertyNames" => value.as_object().is_none_or(|table| {
            table
                .keys()
                .all(|name| accepts(wanted, &Json::from(name.as_str()), root))
        }),
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| accepts(wanted, item, root))),
        "allOf" => list().iter().all(|inner| accepts(inner, value, root)),
        "anyOf" => list().iter().any(|inner| accepts(inner, value, root)),
        "oneOf" => list().iter().filter(|inner| accepts(inner, value, root)).count() == 1,
        "not" => !accepts(wanted, value, root),
        "if" => !accepts(wanted, value, root) || accepts(&schema["then"], value, root),
        "then" | "$schema" | "title" | "description" | "definitions" => true,
        other => panic!("the schema uses {other}, which the test does not know"),
    }
}

/// The two patterns are alternatives of words, so that no engine is needed.
fn fits(pattern: &str, text: &str) -> bool {
    let alternatives = pattern.trim_start_matches(['^', ' ', '*', '(']);
    let words: Vec<&str> = alternatives.split(')').next().unwrap_or("").split('|').collect();
    match pattern.contains("):.+") {
        true => text
            .split_once(':')
            .is_some_and(|(kind, path)| words.contains(&kind) && !path.is_empty()),
        false => text.split('|').all(|test| words.contains(&test.trim())),
    }
}

fn root() -> Json {
    serde_json::from_str(&schema()).expect("the schema is JSON")
}

fn as_json(text: &str) -> Json {
    let table: toml::Table = text.parse().expect("it is TOML");
    serde_json::to_value(table).expect("TOML without dates is JSON")
}

/// `ENVRACE_BLESS=1 cargo test` writes the file anew.
#[test]
fn the_committed_schema_is_the_one_that_is_generated() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/schema.json");
    if std::env::var_os("ENVRACE_BLESS").is_some() {
        std::fs::write(path, schema()).expect("rules/schema.json can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == schema(),
        "rules/schema.json is not what the table of keys makes: run with ENVRACE_BLESS=1"
    );
}

#[test]
fn the_schema_accepts_every_builtin_rules_file() {
    let root = root();
    for (file, _, text) in crate::knowledge::catalog::BUILTIN {
        let document = as_json(text);
        let tables = document["api"].as_array().expect("it holds entries");
        for table in tables {
            assert!(accepts(&root["definitions"]["api"], table, &root), "{file}: {table:#}");
        }
        assert!(accepts(&root, &document, &root), "{file}");
    }
}

/// What the loader refuses for its keys, words and kinds of value, the schema refuses too.
#[test]
fn the_schema_refuses_what_the_loader_refuses() {
    let root = root();
    let right = "match = 'call:f'\neffect = 'spawn'\npassing = 'shared'\nsource = 's'\n";
    let api = |table: &str| as_json(&format!("[[api]]\n{table}"));
    assert!(accepts(&root, &api(right), &root));
    for wrong in [
        "match = 'call:f'\neffect = 'spawn'\nsource = 's'\n",
        "match = 'call:f'\neffect = 'spawn'\npassing = 'shred'\nsource = 's'\n",
        "match = 'cal:f'\neffect = 'inert'\nsource = 's'\n",
        "match = 'call:f'\neffect = 'spwan'\nsource = 's'\n",
        "match = 'call:f'\neffect = 'unlock'\nentry = '0'\nsource = 's'\n",
        "match = 'call:f'\neffect = 'inert'\nargs = { env = 'abset' }\nsource = 's'\n",
        "match = 'call:f'\neffect = 'inert'\nwhen = { pyhton = '>=3.9' }\nsource = 's'\n",
        "match = 'call:f'\neffect = 'inert'\n",
        "match = 7\neffect = 'inert'\nsource = 's'\n",
        "match = 'call:f'\neffect = 'lock'\nshared = 'yes'\nsource = 's'\n",
        "match = 'call:f'\neffect = 'inert'\nsource = 's'\n[[api.example]]\nracy = 'x'\n",
    ] {
        let origin = crate::knowledge::load::Origin {
            file: "test.toml",
            whose: crate::knowledge::load::Whose::Builtin(crate::facts::Language::Python),
        };
        assert!(
            crate::knowledge::load::rules(&format!("[[api]]\n{wrong}"), origin).is_err(),
            "the loader takes {wrong}"
        );
        assert!(!accepts(&root, &api(wrong), &root), "the schema takes {wrong}");
    }
}
