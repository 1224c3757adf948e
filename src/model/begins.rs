//! How threads begin: a thread that is started meets what the walking thread has begun to do, and those that are alive; what is alive
//! is told what company it keeps.

use std::rc::Rc;

use crate::facts::Value;

use super::budget::Cut;
use super::needs::Need;
use super::program::Sent;
use super::summary::{Begun, Certainty, Chain, Held, Live, StartId, Stories, Story, Under};
use super::tree::{CallSite, FuncId};
use super::walk::Walk;

impl Walk<'_, '_> {
    /// A thread begins, here or in a callee. `covered`: [`Begun::covered`], with what is held around the callee, and
    /// [`Begun::past`].
    pub(super) fn begun(
        &mut self,
        start: StartId,
        chain: impl Fn() -> Chain,
        certainty: &Certainty,
        (covered, past): (Option<Vec<Held>>, &[Held]),
    ) {
        self.meet_begun(start, &chain, certainty);
        self.engine.observe_start(self.key.function, start);
        self.covers.begun(start, (covered, past), &self.state);
        self.note_start(start, chain, certainty);
        self.state.joined.retain(|(joined, _)| *joined != start);
        self.state.ended.retain(|ended| ended.start != start);
        self.state.failed.retain(|failed| *failed != start);
    }

    /// A thread that begins meets those that are alive, and what was handed on to run at any time.
    pub(super) fn meet_begun(&mut self, start: StartId, chain: impl Fn() -> Chain, certainty: &Certainty) {
        // Threads that do nothing to the environment meet no other threads.
        let acts = !self.engine.thread_accesses(start).all().is_empty();
        let has_company = acts && !self.state.live.is_empty();
        if !has_company && self.state.later.is_empty() {
            return;
        }
        let fresh = self.fresh(start, chain(), certainty.clone());
        if has_company {
            self.engine.meet_company(self.key.function, &fresh, &self.state.live);
        }
        if !self.state.later.is_empty() {
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
            covered: None,
            past: Rc::default(),
        };
        match self.out.starts.get_mut(place) {
            Some(known) => *known = begun,
            None => self.out.starts.push(begun),
        }
    }

    /// What a thread finds that is alive from here on.
    pub(super) fn company(&mut self) -> Company {
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
    pub(super) fn fresh(&mut self, start: StartId, chain: Chain, certainty: Certainty) -> Live {
        let mut live = self.engine.fresh(start, chain, certainty, self.state.heap);
        self.tell_past(&mut live);
        if !self.state.guards.is_empty() {
            live.story_mut().covered = self.state.surely_held().cloned().collect();
        }
        live
    }

    /// A thread is alive from here on.
    pub(super) fn go_live(&mut self, mut live: Live, company: &mut Company) {
        self.tell_past(&mut live);
        if let Some(known) = self.state.live.get(&live.start) {
            live.certainty.programs = live.certainty.programs.or(&known.certainty.programs);
            let are_many = known.many && known.count == 0;
            if are_many || self.engine.can_repeat(live.start, self.key.function) && !self.is_started_once(&live) {
                let one_by_one = self.loops == 0 && known.count > 0 && live.count > 0;
                live.count = if one_by_one { known.count + live.count } else { 0 };
                live.many = true;
            }
        }
        if live.many {
            self.engine.meet_itself(self.key.function, &live);
        }
        let sent = self.engine.thread_sends(live.start);
        // Each of the others is told of each queue; a step is worth some of that.
        let told = self.state.live.len() * (1 + sent.on.len() / 4);
        if !self.engine.values.budget.spend(told as u64) {
            return self.engine.values.budget.cut(self.here, Cut::Steps);
        }
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
            covered: live.story.covered.clone(),
            ..*live.story
        };
        if !sent.is_nothing() {
            self.state.live.each(
                |other| {
                    sent.unknown && !other.story.sent_unknown
                        || sent.on.iter().any(|keys| !other.story.sent.contains(keys))
                },
                |other| {
                    let story = other.story_mut();
                    story.sent.extend(sent.on.iter().cloned());
                    story.sent_unknown |= sent.unknown;
                },
            );
        }
        story.sent.extend(company.sends.on.iter().cloned());
        story.sent_unknown |= company.sends.unknown;
        company.sends.add(&sent);
        story.needs.extend(company.needs.iter().cloned());
        story.needs.sort();
        story.needs.dedup();
        if let Some(known) = self.state.live.get(&live.start) {
            story.needs = Need::of_either(&story.needs, &known.story.needs);
            story.covered.retain(|held| known.story.covered.contains(held));
        }
        company.stories.tell(&mut live, story);
        self.engine.meet_forks(self.key.function, &live);
        self.state.live.change().insert(live.start, Rc::new(live));
    }

    /// The functions on the way to a start see to it that there is one such thread.
    pub(super) fn is_started_once(&self, live: &Live) -> bool {
        let site = self.engine.start(live.start).site.0;
        let on_the_way = live.chain.functions().chain([site]);
        let functions = on_the_way.filter(|function| *function != self.key.function);
        self.engine.values.ask_for_what_they_set(functions)
    }

    /// A call starts the threads that the catalog says it does.
    pub(super) fn start_threads(&mut self, site: CallSite) {
        for start in self.engine.starts_at(site) {
            let info = self.engine.start(start);
            if info.process || !self.may_be_meant(site, start) {
                continue;
            }
            let Some(start) = self.in_context(start) else { continue };
            let chain = self.behind_inlined(Chain::default());
            self.begun(start, Chain::default, &Certainty::SURE, (None, &[]));
            let live = self.fresh(start, chain, Certainty::SURE);
            let mut company = self.company();
            self.go_live(live, &mut company);
        }
    }

    /// Of the threads that `t.start()` may begin by all that `t` ever is, those that it can be here.
    fn may_be_meant(&self, site: CallSite, start: StartId) -> bool {
        let info = self.engine.start(start);
        let Value::Attribute(receiver, _) = &self.engine.values.tree.call(site).callee else {
            return true;
        };
        if info.created == site || self.latest(self.here, receiver) == **receiver && !self.is_bound(site.0, receiver) {
            return true;
        }
        let known = self.made_here(self.here, receiver);
        known.is_empty() || known.contains(&info.created)
    }

    /// A start on a parameter means what is bound to it here; nothing where evident callers walk the function themselves.
    fn in_context(&mut self, start: StartId) -> Option<StartId> {
        let created = self.engine.start(start).created;
        let entry = self.engine.values.entry_value(created);
        if let Some(targets) = entry.and_then(|(home, value)| self.parameter_here(home, value)) {
            // What a decorator was handed runs without that decorator.
            let bare = entry.and_then(|(home, value)| self.binding_of_value(home, value));
            let bare = bare.filter(|bound| bound.is_bare).cloned();
            let bindings = match bare {
                Some(bare) => vec![bare],
                None if self.are_captured(&targets) => self.bindings.clone(),
                None => Vec::new(),
            };
            return (!targets.is_empty())
                .then(|| self.engine.context_start(start, targets, bindings, &self.inlined_calls));
        }
        let entries = self.engine.start(start).entries.clone();
        let rests = self.engine.values.thread_of_rests(created).into_iter();
        let handed = rests.filter_map(|rest| self.parameter_here(created.0, rest)).flatten();
        let more: Vec<FuncId> = handed.filter(|target| !entries.contains(target)).collect();
        if !more.is_empty() {
            let entries = entries.into_iter().chain(more).collect();
            let context = &self.inlined_calls;
            return Some(self.engine.context_start(start, entries, Vec::new(), context));
        }
        if self.are_captured(&entries) {
            let bindings = self.bindings.clone();
            return Some(self.engine.context_start(start, entries, bindings, &self.inlined_calls));
        }
        Some(start)
    }

    /// Whether some of these functions call a parameter that is bound here, since they stand in its function, or by way of the field
    /// that it was stored into.
    fn are_captured(&self, functions: &[FuncId]) -> bool {
        let values = &self.engine.values;
        self.bindings.iter().any(|bound| {
            let captures = |function: &FuncId| {
                values.nested_in(*function, bound.owner) || values.calls_slot_of(*function, bound.owner, bound.index)
            };
            functions.iter().any(captures)
        })
    }
}

/// What a thread finds that is alive from some point on.
pub(super) struct Company {
    /// What the others send that are alive.
    pub(super) sends: Sent,
    /// The tests under which the point stands.
    under: Rc<[Under]>,
    /// What callers must hand over for the point to be reached.
    needs: Vec<Need>,
    stories: Stories,
}
