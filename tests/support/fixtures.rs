//! Reads fixtures/: themes, their markers and the edits that make a safe program racy. The grammar is described in
//! fixtures/README.md.

use std::fs;
use std::path::{Path, PathBuf};

/// One of the folders `fixtures/<language>/{racy,safe}/<theme>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Theme {
    /// `c`, `python` or `rust`.
    pub language: String,
    /// `racy` or `safe`.
    pub side: String,
    pub name: String,
    pub folder: PathBuf,
}

/// An expected finding, or one that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The mutation's file, relative to the theme's folder, and its line from 1.
    pub path: String,
    pub line: u32,
    /// `ER001`.
    pub code: String,
    /// False for `~?`: allowed, not demanded.
    pub demanded: bool,
    /// Paths relative to the theme's folder, with lines; empty where any partner will do.
    pub partners: Vec<(String, u32)>,
    pub effect: Option<String>,
    pub severity: Option<String>,
}

/// The folder `fixtures` of this repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// All themes, sorted.
pub fn themes() -> Vec<Theme> {
    let mut themes = Vec::new();
    for language in ["c", "python", "rust"] {
        for side in ["racy", "safe"] {
            let Ok(entries) = fs::read_dir(root().join(language).join(side)) else {
                continue;
            };
            themes.extend(entries.flatten().filter(|e| e.path().is_dir()).map(|entry| Theme {
                language: language.to_string(),
                side: side.to_string(),
                name: entry.file_name().to_string_lossy().into_owned(),
                folder: entry.path(),
            }));
        }
    }
    themes.sort();
    themes
}

impl Theme {
    /// Its files as (path relative to the folder with `/`, text), sorted.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> = walkdir::WalkDir::new(&self.folder)
            .into_iter()
            .flatten()
            .filter(|entry| entry.file_type().is_file())
            .filter(|entry| !entry.path().to_string_lossy().contains("__pycache__"))
            .map(|entry| {
                let path = entry.path();
                let relative = path.strip_prefix(&self.folder).expect("the walk began in this folder");
                let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                (relative.to_string_lossy().replace('\\', "/"), text)
            })
            .collect();
        files.sort();
        files
    }

    /// All markers of all its files.
    pub fn markers(&self) -> Vec<Marker> {
        let files = self.files();
        files
            .iter()
            .filter(|(path, _)| !path.ends_with(".skip"))
            .flat_map(|(path, text)| {
                text.lines()
                    .enumerate()
                    .flat_map(move |(index, line)| markers_of_line(path, index as u32 + 1, line))
            })
            .collect()
    }

    /// The files with every edit made, or `None` where the theme has no edit.
    pub fn edited(&self) -> Option<Vec<(String, String)>> {
        let python = self.language == "python";
        let files = self.files();
        let edited: Vec<(String, String)> = files
            .iter()
            .map(|(path, text)| (path.clone(), edit(text, python)))
            .collect();
        (edited != files).then_some(edited)
    }

    /// The files of a Python theme that are programs: `main.py`, else those that ask for `__main__` or begin with `#!`.
    pub fn python_programs(&self) -> Vec<PathBuf> {
        let files = self.files();
        let chosen: Vec<&String> = if files.iter().any(|(path, _)| path == "main.py") {
            files
                .iter()
                .map(|(path, _)| path)
                .filter(|path| *path == "main.py")
                .collect()
        } else {
            files
                .iter()
                .filter(|(path, text)| !path.contains('/') && (text.contains("__main__") || text.starts_with("#!")))
                .map(|(path, _)| path)
                .collect()
        };
        assert!(!chosen.is_empty(), "{}: no program to run", self.folder.display());
        chosen.into_iter().map(|path| self.folder.join(path)).collect()
    }

    /// The reason in a file such as `RUN.skip`.
    pub fn skipped(&self, what: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(what)).ok()
    }
}

/// The markers of one line; panics on one that cannot be read, so that a slip of the pen is no silent pass.
fn markers_of_line(path: &str, line: u32, text: &str) -> Vec<Marker> {
    let mut markers = Vec::new();
    let mut rest = text;
    while let Some((at, open)) = ["#~", "//~", "/*~"]
        .iter()
        .filter_map(|open| rest.find(open).map(|at| (at, *open)))
        .min()
    {
        rest = &rest[at + open.len()..];
        let end = ["#~", "//~", "/*~", "*/"]
            .iter()
            .filter_map(|close| rest.find(close))
            .min()
            .unwrap_or(rest.len());
        markers.push(marker(path, line, &rest[..end]));
        rest = &rest[end..];
    }
    markers
}

fn marker(path: &str, line: u32, text: &str) -> Marker {
    let (demanded, text) = match text.strip_prefix('?') {
        Some(text) => (false, text),
        None => (true, text),
    };
    let mut words = text.split_whitespace();
    let code = words
        .next()
        .unwrap_or_else(|| panic!("{path}:{line}: a marker without a rule"));
    let mut marker = Marker {
        path: path.to_string(),
        line,
        code: code.to_string(),
        demanded,
        partners: Vec::new(),
        effect: None,
        severity: None,
    };
    for word in words {
        match word.split_once('=') {
            Some(("partner", partners)) => marker.partners.extend(partners.split(',').map(|partner| {
                let (file, number) = partner
                    .rsplit_once(':')
                    .unwrap_or_else(|| panic!("{path}:{line}: {partner}"));
                let number = number.parse().unwrap_or_else(|_| panic!("{path}:{line}: {partner}"));
                (file.to_string(), number)
            })),
            Some(("effect", effect)) => marker.effect = Some(effect.to_string()),
            Some(("severity", severity)) => marker.severity = Some(severity.to_string()),
            _ => panic!("{path}:{line}: not part of a marker: {word}"),
        }
    }
    marker
}

/// Makes the edits of one file.
fn edit(text: &str, python: bool) -> String {
    let (remove, insert) = if python { ("#-", "#+") } else { ("//-", "//+") };
    let mut edited = String::new();
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let code = if let Some(code) = line.trim_start().strip_prefix(insert) {
            format!("{indent}{}", code.trim())
        } else if let Some(at) = line.find(remove) {
            let code = line[at + remove.len()..].trim();
            let code = if code.is_empty() && python { "pass" } else { code };
            format!("{indent}{code}")
        } else {
            line.to_string()
        };
        edited.push_str(&code);
        edited.push('\n');
    }
    edited
}
