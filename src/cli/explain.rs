//! `envrace explain`, `rules` and `apis`: what is known, as text.

use std::collections::BTreeMap;

use crate::detect;
use crate::facts::Language;
use crate::finding::RuleCode;
use crate::knowledge::{Catalog, Entry};
use crate::triage::unknown_rule_help;

use super::error::UserError;

/// The manual of a rule, or what is known of an API.
///
/// # Errors
/// Where the name is neither.
pub fn explain(name: &str) -> Result<String, UserError> {
    if let Some(rule) = RuleCode::parse(name) {
        return Ok(format!(
            "{} ({})\n\n{}\n",
            rule.name(),
            rule.code(),
            detect::manual(rule).trim_end()
        ));
    }
    let catalog = Catalog::builtin();
    let wanted = name.trim_end_matches("()");
    let entries: Vec<&Entry> = catalog
        .iter()
        .map(|(_, entry)| entry)
        .filter(|entry| entry.path == wanted || entry.text == wanted || entry.display == name)
        .collect();
    if entries.is_empty() {
        return Err(UserError::UnknownName {
            text: name.to_owned(),
            help: unknown_rule_help(name),
        });
    }
    Ok(entries.into_iter().map(api).collect::<Vec<_>>().join("\n"))
}

fn api(entry: &Entry) -> String {
    let mut text = format!("{} ({}): {}\n", entry.text, entry.language.name(), role(entry));
    if let Some(measured) = &entry.measured {
        text.push_str(&format!("  measured: {measured}\n"));
    }
    if let Some(help) = &entry.help {
        text.push_str(&format!("  help:     {help}\n"));
    }
    text.push_str(&format!("  source:   {}\n", entry.source));
    text
}

/// The rules, one a line.
pub fn rules() -> String {
    RuleCode::ALL
        .iter()
        .map(|&rule| {
            let manual = detect::manual(rule);
            let summary = manual.lines().next().unwrap_or("");
            let preview = if detect::is_preview(rule) { "(preview) " } else { "" };
            format!("{}  {:<28} {preview}{summary}\n", rule.code(), rule.name())
        })
        .collect()
}

/// The APIs, one a line: language, role, match.
pub fn apis(language: Option<Language>) -> String {
    let catalog = Catalog::builtin();
    let mut lines: BTreeMap<(&str, String, String), ()> = BTreeMap::new();
    for (_, entry) in catalog
        .iter()
        .filter(|(_, entry)| language.is_none_or(|wanted| entry.language == wanted))
    {
        lines.insert((entry.language.name(), role(entry), entry.text.clone()), ());
    }
    lines
        .into_keys()
        .map(|(language, role, text)| format!("{language:<7} {role:<15} {text}\n"))
        .collect()
}

/// The role in a word: the variant's name as rules files write it.
fn role(entry: &Entry) -> String {
    let debug = format!("{:?}", entry.role);
    let name = debug.split([' ', '{', '(']).next().unwrap_or("");
    let mut word = String::new();
    for (index, c) in name.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            word.push('-');
        }
        word.extend(c.to_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_explained_by_name_and_by_code() {
        let text = explain("er001").expect("ER001 is a rule");
        assert!(text.starts_with("env-mutation-during-spawn (ER001)\n"));
        assert_eq!(explain("env-mutation-during-spawn").as_deref(), Ok(text.as_str()));
        let error = explain("env-mutation-during-spwan").expect_err("there is no such rule");
        assert!(
            error
                .help()
                .is_some_and(|help| help.contains("env-mutation-during-spawn"))
        );
    }

    #[test]
    fn apis_are_listed_with_their_role() {
        assert!(
            apis(Some(Language::Python))
                .lines()
                .any(|line| line == "python  spawn           call:os.system")
        );
        assert!(!apis(Some(Language::Rust)).contains("python"));
        assert!(explain("os.system").is_ok_and(|text| text.contains("spawn")));
    }
}
