//! Bytes to facts, a folder a language. Each `lower` takes a [`Source`](crate::input::Source), cannot fail, and returns
//! what it understood with the problems that it met. Frontends know no API names: `rules/*.toml` does.

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

impl Shared {
    /// Collects it from all files of a tree.
    pub fn collect(sources: &[&Source]) -> Shared {
        Shared {
            headers: c::Headers::collect(sources),
        }
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
