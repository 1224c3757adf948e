//! The small programs that show what an entry does: a racy one with a finding at the API, and a safe one without.
//!
//! Most of such a program is the same for all entries of an effect. So a `[[frame]]` of the rules file holds it once, and
//! an entry only says how the API is used (`use`); whole programs are written where that does not do.

use toml::Spanned;

use super::entry::Entry;
use super::fields::{Fields, Mistake};
use super::keys::EXAMPLE;
use crate::facts::Language;

/// Two programs that differ in little: the tests run both through `check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    pub racy: String,
    pub safe: String,
}

/// One `[[api.example]]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    body: Body,
    /// What stands at the top of the program; empty where absent.
    top: String,
    /// What ends it.
    undo: String,
    /// The matches that it shows; empty for all that no other shows.
    only: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Whole {
        racy: String,
        safe: String,
    },
    /// How a program uses the API, for the frame of its effect.
    Use(String),
}

/// The programs that a language's examples of some effects have in common. `$use`, `$top` and `$undo` stand for what an
/// example says; in that, `$api` is the path, `$name` its last part and `$module` what comes before that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub language: Language,
    pub effects: Vec<String>,
    pub racy: String,
    pub safe: String,
}

/// The examples of an `[[api]]` table whose matches are these.
pub(super) fn samples(fields: &Fields<'_>, matches: &[Spanned<&str>]) -> Result<Vec<Sample>, Mistake> {
    let tables = fields.tables("example")?;
    tables
        .into_iter()
        .map(|table| sample(&Fields::of(table, "an example", EXAMPLE.iter().collect())?, matches))
        .collect()
}

fn sample(table: &Fields<'_>, matches: &[Spanned<&str>]) -> Result<Sample, Mistake> {
    let body = match (table.text("racy")?, table.text("safe")?, table.text("use")?) {
        (Some(racy), Some(safe), None) => Body::Whole {
            racy: racy.to_owned(),
            safe: safe.to_owned(),
        },
        (None, None, Some(text)) => Body::Use(text.to_owned()),
        _ => {
            let mistake = Mistake::new(table.span.clone(), "an example is `racy` and `safe`, or `use`");
            return Err(mistake.help(Some(
                "two whole programs, or what the effect's frame is put around".to_owned(),
            )));
        }
    };
    let only = table.texts("for")?;
    if let Some(stray) = only
        .iter()
        .find(|text| !matches.iter().any(|known| known.get_ref() == text.get_ref()))
    {
        let known: Vec<&str> = matches.iter().map(|text| *text.get_ref()).collect();
        return Err(super::fields::unknown_word(
            stray.get_ref(),
            stray.span(),
            "match",
            &known,
        ));
    }
    let text = |key: &'static str| table.text(key).map(|text| text.unwrap_or_default().to_owned());
    Ok(Sample {
        body,
        top: text("top")?,
        undo: text("undo")?,
        only: only.into_iter().map(|text| (*text.get_ref()).to_owned()).collect(),
    })
}

/// The examples of one entry, in the frames of its language.
pub(super) fn examples(entry: &Entry, frames: &[Frame]) -> Vec<Example> {
    let named = entry.samples.iter().any(|sample| sample.only.contains(&entry.text));
    let fits = |sample: &&Sample| match named {
        true => sample.only.contains(&entry.text),
        false => sample.only.is_empty(),
    };
    entry
        .samples
        .iter()
        .filter(fits)
        .filter_map(|sample| filled(entry, sample, frames))
        .collect()
}

fn filled(entry: &Entry, sample: &Sample, frames: &[Frame]) -> Option<Example> {
    let (frame_racy, frame_safe, used) = match &sample.body {
        Body::Whole { racy, safe } => (racy, safe, ""),
        Body::Use(used) => {
            let fits = |frame: &&Frame| frame.language == entry.language && frame.effects.contains(&entry.effect);
            let frame = frames.iter().find(fits)?;
            (&frame.racy, &frame.safe, used.trim_end())
        }
    };
    let separator = if entry.language == Language::Rust { "::" } else { "." };
    let (module, name) = entry.path.rsplit_once(separator).unwrap_or(("", &entry.path));
    let own = |text: &str| {
        let text = text.replace("$api", &entry.path).replace("$module", module);
        text.replace("$name", name)
    };
    let fill = |frame: &str| {
        let frame = put(frame, "$top", &own(&sample.top));
        let frame = put(&frame, "$undo", &own(&sample.undo));
        own(&put(&frame, "$use", &own(used)))
    };
    Some(Example {
        racy: fill(frame_racy),
        safe: fill(frame_safe),
    })
}

/// Puts `text` in the place of `mark`, every line of it as far in as the mark stands; a line that holds nothing else
/// goes where the text is empty.
fn put(frame: &str, mark: &str, text: &str) -> String {
    let text = text.trim_matches('\n');
    let mut result = String::new();
    for line in frame.split_inclusive('\n') {
        if !line.contains(mark) {
            result.push_str(line);
            continue;
        }
        if text.is_empty() && matches!(line.replace(mark, "").trim(), "" | ";") {
            continue;
        }
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let lines: Vec<&str> = text.lines().collect();
        result.push_str(&line.replace(mark, &lines.join(&format!("\n{indent}"))));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_stands_as_far_in_as_the_mark() {
        assert_eq!(put("if x:\n    $use\n", "$use", "a\nb\n"), "if x:\n    a\n    b\n");
        assert_eq!(put("$top\nx\n    $undo;\n", "$undo", ""), "$top\nx\n");
        assert_eq!(put("a = $use;\n", "$use", "f()"), "a = f();\n");
    }
}
