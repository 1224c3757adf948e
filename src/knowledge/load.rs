//! Rules files to entries: every mistake is reported with its line, its column and what would be right.
//!
//! The TOML is walked by hand and not through serde, since an effect decides which keys its table may hold, and a
//! mistake in a rules file must point at the very word.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::catalog::CatalogError;
use super::entry::{ArgumentRef, ArgumentTest, Entry, Example, Hazard, MatchKind, Predicate};
use super::role::role;
use super::target::{Os, VersionRange, When, libc_range};
use super::words::did_you_mean;
use crate::facts::Language;

const TESTS: [(&str, ArgumentTest); 11] = [
    ("absent", ArgumentTest::Absent),
    ("none", ArgumentTest::None),
    ("live", ArgumentTest::Live),
    ("own", ArgumentTest::Own),
    ("literal", ArgumentTest::Literal),
    ("present", ArgumentTest::Present),
    ("true", ArgumentTest::True),
    ("false", ArgumentTest::False),
    ("slash", ArgumentTest::Slash),
    ("no-slash", ArgumentTest::NoSlash),
    ("empty", ArgumentTest::Empty),
];

const KINDS: [(&str, MatchKind); 9] = [
    ("call", MatchKind::Call),
    ("store", MatchKind::Store),
    ("delete", MatchKind::Delete),
    ("load", MatchKind::Load),
    ("with", MatchKind::With),
    ("decorator", MatchKind::Decorator),
    ("base", MatchKind::Base),
    ("pragma", MatchKind::Pragma),
    ("drop", MatchKind::Drop),
];

const HAZARDS: [(&str, Hazard); 2] = [
    ("frees-moved-array", Hazard::FreesMovedArray),
    ("frees-replaced-string", Hazard::FreesReplacedString),
];

/// Where a file's entries come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub file: &'a str,
    /// `None` where every table names its own (`language = "c"`): a user's configuration.
    pub language: Option<Language>,
}

/// A mistake before its line is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub span: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

impl Mistake {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Mistake {
        Mistake {
            span,
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: Option<String>) -> Mistake {
        self.help = help;
        self
    }
}

/// The entries of the `[[api]]` tables of a file. Other top-level keys are somebody else's in a user's file and a
/// mistake in a rules file.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn entries(text: &str, origin: Origin<'_>) -> Result<Vec<Entry>, CatalogError> {
    let place = |mistake: Mistake| located(text, origin.file, mistake);
    let document = DeTable::parse(text)
        .map_err(|error| place(Mistake::new(error.span().unwrap_or(0..0), error.message().to_owned())))?;
    let mut entries = Vec::new();
    for (key, value) in document.get_ref().iter() {
        if key.get_ref() != "api" {
            if origin.language.is_some() {
                let mistake = Mistake::new(key.span(), format!("unknown key `{}`", key.get_ref()));
                return Err(place(
                    mistake.help(Some("a rules file holds [[api]] tables only".to_owned())),
                ));
            }
            continue;
        }
        let tables = value.get_ref().as_array().ok_or_else(|| {
            place(Mistake::new(key.span(), "`api` is no list of tables").help(Some("write [[api]]".to_owned())))
        })?;
        for table in tables.iter() {
            entries.extend(api(table, origin).map_err(&place)?);
        }
    }
    Ok(entries)
}

/// Gives a mistake its line and column.
fn located(text: &str, file: &str, mistake: Mistake) -> CatalogError {
    let mut start = mistake.span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    CatalogError {
        file: file.to_owned(),
        line: before.matches('\n').count() as u32 + 1,
        column: before[line_start..].chars().count() as u32 + 1,
        message: mistake.message,
        help: mistake.help,
    }
}

/// A table with its place, which remembers the keys it was asked for: the rest are mistakes.
pub(super) struct Fields<'a> {
    table: &'a DeTable<'a>,
    span: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

type Field<'a> = &'a Spanned<DeValue<'a>>;

impl<'a> Fields<'a> {
    fn of(value: Field<'a>, what: &str) -> Result<Fields<'a>, Mistake> {
        match value.get_ref().as_table() {
            Some(table) => Ok(Fields {
                table,
                span: value.span(),
                asked: RefCell::default(),
            }),
            None => Err(Mistake::new(value.span(), format!("{what} is no table"))),
        }
    }

    pub(super) fn get(&self, key: &'static str) -> Option<Field<'a>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    pub(super) fn missing(&self, key: &str) -> Mistake {
        Mistake::new(self.span.clone(), format!("`{key}` is missing"))
    }

    pub(super) fn text(&self, key: &'static str) -> Result<Option<&'a str>, Mistake> {
        self.get(key).map(|value| text_of(value, key)).transpose()
    }

    pub(super) fn required(&self, key: &'static str) -> Result<&'a str, Mistake> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<Option<bool>, Mistake> {
        self.get(key)
            .map(|value| {
                let wrong = || Mistake::new(value.span(), format!("`{key}` is neither true nor false"));
                value.get_ref().as_bool().ok_or_else(wrong)
            })
            .transpose()
    }

    /// A string, or a list of strings.
    pub(super) fn texts(&self, key: &'static str) -> Result<Vec<Spanned<&'a str>>, Mistake> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        match value.get_ref().as_array() {
            Some(items) => items
                .iter()
                .map(|item| Ok(Spanned::new(item.span(), text_of(item, key)?)))
                .collect(),
            None => Ok(vec![Spanned::new(value.span(), text_of(value, key)?)]),
        }
    }

    /// One word of a closed list.
    pub(super) fn word<T: Copy>(&self, key: &'static str, known: &[(&'static str, T)]) -> Result<Option<T>, Mistake> {
        self.get(key)
            .map(|value| word(text_of(value, key)?, value.span(), key, known))
            .transpose()
    }

    pub(super) fn argument(&self, key: &'static str) -> Result<Option<ArgumentRef>, Mistake> {
        self.get(key)
            .map(|value| argument(text_of(value, key)?, value.span()))
            .transpose()
    }

    /// The keys that nobody asked for are mistakes.
    fn finish(&self, what: &str) -> Result<(), Mistake> {
        let asked = self.asked.borrow();
        let stray = self.table.keys().find(|key| !asked.contains(&key.get_ref().as_ref()));
        stray.map_or(Ok(()), |key| {
            let help = did_you_mean(key.get_ref(), &asked);
            Err(Mistake::new(key.span(), format!("unknown key `{}` {what}", key.get_ref())).help(help))
        })
    }
}

fn text_of<'a>(value: Field<'a>, key: &str) -> Result<&'a str, Mistake> {
    value
        .get_ref()
        .as_str()
        .ok_or_else(|| Mistake::new(value.span(), format!("`{key}` is no string")))
}

/// One word of a closed list, or a mistake that names the nearest.
pub(super) fn word<T: Copy>(
    text: &str,
    span: Range<usize>,
    key: &str,
    known: &[(&'static str, T)],
) -> Result<T, Mistake> {
    let found = known.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let help = did_you_mean(text, &names).unwrap_or_else(|| format!("known are {}", names.join(", ")));
        Mistake::new(span, format!("unknown {key} `{text}`")).help(Some(help))
    })
}

/// `receiver`, `result`, `last`, or keywords and positions between bars: `target|1`.
pub(super) fn argument(text: &str, span: Range<usize>) -> Result<ArgumentRef, Mistake> {
    match text {
        "receiver" => return Ok(ArgumentRef::Receiver),
        "result" => return Ok(ArgumentRef::Result),
        "every" => return Ok(ArgumentRef::Every),
        "last" => return Ok(ArgumentRef::Last),
        _ => {}
    }
    let (mut positions, mut keywords) = (Vec::new(), Vec::new());
    for part in text.split('|').map(str::trim) {
        if matches!(part, "" | "receiver" | "result" | "every" | "last") {
            let help = "write a keyword, a position from 0, or both: target|1".to_owned();
            return Err(Mistake::new(span, format!("`{text}` names no argument")).help(Some(help)));
        }
        match part.parse::<u32>() {
            Ok(position) => positions.push(position),
            Err(_) => keywords.push(part.to_owned()),
        }
    }
    Ok(ArgumentRef::Of { positions, keywords })
}

/// One `[[api]]` table: an entry for each match and each alternative of `args`.
fn api(value: Field<'_>, origin: Origin<'_>) -> Result<Vec<Entry>, Mistake> {
    let fields = Fields::of(value, "an api")?;
    let matches = fields.texts("match")?;
    if matches.is_empty() {
        return Err(fields.missing("match"));
    }
    let language = language(&fields, origin)?;
    let effect = fields.get("effect").ok_or_else(|| fields.missing("effect"))?;
    let role = role(&fields, text_of(effect, "effect")?, effect.span())?;
    let alternatives = alternatives(&fields)?;
    let hold = fields
        .texts("hold")?
        .into_iter()
        .map(guard)
        .collect::<Result<Vec<_>, _>>()?;
    let release = fields
        .texts("release")?
        .into_iter()
        .map(guard)
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(both) = hold.iter().find(|guard| release.contains(guard)) {
        return Err(Mistake::new(
            fields.span.clone(),
            format!("`{both}` is both held and released"),
        ));
    }
    let template = Entry {
        language,
        kind: MatchKind::Call,
        path: String::new(),
        text: String::new(),
        role,
        hold,
        when: when(&fields)?,
        arguments: Vec::new(),
        returns: fields.text("returns")?.map(str::to_owned),
        mapping_only: fields.flag("mapping_only")?.unwrap_or(false),
        hazard: fields.word("hazard", &HAZARDS)?,
        because: fields.text("because")?.map(str::to_owned),
        measured: fields
            .word(
                "measured",
                &[("common", "common"), ("rare", "rare"), ("latent", "latent")],
            )?
            .map(str::to_owned),
        source: source(&fields)?,
        help: fields.text("help")?.map(str::to_owned),
        display: fields.text("display")?.unwrap_or_default().to_owned(),
        examples: examples(&fields)?,
        user: origin.language.is_none(),
    };
    fields.finish("of an api")?;
    let mut entries = Vec::new();
    for text in &matches {
        for arguments in &alternatives {
            entries.push(matched(&template, text, arguments.clone())?);
        }
    }
    Ok(entries)
}

fn language(fields: &Fields<'_>, origin: Origin<'_>) -> Result<Language, Mistake> {
    match origin.language {
        Some(language) => Ok(language),
        None => {
            let known = [
                ("c", Language::C),
                ("python", Language::Python),
                ("rust", Language::Rust),
            ];
            fields
                .word("language", &known)?
                .ok_or_else(|| fields.missing("language"))
        }
    }
}

fn source(fields: &Fields<'_>) -> Result<String, Mistake> {
    let source = fields.required("source")?;
    if source.trim().is_empty() {
        return Err(Mistake::new(fields.span.clone(), "`source` is empty"));
    }
    Ok(source.to_owned())
}

fn guard(text: Spanned<&str>) -> Result<String, Mistake> {
    let name = *text.get_ref();
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if plain {
        Ok(name.to_owned())
    } else {
        Err(Mistake::new(text.span(), format!("`{name}` is no name of a guard")))
    }
}

/// The template with one match and one set of predicates filled in.
fn matched(template: &Entry, text: &Spanned<&str>, arguments: Vec<Predicate>) -> Result<Entry, Mistake> {
    let written = *text.get_ref();
    let Some((kind, path)) = written.split_once(':') else {
        let help = "write kind:path, for example call:os.system".to_owned();
        return Err(Mistake::new(text.span(), format!("`{written}` names no kind of match")).help(Some(help)));
    };
    let kind = match kind {
        "attribute" => MatchKind::Decorator,
        _ => word(kind, text.span(), "kind of match", &KINDS)?,
    };
    let bare = path.strip_suffix("[]").unwrap_or(path);
    if bare.trim().is_empty() || bare == "*." {
        return Err(Mistake::new(text.span(), format!("`{written}` names no path")));
    }
    let display = if template.display.is_empty() {
        display(kind, path, template.language)
    } else {
        template.display.clone()
    };
    Ok(Entry {
        kind,
        path: bare.to_owned(),
        text: written.to_owned(),
        arguments,
        display,
        ..template.clone()
    })
}

/// How a person writes what is matched, where the table does not say.
fn display(kind: MatchKind, path: &str, language: Language) -> String {
    let bare = path.strip_suffix("[]");
    match (kind, bare, language) {
        (MatchKind::Store, Some(bare), Language::Python) => format!("{bare}[k] = v"),
        (MatchKind::Store, Some(bare), _) => format!("{bare}[i] = s"),
        (MatchKind::Store, None, _) => format!("{path} = v"),
        (MatchKind::Delete, Some(bare), _) => format!("del {bare}[k]"),
        (MatchKind::Delete, None, _) => format!("del {path}"),
        (MatchKind::Load, Some(bare), Language::Python) => format!("{bare}[k]"),
        (MatchKind::Load, Some(bare), _) => format!("{bare}[i]"),
        (MatchKind::Decorator, _, Language::Rust) => format!("#[{path}]"),
        (MatchKind::Decorator, _, _) => format!("@{path}"),
        (MatchKind::Pragma, _, _) => format!("#pragma {path}"),
        _ => path.trim_start_matches("*.").to_owned(),
    }
}

/// `args = { … }`, or a list of such tables of which one suffices.
fn alternatives(fields: &Fields<'_>) -> Result<Vec<Vec<Predicate>>, Mistake> {
    let Some(value) = fields.get("args") else {
        return Ok(vec![Vec::new()]);
    };
    match value.get_ref().as_array() {
        Some(tables) if tables.is_empty() => Err(Mistake::new(value.span(), "`args` lists no alternative")),
        Some(tables) => tables.iter().map(predicates).collect(),
        None => Ok(vec![predicates(value)?]),
    }
}

fn predicates(value: Field<'_>) -> Result<Vec<Predicate>, Mistake> {
    let table = value
        .get_ref()
        .as_table()
        .ok_or_else(|| Mistake::new(value.span(), "`args` is no table"))?;
    let mut predicates = Vec::new();
    for (key, tests) in table.iter() {
        let any_of = text_of(tests, "args")?
            .split('|')
            .map(|test| word(test.trim(), tests.span(), "test", &TESTS))
            .collect::<Result<Vec<_>, _>>()?;
        predicates.push(Predicate {
            argument: argument(key.get_ref(), key.span())?,
            any_of,
        });
    }
    Ok(predicates)
}

fn when(fields: &Fields<'_>) -> Result<When, Mistake> {
    let Some(value) = fields.get("when") else {
        return Ok(When::default());
    };
    let table = Fields::of(value, "`when`")?;
    let range = |key: &'static str| -> Result<Option<VersionRange>, Mistake> {
        let wrong = |fragment: String| Mistake::new(table.get(key).map_or(0..0, |value| value.span()), fragment);
        table
            .text(key)?
            .map(|text| VersionRange::parse(text).map_err(wrong))
            .transpose()
    };
    let libc = match table.get("libc") {
        None => None,
        Some(libc) => {
            let parsed = libc_range(text_of(libc, "libc")?);
            Some(parsed.map_err(|fragment| Mistake::new(libc.span(), fragment))?)
        }
    };
    let when = When {
        python: range("python")?,
        libc,
        free_threaded: table.word("build", &[("gil", false), ("free", true)])?,
        rust: range("rust")?,
        os: table.word("os", &[("linux", Os::Linux), ("other", Os::Other)])?,
        named: table.flag("named")?.unwrap_or(false),
    };
    table.finish("of `when`")?;
    Ok(when)
}

fn examples(fields: &Fields<'_>) -> Result<Vec<Example>, Mistake> {
    let Some(value) = fields.get("example") else {
        return Ok(Vec::new());
    };
    let tables = value
        .get_ref()
        .as_array()
        .ok_or_else(|| Mistake::new(value.span(), "write [[api.example]]"))?;
    tables
        .iter()
        .map(|table| {
            let table = Fields::of(table, "an example")?;
            let example = Example {
                racy: table.required("racy")?.to_owned(),
                safe: table.required("safe")?.to_owned(),
            };
            table.finish("of an example")?;
            Ok(example)
        })
        .collect()
}

#[cfg(test)]
mod tests;
