//! The configuration: `envrace.toml`, `.envrace.toml`, or `[tool.envrace]` in `pyproject.toml`. A key that does not exist
//! is an error with its place: a typing mistake must not silently mean "default".

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::finding::{Confidence, Severity};
use crate::input::{Excludes, lower_case};
use crate::knowledge::{Catalog, Target, did_you_mean};

use super::error::{Excerpt, UserError};

/// The names of configuration files, nearest wins, then first in this order.
const NAMES: [&str; 3] = ["envrace.toml", ".envrace.toml", "pyproject.toml"];

const KEYS: [&str; 6] = ["target", "exclude", "fail-on", "min-confidence", "api", "api-files"];

/// One configuration file's settings, or the defaults.
#[derive(Debug, Clone)]
pub struct Config {
    /// `(key, value)` of `[target]`, checked.
    pub target: Vec<(String, String)>,
    pub excludes: Excludes,
    pub fail_on: Option<Severity>,
    pub min_confidence: Option<Confidence>,
    /// The built-in entries with the user's own.
    pub catalog: Catalog,
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
    let file = match choice {
        Choice::None => None,
        Choice::File(path) => Some(path.to_owned()),
        Choice::Nearest => nearest(root),
    };
    let Some(path) = file else { return Ok(defaults()) };
    let shown = shown(&path);
    let text = fs::read_to_string(&path).map_err(|error| UserError::ConfigUnreadable {
        file: shown.clone(),
        cause: lower_case(&error),
    })?;
    let base = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    parse(&File {
        shown: &shown,
        text: &text,
        base,
        table: table_of(&path),
    })
}

/// Whether `folder` holds a configuration.
pub fn exists_in(folder: &Path) -> bool {
    in_folder(folder).is_some()
}

fn nearest(root: &Path) -> Option<PathBuf> {
    for folder in root.ancestors() {
        if let Some(path) = in_folder(folder) {
            return Some(path);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

fn in_folder(folder: &Path) -> Option<PathBuf> {
    NAMES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| match table_of(path) {
            Table::Root => path.is_file(),
            Table::Tool => fs::read_to_string(path).is_ok_and(|text| text.contains("tool.envrace")),
        })
}

fn shown(path: &Path) -> String {
    let cwd = std::env::current_dir().ok().and_then(|cwd| cwd.canonicalize().ok());
    let inside = cwd.as_deref().and_then(|cwd| path.strip_prefix(cwd).ok());
    inside.unwrap_or(path).to_string_lossy().into_owned()
}

fn defaults() -> Config {
    Config {
        target: Vec::new(),
        excludes: Excludes::none(),
        fail_on: None,
        min_confidence: None,
        catalog: Catalog::builtin(),
    }
}

/// Where in the file the settings stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Root,
    /// `[tool.envrace]`
    Tool,
}

fn table_of(path: &Path) -> Table {
    if path.file_name().is_some_and(|name| name == "pyproject.toml") {
        Table::Tool
    } else {
        Table::Root
    }
}

/// A configuration file that is being read.
struct File<'a> {
    shown: &'a str,
    text: &'a str,
    base: &'a Path,
    table: Table,
}

fn parse(file: &File) -> Result<Config, UserError> {
    let document = DeTable::parse(file.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        wrong(file, span, error.message().to_lowercase(), None)
    })?;
    let mut settings = document.get_ref();
    if file.table == Table::Tool {
        let tool = settings.get("tool").and_then(|tool| tool.get_ref().as_table());
        match tool
            .and_then(|tool| tool.get("envrace"))
            .and_then(|own| own.get_ref().as_table())
        {
            Some(own) => settings = own,
            None => return Ok(defaults()),
        }
    }
    let mut config = defaults();
    let mut entry_files = Vec::new();
    for (key, value) in settings {
        match key.get_ref().as_ref() {
            "target" => config.target = target(file, value)?,
            "exclude" => config.excludes = excludes(file, value)?,
            "fail-on" => config.fail_on = Some(severity(file, value)?),
            "min-confidence" => config.min_confidence = Some(confidence(file, value)?),
            "api" => config.catalog = catalog(file)?,
            "api-files" => entry_files = strings(file, value)?,
            unknown => return Err(unknown_key(file, key, unknown, &KEYS)),
        }
    }
    for named in entry_files {
        config.catalog = with_entries_of(config.catalog, file, &named)?;
    }
    Ok(config)
}

/// The catalog with the entries of one of the `api-files`, whose path counts from the configuration's folder.
fn with_entries_of(catalog: Catalog, file: &File, named: &Item) -> Result<Catalog, UserError> {
    let path = file.base.join(&named.text);
    let text = fs::read_to_string(&path).map_err(|error| {
        let cause = format!("`{}` cannot be read: {}", named.text, lower_case(&error));
        let help = "the path counts from the folder of this configuration".to_owned();
        wrong(file, named.span.clone(), cause, Some(help))
    })?;
    let shown = shown(&path);
    catalog
        .with_file(&text, &shown)
        .map_err(|error| UserError::Api { error, text })
}

type Value<'a> = Spanned<DeValue<'a>>;

fn target(file: &File, value: &Value) -> Result<Vec<(String, String)>, UserError> {
    let Some(table) = value.get_ref().as_table() else {
        let help = Some("write a table, for example [target] libc = \"glibc-2.41\"".to_owned());
        return Err(wrong(file, value.span(), "`target` is no table".to_owned(), help));
    };
    let mut pairs = Vec::new();
    let mut checked = Target::default();
    for (key, value) in table {
        for item in strings(file, value)? {
            checked.set(key.get_ref(), &item.text).map_err(|error| {
                // A mistake in the key is shown at the key; everything else is about the value.
                let about_key = error.message.contains("key");
                let span = if about_key { key.span() } else { item.span.clone() };
                wrong(file, span, error.message, error.help)
            })?;
            pairs.push((key.get_ref().to_string(), item.text));
        }
    }
    Ok(pairs)
}

fn excludes(file: &File, value: &Value) -> Result<Excludes, UserError> {
    let items = strings(file, value)?;
    let patterns: Vec<String> = items.iter().map(|item| item.text.clone()).collect();
    Excludes::new(file.base, &patterns).map_err(|(index, cause)| {
        let span = items.get(index).map_or(value.span(), |item| item.span.clone());
        wrong(file, span, format!("this is no glob: {cause}"), None)
    })
}

fn severity(file: &File, value: &Value) -> Result<Severity, UserError> {
    let all = [Severity::Note, Severity::Warning, Severity::Error];
    one_of(file, value, &all.map(|severity| (severity.name(), severity)))
}

fn confidence(file: &File, value: &Value) -> Result<Confidence, UserError> {
    let all = [Confidence::Low, Confidence::Medium, Confidence::High];
    one_of(file, value, &all.map(|confidence| (confidence.name(), confidence)))
}

fn one_of<T: Copy>(file: &File, value: &Value, choices: &[(&'static str, T)]) -> Result<T, UserError> {
    let text = value.get_ref().as_str().unwrap_or("");
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
        return Ok(*choice);
    }
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let help = did_you_mean(text, &names).unwrap_or_else(|| format!("write one of {}", quoted.join(", ")));
    Err(wrong(
        file,
        value.span(),
        "this is none of the values it can have".to_owned(),
        Some(help),
    ))
}

/// A string with its place.
struct Item {
    text: String,
    span: Range<usize>,
}

/// A string, or a list of strings.
fn strings(file: &File, value: &Value) -> Result<Vec<Item>, UserError> {
    let one = |value: &Value| match value.get_ref().as_str() {
        Some(text) => Ok(Item {
            text: text.to_owned(),
            span: value.span(),
        }),
        None => {
            let help = Some("put it in quotes, so that 3.10 does not become 3.1".to_owned());
            let help = help.filter(|_| value.get_ref().is_float() || value.get_ref().is_integer());
            Err(wrong(
                file,
                value.span(),
                format!("a string is wanted, not {}", value.get_ref().type_str()),
                help,
            ))
        }
    };
    match value.get_ref().as_array() {
        Some(items) => items.iter().map(one).collect(),
        None => Ok(vec![one(value)?]),
    }
}

/// The built-in entries with those of this file.
fn catalog(file: &File) -> Result<Catalog, UserError> {
    let text = match file.table {
        Table::Root => file.text.to_owned(),
        Table::Tool => own_entries(file.text),
    };
    Catalog::with_user(&text, file.shown).map_err(|error| UserError::Api {
        error,
        text: file.text.to_owned(),
    })
}

/// The `[[tool.envrace.api]]` tables of a `pyproject.toml` as `[[api]]`, every other line empty, so that line numbers
/// stay true.
fn own_entries(text: &str) -> String {
    let mut own = false;
    let mut result = String::new();
    for line in text.split_inclusive('\n') {
        let header = line.trim_start();
        if header.starts_with('[') {
            own = header
                .trim_start_matches('[')
                .trim_start()
                .starts_with("tool.envrace.api");
        }
        match (own, header.starts_with('[')) {
            (true, true) => result.push_str(&line.replacen("tool.envrace.", "", 1)),
            (true, false) => result.push_str(line),
            (false, _) => result.push('\n'),
        }
    }
    result
}

fn unknown_key(file: &File, key: &Spanned<std::borrow::Cow<str>>, name: &str, known: &[&str]) -> UserError {
    let help = did_you_mean(name, known).unwrap_or_else(|| format!("the keys are {}", known.join(", ")));
    wrong(file, key.span(), format!("unknown key `{name}`"), Some(help))
}

fn wrong(file: &File, span: Range<usize>, cause: String, help: Option<String>) -> UserError {
    UserError::Config {
        at: excerpt(file, span),
        cause,
        help,
    }
}

/// The line in which a byte range begins.
fn excerpt(file: &File, span: Range<usize>) -> Excerpt {
    let text = file.text;
    let floor = |index: usize| {
        (0..=index.min(text.len()))
            .rev()
            .find(|&i| text.is_char_boundary(i))
            .unwrap_or(0)
    };
    let (start, end) = (floor(span.start), floor(span.end.max(span.start)));
    let begin = text[..start].rfind('\n').map_or(0, |index| index + 1);
    let line = text[begin..].lines().next().unwrap_or("");
    let width = text[start..end].lines().next().map_or(0, |part| part.chars().count());
    Excerpt {
        file: file.shown.to_owned(),
        line: 1 + text[..begin].matches('\n').count() as u32,
        column: 1 + text[begin..start].chars().count() as u32,
        width: width.max(1) as u32,
        text: line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, table: Table) -> Result<Config, UserError> {
        parse(&File {
            shown: "envrace.toml",
            text,
            base: Path::new("/"),
            table,
        })
    }

    /// Line, column, cause and help of the mistake in `text`.
    fn mistake(text: &str) -> (u32, u32, String, String) {
        match read(text, Table::Root).expect_err("the text of this test holds a mistake") {
            UserError::Config { at, cause, help } => (at.line, at.column, cause, help.unwrap_or_default()),
            other => panic!("another error than expected: {other:?}"),
        }
    }

    #[test]
    fn every_key_is_read() {
        let text = "exclude = ['vendor']\nfail-on = 'error'\nmin-confidence = 'medium'\n\
                    [target]\nlibc = ['glibc-2.36', 'musl']\npython = '3.11'\nrust-test-runner = 'nextest'\n";
        let config = read(text, Table::Root).expect("the text is right");
        assert_eq!(config.fail_on, Some(Severity::Error));
        assert_eq!(config.min_confidence, Some(Confidence::Medium));
        assert_eq!(config.target.len(), 4);
        assert!(config.excludes.excludes(Path::new("/a/vendor/x.c")));
    }

    #[test]
    fn mistakes_have_a_place_and_a_help() {
        let (line, column, cause, help) = mistake("\n  fail_on = 'error'\n");
        assert_eq!((line, column, cause.as_str()), (2, 3, "unknown key `fail_on`"));
        assert_eq!(help, "did you mean `fail-on`?");
        let (line, column, ..) = mistake("exclude = ['ok', 'a[']");
        assert_eq!((line, column), (1, 18));
        let (line, column, cause, _) = mistake("[target]\nlibcc = 'musl'\n");
        assert_eq!((line, column), (2, 1));
        assert!(cause.contains("libcc"), "{cause}");
        let (line, column, ..) = mistake("[target]\nlibc = 'mussel'\n");
        assert_eq!((line, column), (2, 8));
        let (.., help) = mistake("[target]\npython = 3.10\n");
        assert!(help.contains("quotes"));
        let (.., help) = mistake("fail-on = 'warn'");
        assert!(help.contains("warning"));
        assert_eq!(mistake("fail-on = ").0, 1);
    }

    #[test]
    fn pyproject_speaks_in_its_own_table() {
        let text = "[project]\nname = 'x'\n[tool.envrace]\nfail-on = 'note'\n";
        assert_eq!(
            read(text, Table::Tool).expect("the text is right").fail_on,
            Some(Severity::Note)
        );
        assert!(
            read("[tool.other]\nx = 1\n", Table::Tool)
                .expect("another's table is none of ours")
                .fail_on
                .is_none()
        );
        let kept = own_entries("[x]\na = 1\n[[tool.envrace.api]]\nmatch = 'y'\n[z]\n");
        assert_eq!(kept, "\n\n[[api]]\nmatch = 'y'\n\n");
    }
}
