//! Functions that were handed on and may run at any time from then on. Every caller is told of those of its callees, so that
//! in C hundreds of them travel through thousands of functions: each is numbered together with how surely it was handed on,
//! and what is new somewhere is found by comparing sets of numbers.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::facts::Span;

use super::budget::Cut;
use super::handed_on::{Called, HandedOn, Later, Numbers};
use super::program::{Doer, SummaryKey};
use super::summary::{Certainty, Chain, Live, Rank, StartId};
use super::told::{Tellings, Told};
use super::tree::FuncId;
use super::walk::Walk;

/// What is known of a thread that is alive: what it does, what it was told, and how surely it is alive.
struct Known {
    doer: Doer,
    told: Told,
    rank: Rank,
}

/// Whom functions that were handed on have met: a thread that was told this and was alive as surely as this, and which of them have.
type Met = (Told, Rank, Numbers);

/// The numbers of all functions that were handed on, and which threads each has met.
#[derive(Debug, Default)]
pub struct Laters {
    numbers: FxHashMap<(FuncId, Rank), u32>,
    functions: Vec<FuncId>,
    met: FxHashMap<Doer, Vec<Met>>,
}

impl Laters {
    /// The number of a function that was handed on as surely as this.
    pub fn number(&mut self, function: FuncId, rank: Rank) -> u32 {
        let next = self.functions.len() as u32;
        let number = *self.numbers.entry((function, rank)).or_insert(next);
        if number == next {
            self.functions.push(function);
        }
        number
    }

    /// The function of a number.
    pub fn function(&self, number: u32) -> FuncId {
        self.functions[number as usize]
    }

    /// Those that have not met a thread of which as much is known. What was handed on is told to every caller in turn, and
    /// so is the thread: they meet where they first do.
    fn strangers(&self, among: &Numbers, known: &Known, tellings: &Tellings) -> Numbers {
        let mut strangers = among.clone();
        for (told, rank, met) in self.met.get(&known.doer).into_iter().flatten() {
            if *rank >= known.rank && !strangers.is_empty() && tellings.leave_as_much(*told, known.told) {
                strangers = strangers.without(met);
            }
        }
        strangers
    }

    /// Remembers that one has met a thread.
    fn introduce(&mut self, number: u32, known: &Known) {
        let all = self.met.entry(known.doer).or_default();
        let same = all
            .iter_mut()
            .find(|(told, rank, _)| (*told, *rank) == (known.told, known.rank));
        match same {
            Some((.., met)) => met.add(number),
            None => {
                let mut met = Numbers::default();
                met.add(number);
                all.push((known.told, known.rank, met));
            }
        }
    }

    /// Another round of the analysis: everybody meets anew.
    pub fn forget_meetings(&mut self) {
        self.met.clear();
    }
}

impl Walk<'_, '_> {
    /// A function is handed on and may run at any time from here on.
    pub(super) fn hand_on(&mut self, func: FuncId, span: Span, certainty: Certainty, called: Called) {
        let step = self.step(span, format!("hands on {}", self.engine.values.tree.display(func)));
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
        if known.is_some_and(|known| known.rank() >= certainty.rank()) {
            return;
        }
        let number = self.engine.laters.number(func, certainty.rank());
        self.remember_laters(vec![Later::here(func, number, called, chain, certainty)]);
    }

    /// Functions are handed on, here or in a callee: from here on they may run beside whatever is alive.
    pub(super) fn remember_laters(&mut self, laters: Vec<Later>) {
        if laters.is_empty() {
            return;
        }
        let sizes = laters.len() + self.state.live.len();
        if !self.engine.values.budget.spend(sizes as u64) {
            return self.engine.values.budget.cut(self.here, Cut::Steps);
        }
        let mut numbers = Numbers::default();
        for later in &laters {
            numbers.add(later.number);
        }
        Rc::make_mut(&mut self.state.later).add_all(laters);
        let (alive, handed) = (self.state.live.clone(), self.state.later.clone());
        for live in alive.values() {
            self.meet_laters(&handed, &numbers, live);
        }
        self.meet_later_threads(&handed, &numbers);
    }

    /// Functions that are surely called leave threads alive, which the next calls meet. `new`: those that were just handed on.
    fn meet_later_threads(&mut self, handed: &HandedOn, new: &Numbers) {
        let called = handed.called();
        let new = new.within(called.numbers());
        if new.is_empty() {
            return;
        }
        for later in called.iter() {
            let is_new = new.contains(later.number);
            let among = if is_new { called.numbers() } else { &new };
            let summary = self.engine.summary(SummaryKey {
                function: later.function,
                main: false,
            });
            for live in &summary.leaks {
                let known = self.known_of(live, live.certainty.grade().and(&later.grade).rank());
                let strangers = self.engine.laters.strangers(among, &known, &self.engine.tellings);
                let repeats = is_new && later.called == Called::Often && self.meets_itself(live.start);
                if strangers.is_empty() && !repeats {
                    continue;
                }
                let way = later.way_in();
                let mut live = Live {
                    chain: live.chain.behind_all(&way.chain),
                    certainty: live.certainty.and(&way.certainty),
                    ..live.clone()
                };
                self.meet_laters(&called, &strangers, &live);
                if repeats && !self.is_started_once(&live) {
                    live.many = true;
                    self.engine.meet_itself(self.key.function, &live);
                }
            }
        }
    }

    /// What is known of a thread that is alive as surely as this. What meets one meets all that do the same.
    fn known_of(&mut self, live: &Live, rank: Rank) -> Known {
        let thread = self.engine.thread_accesses(live.start);
        let is_itself =
            thread.bound || self.engine.is_gathering(live.start) || !self.engine.start(live.start).outside.is_empty();
        Known {
            doer: thread.doer(live.start, is_itself),
            told: self.engine.told(live),
            rank,
        }
    }

    /// Whether several of a thread do something beside each other, where a function starts it again and again.
    fn meets_itself(&mut self, start: StartId) -> bool {
        self.engine.can_repeat(start, self.key.function) && self.engine.thread_accesses(start).has_mutations()
    }

    /// What functions that were handed on do beside a thread: those of these numbers that have not met it.
    pub(super) fn meet_laters(&mut self, handed: &HandedOn, among: &Numbers, live: &Live) {
        let accesses = self.engine.thread_accesses(live.start);
        let known = self.known_of(live, live.certainty.rank());
        let strangers = self.engine.laters.strangers(among, &known, &self.engine.tellings);
        for number in strangers.iter() {
            let function = self.engine.laters.function(number);
            let Some(later) = handed.get(function) else { continue };
            // Of a function that is being walked not all is known. Its second round tells.
            self.engine.laters.introduce(number, &known);
            let deeds = self.engine.deeds(function);
            let can_pair = deeds.mutates && !accesses.all().is_empty() || deeds.acts && accesses.has_mutations();
            if deeds.in_child || can_pair {
                self.meet_later(later, live, known.told);
            }
        }
    }

    fn meet_later(&mut self, later: &Later, live: &Live, told: Told) {
        let summary = self.engine.summary(SummaryKey {
            function: later.function,
            main: false,
        });
        if !self.engine.values.budget.spend(summary.accesses.len() as u64) {
            return self.engine.values.budget.cut(self.here, Cut::Steps);
        }
        // They meet once, wherever that is: a function that was handed on may be called in any program.
        self.engine.anywhere = true;
        for access in &summary.accesses {
            let rank = access.certainty.grade().rank_with(&later.grade);
            let length = access.chain.length() + later.steps;
            let may_meet = access.child.is_some() || self.engine.has_partner(access.site, live.start);
            let function = self.key.function;
            let way = (rank, length);
            if may_meet && self.engine.first_time_as(function, access, way, (live, told)) {
                self.engine.meet_in(function, later, access, live);
            }
        }
        self.engine.anywhere = false;
    }
}
