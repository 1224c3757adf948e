//! What holds around an access: guards, messages waited for, threads joined before. Thousands of accesses share a few of
//! these, so that each is kept once and compared by its number.

use std::collections::HashMap;
use std::rc::Rc;

use super::places::Keys;
use super::summary::{Held, StartId};

/// What holds around an access. Two of one [`Arounds`] are the same thing exactly if they are equal.
#[derive(Debug, Clone, Default)]
pub struct Around(Rc<Content>);

#[derive(Debug, Default)]
struct Content {
    /// Zero: nothing holds.
    number: u32,
    guards: Vec<Held>,
    gate: Vec<Keys>,
    joined: Vec<StartId>,
}

impl Around {
    /// The guards that are surely held, the innermost function's first.
    pub fn guards(&self) -> &[Held] {
        &self.0.guards
    }

    /// The queues of which one was surely received from before, since the function began.
    pub fn gate(&self) -> &[Keys] {
        &self.0.gate
    }

    /// Threads surely joined before, since the function began.
    pub fn joined(&self) -> &[StartId] {
        &self.0.joined
    }

    /// The number by which it is told from others.
    pub fn number(&self) -> u32 {
        self.0.number
    }

    fn is_nothing(&self) -> bool {
        self.0.number == 0
    }
}

impl PartialEq for Around {
    fn eq(&self, other: &Around) -> bool {
        self.0.number == other.0.number
    }
}

impl Eq for Around {}

/// What tells one from another: how a guard is called, or who holds it, does not.
type Identity = (Vec<(Keys, bool)>, Vec<Keys>, Vec<StartId>);

/// All that is known, each once.
#[derive(Debug, Default)]
pub struct Arounds {
    known: HashMap<Identity, Around>,
    within: HashMap<(u32, u32), Around>,
}

impl Arounds {
    /// The one with this content.
    pub fn make(&mut self, guards: Vec<Held>, mut gate: Vec<Keys>, mut joined: Vec<StartId>) -> Around {
        gate.sort();
        gate.dedup();
        joined.sort();
        joined.dedup();
        if guards.is_empty() && gate.is_empty() && joined.is_empty() {
            return Around::default();
        }
        // Taken twice is held.
        let mut held: Vec<Held> = Vec::with_capacity(guards.len());
        for guard in guards {
            if !held
                .iter()
                .any(|known| known.keys == guard.keys && known.shared == guard.shared)
            {
                held.push(guard);
            }
        }
        let identity: Identity = (
            held.iter().map(|held| (held.keys.clone(), held.shared)).collect(),
            gate.clone(),
            joined.clone(),
        );
        let number = self.known.len() as u32 + 1;
        let content = || {
            Around(Rc::new(Content {
                number,
                guards: held,
                gate,
                joined,
            }))
        };
        self.known.entry(identity).or_insert_with(content).clone()
    }

    /// What holds around an access of a callee, seen from where the callee is called.
    pub fn within(&mut self, inner: &Around, outer: &Around) -> Around {
        if outer.is_nothing() || inner == outer {
            return inner.clone();
        }
        if inner.is_nothing() {
            return outer.clone();
        }
        let key = (inner.number(), outer.number());
        if let Some(known) = self.within.get(&key) {
            return known.clone();
        }
        let both = self.make(
            [inner.guards(), outer.guards()].concat(),
            [inner.gate(), outer.gate()].concat(),
            [inner.joined(), outer.joined()].concat(),
        );
        self.within.insert(key, both.clone());
        both
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::Key;
    use super::*;

    fn held(name: &str) -> Held {
        Held {
            keys: vec![Key::Outside(name.into())],
            name: name.into(),
            holder: None,
            test: None,
            shared: false,
        }
    }

    #[test]
    fn the_same_content_is_the_same_thing() {
        let mut arounds = Arounds::default();
        let a = arounds.make(vec![held("a")], Vec::new(), vec![StartId(2), StartId(1)]);
        let again = arounds.make(vec![held("a"), held("a")], Vec::new(), vec![StartId(1), StartId(2)]);
        let b = arounds.make(vec![held("b")], Vec::new(), Vec::new());
        assert_eq!(a, again);
        assert_ne!(a, b);
        assert_eq!(arounds.make(Vec::new(), Vec::new(), Vec::new()), Around::default());
    }

    #[test]
    fn what_holds_at_the_call_holds_inside_the_callee() {
        let mut arounds = Arounds::default();
        let nothing = Around::default();
        let a = arounds.make(vec![held("a")], Vec::new(), Vec::new());
        let b = arounds.make(vec![held("b")], Vec::new(), vec![StartId(1)]);
        assert_eq!(arounds.within(&nothing, &a), a);
        assert_eq!(arounds.within(&a, &nothing), a);
        let both = arounds.within(&a, &b);
        assert_eq!(both.guards().len(), 2);
        assert_eq!(both.joined(), [StartId(1)]);
        assert_eq!(arounds.within(&both, &b), both);
    }
}
