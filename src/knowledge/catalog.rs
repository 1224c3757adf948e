//! The index of all entries.

use crate::facts::Language;

use super::entry::{Entry, MatchKind};

/// Index of an entry in a [`Catalog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub u32);

/// A mistake in a rules file: where, what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct CatalogError {
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    pub message: String,
    pub help: Option<String>,
}

/// All entries, indexed by language, kind and path.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    entries: Vec<Entry>,
}

impl Catalog {
    /// The entries that are built in (rules/*.toml, compiled into the binary).
    pub fn builtin() -> Catalog {
        todo!()
    }

    /// The entry of this id.
    pub fn entry(&self, id: EntryId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    /// All entries in the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (EntryId(index as u32), entry))
    }

    /// The entries for an exact path: `(Python, Call, "os.system")`. Several where they differ by version or arguments.
    pub fn lookup(&self, _language: Language, _kind: MatchKind, _path: &str) -> &[EntryId] {
        todo!()
    }

    /// The entries for a method name on a receiver of unknown type (`call:*.append`).
    pub fn lookup_any(&self, _language: Language, _kind: MatchKind, _method: &str) -> &[EntryId] {
        todo!()
    }
}
