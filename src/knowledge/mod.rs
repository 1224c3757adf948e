//! What APIs really do: rules/*.toml becomes a [`Catalog`]; targets and version ranges; the verdict of a pair.
//!
//! Knowledge is data. This module reads, checks and indexes it, and computes from it what a mutation and its partner
//! can do to each other on which versions. It knows nothing of threads or files.

mod beside;
mod catalog;
mod entry;
mod example;
mod fields;
mod idiom;
mod keys;
mod load;
mod manual;
mod role;
mod schema;
mod spelling;
mod target;
mod verdict;
mod words;

pub use beside::{Access, Cell, Line, Row, Table, beside};
pub use catalog::{Catalog, CatalogError, EntryId};
pub use entry::{
    ADDRESS_MAKERS, ADDRESS_TYPES, ArgumentRef, ArgumentTest, Entry, HOST_TYPES, Hazard, JoinOf, MatchKind,
    NEW_PROGRAM, NEW_PROGRAM_CONTEXT, ON_THREADS, Passing, Predicate, Repeats, Role, Shape, StartMoment, Taken,
    TeamPart, Turns,
};
pub use example::Example;
pub use idiom::Idiom;
pub use manual::{Manual, manual, manuals};
pub use schema::schema;
pub use spelling::Spelling;
pub use target::{Combo, Interpreter, Libc, LibcKind, Os, PythonVersion, Target, TargetError, VersionRange, When};
pub use verdict::{PairVerdict, pair_verdict, pair_verdict_as};
pub(crate) use words::{did_you_mean, nearest};
