//! Variables by which one thread tells others how far it is: `done = True` as the last thing that it does, and
//! `while not done: sleep(1)` on the other side. The store is a message, and whoever finds the variable so has received it.
//!
//! That is said only where it is certain who speaks: the thread's entry itself makes the store, all stores of what the test asks
//! for stand in one function, all other stores are of other constants, and before any of them the variable is something else.
//!
//! The other way round, a thread that waits for such a store before it goes on (`while not ready: sleep(1)`) does nothing beside what
//! the function does that will make it, from the thread's start until then. Of other functions nothing is said, since they may run
//! when the store was made long ago.
//!
//! Threads of which nobody keeps a handle are counted: `running--` as the last thing that each does, and `while (running > 0) wait()`
//! on the other side. That each was counted before it began is not seen, so that they are doubted and not joined.
//!
//! Where somebody else may have spoken as well, a thread that ends with such a store may or may not be done where a loop has found
//! what it waits for: it is doubted, and so it is on the other ways out of that loop, on which the wait is given up.

use std::cell::LazyCell;
use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::facts::{Condition, Event, FunctionKind, Language, Name, Region, RegionKind, Value};

use super::needs::Constant;
use super::objects::Object;
use super::places::{Key, Keys};
use super::tree::{FuncId, StoreRef, each_event, each_region};
use super::values::Values;

/// A function that stores something, and what that is where it is a constant.
type Said = (FuncId, Option<Constant>);

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

/// Calls `visit` for the numbers that others reach as well and that a test finds to be more than nought, where it comes out as
/// `more`.
fn each_count<'c>(test: &'c Condition, more: bool, visit: &mut dyn FnMut(&'c Value)) {
    let is_shared = |count: &Value| matches!(count, Value::Global(_) | Value::Attribute(..));
    match test {
        Condition::Not(inner) => each_count(inner, !more, visit),
        Condition::All(tests) if more => tests.iter().for_each(|test| each_count(test, more, visit)),
        Condition::Any(tests) if !more => tests.iter().for_each(|test| each_count(test, more, visit)),
        Condition::Truthy(count) | Condition::Less(Value::Int(0), count) if more && is_shared(count) => visit(count),
        Condition::Equal(count, Value::Int(0)) | Condition::Equal(Value::Int(0), count)
            if !more && is_shared(count) =>
        {
            visit(count);
        }
        _ => {}
    }
}

/// A number that is added is less than nought.
fn is_less(value: &Value) -> bool {
    match value {
        Value::Int(by) => *by < 0,
        Value::Combined(operands) => matches!(operands.last(), Some(Value::Int(by)) if *by < 0),
        _ => false,
    }
}

/// What a test says of a constant: whether it is `wanted`, or else whether it is true.
fn answer(constant: &Constant, wanted: Option<&Constant>) -> Option<bool> {
    match wanted {
        Some(wanted) => wanted.equals(constant),
        None => constant.truth(),
    }
}

fn is_variable(key: &Key) -> bool {
    matches!(key, Key::Global(..) | Key::Field(..) | Key::Local(..))
}

/// The keys of a gate that a function opens by what it tells.
fn opened((teller, told): &(FuncId, Keys)) -> Keys {
    let open = told.iter().map(|key| Key::Opened(Rc::new(key.clone()), *teller));
    open.collect()
}

impl Values<'_> {
    /// The names of the places that some loop waits for.
    pub(super) fn waited_for(&self) -> FxHashSet<Name> {
        self.names_in_regions(Self::each_told)
    }

    /// The names of the numbers that some loop waits for to be nought.
    pub(super) fn counted_for(&self) -> FxHashSet<Name> {
        self.names_in_regions(Self::each_counted)
    }

    /// All names that `each` visits for some region of the tree.
    fn names_in_regions(&self, each: impl Fn(&Self, FuncId, &Region, &mut dyn FnMut(Name))) -> FxHashSet<Name> {
        let mut found = FxHashSet::default();
        for func in self.tree.functions() {
            each_region(&self.tree.function(func).body, &mut |region| {
                each(self, func, region, &mut |name| {
                    found.insert(name);
                });
            });
        }
        found
    }

    /// Calls `visit` with the names of the numbers that a region waits for to be nought, where it is a loop that does not
    /// count them itself.
    fn each_counted(&self, func: FuncId, region: &Region, visit: &mut dyn FnMut(Name)) {
        let RegionKind::Loop { over: None, test, .. } = &region.kind else {
            return;
        };
        let stored = LazyCell::new(|| {
            let mut stored = Vec::new();
            each_event(region, &mut |event| {
                if let Event::Store { target, .. } = event {
                    stored.push(target);
                }
            });
            stored
        });
        let mut look = |test: &Condition, goes_on: bool| {
            each_count(test, goes_on, &mut |count| {
                if !stored.contains(&count) {
                    self.spoken(func, count).into_iter().for_each(&mut *visit);
                }
            });
        };
        look(test, true);
        each_region(region, &mut |inner| {
            if let RegionKind::Arm { test } = &inner.kind
                && leaves(inner)
            {
                look(test, false);
            }
        });
    }

    /// Calls `visit` with the names of the places and of the numbers that a region waits for, where it is a loop.
    pub(super) fn each_awaited(&self, func: FuncId, region: &Region, visit: &mut dyn FnMut(Name)) {
        self.each_told(func, region, visit);
        self.each_counted(func, region, visit);
    }

    fn each_told(&self, func: FuncId, region: &Region, visit: &mut dyn FnMut(Name)) {
        let RegionKind::Loop { over: None, test, .. } = &region.kind else {
            return;
        };
        let mut look = |test: &Condition| {
            each_place(test, &mut |place| {
                self.spoken(func, place).into_iter().for_each(&mut *visit)
            });
        };
        look(test);
        each_region(region, &mut |inner| {
            if let RegionKind::Arm { test } = &inner.kind
                && leaves(inner)
            {
                look(test);
            }
        });
    }

    /// The names of the places into which a function stores what somebody may wait for.
    pub(super) fn tells(&self, func: FuncId) -> Vec<Name> {
        let mut found = Vec::new();
        each_event(&self.tree.function(func).body, &mut |event| {
            if let Event::Store { target, value, .. } = event
                && (self.stored(func, target, value).is_some() || self.counted_down(func, target, value).is_some())
            {
                found.extend(self.spoken(func, target));
            }
        });
        found
    }

    /// What a store tells those who wait for it, as the keys of a queue on which it is sent.
    pub(super) fn told_by_store(&self, func: FuncId, target: &Value, value: &Value) -> Option<Keys> {
        let (_, keys) = self.message_of_store(func, target, value)?;
        Some(keys)
    }

    /// What a store opens for those who wait for it before they go on, as the keys of a queue on which it is sent.
    pub(super) fn opened_by_store(&self, func: FuncId, target: &Value, value: &Value) -> Option<Keys> {
        if self.is_no_gate(func, target) {
            return None;
        }
        let message = self.message_of_store(func, target, value)?;
        Some(opened(&message))
    }

    fn message_of_store(&self, func: FuncId, target: &Value, value: &Value) -> Option<(FuncId, Keys)> {
        if !self.is_waited_for(func, target) {
            return None;
        }
        let constant = self.constant(func, value, 0)?;
        self.message(func, target, &constant, &self.said(func, target)?)
    }

    /// What has been told where a test of a place came out as `holds`. `wanted`: what it was compared with, if it was.
    pub(super) fn told_by_test(
        &self,
        func: FuncId,
        place: &Value,
        wanted: Option<&Value>,
        holds: bool,
    ) -> Option<Keys> {
        let (_, keys) = self.message_of_test(func, place, wanted, holds)?;
        Some(keys)
    }

    /// What must have been opened for a test of a place to come out as `holds`: the test waits for who stores it.
    pub(super) fn opened_by_test(
        &self,
        func: FuncId,
        place: &Value,
        wanted: Option<&Value>,
        holds: bool,
    ) -> Option<Keys> {
        if self.is_no_gate(func, place) {
            return None;
        }
        let message = self.message_of_test(func, place, wanted, holds)?;
        Some(opened(&message))
    }

    /// In C no thread waits for another function's local; and of many structs of a type, who waits for one is not let go by another.
    fn is_no_gate(&self, func: FuncId, place: &Value) -> bool {
        matches!(place, Value::Attribute(..) | Value::Local(..)) && self.tree.language(func) == Language::C
    }

    fn message_of_test(
        &self,
        func: FuncId,
        place: &Value,
        wanted: Option<&Value>,
        holds: bool,
    ) -> Option<(FuncId, Keys)> {
        if !self.is_waited_for(func, place) {
            return None;
        }
        let wanted = match wanted {
            Some(value) => Some(self.constant(func, value, 0)?),
            None => None,
        };
        let answer = |constant: &Constant| answer(constant, wanted.as_ref());
        let mut told: Option<Constant> = None;
        let said = self.said(func, place)?;
        for (_, constant) in &said {
            let constant = constant.as_ref()?;
            if answer(constant)? == holds {
                match &told {
                    Some(known) if known != constant => return None,
                    _ => told = Some(constant.clone()),
                }
            }
        }
        // Before anything is stored a variable of C is nought.
        let initial = answer(&Constant::Int(0)).or_else(|| answer(&Constant::Nothing));
        let told = told?;
        let is_set_otherwise = said.iter().any(|(_, constant)| constant.as_ref() != Some(&told));
        match initial == Some(!holds) || is_set_otherwise {
            true => self.message(func, place, &told, &said),
            false => None,
        }
    }

    /// What a store tells those who wait for the variable to change, whoever else stores into it.
    pub(super) fn stored(&self, func: FuncId, target: &Value, value: &Value) -> Option<Keys> {
        self.is_waited_for(func, target).then_some(())?;
        self.constant(func, value, 0)?;
        self.storing(func, target)
    }

    /// What may have been told, by whomever, where a test of a place came out as `holds`: only constants are stored there, and
    /// one of them makes it come out so. `wanted`: what it was compared with, if it was.
    pub(super) fn perhaps_told_by_test(
        &self,
        func: FuncId,
        place: &Value,
        wanted: Option<&Value>,
        holds: bool,
    ) -> Option<Keys> {
        self.is_waited_for(func, place).then_some(())?;
        let wanted = match wanted {
            Some(value) => Some(self.constant(func, value, 0)?),
            None => None,
        };
        let mut answers = false;
        for (_, constant) in self.said(func, place)? {
            answers |= answer(&constant?, wanted.as_ref()) == Some(holds);
        }
        answers.then(|| self.storing(func, place))?
    }

    /// What a store tells those who wait for a number to be nought: it counts it down, and nothing in this function counts it up,
    /// so that whoever waits has not missed the beginning.
    pub(super) fn counted_down(&self, func: FuncId, target: &Value, value: &Value) -> Option<Keys> {
        if !is_less(value) || !self.is_counted(func, target) {
            return None;
        }
        let stores = self.stores_of_place(func, target)?;
        let counts_up = |store: &StoreRef<'_>| store.function == func && !is_less(store.value);
        match stores.iter().any(counts_up) {
            true => None,
            false => self.shared_keys(func, target, Key::Counted),
        }
    }

    /// What has been told by all who counted a number down, where it is nought.
    pub(super) fn counted_out(&self, func: FuncId, count: &Value) -> Option<Keys> {
        self.is_counted(func, count).then_some(())?;
        self.shared_keys(func, count, Key::Counted)
    }

    fn storing(&self, func: FuncId, place: &Value) -> Option<Keys> {
        self.shared_keys(func, place, Key::Stored)
    }

    /// The keys of what others reach as well, each made into another one.
    fn shared_keys(&self, func: FuncId, place: &Value, make: impl Fn(Rc<Key>) -> Key) -> Option<Keys> {
        let is_shared = |key: &Key| matches!(key, Key::Global(..) | Key::Field(..));
        let keys = self.keys(func, place);
        let keys = keys.iter().filter(|key| is_shared(key)).cloned();
        let keys: Keys = keys.map(|key| make(Rc::new(key))).collect();
        (!keys.is_empty()).then_some(keys)
    }

    fn is_counted(&self, func: FuncId, count: &Value) -> bool {
        self.spoken(func, count)
            .is_some_and(|name| self.counted_for.contains(&name))
    }

    fn is_waited_for(&self, func: FuncId, place: &Value) -> bool {
        self.spoken(func, place)
            .is_some_and(|name| self.waited_for.contains(&name))
    }

    /// The function that alone stores a constant into a place, and the queue of the two.
    fn message(&self, func: FuncId, place: &Value, constant: &Constant, said: &[Said]) -> Option<(FuncId, Keys)> {
        let mut tellers = said
            .iter()
            .filter(|(_, stored)| stored.as_ref() == Some(constant))
            .map(|(function, _)| *function);
        let teller = tellers.next()?;
        if tellers.any(|other| other != teller) || self.tree.function(teller).kind == FunctionKind::Module {
            return None;
        }
        let keys = self.keys(func, place);
        let keys = keys.iter().filter(|key| is_variable(key)).cloned();
        let keys: Keys = keys.map(|key| Key::Told(Rc::new(key), constant.clone())).collect();
        (!keys.is_empty()).then_some((teller, keys))
    }

    /// What is stored into a variable or field, all over the tree.
    fn said(&self, func: FuncId, place: &Value) -> Option<Vec<Said>> {
        let stores = self.stores_of_place(func, place)?.into_iter();
        let said = stores.map(|store| (store.function, self.constant(store.function, store.value, 0)));
        Some(said.collect())
    }

    /// All stores into a variable or field; none where it is not known which one it is.
    pub(super) fn stores_of_place(&self, func: FuncId, place: &Value) -> Option<Vec<StoreRef<'_>>> {
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
