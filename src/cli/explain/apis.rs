//! `envrace apis`: what is known, one a line.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::facts::Language;
use crate::knowledge::{Catalog, Entry, did_you_mean};

use super::super::args::{Apis, ListFormat};
use super::super::error::UserError;
use super::{configured, document, gap, role};

/// The APIs, one a line: language, effect, match.
///
/// # Errors
/// Where `--effect` names none, or the configuration is wrong.
pub fn apis(asked: &Apis) -> Result<String, UserError> {
    let catalog = configured(&asked.configured)?.catalog;
    if asked.gap {
        return Ok(match asked.format {
            ListFormat::Human => gap::text(&catalog),
            ListFormat::Json => document(gap::json(&catalog)),
            ListFormat::Markdown => gap::markdown(&catalog),
        });
    }
    let language: Option<Language> = asked.language.map(Into::into);
    if let Some(effect) = &asked.effect {
        known_effect(&catalog, effect)?;
    }
    let wanted = |entry: &&Entry| {
        language.is_none_or(|wanted| entry.language == wanted)
            && asked.effect.as_ref().is_none_or(|wanted| role::word(entry) == *wanted)
    };
    let mut found: BTreeMap<(&str, String, String), Vec<&Entry>> = BTreeMap::new();
    for entry in catalog.iter().map(|(_, entry)| entry).filter(wanted) {
        let key = (entry.language.name(), role::word(entry), entry.text.clone());
        found.entry(key).or_default().push(entry);
    }
    Ok(match asked.format {
        ListFormat::Human => found
            .keys()
            .map(|(language, role, text)| format!("{language:<7} {role:<15} {text}\n"))
            .collect(),
        ListFormat::Json => document(json!({
            "kind": "apis", "apis": found.iter().map(listed).collect::<Vec<_>>(),
        })),
        ListFormat::Markdown => {
            let rows = found.keys();
            let rows = rows.map(|(language, role, text)| format!("| {language} | {role} | `{text}` |\n"));
            format!(
                "| language | effect | API |\n|---|---|---|\n{}",
                rows.collect::<String>()
            )
        }
    })
}

fn listed(((language, role, text), entries): (&(&str, String, String), &Vec<&Entry>)) -> Value {
    let mut sources: Vec<&str> = entries.iter().map(|entry| entry.source.as_str()).collect();
    sources.dedup();
    json!({
        "language": language, "effect": role, "match": text, "name": entries.first().map(|entry| &entry.display),
        "sources": sources, "user": entries.iter().any(|entry| entry.user),
    })
}

fn known_effect(catalog: &Catalog, effect: &str) -> Result<(), UserError> {
    let mut words: Vec<String> = catalog.iter().map(|(_, entry)| role::word(entry)).collect();
    words.sort_unstable();
    words.dedup();
    if words.iter().any(|word| word == effect) {
        return Ok(());
    }
    let known: Vec<&str> = words.iter().map(String::as_str).collect();
    Err(UserError::UnknownEffect {
        text: effect.to_owned(),
        help: did_you_mean(effect, &known).unwrap_or_else(|| format!("the effects are {}", known.join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Configured, LanguageArg};

    fn asked(language: Option<LanguageArg>, effect: Option<&str>) -> Apis {
        Apis {
            language,
            effect: effect.map(str::to_owned),
            gap: false,
            configured: Configured {
                config: None,
                no_config: true,
            },
            format: ListFormat::Human,
        }
    }

    #[test]
    fn apis_are_listed_with_their_role() {
        let python = apis(&asked(Some(LanguageArg::Python), None)).expect("nothing is filtered by effect");
        assert!(
            python
                .lines()
                .any(|line| line == "python  spawn           call:os.system")
        );
        assert!(!python.contains("rust "));
        let starts = apis(&asked(None, Some("start"))).expect("start is an effect");
        assert!(starts.contains("call:pthread_create") && !starts.contains("call:os.system"));
        let error = apis(&asked(None, Some("spwan"))).expect_err("there is no such effect");
        assert!(error.help().is_some_and(|help| help.contains("`spawn`")));
    }
}
