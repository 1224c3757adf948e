//! What came of a part of a project as a whole, kept between runs: where the facts of its files are what they were, nothing is
//! analysed again. It depends on the program, on what the rules go by, on the catalog and on those facts; all of that is in
//! the key. It quotes some of the files besides, and these must not have changed at all.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::detect::{Analysis, Extent, Options};
use crate::facts::Problem;
use crate::input::{Fingerprint, Raw};
use crate::knowledge::Catalog;
use crate::triage::Ignores;

use super::super::cache::Opened;
use super::intake::Seen;
use super::select::Choice;

/// All sources and rules of this program (build.rs): another one may find something else.
const PROGRAM: &str = env!("ENVRACE_PROGRAM");

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
}

impl Answer {
    /// Whether the same files give the same answer again.
    pub fn is_lasting(&self) -> bool {
        let mut problems = self.problems.iter().chain(&self.analysis.problems);
        !problems.any(Problem::is_of_the_machine)
    }

    /// Whether it is the answer for these files, whose facts are those that it was found from: a comment may have changed, but
    /// none that speaks to envrace, and no line that a finding shows.
    fn fits(&self, raw: &[Raw], seen: &[Option<Seen>], extent: Extent) -> bool {
        let parsed = raw
            .iter()
            .zip(seen)
            .filter_map(|(raw, seen)| Some((raw, seen.as_ref()?.print)));
        let changed = parsed.zip(&self.prints).filter(|((_, now), then)| now != *then);
        let mut changed = changed.map(|((raw, _), _)| raw.name.as_str()).peekable();
        if changed.peek().is_none() {
            return true;
        }
        // Where everything that acts is explained, any file may be quoted.
        let Ok(findings) = serde_json::to_string(&self.analysis.findings) else {
            return false;
        };
        let is_quoted = |name: &str| match serde_json::to_string(name) {
            Ok(name) => findings.contains(&name) || findings.contains(name.trim_matches('"')),
            Err(_) => true,
        };
        extent == Extent::Pairs && changed.all(|name| !is_quoted(name) && !self.ignores.speaks_in(name))
    }
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
        (pieces.len() > 2).then(|| Fingerprint::of_all(pieces))
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
