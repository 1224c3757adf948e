//! Functions that were handed on and may run at any time from then on. Every caller is told of those of its callees, so that
//! in C hundreds of them travel through thousands of functions: each is numbered together with how surely it was handed on,
//! and what is new somewhere is found by comparing sets of numbers.

use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::facts::Span;

use super::budget::Cut;
use super::program::{Doer, SummaryKey};
use super::summary::{Access, Certainty, Chain, Live, Rank, StartId};
use super::tree::FuncId;
use super::walk::Walk;

/// How often a function that was handed on is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Called {
    /// Nobody knows. What it leaves alive is not looked at.
    Perhaps,
    /// Once, so that the others find what it leaves alive.
    Once,
    /// Any number of times, so that the next call too finds what the last one left alive.
    Often,
}

/// A function that was handed on and may run at any time from then on.
#[derive(Debug, Clone)]
pub struct Later {
    pub function: FuncId,
    /// From the function at hand into the function that was handed on.
    pub chain: Chain,
    pub certainty: Certainty,
    /// Its number among [`Laters`].
    pub number: u32,
    pub called: Called,
}

impl Later {
    /// An access of the function, as whoever handed it on is told of it.
    pub fn seen(&self, access: &Access) -> Access {
        Access {
            chain: access.chain.behind_all(&self.chain),
            certainty: access.certainty.and(&self.certainty),
            ..access.clone()
        }
    }
}

/// A set of small numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers(Vec<u64>);

impl Numbers {
    /// Adds one.
    pub fn add(&mut self, number: u32) {
        let word = number as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    fn contains(&self, number: u32) -> bool {
        let word = self.0.get(number as usize / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn add_all(&mut self, other: &Numbers) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    /// Those that are not in the other set.
    fn without(&self, other: &Numbers) -> Numbers {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        Numbers(self.0.iter().zip(others).map(|(word, other)| word & !other).collect())
    }

    /// Those that are in the other set too.
    fn within(&self, other: &Numbers) -> Numbers {
        Numbers(self.0.iter().zip(&other.0).map(|(word, other)| word & other).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn is_within(&self, other: &Numbers) -> bool {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(others).all(|(word, other)| word & !other == 0)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().enumerate().flat_map(|(place, word)| {
            (0..64)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| place as u32 * 64 + bit)
        })
    }
}

/// What was handed on before a place is reached, each function by the surest way.
#[derive(Debug, Clone, Default)]
pub struct HandedOn {
    by_function: BTreeMap<FuncId, Later>,
    /// The numbers of these, and of less sure ways to them.
    numbers: Numbers,
}

impl HandedOn {
    /// How many functions.
    pub fn len(&self) -> usize {
        self.by_function.len()
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.by_function.is_empty()
    }

    /// All, in the order of the functions.
    pub fn iter(&self) -> impl Iterator<Item = &Later> {
        self.by_function.values()
    }

    /// One function.
    pub fn get(&self, function: FuncId) -> Option<&Later> {
        self.by_function.get(&function)
    }

    /// The numbers of all.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Adds one, in place of a less sure way to the same.
    pub fn add(&mut self, later: Later) {
        self.numbers.add(later.number);
        let known = self.get(later.function).map_or(later.called, |known| known.called);
        let later = Later {
            called: later.called.max(known),
            ..later
        };
        self.by_function.insert(later.function, later);
    }

    /// Those that are surely called.
    fn called(&self) -> HandedOn {
        let mut called = HandedOn::default();
        for later in self.iter().filter(|later| later.called > Called::Perhaps) {
            called.add(later.clone());
        }
        called
    }

    /// Whether something is not in the other.
    pub fn has_more_than(&self, other: &HandedOn) -> bool {
        !self.numbers.is_within(&other.numbers)
    }

    /// Adds what is not there yet.
    pub fn add_missing(&mut self, other: &HandedOn) {
        self.numbers.add_all(&other.numbers);
        for later in other.iter() {
            self.by_function.entry(later.function).or_insert_with(|| later.clone());
        }
    }

    /// What a callee hands on that is not here yet, or not as surely, where the call is as certain as this.
    pub fn missing<'o>(&self, callee: &'o HandedOn, certainty: &Certainty) -> Vec<&'o Later> {
        if !callee.has_more_than(self) {
            return Vec::new();
        }
        let mut known = self.iter().peekable();
        let is_missing = |later: &&Later| {
            while known.next_if(|known| known.function < later.function).is_some() {}
            let same = known.peek().filter(|known| known.function == later.function);
            same.is_none_or(|known| known.certainty.rank() < Certainty::rank_of([&later.certainty, certainty]))
        };
        callee.iter().filter(is_missing).collect()
    }
}

/// A thread, how surely it is alive, how many queues were sent on, and whether one is unknown.
type Met = (Doer, Rank, usize, bool);

/// The numbers of all functions that were handed on, and which threads each has met.
#[derive(Debug, Default)]
pub struct Laters {
    numbers: FxHashMap<(FuncId, Rank), u32>,
    functions: Vec<FuncId>,
    met: FxHashMap<Met, Numbers>,
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
    fn strangers(&self, among: &Numbers, known: &Met) -> Numbers {
        match self.met.get(known) {
            Some(met) => among.without(met),
            None => among.clone(),
        }
    }

    /// Remembers that one has met a thread.
    fn introduce(&mut self, number: u32, known: Met) {
        self.met.entry(known).or_default().add(number);
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
        if known.is_some_and(|known| known.certainty.rank() >= certainty.rank()) {
            return;
        }
        let number = self.engine.laters.number(func, certainty.rank());
        self.remember_laters(vec![Later {
            function: func,
            chain,
            certainty,
            number,
            called,
        }]);
    }

    /// Functions are handed on, here or in a callee: from here on they may run beside whatever is alive.
    pub(super) fn remember_laters(&mut self, laters: Vec<Later>) {
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
                let certainty = live.certainty.and(&later.certainty);
                let known = self.known_of(live, &certainty);
                let strangers = self.engine.laters.strangers(among, &known);
                let repeats = is_new && later.called == Called::Often && self.meets_itself(live.start);
                if strangers.is_empty() && !repeats {
                    continue;
                }
                let mut live = Live {
                    chain: live.chain.behind_all(&later.chain),
                    certainty,
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
    fn known_of(&mut self, live: &Live, certainty: &Certainty) -> Met {
        let thread = self.engine.thread_accesses(live.start);
        let is_itself =
            thread.bound || self.engine.is_gathering(live.start) || !self.engine.start(live.start).outside.is_empty();
        let (doer, story) = (thread.doer(live.start, is_itself), &live.story);
        (doer, certainty.rank(), story.sent.len(), story.sent_unknown)
    }

    /// Whether several of a thread do something beside each other, where a function starts it again and again.
    fn meets_itself(&mut self, start: StartId) -> bool {
        self.engine.can_repeat(start, self.key.function) && self.engine.thread_accesses(start).has_mutations()
    }

    /// What functions that were handed on do beside a thread: those of these numbers that have not met it.
    pub(super) fn meet_laters(&mut self, handed: &HandedOn, among: &Numbers, live: &Live) {
        let accesses = self.engine.thread_accesses(live.start);
        let open = self.engine.is_gathering(live.start);
        let known = self.known_of(live, &live.certainty);
        for number in self.engine.laters.strangers(among, &known).iter() {
            let function = self.engine.laters.function(number);
            let Some(later) = handed.get(function) else { continue };
            // Of a function that is being walked not all is known. Its second round tells.
            self.engine.laters.introduce(number, known);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Confidence;

    fn later(laters: &mut Laters, function: u32, confidence: Confidence) -> Later {
        let certainty = Certainty::because(confidence, "");
        Later {
            number: laters.number(FuncId(function), certainty.rank()),
            function: FuncId(function),
            chain: Chain::default(),
            certainty,
            called: Called::Perhaps,
        }
    }

    fn functions(found: &[&Later]) -> Vec<u32> {
        found.iter().map(|later| later.function.0).collect()
    }

    #[test]
    fn sets_of_numbers() {
        let set = |numbers: &[u32]| {
            let mut set = Numbers::default();
            numbers.iter().for_each(|number| set.add(*number));
            set
        };
        let (small, large) = (set(&[1, 63]), set(&[1, 63, 64, 200]));
        assert!(small.is_within(&large) && !large.is_within(&small));
        assert_eq!(large.without(&small).iter().collect::<Vec<_>>(), [64, 200]);
        assert_eq!(small.without(&large).iter().count(), 0);
        let mut both = small.clone();
        both.add_all(&large);
        assert_eq!(both, large);
    }

    #[test]
    fn what_is_missing_is_what_is_new_or_surer() {
        let mut laters = Laters::default();
        let (mut here, mut callee) = (HandedOn::default(), HandedOn::default());
        here.add(later(&mut laters, 2, Confidence::Medium));
        here.add(later(&mut laters, 3, Confidence::Low));
        callee.add(later(&mut laters, 1, Confidence::Low));
        callee.add(later(&mut laters, 2, Confidence::Medium));
        callee.add(later(&mut laters, 3, Confidence::Medium));
        assert_eq!(functions(&here.missing(&callee, &Certainty::SURE)), [1, 3]);
        let doubt = Certainty::because(Confidence::Low, "");
        assert_eq!(functions(&here.missing(&callee, &doubt)), [1]);
        here.add_missing(&callee);
        assert_eq!(here.len(), 3);
        assert!(here.missing(&here.clone(), &Certainty::SURE).is_empty());
    }
}
