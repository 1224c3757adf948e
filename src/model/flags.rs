//! Variables by which one thread tells others how far it is: `done = True` as the last thing that it does, and
//! `while not done: sleep(1)` on the other side. The store is a message, and whoever finds the variable so has received it.
//!
//! That is said only where it is certain who speaks: the thread's entry itself makes the store, all stores of what the test asks for stand in one function, all other stores
//! are of other constants, and before any of them the variable is something else.

use std::collections::HashSet;
use std::rc::Rc;

use crate::facts::{Condition, Event, FunctionKind, Region, RegionKind, Value};

use super::needs::Constant;
use super::objects::Object;
use super::places::{Key, Keys};
use super::tree::{FuncId, StoreRef, Tree, each_event, each_region};
use super::values::Values;

/// The names of the places that some loop waits for.
pub(super) fn waited_for(tree: &Tree) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut add = |func: FuncId, test: &Condition| {
        each_place(test, &mut |place| found.extend(spoken(tree, func, place)));
    };
    for func in tree.functions() {
        each_region(&tree.function(func).body, &mut |region| {
            let RegionKind::Loop { over: None, test, .. } = &region.kind else {
                return;
            };
            add(func, test);
            each_region(region, &mut |inner| {
                if let RegionKind::Arm { test } = &inner.kind
                    && leaves(inner)
                {
                    add(func, test);
                }
            });
        });
    }
    found
}

fn leaves(region: &Region) -> bool {
    let mut leaves = false;
    each_event(region, &mut |event| {
        leaves |= matches!(event, Event::Break | Event::Return { .. })
    });
    leaves
}

/// Calls `visit` for what a test asks the truth or the value of.
fn each_place<'c>(test: &'c Condition, visit: &mut dyn FnMut(&'c Value)) {
    match test {
        Condition::Not(inner) => each_place(inner, visit),
        Condition::All(tests) | Condition::Any(tests) => tests.iter().for_each(|test| each_place(test, visit)),
        Condition::Truthy(place) => visit(place),
        Condition::Equal(a, b) => [a, b].into_iter().for_each(visit),
        _ => {}
    }
}

fn spoken(tree: &Tree, func: FuncId, place: &Value) -> Option<String> {
    match place {
        Value::Global(name) | Value::Attribute(_, name) => Some(name.clone()),
        Value::Local(owner, index) => {
            let owner = tree.func(tree.file_of(func), *owner);
            Some(super::tree::local_of(tree.function(owner), *index).name.clone())
        }
        _ => None,
    }
}

impl Values<'_> {
    /// What a store tells those who wait for it, as the keys of a queue on which it is sent.
    pub(super) fn told_by_store(&self, func: FuncId, target: &Value, value: &Value) -> Option<Keys> {
        if !self.is_waited_for(func, target) {
            return None;
        }
        let constant = self.constant(func, value, 0)?;
        self.message(func, target, &constant)
    }

    /// What has been told where a test of a place came out as `holds`. `wanted`: what it was compared with, if it was.
    pub(super) fn told_by_test(
        &self,
        func: FuncId,
        place: &Value,
        wanted: Option<&Value>,
        holds: bool,
    ) -> Option<Keys> {
        if !self.is_waited_for(func, place) {
            return None;
        }
        let wanted = match wanted {
            Some(value) => Some(self.constant(func, value, 0)?),
            None => None,
        };
        let answer = |constant: &Constant| match &wanted {
            Some(wanted) => wanted.equals(constant),
            None => constant.truth(),
        };
        let mut told: Option<Constant> = None;
        for store in self.stores_of_place(func, place)? {
            let constant = self.constant(store.function, store.value, 0)?;
            if answer(&constant)? == holds {
                match &told {
                    Some(known) if *known != constant => return None,
                    _ => told = Some(constant),
                }
            }
        }
        // Before anything is stored a variable of C is nought.
        let initial = answer(&Constant::Int(0)).or_else(|| answer(&Constant::Nothing));
        let told = told?;
        match initial != Some(!holds) && !self.is_set_otherwise(func, place, &told) {
            true => None,
            false => self.message(func, place, &told),
        }
    }

    fn is_waited_for(&self, func: FuncId, place: &Value) -> bool {
        spoken(self.tree, func, place).is_some_and(|name| self.waited_for.contains(&name))
    }

    /// A variable is given another constant at the top of its file or in another function than the one that tells.
    fn is_set_otherwise(&self, func: FuncId, place: &Value, told: &Constant) -> bool {
        let stores = self.stores_of_place(func, place).unwrap_or_default();
        let other = |store: &StoreRef| self.constant(store.function, store.value, 0).as_ref() != Some(told);
        stores.iter().any(other)
    }

    /// The queue of a place and a constant, where one function alone stores that.
    fn message(&self, func: FuncId, place: &Value, constant: &Constant) -> Option<Keys> {
        let stores = self.stores_of_place(func, place)?;
        let mut tellers = stores
            .iter()
            .filter(|store| self.constant(store.function, store.value, 0).as_ref() == Some(constant))
            .map(|store| store.function);
        let teller = tellers.next()?;
        if tellers.any(|other| other != teller) || self.tree.function(teller).kind == FunctionKind::Module {
            return None;
        }
        let keys = self.keys(func, place).into_iter();
        let is_variable = |key: &Key| matches!(key, Key::Global(..) | Key::Field(..) | Key::Local(..));
        let keys: Keys = keys
            .filter(is_variable)
            .map(|key| Key::Told(Rc::new(key), constant.clone()))
            .collect();
        (!keys.is_empty()).then_some(keys)
    }

    /// All stores into a variable or field; none where it is not known which one it is, or what is stored.
    fn stores_of_place(&self, func: FuncId, place: &Value) -> Option<Vec<StoreRef<'_>>> {
        match place {
            Value::Global(name) => Some(self.shared_stores(self.tree.file_of(func), name)),
            Value::Local(owner, index) => {
                let owner = self.closure(func, *owner);
                Some(self.local_stores(owner, *index).to_vec())
            }
            Value::Attribute(base, name) => {
                let objects = self.base_of_field(func, base);
                let mut classes = objects.iter().map(|object| match object {
                    Object::Instance(class, _) => Some(*class),
                    _ => None,
                });
                let class = classes.next()??;
                let only = classes.all(|other| other == Some(class));
                only.then(|| self.field_stores(class, name).to_vec())
            }
            _ => None,
        }
    }
}
