//! What APIs really do: rules/*.toml becomes a [`Catalog`]; targets and version ranges; the verdict of a pair.
//!
//! Knowledge is data. This module reads, checks and indexes it, and computes from it what a mutation and its partner
//! can do to each other on which versions. It knows nothing of threads or files.

mod catalog;
mod entry;
mod target;
mod verdict;

pub use catalog::{Catalog, CatalogError, EntryId};
pub use entry::{ArgumentRef, ArgumentTest, Entry, JoinOf, MatchKind, Passing, Predicate, Role, Shape, StartMoment};
pub use target::{Libc, LibcKind, PythonVersion, Target, TargetError, VersionRange, When};
pub use verdict::{PairVerdict, pair_verdict};
