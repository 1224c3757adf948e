//! The one table of the configuration's keys: name, meaning, form, and how each is taken in.

use crate::finding::{Confidence, RuleCode, Severity};
use crate::knowledge::Target;
use crate::triage::Level;

use super::super::args::PersonaArg;
use super::super::error::UserError;
use super::Config;
use super::parse::{self, File, Value};

/// A key at the top of the configuration.
pub(super) struct Key {
    pub name: &'static str,
    /// What it means, for editors and people.
    pub doc: &'static str,
    pub form: Form,
    /// The default as it would be written, where it can be.
    pub default: &'static str,
    /// Checks the value and keeps it.
    pub take: fn(&File, &Value, &mut Config) -> Result<(), UserError>,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Flag,
    Text,
    /// A string or a list of strings.
    Texts,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A table of these keys with strings or lists of strings.
    Table(&'static [&'static str]),
    /// A table of rules with a level each.
    Levels,
    /// A list of tables with `paths` and `rules`.
    PerPath,
    /// A list of `[[api]]` tables, which rules/README.md describes.
    Apis,
}

/// The words of [`Severity`].
pub(super) const SEVERITIES: [(&str, Severity); 3] = [
    ("note", Severity::Note),
    ("warning", Severity::Warning),
    ("error", Severity::Error),
];

/// The words of [`Confidence`].
pub(super) const CONFIDENCES: [(&str, Confidence); 3] = [
    ("low", Confidence::Low),
    ("medium", Confidence::Medium),
    ("high", Confidence::High),
];

/// The words of [`PersonaArg`].
pub(super) const PERSONAS: [(&str, PersonaArg); 3] = [
    ("regular", PersonaArg::Regular),
    ("pedantic", PersonaArg::Pedantic),
    ("auditor", PersonaArg::Auditor),
];

/// The words of [`Level`].
pub(super) const LEVELS: [(&str, Level); 4] = [
    ("off", Level::Off),
    ("note", Level::At(Severity::Note)),
    ("warning", Level::At(Severity::Warning)),
    ("error", Level::At(Severity::Error)),
];

/// The keys of a `[[per-path]]` table.
pub(super) const PER_PATH: [&str; 2] = ["paths", "rules"];

/// Every key, in the order in which they are taken.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "target",
        doc: "The versions to judge for, as --target takes them. The default is the worst case over all that are known.",
        form: Form::Table(&Target::KEYS),
        default: "{}",
        take: |file, value, config| {
            config.target = parse::target(file, value)?;
            Ok(())
        },
    },
    Key {
        name: "exclude",
        doc: "Globs of files and folders that are never analysed, relative to this file's folder; they hold for files \
              named by hand too. Without a slash they match at any depth.",
        form: Form::Texts,
        default: "[]",
        take: |file, value, config| {
            let (globs, patterns) = parse::globs(file, value)?;
            (config.excludes, config.exclude) = (globs, patterns);
            Ok(())
        },
    },
    Key {
        name: "fail-on",
        doc: "The least severity that fails the run.",
        form: Form::Word(&["note", "warning", "error"]),
        default: "\"warning\"",
        take: |file, value, config| {
            config.fail_on = Some(parse::one_of(file, value, &SEVERITIES)?);
            Ok(())
        },
    },
    Key {
        name: "min-confidence",
        doc: "Findings of less confidence are left out.",
        form: Form::Word(&["low", "medium", "high"]),
        default: "\"low\"",
        take: |file, value, config| {
            config.min_confidence = Some(parse::one_of(file, value, &CONFIDENCES)?);
            Ok(())
        },
    },
    Key {
        name: "persona",
        doc: "How much to report: `pedantic` adds notes, `auditor` also public functions with unknown callers, and looks \
              into hidden and ignored files.",
        form: Form::Word(&["regular", "pedantic", "auditor"]),
        default: "\"regular\"",
        take: |file, value, config| {
            config.persona = Some(parse::one_of(file, value, &PERSONAS)?);
            Ok(())
        },
    },
    Key {
        name: "preview",
        doc: "Also apply rules that are new and may still change.",
        form: Form::Flag,
        default: "false",
        take: |file, value, config| {
            config.preview = Some(parse::flag(file, value)?);
            Ok(())
        },
    },
    Key {
        name: "baseline",
        doc: "A file of known findings, relative to this file's folder, as `envrace baseline` writes it; what it lists is \
              not reported.",
        form: Form::Text,
        default: "",
        take: |file, value, config| {
            config.baseline = Some(file.base.join(parse::text(file, value)?));
            Ok(())
        },
    },
    Key {
        name: "rules",
        doc: "How loud each rule is, by its name or code. Findings of low confidence are never made louder than they are.",
        form: Form::Levels,
        default: "{}",
        take: |file, value, config| {
            config.levels.everywhere = parse::levels(file, value)?;
            Ok(())
        },
    },
    Key {
        name: "per-path",
        doc: "How loud rules are for mutations in files that match `paths`; of several tables that match, the last one \
              that names the rule counts.",
        form: Form::PerPath,
        default: "[]",
        take: |file, value, config| {
            config.levels.per_path = parse::per_path(file, value)?;
            Ok(())
        },
    },
    Key {
        name: "api",
        doc: "Entries for functions of your own, in the form that rules/README.md describes, each with its `language`.",
        form: Form::Apis,
        default: "[]",
        take: |file, value, config| {
            config.apis = value.get_ref().as_array().map_or(0, |tables| tables.len());
            config.catalog = parse::catalog(file, value)?;
            Ok(())
        },
    },
    // Below `api`, to whose entries it adds: keys are taken in this order.
    Key {
        name: "api-files",
        doc: "Files of such entries, relative to this file's folder.",
        form: Form::Texts,
        default: "[]",
        take: |file, value, config| {
            config.api_files = parse::api_files(file, value, &mut config.catalog)?;
            Ok(())
        },
    },
];

/// The names by which a rule may be called.
pub(super) fn rule_names() -> Vec<&'static str> {
    RuleCode::ALL
        .iter()
        .map(|rule| rule.name())
        .chain(RuleCode::ALL.iter().map(|rule| rule.code()))
        .collect()
}
