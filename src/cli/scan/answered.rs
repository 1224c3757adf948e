//! What came of a part of a project as a whole, kept between runs: where the facts of its files are what they were, nothing is
//! analysed again. It depends on the program, on what the rules go by, on the catalog and on those facts; all of that is in
//! the key. Its findings quote some lines besides, and these must not have changed.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::detect::{Analysis, Extent, Options};
use crate::facts::Problem;
use crate::input::{Fingerprint, Raw, Sources, read_bytes};
use crate::knowledge::Catalog;
use crate::triage::Ignores;

use super::super::cache::{Opened, PROGRAM};
use super::intake::Seen;
use super::select::Choice;

/// What came of the files of a part.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Answer {
    pub analysis: Analysis,
    pub ignores: Ignores,
    /// Those of the files that were parsed.
    pub problems: Vec<Problem>,
    /// Of the bytes of each file that was to be parsed.
    pub prints: Vec<Fingerprint>,
    /// Of which of these files nothing could be made, in order.
    pub lost: Vec<u32>,
    /// What the findings show of their files' text.
    pub quotes: BTreeSet<Quote>,
}

/// Lines of a file that are quoted.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Quote {
    path: String,
    line: u32,
    end_line: u32,
    print: Fingerprint,
}

impl Answer {
    /// Whether the same files give the same answer again.
    pub fn is_lasting(&self) -> bool {
        let mut problems = self.problems.iter().chain(&self.analysis.problems);
        !problems.any(Problem::is_of_the_machine)
    }

    /// Remembers the lines that its findings quote. False where a file is not what it was any more.
    pub fn quote(&mut self, sources: &Sources) -> bool {
        for finding in &self.analysis.findings {
            for site in [Some(&finding.mutation), finding.partner.as_ref()]
                .into_iter()
                .flatten()
            {
                let place = &site.location;
                let Some(text) = sources.text(&place.path) else {
                    return false;
                };
                self.quotes.insert(Quote {
                    path: place.path.clone(),
                    line: place.line,
                    end_line: place.end_line,
                    print: lines(text, place.line, place.end_line),
                });
            }
        }
        true
    }

    /// Whether it is the answer for these files, whose facts are those that it was found from: a comment may have changed, but
    /// none that speaks to envrace, no line that a finding quotes, and no file that a fix changes.
    fn fits(&self, raw: &[Raw], seen: &[Option<Seen>], extent: Extent) -> bool {
        let parsed = raw
            .iter()
            .zip(seen)
            .filter_map(|(raw, seen)| Some((raw, seen.as_ref()?.print)));
        let changed = parsed.zip(&self.prints).filter(|((_, now), then)| now != *then);
        let changed: Vec<&Raw> = changed.map(|((raw, _), _)| raw).collect();
        // Where everything that acts is explained, any file may be quoted.
        changed.is_empty() || extent == Extent::Pairs && changed.iter().all(|raw| self.says_nothing_new_of(raw))
    }

    /// Whether what it takes from the text of a file is still there.
    fn says_nothing_new_of(&self, raw: &Raw) -> bool {
        let fixes = self.analysis.findings.iter().filter_map(|finding| finding.fix.as_ref());
        let mut edits = fixes.flat_map(|fix| &fix.edits);
        if self.ignores.speaks_in(&raw.name) || edits.any(|edit| edit.location.path == raw.name) {
            return false;
        }
        let mut quotes = self.quotes.iter().filter(|quote| quote.path == raw.name).peekable();
        if quotes.peek().is_none() {
            return true;
        }
        let mut buffer = Vec::new();
        let Ok(bytes) = raw.bytes(&mut buffer) else {
            return false;
        };
        let (source, _) = read_bytes(bytes.to_vec(), &raw.name, raw.language);
        source.is_some_and(|source| quotes.all(|quote| lines(&source.text, quote.line, quote.end_line) == quote.print))
    }
}

/// Of these lines of a text, from 1, the last one included.
fn lines(text: &str, first: u32, last: u32) -> Fingerprint {
    let before = (first as usize).saturating_sub(1);
    let lines = text
        .split('\n')
        .skip(before)
        .take((last as usize).saturating_sub(before));
    Fingerprint::of_all(lines.map(str::as_bytes))
}

/// What an answer depends on beside the files.
pub(super) struct Grounds<'a> {
    catalog: &'a Catalog,
    options: &'a Options,
    print: OnceLock<Fingerprint>,
}

impl<'a> Grounds<'a> {
    pub fn new(catalog: &'a Catalog, options: &'a Options) -> Grounds<'a> {
        Grounds {
            catalog,
            options,
            print: OnceLock::new(),
        }
    }

    /// The key of the answer for these files, in their order; none where the facts of one are not kept, or none is parsed.
    pub fn key(&self, raw: &[Raw], choices: &[Choice], seen: &[Option<Seen>]) -> Option<Fingerprint> {
        // Most projects are told by a look at their bytes, and need not know what the catalog holds.
        if !choices.iter().any(|choice| choice.is_read()) {
            return None;
        }
        let common = self.print.get_or_init(|| self.find_print());
        let mut pieces: Vec<&[u8]> = vec![b"answer", &common.0];
        for ((raw, choice), seen) in raw.iter().zip(choices).zip(seen) {
            if let Some(seen) = seen {
                let kind = match choice {
                    Choice::Remarks => "remarks",
                    _ => raw.language.name(),
                };
                pieces.extend([raw.name.as_bytes(), kind.as_bytes(), &seen.facts.as_ref()?.0]);
            }
        }
        Some(Fingerprint::of_all(pieces))
    }

    /// The answer of an earlier run for files of which the same is known.
    pub fn known(&self, kept: &Opened, key: Fingerprint, raw: &[Raw], seen: &[Option<Seen>]) -> Option<Answer> {
        let answer: Answer = kept.find(key)?;
        answer.fits(raw, seen, self.options.extent).then_some(answer)
    }

    fn find_print(&self) -> Fingerprint {
        let options = format!("{:?}", self.options);
        let entries = self.catalog.iter().map(|(_, entry)| format!("{entry:?}"));
        let entries: Vec<String> = entries.collect();
        let fixed = [PROGRAM.as_bytes(), options.as_bytes()];
        Fingerprint::of_all(fixed.into_iter().chain(entries.iter().map(String::as_bytes)))
    }
}
