//! Threads that are found to have ended without anybody having waited for them: by asking whether they are alive, one or all of them,
//! and by a container that is left with those alone that are, until it is empty.

use crate::facts::{Condition, Event, Language, Node, Region, RegionKind, Span, StoreKind, Value};
use crate::knowledge::Role;

use super::emptied::filled;
use super::places::Keys;
use super::summary::{Live, StartId};
use super::tree::{CallSite, FuncId, each_event, each_region};
use super::values::Values;
use super::walk::Walk;

impl<'t> Walk<'_, 't> {
    /// A test came out as `truth`: it may say that a thread has ended. `whole`: it is asked of each thread of its start.
    pub(super) fn found_ended(&mut self, value: &Value, truth: bool, whole: bool, span: Span) {
        let Value::Call(owner, call) = value else { return };
        let site: CallSite = (self.engine.values.closure(self.here, *owner), *call);
        let meaning = self.engine.values.meaning(site);
        for id in &meaning.entries {
            match &self.engine.values.catalog.entry(*id).role {
                Role::Alive { of, done } if *done == truth => {
                    for (home, value) in self.arguments(site, of) {
                        let value = self.latest(home, &value);
                        let keys = self.engine.values.keys(home, &value);
                        match !whole && self.loops > 0 && self.is_single(home, &value) {
                            true => self.join_in_turn(&keys, true, span),
                            false => self.join(&keys, false, whole, span),
                        }
                    }
                }
                Role::Quantifier { of, all } if *all == truth => {
                    for (home, asked) in self.arguments(site, of) {
                        let Value::List(answers) = asked else { continue };
                        for answer in answers.iter() {
                            if self.engine.values.is_asked_of_each(home, answer) {
                                self.found_ended(answer, truth, true, span);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// A loop went on until a container was empty, out of which it took those threads alone that had ended.
    pub(super) fn found_empty(&mut self, test: &Condition, region: &Region) {
        let Some(container) = filled(&self.engine.values, self.here, test).cloned() else {
            return;
        };
        let elements = Value::Element(Box::new(container.clone()));
        let values = &self.engine.values;
        let threads = values.keys(self.here, &elements);
        let keys: Keys = values.keys(self.here, &container).with(&threads);
        if self.engine.starts_meant(&keys, false).is_empty() {
            return;
        }
        let values = &self.engine.values;
        if values.is_left_with_alive(self.here, &container, region)
            || values.loses_what_ended(self.here, &container, region, &threads)
        {
            self.join(&keys, false, true, region.span);
        }
    }

    /// There is one thread of the program, by its own count: the one that asks. `while threading.active_count() > 1: time.sleep(1)`
    pub(super) fn found_alone(&mut self, count: &Value, span: Span) {
        if !self.engine.values.counts_threads(self.here, count) {
            return;
        }
        let alive: Vec<StartId> = self.state.live.keys().copied().collect();
        for start in alive {
            let info = self.engine.start(start);
            // Neither processes nor tasks of a loop are counted.
            if info.process || info.task || info.on_runtime {
                continue;
            }
            self.engine.note_join(start, self.here, span);
            self.end(start, false, self.here, span);
        }
    }

    /// A loop is left before its end: of the threads that it asks one by one whether they are alive, some were not asked.
    pub(super) fn leave_in_between(&mut self) {
        let asked = |live: &Live| live.story.leaving.is_some_and(|leaving| leaving.asked);
        self.state.live.each(asked, |live| {
            let leaving = live.story_mut().leaving.take();
            live.story_mut().weak_join = leaving.map(|leaving| (leaving.function, leaving.span));
        });
    }
}

impl Values<'_> {
    /// Whether the call that a value is stands under no test in the innermost loop around it: `any(t.is_alive() for t in threads)`, and
    /// not `any(t.is_alive() for t in threads if t.name)`.
    fn is_asked_of_each(&self, func: FuncId, asked: &Value) -> bool {
        let Value::Call(owner, call) = asked else { return false };
        let owner = self.closure(func, *owner);
        let is_it = |event: &Event| matches!(event, Event::Call(index) if index == call);
        is_untested(&self.tree.function(owner).body, false, &is_it) == Some(true)
    }

    /// Whether all that a loop does to a container is to leave in it those threads that are alive, or to put in others:
    /// `ts = [t for t in ts if t.is_alive()]`, `done, futures = wait(futures, return_when=FIRST_COMPLETED)`.
    fn is_left_with_alive(&self, func: FuncId, container: &Value, region: &Region) -> bool {
        if self.tree.language(func) != Language::Python || !matches!(container, Value::Local(..) | Value::Global(_)) {
            return false;
        }
        let (mut leaves, mut other) = (false, false);
        each_event(region, &mut |event| match event {
            Event::Store {
                target, value, kind, ..
            } if target == container => {
                match *kind == StoreKind::Assign && self.is_what_is_alive(func, container, value, region) {
                    true => leaves = true,
                    false => other = true,
                }
            }
            // Something is taken out of it, or put into its place.
            Event::Store {
                target: Value::Item(base, _) | Value::Element(base),
                ..
            } if **base == *container => {
                other = true;
            }
            Event::Call(index) => other |= self.may_take_out((func, *index), container),
            _ => {}
        });
        leaves && !other
    }

    /// Whether a call may take something out of a container: a method of it that puts nothing in, or a function of the tree that it is
    /// handed to.
    fn may_take_out(&self, site: CallSite, container: &Value) -> bool {
        let call = self.tree.call(site);
        match &call.callee {
            Value::Attribute(receiver, _) if **receiver == *container => !self.inserts(site),
            _ => call.args.iter().any(|argument| argument.value == *container) && !self.meaning(site).edges.is_empty(),
        }
    }

    /// Whether a value holds those things of a container that have not ended.
    fn is_what_is_alive(&self, func: FuncId, container: &Value, value: &Value, region: &Region) -> bool {
        match value {
            Value::List(elements) => match &**elements {
                [element] => is_what_is_alive_in(self, func, container, element, region),
                _ => false,
            },
            Value::Item(pair, place) if **place == Value::Int(1) => {
                let Value::Call(owner, call) = &**pair else {
                    return false;
                };
                let site = (self.closure(func, *owner), *call);
                self.meaning(site)
                    .entries
                    .iter()
                    .any(|id| match &self.catalog.entry(*id).role {
                        Role::Unfinished { of } => self.argument(site, of).iter().any(|(_, of)| *of == container),
                        _ => false,
                    })
            }
            _ => false,
        }
    }

    /// Whether a value is the number of threads that are alive.
    fn counts_threads(&self, func: FuncId, value: &Value) -> bool {
        let gives = |value: &Value, counted: bool| {
            let Value::Call(owner, call) = value else { return false };
            let site = (self.closure(func, *owner), *call);
            let is_it = |role: &Role| matches!(role, Role::AllThreads { count } if *count == counted);
            self.entries_of_call(site)
                .iter()
                .any(|id| is_it(&self.catalog.entry(*id).role))
        };
        gives(value, true) || self.counted(func, value).is_some_and(|of| gives(of, false))
    }

    /// Whether a test holds of a thread exactly where it is alive.
    fn asks_for_alive(&self, func: FuncId, test: &Condition, thread: &Value, truth: bool) -> bool {
        match test {
            Condition::Not(inner) => self.asks_for_alive(func, inner, thread, !truth),
            Condition::Truthy(Value::Call(owner, call)) => {
                let site = (self.closure(func, *owner), *call);
                self.says_ended(site, !truth, |_, of| of == thread)
            }
            _ => false,
        }
    }

    /// Whether a call asks of a thread whether it has ended, and says so by giving `truth`.
    pub(super) fn says_ended(&self, site: CallSite, truth: bool, is_it: impl Fn(FuncId, &Value) -> bool) -> bool {
        self.meaning(site)
            .entries
            .iter()
            .any(|id| match &self.catalog.entry(*id).role {
                Role::Alive { of, done } => {
                    *done == truth && self.argument(site, of).iter().any(|(home, of)| is_it(*home, of))
                }
                _ => false,
            })
    }
}

/// A comprehension over a container that gives each element which is alive.
fn is_what_is_alive_in(values: &Values<'_>, func: FuncId, container: &Value, element: &Value, region: &Region) -> bool {
    let mut found = false;
    each_region(region, &mut |region| {
        let RegionKind::Loop { over: Some(over), .. } = &region.kind else {
            return;
        };
        let is_element = |event: &Event| {
            let Event::Store { target, value, .. } = event else {
                return false;
            };
            target == element && matches!(&**value, Value::Element(base) if **base == *container)
        };
        let goes_through = region
            .nodes
            .iter()
            .any(|node| matches!(node, Node::Event(event) if is_element(event)));
        if over != container || !goes_through {
            return;
        }
        each_region(region, &mut |arm| {
            if let RegionKind::Arm { test } = &arm.kind {
                found |= values.asks_for_alive(func, test, element, true);
            }
        });
    });
    found
}

/// Whether an event stands under no test in the innermost loop around it; none where it is not found.
fn is_untested(region: &Region, tested: bool, is_it: &impl Fn(&Event) -> bool) -> Option<bool> {
    let tested = match &region.kind {
        RegionKind::Loop { .. } => false,
        RegionKind::Arm { .. } => true,
        _ => tested,
    };
    region.nodes.iter().find_map(|node| match node {
        Node::Event(event) => is_it(event).then_some(!tested),
        Node::Region(inner) => is_untested(inner, tested, is_it),
    })
}
