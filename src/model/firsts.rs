//! Work that a program does once: `if (initialised) return; setenv(…); initialised = 1;`. A variable marks it as done, somebody asks
//! for the mark, that function or another one sets it, and nobody takes it back. Where the mark is surely set when a thread begins,
//! the thread does not do that work again, and neither does who comes by later. Two that come by before that may both do it. The
//! code of a module of Python's, and what a static `Once` sees to, are such work too.
//!
//! That is said of variables of which a program has one: those of a file, and what C keeps from call to call. Each object has fields
//! of its own, and which object a thread has is not known well enough.
//!
//! Whoever starts a thread only where there is none yet asks for such a place too, a field or not: `if self.thread is None: self.thread =
//! Thread(…)`. Calling that twice starts one thread.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::facts::{Condition, Event, FunctionKind, Language, LocalIndex, Name, Region, RegionKind, Value};

use crate::knowledge::Role;

use super::needs::Constant;
use super::objects::Object;
use super::places::{Key, Keys};
use super::tree::{FileId, FuncId, StoreRef, each_event, each_region, local_of, said_name};
use super::values::Values;

/// A variable into which more is stored than this is no mark.
const MOST_STORES: usize = 8;

/// What marks work as done.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The key by which the work is known.
    pub keys: Keys,
    /// Whether the variable is true once the work is done.
    truth: bool,
}

impl Mark {
    /// Whether the work is done where the variable is found to be true or not.
    pub fn is_set(&self, truth: bool) -> bool {
        truth == self.truth
    }
}

/// The places that outlive a call for which a function asks, and those that it sets, by their names.
#[derive(Debug, Default)]
pub struct Places {
    asked: FxHashSet<Name>,
    set: FxHashSet<Name>,
}

/// The place of which a test asks whether there is something in it, and the answer for which the test holds.
pub fn asked(test: &Condition) -> Option<(&Value, bool)> {
    match test {
        Condition::Truthy(place) => Some((place, true)),
        Condition::Not(inner) => asked(inner).map(|(place, truth)| (place, !truth)),
        Condition::Equal(place, Value::None | Value::Int(0) | Value::Bool(false)) => Some((place, false)),
        _ => None,
    }
}

/// All places that a test may ask for.
fn each_asked<'c>(test: &'c Condition, visit: &mut dyn FnMut(&'c Value)) {
    match test {
        Condition::Not(inner) => each_asked(inner, visit),
        Condition::All(tests) | Condition::Any(tests) => tests.iter().for_each(|test| each_asked(test, visit)),
        other => asked(other).into_iter().for_each(|(place, _)| visit(place)),
    }
}

/// Whether a constant is true.
pub fn truth_of(value: &Value) -> Option<bool> {
    match value {
        Value::None => Some(false),
        Value::Bool(value) => Some(*value),
        Value::Int(value) => Some(*value != 0),
        _ => None,
    }
}

/// What the code of a module is called among the work that is done once: no variable has this name.
const MODULE: &str = "import";

/// Whether keys speak of the code of a module: [`Values::module_mark`].
pub fn is_module_mark(keys: &Keys) -> bool {
    let is_mark =
        |key: &Key| matches!(key, Key::First(of) if matches!(&**of, Key::Global(_, name) if **name == *MODULE));
    keys.iter().any(is_mark)
}

/// The mark of work that a control of a program's own sees to, of which there is one: a static `Once`.
pub fn once_mark(control: &Keys) -> Option<Keys> {
    let statics = control.iter().filter(|key| matches!(key, Key::Global(..)));
    let keys = done_once(statics.cloned());
    (!keys.is_empty()).then_some(keys)
}

/// The mark of what an API does once in a process and keeps under a name.
pub fn kept_mark(name: &str) -> Keys {
    done_once([Key::Outside(name.into())])
}

/// The key of work that is done once, by what says so.
fn done_once(by: impl IntoIterator<Item = Key>) -> Keys {
    by.into_iter().map(|key| Key::First(Rc::new(key))).collect()
}

impl Values<'_> {
    /// The key of a function that runs once, since what it gives is kept: by a decorator of the tree, or as `@lru_cache` does where
    /// it has no parameters.
    pub(super) fn runs_once(&self, func: FuncId) -> Option<Keys> {
        let function = self.tree.function(func);
        if function.attributes.is_empty() {
            return None;
        }
        if self.is_kept_by_own(func) {
            return Some(done_once([
                self.global_key(self.tree.file_of(func), &function.qualified)
            ]));
        }
        if function.parameters().next().is_some() {
            return None;
        }
        let entries = self.attribute_entries(func);
        let is_kept = entries
            .iter()
            .any(|id| matches!(self.catalog.entry(*id).role, Role::Cached));
        let key = self.global_key(self.tree.file_of(func), &function.qualified);
        is_kept.then(|| done_once([key]))
    }

    /// Whether a decorator of the tree calls the function as long as it has not: `if not called: result = f(); called = True`.
    fn is_kept_by_own(&self, func: FuncId) -> bool {
        self.decorators(func)
            .iter()
            .any(|decorator| self.keeps_result(*decorator))
    }

    /// Whether a decorator's wrappers call what it is handed as long as they have not.
    pub(super) fn keeps_result(&self, decorator: FuncId) -> bool {
        let all = |wrappers: &[FuncId], maker: FuncId, index: LocalIndex| {
            !wrappers.is_empty() && wrappers.iter().all(|wrapper| self.calls_once(*wrapper, (maker, index)))
        };
        let own = self.wrappers(decorator);
        if !own.is_empty() {
            return all(&own, decorator, LocalIndex(0));
        }
        // `def decorator(f): return keep(name, f)`
        let handed = Value::Local(self.tree.index_of(decorator).1, LocalIndex(0));
        self.returns_of(decorator).iter().all(|value| {
            let Value::Call(owner, call) = value else { return false };
            let site = (self.closure(decorator, *owner), *call);
            let makers = self.callee(site);
            let [Object::Function(maker)] = makers.iter().collect::<Vec<_>>()[..] else {
                return false;
            };
            let mut parameters = self.tree.function(*maker).parameters();
            let index = parameters.find(|(index, _)| self.bound_argument(site, *maker, *index) == Some(&handed));
            let wrappers: Vec<FuncId> = self
                .wrappers(*maker)
                .into_iter()
                .filter(|made| *made != decorator)
                .collect();
            index.is_some_and(|(index, _)| all(&wrappers, *maker, index))
        }) && !self.returns_of(decorator).is_empty()
    }

    /// Whether a wrapper calls what its decorator was handed only where a variable of the decorator's, which it sets there, says that
    /// it has not done so yet.
    fn calls_once(&self, wrapper: FuncId, (decorator, index): (FuncId, LocalIndex)) -> bool {
        let calls_it = |event: &Event| match event {
            Event::Call(call) => {
                let callee = &self.tree.call((wrapper, *call)).callee;
                self.parameter_of(wrapper, callee) == Some((decorator, index))
            }
            _ => false,
        };
        let count = |region: &Region| {
            let mut calls = 0;
            each_event(region, &mut |event| calls += usize::from(calls_it(event)));
            calls
        };
        let body = &self.tree.function(wrapper).body;
        let mut once = 0;
        each_region(body, &mut |region| {
            if let RegionKind::Arm { test } = &region.kind
                && asked(test).is_some_and(|(place, truth)| self.sets_once(decorator, region, (place, truth)))
            {
                once += count(region);
            }
        });
        once > 0 && once == count(body)
    }

    /// Whether an arm, which is come to where a variable of a decorator's is true or not, alone sets that variable to the other, which
    /// it was not when the decorator ran.
    fn sets_once(&self, decorator: FuncId, arm: &Region, (place, truth): (&Value, bool)) -> bool {
        let Value::Local(owner, index) = place else {
            return false;
        };
        if self.closure(decorator, *owner) != decorator
            || local_of(self.tree.function(decorator), *index).parameter.is_some()
        {
            return false;
        }
        let stores = self.local_stores(decorator, *index);
        let (first, set): (Vec<_>, Vec<_>) = stores.iter().partition(|store| store.function == decorator);
        let mut inside = 0;
        each_event(arm, &mut |event| {
            inside += usize::from(matches!(event, Event::Store { target, .. } if target == place));
        });
        let is = |store: &&StoreRef<'_>| self.truth_once_stored(store.function, store.value);
        let [first] = first.as_slice() else { return false };
        is(first) == Some(truth)
            && !set.is_empty()
            && set.len() == inside
            && set.iter().all(|store| is(store) == Some(!truth))
    }

    /// The key of a module's own code, which runs on the first import alone (Python's reference, "The import system", 5.3.1).
    pub(super) fn module_mark(&self, module: FileId) -> Keys {
        done_once([self.global_key(module, MODULE)])
    }

    /// The mark that a place is which a function asks for or sets.
    pub(super) fn mark(&self, func: FuncId, place: &Value) -> Option<Mark> {
        let is_kept = match place {
            Value::Local(owner, index) => {
                let owner = self.closure(func, *owner);
                owner == func && local_of(self.tree.function(func), *index).kept
            }
            Value::Global(_) => true,
            _ => false,
        };
        let stores = is_kept.then(|| self.stores_of_place(func, place)).flatten()?;
        if stores.len() > MOST_STORES {
            return None;
        }
        let at_top = |store: &&StoreRef<'_>| self.tree.function(store.function).kind == FunctionKind::Module;
        let (mut first, mut own): (Vec<&StoreRef<'_>>, Vec<&StoreRef<'_>>) = stores.iter().partition(at_top);
        let is_local = matches!(place, Value::Local(..));
        let constant = |store: &StoreRef<'_>| self.constant(store.function, store.value, 0);
        // What a static of a function is declared with comes first, and is not what the others store.
        if let (true, [declared, set, ..]) = (is_local, own.as_slice())
            && constant(declared).and_then(|constant| constant.truth())
                != constant(set).and_then(|constant| constant.truth())
        {
            first.push(own.remove(0));
        }
        if own.is_empty() {
            return None;
        }
        let before = match first.as_slice() {
            [] if self.tree.language(func) == Language::C => Constant::Int(0).truth()?,
            [only] => constant(only)?.truth()?,
            _ => return None,
        };
        let after = |store: &StoreRef<'_>| self.truth_once_stored(store.function, store.value);
        let is_mark = own.iter().all(|store| after(store) == Some(!before));
        let key = |key: &Key| matches!(key, Key::Global(..)) || is_local && matches!(key, Key::Local(..));
        let keys = self.keys(func, place);
        let keys = done_once(keys.iter().filter(|found| key(found)).cloned());
        (is_mark && !keys.is_empty()).then_some(Mark { keys, truth: !before })
    }

    /// The marks that a function asks for, with the functions that set each.
    pub(super) fn asked_marks(&self, func: FuncId) -> Vec<(Keys, Vec<FuncId>)> {
        let mut found = Vec::new();
        each_region(&self.tree.function(func).body, &mut |region| {
            let (RegionKind::Arm { test } | RegionKind::Loop { test, .. }) = &region.kind else {
                return;
            };
            each_asked(test, &mut |place| {
                if let Some(mark) = self.mark(func, place) {
                    let stores = self.stores_of_place(func, place).unwrap_or_default();
                    found.push((mark.keys, stores.iter().map(|store| store.function).collect()));
                }
            });
        });
        found
    }

    /// Whether functions that call one another, the last of which starts a thread, ask for a place that they set.
    pub(super) fn ask_for_what_they_set(&self, functions: impl Iterator<Item = FuncId>) -> bool {
        let places: Vec<Rc<Places>> = functions.map(|func| self.places_of(func)).collect();
        let setting: Vec<_> = places.iter().filter(|places| !places.set.is_empty()).collect();
        let is_set = |name: &Name| setting.iter().any(|places| places.set.contains(name));
        places.iter().flat_map(|places| &places.asked).any(is_set)
    }

    fn places_of(&self, func: FuncId) -> Rc<Places> {
        if let Some(known) = self.places.borrow().get(&func) {
            return known.clone();
        }
        let mut found = Places::default();
        let body = &self.tree.function(func).body;
        each_region(body, &mut |region| {
            if let RegionKind::Arm { test } | RegionKind::Loop { test, .. } = &region.kind {
                each_asked(test, &mut |place| found.asked.extend(self.name_of_mark(func, place)));
            }
        });
        each_event(body, &mut |event| {
            if let Event::Store { target, .. } = event {
                found.set.extend(self.name_of_mark(func, target));
            }
        });
        let found = Rc::new(found);
        self.places.borrow_mut().insert(func, found.clone());
        found
    }

    /// By which name a place is known that outlives a call, or that on which a method is called to ask for it.
    fn name_of_mark(&self, func: FuncId, place: &Value) -> Option<Name> {
        match place {
            Value::Call(owner, call) => {
                let site = (self.closure(func, *owner), *call);
                match &self.tree.call(site).callee {
                    Value::Attribute(receiver, _) if !matches!(**receiver, Value::Call(..)) => {
                        self.name_of_mark(func, receiver)
                    }
                    _ => None,
                }
            }
            Value::Local(owner, index) => {
                let owner = self.closure(func, *owner);
                let kept = local_of(self.tree.function(owner), *index).kept;
                (kept || owner != func).then(|| format!("{}:{}", owner.0, index.0).into())
            }
            place => said_name(place),
        }
    }

    /// Whether a variable is true that holds this value. What is computed is taken for something.
    pub(super) fn truth_once_stored(&self, func: FuncId, value: &Value) -> Option<bool> {
        match self.constant(func, value, 0) {
            Some(constant) => constant.truth(),
            None => Some(true),
        }
    }
}
