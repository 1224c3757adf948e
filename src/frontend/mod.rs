//! Bytes to facts, a folder a language. Each `lower` takes a [`Source`](crate::input::Source), cannot fail, and returns
//! what it understood with the problems that it met. Frontends know no API names: `rules/*.toml` does.

use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::catch_unwind;

use serde::{Deserialize, Serialize};

use crate::facts::{FileFacts, Language, Problem};
use crate::input::Source;

pub mod c;
pub mod python;
pub mod rust;

/// What files of a tree must know of each other before they can be lowered: C is written in macros of its headers.
#[derive(Debug, Default)]
pub struct Shared {
    headers: c::Headers,
}

/// What one file adds to it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Share(c::Header);

impl Share {
    /// That of a file, if it can have any. One over which reading fails has none; lowering that file fails alike, and says
    /// so.
    pub fn of(source: &Source) -> Option<Share> {
        catch_unwind(|| c::Header::read(source)).ok().flatten().map(Share)
    }

    /// Whether a file can have any, by its name.
    pub fn is_possible(path: &str, language: Language) -> bool {
        c::Header::is_possible(path, language)
    }
}

impl Shared {
    /// Collects it from all files of a tree, given in order of their paths.
    pub fn of(shares: Vec<Share>) -> Shared {
        Shared {
            headers: c::Headers::of(shares.into_iter().map(|share| share.0).collect()),
        }
    }

    /// What of it the facts of a file in this language can depend on, as bytes that are the same whenever it is. Nothing
    /// where they depend on none of it.
    pub fn trace(&self, language: Language) -> Option<Vec<u8>> {
        match language {
            Language::C => Some(self.headers.trace()),
            Language::Python | Language::Rust => None,
        }
    }
}

/// Whether the name at `place` of a file is surely only looked at there, as far as its line tells without parsing anything;
/// `readers` are the methods that only look at the thing.
pub fn only_looks(language: Language, bytes: &[u8], place: Range<usize>, readers: &BTreeSet<String>) -> bool {
    match language {
        Language::Python => python::only_looks(bytes, place, readers),
        Language::C | Language::Rust => false,
    }
}

/// Lowers one file of a tree by its language.
pub fn lower_in(source: &Source, shared: &Shared) -> (FileFacts, Vec<Problem>) {
    match source.language {
        Language::C => c::lower_with(source, &shared.headers),
        _ => lower(source),
    }
}

/// Lowers one file by its language, as if there were no other.
pub fn lower(source: &Source) -> (FileFacts, Vec<Problem>) {
    match source.language {
        Language::C => c::lower(source),
        Language::Python => python::lower(source),
        Language::Rust => rust::lower(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_at_the_end_changes_no_fact() {
        let cases = [
            (
                Language::C,
                "int f(void)\n{\n    return g();\n}\n",
                "/* that is all */\n",
            ),
            (Language::Python, "def f():\n    return g()\nf()\n", "# that is all\n"),
            (Language::Rust, "fn f() -> u8 {\n    g()\n}\n", "// that is all\n"),
        ];
        for (language, text, comment) in cases {
            let facts = |text: String| {
                let path = "a".to_owned();
                lower(&Source { path, language, text }).0
            };
            assert_eq!(facts(text.to_owned()), facts(format!("{text}{comment}")));
        }
    }
}
