//! What earlier runs saw of the bytes of files. As long as the file system says that nobody wrote to a file, what was seen of
//! it holds, and it is not even read.
//!
//! It depends on the program and on the words that the catalog looks for; both are in the key.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::facts::Language;
use crate::input::{Fingerprint, Raw, Stamp};
use crate::knowledge::{Catalog, Spelling};

use super::super::cache::{Opened, PROGRAM};
use super::select::{LANGUAGES, Look};

/// What was seen of a file, as far as anybody looked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// In which language it was looked at.
    language: Option<Language>,
    pub look: Option<Look>,
    /// Whether it holds something that overlaps.
    pub overlaps: Option<bool>,
    /// Of its bytes.
    pub print: Option<Fingerprint>,
}

/// A file's state, with what the file system said of it then.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    name: String,
    stamp: Stamp,
    state: State,
}

/// The states of a project's files.
pub(super) struct States {
    /// Under which they are kept; nothing where they are not.
    key: Option<Fingerprint>,
    known: Vec<Entry>,
    /// The places of these, by their names.
    places: HashTable<u32>,
    /// Whether anybody asked for these.
    asked: Vec<AtomicBool>,
    found: Mutex<HashMap<String, Entry>>,
    /// When this run began.
    begin: SystemTime,
}

impl States {
    /// Those of files of which nothing is known or kept.
    pub fn none() -> States {
        States {
            key: None,
            known: Vec::new(),
            places: HashTable::new(),
            asked: Vec::new(),
            found: Mutex::default(),
            begin: SystemTime::now(),
        }
    }

    /// Those that are kept.
    pub fn open(kept: &Opened, catalog: &Catalog) -> States {
        States::open_at(kept, catalog, SystemTime::now())
    }

    fn open_at(kept: &Opened, catalog: &Catalog, begin: SystemTime) -> States {
        let words = LANGUAGES.map(|language| format!("{:?}", Spelling::of(catalog, language)));
        let fixed = [b"states", PROGRAM.as_bytes()];
        let key = Fingerprint::of_all(fixed.into_iter().chain(words.iter().map(String::as_bytes)));
        let known: Vec<Entry> = kept.peek(key).unwrap_or_default();
        let mut places = HashTable::with_capacity(known.len());
        let hash = |place: &u32| hash(&known[*place as usize].name);
        for place in 0..known.len() as u32 {
            places.insert_unique(hash(&place), place, hash);
        }
        States {
            key: Some(key),
            places,
            asked: known.iter().map(|_| AtomicBool::new(false)).collect(),
            known,
            found: Mutex::default(),
            begin,
        }
    }

    /// What an earlier run saw of a file to which nobody wrote since.
    pub fn of(&self, raw: &Raw) -> State {
        let holds = |entry: &Entry| entry.state.language == Some(raw.language) && raw.stamp() == Some(entry.stamp);
        let named = |place: &u32| self.known[*place as usize].name == raw.name;
        match self.places.find(hash(&raw.name), named).map(|place| *place as usize) {
            Some(place) if holds(&self.known[place]) => {
                self.asked[place].store(true, Ordering::Relaxed);
                self.known[place].state.clone()
            }
            _ => State::default(),
        }
    }

    /// Notes what is seen of a file now. One that was written to only just now is looked at again the next time.
    pub fn note(&self, raw: &Raw, see: impl FnOnce(&mut State)) {
        if self.key.is_none() {
            return;
        }
        let Some(stamp) = raw.stamp().filter(|stamp| stamp.is_settled(self.begin)) else {
            return;
        };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = found.entry(raw.name.clone()).or_insert_with(|| Entry {
            name: raw.name.clone(),
            stamp,
            state: State {
                language: Some(raw.language),
                ..self.of(raw)
            },
        });
        see(&mut entry.state);
    }

    /// The fingerprint of a file's bytes, which is noted.
    pub fn print(&self, raw: &Raw, bytes: &[u8]) -> Fingerprint {
        let print = Fingerprint::of(bytes);
        self.note(raw, |state| state.print = Some(print));
        print
    }

    /// Keeps what is known now for the next run.
    pub fn keep(self, kept: &Opened) {
        let Some(key) = self.key else { return };
        let found = self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        if found.is_empty() {
            return kept.uses(key);
        }
        let known = self.known.into_iter().zip(&self.asked);
        let asked = known.filter(|(_, asked)| asked.load(Ordering::Relaxed));
        let others = asked.map(|(entry, _)| entry);
        let mut entries: Vec<Entry> = others.filter(|entry| !found.contains_key(&entry.name)).collect();
        entries.extend(found.values().cloned());
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        kept.put(key, &entries);
    }
}

fn hash(name: &str) -> u64 {
    FxBuildHasher.hash_one(name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::time::Duration;

    use super::super::super::args::Scan;
    use super::super::super::cache::Kept;
    use super::*;
    use crate::input::{Prefix, Project, Scope, found_file};

    struct Bench {
        folder: tempfile::TempDir,
        shelf: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Bench {
            let folder = || tempfile::tempdir().expect("the test machine has a temporary folder");
            Bench {
                folder: folder(),
                shelf: folder(),
            }
        }

        fn put(&self, name: &str, text: &str) {
            std::fs::write(self.folder.path().join(name), text).expect("files can be written");
        }

        fn raw(&self, name: &str, language: Option<Language>) -> Raw {
            let path = self.folder.path().join(name);
            Raw::found(found_file(self.folder.path(), &path, language).expect("it is a source file"))
        }

        fn opened(&self) -> Opened {
            let scan = Scan {
                cache_dir: Some(self.shelf.path().to_owned()),
                ..Scan::default()
            };
            let project = Project {
                root: self.folder.path().to_owned(),
                prefix: Prefix::default(),
                scope: Scope::Tree,
                named: BTreeSet::new(),
                whole: true,
            };
            let kept = Kept::of(&scan, &project).expect("a folder is named");
            kept.open(Path::new(&project.root))
        }
    }

    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_was_seen_holds_until_somebody_writes() {
        let bench = Bench::new();
        let catalog = Catalog::builtin();
        for name in ["a.py", "b.py"] {
            bench.put(name, "import os\n");
        }
        // Too young to be trusted: the run begins now.
        let opened = bench.opened();
        let states = States::open(&opened, &catalog);
        states.note(&bench.raw("a.py", None), |state| state.overlaps = Some(true));
        states.keep(&opened);
        drop(opened);
        let opened = bench.opened();
        let states = States::open_at(&opened, &catalog, later());
        assert_eq!(states.of(&bench.raw("a.py", None)).overlaps, None);
        for name in ["a.py", "b.py"] {
            states.note(&bench.raw(name, None), |state| state.overlaps = Some(true));
            states.note(&bench.raw(name, None), |state| {
                state.print = Some(Fingerprint::of(b"1"))
            });
        }
        states.keep(&opened);
        drop(opened);
        let opened = bench.opened();
        let states = States::open_at(&opened, &catalog, later());
        bench.put("b.py", "import os, sys\n");
        let known = |name: &str, language| {
            let state = states.of(&bench.raw(name, language));
            (state.overlaps, state.print.is_some())
        };
        assert_eq!(known("a.py", None), (Some(true), true));
        assert_eq!(known("b.py", None), (None, false));
        assert_eq!(known("a.py", Some(Language::Rust)), (None, false));
        // Other words are looked for.
        let text = "[[api]]\nlanguage = \"python\"\nmatch = \"call:pkg.put\"\neffect = \"mutation\"\nshape = \"add\"\n\
                    source = \"https://example.org\"\n";
        let other = Catalog::with_user(text, "envrace.toml").expect("an entry as the manual has it");
        let states = States::open_at(&opened, &other, later());
        assert_eq!(states.of(&bench.raw("a.py", None)).overlaps, None);
    }

    #[test]
    fn what_nobody_asked_for_is_dropped_and_the_rest_stays() {
        let bench = Bench::new();
        let catalog = Catalog::builtin();
        let names = ["a.py", "b.py", "c.py"];
        for name in names {
            bench.put(name, "import os\n");
        }
        let run = |asked: &[&str], noted: &[&str]| {
            let opened = bench.opened();
            let states = States::open_at(&opened, &catalog, later());
            let known: Vec<bool> = asked
                .iter()
                .map(|name| states.of(&bench.raw(name, None)).overlaps.is_some())
                .collect();
            for name in noted {
                states.note(&bench.raw(name, None), |state| state.overlaps = Some(false));
            }
            states.keep(&opened);
            known
        };
        run(&[], &["a.py", "b.py"]);
        // `b.py` is gone from the project, `c.py` is new.
        assert_eq!(run(&["a.py"], &["c.py"]), [true]);
        assert_eq!(run(&names, &[]), [true, false, true]);
        assert_eq!(run(&names, &[]), [true, false, true]);
    }
}
