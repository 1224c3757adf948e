//! `envrace explain`, `rules` and `apis`: what is known, as text and as JSON.

mod api;
mod apis;
mod code;
mod gap;
mod log;
mod names;
mod role;

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::detect;
use crate::finding::RuleCode;
use crate::knowledge::{Catalog, Target};
use crate::symptoms;

use super::args::{self, Explain, TextFormat};
use super::config::{self, Choice, Config};
use super::error::UserError;
use super::exit::Exit;
use super::{scan, target};

pub use apis::apis;

/// What the name stands for: the manual of a rule, a code that somebody met, what is known of an API; `-` is a log on
/// standard input. Ends with [`Exit::Nothing`] where nothing in that log is recognised.
///
/// # Errors
/// Where the name is nothing of all this, the target cannot be understood, or the log cannot be read.
pub fn explain(asked: &Explain) -> Result<(String, Exit), UserError> {
    let name = asked.name.trim();
    if name == "-" {
        let found = log::explained(&asked.within, &scan_of(asked))?;
        let exit = if found.is_empty() { Exit::Nothing } else { Exit::Clean };
        let text = match asked.format {
            TextFormat::Human => found.text(),
            TextFormat::Json => document(found.json()),
        };
        return Ok((text, exit));
    }
    named(name, asked).map(|text| (text, Exit::Clean))
}

fn named(name: &str, asked: &Explain) -> Result<String, UserError> {
    if let Some(rule) = RuleCode::parse(name) {
        return Ok(match asked.format {
            TextFormat::Human => manual(rule),
            TextFormat::Json => document(json!({
                "kind": "rule", "name": rule.name(), "code": rule.code(), "manual": detect::manual(rule).trim_end(),
            })),
        });
    }
    if let Some((word, promises)) = gap::word(name) {
        return Ok(match asked.format {
            TextFormat::Human => {
                let mut text = String::new();
                api::hanging(&mut text, &format!("{word}  "), &promises);
                text
            }
            TextFormat::Json => document(json!({ "kind": "word", "name": word, "promises": promises })),
        });
    }
    if let Some(found) = symptoms::code(name) {
        let meaning = code::explained(found, &target::target(&asked.target, &[])?);
        return Ok(match asked.format {
            TextFormat::Human => code::text(&meaning),
            TextFormat::Json => document(code::json(&meaning)),
        });
    }
    let config = configured(&asked.configured)?;
    let target = target::target(&asked.target, &config.target)?;
    let found = names::find(&config.catalog, name, asked.language.map(Into::into))?;
    Ok(apis_explained(&config.catalog, &found, &target, asked.format))
}

/// The configuration that applies where the command runs: its `[[api]]` entries are as well known as the built-in ones.
fn configured(asked: &args::Configured) -> Result<Config, UserError> {
    let asked = args::Scan {
        config: asked.config.clone(),
        no_config: asked.no_config,
        ..args::Scan::default()
    };
    let here = [PathBuf::from(".")];
    let planned = scan::projects(&here, &asked, &mut Vec::new())?;
    match planned.into_iter().next() {
        Some((project, _)) => scan::config_of(&asked, &project),
        None => config::load(Choice::None, Path::new(".")),
    }
}

/// What `--in` is analysed with.
fn scan_of(asked: &Explain) -> args::Scan {
    args::Scan {
        target: asked.target.clone(),
        language: asked.language,
        config: asked.configured.config.clone(),
        no_config: asked.configured.no_config,
        ..args::Scan::default()
    }
}

fn manual(rule: RuleCode) -> String {
    format!(
        "{} ({})\n\n{}\n",
        rule.name(),
        rule.code(),
        detect::manual(rule).trim_end()
    )
}

fn apis_explained(catalog: &Catalog, found: &[names::Name], target: &Target, format: TextFormat) -> String {
    let explained = found.iter().map(|name| api::Explained::of(catalog, name, target));
    match format {
        TextFormat::Human => explained.map(|api| api.text()).collect::<Vec<_>>().join("\n"),
        TextFormat::Json => document(json!({
            "kind": "api", "apis": explained.map(|api| api.json()).collect::<Vec<_>>(),
        })),
    }
}

/// A JSON document of this command's, with what it is at its head.
fn document(mut value: serde_json::Value) -> String {
    value["schema"] = json!("envrace-explain/1");
    value["version"] = json!(env!("CARGO_PKG_VERSION"));
    crate::report::json_document(&value)
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
