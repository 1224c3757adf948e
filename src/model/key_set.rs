//! Sets of keys that are told on from place to place: what work is surely done ([`super::firsts`]), what a thread was told since it was
//! started. A large package has hundreds of modules whose code has run, and every state, every function, every thread and every place
//! where paths meet knows of them: so copies share their contents, and most are told to be the same without a look at what is in them.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::places::Keys;

/// A set of keys that remembers in which order they came.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Option<Rc<Known>>);

#[derive(Debug, Clone, Default)]
struct Known {
    order: Vec<Keys>,
    set: FxHashSet<Keys>,
}

impl KeySet {
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |known| known.order.len())
    }

    pub fn contains(&self, keys: &Keys) -> bool {
        self.0.as_ref().is_some_and(|known| known.set.contains(keys))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Keys> {
        self.0.iter().flat_map(|known| &known.order)
    }

    /// Whether both are copies of one, or empty. Others may hold the same all the same.
    pub fn is_same(&self, other: &KeySet) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Rc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// Adds one.
    pub fn insert(&mut self, keys: Keys) {
        if !self.contains(&keys) {
            let known = Rc::make_mut(self.0.get_or_insert_default());
            known.order.push(keys.clone());
            known.set.insert(keys);
        }
    }

    /// Adds what another one holds.
    pub fn add(&mut self, more: &KeySet) {
        if self.is_empty() {
            *self = more.clone();
        } else if !self.is_same(more) {
            self.extend(more.iter().cloned());
        }
    }

    /// Keeps what the other one holds as well.
    pub fn keep_common(&mut self, other: &KeySet) {
        if !self.is_same(other) {
            self.retain(|keys| other.contains(keys));
        }
    }

    /// Keeps what `keeps` says.
    pub fn retain(&mut self, keeps: impl Fn(&Keys) -> bool) {
        if self.iter().all(&keeps) {
            return;
        }
        *self = self.iter().filter(|keys| keeps(keys)).cloned().collect();
    }
}

impl Extend<Keys> for KeySet {
    fn extend<I: IntoIterator<Item = Keys>>(&mut self, more: I) {
        more.into_iter().for_each(|keys| self.insert(keys));
    }
}

impl FromIterator<Keys> for KeySet {
    fn from_iter<I: IntoIterator<Item = Keys>>(all: I) -> KeySet {
        let mut set = KeySet::default();
        set.extend(all);
        set
    }
}

impl PartialEq for KeySet {
    fn eq(&self, other: &KeySet) -> bool {
        self.is_same(other) || self.len() == other.len() && self.iter().all(|keys| other.contains(keys))
    }
}

impl Eq for KeySet {}

#[cfg(test)]
mod tests {
    use super::super::places::Key;
    use super::*;

    fn key(name: &str) -> Keys {
        Keys::of(vec![Key::Outside(name.into())])
    }

    fn set(names: &[&str]) -> KeySet {
        names.iter().map(|name| key(name)).collect()
    }

    fn order(set: &KeySet) -> Vec<Keys> {
        set.iter().cloned().collect()
    }

    #[test]
    fn copies_are_shared_until_one_of_them_differs() {
        let first = set(&["a", "b"]);
        let mut second = KeySet::default();
        second.add(&first);
        assert!(second.is_same(&first));
        second.insert(key("b"));
        second.keep_common(&set(&["b", "c", "a"]));
        second.retain(|_| true);
        assert!(second.is_same(&first), "nothing was changed");
        second.insert(key("c"));
        assert!(!second.is_same(&first) && !first.contains(&key("c")));
        assert_eq!(order(&second), [key("a"), key("b"), key("c")]);
    }

    #[test]
    fn what_is_common_keeps_its_order() {
        let mut both = set(&["a", "b", "c"]);
        both.keep_common(&set(&["c", "x", "a"]));
        assert_eq!(order(&both), [key("a"), key("c")]);
        assert!(!both.contains(&key("b")));
        both.add(&set(&["b", "a"]));
        assert_eq!(order(&both), [key("a"), key("c"), key("b")]);
    }
}
