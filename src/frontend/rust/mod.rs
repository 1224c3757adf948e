//! rust sources to facts.

use crate::facts::{FileFacts, Problem};
use crate::input::Source;

/// Lowers one file; never fails.
pub fn lower(source: &Source) -> (FileFacts, Vec<Problem>) {
    todo!("{}", source.path)
}
