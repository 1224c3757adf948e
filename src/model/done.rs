//! What work is surely done at a point of a program ([`super::firsts`]). A large package has hundreds of modules whose code has run,
//! and every state, every function and every place where paths meet knows of them: so copies share their contents, and most are
//! told to be the same without a look at what is in them.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::places::Keys;

/// The keys of such work, in the order in which it was found to be done.
#[derive(Debug, Clone, Default)]
pub struct Done(Option<Rc<Known>>);

#[derive(Debug, Clone, Default)]
struct Known {
    order: Vec<Keys>,
    set: FxHashSet<Keys>,
}

impl Done {
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub fn contains(&self, work: &Keys) -> bool {
        self.0.as_ref().is_some_and(|known| known.set.contains(work))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Keys> {
        self.0.iter().flat_map(|known| &known.order)
    }

    /// Whether both are copies of one, or empty. Others may hold the same all the same.
    pub fn is_same(&self, other: &Done) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Rc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// Work is done.
    pub fn insert(&mut self, work: Keys) {
        if !self.contains(&work) {
            let known = Rc::make_mut(self.0.get_or_insert_default());
            known.order.push(work.clone());
            known.set.insert(work);
        }
    }

    /// So is what another one holds.
    pub fn add(&mut self, more: &Done) {
        if self.is_empty() {
            *self = more.clone();
        } else if !self.is_same(more) {
            more.iter().for_each(|work| self.insert(work.clone()));
        }
    }

    /// Keeps what is done there as well.
    pub fn keep_common(&mut self, other: &Done) {
        if !self.is_same(other) {
            self.retain(|work| other.contains(work));
        }
    }

    /// Keeps what `keeps` says.
    pub fn retain(&mut self, keeps: impl Fn(&Keys) -> bool) {
        if self.iter().all(&keeps) {
            return;
        }
        let order: Vec<Keys> = self.iter().filter(|work| keeps(work)).cloned().collect();
        let set = order.iter().cloned().collect();
        *self = Done((!order.is_empty()).then(|| Rc::new(Known { order, set })));
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::Key;
    use super::*;

    fn work(name: &str) -> Keys {
        Keys::of(vec![Key::Outside(name.into())])
    }

    fn done(names: &[&str]) -> Done {
        let mut done = Done::default();
        names.iter().for_each(|name| done.insert(work(name)));
        done
    }

    fn order(done: &Done) -> Vec<Keys> {
        done.iter().cloned().collect()
    }

    #[test]
    fn copies_are_shared_until_one_of_them_differs() {
        let first = done(&["a", "b"]);
        let mut second = Done::default();
        second.add(&first);
        assert!(second.is_same(&first));
        second.insert(work("b"));
        second.keep_common(&done(&["b", "c", "a"]));
        second.retain(|_| true);
        assert!(second.is_same(&first), "nothing was changed");
        second.insert(work("c"));
        assert!(!second.is_same(&first) && !first.contains(&work("c")));
        assert_eq!(order(&second), [work("a"), work("b"), work("c")]);
    }

    #[test]
    fn what_is_common_keeps_its_order() {
        let mut both = done(&["a", "b", "c"]);
        both.keep_common(&done(&["c", "x", "a"]));
        assert_eq!(order(&both), [work("a"), work("c")]);
        assert!(!both.contains(&work("b")));
        both.add(&done(&["b", "a"]));
        assert_eq!(order(&both), [work("a"), work("c"), work("b")]);
    }
}
