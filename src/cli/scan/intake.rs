//! From the bytes of files to their facts, in parallel: those that were kept from an earlier run, else by parsing. Of each
//! file nothing stays in memory but its facts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
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
    pub sources: Sources,
    pub parsed: u64,
    /// How many files could be read, by [`Language`].
    pub languages: [u64; 3],
}

/// What a frontend made of a file, or nothing where the file was lost.
type Lowered = (Option<FileFacts>, Vec<Problem>);

/// Takes in all files; `kept` holds facts of earlier runs and takes new ones.
pub(super) fn take_in(raw: Vec<Raw>, choices: &[Choice], kept: Option<&Opened>, step: &(dyn Fn() + Sync)) -> Taken {
    let chosen = || raw.par_iter().zip(choices).filter(|(_, choice)| choice.is_read());
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
    // By place and not by name: two names that are no UTF-8 may read alike.
    let lowered: Vec<(&str, (Lowered, Fingerprint))> = chosen()
        .map(|(raw, _)| {
            step();
            (raw.name.as_str(), lower(raw, &shared, &traces, kept))
        })
        .collect();
    let mut taken = Taken::default();
    let mut prints = BTreeMap::new();
    for (name, ((facts, problems), print)) in lowered {
        if facts.is_some() {
            prints.insert(name.to_owned(), print);
        }
        taken.problems.extend(problems);
        taken.parsed += u64::from(facts.is_some());
        taken.facts.extend(facts);
    }
    for (raw, choice) in raw.into_iter().zip(choices) {
        if *choice == Choice::Lost {
            continue;
        }
        let print = prints.remove(&raw.name);
        if *choice == Choice::Remarks {
            taken.remarks.insert(raw.name.clone());
        }
        // What was lost is no file that was looked at.
        if *choice == Choice::Leave || print.is_some() {
            taken.languages[raw.language as usize] += 1;
            taken.sources.promise(raw, print);
        }
    }
    taken
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
fn lower(raw: &Raw, shared: &Shared, traces: &Traces, kept: Option<&Opened>) -> (Lowered, Fingerprint) {
    BUFFER.with_borrow_mut(|buffer| {
        let bytes = match raw.bytes(buffer) {
            Ok(bytes) => bytes,
            Err(problem) => return ((None, vec![problem]), Fingerprint::of(&[])),
        };
        let print = Fingerprint::of(bytes);
        let made = || lower_bytes(raw, bytes, shared);
        let lowered = match kept {
            None => made(),
            // How long a machine took is no property of the file.
            Some(kept) => kept.get(traces.key(raw, print), made, |(_, problems)| {
                problems.iter().all(|problem| problem.kind != ProblemKind::Limit)
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
