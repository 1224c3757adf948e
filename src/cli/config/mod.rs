//! The configuration: `envrace.toml`, `.envrace.toml`, `[tool.envrace]` in `pyproject.toml`, or
//! `[package.metadata.envrace]` or `[workspace.metadata.envrace]` in `Cargo.toml`. The nearest folder that holds one wins,
//! up to the repository's root; within a folder the first in this order.
//!
//! [`keys::KEYS`] is the one table of what may stand in it: the parser asks it, and the JSON schema and
//! `envrace config` are made from it. A key that does not exist is an error with its place: a typing mistake must not
//! silently mean "default".

mod keys;
mod parse;
mod schema;
mod show;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::finding::{Confidence, RuleCode, Severity};
use crate::input::{Globs, lower_case};
use crate::knowledge::Catalog;
use crate::triage::Level;

use super::args::PersonaArg;
use super::error::UserError;

pub use schema::schema;
pub use show::{Asked, show};

/// Where in a file the settings may stand: the names of the tables, outermost first.
type Section = &'static [&'static str];

/// The names of configuration files with their sections, the first found wins.
const FILES: [(&str, &[Section]); 4] = [
    ("envrace.toml", &[&[]]),
    (".envrace.toml", &[&[]]),
    ("pyproject.toml", &[&["tool", "envrace"]]),
    (
        "Cargo.toml",
        &[
            &["package", "metadata", "envrace"],
            &["workspace", "metadata", "envrace"],
        ],
    ),
];

/// One configuration file's settings, or the defaults.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file, where there is one.
    pub file: Option<ConfigFile>,
    /// `(key, value)` of `[target]`, checked.
    pub target: Vec<(String, String)>,
    pub excludes: Globs,
    /// `exclude` as it is written.
    pub exclude: Vec<String>,
    pub fail_on: Option<Severity>,
    pub min_confidence: Option<Confidence>,
    pub persona: Option<PersonaArg>,
    pub preview: Option<bool>,
    /// Relative to the working directory, or absolute.
    pub baseline: Option<PathBuf>,
    pub levels: Levels,
    /// The built-in entries with the user's own.
    pub catalog: Catalog,
    /// How many `[[api]]` tables there are.
    pub apis: usize,
    /// `api-files` as it is written.
    pub api_files: Vec<String>,
}

/// A file that was read.
#[derive(Debug, Clone, Default)]
pub struct ConfigFile {
    pub shown: String,
    /// The table that holds the settings, as `tool.envrace`; empty where it is the whole file.
    pub section: String,
    /// The line of each key that stands in it.
    pub lines: BTreeMap<&'static str, u32>,
    /// Others in the same folder, which were not read.
    pub others: Vec<String>,
}

/// How loud each rule is to be: everywhere, and below some paths.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    pub everywhere: BTreeMap<RuleCode, Level>,
    pub per_path: Vec<PerPath>,
}

/// A `[[per-path]]` table.
#[derive(Debug, Clone)]
pub struct PerPath {
    pub paths: Vec<String>,
    pub globs: Globs,
    pub levels: BTreeMap<RuleCode, Level>,
}

impl Levels {
    /// The level of a rule for a mutation in the file at `path` (absolute): that of the last `[[per-path]]` that matches
    /// the path and names the rule, else that of `[rules]`.
    pub fn of(&self, path: &Path, rule: RuleCode) -> Option<Level> {
        self.per_path
            .iter()
            .rev()
            .filter_map(|own| Some((own, *own.levels.get(&rule)?)))
            .find(|(own, _)| own.globs.matches(path))
            .map(|(_, level)| level)
            .or_else(|| self.everywhere.get(&rule).copied())
    }
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Copy)]
pub enum Choice<'a> {
    /// The nearest file at or above the project's root, within its repository.
    Nearest,
    File(&'a Path),
    None,
}

/// The configuration for the project at `root`.
///
/// # Errors
/// A file that cannot be read or holds a mistake.
pub fn load(choice: Choice, root: &Path) -> Result<Config, UserError> {
    let (path, others) = match choice {
        Choice::None => return Ok(defaults()),
        Choice::File(path) => (path.to_owned(), Vec::new()),
        Choice::Nearest => match nearest(root) {
            Some(found) => found,
            None => return Ok(defaults()),
        },
    };
    let unreadable = |cause: String| UserError::ConfigUnreadable {
        file: shown(&path),
        cause,
    };
    let text = fs::read_to_string(&path).map_err(|error| unreadable(lower_case(&error)))?;
    let base = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let read = parse::parse(&shown(&path), &text, base, sections(&path))?;
    let Some(mut config) = read else {
        let names: Vec<String> = sections(&path)
            .iter()
            .map(|section| format!("[{}]", section.join(".")))
            .collect();
        return Err(unreadable(format!("it holds no {}", names.join(" or "))));
    };
    if let Some(file) = &mut config.file {
        file.others = others.iter().map(|path| shown(path)).collect();
    }
    Ok(config)
}

/// Whether `folder` holds a configuration.
pub fn exists_in(folder: &Path) -> bool {
    !in_folder(folder).is_empty()
}

/// The nearest configuration file, and others beside it.
fn nearest(root: &Path) -> Option<(PathBuf, Vec<PathBuf>)> {
    for folder in root.ancestors() {
        let mut found = in_folder(folder);
        if !found.is_empty() {
            let first = found.remove(0);
            return Some((first, found));
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

fn in_folder(folder: &Path) -> Vec<PathBuf> {
    FILES
        .iter()
        .map(|(name, sections)| (folder.join(name), *sections))
        .filter(|(path, sections)| match sections {
            [[]] => path.is_file(),
            sections => fs::read_to_string(path).is_ok_and(|text| speaks(&text, sections)),
        })
        .map(|(path, _)| path)
        .collect()
}

/// Whether a file of another tool has a section for us. One that is broken is taken to have one where it names it, so
/// that its mistake is reported.
fn speaks(text: &str, sections: &[Section]) -> bool {
    if !text.contains("envrace") {
        return false;
    }
    match DeTable::parse(text) {
        Ok(document) => sections
            .iter()
            .any(|section| parse::at(document.get_ref(), section).is_some()),
        Err(_) => sections.iter().any(|section| text.contains(&section.join("."))),
    }
}

fn sections(path: &Path) -> &'static [Section] {
    let name = path.file_name().unwrap_or_default();
    FILES
        .iter()
        .find(|(known, _)| name == *known)
        .map_or(&[&[]], |(_, sections)| sections)
}

/// The path relative to the working directory where it is below it.
pub(super) fn shown(path: &Path) -> String {
    let cwd = std::env::current_dir().ok().and_then(|cwd| cwd.canonicalize().ok());
    let inside = cwd.as_deref().and_then(|cwd| path.strip_prefix(cwd).ok());
    inside.unwrap_or(path).to_string_lossy().into_owned()
}

fn defaults() -> Config {
    Config {
        file: None,
        target: Vec::new(),
        excludes: Globs::none(),
        exclude: Vec::new(),
        fail_on: None,
        min_confidence: None,
        persona: None,
        preview: None,
        baseline: None,
        levels: Levels::default(),
        catalog: Catalog::builtin(),
        apis: 0,
        api_files: Vec::new(),
    }
}
