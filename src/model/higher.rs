//! Functions that call, or start a thread on, what they are handed: inferred, never listed.
//!
//! Such a function means something else at every call, so that its code is walked anew where it is called, with its
//! parameter bound to what is handed over there. What is said here of a parameter holds for closures inside the function
//! too.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{CallIndex, Event, Language, LocalIndex, ParameterKind, Value};
use crate::knowledge::{ArgumentRef, Role};

use super::objects::Object;
use super::tree::{CallSite, FuncId, each_event, local_of};
use super::values::Values;

/// How often what is known of callees is carried on to their callers.
const ROUNDS: usize = 4;

/// Through so many moves and wrappers a value is followed back.
const MOST_MOVES: usize = 4;

/// How many calls may lie between the function that stores what a thread calls and the one that starts the thread.
const MOST_CARRIERS: usize = 3;

/// How many functions are looked at for that.
const MOST_SEEN: usize = 256;

/// Parameters that are called, by function.
#[derive(Default)]
pub struct Higher {
    called: BTreeMap<FuncId, Vec<LocalIndex>>,
    /// Those on which threads are started, or that may be.
    started: BTreeSet<(FuncId, LocalIndex)>,
    /// Those that are threads themselves, which the function starts: `def add(thread): thread.start()`.
    threads: BTreeSet<(FuncId, LocalIndex)>,
    /// Those whose methods a thread calls that the function, or one to which it hands them on, starts: what stands behind a trait
    /// decides what the thread does.
    objects: BTreeSet<(FuncId, LocalIndex)>,
    /// Where a function stores a parameter into a struct and has another one start the thread that calls it: the functions through
    /// which it comes to that start.
    carriers: BTreeMap<(FuncId, LocalIndex), BTreeSet<FuncId>>,
}

impl Higher {
    /// Whether a function, called with this parameter in force, starts a thread that calls what the parameter was stored into.
    pub fn is_carried(&self, owner: FuncId, index: LocalIndex, through: FuncId) -> bool {
        let carriers = self.carriers.get(&(owner, index));
        carriers.is_some_and(|carriers| carriers.contains(&through))
    }

    /// The parameters that a function calls, or starts threads on.
    pub fn called(&self, func: FuncId) -> &[LocalIndex] {
        self.called.get(&func).map_or(&[], Vec::as_slice)
    }

    /// Whether a thread may be started on a parameter.
    pub fn is_started(&self, func: FuncId, index: LocalIndex) -> bool {
        self.started.contains(&(func, index))
    }

    /// Whether a parameter is a thread that the function starts.
    pub fn is_thread(&self, func: FuncId, index: LocalIndex) -> bool {
        self.threads.contains(&(func, index))
    }

    /// The parameters of a function on whose types it depends what threads do.
    pub fn objects(&self, func: FuncId) -> impl Iterator<Item = LocalIndex> {
        let all = (func, LocalIndex(0))..=(func, LocalIndex(u32::MAX));
        self.objects.range(all).map(|(_, index)| *index)
    }

    fn note(&mut self, owner: FuncId, index: LocalIndex, started: bool) {
        let known = self.called.entry(owner).or_default();
        if !known.contains(&index) {
            known.push(index);
        }
        if started {
            self.started.insert((owner, index));
        }
    }

    fn size(&self) -> usize {
        let called = self.called.values().map(Vec::len).sum::<usize>();
        let carriers = self.carriers.values().map(BTreeSet::len).sum::<usize>();
        called + self.started.len() + self.threads.len() + self.objects.len() + carriers
    }
}

/// A parameter that stands for one argument.
pub(super) fn is_named_parameter(kind: ParameterKind) -> bool {
    matches!(kind, ParameterKind::Normal | ParameterKind::KeywordOnly)
}

/// A parameter that stands for certain functions while code is walked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Binding {
    pub owner: FuncId,
    pub index: LocalIndex,
    pub targets: Vec<FuncId>,
    /// A thread that is handed over: where it is made.
    pub made: Vec<CallSite>,
    /// A decorated function: the decorators that are still around it.
    pub outer: Vec<FuncId>,
    /// The functions are meant as they were handed to a decorator, without what it makes of them.
    pub is_bare: bool,
}

impl Binding {
    /// An object: the calls on the way say what it is.
    pub(super) fn object(owner: FuncId, index: LocalIndex) -> Binding {
        Binding {
            owner,
            index,
            targets: Vec::new(),
            made: Vec::new(),
            outer: Vec::new(),
            is_bare: false,
        }
    }

    /// Whether what is bound is neither a function nor a thread.
    pub(super) fn is_object(&self) -> bool {
        self.targets.is_empty() && self.made.is_empty()
    }

    /// What a decorator is handed, with the decorators that have been around it before.
    pub(super) fn decorated(decorator: FuncId, target: FuncId, outer: &[FuncId]) -> Binding {
        Binding {
            owner: decorator,
            index: LocalIndex(0),
            targets: vec![target],
            made: Vec::new(),
            outer: outer.to_vec(),
            is_bare: true,
        }
    }
}

impl<'t> Values<'t> {
    /// The parameters that are called, directly or through other functions of the tree.
    pub(super) fn higher(&self) -> Higher {
        let mut found = Higher::default();
        let is_awaiting =
            |func: &FuncId| self.tree.function(*func).is_async && self.tree.language(*func) == Language::Python;
        for func in self.tree.functions().filter(is_awaiting) {
            self.note_awaited(func, &mut found);
        }
        for _ in 0..ROUNDS {
            let before = found.size();
            for func in self.tree.functions() {
                for index in 0..self.tree.function(func).calls.len() {
                    self.look_at_call((func, CallIndex(index as u32)), &mut found);
                }
            }
            if found.size() == before {
                break;
            }
        }
        found
    }

    fn look_at_call(&self, site: CallSite, found: &mut Higher) {
        let call = self.tree.call(site);
        if let Some((owner, index)) = self.parameter_of(site.0, &call.callee) {
            found.note(owner, index, false);
        }
        if let Value::Attribute(receiver, method) = &call.callee
            && self.starting_methods.contains(method.as_str())
            && let Some((owner, index)) = self.parameter_of(site.0, receiver)
            && !self.started(site).is_empty()
        {
            found.note(owner, index, true);
            found.threads.insert((owner, index));
        }
        // A parameter that travels to the thread in a struct: what the thread calls is what was handed over here.
        for (owner, index) in self.parameters_in_slot(site) {
            if self.starts_threads(owner) {
                found.note(owner, index, true);
            }
        }
        for id in &self.meaning(site).entries {
            let role = &self.catalog.entry(*id).role;
            let (Role::Start { entry, .. } | Role::CallsNow { entry, .. }) = role else {
                continue;
            };
            for (home, value) in self.entry_values(site, entry) {
                if let Some((owner, index)) = self.parameter_of(home, value) {
                    found.note(owner, index, matches!(role, Role::Start { .. }));
                } else if matches!(role, Role::Start { .. }) {
                    self.note_launch(home, value, site.0, found);
                    self.note_objects(home, value, found);
                }
            }
        }
        for rest in self.thread_of_rests(site) {
            if let Some((owner, index)) = self.rest_of(site.0, rest) {
                found.note(owner, index, true);
            }
        }
        for edge in &self.meaning(site).edges {
            for index in found.objects(edge.target).collect::<Vec<_>>() {
                let handed = self.bound_argument(site, edge.target, index);
                found
                    .objects
                    .extend(handed.and_then(|value| self.parameter_of(site.0, value)));
            }
            for index in found.called(edge.target).to_vec() {
                let started = found.is_started(edge.target, index);
                for value in self.handed_for(site, edge.target, index) {
                    if let Some((owner, own)) = self.parameter_or_rest(site.0, value) {
                        found.note(owner, own, started);
                        if found.is_thread(edge.target, index) {
                            found.threads.insert((owner, own));
                        }
                    } else if started {
                        self.note_launch(site.0, value, site.0, found);
                    }
                }
            }
        }
    }

    /// A closure of Rust's, on which a thread is started, calls a method of what the function around it was handed, which may be
    /// that of several types.
    fn note_objects(&self, home: FuncId, entry: &Value, found: &mut Higher) {
        if self.tree.language(home) != Language::Rust {
            return;
        }
        for closure in self.functions_of(home, entry) {
            for (index, call) in self.tree.function(closure).calls.iter().enumerate() {
                let Value::Attribute(base, _) = &call.callee else {
                    continue;
                };
                if let Some(parameter) = self.captured_parameter(closure, base)
                    && self.meaning((closure, CallIndex(index as u32))).edges.len() > 1
                {
                    found.objects.insert(parameter);
                }
            }
        }
    }

    /// A coroutine waits for what it was handed, which is often a coroutine itself, and runs there.
    fn note_awaited(&self, func: FuncId, found: &mut Higher) {
        each_event(&self.tree.function(func).body, &mut |event| {
            if let Event::Await { value, .. } = event
                && let Some((owner, index)) = self.parameter_of(func, value)
            {
                found.note(owner, index, false);
            }
        });
    }

    /// A function starts a thread that calls what callers of the function were handed and stored: `t->work = work; launch(t);`, where
    /// `launch` starts what calls `t->work()`.
    fn note_launch(&self, home: FuncId, entry: &Value, starter: FuncId, found: &mut Higher) {
        if self.tree.language(starter) != Language::C {
            return;
        }
        for function in self.functions_of(home, entry) {
            for (owner, index) in self.slots_of(function) {
                for way in self.ways_of_object(owner, index, starter) {
                    found.note(owner, index, true);
                    let through = way.iter().skip(1).map(|site| site.0).chain([starter]);
                    found.carriers.entry((owner, index)).or_default().extend(through);
                }
            }
        }
    }

    /// The calls by which a function comes to another one with the object into which it stores a parameter, each way with its first
    /// call first.
    pub(super) fn ways_of_object(&self, owner: FuncId, index: LocalIndex, to: FuncId) -> Vec<Vec<CallSite>> {
        let mut ways = Vec::new();
        if owner == to {
            return ways;
        }
        let mut objects: Vec<&Value> = Vec::new();
        each_event(&self.tree.function(owner).body, &mut |event| {
            if let Event::Store { target, value, .. } = event
                && matches!(target, Value::Attribute(..))
                && self.parameter_of(owner, value) == Some((owner, index))
            {
                objects.push(self.holder(owner, target));
            }
        });
        if !objects.is_empty() {
            ways = self.ways_to(owner, to);
            ways.retain(|way| {
                let mut handed = way.iter().take(1).flat_map(|site| &self.tree.call(*site).args);
                handed.any(|argument| objects.contains(&self.holder(owner, &argument.value)))
            });
        }
        ways
    }

    fn ways_to(&self, from: FuncId, to: FuncId) -> Vec<Vec<CallSite>> {
        let mut found = Vec::new();
        let mut open: Vec<(FuncId, Vec<CallSite>)> = vec![(to, Vec::new())];
        let mut seen = vec![to];
        while let Some((function, below)) = open.pop() {
            for caller in self.evident_callers(function).iter() {
                let way: Vec<CallSite> = std::iter::once(*caller).chain(below.iter().copied()).collect();
                if caller.0 == from {
                    found.push(way);
                } else if way.len() < MOST_CARRIERS && seen.len() < MOST_SEEN && !seen.contains(&caller.0) {
                    seen.push(caller.0);
                    open.push((caller.0, way));
                }
            }
        }
        found
    }

    /// The parameters that are stored into the field through which a call goes: `task->work = work` and `task->work()`.
    pub(super) fn parameters_in_slot(&self, site: CallSite) -> Vec<(FuncId, LocalIndex)> {
        let mut found = Vec::new();
        for (home, value) in self.slots_called(site) {
            let Value::Attribute(base, name) = value else { continue };
            for object in self.base_of_field(home, base).iter() {
                if let Object::Instance(class, _) | Object::Class(class) = object {
                    let stores = self.field_stores(*class, name);
                    found.extend(
                        stores
                            .iter()
                            .filter_map(|store| self.parameter_of(store.function, store.value)),
                    );
                }
            }
        }
        found
    }

    /// The field that a call goes through, itself or by way of a local.
    fn slots_called(&self, site: CallSite) -> Vec<(FuncId, &Value)> {
        let callee = &self.tree.call(site).callee;
        match callee {
            Value::Attribute(..) if self.tree.language(site.0) == Language::C => vec![(site.0, callee)],
            Value::Local(..) if self.tree.language(site.0) == Language::C => self.sources(site.0, callee),
            _ => Vec::new(),
        }
    }

    fn starts_threads(&self, func: FuncId) -> bool {
        (0..self.tree.function(func).calls.len()).any(|index| {
            let meaning = self.meaning((func, CallIndex(index as u32)));
            let mut roles = meaning.entries.iter().map(|id| &self.catalog.entry(*id).role);
            roles.any(|role| matches!(role, Role::Start { .. }))
        })
    }

    /// The parameters that were stored into what a function calls.
    pub(super) fn slots_of(&self, func: FuncId) -> impl Iterator<Item = (FuncId, LocalIndex)> {
        let calls = 0..self.tree.function(func).calls.len();
        calls.flat_map(move |call| self.parameters_in_slot((func, CallIndex(call as u32))))
    }

    /// Whether a function calls what a parameter of another was stored into.
    pub(super) fn calls_slot_of(&self, func: FuncId, owner: FuncId, index: LocalIndex) -> bool {
        self.slots_of(func).any(|slot| slot == (owner, index))
    }

    /// The calls that may have made the closure which a call calls, by calling the function around it: `make(work)` of
    /// `go = make(work)` and `go()`.
    pub(super) fn closure_makers(&self, site: CallSite, around: FuncId) -> Vec<CallSite> {
        let callee = &self.tree.call(site).callee;
        let kept = self.sources(site.0, callee);
        let made = kept
            .into_iter()
            .chain([(site.0, callee)])
            .filter_map(|(home, value)| match value {
                Value::Call(owner, call) => Some((self.closure(home, *owner), *call)),
                _ => None,
            });
        made.filter(|maker| self.callee(*maker).contains(&Object::Function(around)))
            .collect()
    }

    /// The parameter that a value is, of this function or of one around it.
    pub(super) fn parameter_of(&self, func: FuncId, value: &Value) -> Option<(FuncId, LocalIndex)> {
        self.parameter_where(func, value, is_named_parameter)
    }

    /// The parameter of such a kind that a value is, of this function or of one around it.
    pub(super) fn parameter_where(
        &self,
        func: FuncId,
        value: &Value,
        is_one: impl Fn(ParameterKind) -> bool,
    ) -> Option<(FuncId, LocalIndex)> {
        let (home, value) = self.before_moves(func, value);
        let Value::Local(owner, index) = value else { return None };
        let owner = self.closure(home, *owner);
        let kind = local_of(self.tree.function(owner), *index).parameter;
        kind.is_some_and(is_one).then_some((owner, *index))
    }

    /// Where a value of Rust's comes from that was only moved and wrapped since: `future` of `let pinned = Box::pin(future);` for `pinned`.
    pub(super) fn before_moves<'v>(&self, func: FuncId, value: &'v Value) -> (FuncId, &'v Value)
    where
        't: 'v,
    {
        let (mut home, mut value) = (func, value);
        for _ in 0..MOST_MOVES {
            let next = match value {
                _ if self.tree.language(home) != Language::Rust => None,
                Value::Local(owner, index) => {
                    let owner = self.closure(home, *owner);
                    let local = local_of(self.tree.function(owner), *index);
                    match self.local_stores(owner, *index) {
                        [only] if local.fixed && local.parameter.is_none() => Some((only.function, only.value)),
                        _ => None,
                    }
                }
                Value::Call(owner, call) => self.wrapped_by((self.closure(home, *owner), *call)),
                _ => None,
            };
            match next {
                Some(next) => (home, value) = next,
                None => break,
            }
        }
        (home, value)
    }

    /// What a call gives back as it is, or wrapped, by the catalog.
    fn wrapped_by(&self, site: CallSite) -> Option<(FuncId, &'t Value)> {
        let entries = self.entries_of_call(site).into_iter();
        let mut passed = entries.filter_map(|id| match &self.catalog.entry(id).role {
            Role::Pass {
                of: of @ ArgumentRef::Of { .. },
            } => Some(self.argument(site, of)),
            _ => None,
        });
        passed.next().filter(|values| values.len() == 1).map(|values| values[0])
    }

    /// The parameter that a value is, or the one that gathers what it holds.
    pub(super) fn parameter_or_rest(&self, func: FuncId, value: &Value) -> Option<(FuncId, LocalIndex)> {
        self.parameter_of(func, value).or_else(|| self.rest_of(func, value))
    }

    /// Where what a value may be is made.
    pub(super) fn made_at(&self, func: FuncId, value: &Value) -> Vec<CallSite> {
        let mut found = Vec::new();
        for object in self.eval(func, value).iter() {
            if let Object::Result(_, Some(made)) | Object::Instance(_, Some(made)) = object
                && !found.contains(made)
            {
                found.push(*made);
            }
        }
        found
    }

    /// The functions that a value may be, whoever hands it over.
    pub(super) fn functions_of(&self, func: FuncId, value: &Value) -> Vec<FuncId> {
        let mut found = Vec::new();
        for object in self.eval(func, value).iter() {
            self.entry_functions(object, None, &mut found);
        }
        found
    }

    /// The functions that threads and unknown code are handed together with this one, as its arguments.
    pub(super) fn handed_with(&self, func: FuncId, index: LocalIndex) -> Vec<FuncId> {
        let mut found = Vec::new();
        for (home, value) in self.handed_values(func, index) {
            for object in self.eval(home, value).iter() {
                self.entry_functions(object, None, &mut found);
            }
        }
        found
    }

    /// The value that stands for a start's entry.
    pub(super) fn entry_value(&self, created: CallSite) -> Option<(FuncId, &Value)> {
        self.meaning(created)
            .entries
            .iter()
            .find_map(|id| match &self.catalog.entry(*id).role {
                Role::Start {
                    entry: ArgumentRef::Result,
                    ..
                } => None,
                Role::Start { entry, .. } => self.entry_values(created, entry).into_iter().next(),
                _ => None,
            })
    }
}
