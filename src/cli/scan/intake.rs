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
use super::states::States;

/// What came of the files of a project.
#[derive(Default)]
pub(super) struct Taken {
    /// In the order of the files.
    pub facts: Vec<FileFacts>,
    /// Files whose facts are there for their remarks alone.
    pub remarks: BTreeSet<String>,
    pub problems: Vec<Problem>,
    /// Of the bytes of each file that was to be parsed.
    pub prints: Vec<Fingerprint>,
    /// Of which of these files there are no facts, in order.
    pub lost: Vec<u32>,
}

/// What a frontend made of a file, or nothing where the file was lost.
type Lowered = (Option<FileFacts>, Vec<Problem>);

/// By what the facts of a file are kept, and what tells them from others.
const WHOLE: &[u8] = b"facts";
const BRIEF: &[u8] = b"facts in brief";

/// What shapes facts beside their own files.
pub(super) struct Around {
    shared: Shared,
    traces: Traces,
}

/// Reads what the headers among all files add to those that are parsed; `kept` as for [`look`].
pub(super) fn around(raw: &[Raw], choices: &[Choice], states: &States, kept: Option<&Opened>) -> Around {
    // Macros of headers that are left alone are seen all the same where anything is parsed.
    let is_read = |language: Language| {
        let mut files = raw.iter().zip(choices);
        files.any(|(raw, choice)| raw.language == language && choice.is_read())
    };
    let shares = raw
        .par_iter()
        .filter(|raw| Share::is_possible(&raw.name, raw.language) && is_read(raw.language));
    let shares: Vec<Share> = shares.filter_map(|raw| share(raw, states, kept)).collect();
    let shared = Shared::of(shares);
    let traces = Traces::of(&shared);
    Around { shared, traces }
}

/// What is known of a file that is to be parsed before its facts are wanted.
pub(super) struct Seen {
    /// Of its bytes.
    pub print: Fingerprint,
    /// Of its facts, where they are kept.
    pub facts: Option<Fingerprint>,
    /// Its facts, where they had to be made.
    lowered: Option<Lowered>,
}

/// Looks at all files that are to be parsed: those whose facts are not kept are parsed. `kept` holds facts of earlier runs and
/// takes new ones.
pub(super) fn look(
    raw: &[Raw],
    choices: &[Choice],
    around: &Around,
    states: &States,
    kept: Option<&Opened>,
    step: &(dyn Fn() + Sync),
) -> Vec<Option<Seen>> {
    let look = |(raw, choice): (&Raw, &Choice)| {
        choice.is_read().then(|| {
            step();
            around.look_at(raw, states, kept)
        })
    };
    // One by one: files differ in size a thousandfold, and none should wait behind a large one.
    raw.par_iter().zip(choices).with_max_len(1).map(look).collect()
}

impl Around {
    fn look_at(&self, raw: &Raw, states: &States, kept: Option<&Opened>) -> Seen {
        let known = states.of(raw).print.zip(kept);
        if let Some(seen) = known.and_then(|(print, kept)| self.look_up(raw, print, kept)) {
            return seen;
        }
        BUFFER.with_borrow_mut(|buffer| {
            let bytes = match raw.bytes(buffer) {
                Ok(bytes) => bytes,
                Err(problem) => {
                    return Seen {
                        print: Fingerprint::of(&[]),
                        facts: None,
                        lowered: Some((None, vec![problem])),
                    };
                }
            };
            let print = states.print(raw, bytes);
            if let Some(seen) = kept.and_then(|kept| self.look_up(raw, print, kept)) {
                return seen;
            }
            let (whole, brief) = (self.traces.key(WHOLE, raw, print), self.traces.key(BRIEF, raw, print));
            let lowered = lower_bytes(raw, bytes, &self.shared);
            let lasting = !lowered.1.iter().any(Problem::is_of_the_machine);
            let facts = kept.filter(|_| lasting).and_then(|kept| {
                let facts = kept.put(whole, &lowered)?;
                kept.put(brief, &facts)?;
                Some(facts)
            });
            let lowered = Some(lowered);
            Seen { print, facts, lowered }
        })
    }

    /// What is known of a file with these bytes, where its facts are kept.
    fn look_up(&self, raw: &Raw, print: Fingerprint, kept: &Opened) -> Option<Seen> {
        let facts = kept.find(self.traces.key(BRIEF, raw, print))?;
        // They are wanted as soon as another file changes.
        kept.uses(self.traces.key(WHOLE, raw, print));
        Some(Seen {
            print,
            facts: Some(facts),
            lowered: None,
        })
    }

    /// The facts of a file that was seen, and the bytes that they are of.
    fn facts(&self, raw: &Raw, seen: Seen, kept: Option<&Opened>) -> (Lowered, Fingerprint) {
        let known = seen
            .lowered
            .or_else(|| kept?.find(self.traces.key(WHOLE, raw, seen.print)));
        match known {
            Some(lowered) => (lowered, seen.print),
            // They were damaged: the file is parsed as it is now.
            None => {
                let now = self.look_at(raw, &States::none(), None);
                (now.lowered.unwrap_or_default(), now.print)
            }
        }
    }
}

/// Takes in all files that were seen; `kept` holds the facts of those that did not have to be parsed.
pub(super) fn take_in(
    raw: &[Raw],
    choices: &[Choice],
    around: &Around,
    seen: Vec<Option<Seen>>,
    kept: Option<&Opened>,
) -> Taken {
    // By place and not by name: two names that are no UTF-8 may read alike.
    let lowered: Vec<(&Raw, Choice, (Lowered, Fingerprint))> = raw
        .par_iter()
        .zip(choices)
        .zip(seen)
        .filter_map(|((raw, choice), seen)| Some((raw, *choice, around.facts(raw, seen?, kept))))
        .collect();
    let mut taken = Taken::default();
    for (raw, choice, ((facts, problems), print)) in lowered {
        if facts.is_none() {
            taken.lost.push(taken.prints.len() as u32);
        } else if choice == Choice::Remarks {
            taken.remarks.insert(raw.name.clone());
        }
        taken.prints.push(print);
        taken.problems.extend(problems);
        taken.facts.extend(facts);
    }
    taken
}

/// The files that were looked at, and how many there are, by [`Language`]. `prints` and `lost` as in [`Taken`].
pub(super) fn sources(raw: Vec<Raw>, choices: &[Choice], prints: &[Fingerprint], lost: &[u32]) -> (Sources, [u64; 3]) {
    let mut sources = Sources::default();
    let mut languages = [0; 3];
    let mut prints = (0_u32..).zip(prints);
    for (raw, choice) in raw.into_iter().zip(choices) {
        let print = if choice.is_read() { prints.next() } else { None };
        // What was lost is no file that was looked at.
        let is_lost = print.is_some_and(|(number, _)| lost.binary_search(&number).is_ok());
        if *choice != Choice::Lost && !is_lost {
            languages[raw.language as usize] += 1;
            sources.promise(raw, print.map(|(_, print)| *print));
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

    /// By which something of a file with these bytes is kept.
    fn key(&self, kind: &[u8], raw: &Raw, print: Fingerprint) -> Fingerprint {
        let trace = self.0[raw.language as usize].map_or([0; 32], |trace| trace.0);
        key(kind, raw, &[&trace, &print.0])
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
fn share(raw: &Raw, states: &States, kept: Option<&Opened>) -> Option<Share> {
    let place = |print: Fingerprint| key(b"share", raw, &[&print.0]);
    let known = states.of(raw).print.zip(kept);
    if let Some(share) = known.and_then(|(print, kept)| kept.find(place(print))) {
        return share;
    }
    BUFFER.with_borrow_mut(|buffer| {
        let bytes = raw.bytes(buffer).ok()?;
        let made = || {
            let (source, _) = read_bytes(bytes.to_vec(), &raw.name, raw.language);
            source.and_then(|source| Share::of(&source))
        };
        match kept {
            None => made(),
            Some(kept) => kept.get(place(states.print(raw, bytes)), made),
        }
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
