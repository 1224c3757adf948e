//! One function, walked in order: regions and plain events. What calls do is in [`super::calls`].

use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{
    AccessForm, Condition, Event, FunctionKind, Language, Node, Region, RegionKind, Span, StoreKind, Value,
};
use crate::finding::Confidence;
use crate::knowledge::{EntryId, Role, Shape, Taken};

use super::around::{Around, Holding};
use super::budget::Cut;
use super::covers::Covers;
use super::failing;
use super::firsts;
use super::forks::{ForkSide, Forked, side_asked};
use super::higher::Binding;
use super::key_set::KeySet;
use super::lent::may_be_sent;
use super::managers::Entered;
use super::needs::{Asking, Need, Seen};
use super::objects::Object;
use super::overdue::Overdue;
use super::places::{Key, Keys, add_new, is_first, meet};
use super::program::{Engine, SummaryKey};
use super::sites::{AccessKind, SiteId};
use super::state::{Lives, PathEnd, State};
use super::summary::{Access, Accesses, Certainty, Chain, ChainStep, Leaving, Live, StartId, Stories, Story, Summary};
use super::team::Team;
use super::tree::{CallSite, FuncId, asks_for_main, last_segment};
use super::unset;
use super::values::with_room;
use super::words::Words;

/// How many tests are taken to have been false where code behind them runs: later arms of a branch, and what follows arms that
/// leave the function.
const MOST_TESTS: usize = 256;

/// What is still to run when an inlined generator yields: the with-block's body.
struct Continuation<'t> {
    body: &'t Region,
    function: FuncId,
    inlined: usize,
}

/// An arm that is being walked.
pub(super) struct ArmContext<'t> {
    pub test: Rc<str>,
    arm: &'t Region,
    /// The places that it assigns, once somebody asked.
    assigned: Option<Rc<Vec<String>>>,
    /// The place whose truth is tested, and the function in which the test stands.
    tested: Option<(FuncId, &'t Value)>,
    /// The place that is tested whichever way.
    flag: Option<&'t Value>,
    /// What must be handed to the function for the arm to be taken.
    needs: Vec<Need>,
}

impl ArmContext<'_> {
    /// The places that the arm assigns.
    pub fn assigned(&mut self) -> Rc<Vec<String>> {
        let arm = self.arm;
        self.assigned.get_or_insert_with(|| Rc::new(assigned_in(arm))).clone()
    }
}

/// Why a thread is doubted that tells a loop of its end in words that others use too.
const MAY_BE_DONE: &str = "a loop waits for a variable that the thread sets when it is done, and that others set too";

/// Why a thread is doubted whose last word was heard.
const AT_ABORT: &str = "the thread has said that it is done, and touches the environment only where it aborts";

/// How many jumps to one label are kept apart.
const MOST_JUMPS: usize = 64;

/// The walk through one function.
pub(super) struct Walk<'e, 't> {
    pub engine: &'e mut Engine<'t>,
    pub key: SummaryKey,
    /// The function whose code is walked right now; differs from the key's where code is inlined.
    pub here: FuncId,
    pub state: State,
    pub out: Summary,
    pub accesses: Accesses,
    /// The places of the starts in [`Summary::starts`].
    pub begun: FxHashMap<StartId, usize>,
    /// What is in [`Summary::sends`], of which a callee brings hundreds at every call.
    pub sends: FxHashSet<Keys>,
    /// The guards that are held around whole threads.
    pub covers: Covers,
    pub arms: Vec<ArmContext<'t>>,
    /// What must have been handed to the function, since it would have returned else.
    pub needs: Vec<Need>,
    pub loops: u32,
    /// For each loop around, the threads that were alive when it began and of which there may be several.
    entered: Vec<Vec<StartId>>,
    /// How many of the arms around end in an abort.
    failing: u32,
    /// The environment at hand is the live one on some ways alone, of which no caller says whether they are taken.
    pub perhaps_unset: u32,
    /// For each loop around, the threads that were alive when it began.
    outside: Vec<Lives>,
    /// Threads that may have told a loop around that they are done.
    perhaps_done: Vec<StartId>,
    /// The threads that are alive where a wait of the block around has raised.
    pub overdue: Vec<Overdue>,
    /// How often the environment was changed or looked at so far, here or in a callee, other than on the way to an abort.
    pub touches: u32,
    words: Words,
    /// The threads that run the code together.
    pub team: Option<Team>,
    pub inlined: Vec<Rc<ChainStep>>,
    /// How many functions were walked in place so far.
    pub inlines: u32,
    /// The calls whose callee's code is walked in place.
    pub inlined_calls: Vec<CallSite>,
    pub bindings: Vec<Binding>,
    continuations: Vec<Continuation<'t>>,
    /// The managers of the with-blocks around.
    pub scopes: Vec<(FuncId, &'t Value)>,
    /// What was entered by a call, and is left with one of these blocks.
    pub managers: Vec<Entered>,
    /// The generators whose code is walked around a with-block's body, with the calls that make them.
    entered_by: Vec<(FuncId, CallSite)>,
    returns: Vec<State>,
    breaks: Vec<State>,
    continues: Vec<State>,
    /// What holds where jumps lead, by the name of the label.
    jumps: BTreeMap<String, Jumps>,
}

/// The jumps to one label.
#[derive(Default)]
struct Jumps {
    states: Vec<State>,
    /// The label was come to.
    met: bool,
}

impl<'t> Walk<'_, 't> {
    /// What the function of this key does.
    pub fn summarise(engine: &mut Engine<'t>, key: SummaryKey, bindings: Vec<Binding>) -> Summary {
        let tree = engine.values.tree;
        let body = &tree.function(key.function).body;
        let done = engine.done_before(key.function);
        let mut walk = Walk::new(engine, key, bindings);
        walk.state.done = done;
        walk.constructors();
        walk.body(body);
        walk.finish()
    }

    fn new<'e>(engine: &'e mut Engine<'t>, key: SummaryKey, bindings: Vec<Binding>) -> Walk<'e, 't> {
        Walk {
            engine,
            key,
            here: key.function,
            state: State::default(),
            out: Summary::default(),
            accesses: Accesses::default(),
            begun: FxHashMap::default(),
            sends: FxHashSet::default(),
            covers: Covers::default(),
            arms: Vec::new(),
            needs: Vec::new(),
            loops: 0,
            entered: Vec::new(),
            failing: 0,
            perhaps_unset: 0,
            outside: Vec::new(),
            perhaps_done: Vec::new(),
            overdue: Vec::new(),
            touches: 0,
            words: Words::default(),
            team: None,
            inlined: Vec::new(),
            inlines: 0,
            inlined_calls: Vec::new(),
            bindings,
            continuations: Vec::new(),
            scopes: Vec::new(),
            managers: Vec::new(),
            entered_by: Vec::new(),
            returns: Vec::new(),
            breaks: Vec::new(),
            continues: Vec::new(),
            jumps: BTreeMap::new(),
        }
    }

    /// The code of the function, with what its decorators do before and after.
    fn body(&mut self, body: &'t Region) {
        let changed = self.engine.values.changed_around(self.here);
        let once = self.engine.values.runs_once(self.here);
        let generators = self.engine.generators_around(self.here);
        if changed.is_empty() && once.is_none() && generators.is_empty() {
            return self.region(body);
        }
        let touch = |walk: &mut Self| {
            for (entries, span) in &changed {
                walk.touch(entries, AccessKind::Mutation, *span, None, None);
            }
            for (generator, span) in &generators {
                walk.enter(*generator, *span, "runs in the block of", &Certainty::SURE);
            }
        };
        self.state.received.extend(once.clone());
        touch(self);
        self.region(body);
        let inner = std::mem::take(&mut self.returns);
        let normal = std::mem::take(&mut self.state);
        self.leave(normal, inner, |walk| {
            touch(walk);
            walk.state.done.extend(once.clone());
        });
    }

    /// What a thread does that runs a decorated function: its decorators' wrappers stand around it.
    pub fn summarise_decorated(engine: &mut Engine<'t>, function: FuncId) -> Summary {
        let mut walk = Walk::new(engine, SummaryKey { function, main: false }, Vec::new());
        let span = walk.engine.values.tree.function(function).name_span;
        walk.invoke(function, None, span, &Certainty::SURE);
        walk.finish()
    }

    /// What the loader runs before `main` (GNU C's constructor attribute).
    fn constructors(&mut self) {
        let tree = self.engine.values.tree;
        let function = tree.function(self.here);
        if tree.language(self.here) != Language::C || function.name != "main" {
            return;
        }
        for constructor in self.engine.constructors_beside(self.here) {
            self.enter(
                constructor,
                function.name_span,
                "the loader first runs",
                &Certainty::SURE,
            );
        }
    }

    fn finish(mut self) -> Summary {
        let mut ends: Vec<PathEnd> = self.returns.drain(..).map(PathEnd::plain).collect();
        ends.extend(self.lost_jumps().into_iter().map(PathEnd::plain));
        ends.push(PathEnd::plain(std::mem::take(&mut self.state)));
        self.out.weak_joins = self.weakly_joined_at_end(&ends);
        self.out.done_where = self.done_by_result(&ends);
        let exit = State::merge(&State::default(), ends);
        self.out
            .weak_joins
            .retain(|(start, _)| exit.joined.iter().all(|(joined, _)| joined != start));
        self.covers.close(&mut self.out.starts, &exit);
        self.out.exits = exit.dead;
        self.out.joins = exit.joined;
        let mut stories = Stories::default();
        let leak = |live: &Rc<Live>| {
            let mut live = Live::clone(live);
            // Callers have tests of their own.
            if !live.story.under.is_empty() {
                let story = Story {
                    under: Rc::default(),
                    ..Story::clone(&live.story)
                };
                stories.tell(&mut live, story);
            }
            live.cover(&exit.guards);
            live
        };
        // Nobody goes on beside what is alive where the function does not come back.
        // What tasks are left to wait for is known to who made them alone: there is no end of it otherwise.
        let engine = &self.engine;
        let leaks = exit
            .live
            .values()
            .filter(|live| !exit.dead && !engine.start(live.start).task);
        self.out.leaks = leaks.map(leak).collect();
        self.out.overdue = std::mem::take(&mut self.overdue);
        self.out.acquires = exit.guards;
        if self.engine.values.tree.language(self.key.function) == Language::C {
            // C drops no values: what holds a lock for a block is cleaned up by then.
            self.out.acquires.retain(|held| held.holder.is_none());
        }
        self.out.received = exit.received;
        self.out.received.retain(|keys| !is_first(keys));
        // Of what nothing here hangs on, nobody need know.
        let first = |keys: &Keys| self.engine.firsts.contains(keys);
        self.out.done = exit.done;
        self.out.done.retain(first);
        self.out.heard = exit.heard;
        self.out.last_words = self.words.last(self.touches);
        self.out.touches = self.touches > 0;
        self.out.own_array = exit.own_array;
        self.out.heap = self.out.heap.or(exit.heap);
        self.out.later = exit.later;
        self.out.accesses = self.accesses.into_list();
        self.out.see_from(&self.engine.programs.of(self.key.function));
        self.engine.arounds.prune(&mut self.out.accesses);
        let Engine { sites, arounds, .. } = &mut *self.engine;
        self.out.trim(sites, arounds);
        // Millions of them are kept for as long as the analysis takes.
        self.out.accesses.shrink_to_fit();
        self.out.look_for_parameters(self.key.function);
        self.out
    }

    /// Work that is done once and surely done where the function returns what is false, and what is true.
    fn done_by_result(&self, ends: &[PathEnd]) -> [KeySet; 2] {
        [false, true].map(|truth| {
            let gives = |end: &&PathEnd| !end.state.dead && end.state.gave != Some(!truth);
            let mut ends = ends.iter().filter(gives).map(|end| &end.state.done);
            let mut done = ends.next().cloned().unwrap_or_default();
            done.retain(|keys| self.engine.firsts.contains(keys));
            ends.for_each(|other| done.keep_common(other));
            done
        })
    }

    /// The threads that are joined on some of the ways out of the function.
    fn weakly_joined_at_end(&self, ends: &[PathEnd]) -> Vec<(StartId, (FuncId, Span))> {
        let ends = ends.iter().filter(|end| !end.state.dead);
        let mut joined: Vec<StartId> = ends
            .flat_map(|end| &end.state.joined)
            .map(|(start, _)| *start)
            .collect();
        joined.sort_unstable();
        joined.dedup();
        let place = |start: StartId| Some((start, self.engine.joined_at(start)?));
        joined.into_iter().filter_map(place).collect()
    }

    fn region(&mut self, region: &'t Region) {
        match &region.kind {
            RegionKind::Seq | RegionKind::TryBody | RegionKind::Handler | RegionKind::Finally => {
                self.nodes(&region.nodes)
            }
            RegionKind::Conditional { .. } => self.conditional(region),
            RegionKind::Unreached { .. } => {}
            RegionKind::Loop {
                over,
                test,
                at_least_once,
            } => self.repeat(region, over.as_ref(), test, *at_least_once),
            RegionKind::Branch { exhaustive } => self.branch(region, *exhaustive),
            RegionKind::Arm { .. } => self.nodes(&region.nodes),
            RegionKind::Try => self.attempt(region),
            RegionKind::Scope {
                manager, manager_span, ..
            } => self.scope(region, manager, *manager_span),
            RegionKind::Pragma { text } => self.pragma(region, text),
        }
    }

    /// One node after the other, as long as the code is reached.
    pub(super) fn nodes(&mut self, nodes: &'t [Node]) {
        let needs = self.needs.len();
        if !self.engine.values.budget.enter() {
            return self.engine.values.budget.cut(self.here, Cut::Depth);
        }
        for node in nodes {
            // What holds at a point is copied and compared where paths part and meet.
            let state = &self.state;
            let held = match node {
                Node::Region(_) => state.live.len() + state.later.len() + state.guards.len(),
                Node::Event(_) => 0,
            };
            if !self.state.dead && !self.engine.values.budget.spend(1 + held as u64) {
                self.engine.values.budget.cut(self.here, Cut::Steps);
                break;
            }
            match node {
                Node::Event(Event::Label { name }) => self.label(name),
                // Only a label brings life back.
                Node::Region(region) if self.state.dead && !self.is_jumped_into(region) => {}
                Node::Event(_) if self.state.dead => {}
                Node::Event(event) => self.event(event),
                Node::Region(region) => with_room(|| self.region(region)),
            }
        }
        self.engine.values.budget.leave();
        self.needs.truncate(needs);
    }

    /// Whether a jump that was made leads into a region.
    fn is_jumped_into(&self, region: &Region) -> bool {
        let mut found = false;
        if self.jumps.values().any(|jumps| !jumps.states.is_empty()) {
            super::tree::each_event(region, &mut |event| {
                found |= matches!(event, Event::Label { name } if self.jumps.contains_key(name));
            });
        }
        found
    }

    fn jump(&mut self, label: &str) {
        let state = std::mem::replace(&mut self.state, State::unreachable());
        let jumps = self.jumps.entry(label.to_owned()).or_default();
        jumps.states.push(state);
        // A function may jump to its end from hundreds of places.
        if jumps.states.len() >= MOST_JUMPS {
            let ends = jumps.states.drain(..).map(PathEnd::plain).collect();
            jumps.states.push(State::merge(&State::default(), ends));
        }
    }

    /// Where jumps meet what comes from above. A thread that was joined on some of the ways is alive on the others, and less
    /// surely so: mostly it is an error that jumps over a join.
    fn label(&mut self, name: &str) {
        let Some(jumps) = self.jumps.get_mut(name) else { return };
        jumps.met = true;
        let mut states = jumps.states.clone();
        // Whoever jumps out of loops has left them.
        let inside = self.entered.len() + 1;
        states.iter_mut().for_each(|state| self.leave_loops(state, inside));
        states.push(std::mem::take(&mut self.state));
        states.retain(|state| !state.dead);
        let ended = |start: &StartId| {
            let mut ended = states.iter().flat_map(|state| &state.ended);
            ended.any(|ended| ended.start == *start)
        };
        let mut base = State::default();
        for (start, live) in states.iter().flat_map(|state| state.live.iter()) {
            if ended(start) {
                base.live.change().insert(*start, live.clone());
            }
        }
        self.state = State::merge(&base, states.into_iter().map(PathEnd::plain).collect());
        // Whoever came by a jump left out the tests on the way.
        self.needs.clear();
    }

    /// What holds where jumps lead that no label was found for.
    fn lost_jumps(&mut self) -> Vec<State> {
        let jumps = std::mem::take(&mut self.jumps).into_values();
        jumps
            .filter(|jumps| !jumps.met)
            .flat_map(|jumps| jumps.states)
            .collect()
    }

    /// Compiled or not: both are possible, but a lock taken or a join made there counts, since the code around it was
    /// written for it.
    fn conditional(&mut self, region: &'t Region) {
        let before = self.state.clone();
        self.nodes(&region.nodes);
        if self.state.dead {
            self.state = before;
        }
    }

    fn repeat(&mut self, region: &'t Region, over: Option<&Value>, test: &Condition, at_least_once: bool) {
        let before = self.state.clone();
        // What the body assigns is not what it was before the loop, from the second round on.
        if !self.state.latest.is_empty() {
            let assigned = assigned_in(region);
            self.state
                .latest
                .retain(|(_, target, _)| !assigned.contains(&format!("{target:?}")));
        }
        let endless = *test == Condition::Always && over.is_none();
        self.loops += 1;
        // Who goes through a container thinks of several.
        let several = before.live.values().filter(|live| live.many || over.is_some());
        self.entered.push(several.map(|live| live.start).collect());
        self.outside.push(before.live.clone());
        let perhaps_done = self.perhaps_done.len();
        let team = self.team.as_mut().map(Team::enter_loop);
        let mut breaks = Vec::new();
        let needs = self.needs.len();
        let mut told: Vec<StartId> = Vec::new();
        if !at_least_once {
            self.learn(test, true, region.span);
            let entered = |start: &&StartId| !self.state.live.contains_key(*start);
            told = before.live.keys().filter(entered).copied().collect();
            if self.here == self.key.function {
                // Nobody comes into it whom the first test keeps out.
                let asked = self.needs_of_test(test, true, Some(region));
                self.needs.extend(asked);
            }
        }
        let (first, sends) = (self.accesses.len(), self.out.sends.len());
        let mut after = self.round(region, &mut breaks);
        // A second round sees the threads that the first one left alive.
        let begun = after.live.iter().any(|(start, live)| match before.live.get(start) {
            None => true,
            Some(old) => old.story.sent.len() != live.story.sent.len(),
        });
        let news = begun || after.tasks.len() > before.tasks.len();
        if news && !after.dead {
            let depth = self.entered.len();
            let again = |live: &Live| live.story.leaving.is_some_and(|leaving| leaving.depth >= depth);
            after.live.each(again, |live| live.story_mut().leaving = None);
            self.state = State::merge(&before, vec![PathEnd::plain(before.clone()), PathEnd::plain(after)]);
            after = self.round(region, &mut breaks);
        }
        if self.out.sends_unknown || self.out.sends.len() > sends {
            self.accesses.sent_in_loop(first);
        }
        self.needs.truncate(needs);
        self.loops -= 1;
        if let (Some(team), Some(entered)) = (&mut self.team, team) {
            team.leave_loop(entered);
        }
        let depth = self.entered.len();
        self.leave_loops(&mut after, depth);
        breaks.iter_mut().for_each(|end| self.leave_loops(end, depth));
        self.entered.pop();
        if !after.dead {
            self.state = after;
            self.end_of_loop(region, over, test);
            after = std::mem::take(&mut self.state);
        }
        let alive = after.live.clone();
        let mut ends: Vec<PathEnd> = breaks.into_iter().map(PathEnd::plain).collect();
        if !endless {
            if !at_least_once {
                let mut skipped = before.clone();
                // A loop that joins what it goes through has joined it all, however many there were.
                if !after.dead {
                    if self.only_waits(region) {
                        skipped.received.clone_from(&after.received);
                    }
                    // What was found to have ended where the loop was entered was alive where it was not.
                    let was_told = |start: &StartId| told.contains(start);
                    let stays = |start: &StartId| was_told(start) || after.live.contains_key(start);
                    skipped.live.change().retain(|start, _| stays(start));
                    skipped.joined.clone_from(&after.joined);
                    skipped.joined.retain(|(start, _)| !was_told(start));
                    skipped.ended.clone_from(&after.ended);
                    skipped.ended.retain(|ended| !was_told(&ended.start));
                }
                ends.push(self.out_of_loop(skipped, test, region.span));
            }
            ends.push(self.out_of_loop(after, test, region.span));
        }
        self.outside.pop();
        self.state = State::merge(&before, ends);
        if self.state.dead {
            self.state.live = alive;
        }
        self.doubt_perhaps_done(perhaps_done);
    }

    /// `while (!ready) wait(&condition);`: where there was nothing to wait for, it had come already.
    fn only_waits(&self, region: &Region) -> bool {
        let mut waits = 0;
        let only = region.nodes.iter().all(|node| match node {
            Node::Event(Event::Call(index)) => {
                let meaning = self.engine.values.meaning((self.here, *index));
                let receives =
                    |id: &EntryId| matches!(self.engine.values.catalog.entry(*id).role, Role::Receive { .. });
                waits += 1;
                meaning.entries.iter().any(receives)
            }
            Node::Event(Event::Load { .. }) => true,
            _ => false,
        });
        only && waits > 0
    }

    /// Where a loop ends because its test is false: `while (trylock(&lock)) wait();` holds the lock then.
    fn out_of_loop(&mut self, state: State, test: &Condition, span: Span) -> PathEnd {
        self.state = state;
        if !self.state.dead {
            self.learn(test, false, span);
        }
        PathEnd::plain(std::mem::take(&mut self.state))
    }

    /// What a test says that came out as `truth`: that trying for a lock succeeded, that another thread is done.
    fn learn(&mut self, test: &Condition, truth: bool, span: Span) {
        match test {
            Condition::Not(inner) => self.learn(inner, !truth, span),
            Condition::All(tests) if truth => tests.iter().for_each(|test| self.learn(test, true, span)),
            Condition::Any(tests) if !truth => tests.iter().for_each(|test| self.learn(test, false, span)),
            Condition::Truthy(value) => {
                self.learn_first(test, truth);
                self.learn_variable(value, truth);
                self.learn_result(value, truth);
                self.take_if(value, |taken| (*taken == Taken::True) == truth);
                self.hear_told(value, None, truth, span);
                self.found_ended(value, truth, false, span);
                if !truth {
                    self.hear_counted(value, span);
                }
            }
            Condition::Less(Value::Int(0), count) if !truth => self.hear_counted(count, span),
            Condition::Less(Value::Int(1), count) if !truth => self.found_alone(count, span),
            Condition::Less(count, Value::Int(2)) if truth => self.found_alone(count, span),
            Condition::Equal(a, b) => {
                self.learn_first(test, truth);
                if let (value, Value::None | Value::Int(0)) | (Value::None | Value::Int(0), value) = (a, b) {
                    self.learn_variable(value, !truth);
                    self.learn_result(value, !truth);
                }
                self.take_compared(a, b, truth);
                self.hear_told(a, Some(b), truth, span);
                self.hear_told(b, Some(a), truth, span);
                if let (true, Value::Int(0), count) | (true, count, Value::Int(0)) = (truth, a, b) {
                    self.hear_counted(count, span);
                }
                if let (true, Value::Int(1), count) | (true, count, Value::Int(1)) = (truth, a, b) {
                    self.found_alone(count, span);
                }
            }
            _ => {}
        }
    }

    /// Work that is done once is done, or is not where this is reached.
    fn learn_first(&mut self, test: &Condition, truth: bool) {
        let Some((place, true_where)) = firsts::asked(test) else {
            return;
        };
        let Some(mark) = self.engine.values.mark(self.here, place) else {
            return;
        };
        match mark.is_set(truth == true_where) {
            true => self.state.done.insert(mark.keys),
            false => add_new(&mut self.state.received, &[mark.keys]),
        }
    }

    /// A function has returned what is true, or what is false: some of what is done once is done then.
    fn learn_result(&mut self, value: &Value, truth: bool) {
        let Value::Call(owner, call) = value else { return };
        let site = (self.engine.values.closure(self.here, *owner), *call);
        let meaning = self.engine.values.meaning(site);
        let [edge] = meaning.edges.as_slice() else { return };
        if edge.certainty.confidence < Confidence::High {
            return;
        }
        let summary = self.engine.summary(SummaryKey {
            function: edge.target,
            main: false,
        });
        self.state.done.add(&summary.done_where[usize::from(truth)]);
    }

    fn take_compared(&mut self, a: &Value, b: &Value, truth: bool) {
        match (a, b) {
            (value, Value::Int(0)) | (Value::Int(0), value) => {
                self.take_if(value, |taken| (*taken != Taken::True) == truth);
            }
            (value, Value::Bool(wanted)) => {
                self.take_if(value, |taken| *taken == Taken::True && *wanted == truth);
            }
            (value, Value::Global(name)) => {
                self.take_if(value, |taken| truth && *taken == Taken::Named(name.to_string()));
            }
            _ => {}
        }
    }

    /// A variable is what a thread makes it that is done.
    fn hear_told(&mut self, place: &Value, wanted: Option<&Value>, truth: bool, span: Span) {
        if let Some(keys) = self.engine.values.told_by_test(self.here, place, wanted, truth) {
            // It may have been so before the thread began, so that nothing waits for it.
            self.hear_word(&keys, span);
        }
        if let Some(keys) = self.engine.values.opened_by_test(self.here, place, wanted, truth)
            && !self.state.received.contains(&keys)
        {
            self.state.received.push(keys);
        }
        self.perhaps_hear(place, wanted, truth, span);
    }

    /// A variable has told that whoever tells it last is done.
    pub(super) fn hear_word(&mut self, keys: &Keys, span: Span) {
        self.hear(keys, span);
        if !self.state.heard.contains(keys) {
            self.state.heard.push(keys.clone());
        }
    }

    /// A loop waits for a place that a thread stores into when it is done, as others do: it may be done.
    fn perhaps_hear(&mut self, place: &Value, wanted: Option<&Value>, truth: bool, span: Span) {
        let Some(outside) = self.outside.last().cloned() else {
            return;
        };
        let Some(keys) = self.engine.values.perhaps_told_by_test(self.here, place, wanted, truth) else {
            return;
        };
        let asked = format!("{place:?}");
        // A loop that starts a thread in every round waits for one of many; who starts one only as long as nothing has been told
        // thinks of one.
        let is_one = |live: &Live| {
            outside.contains_key(&live.start) || live.story.under.iter().any(|(test, _)| test.contains(&asked))
        };
        self.perhaps_hear_word(&keys, is_one, span);
    }

    /// A loop waits for a number to be nought that threads count down when they are done: all of them may be.
    fn hear_counted(&mut self, count: &Value, span: Span) {
        if self.outside.is_empty() {
            return;
        }
        if let Some(keys) = self.engine.values.counted_out(self.here, count) {
            self.perhaps_hear_word(&keys, |_| true, span);
        }
    }

    /// A loop waits for what threads tell when they are done, and others too: they are doubted, here and in the callers. `is_one`:
    /// no other thread of its start can have told it. A number is counted down by each of many.
    pub(super) fn perhaps_hear_word(&mut self, keys: &Keys, is_one: impl Fn(&Live) -> bool, span: Span) {
        if !self.out.perhaps_heard.contains(keys) {
            self.out.perhaps_heard.push(keys.clone());
        }
        let counted = keys.iter().any(|key| matches!(key, Key::Counted(_)));
        let alive = self.state.live.values();
        let alive = alive.filter(|live| (counted || !live.many) && is_one(live));
        let alive: Vec<StartId> = alive.map(|live| live.start).collect();
        for start in alive {
            if self.engine.has_last_word(start, keys) {
                self.doubt_thread(start, Confidence::Low, MAY_BE_DONE, (self.here, span));
                self.perhaps_done.push(start);
            }
        }
    }

    /// A loop is over that may have waited for some threads' end: on all ways out of it they are as doubtful.
    fn doubt_perhaps_done(&mut self, before: usize) {
        for start in self.perhaps_done.split_off(before) {
            if let Some(live) = self.state.live.one(start) {
                live.certainty = live.certainty.and(&Certainty::because(Confidence::Low, MAY_BE_DONE));
            }
        }
    }

    fn take_if(&mut self, value: &Value, held: impl Fn(&Taken) -> bool) {
        let Value::Call(owner, call) = self.latest(self.here, value) else {
            return;
        };
        let site: CallSite = (self.engine.values.closure(self.here, owner), call);
        let meaning = self.engine.values.meaning(site);
        for id in &meaning.entries {
            if let Role::Lock {
                of,
                shared,
                tries: true,
                guard,
                taken,
            } = &self.engine.values.catalog.entry(*id).role
                && held(taken)
            {
                return self.lock(site, of, *shared, *guard);
            }
        }
    }

    /// What is known once a loop has come to its end by itself: it went through all that some threads bring, or on for as
    /// long as one was alive.
    fn end_of_loop(&mut self, region: &'t Region, over: Option<&Value>, test: &Condition) {
        let here = self.here;
        if let Some(over) = over {
            self.drain(here, over, region.span);
        }
        if let Condition::Truthy(value) = test {
            self.found_ended(value, false, false, region.span);
        }
        self.found_empty(test, region);
    }

    fn round(&mut self, region: &'t Region, breaks: &mut Vec<State>) -> State {
        let outer_breaks = std::mem::take(&mut self.breaks);
        let outer_continues = std::mem::take(&mut self.continues);
        let start = self.state.clone();
        self.nodes(&region.nodes);
        let mut ends = vec![PathEnd::plain(std::mem::take(&mut self.state))];
        ends.extend(
            std::mem::replace(&mut self.continues, outer_continues)
                .into_iter()
                .map(PathEnd::plain),
        );
        breaks.extend(std::mem::replace(&mut self.breaks, outer_breaks));
        State::merge(&start, ends)
    }

    fn branch(&mut self, region: &'t Region, mut exhaustive: bool) {
        let before = self.state.clone();
        let mut ends = Vec::new();
        let mut fork = ForkArms::default();
        let mut earlier: Vec<&Condition> = Vec::new();
        for node in &region.nodes {
            let Node::Region(arm) = node else { continue };
            let RegionKind::Arm { test } = &arm.kind else {
                self.region(arm);
                continue;
            };
            let outcome = self.engine.values.decided(self.here, test);
            if outcome == Some(false) || self.never(test) {
                continue;
            }
            // Of a long chain the nearest tests do: it is made by a program, or to keep us busy.
            let nearest = &earlier[earlier.len().saturating_sub(MOST_TESTS)..];
            let Some(needs) = self.needs_of_arm(nearest, test, arm) else {
                continue;
            };
            self.state = before.clone();
            for earlier in nearest {
                self.learn(earlier, false, arm.span);
            }
            self.learn(test, true, arm.span);
            earlier.push(test);
            self.arm(arm, test, needs, &mut fork);
            ends.push(PathEnd {
                test: Some(self.text_of(test)),
                place: tested_place(test),
                state: std::mem::take(&mut self.state),
            });
            if outcome == Some(true) {
                exhaustive = true;
                break;
            }
        }
        if !exhaustive {
            let mut skipped = before.clone();
            // `if (fork() > 0) exit(0);`: what follows is the child.
            if let Some((site, shared)) = fork.rest_is_child()
                && ends.iter().all(|end| end.state.dead)
            {
                self.state = skipped;
                self.become_child(site, shared);
                skipped = std::mem::take(&mut self.state);
            }
            self.state = skipped;
            let left = ends.iter().zip(&earlier).filter(|(end, _)| end.state.dead);
            for (_, test) in left {
                if self.here == self.key.function && self.needs.len() < MOST_TESTS {
                    let needs = self.needs_of_test(test, false, None);
                    self.needs.extend(needs);
                }
            }
            for test in earlier {
                self.learn(test, false, region.span);
            }
            ends.push(PathEnd::plain(std::mem::take(&mut self.state)));
        }
        self.state = State::merge(&before, ends);
    }

    /// What must be handed to the function for an arm to be taken: the tests before it were false. `None` where it is not taken:
    /// code that is walked in place is handed what the call says for which it is.
    fn needs_of_arm(&self, earlier: &[&Condition], test: &Condition, arm: &Region) -> Option<Vec<Need>> {
        let before = earlier.iter().flat_map(|test| self.needs_of_test(test, false, None));
        let needs = before.chain(self.needs_of_test(test, true, Some(arm)));
        self.needs_here(needs.collect())
    }

    /// What is left of needs of the function whose code is at hand. `None`: code that is walked in place is handed something else.
    pub(super) fn needs_here(&self, needs: Vec<Need>) -> Option<Vec<Need>> {
        if self.here == self.key.function {
            return Some(needs);
        }
        let Some((generator, site)) = self.entered_by.last().filter(|(function, _)| *function == self.here) else {
            return Some(Vec::new());
        };
        let mut left = Vec::new();
        for need in needs.into_iter().filter(|need| need.owner == *generator) {
            match self.engine.values.need_at_call(*site, &need, self.key.function) {
                Seen::Met => {}
                Seen::Handed(need) => left.push(need),
                Seen::RuledOut => return None,
            }
        }
        Some(left)
    }

    /// What must be handed to the function that is walked, or to the one whose code is walked in place, for a test to come out so.
    fn needs_of_test(&self, test: &Condition, holds: bool, arm: Option<&Region>) -> Vec<Need> {
        let fields = self.here == self.key.function && self.engine.is_entry(self.here);
        self.engine.values.needs(self.here, test, holds, Asking { fields, arm })
    }

    fn arm(&mut self, arm: &'t Region, test: &'t Condition, needs: Vec<Need>, fork: &mut ForkArms) {
        let name = self.text_of(test);
        for held in &mut self.state.guards {
            if held.test.as_ref() == Some(&name) {
                held.test = None;
            }
        }
        if let Some((site, shared)) = self.fork_child(test, fork) {
            self.become_child(site, shared);
        }
        self.hear_of_failures(test);
        let tested = tested_value(test).map(|value| (self.here, value));
        self.arms.push(ArmContext {
            test: name,
            arm,
            assigned: None,
            tested,
            flag: tested_flag(test),
            needs,
        });
        let fails = u32::from(self.engine.values.fails(self.here, arm));
        self.failing += fails;
        self.nodes(&arm.nodes);
        self.failing -= fails;
        self.arms.pop();
    }

    /// How sure it is that the code at hand runs, once its function is called.
    pub(super) fn certainty(&self) -> Certainty {
        match (self.failing, self.perhaps_unset) {
            (0, 0) => Certainty::SURE,
            (0, _) => unset::doubt(),
            _ => failing::doubt(),
        }
    }

    /// The code at hand is a file's own, or runs in such code in place.
    pub(super) fn is_in_module(&self) -> bool {
        let is_module = |function: FuncId| self.engine.values.tree.function(function).kind == FunctionKind::Module;
        is_module(self.here) || is_module(self.key.function)
    }

    /// The environment was changed or looked at.
    pub(super) fn note_touch(&mut self) {
        self.touches += u32::from(self.failing == 0);
        self.out.touches_at_abort |= self.failing > 0;
    }

    /// A test as a text by which it is recognised again in the same file.
    fn text_of(&mut self, test: &'t Condition) -> Rc<str> {
        let file = self.engine.values.tree.file_of(self.here);
        let text = || format!("{file:?} {test:?}").into();
        self.engine.tests.entry(test).or_insert_with(text).clone()
    }

    fn become_child(&mut self, site: SiteId, shared: bool) {
        self.state.fork_point = Some(Rc::new(self.state.clone()));
        self.state.child = Some(site);
        self.state.shared_child = shared;
        self.state.live = Lives::default();
    }

    /// A test that is false whenever this code runs: `__name__ == "__main__"` in a module that is imported.
    fn never(&self, test: &Condition) -> bool {
        self.engine.values.tree.function(self.here).kind == FunctionKind::Module
            && self.engine.values.tree.language(self.here) == Language::Python
            && !(self.key.main && self.here == self.key.function)
            && asks_for_main(test)
    }

    /// Whether an arm is the child of a fork, by what its test asks of the fork's result.
    fn fork_child(&mut self, test: &Condition, fork: &mut ForkArms) -> Option<(SiteId, bool)> {
        match test {
            Condition::Equal(value, Value::Path(variant) | Value::Global(variant)) => {
                let forked = self.fork_of(value)?;
                let is_child = forked.child.as_deref() == Some(last_segment(variant));
                let side = if is_child { ForkSide::Child } else { ForkSide::Parent };
                return fork.asked(&forked, side);
            }
            Condition::Always => return fork.rest_is_child(),
            Condition::All(tests) | Condition::Any(tests) => {
                return tests.iter().find_map(|test| self.fork_child(test, fork));
            }
            _ => {}
        }
        let (value, side) = side_asked(test)?;
        let forked = self.fork_of(value)?;
        // That there is a result says nothing of an enum.
        if forked.child.is_some() {
            return None;
        }
        fork.asked(&forked, side)
    }

    /// The fork whose result a value is, or whose result begins with it (Python's `pid, terminal = pty.fork()`).
    fn fork_of(&mut self, value: &Value) -> Option<Forked> {
        self.engine.fork_behind(self.here, value)
    }

    fn attempt(&mut self, region: &'t Region) {
        let before = self.state.clone();
        let returns = std::mem::take(&mut self.returns);
        let mut overdue = Vec::new();
        let mut ends = Vec::new();
        let mut finally = None;
        for node in &region.nodes {
            let Node::Region(part) = node else { continue };
            match part.kind {
                RegionKind::TryBody => {
                    let outer = std::mem::take(&mut self.overdue);
                    self.nodes(&part.nodes);
                    overdue = self.overdue_since(outer);
                    ends.push(std::mem::take(&mut self.state));
                }
                RegionKind::Handler => {
                    self.state = failed(&before, ends.first());
                    if let Some(body) = ends.first() {
                        self.keep_leaving(body, &overdue);
                    }
                    self.revive(&overdue);
                    self.nodes(&part.nodes);
                    ends.push(std::mem::take(&mut self.state));
                }
                _ => finally = Some(part),
            }
        }
        // Joins in the body count where a handler follows: the failure that skips them is not the schedule we look for, but where it is
        // the join itself that fails.
        if let Some(body) = ends.first().filter(|body| !body.dead).cloned() {
            let stays = |start: &StartId| {
                let is_overdue = overdue.iter().any(|overdue| overdue.start == *start);
                is_overdue || body.live.contains_key(start) || !before.live.contains_key(start)
            };
            for end in ends.iter_mut().skip(1) {
                end.live.change().retain(|start, _| stays(start));
            }
        }
        let body = ends.first().cloned();
        let normal: Vec<PathEnd> = ends.into_iter().map(PathEnd::plain).collect();
        let normal = State::merge(&before, normal);
        match finally {
            None => {
                self.state = normal;
                self.returns.splice(0..0, returns);
            }
            Some(part) => {
                let inner = std::mem::replace(&mut self.returns, returns);
                // A body that neither ends nor returns can only fail, and is cleaned up behind then too.
                if normal.dead && inner.is_empty() {
                    self.state = failed(&before, body.as_ref());
                    self.revive(&overdue);
                    self.nodes(&part.nodes);
                    self.state.dead = true;
                    return;
                }
                self.clean_up_overdue(failed(&before, body.as_ref()), &overdue, &part.nodes);
                self.leave(normal, inner, |walk| walk.nodes(&part.nodes));
            }
        }
    }

    /// What the body of a `try` joins in the round of a loop counts where a handler follows, as what it joins at once does.
    fn keep_leaving(&mut self, body: &State, overdue: &[Overdue]) {
        let leaves = |live: &&Rc<Live>| live.story.leaving.is_some();
        for live in body.live.values().filter(leaves) {
            let is_overdue = overdue.iter().any(|overdue| overdue.start == live.start);
            if !is_overdue && self.state.live.contains_key(&live.start) {
                self.state.live.change().insert(live.start, live.clone());
            }
        }
    }

    /// Runs what happens on every way out of a block: for the normal end and for the returns inside it alike.
    fn leave(&mut self, normal: State, inner: Vec<State>, act: impl Fn(&mut Self)) {
        let falls_through = !normal.dead;
        if !inner.is_empty() {
            self.state = State::merge(&State::default(), inner.into_iter().map(PathEnd::plain).collect());
            act(self);
            let state = std::mem::take(&mut self.state);
            self.returns.push(state);
        }
        self.state = normal;
        if falls_through {
            act(self);
        }
    }

    fn scope(&mut self, region: &'t Region, manager: &'t Value, span: Span) {
        if let Some(generator) = self.generator_of(manager) {
            return self.inline_generator(region, generator, span);
        }
        let entered = self.enter_manager(manager, span);
        self.scopes.push((self.here, manager));
        let more = self.managers.len();
        let returns = std::mem::take(&mut self.returns);
        let outer = std::mem::take(&mut self.overdue);
        let before = self.state.clone();
        self.nodes(&region.nodes);
        // Whoever leaves a block may keep an exception to himself. None of those does that the catalog knows.
        let overdue = match self.overdue_since(outer) {
            overdue if entered.entries.is_empty() => overdue,
            _ => Vec::new(),
        };
        let inner = std::mem::replace(&mut self.returns, returns);
        let mut normal = std::mem::take(&mut self.state);
        if normal.dead && !overdue.is_empty() {
            normal = failed(&before, None);
        }
        self.scopes.pop();
        let kept = self.managers_kept_by(manager, more);
        self.leave(normal, inner, |walk| {
            walk.revive(&overdue);
            for entered in kept.iter().rev() {
                walk.leave_manager(entered, region, span);
            }
            walk.leave_manager(&entered, region, span);
        });
    }

    /// The generator that a with-block enters, and the call that makes it.
    fn generator_of(&self, manager: &Value) -> Option<(FuncId, CallSite)> {
        let Value::Call(owner, call) = manager else { return None };
        let values = &self.engine.values;
        let file = values.tree.file_of(self.here);
        let site: CallSite = (values.tree.func(file, *owner), *call);
        values
            .meaning(site)
            .edges
            .iter()
            .map(|edge| edge.target)
            .find(|target| self.engine.is_context_manager(*target))
            .map(|target| (target, site))
    }

    /// Runs a generator's code around the with-block's body, which stands where it yields.
    fn inline_generator(&mut self, region: &'t Region, (generator, site): (FuncId, CallSite), span: Span) {
        if self.inlined.len() >= 6 || self.inlined.iter().any(|step| step.function == generator) {
            self.enter(generator, span, "enters the block of", &Certainty::SURE);
            return self.nodes(&region.nodes);
        }
        let function = self.here;
        self.continuations.push(Continuation {
            body: region,
            function,
            inlined: self.inlined.len(),
        });
        self.inlined.push(Rc::new(ChainStep {
            function,
            span,
            note: format!("enters the block of {}", self.engine.values.tree.display(generator)).into(),
        }));
        self.here = generator;
        self.entered_by.push((generator, site));
        let depth = self.continuations.len();
        let alive: Vec<StartId> = self.state.live.keys().copied().collect();
        self.inline_body(&self.engine.values.tree.function(generator).body);
        self.here = function;
        self.entered_by.pop();
        self.inlined.pop();
        self.continuations.truncate(depth - 1);
        // Whichever of its yields was meant, a pool that the manager opened ends with it.
        self.end_hidden(&alive, span);
    }

    /// Walks the body of another function in place: its returns end it, not the function around it.
    pub(super) fn inline_body(&mut self, body: &'t Region) {
        let returns = std::mem::take(&mut self.returns);
        let arms = std::mem::take(&mut self.arms);
        let jumps = std::mem::take(&mut self.jumps);
        self.region(body);
        self.arms = arms;
        let lost = self.lost_jumps();
        self.jumps = jumps;
        let inner = std::mem::replace(&mut self.returns, returns);
        let mut ends: Vec<PathEnd> = inner.into_iter().chain(lost).map(PathEnd::plain).collect();
        ends.push(PathEnd::plain(std::mem::take(&mut self.state)));
        self.state = State::merge(&State::default(), ends);
        self.state.idle = false;
        self.state.gave = None;
    }

    fn event(&mut self, event: &'t Event) {
        match event {
            Event::Call(index) => self.call((self.here, *index)),
            Event::Store {
                target,
                form,
                kind,
                value,
                span,
            } => self.store(target, *form, *kind, value, *span),
            Event::Load { value, form, span } => self.load(value, *form, *span),
            Event::Await { value, span } => self.awaited(value, *span),
            Event::Drop { value, span } => self.dropped(value, *span),
            Event::Return { value, .. } => {
                self.leave_in_between();
                let mut state = std::mem::replace(&mut self.state, State::unreachable());
                state.gave = firsts::truth_of(value);
                state.idle = self.is_done_before();
                self.leave_loops(&mut state, 0);
                self.returns.push(state);
            }
            Event::Yield { .. } => self.yielded(),
            Event::Raise { .. } => self.state.dead = true,
            Event::Break => {
                self.leave_in_between();
                let state = std::mem::replace(&mut self.state, State::unreachable());
                self.breaks.push(state);
            }
            Event::Continue => {
                let state = std::mem::replace(&mut self.state, State::unreachable());
                self.continues.push(state);
            }
            Event::Jump { label } => self.jump(label),
            Event::Label { name } => self.label(name),
            Event::Import { path, span } => self.import(path, *span),
            Event::Define { function, span } => {
                let target = self.engine.values.closure(self.here, *function);
                if self.engine.values.tree.function(target).kind == FunctionKind::ClassBody {
                    self.enter(target, *span, "runs the class body of", &Certainty::SURE);
                } else {
                    self.tell_frameworks_of(target);
                    self.decorate(target, *span);
                }
            }
        }
    }

    /// Decorators run where what they decorate is defined: one may start a thread on it.
    fn decorate(&mut self, target: FuncId, span: Span) {
        for decorator in self.engine.starting_decorators(target) {
            let bound = Binding::decorated(decorator, target, &[]);
            let summary = self.engine.bound_summary(decorator, vec![bound]);
            let note = format!("decorates with {}", self.engine.values.tree.display(decorator));
            self.apply(&summary, self.step(span, note), &Certainty::SURE);
        }
    }

    /// `if (t->joined) return; t->joined = true; join(t);`: whoever returns there finds the work done.
    fn is_done_before(&self) -> bool {
        let Some(arm) = self.arms.last() else { return false };
        let Some(flag) = arm.flag else { return false };
        let after = arm.arm.span.end;
        let mut set = false;
        super::tree::each_event(&self.engine.values.tree.function(self.here).body, &mut |event| {
            set |= matches!(event, Event::Store { target, span, .. } if span.start >= after && target == flag);
        });
        set
    }

    fn yielded(&mut self) {
        let Some(next) = self.continuations.pop() else { return };
        let generator = std::mem::replace(&mut self.here, next.function);
        let arms = std::mem::take(&mut self.arms);
        let steps = self.inlined.split_off(next.inlined);
        self.nodes(&next.body.nodes);
        self.inlined.extend(steps);
        self.arms = arms;
        self.here = generator;
        self.continuations.push(next);
    }

    fn store(&mut self, target: &'t Value, form: AccessForm, kind: StoreKind, value: &'t Value, span: Span) {
        if matches!(target, Value::Local(..) | Value::Global(_)) {
            let file = self.engine.values.tree.file_of(self.here);
            self.state
                .latest
                .retain(|(home, known, _)| *home != file || known != target);
            if kind == StoreKind::Assign && (self.engine.is_handle(file, target) || self.is_status(value)) {
                self.state.latest.push((file, target.clone(), value.clone()));
            }
        }
        if kind == StoreKind::Assign {
            let values = &self.engine.values;
            let told = match self.engine.is_entry(self.here) {
                true => values.told_by_store(self.here, target, value),
                false => None,
            };
            let stored = values.stored(self.here, target, value);
            let opened = values.opened_by_store(self.here, target, value);
            told.iter().chain(&stored).for_each(|keys| self.note_word(keys, true));
            if let Some(keys) = opened {
                self.open(keys);
            }
            self.set_first(target, value);
        }
        if kind == StoreKind::Augmented
            && let Some(keys) = self.engine.values.counted_down(self.here, target, value)
        {
            self.note_word(&keys, true);
        }
        for method in self.engine.values.run_by_store(self.here, target, kind) {
            self.enter(method, span, "stores there: calls", &Certainty::SURE);
        }
        let entries = self.engine.values.store_entries(self.here, target, form, kind);
        if entries.is_empty() {
            return;
        }
        let variable = self.engine.key_of_place(self.here, target);
        // What is there already is overwritten: `+=`, or putting back the same.
        let shape = (kind == StoreKind::Augmented && form == AccessForm::Subscript).then_some(Shape::Overwrite);
        self.touch_place(target, &entries, AccessKind::Mutation, span, (variable, shape));
        // `environ = envp;` as a whole.
        if matches!(target, Value::Global(_)) && kind == StoreKind::Assign {
            self.state.own_array = !self.engine.values.is_live(self.here, value);
        }
    }

    /// A store marks work as done that is done once.
    fn set_first(&mut self, target: &Value, value: &Value) {
        let values = &self.engine.values;
        let Some(mark) = values.mark(self.here, target) else {
            return;
        };
        let truth = values.truth_once_stored(self.here, value);
        if truth.is_some_and(|truth| mark.is_set(truth)) {
            self.state.done.insert(mark.keys);
        }
    }

    /// Those who wait for this function to tell something go on, and those who begin later do not wait.
    fn open(&mut self, keys: Keys) {
        let alive: Vec<StartId> = self.state.live.keys().copied().collect();
        for start in alive {
            if self.engine.what_hangs_on(start)(&keys)
                && let Some(live) = self.state.live.one(start)
            {
                live.story_mut().sent.insert(keys.clone());
            }
        }
        if !self.state.opened.contains(&keys) {
            self.state.opened.push(keys);
        }
    }

    /// Records an access of this function's own code to a place, or to something that is a member of it.
    pub(super) fn touch_place(
        &mut self,
        place: &Value,
        entries: &[EntryId],
        kind: AccessKind,
        span: Span,
        (variable, shape): (Option<String>, Option<Shape>),
    ) {
        let need = match place {
            Value::Item(base, _) | Value::Element(base) | Value::Attribute(base, _)
                if self.here == self.key.function =>
            {
                self.engine.values.live_need(self.here, base)
            }
            _ => None,
        };
        let needs = self.needs.len();
        self.needs.extend(need);
        self.touch(entries, kind, span, variable, shape);
        self.needs.truncate(needs);
    }

    fn load(&mut self, value: &'t Value, form: AccessForm, span: Span) {
        if let Value::Attribute(base, name) = value
            && self.engine.is_property(name)
        {
            for object in self.engine.values.eval(self.here, base).iter() {
                if let Object::Instance(class, _) = object {
                    for method in self.engine.values.properties_of(*class, name) {
                        self.enter(method, span, "reads the property: calls", &Certainty::SURE);
                    }
                }
            }
        }
        self.initialise(value, span);
        let entries = self.engine.values.load_entries(self.here, value, form);
        if !entries.is_empty() && !self.engine.is_environment_argument(self.here, span) {
            let variable = self.engine.key_of_place(self.here, value);
            self.touch_place(value, &entries, AccessKind::Read, span, (variable, None));
        }
    }

    /// What surely holds at this point.
    pub(super) fn around(&mut self) -> Around {
        let joined = self.state.joined.iter().map(|(start, _)| *start);
        let holding = Holding {
            guards: self.state.surely_held().cloned().collect(),
            given_up: self.state.given_up.clone(),
            gate: self.state.received.clone(),
            joined: joined.collect(),
            needs: self.needs_in_force(),
        };
        self.engine.arounds.make(holding)
    }

    /// What must have been handed to the function for this point to be reached.
    pub(super) fn needs_in_force(&self) -> Vec<Need> {
        let needs = self.arms.iter().flat_map(|arm| &arm.needs).chain(&self.needs);
        needs.cloned().collect()
    }

    /// Records an access of this function's own code.
    pub(super) fn touch(
        &mut self,
        entries: &[EntryId],
        kind: AccessKind,
        span: Span,
        variable: Option<String>,
        shape: Option<Shape>,
    ) {
        let Some(mut site) = self.engine.site(self.here, entries, kind, span, variable, shape) else {
            return;
        };
        if let Some((function, span)) = self.use_of_macro() {
            site = self.engine.expanded_site(site, None, function, span);
        }
        if kind == AccessKind::Mutation && self.engine.adds(site) && self.state.child.is_none() {
            self.out.heap = self.out.heap.or(Some(site));
        }
        let mark = self.variable_set(site);
        self.record_here(site, self.state.child);
        if kind == AccessKind::Mutation && self.engine.adds(site) && self.state.child.is_none() {
            self.state.heap = self.state.heap.or(Some(site));
        }
        if let Some(mark) = mark {
            self.state.done.insert(mark);
        }
    }

    /// Records an access by the code at hand. `child`: the fork in whose child it is made.
    pub(super) fn record_here(&mut self, site: SiteId, child: Option<SiteId>) {
        let access = Access {
            site,
            chain: Chain::default(),
            around: self.around(),
            repeated: self.loops > 0,
            after_send: self.has_sent(),
            certainty: self.certainty(),
            child,
            through_module: self.is_in_module(),
            variable: None,
        };
        self.note_touch();
        self.record(access);
    }

    /// Something may have been sent on a queue so far.
    pub(super) fn has_sent(&self) -> bool {
        self.out.sends_unknown || !self.out.sends.is_empty()
    }

    /// Where the macro is used whose code is walked in place.
    fn use_of_macro(&self) -> Option<(FuncId, Span)> {
        let kind = |function: FuncId| self.engine.values.tree.function(function).kind;
        if kind(self.here) != FunctionKind::Macro {
            return None;
        }
        let steps = self.inlined.iter().rev();
        steps
            .map(|step| (step.function, step.span))
            .find(|(function, _)| kind(*function) != FunctionKind::Macro)
    }

    /// A thread surely ends; what it leaves alive goes on without it. `despite_test`: see [`State::joined`].
    pub(super) fn end(&mut self, start: StartId, despite_test: bool, function: FuncId, span: Span) {
        let ended = self.state.live.get(&start).cloned();
        self.state.end(start, despite_test, function, span);
        if let Some(ended) = ended {
            let mut state = std::mem::take(&mut self.state);
            self.leave_orphans(&mut state, &ended);
            self.state = state;
        }
    }

    /// Loops are over, and with them the threads that they joined one by one: [`State::leave_loops`].
    fn leave_loops(&mut self, state: &mut State, depth: usize) {
        let before = state.live.clone();
        state.leave_loops(depth);
        let left = state.live.clone();
        for ended in before.values().filter(|live| !left.contains_key(&live.start)) {
            self.leave_orphans(state, ended);
        }
    }

    /// The threads that a thread which has ended had started, and joined nowhere.
    fn leave_orphans(&mut self, state: &mut State, ended: &Live) {
        if self.engine.start(ended.start).process {
            return;
        }
        for summary in self.engine.entry_summaries(ended.start) {
            // What a thread raises ends it, and nobody else.
            let overdue: Vec<Live> = summary.overdue.iter().filter_map(Overdue::found_alive).collect();
            for left in summary.leaks.iter().chain(&overdue) {
                let joined = state.joined.iter().any(|(joined, _)| *joined == left.start);
                if joined || state.live.contains_key(&left.start) {
                    continue;
                }
                let story = Story {
                    sent: ended.story.sent.clone(),
                    sent_unknown: ended.story.sent_unknown,
                    ..Story::default()
                };
                let orphan = Live {
                    start: left.start,
                    chain: left
                        .chain
                        .behind(self.step_of_start(ended.start))
                        .behind_all(&ended.chain),
                    many: left.many || ended.many,
                    count: 0,
                    certainty: left.certainty.and(&ended.certainty),
                    heap: ended.heap.or(left.heap),
                    story: Rc::new(story),
                };
                state.live.change().insert(orphan.start, Rc::new(orphan));
            }
        }
    }

    /// The start of a thread as a step on the way to what it starts itself.
    fn step_of_start(&self, start: StartId) -> ChainStep {
        let (function, call) = self.engine.start(start).site;
        ChainStep {
            function,
            span: self.engine.values.tree.call((function, call)).span,
            note: "starts the thread that".into(),
        }
    }

    /// Joins the threads that these keys mean. `whole`: the join goes through all threads of a start, not just one.
    pub(super) fn join(&mut self, keys: &Keys, by_owner: bool, whole: bool, span: Span) {
        for start in self.engine.starts_meant(keys, by_owner) {
            let (many, count) = match self.state.live.get(&start) {
                Some(live) => (live.many, live.count),
                None => (false, 0),
            };
            if many && !whole && !by_owner {
                if count > 1
                    && self.loops == 0
                    && let Some(live) = self.state.live.one(start)
                {
                    live.count -= 1;
                    live.many = live.count > 1;
                    continue;
                }
                self.weak_join(start, "only one of several threads is joined", span);
                continue;
            }
            let despite = self.tests_handle(keys);
            self.engine.note_join(start, self.here, span);
            self.end(start, despite, self.here, span);
        }
    }

    /// Joins one thread of these keys in each round of the loop around: where there are several of a start, the others
    /// are alive until the loop ends.
    /// `asked`: see [`Leaving`].
    pub(super) fn join_in_turn(&mut self, keys: &Keys, asked: bool, span: Span) {
        let (depth, function) = (self.entered.len(), self.here);
        let despite_test = self.tests_handle(keys);
        for start in self.engine.starts_meant(keys, false) {
            self.engine.note_join(start, function, span);
            let several = self.entered.last().is_some_and(|starts| starts.contains(&start));
            match self.state.live.one(start) {
                Some(live) if several => {
                    live.story_mut().leaving = Some(Leaving {
                        asked,
                        depth,
                        despite_test,
                        function,
                        span,
                    });
                }
                _ => self.end(start, despite_test, function, span),
            }
        }
    }

    /// Something is sent; `last`: what sends it touches the environment no more.
    pub(super) fn note_word(&mut self, keys: &Keys, last: bool) {
        self.words.tell(keys, (last && self.loops == 0).then_some(self.touches));
    }

    /// A thread whose last word was received does nothing more that matters: it sends on this queue once it is done with
    /// the environment, and nobody else has sent there since it was started.
    pub(super) fn hear(&mut self, keys: &Keys, span: Span) {
        let alive: Vec<StartId> = self.state.live.keys().copied().collect();
        for &start in &alive {
            let live = &self.state.live[&start];
            let by_others = may_be_sent(live, keys);
            if live.many || by_others || !self.engine.has_last_word(start, keys) {
                continue;
            }
            self.engine.note_join(start, self.here, span);
            match self.engine.touches_at_abort(start) {
                true => self.doubt_thread(start, Confidence::Low, AT_ABORT, (self.here, span)),
                false => self.end(start, false, self.here, span),
            }
        }
    }

    /// Notes a join that does not surely end the thread.
    pub(super) fn weak_join(&mut self, start: StartId, doubt: &str, span: Span) {
        self.weakly_joined(start, doubt, (self.here, span));
    }

    /// As [`Walk::weak_join`], at another place.
    pub(super) fn weakly_joined(&mut self, start: StartId, doubt: &str, place: (FuncId, Span)) {
        self.doubt_thread(start, Confidence::Medium, doubt, place);
    }

    /// A thread may have ended at a place, and is alive after it with this confidence at the most.
    fn doubt_thread(&mut self, start: StartId, confidence: Confidence, doubt: &str, place: (FuncId, Span)) {
        if let Some(live) = self.state.live.one(start) {
            live.story_mut().weak_join = Some(place);
            live.certainty = live.certainty.and(&Certainty::because(confidence, doubt));
        }
    }

    /// What a name holds at this point, where every path here stored the same; else the name itself. `home`: a function of the file
    /// that the name stands in, which need not be the one at hand: an argument may come from the caller's.
    pub(super) fn latest(&self, home: FuncId, value: &Value) -> Value {
        let file = self.engine.values.tree.file_of(home);
        let known = self
            .state
            .latest
            .iter()
            .find(|(home, target, _)| *home == file && target == value);
        match known {
            // What a container held when it was made says nothing of what was put into it since.
            Some((_, _, Value::List(_) | Value::Map(_) | Value::Call(..))) if self.is_filled(home, value) => {
                value.clone()
            }
            Some((_, _, latest)) => latest.clone(),
            None => value.clone(),
        }
    }

    /// Something is put into the place somewhere, after it was made.
    fn is_filled(&self, home: FuncId, value: &Value) -> bool {
        let values = &self.engine.values;
        // Of a mapping the keys may be what matters.
        !values.elements(home, value, None).is_empty() || !values.keys_of_mapping(home, value).is_empty()
    }

    /// Whether the code stands under a test of one of these places: `if self.thread: self.thread.join()`.
    fn tests_handle(&self, keys: &Keys) -> bool {
        let mut tested = self.arms.iter().filter_map(|arm| arm.tested);
        tested.any(|(func, value)| meet(&self.engine.values.keys(func, value), keys))
    }
}

/// The arms of one branch that ask for a fork's result.
#[derive(Default)]
struct ForkArms {
    seen: Vec<(SiteId, bool, ForkSide)>,
}

impl ForkArms {
    /// An arm asks for a side of a fork. Its child is what the arm is, if it is the child's.
    fn asked(&mut self, forked: &Forked, side: ForkSide) -> Option<(SiteId, bool)> {
        self.seen.push((forked.site, forked.shared, side));
        (side == ForkSide::Child).then_some((forked.site, forked.shared))
    }

    /// What is left over is the child: the parent was asked for and the child was not.
    fn rest_is_child(&self) -> Option<(SiteId, bool)> {
        let (site, shared, _) = self.seen.first()?;
        let has = |side| self.seen.iter().any(|(_, _, seen)| *seen == side);
        (has(ForkSide::Parent) && !has(ForkSide::Child)).then_some((*site, *shared))
    }
}

/// What is known where the body of a `try` failed. It may have failed anywhere: what it started may be alive, what it joined may not be.
fn failed(before: &State, body: Option<&State>) -> State {
    let body = body.cloned().unwrap_or_else(State::unreachable);
    let begun = body.dead.then(|| body.live.clone());
    let ends = vec![PathEnd::plain(before.clone()), PathEnd::plain(body)];
    let mut state = State::merge(&State::default(), ends);
    state.guards.clone_from(&before.guards);
    for (start, live) in begun.iter().flat_map(|begun| begun.iter()) {
        state.live.change().entry(*start).or_insert_with(|| live.clone());
    }
    state
}

/// The value whose plain truth is tested: `if x`, `if x is not None`.
fn tested_value(test: &Condition) -> Option<&Value> {
    match test {
        Condition::Truthy(value) => Some(value),
        Condition::Not(inner) => match inner.as_ref() {
            Condition::Equal(value, Value::None) | Condition::Equal(Value::None, value) => Some(value),
            _ => None,
        },
        Condition::All(tests) => tests.iter().find_map(tested_value),
        _ => None,
    }
}

/// The field or global that a test compares with nothing, nought or a constant.
fn tested_flag(test: &Condition) -> Option<&Value> {
    let place = match test {
        Condition::Truthy(value) => value,
        Condition::Not(inner) => return tested_flag(inner),
        Condition::Equal(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Global(_)) => value,
        _ => return None,
    };
    matches!(place, Value::Global(_) | Value::Attribute(..)).then_some(place)
}

fn tested_place(test: &Condition) -> Option<String> {
    tested_value(test).map(|value| format!("{value:?}"))
}

/// The places that an arm assigns, as texts.
fn assigned_in(arm: &Region) -> Vec<String> {
    let mut found = Vec::new();
    super::tree::each_event(arm, &mut |event| {
        if let Event::Store { target, .. } = event {
            found.push(format!("{target:?}"));
        }
    });
    found
}
