//! Whose lock it is, where a lock is a field of a struct of C: `vm->lock` of two objects is two locks.
//!
//! The field alone ([`super::places::Key::Field`]) says which two locks can be the same. What their objects are is followed
//! back from the place of the lock: to variables, calls that make objects, and parameters, which each call on the way says
//! more of. Whatever is not found out counts as the one object that most programs have.

use std::rc::Rc;

use crate::facts::{CallIndex, Language, LocalIndex, Value};
use crate::finding::Confidence;
use crate::knowledge::Role;

use super::objects::Object;
use super::places::{Key, meet};
use super::program::Engine;
use super::summary::{Certainty, Held};
use super::tree::{CallSite, ClassId, FuncId, local_of};
use super::values::Values;

/// How many steps from a name to what it was stored or passed from are followed.
const DEEPEST: u32 = 6;

/// What may be one of more objects is not told from others.
const MOST: usize = 8;

/// How many calls outwards a loop is looked for in which an object is made.
const OUTWARDS: u32 = 3;

/// What an object is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Thing {
    /// A variable that is the object itself.
    Variable(Key),
    /// A variable that is the object, or points to it: nobody is seen to store into it.
    Named(Key),
    /// What the function is handed.
    Parameter(FuncId, LocalIndex),
    /// A struct inside another one.
    Part(ClassId, Rc<str>),
    /// Made by this call, which is outside the tree.
    Made(CallSite),
    /// The same, where a variable or field keeps it.
    Kept(CallSite),
}

/// An object of which a lock may be a part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    thing: Thing,
    /// One of several that are known by this: an element of an array.
    several: bool,
}

impl Owner {
    /// The parameter of a function that it is.
    pub fn parameter_of(&self, function: FuncId) -> Option<LocalIndex> {
        match self.thing {
            Thing::Parameter(owner, index) if owner == function => Some(index),
            _ => None,
        }
    }
}

/// The objects of one of which a lock is a part, sorted; none where they are not known.
pub type Owners = Rc<[Owner]>;

/// Objects that are being found.
#[derive(Default)]
struct Found {
    owners: Vec<Owner>,
    depth: u32,
    several: bool,
    kept: bool,
}

impl Values<'_> {
    /// The objects of which a lock is a part.
    pub(super) fn owners_of_lock(&self, func: FuncId, lock: &Value) -> Owners {
        match lock {
            Value::Attribute(base, _) if self.tree.language(func) == Language::C => self.owners(func, base),
            _ => Owners::default(),
        }
    }

    fn owners(&self, func: FuncId, object: &Value) -> Owners {
        let mut found = Found::default();
        match self.find_owners(func, object, &mut found) {
            true => sorted(found.owners),
            false => Owners::default(),
        }
    }

    /// The owners with what a call hands over for the parameters of the function that it calls.
    pub(super) fn owners_at_call(&self, owners: &Owners, site: CallSite, target: FuncId) -> Owners {
        if !owners.iter().any(|owner| owner.parameter_of(target).is_some()) {
            return Rc::clone(owners);
        }
        let mut found = Vec::new();
        for owner in owners.iter() {
            let Some(index) = owner.parameter_of(target) else {
                found.push(owner.clone());
                continue;
            };
            let Some(argument) = self.bound_argument(site, target, index) else {
                return Owners::default();
            };
            let handed = self.owners(site.0, argument);
            if handed.is_empty() {
                return Owners::default();
            }
            found.extend(handed.iter().map(|handed| Owner {
                several: owner.several || handed.several,
                ..handed.clone()
            }));
        }
        sorted(found)
    }

    /// Finds what a value may be, or point to; false where that is not known.
    fn find_owners(&self, func: FuncId, value: &Value, found: &mut Found) -> bool {
        if found.depth > DEEPEST || found.owners.len() > MOST {
            return false;
        }
        found.depth += 1;
        let (several, kept) = (found.several, found.kept);
        let known = self.find_owners_of(func, value, found);
        (found.several, found.kept) = (several, kept);
        found.depth -= 1;
        known
    }

    fn find_owners_of(&self, func: FuncId, value: &Value, found: &mut Found) -> bool {
        let file = self.tree.file_of(func);
        match value {
            Value::None | Value::Int(_) | Value::Bool(_) => true,
            Value::Global(name) => {
                let stores = self.shared_stores(file, name);
                let pointers = stores
                    .iter()
                    .filter(|store| !is_content(store.value))
                    .collect::<Vec<_>>();
                if pointers.is_empty() {
                    let key = self.global_key(file, name);
                    // A pointer begins with no more than nothing.
                    let is_filled = stores
                        .iter()
                        .any(|store| !matches!(store.value, Value::None | Value::Int(0)));
                    return !self.is_global_handed_out(file, name)
                        && found.add(match is_filled {
                            true => Thing::Variable(key),
                            false => Thing::Named(key),
                        });
                }
                found.kept = true;
                let mut pointers = pointers.into_iter();
                pointers.all(|store| self.find_owners(store.function, store.value, found))
            }
            Value::Local(owner, index) => {
                let owner = self.tree.func(file, *owner);
                let local = local_of(self.tree.function(owner), *index);
                let mut pointers = self.local_stores(owner, *index).iter();
                if local.parameter.is_some() {
                    found.add(Thing::Parameter(owner, *index))
                        && pointers.all(|store| self.find_owners(store.function, store.value, found))
                } else if pointers.clone().all(|store| is_content(store.value)) {
                    let object = Thing::Variable(Key::Local(owner, *index));
                    !self.may_be_left_in(owner, *index) && found.add(object)
                } else {
                    found.kept |= local.kept;
                    let mut pointers = pointers.filter(|store| !is_content(store.value));
                    pointers.all(|store| self.find_owners(store.function, store.value, found))
                }
            }
            Value::Item(array, place) => {
                found.several |= !matches!(**place, Value::Int(_));
                self.find_owners(func, array, found)
            }
            Value::Element(array) => {
                found.several = true;
                self.find_owners(func, array, found)
            }
            Value::Combined(operands) => {
                found.several = true;
                let pointer = operands.first();
                pointer.is_some_and(|pointer| self.find_owners(func, pointer, found))
            }
            Value::OneOf(values) => values.iter().all(|value| self.find_owners(func, value, found)),
            Value::Attribute(base, name) => self.find_owners_of_field(func, (base, name), found),
            Value::Call(owner, call) => {
                let site = (self.tree.func(file, *owner), *call);
                self.find_owners_of_result(site, found)
            }
            _ => false,
        }
    }

    /// Whether a call may leave something in a local: `find(name, &object)`.
    fn may_be_left_in(&self, func: FuncId, index: LocalIndex) -> bool {
        let is_it = |value: &Value| matches!(value, Value::Local(owner, local) if self.closure(func, *owner) == func && *local == index);
        let calls = self.tree.function(func).calls.iter().enumerate();
        let mut handed = calls.filter(|(_, call)| call.args.iter().any(|argument| is_it(&argument.value)));
        self.is_handed_out(func, index)
            || handed.any(|(number, _)| {
                let site = (func, CallIndex(number as u32));
                self.callee(site).as_functions().next().is_none() && self.entries_of_call(site).is_empty()
            })
    }

    fn find_owners_of_field(&self, func: FuncId, (base, name): (&Value, &str), found: &mut Found) -> bool {
        let classes = self.base_of_field(func, base);
        let mut known = !classes.is_empty();
        for class in classes.iter() {
            let Object::Instance(class, _) = class else {
                return false;
            };
            let stores = self.field_stores(*class, name);
            let mut pointers = stores.iter().filter(|store| !is_content(store.value)).peekable();
            if pointers.peek().is_none() {
                let mut around = Found {
                    depth: found.depth,
                    ..Found::default()
                };
                let one = !self.find_owners(func, base, &mut around)
                    || around.owners.iter().all(|owner| !owner.several) && sorted(around.owners).len() <= 1;
                found.several |= !one;
                known &= found.add(Thing::Part(*class, name.into()));
                continue;
            }
            found.kept = true;
            known &= pointers.all(|store| self.find_owners(store.function, store.value, found));
        }
        known
    }

    fn find_owners_of_result(&self, site: CallSite, found: &mut Found) -> bool {
        for id in self.entries_of_call(site) {
            if let Role::Pass { of } = &self.catalog.entry(id).role {
                let passed = self.argument(site, of);
                return !passed.is_empty() && passed.iter().all(|(home, value)| self.find_owners(*home, value, found));
            }
        }
        let callee = self.callee(site);
        let mut functions = callee.as_functions().peekable();
        if functions.peek().is_none() {
            return !callee.is_empty()
                && found.add(match found.kept {
                    true => Thing::Kept(site),
                    false => Thing::Made(site),
                });
        }
        functions.all(|function| {
            let mut inner = Found {
                depth: found.depth,
                kept: found.kept,
                ..Found::default()
            };
            let returned = self.returns_of(function);
            if !returned
                .iter()
                .all(|value| self.find_owners(function, value, &mut inner))
            {
                return false;
            }
            inner.owners.into_iter().all(|owner| {
                let several = found.several;
                found.several |= owner.several;
                let known = match owner.parameter_of(function) {
                    Some(index) => self
                        .bound_argument(site, function, index)
                        .is_some_and(|argument| self.find_owners(site.0, argument, found)),
                    None => found.add(owner.thing),
                };
                found.several = several;
                known
            })
        })
    }
}

impl Found {
    /// Adds an object. True, for the sake of who asks whether all is known.
    fn add(&mut self, thing: Thing) -> bool {
        let owner = Owner {
            thing,
            several: self.several,
        };
        if !self.owners.contains(&owner) {
            self.owners.push(owner);
        }
        true
    }
}

fn sorted(mut owners: Vec<Owner>) -> Owners {
    owners.sort();
    owners.dedup();
    owners.into()
}

/// The objects of one of several locks, of which it is not known which one it is.
pub fn either<'o>(mut all: impl Iterator<Item = &'o Owners>) -> Owners {
    let Some(first) = all.next() else {
        return Owners::default();
    };
    let mut found = Rc::clone(first);
    for owners in all.filter(|owners| *owners != first) {
        if owners.is_empty() || first.is_empty() {
            return Owners::default();
        }
        found = sorted([&*found, &**owners].concat());
    }
    found
}

/// What a store fills an object with, and says nothing of which one it is.
fn is_content(value: &Value) -> bool {
    matches!(
        value,
        Value::None | Value::Int(_) | Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Record(_)
    )
}

/// What two sets of guards have in common.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Common {
    Nothing,
    /// Locks of objects that may be two.
    Perhaps(Certainty),
    Lock,
}

impl Common {
    /// What is doubted where the locks may be two.
    pub(super) fn doubt(self) -> Option<Certainty> {
        match self {
            Common::Perhaps(certainty) => Some(certainty),
            Common::Nothing | Common::Lock => None,
        }
    }
}

/// Whether two objects are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Same {
    No,
    /// Mostly not: there are several of them.
    Rarely,
    Perhaps,
    Yes,
}

impl Engine<'_> {
    /// What two sets of guards have in common, seen from a function in which the ways to them part.
    pub(super) fn common_lock(&mut self, ancestor: FuncId, a: &[Held], b: &[Held]) -> Common {
        let mut found = Common::Nothing;
        for held in a {
            for other in b {
                if !meet(&held.keys, &other.keys) || held.shared && other.shared {
                    continue;
                }
                let confidence = match self.same_owner(ancestor, &held.of, &other.of) {
                    Same::Yes => return Common::Lock,
                    Same::Perhaps => Confidence::Low,
                    Same::Rarely => Confidence::Medium,
                    Same::No => continue,
                };
                if matches!(&found, Common::Perhaps(known) if known.confidence <= confidence) {
                    continue;
                }
                let doubt = format!(
                    "both sides hold the lock `{}`, each of an object of its own, which may be the same one",
                    held.name
                );
                found = Common::Perhaps(Certainty::because(confidence, &doubt));
            }
        }
        found
    }

    fn same_owner(&mut self, ancestor: FuncId, a: &Owners, b: &Owners) -> Same {
        if a.is_empty() || b.is_empty() {
            return Same::Yes;
        }
        let (a, b) = (self.told_owners(a), self.told_owners(b));
        let beside = |owner: &&Owner| {
            let home = match &owner.thing {
                Thing::Variable(Key::Local(home, _)) => *home,
                Thing::Made((home, _)) | Thing::Kept((home, _)) => *home,
                _ => return true,
            };
            self.programs.share_one(ancestor, home)
        };
        let (a, b): (Vec<&Owner>, Vec<&Owner>) = (a.iter().filter(beside).collect(), b.iter().filter(beside).collect());
        if a.is_empty() || b.is_empty() {
            return Same::Yes;
        }
        let all = || a.iter().chain(&b);
        let is_variable = |owner: &&&Owner| matches!(owner.thing, Thing::Variable(_));
        if !a.iter().any(|one| b.iter().any(|other| one.thing == other.thing)) {
            return match all().all(|owner| is_variable(&owner)) {
                true => Same::No,
                false => Same::Perhaps,
            };
        }
        let are_many = all().all(|owner| self.are_several(owner));
        let first = &a[0].thing;
        let is_one = all().all(|owner| owner.thing == *first);
        // Of what one variable keeps there is one at a time.
        let is_kept = all().all(|owner| matches!(owner.thing, Thing::Kept(_)));
        match (is_one || is_kept, are_many) {
            (_, true) => Same::Rarely,
            (true, false) => Same::Yes,
            (false, false) => Same::Perhaps,
        }
    }

    /// There are several objects that are known by the same.
    fn are_several(&self, owner: &Owner) -> bool {
        owner.several || matches!(owner.thing, Thing::Made(site) if self.is_called_often(site, OUTWARDS))
    }

    /// Whether a call stands in a loop, or the function does in which it stands.
    fn is_called_often(&self, site: CallSite, outwards: u32) -> bool {
        self.is_looped(site)
            || outwards > 0 && {
                let callers = self.values.evident_callers(site.0);
                callers
                    .iter()
                    .any(|caller| caller.0 != site.0 && self.is_called_often(*caller, outwards - 1))
            }
    }

    /// The objects, with what all evident callers hand over for parameters. None where some are not known.
    fn told_owners(&mut self, owners: &Owners) -> Owners {
        let is_parameter = |owner: &Owner| matches!(owner.thing, Thing::Parameter(..));
        if !owners.iter().any(is_parameter) {
            return Rc::clone(owners);
        }
        if let Some(known) = self.told_owners.get(owners) {
            return Rc::clone(known);
        }
        let mut told = Rc::clone(owners);
        for _ in 0..DEEPEST {
            if !told.iter().any(is_parameter) {
                break;
            }
            told = self.values.owners_before(&told);
        }
        if told.iter().any(is_parameter) {
            told = Owners::default();
        }
        self.told_owners.insert(Rc::clone(owners), Rc::clone(&told));
        told
    }
}

impl Values<'_> {
    /// The owners one call farther out.
    fn owners_before(&self, owners: &Owners) -> Owners {
        let mut found: Vec<Owner> = Vec::new();
        for owner in owners.iter() {
            let Thing::Parameter(function, index) = owner.thing else {
                found.push(owner.clone());
                continue;
            };
            let passed = self.passed(function, index);
            if passed.is_empty() || passed.len() > 4 * MOST {
                return Owners::default();
            }
            for (home, value) in passed {
                let handed = self.owners(home, value);
                if handed.is_empty() {
                    return Owners::default();
                }
                found.extend(handed.iter().filter(|handed| **handed != *owner).map(|handed| Owner {
                    several: owner.several || handed.several,
                    ..handed.clone()
                }));
            }
        }
        match found.len() > 4 * MOST {
            true => Owners::default(),
            false => sorted(found),
        }
    }
}
