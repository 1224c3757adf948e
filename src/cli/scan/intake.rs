//! From the bytes of files to their facts, in parallel: those that were kept from an earlier run, else by parsing. Of each
//! file nothing stays in memory but its facts.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;

use crate::facts::{FileFacts, Language, Problem, ProblemKind};
use crate::frontend::{self, Share, Shared};
use crate::input::{Fingerprint, Raw, Sources, read_bytes};

use super::super::cache::Opened;
use super::select::Choice;

/// What came of the files of a project.
#[derive(Default)]
pub(super) struct Taken {
    /// In the order of the files.
    pub facts: Vec<FileFacts>,
    /// Files whose facts are there for their remarks alone.
    pub remarks: BTreeSet<String>,
    pub problems: Vec<Problem>,
    /// Of the bytes of each file that was to be parsed.
    pub prints: Vec<Option<Fingerprint>>,
    /// The places of the files that were to be parsed and of which there are no facts.
    pub lost: Vec<u32>,
}

/// What a frontend made of a file, or nothing where the file was lost.
type Lowered = (Option<FileFacts>, Vec<Problem>);

/// What shapes facts beside their own files.
pub(super) struct Around {
    shared: Shared,
    traces: Traces,
}

/// Reads what the headers among all files add to those that are parsed; `kept` as for [`take_in`].
pub(super) fn around(raw: &[Raw], choices: &[Choice], kept: Option<&Opened>) -> Around {
    // Macros of headers that are left alone are seen all the same where anything is parsed.
    let is_read = |language: Language| {
        let mut files = raw.iter().zip(choices);
        files.any(|(raw, choice)| raw.language == language && choice.is_read())
    };
    let shares = raw
        .par_iter()
        .filter(|raw| Share::is_possible(&raw.name, raw.language) && is_read(raw.language));
    let shares: Vec<Share> = shares.filter_map(|raw| share(raw, kept)).collect();
    let shared = Shared::of(shares);
    let traces = Traces::of(&shared);
    Around { shared, traces }
}

impl Around {
    /// What tells it from others.
    pub fn print(&self) -> Fingerprint {
        let traces = self.traces.0.iter().flatten();
        Fingerprint::of_all(traces.map(|trace| &trace.0[..]))
    }

    /// The key by which the facts of a file of these bytes are kept.
    pub fn key(&self, raw: &Raw, print: Fingerprint) -> Fingerprint {
        self.traces.key(raw, print)
    }
}

/// Of the bytes of each file that is to be parsed; nothing where one cannot be read.
pub(super) fn prints(raw: &[Raw], choices: &[Choice]) -> Option<Vec<Option<Fingerprint>>> {
    let print = |(raw, choice): (&Raw, &Choice)| match choice.is_read() {
        false => Some(None),
        true => BUFFER.with_borrow_mut(|buffer| raw.bytes(buffer).ok().map(|bytes| Some(Fingerprint::of(bytes)))),
    };
    raw.par_iter().zip(choices).map(print).collect()
}

/// Takes in all files; `kept` holds facts of earlier runs and takes new ones.
pub(super) fn take_in(
    raw: &[Raw],
    choices: &[Choice],
    around: &Around,
    kept: Option<&Opened>,
    step: &(dyn Fn() + Sync),
) -> Taken {
    // By place and not by name: two names that are no UTF-8 may read alike.
    let lowered: Vec<Option<(Lowered, Fingerprint)>> = raw
        .par_iter()
        .zip(choices)
        .map(|(raw, choice)| {
            choice.is_read().then(|| {
                step();
                lower(raw, around, kept)
            })
        })
        .collect();
    let mut taken = Taken::default();
    for (place, lowered) in lowered.into_iter().enumerate() {
        let Some(((facts, problems), print)) = lowered else {
            taken.prints.push(None);
            continue;
        };
        taken.prints.push(Some(print));
        if facts.is_none() {
            taken.lost.push(place as u32);
        } else if choices[place] == Choice::Remarks {
            taken.remarks.insert(raw[place].name.clone());
        }
        taken.problems.extend(problems);
        taken.facts.extend(facts);
    }
    taken
}

/// The files that were looked at, and how many there are, by [`Language`]. `prints`: of the bytes of those that were to be
/// parsed; `lost`: the places of those of which there are no facts, in order.
pub(super) fn sources(
    raw: Vec<Raw>,
    choices: &[Choice],
    prints: &[Option<Fingerprint>],
    lost: &[u32],
) -> (Sources, [u64; 3]) {
    let mut sources = Sources::default();
    let mut languages = [0; 3];
    for (place, raw) in raw.into_iter().enumerate() {
        if choices[place] != Choice::Lost && lost.binary_search(&(place as u32)).is_err() {
            languages[raw.language as usize] += 1;
            sources.promise(raw, prints[place]);
        }
    }
    (sources, languages)
}

/// What facts depend on beside their own file, by [`Language`].
struct Traces([Option<Fingerprint>; 3]);

impl Traces {
    fn of(shared: &Shared) -> Traces {
        let languages = [Language::C, Language::Python, Language::Rust];
        Traces(languages.map(|language| shared.trace(language).map(|trace| Fingerprint::of(&trace))))
    }

    fn key(&self, raw: &Raw, print: Fingerprint) -> Fingerprint {
        let trace = self.0[raw.language as usize].map_or([0; 32], |trace| trace.0);
        key(b"facts", raw, &[&trace, &print.0])
    }
}

/// By which something that is made of a file is kept: what it is, the file's language and path, which stand in it, and what
/// it is made of.
fn key(kind: &[u8], raw: &Raw, made_of: &[&[u8]]) -> Fingerprint {
    let head: [&[u8]; 3] = [kind, raw.language.name().as_bytes(), raw.name.as_bytes()];
    Fingerprint::of_all(head.into_iter().chain(made_of.iter().copied()))
}

thread_local! {
    /// Every file of a thread is read into the same room.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a header adds to the reading of other files.
fn share(raw: &Raw, kept: Option<&Opened>) -> Option<Share> {
    BUFFER.with_borrow_mut(|buffer| {
        let bytes = raw.bytes(buffer).ok()?;
        let made = || {
            let (source, _) = read_bytes(bytes.to_vec(), &raw.name, raw.language);
            source.and_then(|source| Share::of(&source))
        };
        match kept {
            None => made(),
            Some(kept) => {
                let key = key(b"share", raw, &[&Fingerprint::of(bytes).0]);
                kept.get(key, made, |_| true)
            }
        }
    })
}

/// The facts of a file, and the bytes that they are of.
fn lower(raw: &Raw, around: &Around, kept: Option<&Opened>) -> (Lowered, Fingerprint) {
    BUFFER.with_borrow_mut(|buffer| {
        let bytes = match raw.bytes(buffer) {
            Ok(bytes) => bytes,
            Err(problem) => return ((None, vec![problem]), Fingerprint::of(&[])),
        };
        let print = Fingerprint::of(bytes);
        let made = || lower_bytes(raw, bytes, &around.shared);
        let lowered = match kept {
            None => made(),
            Some(kept) => kept.get(around.key(raw, print), made, |(_, problems)| {
                !problems.iter().any(Problem::is_of_the_machine)
            }),
        };
        (lowered, print)
    })
}

/// Lowers one file. A frontend does not fail; should one do so all the same, that file is lost and no other.
fn lower_bytes(raw: &Raw, bytes: &[u8], shared: &Shared) -> Lowered {
    let (source, problem) = read_bytes(bytes.to_vec(), &raw.name, raw.language);
    let mut problems: Vec<Problem> = problem.into_iter().collect();
    let Some(source) = source else {
        return (None, problems);
    };
    match catch_unwind(AssertUnwindSafe(|| frontend::lower_in(&source, shared))) {
        Ok((facts, found)) => {
            let lost = found.iter().any(|problem| problem.kind == ProblemKind::Parse);
            problems.extend(found);
            ((!lost || !facts.functions.is_empty()).then_some(facts), problems)
        }
        Err(_) => {
            let message = "an internal error; please report it with this file".to_owned();
            problems.push(Problem {
                path: source.path,
                kind: ProblemKind::Parse,
                message,
                line: None,
            });
            (None, problems)
        }
    }
}
