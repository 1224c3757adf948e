//! Rules files to entries: every mistake is reported with its line, its column and what would be right.
//!
//! The TOML is walked by hand and not through serde, since an effect decides which keys its table may hold, and a
//! mistake in a rules file must point at the very word.

use std::sync::Arc;

use toml::Spanned;
use toml::de::DeTable;

use super::catalog::CatalogError;
use super::entry::{Entry, MatchKind, Predicate};
use super::example::{Frame, samples};
use super::fields::{Field, Fields, KINDS, Mistake, TESTS, argument, text_of, unknown_word, word};
use super::idiom::{IDIOMS, Names};
use super::keys::{
    self, BUILDS, COMMON, EFFECTS, FRAME, HAZARDS, IDIOM, Key, LANGUAGES, MEASURED, SHAPES, SYSTEMS, WHEN,
};
use super::role::role;
use super::target::{VersionRange, When, libc_range};
use super::words::did_you_mean;
use crate::facts::Language;

/// Where a file's entries come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub file: &'a str,
    pub whose: Whose,
}

/// Who wrote the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// One that is compiled in, about one language.
    Builtin(Language),
    /// A user's file of entries: every table names its language (`language = "c"`), and there is nothing else in it.
    Users,
    /// A user's configuration, in which there are other keys too.
    Configuration,
}

/// What a rules file holds.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub entries: Vec<Entry>,
    pub frames: Vec<Frame>,
    pub idioms: Vec<Names>,
}

/// The entries of the `[[api]]` tables of a file, and where it is built in the frames of their examples and the idioms.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn rules(text: &str, origin: Origin<'_>) -> Result<Rules, CatalogError> {
    read(text, origin).map_err(|mistake| located(text, origin.file, mistake))
}

fn read(text: &str, origin: Origin<'_>) -> Result<Rules, Mistake> {
    let document =
        DeTable::parse(text).map_err(|error| Mistake::new(error.span().unwrap_or(0..0), error.message().to_owned()))?;
    let mut rules = Rules::default();
    for (key, value) in document.get_ref().iter() {
        let tables = || {
            let tables = value.get_ref().as_array();
            tables.ok_or_else(|| {
                let mistake = Mistake::new(key.span(), format!("`{}` is no list of tables", key.get_ref()));
                mistake.help(Some(format!("write [[{}]]", key.get_ref())))
            })
        };
        match (key.get_ref().as_ref(), origin.whose) {
            ("api", _) => {
                for table in tables()?.iter() {
                    rules.entries.extend(api(table, origin.whose)?);
                }
            }
            ("frame", Whose::Builtin(language)) => {
                for table in tables()?.iter() {
                    rules.frames.push(frame(table, language)?);
                }
            }
            ("idiom", Whose::Builtin(language)) => {
                for table in tables()?.iter() {
                    rules.idioms.push(idiom(table, language)?);
                }
            }
            (_, Whose::Configuration) => {}
            (name, _) => {
                let help = did_you_mean(name, &["api"]);
                let help = help.unwrap_or_else(|| "such a file holds [[api]] tables only".to_owned());
                return Err(Mistake::new(key.span(), format!("unknown key `{name}`")).help(Some(help)));
            }
        }
    }
    Ok(rules)
}

/// Gives a mistake its line and column.
fn located(text: &str, file: &str, mistake: Mistake) -> CatalogError {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(mistake.span.start);
    let end = boundary(mistake.span.end.max(start));
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let width = text[start..end].lines().next().map_or(0, |line| line.chars().count());
    CatalogError {
        file: file.to_owned(),
        line: before.matches('\n').count() as u32 + 1,
        column: before[line_start..].chars().count() as u32 + 1,
        width: width.max(1) as u32,
        message: mistake.message,
        help: mistake.help,
    }
}

/// One `[[frame]]` table.
fn frame(value: Field<'_>, language: Language) -> Result<Frame, Mistake> {
    let fields = Fields::of(value, "a frame", FRAME.iter().collect())?;
    let effects = fields.texts("effect")?;
    let known: Vec<&str> = EFFECTS.iter().map(|effect| effect.name).collect();
    if let Some(stray) = effects.iter().find(|effect| !known.contains(effect.get_ref())) {
        return Err(unknown_word(stray.get_ref(), stray.span(), "effect", &known));
    }
    Ok(Frame {
        language,
        effects: effects
            .into_iter()
            .map(|effect| (*effect.get_ref()).to_owned())
            .collect(),
        racy: fields.required("racy")?.to_owned(),
        safe: fields.required("safe")?.to_owned(),
    })
}

/// One `[[idiom]]` table.
fn idiom(value: Field<'_>, language: Language) -> Result<Names, Mistake> {
    let fields = Fields::of(value, "an idiom", IDIOM.iter().collect())?;
    let names = fields.texts("names")?;
    if names.is_empty() {
        return Err(fields.missing("names"));
    }
    if let Some(pair) = names.windows(2).find(|pair| pair[0].get_ref() >= pair[1].get_ref()) {
        let message = format!("`{}` is out of order", pair[1].get_ref());
        return Err(Mistake::new(pair[1].span(), message));
    }
    source(&fields)?;
    Ok(Names {
        language,
        idiom: fields.word("tells", &IDIOMS)?.ok_or_else(|| fields.missing("tells"))?,
        names: names.into_iter().map(|name| (*name.get_ref()).to_owned()).collect(),
    })
}

/// The keys that a table with this effect may hold.
fn known_keys(effect: &'static [Key], whose: Whose) -> Vec<&'static Key> {
    let users = |key: &&Key| key.name != "language" || !matches!(whose, Whose::Builtin(_));
    let common = COMMON.iter().filter(users);
    [&keys::EFFECT].into_iter().chain(common).chain(effect).collect()
}

/// One `[[api]]` table: an entry for each match and each alternative of `args`.
fn api(value: Field<'_>, whose: Whose) -> Result<Vec<Entry>, Mistake> {
    let table = Fields::table_of(value, "an api")?;
    let missing = |key: &str| Mistake::new(value.span(), format!("`{key}` is missing"));
    if !table.contains_key("match") {
        return Err(missing("match"));
    }
    let effect = table.get("effect").ok_or_else(|| missing("effect"))?;
    let effect_name = text_of(effect, "effect")?;
    let Some(own_keys) = keys::keys_of(effect_name) else {
        let known: Vec<&str> = EFFECTS.iter().map(|effect| effect.name).collect();
        return Err(unknown_word(effect_name, effect.span(), "effect", &known));
    };
    let what = format!("an api with the effect {effect_name}");
    let fields = Fields::of(value, &what, known_keys(own_keys, whose))?;
    let matches = fields.texts("match")?;
    if matches.is_empty() {
        return Err(fields.missing("match"));
    }
    let alternatives = alternatives(&fields)?;
    let (hold, release) = (guards(&fields, "hold")?, guards(&fields, "release")?);
    if let Some(both) = hold.iter().find(|guard| release.contains(guard)) {
        let message = format!("`{both}` is both held and released");
        return Err(Mistake::new(fields.span.clone(), message));
    }
    let template = Entry {
        language: language(&fields, whose)?,
        kind: MatchKind::Call,
        path: String::new(),
        text: String::new(),
        role: role(&fields, effect_name, effect.span())?,
        hold,
        when: when(&fields)?,
        arguments: Vec::new(),
        returns: fields.text("returns")?.map(str::to_owned),
        mapping_only: fields.flag("mapping_only")?.unwrap_or(false),
        kept: fields.text("kept")?.map(Arc::from),
        hazard: fields.word("hazard", &HAZARDS)?,
        because: fields.text("because")?.map(str::to_owned),
        measured: fields.word("measured", &MEASURED)?.map(str::to_owned),
        source: source(&fields)?,
        help: fields.text("help")?.map(str::to_owned),
        help_beside: words(&fields, "help_beside", &SHAPES)?,
        display: fields.text("display")?.unwrap_or_default().to_owned(),
        samples: Arc::from(samples(&fields, &matches)?),
        effect: effect_name.to_owned(),
        user: !matches!(whose, Whose::Builtin(_)),
    };
    let mut entries = Vec::new();
    for text in &matches {
        for arguments in &alternatives {
            entries.push(matched(&template, text, arguments.clone())?);
        }
    }
    Ok(entries)
}

fn language(fields: &Fields<'_>, whose: Whose) -> Result<Language, Mistake> {
    match whose {
        Whose::Builtin(language) => Ok(language),
        Whose::Users | Whose::Configuration => fields
            .word("language", &LANGUAGES)?
            .ok_or_else(|| fields.missing("language")),
    }
}

/// Words of a closed list.
fn words<T: Copy>(fields: &Fields<'_>, key: &'static str, known: &[(&'static str, T)]) -> Result<Vec<T>, Mistake> {
    let texts = fields.texts(key)?.into_iter();
    texts
        .map(|text| word(text.get_ref(), text.span(), key, known))
        .collect()
}

/// The names of intrinsic guards.
fn guards(fields: &Fields<'_>, key: &'static str) -> Result<Vec<String>, Mistake> {
    fields.texts(key)?.into_iter().map(guard).collect()
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
    let kind = word(kind, text.span(), "kind of match", &KINDS)?;
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
    let table = Fields::of(value, "`when`", WHEN.iter().collect())?;
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
        free_threaded: table.word("build", &BUILDS)?,
        rust: range("rust")?,
        os: table.word("os", &SYSTEMS)?,
        named: table.flag("named")?.unwrap_or(false),
    };
    Ok(when)
}

#[cfg(test)]
mod tests;
