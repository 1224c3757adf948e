//! The text of a configuration to its settings; every mistake with its place.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::finding::RuleCode;
use crate::input::{Globs, lower_case};
use crate::knowledge::{Catalog, Target, did_you_mean};
use crate::triage::{Level, unknown_rule_help};

use super::super::error::{Excerpt, UserError};
use super::keys::{KEYS, LEVELS, PER_PATH};
use super::{Config, ConfigFile, PerPath, Section, defaults, shown};

/// A configuration file that is being read.
pub(super) struct File<'a> {
    pub shown: &'a str,
    pub text: &'a str,
    /// The folder that its paths are relative to.
    pub base: &'a Path,
    pub section: Section,
}

/// The settings in `text`, found in the first of `sections` that is there; nothing where none is.
///
/// # Errors
/// The first mistake.
pub(super) fn parse(shown: &str, text: &str, base: &Path, sections: &[Section]) -> Result<Option<Config>, UserError> {
    let mut file = File {
        shown,
        text,
        base,
        section: &[],
    };
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        wrong(&file, span, error.message().to_lowercase(), None)
    })?;
    let found = sections
        .iter()
        .find_map(|section| Some((*section, at(document.get_ref(), section)?)));
    let Some((section, settings)) = found else {
        return Ok(None);
    };
    file.section = section;
    let mut config = defaults();
    let mut lines = BTreeMap::new();
    let names: Vec<&str> = KEYS.iter().map(|known| known.name).collect();
    for (key, _) in settings {
        if !names.contains(&key.get_ref().as_ref()) {
            return Err(unknown_key(&file, key, key.get_ref(), &names));
        }
    }
    for known in KEYS {
        if let Some((key, value)) = settings.get_key_value(known.name) {
            (known.take)(&file, value, &mut config)?;
            lines.insert(known.name, excerpt(&file, key.span()).line);
        }
    }
    config.file = Some(ConfigFile {
        shown: shown.to_owned(),
        section: section.join("."),
        lines,
        others: Vec::new(),
    });
    Ok(Some(config))
}

/// The table at `section`.
pub(super) fn at<'t, 'd>(table: &'t DeTable<'d>, section: &[&str]) -> Option<&'t DeTable<'d>> {
    section
        .iter()
        .try_fold(table, |table, name| table.get(*name)?.get_ref().as_table())
}

pub(super) type Value<'a> = Spanned<DeValue<'a>>;

pub(super) fn target(file: &File, value: &Value) -> Result<Vec<(String, String)>, UserError> {
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

/// Globs, compiled and as they are written.
pub(super) fn globs(file: &File, value: &Value) -> Result<(Globs, Vec<String>), UserError> {
    let items = strings(file, value)?;
    let patterns: Vec<String> = items.iter().map(|item| item.text.clone()).collect();
    match Globs::new(file.base, &patterns) {
        Ok(globs) => Ok((globs, patterns)),
        Err((index, cause)) => {
            let span = items.get(index).map_or(value.span(), |item| item.span.clone());
            Err(wrong(file, span, format!("this is no glob: {cause}"), None))
        }
    }
}

/// `true` or `false`.
pub(super) fn flag(file: &File, value: &Value) -> Result<bool, UserError> {
    let help = || Some("write true or false, without quotes".to_owned());
    let cause = || format!("a truth value is wanted, not {}", value.get_ref().type_str());
    value
        .get_ref()
        .as_bool()
        .ok_or_else(|| wrong(file, value.span(), cause(), help()))
}

/// One string.
pub(super) fn text(file: &File, value: &Value) -> Result<String, UserError> {
    let cause = || format!("a string is wanted, not {}", value.get_ref().type_str());
    value
        .get_ref()
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| wrong(file, value.span(), cause(), None))
}

/// `name = "level"` for rules.
pub(super) fn levels(file: &File, value: &Value) -> Result<BTreeMap<RuleCode, Level>, UserError> {
    let Some(table) = value.get_ref().as_table() else {
        let help = Some("write a table, for example { env-seen-by-chance = \"off\" }".to_owned());
        return Err(wrong(file, value.span(), "`rules` is no table".to_owned(), help));
    };
    let mut levels = BTreeMap::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let Some(rule) = RuleCode::parse(name) else {
            let help = unknown_rule_help(name).unwrap_or_else(|| "`envrace rules` lists them".to_owned());
            return Err(wrong(file, key.span(), format!("unknown rule `{name}`"), Some(help)));
        };
        if levels.insert(rule, one_of(file, value, &LEVELS)?).is_some() {
            let cause = format!(
                "{} ({}) is set twice, by its name and by its code",
                rule.name(),
                rule.code()
            );
            return Err(wrong(file, key.span(), cause, None));
        }
    }
    Ok(levels)
}

/// `[[per-path]]` tables.
pub(super) fn per_path(file: &File, value: &Value) -> Result<Vec<PerPath>, UserError> {
    let form = || Some("write [[per-path]] with paths = [\"tests/**\"] and rules = { … }".to_owned());
    let Some(tables) = value.get_ref().as_array() else {
        let cause = "`per-path` is no list of tables".to_owned();
        return Err(wrong(file, value.span(), cause, form()));
    };
    let mut all = Vec::new();
    for table in tables.iter() {
        let Some(keys) = table.get_ref().as_table() else {
            return Err(wrong(file, table.span(), "this is no table".to_owned(), form()));
        };
        let (mut paths, mut rules) = (None, None);
        for (key, value) in keys {
            match key.get_ref().as_ref() {
                "paths" => paths = Some(globs(file, value)?),
                "rules" => rules = Some(levels(file, value)?),
                unknown => return Err(unknown_key(file, key, unknown, &PER_PATH)),
            }
        }
        let (Some((globs, paths)), Some(levels)) = (paths, rules) else {
            let cause = "a [[per-path]] table needs both `paths` and `rules`".to_owned();
            return Err(wrong(file, table.span(), cause, form()));
        };
        all.push(PerPath { paths, globs, levels });
    }
    Ok(all)
}

/// The meaning of one of `choices`.
pub(super) fn one_of<T: Copy>(file: &File, value: &Value, choices: &[(&'static str, T)]) -> Result<T, UserError> {
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

/// Adds the entries of the `api-files`, whose paths count from the configuration's folder, to the catalog.
pub(super) fn api_files(file: &File, value: &Value, catalog: &mut Catalog) -> Result<Vec<String>, UserError> {
    let named = strings(file, value)?;
    for item in &named {
        let path = file.base.join(&item.text);
        let text = fs::read_to_string(&path).map_err(|error| {
            let cause = format!("`{}` cannot be read: {}", item.text, lower_case(&error));
            let help = "the path counts from the folder of this configuration".to_owned();
            wrong(file, item.span.clone(), cause, Some(help))
        })?;
        let shown = shown(&path);
        *catalog = catalog
            .with_file(&text, &shown)
            .map_err(|error| UserError::Api { error, text })?;
    }
    Ok(named.into_iter().map(|item| item.text).collect())
}

/// The built-in entries with those of this file.
pub(super) fn catalog(file: &File, value: &Value) -> Result<Catalog, UserError> {
    let text = match file.section {
        [] => file.text.to_owned(),
        section => own_entries(file.text, &section.join(".")),
    };
    let tables = value.get_ref().as_array().map_or(0, |tables| tables.len());
    if !file.section.is_empty() && text.matches("[[api]]").count() != tables {
        let help = format!("write each entry under [[{}.api]]", file.section.join("."));
        let cause = "entries in this file stand under headings of their own".to_owned();
        return Err(wrong(file, value.span(), cause, Some(help)));
    }
    Catalog::with_user(&text, file.shown).map_err(|error| UserError::Api {
        error,
        text: file.text.to_owned(),
    })
}

/// The `[[tool.envrace.api]]` tables of a file whose section is `tool.envrace`, as `[[api]]`, every other line empty, so
/// that line numbers stay true.
fn own_entries(text: &str, section: &str) -> String {
    let mut own = false;
    let mut result = String::new();
    for line in text.split_inclusive('\n') {
        let header = line.trim_start();
        if header.starts_with('[') {
            let name = header.trim_start_matches('[').trim_start();
            own = name
                .strip_prefix(section)
                .is_some_and(|rest| rest.starts_with(".api]") || rest.starts_with(".api."));
        }
        match (own, header.starts_with('[')) {
            (true, true) => result.push_str(&line.replacen(&format!("{section}."), "", 1)),
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
    use super::super::keys::Form;
    use super::*;
    use crate::finding::{Confidence, Severity};

    const ROOT: &[Section] = &[&[]];
    const TOOL: &[Section] = &[&["tool", "envrace"]];

    fn read(text: &str, sections: &[Section]) -> Result<Option<Config>, UserError> {
        parse("envrace.toml", text, Path::new("/"), sections)
    }

    fn right(text: &str, sections: &[Section]) -> Config {
        let read = read(text, sections).expect("the text is right");
        read.expect("the text has the section")
    }

    /// Line, column, cause and help of the mistake in `text`.
    fn mistake(text: &str) -> (u32, u32, String, String) {
        match read(text, ROOT).expect_err("the text of this test holds a mistake") {
            UserError::Config { at, cause, help } => (at.line, at.column, cause, help.unwrap_or_default()),
            other => panic!("another error than expected: {other:?}"),
        }
    }

    #[test]
    fn every_key_is_read() {
        let text = "exclude = ['vendor']\nfail-on = 'error'\nmin-confidence = 'medium'\n\
                    [target]\nlibc = ['glibc-2.36', 'musl']\npython = '3.11'\nrust-test-runner = 'nextest'\n";
        let config = right(text, ROOT);
        assert_eq!(config.fail_on, Some(Severity::Error));
        assert_eq!(config.min_confidence, Some(Confidence::Medium));
        assert_eq!(config.target.len(), 4);
        assert!(config.excludes.matches(Path::new("/a/vendor/x.c")));
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
    fn rules_have_levels_everywhere_and_below_paths() {
        let text = "[rules]\nenv-seen-by-chance = 'off'\nER003 = 'error'\n\
                    [[per-path]]\npaths = ['tests/**']\nrules = { ER003 = 'off' }\n\
                    [[per-path]]\npaths = ['tests/x.py']\nrules = { concurrent-env-mutations = 'note' }\n";
        let levels = right(text, ROOT).levels;
        let of = |path: &str, rule| levels.of(Path::new(path), rule);
        assert_eq!(of("/a.py", RuleCode::ER004), Some(Level::Off));
        assert_eq!(of("/a.py", RuleCode::ER003), Some(Level::At(Severity::Error)));
        assert_eq!(of("/a.py", RuleCode::ER001), None);
        assert_eq!(of("/tests/a.py", RuleCode::ER003), Some(Level::Off));
        assert_eq!(of("/tests/x.py", RuleCode::ER003), Some(Level::At(Severity::Note)));
        assert_eq!(of("/tests/x.py", RuleCode::ER004), Some(Level::Off));
    }

    #[test]
    fn mistakes_in_levels_have_a_place_and_a_help() {
        let (line, column, cause, help) = mistake("[rules]\nenv-seen-by-chanse = 'off'\n");
        assert_eq!(
            (line, column, cause.as_str()),
            (2, 1, "unknown rule `env-seen-by-chanse`")
        );
        assert_eq!(help, "did you mean `env-seen-by-chance`?");
        let (.., help) = mistake("[rules]\nER004 = 'of'\n");
        assert_eq!(help, "did you mean `off`?");
        assert!(
            mistake("[rules]\nER004 = 'off'\nenv-seen-by-chance = 'note'\n")
                .2
                .contains("twice")
        );
        let (line, _, cause, _) = mistake("[[per-path]]\npaths = ['a']\n");
        assert_eq!(line, 1);
        assert!(cause.contains("`rules`"), "{cause}");
        let (line, column, _, help) = mistake("[[per-path]]\npath = ['a']\nrules = {}\n");
        assert_eq!((line, column, help.as_str()), (2, 1, "did you mean `paths`?"));
        let (line, column, ..) = mistake("[[per-path]]\npaths = ['a[']\nrules = {}\n");
        assert_eq!((line, column), (2, 10));
        assert!(mistake("preview = 'yes'").3.contains("without quotes"));
    }

    #[test]
    fn every_key_takes_what_its_form_promises_and_its_default() {
        for key in KEYS {
            let example = match key.form {
                Form::Flag => "true".to_owned(),
                Form::Text => "'x'".to_owned(),
                Form::Texts => "['x']".to_owned(),
                Form::Word(words) => {
                    for word in words {
                        right(&format!("{} = '{word}'", key.name), ROOT);
                    }
                    continue;
                }
                Form::Table(names) => {
                    assert!(names.contains(&"libc"));
                    "{ libc = ['musl'] }".to_owned()
                }
                Form::Levels => {
                    let all: Vec<String> = LEVELS.iter().map(|(word, _)| format!("ER001 = '{word}'")).collect();
                    for one in all {
                        right(&format!("{} = {{ {one} }}", key.name), ROOT);
                    }
                    continue;
                }
                Form::PerPath => "[{ paths = 'x', rules = { ER001 = 'off' } }]".to_owned(),
                Form::Apis => "[]".to_owned(),
            };
            if key.name == "api-files" {
                assert!(mistake("api-files = ['no/such/file']").2.contains("cannot be read"));
                continue;
            }
            right(&format!("{} = {example}", key.name), ROOT);
            if !key.default.is_empty() {
                right(&format!("{} = {}", key.name, key.default), ROOT);
            }
            let text = read(&format!("\n{} = 1", key.name), ROOT)
                .expect_err("a number is nothing that any key takes")
                .render();
            assert!(text.contains("--> envrace.toml:2:"), "{}: {text}", key.name);
        }
    }

    #[test]
    fn other_tools_files_have_a_table_for_us() {
        let text = "[project]\nname = 'x'\n[tool.envrace]\nfail-on = 'note'\n";
        let config = right(text, TOOL);
        assert_eq!(config.fail_on, Some(Severity::Note));
        let file = config.file.expect("it was read from a file");
        assert_eq!((file.section.as_str(), file.lines["fail-on"]), ("tool.envrace", 4));
        assert!(read("[tool.other]\nx = 1\n", TOOL).expect("it is TOML").is_none());
        let kept = own_entries("[x]\na = 1\n[[tool.envrace.api]]\nmatch = 'y'\n[z]\n", "tool.envrace");
        assert_eq!(kept, "\n\n[[api]]\nmatch = 'y'\n\n");
        let inline = read("[tool.envrace]\napi = [{ match = 'call:x' }]\n", TOOL);
        assert!(inline.is_err_and(|error| error.help().is_some_and(|help| help.contains("[[tool.envrace.api]]"))));
    }
}
