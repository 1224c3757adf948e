//! What came of a part of a project as a whole, kept between runs: where none of its files changed, nothing is parsed and
//! nothing analysed. It depends on the program, on what the rules go by, on the catalog, and on the files that are parsed;
//! all of that is in the key.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::detect::{Analysis, Options};
use crate::facts::Problem;
use crate::input::{Fingerprint, Raw};
use crate::knowledge::Catalog;
use crate::triage::Ignores;

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
    /// The places of the files of which nothing could be made.
    pub lost: Vec<u32>,
}

impl Answer {
    /// Whether the same files give the same answer again.
    pub fn is_lasting(&self) -> bool {
        let mut problems = self.problems.iter().chain(&self.analysis.problems);
        !problems.any(Problem::is_of_the_machine)
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

    /// The key of the answer for these files, in their order. `prints`: of their bytes, where they are parsed; `traces`: of
    /// what headers add to them.
    pub fn key(
        &self,
        raw: &[Raw],
        choices: &[Choice],
        prints: &[Option<Fingerprint>],
        traces: Fingerprint,
    ) -> Fingerprint {
        let common = self.print.get_or_init(|| self.find_print());
        let mut pieces: Vec<&[u8]> = vec![b"answer", &common.0, &traces.0];
        for ((raw, choice), print) in raw.iter().zip(choices).zip(prints) {
            if let Some(print) = print {
                let kind = match choice {
                    Choice::Remarks => "remarks",
                    _ => raw.language.name(),
                };
                pieces.extend([raw.name.as_bytes(), kind.as_bytes(), &print.0]);
            }
        }
        Fingerprint::of_all(pieces)
    }

    fn find_print(&self) -> Fingerprint {
        let options = format!("{:?}", self.options);
        let entries = self.catalog.iter().map(|(_, entry)| format!("{entry:?}"));
        let entries: Vec<String> = entries.collect();
        let fixed = [PROGRAM.as_bytes(), options.as_bytes()];
        Fingerprint::of_all(fixed.into_iter().chain(entries.iter().map(String::as_bytes)))
    }
}
