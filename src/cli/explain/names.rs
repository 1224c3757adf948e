//! From what a person types to the APIs that it can mean.

use crate::facts::Language;
use crate::finding::RuleCode;
use crate::knowledge::{Catalog, Entry, Role, nearest};

use super::super::error::UserError;

/// How many near names are offered.
const OFFERED: usize = 5;

/// A match of the catalog: all its entries are one API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub language: Language,
    /// As rules files write it: `call:os.system`.
    pub text: String,
}

impl Name {
    fn of(entry: &Entry) -> Name {
        Name {
            language: entry.language,
            text: entry.text.clone(),
        }
    }
}

/// The APIs of a name: as it stands in rules files, as people write it, or the end of its path where that is one's alone.
///
/// # Errors
/// Where there is none, with those that are near.
pub fn find(catalog: &Catalog, name: &str, language: Option<Language>) -> Result<Vec<Name>, UserError> {
    let entries: Vec<&Entry> = catalog
        .iter()
        .map(|(_, entry)| entry)
        .filter(|entry| language.is_none_or(|wanted| entry.language == wanted))
        .collect();
    let wanted = name.strip_suffix("()").unwrap_or(name);
    let exact = |entry: &&&Entry| {
        // A method of any type (`*.spawn`) is one of many of its name.
        let display = entry.display == name && !entry.path.starts_with('*');
        entry.path == wanted || entry.text == wanted || display
    };
    let found = distinct(entries.iter().filter(exact));
    if !found.is_empty() {
        return Ok(found);
    }
    let made = made(&entries, wanted);
    if !made.is_empty() {
        return Ok(made);
    }
    let tail = distinct(entries.iter().filter(|entry| ends_in(&entry.path, wanted)));
    let paths: Vec<String> = tail
        .iter()
        .map(|name| path(&name.text).to_owned())
        .fold(Vec::new(), |mut all, path| {
            if !all.contains(&path) {
                all.push(path);
            }
            all
        });
    match paths.as_slice() {
        [] => Err(unknown(name, near(&entries, wanted))),
        [_] => Ok(tail),
        _ => Err(unknown(name, paths.into_iter().take(OFFERED).collect())),
    }
}

/// The method of the type that a wrapper's constructor returns: `tokio::process::Command::spawn` is that of
/// `std::process::Command`, since `tokio::process::Command::new` is known to make one.
fn made(entries: &[&Entry], wanted: &str) -> Vec<Name> {
    let Some((type_path, method)) = wanted.rsplit_once("::") else {
        return Vec::new();
    };
    let constructor = format!("{type_path}::new");
    let methods: Vec<String> = entries
        .iter()
        .filter(|entry| entry.path == constructor)
        .filter_map(|entry| entry.returns.as_ref())
        .map(|returned| format!("{returned}::{method}"))
        .collect();
    distinct(entries.iter().filter(|entry| methods.contains(&entry.path)))
}

/// Whether this is what the environment is changed, handed on or looked at by, which is what a person asks about.
fn is_access(entry: &Entry) -> bool {
    matches!(
        entry.role,
        Role::Mutation { .. } | Role::Spawn { .. } | Role::Read { .. } | Role::Exec { .. } | Role::Fork { .. }
    )
}

fn distinct<'a>(entries: impl Iterator<Item = &'a &'a Entry>) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for entry in entries {
        let name = Name::of(entry);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether the last segments of a path are these.
fn ends_in(path: &str, segments: &str) -> bool {
    path.strip_suffix(segments)
        .is_some_and(|before| !segments.is_empty() && (before.ends_with('.') || before.ends_with("::")))
}

/// A match without its kind and its brackets.
fn path(text: &str) -> &str {
    let path = text.split_once(':').map_or(text, |(_, path)| path);
    path.strip_suffix("[]").unwrap_or(path)
}

/// Names of APIs and rules that are spelt nearly like this one, or whose last segment is.
fn near(entries: &[&Entry], name: &str) -> Vec<String> {
    let rules = RuleCode::ALL.iter().map(|rule| rule.name());
    let mut known: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).chain(rules).collect();
    known.sort_unstable();
    known.dedup();
    // A type is known by its methods.
    let methods = entries.iter().filter(|entry| is_access(entry)).filter(|entry| {
        entry
            .path
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with("::") || rest.starts_with('.'))
    });
    let mut found: Vec<String> = Vec::new();
    for path in methods.map(|entry| entry.path.clone()) {
        if found.len() < OFFERED && !found.contains(&path) {
            found.push(path);
        }
    }
    for close in nearest(name, &known, OFFERED) {
        if found.len() < OFFERED && !found.iter().any(|known| known == close) {
            found.push(close.to_owned());
        }
    }
    let tails: Vec<&str> = known.iter().map(|path| tail(path)).collect();
    for close in nearest(tail(name), &tails, OFFERED) {
        let whole = known.iter().filter(|path| tail(path) == close);
        for path in whole {
            if found.len() < OFFERED && !found.iter().any(|known| known == path) {
                found.push((*path).to_owned());
            }
        }
    }
    found
}

fn tail(path: &str) -> &str {
    path.rsplit(['.', ':']).next().unwrap_or(path)
}

fn unknown(name: &str, near: Vec<String>) -> UserError {
    let quoted: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    let help = match quoted.as_slice() {
        [] => None,
        [one] => Some(format!("did you mean {one}?")),
        [all @ .., last] => Some(format!("did you mean {} or {last}?", all.join(", "))),
    };
    UserError::UnknownName {
        text: name.to_owned(),
        help,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(name: &str, language: Option<Language>) -> Vec<String> {
        let found = find(&Catalog::builtin(), name, language).expect("the name is known");
        found.into_iter().map(|name| name.text).collect()
    }

    fn help(name: &str) -> String {
        let error = find(&Catalog::builtin(), name, None).expect_err("there is no such API");
        error.help().unwrap_or_default()
    }

    #[test]
    fn names_are_found_as_people_write_them() {
        for name in ["os.system", "os.system()", "call:os.system"] {
            assert_eq!(texts(name, None), ["call:os.system"], "{name}");
        }
        assert_eq!(texts("os.environ[k] = v", None), ["store:os.environ[]"]);
        assert_eq!(texts("set_var", None), ["call:std::env::set_var"]);
        assert_eq!(texts("env::set_var", None), ["call:std::env::set_var"]);
        assert_eq!(texts("setenv", Some(Language::C)), ["call:setenv"]);
        assert_eq!(
            texts("tokio::process::Command::spawn", None),
            ["call:std::process::Command::spawn"]
        );
    }

    #[test]
    fn near_names_are_offered() {
        assert!(help("os.sytem").contains("`os.system`"), "{}", help("os.sytem"));
        assert!(help("setnev").contains("`setenv`"), "{}", help("setnev"));
        assert!(help("subproces.run").contains("`subprocess.run`"));
        assert!(help("env-mutation-during-spwan").contains("`env-mutation-during-spawn`"));
        assert!(help("CreateProcessW").contains("envrace apis"), "nothing is near");
        assert!(help("spawn").contains(" or "), "several end so: {}", help("spawn"));
        let command = help("std::process::Command");
        assert!(
            command.contains("`std::process::Command::spawn`") && !command.contains("::gid"),
            "{command}"
        );
    }
}
