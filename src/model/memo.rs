//! Tables of what was found out about values.
//!
//! What hangs on no circle of questions ([`super::answers`]) is the same in every round, so only the rest is forgotten when a round
//! begins.

use std::cell::RefCell;
use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::facts::Name;

use super::answers::{Answers, Standing};

/// Something that was found out, and whether it stands in the next round too.
#[derive(Debug)]
struct Kept<V> {
    value: V,
    settled: bool,
}

impl<V: Clone> Kept<V> {
    fn read(&self, answers: &Answers) -> V {
        if !self.settled {
            answers.hang();
        }
        self.value.clone()
    }
}

/// What was found out, by what it was asked of.
#[derive(Debug)]
pub(super) struct Memo<K, V>(RefCell<FxHashMap<K, Kept<V>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Memo<K, V> {
        Memo(RefCell::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    /// What is known. What reads it hangs on the circles on which that hangs.
    pub(super) fn get(&self, key: &K, answers: &Answers) -> Option<V> {
        Some(self.0.borrow().get(key)?.read(answers))
    }

    pub(super) fn keep(&self, key: K, value: V, standing: Standing) {
        let settled = standing.settled;
        self.0.borrow_mut().insert(key, Kept { value, settled });
    }

    /// Keeps what is known so far of something that is being found out: questions that lead back to it read that.
    pub(super) fn begin(&self, key: K, value: V) {
        let settled = false;
        self.0.borrow_mut().insert(key, Kept { value, settled });
    }

    pub(super) fn forget(&self, key: &K) {
        self.0.borrow_mut().remove(key);
    }

    /// Another round begins.
    pub(super) fn next_round(&self) {
        self.0.borrow_mut().retain(|_, kept| kept.settled);
    }
}

/// The same with a name for a second key, so that asking needs none of its own.
#[derive(Debug)]
pub(super) struct NamedMemo<K, V>(RefCell<FxHashMap<K, FxHashMap<Name, Kept<V>>>>);

impl<K, V> Default for NamedMemo<K, V> {
    fn default() -> NamedMemo<K, V> {
        NamedMemo(RefCell::default())
    }
}

impl<K: Eq + Hash, V: Clone> NamedMemo<K, V> {
    pub(super) fn get(&self, key: &K, name: &str, answers: &Answers) -> Option<V> {
        Some(self.0.borrow().get(key)?.get(name)?.read(answers))
    }

    pub(super) fn keep(&self, key: K, name: &str, value: V, standing: Standing) {
        let settled = standing.settled;
        let mut known = self.0.borrow_mut();
        let names = known.entry(key).or_default();
        names.insert(name.into(), Kept { value, settled });
    }

    pub(super) fn next_round(&self) {
        self.0.borrow_mut().retain(|_, names| {
            names.retain(|_, kept| kept.settled);
            !names.is_empty()
        });
    }
}

/// What was found out that hangs on no question which may lead back to it, by what it was asked of.
#[derive(Debug)]
pub(super) struct Found<K, V>(RefCell<FxHashMap<K, V>>);

impl<K, V> Default for Found<K, V> {
    fn default() -> Found<K, V> {
        Found(RefCell::default())
    }
}

impl<K: Eq + Hash, V: Clone> Found<K, V> {
    /// What is known; found by `find` the first time.
    pub(super) fn get(&self, key: K, find: impl FnOnce() -> V) -> V {
        if let Some(known) = self.0.borrow().get(&key) {
            return known.clone();
        }
        let found = find();
        self.0.borrow_mut().insert(key, found.clone());
        found
    }
}
