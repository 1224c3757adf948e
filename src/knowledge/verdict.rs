//! What a mutation and its partner can do to each other: computed from shape, passing, guards and versions.

use crate::finding::Effect;

use super::{Catalog, EntryId, Target};

/// The verdict of a pair over a whole [`Target`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairVerdict {
    /// The worst effect over the target.
    pub effect: Effect,
    /// The versions for which that effect holds: `glibc <2.41`, `musl`, `CPython 3.11.6 to 3.12`.
    pub holds_for: Vec<String>,
    /// The effect holds on musl alone (severity: warning).
    pub musl_only: bool,
    /// The effect is known but rare enough to lower the confidence: an addition beside fork + exec.
    pub rare: bool,
    /// One sentence on the mechanism.
    pub why: String,
}

/// Judges a pair. Each side is the set of catalog entries that match its site (they differ by version); `None` where the
/// pair is harmless on every version of the target.
pub fn pair_verdict(
    _catalog: &Catalog,
    _mutation: &[EntryId],
    _partner: &[EntryId],
    _target: &Target,
) -> Option<PairVerdict> {
    todo!()
}
