//! What a bare name tells of a method, a function or a type, whatever it is called on: the words in which a language's own library
//! speaks everywhere (`clone`, `is_none`, `startswith`). An entry ([`super::Entry`]) says what an API does to threads and the
//! environment; an idiom says what becomes of a plain value, or how common a name is.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::Language;

/// What a name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Idiom {
    /// Objects that most programs are full of have a method of this name: who calls it on something that is not known calls it on one of
    /// these more often than not.
    Everyday,
    /// Called, the type makes a value of its own, which is never nothing. The names are paths.
    MakesValue,
    /// Gives what it is called on, as a copy or a loan.
    Copies,
    /// Makes another value of the text on which it is called.
    CopiesText,
    /// Makes a value of the text that it is handed. The names are paths.
    TakesText,
    /// Calls what it is handed only where there is nothing in what it is called on, or an error.
    IfNothing,
    /// Calls what it is handed only where there is something in what it is called on, or truth.
    IfSomething,
    /// Asks whether there is nothing.
    IsNothing,
    /// Asks whether there is something.
    IsSomething,
    /// Asks whether a text is empty.
    IsEmpty,
    /// Asks whether a text begins with another one.
    BeginsWith,
    /// Takes something out of the container on which it is called.
    TakesOut,
    /// Looks at the container on which it is called, and leaves it as it is.
    LooksAt,
    /// What a framework for tests calls before each test of a class.
    PreparesTest,
}

/// Every idiom by the word that a rules file has for it.
pub(super) const IDIOMS: [(&str, Idiom); 14] = [
    ("everyday", Idiom::Everyday),
    ("makes-value", Idiom::MakesValue),
    ("copies", Idiom::Copies),
    ("copies-text", Idiom::CopiesText),
    ("takes-text", Idiom::TakesText),
    ("if-nothing", Idiom::IfNothing),
    ("if-something", Idiom::IfSomething),
    ("is-nothing", Idiom::IsNothing),
    ("is-something", Idiom::IsSomething),
    ("is-empty", Idiom::IsEmpty),
    ("begins-with", Idiom::BeginsWith),
    ("takes-out", Idiom::TakesOut),
    ("looks-at", Idiom::LooksAt),
    ("prepares-test", Idiom::PreparesTest),
];

/// One `[[idiom]]` table of a rules file.
#[derive(Debug)]
pub(super) struct Names {
    pub language: Language,
    pub idiom: Idiom,
    pub names: Vec<String>,
}

/// Which names are which idioms.
#[derive(Debug, Default)]
pub(super) struct Idioms {
    names: FxHashMap<(Language, Idiom), FxHashSet<String>>,
}

impl Idioms {
    pub(super) fn add(&mut self, table: Names) {
        let known = self.names.entry((table.language, table.idiom)).or_default();
        known.extend(table.names);
    }

    pub(super) fn names(&self, language: Language, idiom: Idiom) -> Option<&FxHashSet<String>> {
        self.names.get(&(language, idiom))
    }
}

#[cfg(test)]
mod tests;
