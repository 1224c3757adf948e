//! What calls do to the state: entering functions of the tree, and the roles that the catalog gives.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::facts::{Argument, FunctionKind, Language, LocalIndex, Span, Value};
use crate::finding::Confidence;
use crate::knowledge::{ArgumentRef, EntryId, JoinOf, Repeats, Role, Shape};

use super::around::Around;
use super::budget::Cut;
use super::higher::Binding;
use super::laters::{HandedOn, Later, Numbers};
use super::needs::{Need, Seen};
use super::objects::{Object, Objects};
use super::places::{Key, Keys, add_new, has_new, is_first, meet};
use super::program::{Sent, SummaryKey};
use super::sites::{AccessKind, SiteId};
use super::state::{PathEnd, State};
use super::summary::{Access, Begun, Certainty, Chain, ChainStep, Held, Live, StartId, Stories, Story, Summary, Under};
use super::tree::{CallSite, FuncId};
use super::walk::Walk;

/// How many functions are walked in place for one function, all depths together: adaptors that call what they are handed,
/// each in many kinds, would else multiply.
const MOST_INLINES: u32 = 512;

/// So many threads of a task are told apart: those that it comes to on the shortest ways.
const MOST_TASK_THREADS: usize = 8;

impl<'t> Walk<'_, 't> {
    /// One call expression.
    pub(super) fn call(&mut self, site: CallSite) {
        let span = self.engine.values.tree.call(site).span;
        if let Some(targets) = self.called_parameter(site) {
            let targets: Vec<_> = targets.into_iter().map(|target| (target, Certainty::SURE)).collect();
            return self.one_of(&targets, Some(site), span);
        }
        let meaning = self.engine.values.meaning(site);
        self.start_threads(site, span);
        self.roles(site, &meaning.entries, span);
        if self.state.dead {
            return;
        }
        let targets: Vec<_> = meaning
            .edges
            .iter()
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
    fn called_parameter(&self, site: CallSite) -> Option<Vec<FuncId>> {
        let callee = &self.engine.values.tree.call(site).callee;
        if !self.bindings.is_empty() {
            let slots = self.engine.values.parameters_in_slot(site);
            let mut bound = self.bindings.iter().rev();
            if let Some(binding) = bound.find(|bound| slots.contains(&(bound.owner, bound.index))) {
                return Some(binding.targets.clone());
            }
        }
        let (owner, index) = self.engine.values.parameter_of(site.0, callee)?;
        if let Some(targets) = self.bound_to(owner, index) {
            return Some(targets.clone());
        }
        let handed = self.engine.values.handed_with(owner, index);
        // Nobody is known to pass a function: what is left is the pointer's type.
        let only_typed = handed.is_empty() && self.engine.values.meaning(site).escaped.is_some();
        (!only_typed).then_some(handed)
    }

    /// Runs one of several functions here.
    fn one_of(&mut self, targets: &[(FuncId, Certainty)], site: Option<CallSite>, span: Span) {
        let sure = targets
            .iter()
            .all(|(_, certainty)| certainty.confidence == Confidence::High);
        let before = match targets {
            [] => return,
            [(only, certainty)] if sure => return self.invoke(*only, site, span, certainty),
            _ => self.state.clone(),
        };
        let mut ends = Vec::new();
        let mut quiet = false;
        for (target, certainty) in targets {
            self.state = before.clone();
            if self.is_quiet(*target, site) {
                // A pointer may mean hundreds of functions, most of which have nothing to do with all this.
                self.engine.called_by(*target, self.key.function);
                if std::mem::replace(&mut quiet, true) {
                    continue;
                }
            } else {
                let needs = self.needs.len();
                let own = site.filter(|site| site.0 == self.key.function && self.here == self.key.function);
                let begins = self.engine.is_entry(self.key.function);
                self.needs
                    .extend(own.and_then(|site| self.engine.values.receiver_need(site, *target, begins)));
                self.invoke(*target, site, span, certainty);
                self.needs.truncate(needs);
            }
            ends.push(PathEnd::plain(std::mem::take(&mut self.state)));
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

    /// Calling the function here changes nothing.
    fn is_quiet(&mut self, target: FuncId, site: Option<CallSite>) -> bool {
        let plain = !self.engine.has_decorators(target)
            && !self.is_captured(target)
            && !self.bindings.iter().any(|bound| bound.targets.contains(&target))
            && site.is_none_or(|site| self.bind_arguments(site, target).is_empty());
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
            return match site.map(|site| (site, self.bind_arguments(site, target))) {
                Some((site, bound)) if !bound.is_empty() => self.enter_bound(site, target, bound, span, certainty),
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
            let bound = Binding {
                owner: *outermost,
                index: LocalIndex(0),
                targets: vec![target],
                outer: rest.to_vec(),
            };
            let note = "calls, through its decorator,";
            let captured = self.is_captured(wrapper) || self.is_captured(target);
            if captured && self.may_inline(*outermost) {
                self.bindings.push(bound);
                self.inline(wrapper, span, note);
                self.bindings.pop();
            } else {
                let summary = self.engine.bound_summary(wrapper, vec![bound]);
                let step = ChainStep {
                    function: self.here,
                    span,
                    note: format!("{note} {}", self.engine.values.tree.display(wrapper)).into(),
                };
                self.apply(&summary, step, certainty);
            }
            ends.push(PathEnd::plain(std::mem::take(&mut self.state)));
        }
        self.state = State::merge(&before, ends);
    }

    /// Runs a function for what this call hands over.
    fn enter_bound(&mut self, site: CallSite, target: FuncId, bound: Vec<Binding>, span: Span, certainty: &Certainty) {
        // Threads that are started on what is handed over are told apart by the calls on the way to their start.
        let tells_apart = bound.iter().any(|bound| self.engine.starts_on(bound)) || self.is_captured(target);
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

    /// The function stands in one whose parameters are bound here.
    fn is_captured(&self, function: FuncId) -> bool {
        let mut owners = self.bindings.iter().map(|bound| bound.owner);
        owners.any(|owner| self.engine.values.nested_in(function, owner))
    }

    /// What a call hands over for the parameters that the callee calls or starts threads on.
    fn bind_arguments(&mut self, site: CallSite, target: FuncId) -> Vec<Binding> {
        let mut bound = Vec::new();
        for index in self.engine.called_parameters(target).to_vec() {
            let Some(value) = self.engine.values.bound_argument(site, target, index) else {
                continue;
            };
            let targets = match self.parameter_here(site.0, value) {
                Some(targets) => targets,
                None => self.engine.values.functions_of(site.0, value),
            };
            if !targets.is_empty() {
                bound.push(Binding {
                    owner: target,
                    index,
                    targets,
                    outer: Vec::new(),
                });
            }
        }
        // What matters nowhere in the function need not be walked anew with it.
        if !bound.iter().any(|bound| self.engine.matters(bound)) {
            bound.clear();
        }
        bound
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
        let step = ChainStep {
            function: self.here,
            span,
            note: format!("{note} {display}").into(),
        };
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
            summary = Rc::new(self.rebound(&summary, site, target));
        }
        self.apply(
            &summary,
            ChainStep {
                function: self.here,
                span,
                note: note.into(),
            },
            certainty,
        );
    }

    /// A call through a pointer of which only the type is known.
    fn through_pointer(&mut self, ty: &Rc<str>, span: Span) {
        let summary = self.engine.escaped_summary(ty);
        let step = ChainStep {
            function: self.here,
            span,
            note: "calls through a function pointer".into(),
        };
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
    fn rebound(&mut self, summary: &Summary, site: CallSite, target: FuncId) -> Summary {
        let values = &self.engine.values;
        let rebind = |keys: &Keys| -> Keys {
            let parameter = keys.iter().find_map(|key| match key {
                Key::Local(owner, index) if *owner == target => Some(*index),
                _ => None,
            });
            let argument = parameter.and_then(|index| values.bound_argument(site, target, index));
            let found = argument.map_or_else(Keys::default, |value| values.keys(site.0, value));
            if found.is_empty() { keys.clone() } else { found }
        };
        let held = |held: &Held| Held {
            keys: rebind(&held.keys),
            ..held.clone()
        };
        let walking = self.key.function;
        let arounds = &mut self.engine.arounds;
        let left_of = |needs: &[Need]| {
            let mut left = Vec::new();
            for need in needs.iter().filter(|need| need.owner == target) {
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
                Some(arounds.make(
                    around.guards().iter().map(held).collect(),
                    around.gate().iter().map(rebind).collect(),
                    around.joined().to_vec(),
                    needs,
                ))
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
        Summary {
            accesses: summary.accesses.iter().filter_map(reached).collect(),
            leaks: summary.leaks.iter().filter_map(alive).collect(),
            acquires: summary.acquires.iter().map(held).collect(),
            releases: summary.releases.iter().map(rebind).collect(),
            sends: summary.sends.iter().map(rebind).collect(),
            last_words: summary.last_words.iter().map(rebind).collect(),
            received: summary.received.iter().map(rebind).collect(),
            ..summary.clone()
        }
    }

    /// What a callee does happens here.
    fn apply(&mut self, summary: &Rc<Summary>, step: ChainStep, certainty: &Certainty) {
        let step = Rc::new(step);
        let span = step.span;
        let certainty = &self.certainty().and(certainty);
        let sizes = summary.accesses.len() + summary.leaks.len();
        if !self.engine.values.budget.spend(sizes as u64) {
            return self.engine.values.budget.cut(self.here, Cut::Steps);
        }
        for keys in &summary.sends {
            self.send(keys);
        }
        if summary.sends_unknown {
            self.send_unknown();
        }
        let around = self.around();
        let met = if summary.accesses.is_empty() {
            Met::default()
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
            if !self.is_old_news(access, &both, certainty, &met) {
                let lifted = self.lift(access, both, &step, certainty);
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
        for begun in &summary.starts {
            let certainty = begun.certainty.and(certainty);
            self.begun(begun.start, || begun.chain.behind(step.clone()), &certainty);
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
                self.state.guards.push(held);
            }
        }
        for (start, place) in &summary.weak_joins {
            self.weakly_joined(*start, "the thread is joined on some paths only", *place);
        }
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
                let lifted = Live {
                    chain: live.chain.behind(step.clone()),
                    certainty: live.certainty.and(certainty),
                    heap: live.heap.or(self.state.heap),
                    ..live.clone()
                };
                self.go_live(lifted, &mut company);
            }
        }
        add_new(&mut self.state.done, &summary.done);
        for keys in &summary.received {
            if !self.state.received.contains(keys) {
                self.state.received.push(keys.clone());
            }
        }
        let handed = self.state.later.missing(&summary.later, certainty).into_iter();
        let handed = handed
            .map(|later| self.engine.handed_further(later, &step, certainty))
            .collect();
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
    fn is_old_news(&mut self, access: &Access, around: &Around, certainty: &Certainty, met: &Met) -> bool {
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
        let rank = Certainty::rank_of([&access.certainty, certainty]);
        let steps = access.chain.length() + 1 + self.inlined.len() as u32;
        let programs = access.certainty.programs.and(&certainty.programs);
        let through_module = access.through_module || self.is_in_module();
        self.accesses.knows(
            access.site,
            child,
            around,
            (repeated, through_module),
            ((rank, steps), programs),
        )
    }

    /// A forked child has one thread and an environment of its own, so that nothing is beside what it looks at or starts. What
    /// it changes may wait for a lock that nobody is left to give back.
    fn is_alone_in_child(&self, site: SiteId, child: Option<SiteId>) -> bool {
        child.is_some() && self.engine.sites.kind(site) != AccessKind::Mutation
    }

    /// What the threads that are alive do.
    fn met(&mut self) -> Met {
        let mut met = Met::default();
        for start in self.state.live.keys() {
            let accesses = self.engine.thread_accesses(*start);
            met.acts |= !accesses.all().is_empty();
            met.mutates |= accesses.has_mutations();
            if self.engine.is_gathering(*start) {
                return Met {
                    acts: true,
                    mutates: true,
                };
            }
        }
        met
    }

    fn lift(&mut self, access: &Access, around: Around, step: &Rc<ChainStep>, certainty: &Certainty) -> Access {
        Access {
            site: access.site,
            chain: access.chain.behind(step.clone()),
            around,
            repeated: access.repeated || self.loops > 0,
            certainty: access.certainty.and(certainty),
            child: access.child.or(self.state.child),
            through_module: access.through_module || self.is_in_module(),
        }
    }

    /// A chain from the code that is walked in place, as seen from the function in which that code stands in the end.
    fn behind_inlined(&self, chain: Chain) -> Chain {
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
        for live in live.values() {
            if lifted.child.is_some() || self.engine.first_time(self.key.function, &lifted, live) {
                self.engine.meet(self.key.function, &lifted, live);
            }
        }
        if let Some(team) = &mut self.team {
            team.note(&lifted);
        }
        let first = lifted.around.gate().iter().filter(|keys| is_first(keys));
        self.engine.firsts.extend(first.cloned());
        self.accesses.add(lifted);
    }

    /// A thread begins, here or in a callee.
    fn begun(&mut self, start: StartId, chain: impl Fn() -> Chain, certainty: &Certainty) {
        self.meet_begun(start, &chain, certainty);
        self.engine.observe_start(self.key.function, start);
        self.note_start(start, chain, certainty);
        self.state.joined.retain(|(joined, _)| *joined != start);
        self.state.ended.retain(|ended| ended.start != start);
        self.state.failed.retain(|failed| *failed != start);
    }

    /// A thread that begins meets those that are alive, and what was handed on to run at any time.
    fn meet_begun(&mut self, start: StartId, chain: impl Fn() -> Chain, certainty: &Certainty) {
        let accesses = self.engine.thread_accesses(start);
        let open = self.engine.is_gathering(start);
        // Threads that do nothing to the environment meet no other threads, nor do those that only read it beside their like.
        let acts = open || accesses.has_mutations() || !accesses.all().is_empty() && self.met().mutates;
        if acts && !self.state.live.is_empty() {
            let fresh = self.fresh(start, chain(), certainty.clone());
            let lives = self.state.live.clone();
            for other in lives.values() {
                self.engine.meet_threads(self.key.function, &fresh, other);
            }
        }
        if !self.state.later.is_empty() {
            let fresh = self.fresh(start, chain(), certainty.clone());
            let handed = self.state.later.clone();
            self.meet_laters(&handed, handed.numbers(), &fresh);
        }
    }

    /// Tells the callers of a start, by the surest way to it.
    fn note_start(&mut self, start: StartId, chain: impl Fn() -> Chain, certainty: &Certainty) {
        let place = *self.begun.entry(start).or_insert(self.out.starts.len());
        let known = self.out.starts.get(place);
        let programs = known.map_or(certainty.programs.clone(), |known| {
            known.certainty.programs.or(&certainty.programs)
        });
        if known.is_some_and(|known| known.certainty.rank() >= certainty.rank()) {
            self.out.starts[place].certainty.programs = programs;
            return;
        }
        let begun = Begun {
            start,
            chain: self.behind_inlined(chain()),
            certainty: Certainty {
                programs,
                ..certainty.clone()
            },
        };
        match self.out.starts.get_mut(place) {
            Some(known) => *known = begun,
            None => self.out.starts.push(begun),
        }
    }

    /// What a thread finds that is alive from here on.
    fn company(&mut self) -> Company {
        let mut sends = Sent::default();
        for other in self.state.live.keys() {
            sends.add(&self.engine.thread_sends(*other));
        }
        let under = self.arms.iter_mut().map(|arm| (arm.test.clone(), arm.assigned()));
        Company {
            sends,
            under: under.collect(),
            needs: self.needs_in_force(),
            stories: Stories::default(),
        }
    }

    /// A thread that begins here.
    fn fresh(&mut self, start: StartId, chain: Chain, certainty: Certainty) -> Live {
        let mut live = self.engine.fresh(start, chain, certainty, self.state.heap);
        self.tell_past(&mut live);
        live
    }

    /// What was told, and what was done once and for all, before a thread began.
    fn tell_past(&mut self, live: &mut Live) {
        for keys in self.state.opened.iter().chain(&self.state.done) {
            if !live.story.sent.contains(keys) && self.engine.hangs_on(live.start, keys) {
                live.story_mut().sent.push(keys.clone());
            }
        }
    }

    /// A thread is alive from here on.
    fn go_live(&mut self, mut live: Live, company: &mut Company) {
        self.tell_past(&mut live);
        if let Some(known) = self.state.live.get(&live.start) {
            live.certainty.programs = live.certainty.programs.or(&known.certainty.programs);
            live.many |= self.engine.can_repeat(live.start);
        }
        if live.many {
            self.engine.meet_itself(self.key.function, &live);
        }
        let sent = self.engine.thread_sends(live.start);
        let own = self.key.function;
        let mut story = Story {
            sent: live.story.sent.clone(),
            sent_unknown: live.story.sent_unknown || sent.unknown && !self.state.live.is_empty(),
            under: company.under.clone(),
            needs: live
                .story
                .needs
                .iter()
                .filter(|need| need.owner == own)
                .cloned()
                .collect(),
            ..*live.story
        };
        if !sent.is_nothing() {
            self.state.live.each(
                |other| sent.unknown && !other.story.sent_unknown || has_new(&other.story.sent, &sent.on),
                |other| {
                    let story = other.story_mut();
                    add_new(&mut story.sent, &sent.on);
                    story.sent_unknown |= sent.unknown;
                },
            );
        }
        add_new(&mut story.sent, &company.sends.on);
        story.sent_unknown |= company.sends.unknown;
        company.sends.add(&sent);
        story.needs.extend(company.needs.iter().cloned());
        story.needs.sort();
        story.needs.dedup();
        if let Some(known) = self.state.live.get(&live.start) {
            story.needs.retain(|need| known.story.needs.contains(need));
        }
        company.stories.tell(&mut live, story);
        self.engine.meet_forks(self.key.function, &live);
        self.state.live.change().insert(live.start, Rc::new(live));
    }

    fn start_threads(&mut self, site: CallSite, span: Span) {
        for start in self.engine.starts_at(site) {
            let info = self.engine.start(start);
            if info.process || !self.may_be_meant(site, start) {
                continue;
            }
            let Some(start) = self.in_context(start) else { continue };
            let chain = self.behind_inlined(Chain::default());
            self.begun(start, Chain::default, &Certainty::SURE);
            let live = self.fresh(start, chain, Certainty::SURE);
            let mut company = self.company();
            self.go_live(live, &mut company);
        }
        let _ = span;
    }

    /// Of the threads that `t.start()` may begin by all that `t` ever is, those that it can be here.
    fn may_be_meant(&self, site: CallSite, start: StartId) -> bool {
        let info = self.engine.start(start);
        let Value::Attribute(receiver, _) = &self.engine.values.tree.call(site).callee else {
            return true;
        };
        let latest = self.latest(receiver);
        if info.created == site || latest == **receiver {
            return true;
        }
        let now = self.engine.values.eval(self.here, &latest);
        let mut sites = now.iter().filter_map(|object| match object {
            Object::Result(_, Some(made)) | Object::Instance(_, Some(made)) => Some(*made),
            _ => None,
        });
        let known: Vec<CallSite> = sites.by_ref().collect();
        known.is_empty() || known.contains(&info.created)
    }

    /// A start on a parameter means what is bound to it here; nothing where evident callers walk the function themselves.
    fn in_context(&mut self, start: StartId) -> Option<StartId> {
        let created = self.engine.start(start).created;
        let entry = self.engine.values.entry_value(created);
        if let Some(targets) = entry.and_then(|(home, value)| self.parameter_here(home, value)) {
            return (!targets.is_empty()).then(|| {
                self.engine
                    .context_start(start, targets, Vec::new(), &self.inlined_calls)
            });
        }
        let entries = self.engine.start(start).entries.clone();
        let captures = self.bindings.iter().any(|bound| {
            entries.iter().any(|entry| {
                let values = &self.engine.values;
                values.nested_in(*entry, bound.owner) || values.calls_slot_of(*entry, bound.owner, bound.index)
            })
        });
        if captures {
            let bindings = self.bindings.clone();
            return Some(self.engine.context_start(start, entries, bindings, &self.inlined_calls));
        }
        Some(start)
    }

    pub(super) fn awaited(&mut self, value: &Value, span: Span) {
        self.begin_tasks();
        let objects = self.engine.values.eval(self.here, value);
        for object in objects.iter() {
            match object {
                Object::Coroutine(func) => self.invoke(*func, None, span, &Certainty::SURE),
                Object::Function(func) if self.engine.values.tree.function(*func).is_async => {
                    self.invoke(*func, None, span, &Certainty::SURE);
                }
                _ => {}
            }
        }
        let (inside, several) = self.gathered(value);
        let started = self.keys_of_started(value);
        let keys = self.engine.values.keys(self.here, value);
        let keys = keys.with(started.iter().chain(inside.iter().flatten()));
        self.join(&keys, false, self.loops > 0 || several, span);
    }

    /// `await sync_to_async(work)(argument)`: what the call gives ends with the thread on which the callee, itself a result, runs.
    fn keys_of_started(&self, value: &Value) -> Keys {
        let Value::Call(owner, call) = value else {
            return Keys::default();
        };
        let values = &self.engine.values;
        let site: CallSite = (values.closure(self.here, *owner), *call);
        // Of a callee that has a name there may be other calls, which have not ended.
        match &values.tree.call(site).callee {
            callee @ Value::Call(..) => values.keys(site.0, callee),
            _ => Keys::default(),
        }
    }

    /// `await gather(*tasks)`, `await wait(tasks)`: the keys of what the containers hold that the call is handed, and whether it waits
    /// for several things.
    fn gathered(&self, value: &Value) -> (Vec<Keys>, bool) {
        let Value::Call(owner, call) = value else {
            return (Vec::new(), false);
        };
        let values = &self.engine.values;
        let site: CallSite = (values.closure(self.here, *owner), *call);
        let passes = |id: &EntryId| matches!(values.catalog.entry(*id).role, Role::Pass { .. });
        if !values.meaning(site).entries.iter().any(passes) {
            return (Vec::new(), false);
        }
        let args = &values.tree.call(site).args;
        let is_container = |argument: &&Argument| {
            argument.name.as_deref() == Some("*") || !values.calls_put_into(site.0, &argument.value).is_empty()
        };
        let containers = args.iter().filter(is_container);
        let keys: Vec<Keys> = containers
            .map(|argument| values.keys(site.0, &Value::Element(Box::new(argument.value.clone()))))
            .collect();
        let several = !keys.is_empty() || args.iter().filter(|argument| argument.name.is_none()).count() > 1;
        (keys, several)
    }

    /// A value dies: the guards that it holds are released, a `Drop` of the tree runs.
    pub(super) fn dropped(&mut self, value: &Value, span: Span) {
        let objects = self.engine.values.eval(self.here, value);
        self.run_drop(self.here, value, span);
        // The fields die after `drop` has run, and with them the guards that they hold (Rust reference, Destructors).
        let holders = self.engine.values.holders(self.here, value);
        let is_held = |held: &Held| held.holder.is_some_and(|holder| holders.contains(&holder));
        // One function may lock what it is handed: which of its guards this is, the call says.
        let named = self.handed_keys(value);
        let told = |held: &Held| is_held(held) && meet(&held.keys, &named);
        let any_told = self.state.guards.iter().any(told);
        self.state
            .guards
            .retain(|held| if any_told { !told(held) } else { !is_held(held) });
        let keys = self.engine.values.keys(self.here, value);
        self.drop_entries(&objects, &keys, span);
    }

    /// Runs the `Drop` of the tree that a value has.
    fn run_drop(&mut self, home: FuncId, value: &Value, span: Span) {
        for method in self.engine.values.drops(home, value) {
            self.enter(method, span, "drops the value: calls", &Certainty::SURE);
        }
    }

    /// The keys of what the call that made a value was handed.
    fn handed_keys(&self, value: &Value) -> Keys {
        let values = &self.engine.values;
        let mut keys = Vec::new();
        for (home, value) in values.sources(self.here, value).into_iter().chain([(self.here, value)]) {
            if let Value::Call(owner, call) = value {
                let site = (values.closure(home, *owner), *call);
                for argument in &values.tree.call(site).args {
                    keys.extend_from_slice(&values.keys(site.0, &argument.value));
                }
            }
        }
        Keys::of(keys)
    }

    fn drop_entries(&mut self, objects: &Objects, keys: &Keys, span: Span) {
        let language = self.engine.values.tree.language(self.here);
        for object in objects.iter() {
            let Object::Result(path, _) = object else { continue };
            for id in self
                .engine
                .values
                .catalog
                .lookup(language, crate::knowledge::MatchKind::Drop, path)
            {
                if let Role::Join { of, certain: true } = &self.engine.values.catalog.entry(*id).role {
                    let by_owner = matches!(of, JoinOf::Owner(_));
                    self.join(keys, by_owner, true, span);
                }
            }
        }
    }

    pub(super) fn import(&mut self, path: &str, span: Span) {
        let file = self.engine.values.tree.file_of(self.here);
        let modules = self.engine.values.imported_modules(file, path);
        if modules.is_empty() {
            for initialiser in self.engine.values.extension_modules(file, path) {
                self.enter(initialiser, span, "imports a C module: runs", &Certainty::SURE);
            }
        }
        for module in modules {
            let function = self.engine.values.tree.module_function(module);
            if module != file && !self.engine.has_run(module, self.here, span.start) {
                let note = format!("imports {}: runs", self.engine.values.tree.file(module).path);
                self.enter(function, span, &note, &Certainty::SURE);
            }
        }
    }

    /// Everything that the catalog says of a call.
    fn roles(&mut self, site: CallSite, entries: &[EntryId], span: Span) {
        let values_catalog = self.engine.values.catalog;
        let under = entries.iter().find_map(|id| match &values_catalog.entry(*id).role {
            Role::CallsNow { under, .. } => under.as_deref(),
            _ => None,
        });
        let own = under.map(|name| Held {
            keys: Keys::of(vec![Key::Outside(name.into())]),
            name: name.into(),
            holder: None,
            test: None,
            shared: false,
        });
        self.state.guards.extend(own.clone());
        for kind in [AccessKind::Mutation, AccessKind::Spawn, AccessKind::Read] {
            let alike: Vec<EntryId> = entries
                .iter()
                .copied()
                .filter(|id| access_kind(&values_catalog.entry(*id).role) == Some(kind))
                .collect();
            if !alike.is_empty() {
                let variable = self.engine.key_of_call(site, &alike);
                let mixed = kind == AccessKind::Spawn && self.engine.values.is_mixed_environment(site, &alike);
                let conditional = if mixed { self.assume_tests() } else { Vec::new() };
                let callee = &self.engine.values.tree.call(site).callee;
                self.touch_place(callee, &alike, kind, span, (variable, None));
                for (place, test) in conditional {
                    self.state.guards[place].test = Some(test);
                }
            }
        }
        let mut done: Vec<&Role> = Vec::new();
        for id in entries {
            let role = &values_catalog.entry(*id).role;
            // A call takes a lock once, however many entries say so.
            let again = matches!(role, Role::Lock { .. }) && done.iter().any(|done| matches!(done, Role::Lock { .. }));
            if again || done.contains(&role) {
                continue;
            }
            done.push(role);
            self.role(site, role, span);
        }
        if let Some(own) = own {
            self.state.release(&own.keys);
        }
    }

    /// An environment that is the live one under a test only, beside a lock that is held under a test only: the test is
    /// taken to be the same. Returns what to put back.
    fn assume_tests(&mut self) -> Vec<(usize, Rc<str>)> {
        let guards = self.state.guards.iter_mut().enumerate();
        guards
            .filter_map(|(place, held)| Some((place, held.test.take()?)))
            .collect()
    }

    fn role(&mut self, site: CallSite, role: &Role, span: Span) {
        match role {
            Role::Join { of, certain } => self.join_call(site, of, *certain, span),
            Role::Detach { .. } => {}
            Role::Lock {
                of,
                shared,
                tries: false,
                guard,
                ..
            } => self.lock(site, of, *shared, *guard),
            Role::Unlock { of } => {
                for (home, value) in self.arguments(site, of) {
                    let holders = self.engine.values.holders(home, &value);
                    let held = |held: &Held| held.holder.is_some_and(|holder| holders.contains(&holder));
                    if !self.state.guards.iter().any(held) {
                        let keys = self.engine.values.keys(home, &value);
                        self.unlock(&keys);
                        if self.engine.values.tree.language(site.0) == Language::Rust {
                            self.run_drop(home, &value, span);
                        }
                    } else {
                        self.dropped(&value, span);
                    }
                }
            }
            Role::Receive { of } => {
                for (home, value) in self.arguments(site, of) {
                    let keys = self.engine.values.keys(home, &value);
                    self.hear(&keys, span);
                    if !keys.is_empty() && !self.state.received.contains(&keys) {
                        self.state.received.push(keys);
                    }
                }
            }
            Role::Send { of } => {
                for (home, value) in self.arguments(site, of) {
                    let keys = self.engine.values.keys(home, &value);
                    self.send(&keys);
                    self.note_word(&keys, true);
                }
            }
            Role::CallsNow {
                entry,
                scope,
                once: None,
                repeats,
                task,
                ..
            } => match task {
                true => self.calls_task(site, entry, span),
                false => self.calls_now(site, entry, *scope, *repeats, span),
            },
            Role::CallsNow {
                entry,
                once: Some(control),
                ..
            } => self.calls_once(site, entry, control, span),
            // A task on a runtime without threads of its own.
            Role::Start { entry, task: true, .. } if self.engine.starts_at(site).is_empty() => {
                for func in self.engine.values.handed_functions(site, entry) {
                    let doubt = "the task runs on this thread, at a time that is not known";
                    self.hand_on(func, span, Certainty::because(Confidence::Medium, doubt));
                }
            }
            Role::Settle { of } => {
                for (home, value) in self.arguments(site, of) {
                    let keys = self.engine.values.keys(home, &value);
                    self.settle(&keys);
                }
            }
            Role::Done { of } => {
                for (home, value) in self.arguments(site, of) {
                    let keys = self.engine.values.keys(home, &value);
                    self.state.received.retain(|received| !meet(received, &keys));
                }
            }
            Role::Consume { of } => {
                for (home, value) in self.arguments(site, of) {
                    self.drain(home, &value, span);
                }
            }
            Role::CallsLater { entry } => {
                for func in self.engine.values.handed_functions(site, entry) {
                    let doubt = "the function is handed on and runs at a time that is not known";
                    self.hand_on(func, span, Certainty::because(Confidence::Medium, doubt));
                }
            }
            Role::Exec { environment } => {
                if self.engine.values.lives(site, environment.as_ref()) {
                    self.exec(site, span);
                }
                self.state.dead = self.state.dead || self.state.child.is_some();
            }
            Role::ForkWindow { entry } => self.fork_window(site, entry, span),
            Role::Exit { .. } => self.state.dead = true,
            Role::RunFile { source } => self.run_file(site, source, span),
            Role::RunModule { name } => self.run_module(site, name, span),
            Role::HeapArray => self.out.heap_by_call(&mut self.state.heap, self.engine.heap_site(site)),
            _ => {}
        }
    }

    fn arguments(&self, site: CallSite, reference: &ArgumentRef) -> Vec<(FuncId, Value)> {
        self.engine
            .values
            .argument(site, reference)
            .into_iter()
            .map(|(home, value)| (home, value.clone()))
            .collect()
    }

    fn join_call(&mut self, site: CallSite, of: &JoinOf, certain: bool, span: Span) {
        let (reference, by_owner) = match of {
            JoinOf::Handle(reference) => (reference, false),
            JoinOf::Owner(reference) => (reference, true),
        };
        if *reference == ArgumentRef::Result {
            // The call itself waits for what it started. Where it does so with others, its tasks go on meanwhile.
            if self.engine.values.makes_tasks(site) {
                self.begin_tasks();
            }
            return self.join(&Keys::of(vec![Key::Made(site)]), by_owner, true, span);
        }
        for (home, value) in self.arguments(site, reference) {
            let value = self.latest(&value);
            let mut keys = self.engine.values.keys(home, &value);
            // `wait(futures)`, `t.join()` in a loop over them: all. One element by its number: one.
            let single = self.is_single(home, &value);
            if !single && !by_owner {
                let elements = Value::Element(Box::new(value.clone()));
                keys = keys.with(&self.engine.values.keys(home, &elements));
            }
            let in_turn = self.loops > 0 && !by_owner && (single || is_element(&value));
            if certain && in_turn {
                self.join_in_turn(&keys, span);
            } else if certain {
                self.join(&keys, by_owner, self.loops > 0 || !single, span);
            } else {
                for start in self.engine.starts_meant(&keys, by_owner) {
                    self.weak_join(start, "the join may end before the thread does", span);
                }
            }
        }
    }

    /// The value is one handle and no container of them.
    fn is_single(&self, home: FuncId, value: &Value) -> bool {
        match value {
            Value::List(_) => false,
            Value::Item(_, key) => matches!(key.as_ref(), Value::Int(_)),
            other => {
                let values = &self.engine.values;
                !values.eval(home, other).is_empty() && values.elements(home, other, None).is_empty()
            }
        }
    }

    pub(super) fn lock(&mut self, site: CallSite, of: &ArgumentRef, shared: bool, guard: bool) {
        for (home, value) in self.arguments(site, of) {
            let keys = self.engine.values.keys(home, &value);
            if keys.is_empty() {
                continue;
            }
            let name = self.engine.values.described(home, &value);
            let holder = guard.then_some(site);
            self.state.guards.push(Held {
                keys,
                name: name.into(),
                holder,
                test: None,
                shared,
            });
        }
    }

    fn unlock(&mut self, keys: &Keys) {
        if self.state.guards.iter().any(|held| meet(&held.keys, keys)) {
            self.state.release(keys);
        } else if !keys.is_empty() && !self.out.releases.contains(keys) {
            self.out.releases.push(keys.clone());
        }
    }

    fn send(&mut self, keys: &Keys) {
        if keys.is_empty() {
            return self.send_unknown();
        }
        let waits = |live: &Live| !live.story.sent.contains(keys);
        let woken = self.alive_where(waits);
        self.state
            .live
            .each(waits, |live| live.story_mut().sent.push(keys.clone()));
        self.meet_woken(&woken);
        if !self.out.sends.contains(keys) {
            self.out.sends.push(keys.clone());
        }
    }

    fn send_unknown(&mut self) {
        self.out.sends_unknown = true;
        let waits = |live: &Live| !live.story.sent_unknown;
        let woken = self.alive_where(waits);
        self.state.live.each(waits, |live| live.story_mut().sent_unknown = true);
        self.meet_woken(&woken);
    }

    fn alive_where(&self, is: impl Fn(&Live) -> bool) -> Vec<StartId> {
        let alive = self.state.live.values();
        alive.filter(|live| is(live)).map(|live| live.start).collect()
    }

    /// What threads do only after something was sent meets now what other threads do. The threads met when they began, but then
    /// nothing was sent yet, and what has ended since is out of the way.
    fn meet_woken(&mut self, woken: &[StartId]) {
        for start in woken {
            if !self.engine.thread_accesses(*start).waits {
                continue;
            }
            let lives = self.state.live.clone();
            let Some(live) = lives.get(start) else { continue };
            if live.many {
                self.engine.meet_itself(self.key.function, live);
            }
            for other in lives.values() {
                self.engine.meet_threads(self.key.function, live, other);
            }
        }
    }

    /// Everything that was sent is dealt with: a thread that receives from there waits for the next that is sent, unless a
    /// thread that is alive sends it.
    fn settle(&mut self, keys: &Keys) {
        if keys.is_empty() {
            return;
        }
        let alive: Vec<StartId> = self.state.live.keys().copied().collect();
        for sender in alive {
            let sent = self.engine.thread_sends(sender);
            if sent.unknown || sent.on.iter().any(|sent| meet(sent, keys)) {
                return;
            }
        }
        let told = |sent: &Keys| meet(sent, keys);
        self.state.live.each(
            |live| live.story.sent.iter().any(told),
            |live| live.story_mut().sent.retain(|sent| !told(sent)),
        );
    }

    /// An iterator over what threads bring is gone through to its end: they have ended.
    pub(super) fn drain(&mut self, home: FuncId, value: &Value, span: Span) {
        let value = self.latest(value);
        let keys = self.engine.values.streamed(home, &value);
        if !keys.is_empty() {
            self.join(&keys, false, true, span);
        }
    }

    fn calls_now(&mut self, site: CallSite, entry: &ArgumentRef, scope: bool, repeats: Repeats, span: Span) {
        let alive: Vec<StartId> = self.state.live.keys().copied().collect();
        let repeats = match repeats {
            Repeats::Never => false,
            Repeats::IfSeveral => self.engine.values.goes_through_several(site),
            Repeats::Always => true,
        };
        let functions = self.handed_here(site, entry);
        // As in a loop, a second round sees the threads that the first one left alive.
        self.loops += u32::from(repeats);
        let begun = |walk: &Self| walk.state.live.keys().any(|start| !alive.contains(start));
        self.call_back(&functions, span);
        if repeats && begun(self) && !self.state.dead {
            self.call_back(&functions, span);
        }
        self.loops -= u32::from(repeats);
        if scope {
            let begun: Vec<StartId> = self
                .state
                .live
                .keys()
                .copied()
                .filter(|start| !alive.contains(start))
                .collect();
            for start in begun {
                let here = self.here;
                self.end(start, false, here, span);
            }
        }
    }

    /// What a value stands for that is a parameter: what is bound to it on this way, else what threads and unknown code hand it.
    /// Evident callers walk the function themselves.
    fn parameter_here(&self, home: FuncId, value: &Value) -> Option<Vec<FuncId>> {
        let values = &self.engine.values;
        let (owner, index) = values.parameter_of(home, value)?;
        let bound = self.bound_to(owner, index).cloned();
        Some(bound.unwrap_or_else(|| values.handed_with(owner, index)))
    }

    /// The functions that a parameter is bound to on this way.
    fn bound_to(&self, owner: FuncId, index: LocalIndex) -> Option<&Vec<FuncId>> {
        let mut bound = self.bindings.iter().rev();
        let binding = bound.find(|bound| bound.owner == owner && bound.index == index)?;
        Some(&binding.targets)
    }

    /// The functions that an argument hands over, as far as this way to the call tells.
    fn handed_here(&self, site: CallSite, entry: &ArgumentRef) -> Vec<FuncId> {
        let values = &self.engine.values;
        let mut handed = values.argument(site, entry).into_iter();
        handed
            .find_map(|(home, value)| self.parameter_here(home, value))
            .unwrap_or_else(|| values.handed_functions(site, entry))
    }

    fn call_back(&mut self, functions: &[FuncId], span: Span) {
        for function in functions {
            self.enter(*function, span, "calls back", &Certainty::SURE);
        }
    }

    /// A task does here what it does, as far as this thread goes; the threads that it starts and waits for go on whenever this
    /// function waits for something else, until it waits for the task.
    fn calls_task(&mut self, site: CallSite, entry: &ArgumentRef, span: Span) {
        for function in self.engine.values.handed_functions(site, entry) {
            // Several tasks of one call, or of one loop, go on beside each other.
            let engine = &self.engine;
            let beside = |live: &Rc<Live>| engine.start(live.start).context == [site];
            if self.state.tasks.iter().any(beside) {
                self.begin_tasks();
            }
            let dead = self.state.dead;
            self.enter(function, span, "begins the task", &Certainty::SURE);
            // That a task never ends keeps nobody.
            self.state.dead = dead;
            let summary = self.engine.summary(SummaryKey { function, main: false });
            let note = format!("begins the task {}", self.engine.values.tree.display(function));
            let step = Rc::new(ChainStep {
                function: self.here,
                span,
                note: note.into(),
            });
            for begun in self.threads_of_task(&summary) {
                let start = self.engine.task_start(begun.start, site);
                let chain = self.behind_inlined(begun.chain.behind(step.clone()));
                let live = self.fresh(start, chain, begun.certainty.clone());
                self.state.tasks.retain(|known| known.start != start);
                self.state.tasks.push(Rc::new(live));
            }
        }
    }

    /// The threads that a task starts, waits for and does something on that matters: the nearest few. What its own tasks start is known
    /// from them.
    fn threads_of_task(&mut self, summary: &Summary) -> Vec<Begun> {
        let mut found: Vec<Begun> = Vec::new();
        for begun in &summary.starts {
            let info = self.engine.start(begun.start);
            if info.process || info.task || self.state.live.contains_key(&begun.start) {
                continue;
            }
            if self.engine.is_gathering(begun.start) || !self.engine.thread_accesses(begun.start).all().is_empty() {
                found.push(begun.clone());
            }
        }
        found.sort_by_key(|begun| begun.chain.length());
        found.truncate(MOST_TASK_THREADS);
        found
    }

    /// This function waits for something: its tasks go on.
    fn begin_tasks(&mut self) {
        for live in std::mem::take(&mut self.state.tasks) {
            // Callers were told of the thread when the task came to it.
            self.meet_begun(live.start, || live.chain.clone(), &live.certainty);
            let mut company = self.company();
            self.go_live(Live::clone(&live), &mut company);
        }
    }

    /// What runs once in the process excludes all that comes after it on any thread, as a writer excludes readers that
    /// never let go; what comes before the call is not ordered.
    fn calls_once(&mut self, site: CallSite, entry: &ArgumentRef, control: &ArgumentRef, span: Span) {
        let functions = self.handed_here(site, entry);
        let controls = self.arguments(site, control);
        let mut controls = controls.iter().map(|(home, value)| (*home, value));
        match controls.find(|(home, value)| !self.engine.values.keys(*home, value).is_empty()) {
            Some((home, value)) => self.call_once(&functions, home, value, span),
            None => self.calls_now(site, entry, false, Repeats::Never, span),
        }
    }

    /// A static is looked at that is initialised when that happens for the first time.
    pub(super) fn initialise(&mut self, value: &Value, span: Span) {
        let functions = self.engine.values.initialisers(self.here, value);
        if !functions.iter().any(|function| self.engine.acts(*function)) {
            return;
        }
        // A program may have hundreds that only look at a variable: what they hold meanwhile would tell apart all that comes
        // after them, and keeps none of it from anything.
        let only_looks = functions.iter().all(|function| {
            let summary = self.engine.summary(SummaryKey {
                function: *function,
                main: false,
            });
            let changes = |access: &Access| self.engine.sites.kind(access.site) == AccessKind::Mutation;
            summary.leaks.is_empty() && !summary.accesses.iter().any(changes)
        });
        match only_looks {
            true => self.call_back(&functions, span),
            false => self.call_once(&functions, self.here, value, span),
        }
    }

    /// What runs once in the process, and what others wait for who come meanwhile: `control` sees to that.
    fn call_once(&mut self, functions: &[FuncId], home: FuncId, control: &Value, span: Span) {
        let held = Held {
            keys: self.engine.values.keys(home, control),
            name: self.engine.values.described(home, control).into(),
            holder: None,
            test: None,
            shared: false,
        };
        // What comes after it holds nothing that another thread could take.
        let after = Held {
            shared: true,
            name: Rc::from(""),
            ..held.clone()
        };
        if self.state.guards.contains(&after) {
            return;
        }
        self.state.guards.push(held.clone());
        self.call_back(functions, span);
        self.state.release(&held.keys);
        self.state.guards.push(after);
    }

    fn hand_on(&mut self, func: FuncId, span: Span, certainty: Certainty) {
        let step = ChainStep {
            function: self.here,
            span,
            note: format!("hands on {}", self.engine.values.tree.display(func)).into(),
        };
        let chain = self.behind_inlined(Chain::default().behind(step));
        let summary = self.engine.summary(SummaryKey {
            function: func,
            main: false,
        });
        // Most of what is handed on has nothing to do with the environment, and need not be carried through every state.
        if summary.accesses.is_empty() {
            return;
        }
        let known = self.state.later.get(func);
        if known.is_some_and(|known| known.certainty.rank() >= certainty.rank()) {
            return;
        }
        let number = self.engine.laters.number(func, certainty.rank());
        self.remember_laters(vec![Later {
            function: func,
            chain,
            certainty,
            number,
        }]);
    }

    /// Functions are handed on, here or in a callee: from here on they may run beside whatever is alive.
    fn remember_laters(&mut self, laters: Vec<Later>) {
        if laters.is_empty() {
            return;
        }
        let sizes = laters.len() * (1 + self.state.live.len());
        if !self.engine.values.budget.spend(sizes as u64) {
            return self.engine.values.budget.cut(self.here, Cut::Steps);
        }
        let mut numbers = Numbers::default();
        let handed = Rc::make_mut(&mut self.state.later);
        for later in laters {
            numbers.add(later.number);
            handed.add(later);
        }
        let (alive, handed) = (self.state.live.clone(), self.state.later.clone());
        for live in alive.values() {
            self.meet_laters(&handed, &numbers, live);
        }
    }

    /// What functions that were handed on do beside a thread: those of these numbers that have not met it.
    fn meet_laters(&mut self, handed: &HandedOn, among: &Numbers, live: &Live) {
        let accesses = self.engine.thread_accesses(live.start);
        let open = self.engine.is_gathering(live.start);
        for number in self.engine.laters.strangers(among, live).iter() {
            let function = self.engine.laters.function(number);
            let Some(later) = handed.get(function) else { continue };
            // Of a function that is being walked not all is known. Its second round tells.
            self.engine.laters.introduce(number, live);
            let deeds = self.engine.deeds(function);
            if open || deeds.in_child || deeds.mutates || deeds.acts && accesses.has_mutations() {
                self.meet_later(later, live);
            }
        }
    }

    fn meet_later(&mut self, later: &Later, live: &Live) {
        let summary = self.engine.summary(SummaryKey {
            function: later.function,
            main: false,
        });
        // They meet once, wherever that is: a function that was handed on may be called in any program.
        self.engine.anywhere = true;
        for access in &summary.accesses {
            let rank = Certainty::rank_of([&access.certainty, &later.certainty]);
            let length = access.chain.length() + later.chain.length();
            let meets = access.child.is_some()
                || self.engine.has_partner(access.site, live.start)
                    && self.engine.first_time_as(self.key.function, access, rank, length, live);
            if meets {
                self.engine.meet(self.key.function, &later.seen(access), live);
            }
        }
        self.engine.anywhere = false;
    }

    /// Code that nobody here knows may call what it is handed, now or later.
    fn unknown_call(&mut self, site: CallSite, span: Span) {
        let call = self.engine.values.tree.call(site);
        let doubt = Certainty::because(Confidence::Low, "unknown code is handed the function and may call it");
        for argument in &call.args {
            let values = &self.engine.values;
            if !values.may_be_function(site.0, &argument.value) {
                continue;
            }
            let objects = values.eval(site.0, &argument.value);
            // A decorator that hands on what it is given says nothing of when that runs: the calls of the function do.
            let is_parameter = values.parameter_of(site.0, &argument.value).is_some();
            for object in objects.iter() {
                if let Object::Function(func) = object
                    && !(is_parameter && self.engine.has_decorators(*func))
                    && self.engine.is_callback(*func)
                {
                    self.enter(*func, span, "hands on", &doubt);
                    self.hand_on(*func, span, doubt.clone());
                }
            }
        }
    }

    fn exec(&mut self, site: CallSite, span: Span) {
        if self.state.own_array {
            return;
        }
        self.out.execs_live = true;
        if self.state.child.is_some() {
            return self.exec_in_child();
        }
        let entries: Vec<EntryId> = self
            .engine
            .values
            .meaning(site)
            .entries
            .iter()
            .copied()
            .filter(|id| matches!(self.engine.values.catalog.entry(*id).role, Role::Exec { .. }))
            .collect();
        self.touch(&entries, AccessKind::Spawn, span, None, None);
    }

    /// The child replaces itself with the live environment: the fork was a spawn.
    fn exec_in_child(&mut self) {
        let Some(fork) = self.state.child else { return };
        let Some(point) = self.state.fork_point.clone() else {
            return;
        };
        let site = self.engine.spawn_at_fork(fork);
        let child = std::mem::replace(&mut self.state, (*point).clone());
        let access = Access {
            site,
            chain: Chain::default(),
            around: self.around(),
            repeated: self.loops > 0,
            certainty: self.certainty(),
            child: None,
            through_module: self.is_in_module(),
        };
        self.note_touch();
        self.record(access);
        self.state = child;
        self.state.dead = true;
    }

    /// `preexec_fn`, `pre_exec`: the function runs in the child.
    fn fork_window(&mut self, site: CallSite, entry: &ArgumentRef, span: Span) {
        let functions = self.engine.values.handed_functions(site, entry);
        let fork = self.engine.fork_window_site(site);
        let before = self.state.clone();
        self.state.fork_point = Some(Rc::new(before.clone()));
        self.state.child = Some(fork);
        for func in functions {
            self.enter(func, span, "runs in the child:", &Certainty::SURE);
        }
        self.state = before;
    }

    fn run_file(&mut self, site: CallSite, source: &ArgumentRef, span: Span) {
        let mut patterns = Vec::new();
        for (home, value) in self.arguments(site, source) {
            patterns.extend(self.engine.values.texts(home, &value));
        }
        let before = self.state.clone();
        let mut ends = Vec::new();
        for module in self.engine.matching_files(&patterns, self.here).iter() {
            self.state = before.clone();
            let function = self.engine.values.tree.module_function(*module);
            let summary = self.engine.summary(SummaryKey { function, main: false });
            let note = format!("runs {}", self.engine.values.tree.file(*module).path);
            self.apply(
                &summary,
                ChainStep {
                    function: self.here,
                    span,
                    note: note.into(),
                },
                &Certainty::SURE,
            );
            ends.push(PathEnd::plain(std::mem::take(&mut self.state)));
        }
        if !ends.is_empty() {
            ends.push(PathEnd::plain(before.clone()));
            self.state = State::merge(&before, ends);
        }
    }

    fn run_module(&mut self, site: CallSite, name: &ArgumentRef, span: Span) {
        for (home, value) in self.arguments(site, name) {
            for text in self.engine.values.texts(home, &value) {
                if !text.contains('\u{0}') {
                    self.import(&text, span);
                }
            }
        }
    }
}

/// What the threads that are alive at one place do.
#[derive(Debug, Default, Clone, Copy)]
struct Met {
    acts: bool,
    mutates: bool,
}

impl Met {
    /// Whether an access of this kind may be a pair with something that they do.
    fn by(&self, kind: AccessKind) -> bool {
        match kind {
            AccessKind::Mutation => self.acts,
            _ => self.mutates,
        }
    }
}

/// What a thread finds that is alive from some point on.
struct Company {
    /// What the others send that are alive.
    sends: Sent,
    /// The tests under which the point stands.
    under: Rc<[Under]>,
    /// What callers must hand over for the point to be reached.
    needs: Vec<Need>,
    stories: Stories,
}

/// The kind of access that a role is, if it is one.
pub(super) fn access_kind(role: &Role) -> Option<AccessKind> {
    match role {
        Role::Mutation { .. } => Some(AccessKind::Mutation),
        Role::Spawn { .. } => Some(AccessKind::Spawn),
        Role::Read { .. } => Some(AccessKind::Read),
        _ => None,
    }
}

impl Summary {
    /// A call that makes `environ` a heap array without changing a variable that anybody looks at.
    fn heap_by_call(&mut self, state: &mut Option<SiteId>, site: Option<SiteId>) {
        *state = state.or(site);
        self.heap = self.heap.or(site);
    }
}

/// A shape that may add a variable.
pub(super) fn may_add(shape: Shape) -> bool {
    matches!(shape, Shape::Add | Shape::Unknown | Shape::Clear)
}

/// One element of a container, or a part of it: `threads[i]`, `workers[i].thread`.
fn is_element(value: &Value) -> bool {
    match value {
        Value::Item(..) | Value::Element(_) => true,
        Value::Attribute(base, _) => is_element(base),
        _ => false,
    }
}
