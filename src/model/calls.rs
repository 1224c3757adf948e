//! What calls do to the state: which functions of the tree are entered, and what happens there is seen from where they are called.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::facts::{FunctionKind, Language, LocalIndex, Span, Value};
use crate::finding::Confidence;
use crate::knowledge::Shape;

use super::around::{Around, Holding};
use super::budget::Cut;
use super::crowd::Crowd;
use super::dispatch::Dispatch;
use super::handed_on::Called;
use super::higher::Binding;
use super::lent;
use super::named::VariableId;
use super::needs::{Need, Seen};
use super::objects::Object;
use super::places::{Key, Keys, add_new, is_first, meet};
use super::program::SummaryKey;
use super::sites::{AccessKind, SiteId};
use super::state::{PathEnd, State};
use super::summary::{Access, Begun, Certainty, Chain, ChainStep, Held, Live, StartId, Summary};
use super::tree::{CallSite, FuncId};
use super::walk::Walk;

/// How many functions are walked in place for one function, all depths together: adaptors that call what they are handed,
/// each in many kinds, would else multiply.
const MOST_INLINES: u32 = 512;

/// Of a value that may be more functions than this it is not known what it is: nothing is said of code that is handed one of them.
const MOST_HANDED: usize = 32;

/// Of which parameters a call is asked what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rebound {
    All,
    /// A decorator's wrapper stands where the function is called: what the two have in common is what it gathers and hands on.
    WhatIsGathered,
}

impl<'t> Walk<'_, 't> {
    /// One call expression.
    pub(super) fn call(&mut self, site: CallSite) {
        let span = self.engine.values.tree.call(site).span;
        if let Some(targets) = self.called_parameter(site) {
            let targets: Vec<_> = targets.into_iter().map(|target| (target, Certainty::SURE)).collect();
            return self.one_of(&targets, Some(site), span);
        }
        let meaning = self.engine.values.meaning(site);
        self.start_threads(site);
        self.tell_framework(site, span);
        self.roles(site, &meaning.entries, span);
        for channel in self.engine.values.lent_by_call(site, &meaning) {
            self.lend(&channel);
        }
        if self.state.dead {
            return;
        }
        let meant = self.meant_here(site);
        let targets: Vec<_> = meaning
            .edges
            .iter()
            .filter(|edge| meant.as_ref().is_none_or(|meant| meant.contains(&edge.target)))
            .filter(|edge| !self.engine.values.tree.function(edge.target).is_async)
            .filter(|edge| !self.engine.waits_for_block(site, edge.target))
            .filter(|edge| self.engine.programs.share_one(self.key.function, edge.target))
            .map(|edge| (edge.target, edge.certainty.clone()))
            .collect();
        self.one_of(&targets, Some(site), span);
        if let Some(ty) = &meaning.escaped {
            self.through_pointer(ty, span);
        }
        if meaning.unknown {
            self.unknown_call(site, span);
        }
    }

    /// A call of a parameter: of what is bound to it, or, where the function is not walked for a certain call, of what
    /// threads and unknown code hand it. Its evident callers walk it themselves.
    pub(super) fn called_parameter(&self, site: CallSite) -> Option<Vec<FuncId>> {
        if let Some(bound) = self.bound_callee(site) {
            return Some(bound);
        }
        let callee = &self.engine.values.tree.call(site).callee;
        let (owner, index) = self.engine.values.parameter_of(site.0, callee)?;
        let handed = self.engine.values.handed_with(owner, index);
        // Nobody is known to pass a function: what is left is the pointer's type.
        let only_typed = handed.is_empty() && self.engine.values.meaning(site).escaped.is_some();
        (!only_typed).then_some(handed)
    }

    /// What a call calls that is bound to a parameter, or to one that was stored into the field that is called.
    pub(super) fn bound_callee(&self, site: CallSite) -> Option<Vec<FuncId>> {
        if self.bindings.is_empty() {
            return None;
        }
        let slots = self.engine.values.parameters_in_slot(site);
        let mut bound = self.bindings.iter().rev();
        if let Some(binding) = bound.find(|bound| slots.contains(&(bound.owner, bound.index))) {
            return Some(binding.targets.clone());
        }
        let callee = &self.engine.values.tree.call(site).callee;
        let (owner, index) = self.engine.values.parameter_of(site.0, callee)?;
        self.bound_to(owner, index).cloned()
    }

    /// What a call means that calls a local which holds a parameter that is bound here, or something else: `work` and what `other` may
    /// be of `f = work if ready else other` and `f()`.
    fn meant_here(&self, site: CallSite) -> Option<Vec<FuncId>> {
        let values = &self.engine.values;
        let callee = &values.tree.call(site).callee;
        if self.bindings.is_empty() || !matches!(callee, Value::Local(..)) {
            return None;
        }
        let stored = values.sources(site.0, callee).into_iter();
        let sources: Vec<(FuncId, &Value)> = stored
            .flat_map(|(home, value)| match value {
                Value::OneOf(values) => values.iter().map(|value| (home, value)).collect(),
                value => vec![(home, value)],
            })
            .collect();
        if !sources.iter().any(|(home, value)| self.is_bound(*home, value)) {
            return None;
        }
        let mut meant = Vec::new();
        for (home, value) in sources {
            match self.binding_of_value(home, value) {
                Some(bound) => add_new(&mut meant, &bound.targets),
                None => add_new(&mut meant, &values.functions_of(home, value)),
            }
        }
        Some(meant)
    }

    /// Runs one of several functions here.
    pub(super) fn one_of(&mut self, targets: &[(FuncId, Certainty)], site: Option<CallSite>, span: Span) {
        let sure = targets
            .iter()
            .all(|(_, certainty)| certainty.confidence == Confidence::High);
        let before = match targets {
            [] => return,
            [(only, certainty)] if sure => return self.invoke(*only, site, span, certainty),
            _ => self.state.clone(),
        };
        let mut ends = Vec::new();
        let mut dispatch = Dispatch::default();
        let own = site.filter(|site| site.0 == self.key.function && self.here == self.key.function);
        for (target, certainty) in targets {
            self.state = before.clone();
            if self.is_quiet(*target, site) {
                // A pointer may mean hundreds of functions, most of which have nothing to do with all this.
                self.engine.called_by(*target, self.key.function);
                if !dispatch.add_quiet(*target, ends.len()) {
                    continue;
                }
            } else {
                let needs = self.needs.len();
                let begins = self.engine.is_entry(self.key.function);
                if let Some(site) = own {
                    self.needs
                        .extend(self.engine.values.target_needs(site, *target, begins));
                }
                self.invoke(*target, site, span, certainty);
                self.needs.truncate(needs);
                dispatch.add(*target, ends.len());
            }
            ends.push(PathEnd::plain(std::mem::take(&mut self.state)));
        }
        if let Some(site) = own {
            dispatch.settle(&self.engine.values, site, &before, &mut ends);
        }
        self.state = match self.are_alternatives(targets) {
            true => State::merge_alternatives(&before, ends),
            false => State::merge(&before, ends),
        };
        // A function that is found through a pointer may end the process; whatever else the pointer holds does not.
        if self.state.dead && !sure {
            self.state = before;
        }
    }

    /// Does here what `run` does for one of these, or nothing at all.
    pub(super) fn one_or_none<T>(&mut self, all: impl IntoIterator<Item = T>, mut run: impl FnMut(&mut Self, T)) {
        let before = self.state.clone();
        let mut ends = Vec::new();
        for one in all {
            self.state = before.clone();
            run(self, one);
            ends.push(PathEnd::plain(std::mem::take(&mut self.state)));
        }
        if !ends.is_empty() {
            ends.push(PathEnd::plain(before.clone()));
            self.state = State::merge(&before, ends);
        }
    }

    /// Calling the function here changes nothing.
    fn is_quiet(&mut self, target: FuncId, site: Option<CallSite>) -> bool {
        let plain = !self.engine.has_decorators(target)
            && !self.is_captured(target)
            && !self.bindings.iter().any(|bound| bound.targets.contains(&target))
            && site.is_none_or(|site| self.bind_all(site, target).is_empty());
        plain
            && self
                .engine
                .summary(SummaryKey {
                    function: target,
                    main: false,
                })
                .does_nothing()
    }

    /// Several definitions of one C function, of which a build has one: `#ifdef POSIX … #else … #endif`.
    fn are_alternatives(&self, targets: &[(FuncId, Certainty)]) -> bool {
        let tree = self.engine.values.tree;
        let Some(((first, _), rest)) = targets.split_first() else {
            return false;
        };
        let name = &tree.function(*first).name;
        tree.language(*first) == Language::C && rest.iter().all(|(target, _)| tree.function(*target).name == *name)
    }

    /// Runs a function here, through the wrappers of its decorators.
    pub(super) fn invoke(&mut self, target: FuncId, site: Option<CallSite>, span: Span, certainty: &Certainty) {
        if let Some(binding) = self.bindings.iter().rev().find(|bound| bound.targets.contains(&target)) {
            // The wrapped function itself, through what is left of its decorators.
            let outer = binding.outer.clone();
            return self.decorated(target, &outer, site, span, certainty);
        }
        // The wrappers of what does not act do not act either.
        let decorators = if self.engine.has_decorators(target) && self.engine.acts(target) {
            self.engine.values.decorators(target)
        } else {
            Vec::new()
        };
        self.decorated(target, &decorators, site, span, certainty);
    }

    fn decorated(
        &mut self,
        target: FuncId,
        decorators: &[FuncId],
        site: Option<CallSite>,
        span: Span,
        certainty: &Certainty,
    ) {
        let Some((outermost, rest)) = decorators.split_first() else {
            return match site.map(|site| (site, self.bind_all(site, target))) {
                Some((site, bound)) if !bound.is_empty() || self.is_carried(target) => {
                    self.enter_bound(site, target, bound, span, certainty)
                }
                _ => self.enter_from(site, target, Vec::new(), (span, "calls"), certainty),
            };
        };
        let wrappers = self.engine.values.wrappers(*outermost);
        if wrappers.is_empty() {
            return self.decorated(target, rest, site, span, certainty);
        }
        let before = self.state.clone();
        let mut ends = Vec::new();
        for wrapper in wrappers {
            self.state = before.clone();
            let bound = Binding::decorated(*outermost, target, rest);
            let note = "calls, through its decorator,";
            let captured = self.is_captured(wrapper) || self.is_captured(target);
            if captured && self.may_inline(*outermost) {
                self.bindings.push(bound);
                self.inline(wrapper, span, note);
                self.bindings.pop();
            } else {
                let mut summary = self.engine.bound_summary(wrapper, vec![bound]);
                if let Some(site) = site
                    && summary.speaks_of_parameters
                {
                    summary = Rc::new(self.rebound(&summary, site, wrapper, Rebound::WhatIsGathered));
                }
                let step = self.step(span, format!("{note} {}", self.engine.values.tree.display(wrapper)));
                self.apply(&summary, step, certainty);
            }
            ends.push(PathEnd::plain(std::mem::take(&mut self.state)));
        }
        self.state = State::merge(&before, ends);
        // Where it did not run now, it has.
        if self.engine.values.keeps_result(*outermost)
            && let Some(mark) = self.engine.values.runs_once(target)
        {
            self.state.done.insert(mark);
        }
    }

    /// Runs a function for what this call hands over.
    fn enter_bound(&mut self, site: CallSite, target: FuncId, bound: Vec<Binding>, span: Span, certainty: &Certainty) {
        // Threads that are started on what is handed over are told apart by the calls on the way to their start.
        let starts = bound
            .iter()
            .any(|bound| self.engine.starts_on(bound) || bound.is_object())
            || self.is_carried(target);
        let tells_apart = starts || self.is_captured(target);
        if !tells_apart {
            return self.enter_from(Some(site), target, bound, (span, "calls"), certainty);
        }
        if !self.may_inline(target) {
            return self.enter_from(Some(site), target, Vec::new(), (span, "calls"), certainty);
        }
        let depth = self.bindings.len();
        self.bindings.extend(bound);
        self.inlined_calls.push(site);
        self.inline(target, span, "calls");
        self.inlined_calls.pop();
        self.bindings.truncate(depth);
    }

    /// The function starts a thread that calls what a parameter was stored into which is bound here.
    fn is_carried(&self, function: FuncId) -> bool {
        let mut bindings = self.bindings.iter();
        bindings.any(|bound| self.engine.higher.is_carried(bound.owner, bound.index, function))
    }

    /// The function stands in one whose parameters are bound here.
    fn is_captured(&self, function: FuncId) -> bool {
        let mut owners = self.bindings.iter().map(|bound| bound.owner);
        owners.any(|owner| self.engine.values.nested_in(function, owner))
    }

    /// What stands on this way for the parameters that the callee calls or starts threads on, its own and those that it captures.
    fn bind_all(&mut self, site: CallSite, target: FuncId) -> Vec<Binding> {
        let mut bound = self.bind_arguments(site, target);
        bound.extend(self.bind_objects(site, target));
        let mut inner = target;
        while let Some(around) = self.engine.values.tree.parent(inner) {
            inner = around;
            let is_known = self.bindings.iter().any(|bound| bound.owner == around);
            if is_known || self.engine.called_parameters(around).is_empty() {
                continue;
            }
            for maker in self.engine.values.closure_makers(site, around) {
                for more in self.bind_arguments(maker, around) {
                    let known = bound
                        .iter_mut()
                        .find(|known| (known.owner, known.index) == (more.owner, more.index));
                    match known {
                        Some(known) => add_new(&mut known.targets, &more.targets),
                        None => bound.push(more),
                    }
                }
            }
        }
        bound
    }

    /// What a call hands over for the parameters that the callee calls or starts threads on.
    fn bind_arguments(&mut self, site: CallSite, target: FuncId) -> Vec<Binding> {
        let mut bound = Vec::new();
        for index in self.engine.called_parameters(target).to_vec() {
            let is_thread = self.engine.is_thread_parameter(target, index);
            let (mut targets, mut made) = (Vec::new(), Vec::new());
            let (mut outer, mut is_bare) = (Vec::new(), false);
            for value in self.engine.values.handed_for(site, target, index) {
                if let Some(bare) = self.binding_of_value(site.0, value).filter(|bound| bound.is_bare) {
                    (outer, is_bare) = (bare.outer.clone(), true);
                }
                let more = match self.parameter_here(site.0, value) {
                    Some(targets) => targets,
                    None => self.engine.values.functions_of(site.0, value),
                };
                add_new(&mut targets, &more);
                if is_thread {
                    add_new(&mut made, &self.made_here(site.0, value));
                }
                if !targets.is_empty() && self.engine.values.gathers_by_position(target, index) {
                    break;
                }
            }
            if !targets.is_empty() || !made.is_empty() {
                bound.push(Binding {
                    owner: target,
                    index,
                    targets,
                    made,
                    outer,
                    is_bare,
                });
            }
        }
        // What matters nowhere in the function need not be walked anew with it.
        if !bound.iter().any(|bound| self.engine.matters(bound)) {
            bound.clear();
        }
        bound
    }

    /// What is handed over on whose type it depends what threads do, where this call, or the way to it, says what that is.
    fn bind_objects(&self, site: CallSite, target: FuncId) -> Vec<Binding> {
        let values = &self.engine.values;
        let is_told = |index: &LocalIndex| {
            let handed = values.bound_argument(site, target, *index);
            handed.is_some_and(|value| self.is_bound(site.0, value) || values.is_told_object(site.0, value))
        };
        let objects = self.engine.object_parameters(target).into_iter().filter(is_told);
        objects.map(|index| Binding::object(target, index)).collect()
    }

    fn may_inline(&self, function: FuncId) -> bool {
        self.inlines < MOST_INLINES
            && self.inlined.len() < 6
            && self.here != function
            && !self.inlined.iter().any(|step| step.function == function)
    }

    /// Walks another function's code as if it stood here.
    fn inline(&mut self, function: FuncId, span: Span, note: &str) {
        self.inlines += 1;
        let display = self.engine.values.tree.display(function);
        let step = self.step(span, format!("{note} {display}"));
        self.inlined.push(step.into());
        let here = std::mem::replace(&mut self.here, function);
        let body = &self.engine.values.tree.function(function).body;
        self.inline_body(body);
        self.here = here;
        self.inlined.pop();
    }

    /// Runs a function of the tree here.
    pub(super) fn enter(&mut self, target: FuncId, span: Span, note: &str, certainty: &Certainty) {
        self.enter_from(None, target, Vec::new(), (span, note), certainty);
    }

    /// Runs a function of the tree that a call means, with what stands for its parameters there; and the place, with what is
    /// said of the step.
    fn enter_from(
        &mut self,
        site: Option<CallSite>,
        target: FuncId,
        bindings: Vec<Binding>,
        (span, note): (Span, &str),
        certainty: &Certainty,
    ) {
        let (own, other) = (
            self.engine.programs.of(self.key.function),
            self.engine.programs.of(target),
        );
        let bound = (!other.covers(&own)).then(|| certainty.clone().within(&other));
        let certainty = bound.as_ref().unwrap_or(certainty);
        if !self.engine.in_one_program(self.key.function, [certainty].into_iter()) {
            return;
        }
        let plain = SummaryKey {
            function: target,
            main: false,
        };
        // A closure calls what the function around it was handed.
        let bindings = match bindings.is_empty() && self.is_captured(target) {
            true => self.bindings.clone(),
            false => bindings,
        };
        let summary = match bindings.is_empty() {
            true => self.engine.summary(plain),
            false => self.engine.bound_summary(target, bindings),
        };
        self.engine.called_by(target, self.key.function);
        if let Some(heap) = self.state.heap {
            self.engine.entered_with_heap(target, heap);
        }
        let display = self.engine.values.tree.display(target);
        let is_macro = self.engine.values.tree.function(target).kind == FunctionKind::Macro;
        let note = match is_macro {
            true => format!("expands {display}"),
            false => format!("{note} {display}"),
        };
        let mut summary = summary;
        if is_macro {
            summary = Rc::new(self.expanded(&summary, site, target, span));
        }
        if let Some(site) = site
            && summary.speaks_of_parameters
        {
            summary = Rc::new(self.rebound(&summary, site, target, Rebound::All));
        }
        if let Some(site) = site
            && !summary.joined_through.is_empty()
        {
            summary = self.joined_at_call(summary, site, target);
        }
        self.apply(&summary, self.step(span, note), certainty);
    }

    /// A call through a pointer of which only the type is known.
    fn through_pointer(&mut self, ty: &Rc<str>, span: Span) {
        let summary = self.engine.escaped_summary(ty);
        let step = self.step(span, "calls through a function pointer");
        self.apply(&summary, step, &Certainty::SURE);
    }

    /// What a macro does stands where the macro is used: that is where it can be changed, and where locks are held or not.
    fn expanded(&mut self, summary: &Summary, site: Option<CallSite>, target: FuncId, span: Span) -> Summary {
        let mut expanded = summary.clone();
        for access in &mut expanded.accesses {
            if self.engine.sites.get(access.site).function == target {
                access.site = self.engine.expanded_site(access.site, site, self.here, span);
            }
        }
        expanded
    }

    /// A summary whose locks and queues are parameters, or in which parameters decide what is reached, seen from a call that
    /// says what they are.
    fn rebound(&mut self, summary: &Summary, site: CallSite, target: FuncId, what: Rebound) -> Summary {
        let values = &self.engine.values;
        let argument = |keys: &Keys| {
            if what == Rebound::WhatIsGathered {
                return None;
            }
            let parameter = keys.iter().find_map(|key| match lent::channel(key) {
                Key::Local(owner, index) if *owner == target => Some(*index),
                _ => None,
            });
            let argument = values.bound_argument(site, target, parameter?)?;
            let found = values.keys(site.0, argument);
            (!found.is_empty()).then(|| (argument, lent::of_channel(keys, &found)))
        };
        let rebind = |keys: &Keys| argument(keys).map_or_else(|| keys.clone(), |(_, rebound)| rebound);
        let held = |held: &Held| match argument(&held.keys) {
            Some((lock, keys)) => Held {
                keys,
                of: values.owners_of_lock(site.0, lock),
                ..held.clone()
            },
            None => Held {
                of: values.owners_at_call(&held.of, site, target),
                ..held.clone()
            },
        };
        let walking = self.key.function;
        let arounds = &mut self.engine.arounds;
        let left_of = |needs: &[Need]| {
            let mut left = Vec::new();
            let is_meant = |need: &&Need| {
                need.owner == target && (what == Rebound::All || values.gathers(target, need.parameter()))
            };
            let above = needs
                .iter()
                .filter(|need| need.owner != target && need.is_of_any_caller());
            left.extend(above.cloned());
            for need in needs.iter().filter(is_meant) {
                match values.need_at_call(site, need, walking) {
                    Seen::Met => {}
                    Seen::Handed(need) => left.push(need),
                    Seen::RuledOut => return None,
                }
            }
            Some(left)
        };
        let mut known: FxHashMap<u32, Option<Around>> = FxHashMap::default();
        let mut around = |around: &Around| {
            let rebound = || {
                let needs = left_of(around.needs())?;
                Some(arounds.make(Holding {
                    guards: around.guards().iter().map(held).collect(),
                    given_up: around.given_up().iter().map(rebind).collect(),
                    gate: around.gate().iter().map(rebind).collect(),
                    joined: around.joined().to_vec(),
                    needs,
                }))
            };
            known.entry(around.number()).or_insert_with(rebound).clone()
        };
        let reached = |access: &Access| {
            Some(Access {
                around: around(&access.around)?,
                ..access.clone()
            })
        };
        let alive = |live: &Live| {
            let needs = left_of(&live.story.needs)?;
            let mut live = live.clone();
            if needs != live.story.needs {
                live.story_mut().needs = needs;
            }
            Some(live)
        };
        let begun = |begun: &Begun| Begun {
            covered: begun.covered.as_ref().map(|covered| covered.iter().map(held).collect()),
            ..begun.clone()
        };
        Summary {
            accesses: summary.accesses.iter().filter_map(reached).collect(),
            leaks: summary.leaks.iter().filter_map(alive).collect(),
            starts: summary.starts.iter().map(begun).collect(),
            acquires: summary.acquires.iter().map(held).collect(),
            releases: summary.releases.iter().map(rebind).collect(),
            sends: summary.sends.iter().map(rebind).collect(),
            last_words: summary.last_words.iter().map(rebind).collect(),
            received: summary.received.iter().map(rebind).collect(),
            ..summary.clone()
        }
    }

    /// A summary of which what is joined lies in what parameters stand for, seen from a call that says what that is: of the uses of a
    /// start, those are joined that were handed the same, where there are some.
    fn joined_at_call(&mut self, summary: Rc<Summary>, site: CallSite, target: FuncId) -> Rc<Summary> {
        let own = |index: LocalIndex| {
            let values = &self.engine.values;
            let argument = values.bound_argument(site, target, index)?;
            let parameter = values.parameter_of(site.0, values.holder(site.0, argument));
            let parameter = parameter.filter(|(owner, _)| *owner == self.key.function);
            Some((values.keys(site.0, argument), parameter.map(|(_, index)| index)))
        };
        let mut indexes: Vec<LocalIndex> = Vec::new();
        summary
            .joined_through
            .iter()
            .for_each(|(_, index)| add_new(&mut indexes, &[*index]));
        let (mut meant, mut others) = (Vec::new(), Vec::new());
        for index in indexes {
            let through = summary.joined_through.iter().filter(|(_, through)| *through == index);
            let through: Vec<StartId> = through.map(|(start, _)| *start).collect();
            let Some((keys, outer)) = own(index) else {
                add_new(&mut meant, &through);
                continue;
            };
            let apart = self.engine.others_than(&through, &keys);
            let (more, fewer): (Vec<StartId>, Vec<StartId>) =
                through.into_iter().partition(|start| !apart.contains(start));
            if let Some(outer) = outer {
                let further: Vec<_> = more.iter().map(|start| (*start, outer)).collect();
                add_new(&mut self.out.joined_through, &further);
            }
            add_new(&mut meant, &more);
            add_new(&mut others, &fewer);
        }
        others.retain(|start| !meant.contains(start));
        if others.is_empty() {
            return summary;
        }
        let mut here = Summary::clone(&summary);
        here.joins.retain(|(start, _)| !others.contains(start));
        here.weak_joins.retain(|(start, _)| !others.contains(start));
        Rc::new(here)
    }

    /// A step of a chain from the code at hand.
    pub(super) fn step(&self, span: Span, note: impl Into<Rc<str>>) -> ChainStep {
        ChainStep {
            function: self.here,
            span,
            note: note.into(),
        }
    }

    /// What a callee does happens here.
    pub(super) fn apply(&mut self, summary: &Rc<Summary>, step: ChainStep, certainty: &Certainty) {
        let step = Rc::new(step);
        let span = step.span;
        let certainty = &self.certainty().and(certainty);
        let sizes = summary.accesses.len() + summary.leaks.len() + summary.starts.len() + summary.later.len() / 2;
        if !self.engine.values.budget.spend(sizes as u64) {
            return self.engine.values.budget.cut(self.here, Cut::Steps);
        }
        for keys in &summary.sends {
            match lent::is_lent(keys) {
                true => self.may_be_sent(keys),
                false => self.send(keys),
            }
        }
        if summary.sends_unknown {
            self.send_unknown();
        }
        let around = self.around();
        let met = if summary.accesses.is_empty() {
            Rc::default()
        } else {
            self.met()
        };
        for access in &summary.accesses {
            let is_done = access.around.gate().iter().any(|keys| self.state.done.contains(keys));
            if is_done || self.engine.is_past(access, self.here, span.start) {
                continue;
            }
            let inner = self.engine.arounds.with_needs_of(&access.around, self.key.function);
            let both = self.engine.arounds.within(&inner, &around);
            let variable = self.engine.variable_behind(access, &step);
            if !self.is_old_news(access, &both, variable, certainty, &met) {
                let lifted = self.lift(access, (both, variable), &step, certainty);
                self.record(lifted);
            }
        }
        let touches = summary.touches && !summary.accesses.is_empty();
        if touches {
            self.note_touch();
        }
        self.out.touches_at_abort |= summary.touches_at_abort;
        for keys in &summary.sends {
            self.note_word(keys, !touches || summary.last_words.contains(keys));
        }
        let stored = |keys: &&Keys| keys.iter().any(|key| matches!(key, Key::Stored(_) | Key::Counted(_)));
        for keys in summary.last_words.iter().filter(stored) {
            self.note_word(keys, true);
        }
        // What the callee gives up is not held around all of what it starts.
        let is_kept = |held: &&Held| !summary.releases.iter().any(|keys| meet(&held.keys, keys));
        let held: Vec<Held> = match summary.starts.is_empty() && summary.leaks.is_empty() {
            true => Vec::new(),
            false => self.state.surely_held().filter(is_kept).cloned().collect(),
        };
        for begun in &summary.starts {
            let certainty = begun.certainty.and(certainty);
            let chain = || begun.chain.behind(step.clone());
            let covered = begun.covered.as_ref().map(|inner| [inner, &held[..]].concat());
            self.begun(begun.start, chain, &certainty, (covered, &begun.past));
        }
        self.state.own_array |= summary.own_array;
        if summary.execs_live {
            self.exec_in_child();
        }
        for keys in &summary.releases {
            self.unlock(keys);
        }
        for held in &summary.acquires {
            let held = Held {
                test: None,
                ..held.clone()
            };
            if !(held.shared && self.state.guards.contains(&held)) {
                self.state.hold(held);
            }
        }
        for (start, place) in &summary.weak_joins {
            self.weakly_joined(*start, "the thread is joined on some paths only", *place);
        }
        self.overdue_in(summary, &step, certainty);
        for (start, despite) in &summary.joins {
            let here = self.here;
            self.end(*start, *despite, here, span);
        }
        for keys in &summary.heard {
            self.hear_word(keys, span);
        }
        for keys in &summary.perhaps_heard {
            // It concerns who was alive before the call; what the callee leaves alive is added below.
            self.perhaps_hear_word(keys, |_| true, span);
        }
        if !summary.leaks.is_empty() {
            let mut company = self.company();
            for live in &summary.leaks {
                if self.engine.is_driven_by(live.start, self.key.function, &live.chain) {
                    let tasks = self.engine.start(live.start).entries.clone();
                    self.hand_on_tasks(&tasks, span);
                    continue;
                }
                let mut lifted = live.lifted(&step, certainty, self.state.heap);
                if !held.is_empty() {
                    lifted.story_mut().covered.extend_from_slice(&held);
                }
                self.go_live(lifted, &mut company);
            }
        }
        self.state.done.add(&summary.done);
        for keys in &summary.received {
            if !self.state.received.contains(keys) {
                self.state.received.push(keys.clone());
            }
        }
        let handed = self.state.later.missing(&summary.later, certainty);
        let handed = self.engine.handed_further(handed, &summary.later, &step, certainty);
        self.remember_laters(handed);
        if summary.heap.is_some() && self.state.child.is_none() {
            self.out.heap = self.out.heap.or(summary.heap);
            self.state.heap = self.state.heap.or(summary.heap);
        }
        if summary.exits {
            self.state.dead = true;
        }
    }

    /// Where no thread is alive that it could meet, an access that is known already says nothing new.
    fn is_old_news(
        &mut self,
        access: &Access,
        around: &Around,
        variable: Option<VariableId>,
        certainty: &Certainty,
        met: &Crowd,
    ) -> bool {
        let child = access.child.or(self.state.child);
        let alone = self.is_alone_in_child(access.site, child);
        if !alone && (met.by(self.engine.sites.kind(access.site)) || child.is_some()) {
            return false;
        }
        self.engine.observe(self.key.function, access, &self.state);
        if alone {
            return true;
        }
        let repeated = access.repeated || self.loops > 0;
        let rank = access.certainty.grade().rank_with(&certainty.grade());
        let steps = access.chain.length() + 1 + self.inlined.len() as u32;
        let programs = access.certainty.programs.and(&certainty.programs);
        let through_module = access.through_module || self.is_in_module();
        self.accesses.knows(
            access.site,
            child,
            around,
            (repeated, access.after_send || self.has_sent(), through_module),
            ((rank, steps), programs),
            variable,
        )
    }

    /// A forked child has one thread and an environment of its own, so that nothing is beside what it looks at or starts. What
    /// it changes may wait for a lock that nobody is left to give back.
    fn is_alone_in_child(&self, site: SiteId, child: Option<SiteId>) -> bool {
        child.is_some() && self.engine.sites.kind(site) != AccessKind::Mutation
    }

    /// What the threads that are alive do.
    pub(super) fn met(&mut self) -> Rc<Crowd> {
        self.engine.crowd(&self.state.live)
    }

    fn lift(
        &mut self,
        access: &Access,
        (around, variable): (Around, Option<VariableId>),
        step: &Rc<ChainStep>,
        certainty: &Certainty,
    ) -> Access {
        Access {
            site: access.site,
            chain: access.chain.behind(step.clone()),
            around,
            repeated: access.repeated || self.loops > 0,
            after_send: access.after_send || self.has_sent(),
            certainty: access.certainty.and(certainty),
            child: access.child.or(self.state.child),
            through_module: access.through_module || self.is_in_module(),
            variable,
        }
    }

    /// A chain from the code that is walked in place, as seen from the function in which that code stands in the end.
    pub(super) fn behind_inlined(&self, chain: Chain) -> Chain {
        let steps = self.inlined.iter().rev();
        steps.fold(chain, |chain, step| chain.behind(step.clone()))
    }

    /// An access happens: it pairs with what is alive, and the callers will see it.
    pub(super) fn record(&mut self, access: Access) {
        let lifted = Access {
            chain: self.behind_inlined(access.chain),
            ..access
        };
        self.engine.observe(self.key.function, &lifted, &self.state);
        if self.is_alone_in_child(lifted.site, lifted.child) {
            return;
        }
        let point = self.state.fork_point.clone().filter(|_| lifted.child.is_some());
        let live = point.as_ref().map_or(&self.state.live, |point| &point.live);
        self.engine.meet_crowd(self.key.function, &lifted, live);
        if let Some(team) = &mut self.team {
            team.note(&lifted);
        }
        let first = lifted.around.gate().iter().filter(|keys| is_first(keys));
        self.engine.firsts.extend(first.cloned());
        self.accesses.add(lifted);
    }

    /// Code that nobody here knows may call what it is handed, now or later.
    fn unknown_call(&mut self, site: CallSite, span: Span) {
        let call = self.engine.values.tree.call(site);
        let doubt = Certainty::because(Confidence::Low, "unknown code is handed the function and may call it");
        let is_foreign = self.engine.values.is_foreign_call(site);
        for argument in &call.args {
            let values = &self.engine.values;
            if !values.may_be_function(site.0, &argument.value) {
                continue;
            }
            let objects = values.eval(site.0, &argument.value);
            // A decorator that hands on what it is given says nothing of when that runs: the calls of the function do.
            let is_parameter = values.parameter_of(site.0, &argument.value).is_some();
            let functions = objects.iter().filter(|object| matches!(object, Object::Function(_)));
            if functions.count() > MOST_HANDED {
                continue;
            }
            for object in objects.iter() {
                if let Object::Function(func) = object
                    && !(is_parameter && self.engine.has_decorators(*func))
                    && self.engine.is_callback(*func)
                {
                    // Whoever is not called joins nobody, and ends nothing.
                    self.one_or_none([*func], |walk, func| walk.enter(func, span, "hands on", &doubt));
                    self.hand_on(*func, span, doubt.clone(), Called::Perhaps);
                    if is_foreign {
                        self.lend_what_sends(*func);
                    }
                }
            }
        }
    }
}

impl Summary {
    /// A call that makes `environ` a heap array without changing a variable that anybody looks at.
    pub(super) fn heap_by_call(&mut self, state: &mut Option<SiteId>, site: Option<SiteId>) {
        *state = state.or(site);
        self.heap = self.heap.or(site);
    }
}

/// A shape that may add a variable.
pub(super) fn may_add(shape: Shape) -> bool {
    matches!(shape, Shape::Add | Shape::Unknown | Shape::Clear)
}

#[cfg(test)]
mod tests {
    use super::MOST_HANDED;
    use crate::facts::Language;
    use crate::finding::Confidence;
    use crate::model::pairs::pairs_of;

    /// How sure the pairs are of what one of so many functions does, which unknown code is handed, with a thread.
    fn handed(count: usize) -> Vec<Confidence> {
        let mut text = String::from("import os, threading, unknown\nhandlers = {}\n");
        for number in 0..count {
            text += &format!("def handle_{number}():\n    os.environ['A'] = '1'\n");
            text += &format!("handlers['{number}'] = handle_{number}\n");
        }
        text +=
            "def look():\n    os.system(':')\nthreading.Thread(target=look).start()\nunknown.call(handlers[input()])\n";
        let pairs = pairs_of(Language::Python, &[("a.py", &text)]).into_iter();
        pairs.map(|pair| pair.certainty.confidence).collect()
    }

    #[test]
    fn one_of_dozens_of_functions_is_none_that_is_known() {
        assert_eq!(handed(MOST_HANDED), vec![Confidence::Low; MOST_HANDED]);
        assert_eq!(handed(MOST_HANDED + 1), []);
    }
}
