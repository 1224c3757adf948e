//! The index of all entries.

use std::sync::{Arc, LazyLock};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::Language;

use super::entry::{Entry, MatchKind};
use super::example::{Example, Frame, examples};
use super::idiom::{Idiom, Idioms};
use super::load::{Origin, Whose, rules};

/// The rules files that are compiled in.
pub(super) const BUILTIN: [(&str, Language, &str); 3] = [
    ("rules/c.toml", Language::C, include_str!("../../rules/c.toml")),
    (
        "rules/python.toml",
        Language::Python,
        include_str!("../../rules/python.toml"),
    ),
    ("rules/rust.toml", Language::Rust, include_str!("../../rules/rust.toml")),
];

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
    /// How many characters it is about, at least one; all in that line.
    pub width: u32,
    pub message: String,
    pub help: Option<String>,
}

/// All entries, indexed by language, kind and path.
///
/// A clone shares everything with its original.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    shared: Arc<Shared>,
}

/// The entries themselves and the way to them.
#[derive(Debug, Default)]
struct Shared {
    /// Shared with the catalogs that differ by a few entries.
    entries: Vec<Arc<Entry>>,
    background: Arc<Background>,
    index: FxHashMap<(Language, MatchKind), Paths>,
}

/// What the built-in files say besides their entries.
#[derive(Debug, Default)]
struct Background {
    frames: Vec<Frame>,
    idioms: Idioms,
}

/// The entries of one kind: by full path, and by the bare name for `*.name`.
#[derive(Debug, Clone, Default)]
struct Paths {
    exact: FxHashMap<String, Vec<EntryId>>,
    any: FxHashMap<String, Vec<EntryId>>,
    /// What follows the last dot of each path.
    last: FxHashSet<String>,
}

impl Catalog {
    /// The entries that are built in (rules/*.toml, compiled into the binary).
    pub fn builtin() -> Catalog {
        static BUILT: LazyLock<Catalog> = LazyLock::new(|| {
            let mut entries = Vec::new();
            let mut background = Background::default();
            for (file, language, text) in BUILTIN {
                let whose = Whose::Builtin(language);
                let read = rules(text, Origin { file, whose }).expect("a test reads every built-in rules file");
                entries.extend(read.entries.into_iter().map(Arc::new));
                background.frames.extend(read.frames);
                read.idioms.into_iter().for_each(|table| background.idioms.add(table));
            }
            Catalog::of(entries.into_iter(), Arc::new(background))
        });
        BUILT.clone()
    }

    /// The built-in entries and those of a user's configuration, whose `[[api]]` tables also name their `language`; its
    /// other keys are passed over. A user's entry for a match replaces the built-in ones for the same match.
    ///
    /// # Errors
    /// The first mistake in `text`; `filename` is what it is reported under.
    pub fn with_user(text: &str, filename: &str) -> Result<Catalog, CatalogError> {
        Catalog::builtin().and(text, filename, Whose::Configuration)
    }

    /// These entries and those of a user's file that holds `[[api]]` tables alone; what it matches is replaced, as by
    /// [`Catalog::with_user`].
    ///
    /// # Errors
    /// The first mistake in `text`; `filename` is what it is reported under.
    pub fn with_file(&self, text: &str, filename: &str) -> Result<Catalog, CatalogError> {
        self.and(text, filename, Whose::Users)
    }

    fn and(&self, text: &str, file: &str, whose: Whose) -> Result<Catalog, CatalogError> {
        let own = rules(text, Origin { file, whose })?;
        // What two files of the user's say of one match holds together.
        let replaced = |entry: &Entry| {
            let same = |user: &Entry| user.language == entry.language && user.text == entry.text;
            !entry.user && own.entries.iter().any(same)
        };
        let kept = self.shared.entries.iter().filter(|entry| !replaced(entry)).cloned();
        let kept: Vec<Arc<Entry>> = kept.collect();
        let added = own.entries.into_iter().map(Arc::new);
        Ok(Catalog::of(
            kept.into_iter().chain(added),
            self.shared.background.clone(),
        ))
    }

    /// These entries without those for the match of `id` that another table holds and that do the same kind of thing:
    /// what is found at that match with that effect then is by this entry.
    pub fn alone(&self, id: EntryId) -> Catalog {
        let wanted = self.entry(id);
        let rival = |other: &Arc<Entry>| {
            let same = other.language == wanted.language && other.text == wanted.text && other.effect == wanted.effect;
            same && !Arc::ptr_eq(&other.samples, &wanted.samples)
        };
        if !self.shared.entries.iter().any(rival) {
            return self.clone();
        }
        let kept = self.shared.entries.iter().filter(|entry| !rival(entry));
        Catalog::of(kept.cloned(), self.shared.background.clone())
    }

    /// The examples of this entry: whole programs.
    pub fn examples(&self, id: EntryId) -> Vec<Example> {
        examples(self.entry(id), &self.shared.background.frames)
    }

    /// Whether a name tells this, whatever it is called on. `name`: a bare one, or the path of what is called by its path.
    pub fn tells(&self, language: Language, name: &str, idiom: Idiom) -> bool {
        let names = self.shared.background.idioms.names(language, idiom);
        names.is_some_and(|names| names.contains(name))
    }

    fn of(entries: impl Iterator<Item = Arc<Entry>>, background: Arc<Background>) -> Catalog {
        let mut shared = Shared {
            background,
            ..Shared::default()
        };
        for entry in entries {
            let id = EntryId(shared.entries.len() as u32);
            let paths = shared.index.entry((entry.language, entry.kind)).or_default();
            let (map, name) = match entry.path.strip_prefix("*.") {
                Some(name) => (&mut paths.any, name),
                None => (&mut paths.exact, entry.path.as_str()),
            };
            map.entry(name.to_owned()).or_default().push(id);
            if let Some((_, last)) = entry.path.rsplit_once('.') {
                paths.last.insert(last.to_owned());
            }
            shared.entries.push(entry);
        }
        Catalog {
            shared: Arc::new(shared),
        }
    }

    /// The entry of this id.
    pub fn entry(&self, id: EntryId) -> &Entry {
        &self.shared.entries[id.0 as usize]
    }

    /// All entries in the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.shared
            .entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (EntryId(index as u32), entry.as_ref()))
    }

    /// The entries for an exact path: `(Python, Call, "os.system")`. Several where they differ by version or arguments,
    /// or by what they touch: `store:os.environ[]` and `store:os.environ` have the same path and differ in
    /// [`Entry::is_subscript`].
    pub fn lookup(&self, language: Language, kind: MatchKind, path: &str) -> &[EntryId] {
        self.find(language, kind, |paths| paths.exact.get(path))
    }

    /// The entries for a method name on a receiver of unknown type (`call:*.append`).
    pub fn lookup_any(&self, language: Language, kind: MatchKind, method: &str) -> &[EntryId] {
        self.find(language, kind, |paths| paths.any.get(method))
    }

    /// Whether there is an entry of this kind for some path that ends in `.name`.
    pub fn has_member(&self, language: Language, kind: MatchKind, name: &str) -> bool {
        let paths = self.shared.index.get(&(language, kind));
        paths.is_some_and(|paths| paths.last.contains(name))
    }

    fn find<'a>(
        &'a self,
        language: Language,
        kind: MatchKind,
        pick: impl Fn(&'a Paths) -> Option<&'a Vec<EntryId>>,
    ) -> &'a [EntryId] {
        self.shared
            .index
            .get(&(language, kind))
            .and_then(pick)
            .map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
