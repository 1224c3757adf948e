//! Bytes to facts, a folder a language. Each `lower` takes a [`Source`](crate::input::Source), cannot fail, and returns
//! what it understood with the problems that it met. Frontends know no API names: `rules/*.toml` does.

use crate::facts::{FileFacts, Language, Problem};
use crate::input::Source;

pub mod c;
pub mod python;
pub mod rust;

/// Lowers one file by its language.
pub fn lower(source: &Source) -> (FileFacts, Vec<Problem>) {
    match source.language {
        Language::C => c::lower(source),
        Language::Python => python::lower(source),
        Language::Rust => rust::lower(source),
    }
}
