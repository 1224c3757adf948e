//! Which files of a project have to be parsed.
//!
//! Every finding is a change of the environment that may happen beside something else. What changes it and what runs beside
//! something has a name in the catalog, and names have to be spelt. So one pass over the bytes of all files tells whether
//! the files of a language hold any of the names of changes ([`Spelling`]), and a second one, over the files of those
//! languages, whether they hold any of what overlaps. Where one of the two is missing, no finding can come of these files, and
//! none of them is parsed but for the comments that speak to envrace.
//!
//! The environment itself is often only looked at (`os.environ.get`), which changes nothing: such a line does not count.
//!
//! Languages that call each other are taken together, as [`crate::detect::groups`] does with what was parsed. A name that a
//! program puts together while it runs, out of pieces of text, is not seen; `--all` sees what the model sees of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::facts::{Language, Problem};
use crate::frontend;
use crate::input::{Excuse, Raw, Screen, Signs, Sought, inspect};
use crate::knowledge::{Catalog, Spelling};
use crate::report::Left;

use super::states::States;

pub(super) const LANGUAGES: [Language; 3] = [Language::C, Language::Python, Language::Rust];

/// Something that changes the environment.
const CHANGES: Signs = Signs::number(0);
/// Something that may run beside something else.
const OVERLAPS: Signs = Signs::number(1);
/// A comment that speaks to envrace.
const REMARK: Signs = Signs::number(2);
/// C that Python imports.
const PYTHON_MODULE: Signs = Signs::number(3);
/// Rust that calls C or is called by it.
const FOREIGN: Signs = Signs::number(4);

/// How directives begin.
const DIRECTIVE: &str = "envrace:";
/// How the initialisers of Python's modules in C begin (CPython, "Initialising C modules").
const INITIALISER: &str = "PyInit_";
/// The words without which Rust neither declares symbols nor exports any.
const LINKING: [&str; 3] = ["extern", "no_mangle", "export_name"];

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Parse,
    /// Parsed for its remarks alone.
    Remarks,
    Leave,
    /// It cannot be read.
    Lost,
}

impl Choice {
    pub fn is_read(self) -> bool {
        matches!(self, Choice::Parse | Choice::Remarks)
    }
}

/// What becomes of all files.
#[derive(Debug, Default)]
pub(super) struct Picked {
    /// One for each file.
    pub choices: Vec<Choice>,
    /// Those of the files that are not parsed.
    pub problems: Vec<Problem>,
    pub left: Left,
    /// How many there are in the files that are parsed; where all are, the number of files stands for it.
    pub bytes: u64,
}

impl Picked {
    /// Everything is parsed.
    pub fn all(raw: &[Raw]) -> Picked {
        Picked {
            choices: vec![Choice::Parse; raw.len()],
            bytes: raw.len() as u64,
            ..Picked::default()
        }
    }
}

/// What the first pass saw of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Look {
    signs: Signs,
    /// What is wrong with the bytes; in a box, since with few files anything is.
    problem: Option<Box<Problem>>,
    lost: bool,
    bytes: u64,
}

/// What is looked for, by the catalog: both passes, a language each when its first file comes.
pub(super) struct Screening<'c> {
    catalog: &'c Catalog,
    languages: [OnceLock<Passes>; 3],
}

/// The searchers of one language.
struct Passes {
    first: Screen,
    second: Screen,
    /// Every file may hold everything.
    everywhere: bool,
}

impl<'c> Screening<'c> {
    pub fn new(catalog: &'c Catalog) -> Screening<'c> {
        Screening {
            catalog,
            languages: Default::default(),
        }
    }

    fn of(&self, language: Language) -> &Passes {
        self.languages[language as usize].get_or_init(|| {
            let spelling = Spelling::of(self.catalog, language);
            let glues = language == Language::C;
            Passes {
                first: Screen::new(&first_words(language, &spelling), glues),
                second: Screen::new(&second_words(&spelling), glues),
                everywhere: spelling.everywhere,
            }
        })
    }

    /// Whether a finding may come of a program of this one file.
    #[cfg(test)]
    pub fn can_matter(&self, language: Language, bytes: &[u8]) -> bool {
        let passes = self.of(language);
        passes.first.look(bytes).any_of(CHANGES) && passes.second.look(bytes).any_of(OVERLAPS)
    }
}

/// Decides for every file, of which `states` may know something already; `step` is called for each that was looked at.
pub(super) fn pick(raw: &[Raw], screening: &Screening, states: &States, step: &(dyn Fn() + Sync)) -> Picked {
    let present = LANGUAGES.map(|language| raw.iter().any(|raw| raw.language == language));
    let looks: Vec<Look> = raw
        .par_iter()
        .map(|raw| {
            step();
            look(raw, screening, states)
        })
        .collect();
    let sees = |language: Language, sign: Signs| {
        let of_language = raw.iter().zip(&looks).filter(|(raw, _)| raw.language == language);
        of_language.into_iter().any(|(_, look)| look.signs.any_of(sign))
    };
    let mut groups = LANGUAGES.map(|language| language as usize);
    if present[Language::Python as usize] && sees(Language::C, PYTHON_MODULE) {
        groups[Language::Python as usize] = groups[Language::C as usize];
    }
    if present[Language::C as usize] && sees(Language::Rust, FOREIGN) {
        groups[Language::Rust as usize] = groups[Language::C as usize];
    }
    let holds = |group: usize, test: &dyn Fn(Language) -> bool| {
        LANGUAGES
            .into_iter()
            .any(|language| groups[language as usize] == group && present[language as usize] && test(language))
    };
    let everywhere = |language: Language| screening.of(language).everywhere;
    let changes = groups.map(|group| holds(group, &|language| everywhere(language) || sees(language, CHANGES)));
    let overlap = |group: usize| {
        let files = raw.par_iter().zip(&looks).filter(|(_, look)| !look.lost);
        let files = files.filter(|(raw, _)| groups[raw.language as usize] == group);
        holds(group, &everywhere) || files.any(|(raw, _)| overlaps_in(raw, screening, states))
    };
    let mut overlaps = [None; 3];
    let mut picked = Picked::default();
    for (raw, look) in raw.iter().zip(&looks) {
        let group = groups[raw.language as usize];
        let alone = changes[group] && !*overlaps[group].get_or_insert_with(|| overlap(group));
        let choice = match () {
            _ if look.lost => Choice::Lost,
            _ if changes[group] && !alone => Choice::Parse,
            _ if look.signs.any_of(REMARK) => Choice::Remarks,
            _ => Choice::Leave,
        };
        if choice.is_read() {
            picked.bytes += look.bytes;
        }
        match choice {
            Choice::Leave if alone => picked.left.alone += 1,
            Choice::Leave => picked.left.unchanging += 1,
            _ => {}
        }
        // What is read again says so again.
        picked
            .problems
            .extend(look.problem.as_deref().filter(|_| !choice.is_read()).cloned());
        picked.choices.push(choice);
    }
    picked
}

fn first_words(language: Language, spelling: &Spelling) -> Vec<Sought> {
    let piece = |sign, words: &[&str]| Sought {
        sign,
        words: words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<BTreeSet<String>>(),
        whole: false,
        excuse: None,
    };
    let (live, others): (BTreeSet<String>, BTreeSet<String>) = spelling
        .changes
        .iter()
        .cloned()
        .partition(|word| spelling.live.contains(word));
    let readers = spelling.readers.clone();
    let only_looks = move |bytes: &[u8], place| frontend::only_looks(language, bytes, place, &readers);
    let mut sought = vec![
        Sought {
            sign: CHANGES,
            words: others,
            whole: true,
            excuse: None,
        },
        Sought {
            sign: CHANGES,
            words: live,
            whole: true,
            excuse: Some(Excuse(Arc::new(only_looks))),
        },
        piece(REMARK, &[DIRECTIVE]),
    ];
    if language == Language::C {
        sought.push(piece(PYTHON_MODULE, &[INITIALISER]));
    }
    if language == Language::Rust {
        sought.push(piece(FOREIGN, &LINKING));
    }
    sought
}

fn second_words(spelling: &Spelling) -> Vec<Sought> {
    vec![Sought {
        sign: OVERLAPS,
        words: spelling.overlaps.clone(),
        whole: true,
        excuse: None,
    }]
}

thread_local! {
    /// Every file of a thread is read into the same room.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn look(raw: &Raw, screening: &Screening, states: &States) -> Look {
    if let Some(look) = states.of(raw).look {
        return look;
    }
    let look = look_again(raw, screening);
    if !look.lost {
        states.note(raw, |state| state.look = Some(look.clone()));
    }
    look
}

fn look_again(raw: &Raw, screening: &Screening) -> Look {
    BUFFER.with_borrow_mut(|buffer| {
        let bytes = raw.bytes(buffer);
        let inspected = bytes.and_then(|bytes| {
            Ok((
                screening.of(raw.language).first.look(bytes),
                inspect(bytes, &raw.name, raw.language)?,
                bytes.len() as u64,
            ))
        });
        match inspected {
            Ok((signs, problem, bytes)) => Look {
                signs,
                problem: problem.map(Box::new),
                lost: false,
                bytes,
            },
            Err(problem) => Look {
                signs: Signs::NONE,
                problem: Some(Box::new(problem)),
                lost: true,
                bytes: 0,
            },
        }
    })
}

fn overlaps_in(raw: &Raw, screening: &Screening, states: &States) -> bool {
    if let Some(known) = states.of(raw).overlaps {
        return known;
    }
    let overlaps = BUFFER.with_borrow_mut(|buffer| {
        let bytes = raw.bytes(buffer).ok()?;
        Some(screening.of(raw.language).second.look(bytes).any_of(OVERLAPS))
    });
    if overlaps.is_some() {
        states.note(raw, |state| state.overlaps = overlaps);
    }
    overlaps.unwrap_or(false)
}
