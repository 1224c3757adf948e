//! What holds at one point of a function: the threads that may be alive, the guards that are held, and how two such
//! states meet where paths join.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::facts::{Span, Value};
use crate::finding::Confidence;

use super::crowd::Crowd;
use super::handed_on::HandedOn;
use super::key_set::KeySet;
use super::needs::Need;
use super::places::{Keys, add_new, is_first, meet};
use super::sites::SiteId;
use super::summary::{Certainty, Held, Leaving, Live, StartId, Story};
use super::tree::{FileId, FuncId};
use super::whose::either;

/// A thread that ended, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub start: StartId,
    pub function: FuncId,
    pub span: Span,
    /// The guards that were held all the time that it was alive.
    pub covered: Vec<Held>,
}

/// The threads that may be alive. States are copied at every branch, and share this until one of them changes it.
#[derive(Debug, Clone, Default)]
pub struct Lives {
    map: Rc<BTreeMap<StartId, Rc<Live>>>,
    /// What they do, as far as somebody asked.
    crowd: RefCell<Option<Rc<Crowd>>>,
}

impl std::ops::Deref for Lives {
    type Target = BTreeMap<StartId, Rc<Live>>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl Lives {
    /// The map, to be changed.
    pub fn change(&mut self) -> &mut BTreeMap<StartId, Rc<Live>> {
        self.crowd.take();
        Rc::make_mut(&mut self.map)
    }

    /// What they do, where that is known.
    pub(super) fn crowd(&self) -> Option<Rc<Crowd>> {
        self.crowd.borrow().clone()
    }

    /// What they do has been found out.
    pub(super) fn remember(&self, crowd: &Rc<Crowd>) {
        self.crowd.replace(Some(Rc::clone(crowd)));
    }

    /// A thread, to be changed.
    pub fn one(&mut self, start: StartId) -> Option<&mut Live> {
        self.map.contains_key(&start).then_some(())?;
        self.change().get_mut(&start).map(Rc::make_mut)
    }

    /// Changes those threads that `wants` picks.
    pub fn each(&mut self, wants: impl Fn(&Live) -> bool, mut change: impl FnMut(&mut Live)) {
        if self.map.values().any(|live| wants(live)) {
            let wanted = self.change().values_mut().filter(|live| wants(live));
            wanted.for_each(|live| change(Rc::make_mut(live)));
        }
    }

    fn is_same(&self, other: &Lives) -> bool {
        Rc::ptr_eq(&self.map, &other.map)
    }
}

/// What holds at one point of a function.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// No path leads here.
    pub dead: bool,
    pub live: Lives,
    pub ended: Vec<Ended>,
    pub guards: Vec<Held>,
    /// Guards that were surely released without having been taken here, and not taken since.
    pub given_up: Vec<Keys>,
    /// We are the child of this fork.
    pub child: Option<SiteId>,
    /// The child shares the parent's memory (vfork).
    pub shared_child: bool,
    /// What held where the child was forked.
    pub fork_point: Option<Rc<State>>,
    /// Threads surely joined so far; `true` where the join stands under a test of the very handle, so that on the other
    /// paths there was nothing to join.
    pub joined: Vec<(StartId, bool)>,
    /// Threads whose start failed on this path.
    pub failed: Vec<StartId>,
    /// The path left the function at once, since what it does had been done: [`super::walk`].
    pub idle: bool,
    /// What names of a file hold, as long as every path agrees.
    pub latest: Vec<(FileId, Value, Value)>,
    /// The queues that were surely received from; of work that is done once, that it is not done.
    pub received: Vec<Keys>,
    /// What variables surely told: that threads are done ([`super::flags`]).
    pub heard: Vec<Keys>,
    /// Work that is done once and surely is done ([`super::firsts`]).
    pub done: KeySet,
    /// Whether what the function returned here is true, where that is a constant.
    pub gave: Option<bool>,
    /// What this function has told so far for which others wait ([`super::flags`]).
    pub opened: Vec<Keys>,
    pub heap: Option<SiteId>,
    /// `environ` points to an array that the program made itself: what is executed from here on gets that one.
    pub own_array: bool,
    /// It does on some of the paths that led here.
    pub own_under_test: bool,
    /// Threads that tasks will start and wait for once this function waits for something.
    pub tasks: Vec<Rc<Live>>,
    /// Functions handed on that may run at any time from here on.
    pub later: Rc<HandedOn>,
}

/// A state at the end of one of several paths.
pub struct PathEnd {
    pub state: State,
    /// The test under which the path was taken.
    pub test: Option<Rc<str>>,
    /// What the test looks at, where it is the plain truth of a place.
    pub place: Option<String>,
}

impl PathEnd {
    /// A path without a test.
    pub fn plain(state: State) -> PathEnd {
        PathEnd {
            state,
            test: None,
            place: None,
        }
    }
}

impl State {
    /// A state that no path leads to.
    pub fn unreachable() -> State {
        State {
            dead: true,
            ..State::default()
        }
    }

    /// Where paths that began in `base` meet again. Where none goes on, what is alive is known all the same, to who catches or cleans up.
    pub fn merge(base: &State, ends: Vec<PathEnd>) -> State {
        let last = ends.last().map(|end| end.state.live.clone());
        let mut ends: Vec<PathEnd> = ends.into_iter().filter(|end| !end.state.dead).collect();
        if ends.len() == 1 && ends[0].test.is_none() {
            return ends.remove(0).state;
        }
        let Some(first) = ends.first() else {
            return State {
                live: last.unwrap_or_default(),
                ..State::unreachable()
            };
        };
        // A child that may have forked again is a child either way, at the least that of the first fork.
        let in_child = match ends.iter().all(|end| end.state.child == first.state.child) {
            true => Some(&first.state),
            false if ends.iter().all(|end| end.state.child.is_some()) => {
                Some(base).filter(|base| base.child.is_some()).or(Some(&first.state))
            }
            false => None,
        };
        let mut merged = State {
            child: in_child.and_then(|state| state.child),
            shared_child: in_child.unwrap_or(&first.state).shared_child,
            fork_point: in_child.unwrap_or(&first.state).fork_point.clone(),
            joined: merge_joined(&ends),
            latest: first.state.latest.clone(),
            received: first.state.received.clone(),
            heard: first.state.heard.clone(),
            done: first.state.done.clone(),
            given_up: first.state.given_up.clone(),
            failed: first.state.failed.clone(),
            later: first.state.later.clone(),
            own_array: ends.iter().all(|end| end.state.own_array),
            own_under_test: ends.iter().any(|end| end.state.own_array || end.state.own_under_test),
            ..State::default()
        };
        for end in &ends {
            let known: FxHashSet<StartId> = merged.tasks.iter().map(|live| live.start).collect();
            let more = end.state.tasks.iter().filter(|live| !known.contains(&live.start));
            merged.tasks.extend(more.cloned());
            add_new(&mut merged.opened, &end.state.opened);
            merged.received.retain(|keys| end.state.received.contains(keys));
            merged.done.keep_common(&end.state.done);
            merged.given_up.retain(|keys| end.state.given_up.contains(keys));
            merged.heard.retain(|keys| end.state.heard.contains(keys));
            merged.failed.retain(|start| end.state.failed.contains(start));
            merged.latest.retain(|known| end.state.latest.contains(known));
            merged.heap = merged.heap.or(end.state.heap);
            for ended in &end.state.ended {
                if !merged.ended.contains(ended) {
                    merged.ended.push(ended.clone());
                }
            }
            if Rc::ptr_eq(&merged.later, &end.state.later) {
                continue;
            }
            if end.state.later.has_more_than(&merged.later) {
                Rc::make_mut(&mut merged.later).add_missing(&end.state.later);
            }
        }
        merged.live = merge_live(base, &ends);
        merged.ended.retain(|ended| !merged.live.contains_key(&ended.start));
        merged.guards = merge_guards(&ends);
        merged
    }

    /// Where builds meet again that have one definition each of a function: what one of them locks, unlocks or joins
    /// counts, since the code around it was written for it, and another platform's way to do it may not be known.
    pub fn merge_alternatives(base: &State, ends: Vec<PathEnd>) -> State {
        let states: Vec<State> = ends
            .iter()
            .map(|end| end.state.clone())
            .filter(|end| !end.dead)
            .collect();
        let mut merged = State::merge(base, ends);
        merged.live.change().retain(|start, _| {
            states.iter().all(|state| state.live.contains_key(start)) || !base.live.contains_key(start)
        });
        for held in states.iter().flat_map(|state| &state.guards) {
            let known = |guards: &[Held]| guards.iter().any(|other| other.keys == held.keys);
            if !known(&base.guards) && !known(&merged.guards) {
                merged.guards.push(held.clone());
            }
        }
        merged
    }

    /// The start failed on this path: there is no such thread, and nothing to join.
    pub fn fail(&mut self, start: StartId) {
        if self.live.contains_key(&start) {
            self.live.change().remove(&start);
            self.failed.push(start);
        }
    }

    /// Removes a thread that surely ended; `despite_test`: see [`State::joined`].
    pub fn end(&mut self, start: StartId, despite_test: bool, function: FuncId, span: Span) {
        if !self.joined.iter().any(|(joined, _)| *joined == start) {
            self.joined.push((start, despite_test));
        }
        if let Some(live) = self.live.get(&start).cloned() {
            self.live.change().remove(&start);
            self.ended.push(Ended {
                start,
                function,
                span,
                covered: live.story.covered.clone(),
            });
        }
    }

    /// The loops of this depth and deeper are over, and with them the threads that they joined one by one.
    pub fn leave_loops(&mut self, depth: usize) {
        let gone: Vec<(StartId, Leaving)> = self
            .live
            .iter()
            .filter_map(|(start, live)| Some((*start, live.story.leaving.filter(|leaving| leaving.depth >= depth)?)))
            .collect();
        for (start, leaving) in gone {
            self.end(start, leaving.despite_test, leaving.function, leaving.span);
        }
    }

    /// The guards that are held on whichever way led here.
    pub fn surely_held(&self) -> impl Iterator<Item = &Held> {
        self.guards.iter().filter(|held| held.test.is_none())
    }

    /// Takes a guard.
    pub fn hold(&mut self, held: Held) {
        self.given_up.retain(|keys| !meet(keys, &held.keys));
        self.guards.push(held);
    }

    /// Releases a guard that was not taken here: whoever calls may hold it.
    pub fn give_up(&mut self, keys: &Keys) {
        if !self.given_up.contains(keys) {
            self.given_up.push(keys.clone());
        }
    }

    /// Releases the guards of these keys.
    pub fn release(&mut self, keys: &[super::places::Key]) {
        if let Some(at) = self.guards.iter().rposition(|held| meet(&held.keys, keys)) {
            self.guards.remove(at);
            let guards = &self.guards;
            self.live
                .each(|live| !live.is_covered(guards), |live| live.cover(guards));
        }
    }
}

fn merge_joined(ends: &[PathEnd]) -> Vec<(StartId, bool)> {
    let mut merged: Vec<(StartId, bool)> = Vec::new();
    let mut seen: FxHashSet<(StartId, bool)> = FxHashSet::default();
    for (start, despite) in ends.iter().flat_map(|end| &end.state.joined) {
        if !seen.insert((*start, *despite)) {
            continue;
        }
        let mut counted = ends.iter().filter(|end| !end.state.idle);
        let everywhere = counted.all(|end| end.state.joined.iter().any(|(other, _)| other == start));
        if (everywhere || *despite) && !merged.iter().any(|(known, _)| known == start) {
            merged.push((*start, *despite));
        }
    }
    merged
}

fn merge_live(base: &State, ends: &[PathEnd]) -> Lives {
    let Some((first, rest)) = ends.split_first() else {
        return Lives::default();
    };
    // Most paths leave the threads as they were.
    if rest.iter().all(|end| end.state.live.is_same(&first.state.live)) {
        return first.state.live.clone();
    }
    let mut merged: BTreeMap<StartId, Rc<Live>> = BTreeMap::new();
    for end in ends {
        for (start, live) in end.state.live.iter() {
            match merged.get_mut(start) {
                None => {
                    merged.insert(*start, live.clone());
                }
                Some(known) if Rc::ptr_eq(known, live) => {}
                Some(known) => unite(Rc::make_mut(known), live),
            }
        }
    }
    let leaves = |start: &StartId| {
        let on = |end: &PathEnd| {
            end.state
                .live
                .get(start)
                .is_some_and(|live| live.story.leaving.is_some())
        };
        ends.iter().any(on)
    };
    for (_, live) in merged.iter_mut().filter(|(start, _)| leaves(start)) {
        let live = Rc::make_mut(live);
        live.story_mut().leaving = merge_leaving(live, ends);
    }
    let mut gone = Vec::new();
    for (start, live) in &mut merged {
        if !base.live.contains_key(start) {
            continue;
        }
        let without = |end: &&PathEnd| !end.state.live.contains_key(start) && !end.state.failed.contains(start);
        for end in ends.iter().filter(without) {
            if same_fate(live, end) {
                gone.push(*start);
                break;
            }
            let live = Rc::make_mut(live);
            let doubt = Certainty::because(Confidence::Medium, "the thread is joined on some paths only");
            live.certainty = live.certainty.and(&doubt);
            if let Some(ended) = end.state.ended.iter().rev().find(|ended| ended.start == *start) {
                live.story_mut().weak_join = Some((ended.function, ended.span));
            }
        }
    }
    for start in gone {
        merged.remove(&start);
    }
    Lives {
        map: Rc::new(merged),
        crowd: RefCell::default(),
    }
}

/// Joined in the loop where every path on which it lives joins it; one that does not leaves a doubt.
fn merge_leaving(live: &mut Live, ends: &[PathEnd]) -> Option<Leaving> {
    let on = |end: &PathEnd| end.state.live.get(&live.start).map(|live| live.story.leaving);
    let leaving = ends.iter().filter_map(on).flatten().next()?;
    let (mut all, mut surely) = (true, false);
    for end in ends {
        match on(end) {
            Some(Some(found)) => surely |= found.despite_test || same_fate(live, end),
            Some(None) => all = false,
            None => {}
        }
    }
    if all || surely {
        return Some(leaving);
    }
    let doubt = Certainty::because(Confidence::Medium, "the thread is joined on some paths only");
    live.certainty = live.certainty.and(&doubt);
    live.story_mut().weak_join = Some((leaving.function, leaving.span));
    None
}

fn unite(known: &mut Live, other: &Live) {
    known.many |= other.many;
    if known.count != other.count {
        known.count = 0;
    }
    if !Rc::ptr_eq(&known.story, &other.story) && known.story != other.story {
        unite_stories(known.story_mut(), &other.story);
    }
    known.heap = known.heap.or(other.heap);
    if other.certainty.rank() > known.certainty.rank() {
        known.certainty = other.certainty.clone();
    }
}

fn unite_stories(known: &mut Story, other: &Story) {
    known.sent_unknown |= other.sent_unknown;
    known.sent.retain(|keys| !is_first(keys) || other.sent.contains(keys));
    known
        .sent
        .extend(other.sent.iter().filter(|keys| !is_first(keys)).cloned());
    known.needs = Need::of_either(&known.needs, &other.needs);
    known.covered.retain(|held| other.covered.contains(held));
    if other.weak_join.is_some() {
        known.weak_join = other.weak_join;
    }
}

/// The thread was started under the same test as the one under which it is joined, or the join's test looks at a place
/// that was assigned where the thread was started: there is nothing to join on the other paths.
fn same_fate(live: &Live, end: &PathEnd) -> bool {
    if end.state.joined.contains(&(live.start, true)) {
        return true;
    }
    let Some(test) = &end.test else { return false };
    let mut tests = live.story.under.iter();
    tests.any(|(under, assigned)| under == test || end.place.as_ref().is_some_and(|place| assigned.contains(place)))
}

/// A guard that is held on every path is held; one that is held under a test only is kept with the test.
fn merge_guards(ends: &[PathEnd]) -> Vec<Held> {
    let mut merged: Vec<Held> = Vec::new();
    let mut seen: FxHashSet<&Keys> = FxHashSet::default();
    for held in ends.iter().flat_map(|end| end.state.guards.iter()) {
        if !seen.insert(&held.keys) {
            continue;
        }
        let on: Vec<&PathEnd> = ends
            .iter()
            .filter(|end| end.state.guards.iter().any(|other| other.keys == held.keys))
            .collect();
        if on.len() == ends.len() {
            // Sure only where every path holds it for sure.
            let conditional = ends
                .iter()
                .flat_map(|end| end.state.guards.iter())
                .find(|other| other.keys == held.keys && other.test.is_some());
            // It may be another object's on each path.
            let of = ends
                .iter()
                .flat_map(|end| end.state.guards.iter())
                .filter(|other| other.keys == held.keys);
            merged.push(Held {
                of: either(of.map(|other| &other.of)),
                ..conditional.unwrap_or(held).clone()
            });
        } else if let [end] = on.as_slice()
            && held.test.is_none()
            && let Some(test) = &end.test
        {
            merged.push(Held {
                test: Some(test.clone()),
                ..held.clone()
            });
        }
    }
    merged
}
