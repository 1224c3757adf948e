//! `envrace config`: the effective values, each with where it comes from, as a configuration file that says the same.

use std::fmt::Write;

use crate::finding::RuleCode;
use crate::report::sanitise_line;
use crate::triage::Level;

use super::Config;
use super::keys::{CONFIDENCES, KEYS, LEVELS, PERSONAS, SEVERITIES};
use crate::cli::args::PersonaArg;

/// What the command line says over the configuration.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub persona: Option<PersonaArg>,
    pub preview: bool,
    /// `(key, value)` pairs of `--target`.
    pub target: Vec<(String, String)>,
}

/// The effective configuration of the project called `project`, as TOML.
pub fn show(config: &Config, asked: &Asked, project: &str) -> String {
    let mut out = format!("# the configuration for {}\n", sanitise_line(project));
    match &config.file {
        Some(file) => {
            let section = if file.section.is_empty() {
                String::new()
            } else {
                format!(" [{}]", file.section)
            };
            let _ = writeln!(out, "# read from {}{section}", sanitise_line(&file.shown));
            for other in &file.others {
                let _ = writeln!(
                    out,
                    "# not read, since one in the same folder comes first: {}",
                    sanitise_line(other)
                );
            }
        }
        None => out.push_str("# no configuration file was found or asked for\n"),
    }
    let mut scalars = String::new();
    let mut tables = String::new();
    for key in KEYS {
        let asked_for = match key.name {
            "persona" => asked.persona.is_some(),
            "preview" => asked.preview,
            _ => false,
        };
        let origin = match (
            asked_for,
            config
                .file
                .as_ref()
                .and_then(|file| Some((file, file.lines.get(key.name)?))),
        ) {
            (true, _) => "the command line".to_owned(),
            (false, Some((file, line))) => format!("{}:{line}", sanitise_line(&file.shown)),
            (false, None) => "the default".to_owned(),
        };
        match value(config, asked, key.name) {
            Some(value) if value.is_empty() => {
                let _ = writeln!(scalars, "# {} is not set", key.name);
            }
            Some(value) => {
                let _ = writeln!(scalars, "{} = {value}  # {origin}", key.name);
            }
            None => table(&mut tables, config, asked, key.name, &origin),
        }
    }
    // Writing into a string cannot fail; keys of the top come before any table.
    let _ = write!(out, "\n{scalars}{tables}");
    out
}

/// The value of a key that needs no table of its own.
fn value(config: &Config, asked: &Asked, key: &str) -> Option<String> {
    Some(match key {
        "exclude" => list(&config.exclude),
        "api-files" => list(&config.api_files),
        "fail-on" => word(&SEVERITIES, config.fail_on).unwrap_or_else(|| default(key)),
        "min-confidence" => word(&CONFIDENCES, config.min_confidence).unwrap_or_else(|| default(key)),
        "persona" => word(&PERSONAS, asked.persona.or(config.persona)).unwrap_or_else(|| default(key)),
        "preview" => (asked.preview || config.preview.unwrap_or(false)).to_string(),
        "baseline" => config
            .baseline
            .as_ref()
            .map_or_else(String::new, |file| quoted(&file.to_string_lossy())),
        _ => return None,
    })
}

/// The tables of a key, each under its heading.
fn table(out: &mut String, config: &Config, asked: &Asked, key: &str, origin: &str) {
    // Writing into a string cannot fail.
    match key {
        "target" => {
            let _ = writeln!(out, "\n[target]");
            let named = |key: &str| asked.target.iter().any(|(named, _)| named == key);
            let kept = config.target.iter().filter(|(key, _)| !named(key));
            let mut lines: Vec<(&str, Vec<&str>, &str)> = Vec::new();
            let pairs = kept
                .map(|pair| (pair, origin))
                .chain(asked.target.iter().map(|pair| (pair, "the command line")));
            for ((key, value), origin) in pairs {
                match lines.iter_mut().find(|(known, ..)| known == key) {
                    Some((_, values, _)) => values.push(value),
                    None => lines.push((key, vec![value], origin)),
                }
            }
            if lines.is_empty() {
                let _ = writeln!(out, "# {origin}: the worst case over all versions that are known");
            }
            for (key, values, origin) in lines {
                let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
                let _ = writeln!(out, "{key} = {}  # {origin}", list(&values));
            }
        }
        "rules" => {
            let _ = writeln!(out, "\n[rules]");
            if config.levels.everywhere.is_empty() {
                let _ = writeln!(out, "# {origin}: each finding has the severity that its rule gives it");
            } else {
                let _ = writeln!(out, "# {origin}");
            }
            for (rule, level) in &config.levels.everywhere {
                let _ = writeln!(out, "{}", rule_level(*rule, *level));
            }
        }
        "per-path" => {
            for own in &config.levels.per_path {
                let _ = writeln!(out, "\n[[per-path]]  # {origin}\npaths = {}", list(&own.paths));
                let levels: Vec<String> = own
                    .levels
                    .iter()
                    .map(|(rule, level)| rule_level(*rule, *level))
                    .collect();
                let _ = writeln!(out, "rules = {{ {} }}", levels.join(", "));
            }
        }
        "api" if config.apis > 0 => {
            let _ = writeln!(out, "\n# {} [[api]] entries of your own  # {origin}", config.apis);
        }
        _ => {}
    }
}

fn default(key: &str) -> String {
    KEYS.iter()
        .find(|known| known.name == key)
        .map_or_else(String::new, |known| known.default.to_owned())
}

fn rule_level(rule: RuleCode, level: Level) -> String {
    let word = word(&LEVELS, Some(level)).unwrap_or_default();
    format!("{} = {word}", rule.name())
}

fn word<T: PartialEq>(choices: &[(&str, T)], value: Option<T>) -> Option<String> {
    let value = value?;
    let (word, _) = choices.iter().find(|(_, choice)| *choice == value)?;
    Some(quoted(word))
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

/// A string as TOML writes it on one line, with escapes for what would act on whatever shows it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let shown = c.to_string();
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '#' if out.ends_with('#') => out.push_str("\\u0023"),
            _ if sanitise_line(&shown) == shown => out.push(c),
            _ => {
                // Writing into a string cannot fail.
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn strings_are_quoted_on_one_line_and_read_the_same() {
        for text in [
            "",
            "a b",
            "é \"x\" \\",
            "::a\n::b",
            "\x1b[2J\u{202e}\t\0",
            "###[x]",
            "'''\"\"\"",
        ] {
            let shown = quoted(text);
            assert!(
                !shown.contains(|c: char| c.is_control() || c == '\u{202e}') && !shown.contains("##"),
                "{shown:?}"
            );
            let table: toml::Table = format!("x = {shown}").parse().expect("it is TOML");
            assert_eq!(table["x"].as_str(), Some(text));
        }
    }
}
