//! One table of a rules file: every key is a known one, every value is of its kind, and a mistake points at the word.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::{ArgumentRef, ArgumentTest, MatchKind};
use super::keys::Key;
use super::words::did_you_mean;

pub(super) const TESTS: [(&str, ArgumentTest); 19] = [
    ("absent", ArgumentTest::Absent),
    ("none", ArgumentTest::None),
    ("may-be-none", ArgumentTest::MayBeNone),
    ("live", ArgumentTest::Live),
    ("own", ArgumentTest::Own),
    ("literal", ArgumentTest::Literal),
    ("present", ArgumentTest::Present),
    ("true", ArgumentTest::True),
    ("false", ArgumentTest::False),
    ("not-false", ArgumentTest::NotFalse),
    ("slash", ArgumentTest::Slash),
    ("no-slash", ArgumentTest::NoSlash),
    ("empty", ArgumentTest::Empty),
    ("no-address", ArgumentTest::NoAddress),
    ("host-name", ArgumentTest::HostName),
    ("one", ArgumentTest::One),
    ("all-completed", ArgumentTest::AllCompleted),
    ("new-program", ArgumentTest::NewProgram),
    ("on-threads", ArgumentTest::OnThreads),
];

/// `attribute` is Rust's word for a decorator.
pub(super) const KINDS: [(&str, MatchKind); 11] = [
    ("call", MatchKind::Call),
    ("store", MatchKind::Store),
    ("delete", MatchKind::Delete),
    ("load", MatchKind::Load),
    ("with", MatchKind::With),
    ("decorator", MatchKind::Decorator),
    ("attribute", MatchKind::Decorator),
    ("base", MatchKind::Base),
    ("pragma", MatchKind::Pragma),
    ("drop", MatchKind::Drop),
    ("parameter", MatchKind::Parameter),
];

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

pub(super) type Field<'a> = &'a Spanned<DeValue<'a>>;

/// A table with its place. All its keys are known ones.
pub(super) struct Fields<'a> {
    table: &'a DeTable<'a>,
    pub(super) span: Range<usize>,
    /// What it may hold.
    known: Vec<&'static Key>,
}

impl<'a> Fields<'a> {
    /// The table that `value` is, without a look at its keys: `what` names it in mistakes.
    pub(super) fn table_of(value: Field<'a>, what: &str) -> Result<&'a DeTable<'a>, Mistake> {
        let table = value.get_ref().as_table();
        table.ok_or_else(|| Mistake::new(value.span(), format!("{what} is no table")))
    }

    /// The table that `value` is, every key of which must be one of `known`.
    pub(super) fn of(value: Field<'a>, what: &str, known: Vec<&'static Key>) -> Result<Fields<'a>, Mistake> {
        let table = Fields::table_of(value, what)?;
        let is_known = |key: &str| known.iter().any(|known| known.name == key);
        if let Some(key) = table.keys().find(|key| !is_known(key.get_ref())) {
            let names: Vec<&str> = known.iter().map(|key| key.name).collect();
            let help = did_you_mean(key.get_ref(), &names).unwrap_or_else(|| format!("known are {}", names.join(", ")));
            let mistake = Mistake::new(key.span(), format!("unknown key `{}` of {what}", key.get_ref()));
            return Err(mistake.help(Some(help)));
        }
        let fields = Fields {
            table,
            span: value.span(),
            known,
        };
        Ok(fields)
    }

    pub(super) fn get(&self, key: &'static str) -> Option<Field<'a>> {
        debug_assert!(
            self.known.iter().any(|known| known.name == key),
            "`{key}` stands in no table of keys.rs that belongs here"
        );
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

    /// The tables of a list of tables.
    pub(super) fn tables(&self, key: &'static str) -> Result<Vec<Field<'a>>, Mistake> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let tables = value.get_ref().as_array();
        let tables = tables.ok_or_else(|| Mistake::new(value.span(), format!("write [[api.{key}]]")))?;
        Ok(tables.iter().collect())
    }
}

pub(super) fn text_of<'a>(value: Field<'a>, key: &str) -> Result<&'a str, Mistake> {
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
        unknown_word(text, span, key, &names)
    })
}

/// The mistake of a word that is none of `known`.
pub(super) fn unknown_word(text: &str, span: Range<usize>, key: &str, known: &[&str]) -> Mistake {
    let help = did_you_mean(text, known).unwrap_or_else(|| format!("known are {}", known.join(", ")));
    Mistake::new(span, format!("unknown {key} `{text}`")).help(Some(help))
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
