//! Containers of threads that a loop goes on with until they are empty: `while self.running: self.check()`. Where all that is ever
//! taken out of one is a thread that was found to have ended, or the place of one, all of them have ended then.

use crate::facts::{Condition, Event, Language, LocalIndex, Name, Node, Region, RegionKind, StoreKind, Value};
use crate::knowledge::{Idiom, JoinOf, Role};

use super::objects::Object;
use super::places::{Keys, meet};
use super::tree::{CallSite, ClassId, FuncId, StoreRef, each_region};
use super::values::Values;

/// The container of which a test says that there is something in it.
pub(super) fn filled<'v>(values: &'v Values<'_>, func: FuncId, test: &'v Condition) -> Option<&'v Value> {
    let counted = |value: &'v Value| values.counted(func, value);
    match test {
        Condition::Truthy(value) => Some(counted(value).unwrap_or(value)),
        Condition::Less(Value::Int(0), count) => counted(count),
        Condition::Not(inner) => match &**inner {
            Condition::Equal(count, Value::Int(0)) => counted(count),
            Condition::Equal(container, Value::List(items)) if items.is_empty() => Some(container),
            Condition::Equal(container, Value::Map(items)) if items.is_empty() => Some(container),
            Condition::Less(count, Value::Int(1)) => counted(count),
            _ => None,
        },
        _ => None,
    }
}

/// Which container it is, for those who take something out of it.
enum Place<'v> {
    /// This name, in one function.
    Name(FuncId, &'v Value),
    Field(ClassId, &'v Name),
}

/// Where an event stands.
struct Standing<'s, 'r> {
    /// A thread of the container was found to have ended on the way there.
    ended: bool,
    /// The loops around that go through something.
    loops: &'s [&'r Region],
}

impl Values<'_> {
    /// What a value is the length of.
    pub(super) fn counted(&self, func: FuncId, value: &Value) -> Option<&Value> {
        let Value::Call(owner, call) = value else { return None };
        let site = (self.closure(func, *owner), *call);
        let entries = self.entries_of_call(site);
        entries.iter().find_map(|id| match &self.catalog.entry(*id).role {
            Role::Length { of } => self.argument(site, of).first().map(|(_, of)| *of),
            _ => None,
        })
    }

    /// Whether nothing leaves a container than threads that were found to have ended. `region`: the loop that goes on until it is
    /// empty; `threads`: the keys of what is in it.
    pub(super) fn loses_what_ended(&self, func: FuncId, container: &Value, region: &Region, threads: &Keys) -> bool {
        if self.tree.language(func) != Language::Python {
            return false;
        }
        match container {
            Value::Local(..) | Value::Global(_) => {
                let place = Place::Name(func, container);
                self.loses_only_ended(func, region, &place, threads) == Some(true)
            }
            Value::Attribute(base, name) => {
                let objects = self.base_of_field(func, base);
                let [Object::Instance(class, _)] = objects.iter().collect::<Vec<_>>()[..] else {
                    return false;
                };
                self.field_loses_only_ended(func, *class, name, threads)
            }
            _ => false,
        }
    }

    /// As [`Values::loses_what_ended`], of a field: whoever uses it is looked at. A method that begins anew with an empty one (`self.running
    /// = {}`) is taken to be called before, or after. `func`: the function of the loop.
    fn field_loses_only_ended(&self, func: FuncId, class: ClassId, name: &Name, threads: &Keys) -> bool {
        let is_first = |func: FuncId| self.tree.function(func).name == "__init__";
        let begins_anew = |store: &StoreRef<'_>| match store.value {
            Value::List(items) => items.is_empty() && store.function != func,
            Value::Map(items) => items.is_empty() && store.function != func,
            value => matches!(value, Value::Call(..)) && is_first(store.function),
        };
        if !self.field_stores(class, name).iter().all(begins_anew) {
            return false;
        }
        let calls = self.tree.calls_by_receiver.get(name).into_iter().flatten();
        let methods = self.tree.classes[class.0 as usize].methods.values().flatten();
        let mut users: Vec<FuncId> = calls.map(|site| site.0).chain(methods.copied()).collect();
        users.sort_unstable();
        users.dedup();
        let place = Place::Field(class, name);
        let mut loses = false;
        for user in users {
            match self.loses_only_ended(user, &self.tree.function(user).body, &place, threads) {
                Some(true) => loses = true,
                Some(false) => return false,
                None => {}
            }
        }
        loses
    }

    /// Whether all that a stretch of code takes out of a container are threads that were found to have ended; none where it takes out
    /// nothing.
    fn loses_only_ended(&self, func: FuncId, region: &Region, place: &Place<'_>, threads: &Keys) -> Option<bool> {
        let mut found = None;
        let mut visit = |event: &Event, standing: &Standing<'_, '_>| {
            let Some(taken) = self.taken_out(func, event, place) else {
                return;
            };
            let ended = standing.ended
                || taken.is_some_and(|taken| {
                    let mut loops = standing.loops.iter();
                    loops.any(|around| self.goes_through_ended(func, around, taken, threads))
                });
            found = Some(found.unwrap_or(true) && ended);
        };
        self.each_standing(func, &region.nodes, threads, false, &mut Vec::new(), &mut visit);
        found
    }

    /// What an event takes out of a container, or under which key: none in the inner option where that is not said.
    fn taken_out<'v>(&'v self, func: FuncId, event: &'v Event, place: &Place<'_>) -> Option<Option<&'v Value>> {
        match event {
            Event::Call(call) => {
                let call = self.tree.call((func, *call));
                let Value::Attribute(receiver, method) = &call.callee else {
                    return None;
                };
                let takes = self.catalog.tells(Language::Python, method, Idiom::TakesOut)
                    && self.is_container(func, receiver, place);
                takes.then(|| call.args.first().map(|argument| &argument.value))
            }
            Event::Store {
                target: Value::Item(base, key),
                kind: StoreKind::Delete,
                ..
            } => self.is_container(func, base, place).then_some(Some(&**key)),
            Event::Store { target, .. } if matches!(place, Place::Name(..)) => {
                self.is_container(func, target, place).then_some(None)
            }
            _ => None,
        }
    }

    fn is_container(&self, func: FuncId, value: &Value, place: &Place<'_>) -> bool {
        match place {
            Place::Name(home, name) => func == *home && value == *name,
            Place::Field(class, name) => match value {
                Value::Attribute(base, field) if field == *name => {
                    let is_class = |object: &Object| matches!(object, Object::Instance(of, _) if of == class);
                    let objects = self.base_of_field(func, base);
                    objects.is_empty() || objects.iter().any(is_class)
                }
                _ => false,
            },
        }
    }

    /// Whether a loop goes through what was gathered of threads that have ended, and a value is one of that.
    fn goes_through_ended(&self, func: FuncId, around: &Region, taken: &Value, threads: &Keys) -> bool {
        let RegionKind::Loop { over: Some(list), .. } = &around.kind else {
            return false;
        };
        let Value::Local(owner, index) = list else { return false };
        let is_element = |node: &Node| {
            matches!(node, Node::Event(Event::Store { target, value, .. })
                if target == taken && is_in_element(value, list))
        };
        self.closure(func, *owner) == func
            && around.nodes.iter().any(is_element)
            && self.gathers_ended(func, (list, *index), threads)
    }

    /// Whether a list of a function is filled with nothing else than threads that were found to have ended, or their places.
    fn gathers_ended(&self, func: FuncId, (list, index): (&Value, LocalIndex), threads: &Keys) -> bool {
        let body = &self.tree.function(func).body;
        let mut filled = false;
        for store in self.local_stores(func, index) {
            match store.value {
                Value::List(items) if items.is_empty() => {}
                Value::List(items) if store.function == func && self.is_picked_ended(func, body, items, threads) => {
                    filled = true;
                }
                _ => return false,
            }
        }
        let mut only = true;
        let mut visit = |event: &Event, standing: &Standing<'_, '_>| {
            let Event::Call(call) = event else { return };
            let site = (func, *call);
            if matches!(&self.tree.call(site).callee, Value::Attribute(receiver, _) if **receiver == *list)
                && self.inserts(site)
            {
                filled = true;
                only &= standing.ended;
            }
        };
        self.each_standing(func, &body.nodes, threads, false, &mut Vec::new(), &mut visit);
        filled && only
    }

    /// `[t for t in ts if not t.is_alive()]`
    fn is_picked_ended(&self, func: FuncId, body: &Region, items: &[Value], threads: &Keys) -> bool {
        let [item] = items else { return false };
        let mut picked = false;
        each_region(body, &mut |region| {
            let RegionKind::Loop { over: Some(over), .. } = &region.kind else {
                return;
            };
            let goes = |node: &Node| {
                matches!(node, Node::Event(Event::Store { target, value, .. })
                    if target == item && matches!(&**value, Value::Element(of) if of.as_ref() == over))
            };
            if !region.nodes.iter().any(goes) {
                return;
            }
            each_region(region, &mut |arm| {
                if let RegionKind::Arm { test } = &arm.kind {
                    picked |= self.tells_ended(func, test, true, threads);
                }
            });
        });
        picked
    }

    /// Whether a call puts something into what it is called on.
    pub(super) fn inserts(&self, site: CallSite) -> bool {
        let entries = self.entries_of_call(site);
        let is_insert = |role: &Role| matches!(role, Role::Insert { .. });
        entries.iter().any(|id| is_insert(&self.catalog.entry(*id).role))
    }

    /// Goes through code in order, with where each event stands.
    fn each_standing<'r>(
        &self,
        func: FuncId,
        nodes: &'r [Node],
        threads: &Keys,
        mut ended: bool,
        loops: &mut Vec<&'r Region>,
        visit: &mut dyn FnMut(&'r Event, &Standing<'_, 'r>),
    ) {
        for node in nodes {
            match node {
                Node::Event(event) => {
                    visit(event, &Standing { ended, loops });
                    ended |= self.waits_for_one(func, event, threads);
                }
                Node::Region(region) => match &region.kind {
                    RegionKind::Branch { .. } => {
                        let (mut before, mut after) = (ended, ended);
                        for node in &region.nodes {
                            let Node::Region(arm) = node else { continue };
                            let RegionKind::Arm { test } = &arm.kind else { continue };
                            let inside = before || self.tells_ended(func, test, true, threads);
                            self.each_standing(func, &arm.nodes, threads, inside, loops, visit);
                            let otherwise = self.tells_ended(func, test, false, threads);
                            before |= otherwise;
                            after |= otherwise && leaves(&arm.nodes);
                        }
                        ended = after;
                    }
                    RegionKind::Loop { over, .. } => {
                        loops.extend(over.is_some().then_some(&**region));
                        self.each_standing(func, &region.nodes, threads, ended, loops, visit);
                        if over.is_some() {
                            loops.pop();
                        }
                    }
                    _ => self.each_standing(func, &region.nodes, threads, ended, loops, visit),
                },
            }
        }
    }

    /// An event waits for a thread of these, for as long as that takes.
    fn waits_for_one(&self, func: FuncId, event: &Event, threads: &Keys) -> bool {
        let Event::Call(call) = event else { return false };
        let site = (func, *call);
        let is_one = |(home, value): &(FuncId, &Value)| meet(&self.keys(*home, value), threads);
        self.meaning(site)
            .entries
            .iter()
            .any(|id| match &self.catalog.entry(*id).role {
                Role::Join {
                    of: JoinOf::Handle(of),
                    certain: true,
                    ..
                } => self.argument(site, of).iter().any(is_one),
                _ => false,
            })
    }

    /// Whether a test that comes out so says that a thread of these has ended.
    fn tells_ended(&self, func: FuncId, test: &Condition, truth: bool, threads: &Keys) -> bool {
        match test {
            Condition::Not(inner) => self.tells_ended(func, inner, !truth, threads),
            Condition::All(tests) if truth => tests.iter().any(|test| self.tells_ended(func, test, true, threads)),
            Condition::Any(tests) if !truth => tests.iter().any(|test| self.tells_ended(func, test, false, threads)),
            Condition::Truthy(Value::Call(owner, call)) => {
                let site = (self.closure(func, *owner), *call);
                self.says_ended(site, truth, |home, value| meet(&self.keys(home, value), threads))
            }
            _ => false,
        }
    }
}

/// Whether a value is an element of a list, or a part of one: `for name, since in ended`.
fn is_in_element(value: &Value, list: &Value) -> bool {
    match value {
        Value::Element(of) => **of == *list,
        Value::Item(part, _) => is_in_element(part, list),
        _ => false,
    }
}

/// Whether code never goes on behind its end.
fn leaves(nodes: &[Node]) -> bool {
    matches!(
        nodes.last(),
        Some(Node::Event(
            Event::Continue | Event::Break | Event::Return { .. } | Event::Raise { .. }
        ))
    )
}
