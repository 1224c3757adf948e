//! What was handed on before a place is reached. Every caller is told of what its callees hand on, so that hundreds of functions
//! travel through thousands of summaries: of each only what is compared on the way is kept there, and how it was handed on is
//! looked up along the calls where somebody asks.

use std::rc::Rc;

use super::summary::{Access, Certainty, Chain, ChainStep, Grade, Rank};
use super::tree::FuncId;

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
    /// Its number among [`super::laters::Laters`].
    pub number: u32,
    /// How surely it was handed on.
    pub grade: Grade,
    pub called: Called,
    /// Of how many steps the way into it is.
    pub steps: u32,
    way: Rc<Way>,
}

/// How functions came to be handed on.
#[derive(Debug)]
pub enum Way {
    /// In the function at hand, by this chain into the function that is handed on.
    Here(Chain, Certainty),
    /// By a callee that was called in this step, so surely; all that it hands on.
    Callee(Rc<HandedOn>, Rc<ChainStep>, Certainty),
}

/// The way of a function that was handed on, from the function at hand into that function.
#[derive(Debug)]
pub struct WayIn {
    pub chain: Chain,
    pub certainty: Certainty,
}

impl WayIn {
    /// An access of the function, as whoever handed it on is told of it.
    pub fn seen(&self, access: &Access) -> Access {
        Access {
            chain: access.chain.behind_all(&self.chain),
            certainty: access.certainty.and(&self.certainty),
            ..access.clone()
        }
    }
}

impl Later {
    /// A function that is handed on here. `number`: that for the function and this certainty.
    pub fn here(function: FuncId, number: u32, called: Called, chain: Chain, certainty: Certainty) -> Later {
        Later {
            function,
            number,
            grade: certainty.grade(),
            called,
            steps: chain.length(),
            way: Rc::new(Way::Here(chain, certainty)),
        }
    }

    /// The same as a caller is told of it, whose call is `way`. `number`: that for the function and this grade.
    pub fn further(&self, number: u32, grade: Grade, way: &Rc<Way>) -> Later {
        Later {
            number,
            grade,
            steps: self.steps + 1,
            way: Rc::clone(way),
            ..*self
        }
    }

    /// How surely it was handed on.
    pub fn rank(&self) -> Rank {
        self.grade.rank()
    }

    /// How it came to be handed on.
    pub fn way_in(&self) -> WayIn {
        let mut calls = Vec::new();
        let mut way = &self.way;
        let (mut chain, mut certainty) = loop {
            match &**way {
                Way::Here(chain, certainty) => break (chain.clone(), certainty.clone()),
                Way::Callee(handed, step, certainty) => {
                    calls.push((step, certainty));
                    match handed.get(self.function) {
                        Some(later) => way = &later.way,
                        None => break (Chain::default(), Certainty::SURE),
                    }
                }
            }
        };
        for (step, of_call) in calls.into_iter().rev() {
            chain = chain.behind(Rc::clone(step));
            certainty = certainty.and(of_call).anywhere();
        }
        WayIn { chain, certainty }
    }
}

/// A set of small numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
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

    pub fn contains(&self, number: u32) -> bool {
        let word = self.0.get(number as usize / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub fn add_all(&mut self, other: &Numbers) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    /// Those that are not in the other set.
    pub fn without(&self, other: &Numbers) -> Numbers {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        Numbers(self.0.iter().zip(others).map(|(word, other)| word & !other).collect())
    }

    /// Those that are in the other set too.
    pub fn within(&self, other: &Numbers) -> Numbers {
        Numbers(self.0.iter().zip(&other.0).map(|(word, other)| word & other).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub fn is_within(&self, other: &Numbers) -> bool {
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
    /// In the order of the functions.
    laters: Vec<Later>,
    /// The numbers of these, and of less sure ways to them.
    numbers: Numbers,
}

impl HandedOn {
    /// How many functions.
    pub fn len(&self) -> usize {
        self.laters.len()
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.laters.is_empty()
    }

    /// All, in the order of the functions.
    pub fn iter(&self) -> impl Iterator<Item = &Later> {
        self.laters.iter()
    }

    fn find(&self, function: FuncId) -> Result<usize, usize> {
        self.laters.binary_search_by_key(&function, |later| later.function)
    }

    /// One function.
    pub fn get(&self, function: FuncId) -> Option<&Later> {
        self.find(function).ok().map(|at| &self.laters[at])
    }

    /// The numbers of all.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Adds these, which are in the order of their functions, in place of less sure ways to the same.
    pub fn add_all(&mut self, more: Vec<Later>) {
        for later in &more {
            self.numbers.add(later.number);
        }
        let known = std::mem::take(&mut self.laters);
        self.laters = merged(known, more, |known, mut new| {
            new.called = new.called.max(known.called);
            new
        });
    }

    /// Those that are surely called.
    pub fn called(&self) -> HandedOn {
        let mut called = HandedOn::default();
        let surely = |later: &&Later| later.called > Called::Perhaps;
        called.add_all(self.iter().filter(surely).cloned().collect());
        called
    }

    /// Whether something is not in the other.
    pub fn has_more_than(&self, other: &HandedOn) -> bool {
        !self.numbers.is_within(&other.numbers)
    }

    /// Adds what is not there yet.
    pub fn add_missing(&mut self, other: &HandedOn) {
        self.numbers.add_all(&other.numbers);
        let is_new = |later: &&Later| self.find(later.function).is_err();
        let new: Vec<Later> = other.iter().filter(is_new).cloned().collect();
        let known = std::mem::take(&mut self.laters);
        self.laters = merged(known, new, |known, _| known);
    }

    /// What a callee hands on that is not here yet, or not as surely, where the call is as certain as this.
    pub fn missing<'o>(&self, callee: &'o HandedOn, certainty: &Certainty) -> Vec<&'o Later> {
        if !callee.has_more_than(self) {
            return Vec::new();
        }
        let call = certainty.grade();
        let mut known = self.iter().peekable();
        let is_missing = |later: &&Later| {
            while known.next_if(|known| known.function < later.function).is_some() {}
            let same = known.peek().filter(|known| known.function == later.function);
            same.is_none_or(|known| known.rank() < later.grade.rank_with(&call))
        };
        callee.iter().filter(is_missing).collect()
    }
}

/// Two lists in the order of the functions as one. `both`: what becomes of a function that is in both.
fn merged(known: Vec<Later>, more: Vec<Later>, both: impl Fn(Later, Later) -> Later) -> Vec<Later> {
    if known.is_empty() || more.is_empty() {
        return if more.is_empty() { known } else { more };
    }
    let mut found = Vec::with_capacity(known.len() + more.len());
    let mut known = known.into_iter().peekable();
    for new in more {
        while let Some(before) = known.next_if(|known| known.function < new.function) {
            found.push(before);
        }
        found.push(match known.next_if(|known| known.function == new.function) {
            Some(same) => both(same, new),
            None => new,
        });
    }
    found.extend(known);
    found.shrink_to_fit();
    found
}

#[cfg(test)]
mod tests {
    use super::super::laters::Laters;
    use super::*;
    use crate::finding::Confidence;

    fn later(laters: &mut Laters, function: u32, confidence: Confidence) -> Later {
        let certainty = Certainty::because(confidence, "");
        let function = FuncId(function);
        let number = laters.number(function, certainty.rank());
        Later::here(function, number, Called::Perhaps, Chain::default(), certainty)
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
        let mut each = |all: &[(u32, Confidence)]| {
            all.iter()
                .map(|(function, confidence)| later(&mut laters, *function, *confidence))
                .collect()
        };
        here.add_all(each(&[(2, Confidence::Medium), (3, Confidence::Low)]));
        callee.add_all(each(&[
            (1, Confidence::Low),
            (2, Confidence::Medium),
            (3, Confidence::Medium),
        ]));
        assert_eq!(functions(&here.missing(&callee, &Certainty::SURE)), [1, 3]);
        let doubt = Certainty::because(Confidence::Low, "");
        assert_eq!(functions(&here.missing(&callee, &doubt)), [1]);
        here.add_missing(&callee);
        assert_eq!(here.len(), 3);
        assert!(here.missing(&here.clone(), &Certainty::SURE).is_empty());
    }

    #[test]
    fn a_function_is_handed_on_by_the_surest_way_and_as_often_as_any_tells() {
        let mut laters = Laters::default();
        let mut here = HandedOn::default();
        let mut often = later(&mut laters, 2, Confidence::Low);
        often.called = Called::Often;
        here.add_all(vec![often]);
        here.add_all(vec![
            later(&mut laters, 1, Confidence::Low),
            later(&mut laters, 2, Confidence::High),
        ]);
        let known: Vec<_> = here
            .iter()
            .map(|later| (later.function.0, later.rank().0, later.called))
            .collect();
        assert_eq!(
            known,
            [
                (1, Confidence::Low, Called::Perhaps),
                (2, Confidence::High, Called::Often)
            ]
        );
    }

    #[test]
    fn the_way_leads_along_the_calls() {
        let mut laters = Laters::default();
        let step = |line: u32| {
            Rc::new(ChainStep {
                function: FuncId(line),
                span: Default::default(),
                note: "".into(),
            })
        };
        let (mut callee, mut caller) = (HandedOn::default(), HandedOn::default());
        let chain = Chain::default().behind(step(3));
        callee.add_all(vec![Later::here(FuncId(9), 0, Called::Once, chain, Certainty::SURE)]);
        let callee = Rc::new(callee);
        let call = Certainty::because(Confidence::Medium, "a guess");
        let way = Rc::new(Way::Callee(callee.clone(), step(2), call.clone()));
        let found: Vec<Later> = caller
            .missing(&callee, &call)
            .into_iter()
            .map(|later| {
                let grade = later.grade.and(&call.grade());
                later.further(laters.number(later.function, grade.rank()), grade, &way)
            })
            .collect();
        caller.add_all(found);
        let later = caller.get(FuncId(9)).map(|later| (later.rank(), later.way_in()));
        let (rank, way) = later.expect("it was added");
        assert_eq!(rank, way.certainty.rank());
        assert_eq!(caller.get(FuncId(9)).map(|later| later.steps), Some(way.chain.length()));
        assert_eq!(way.certainty, call);
        let functions: Vec<u32> = way.chain.functions().map(|function| function.0).collect();
        assert_eq!(functions, [2, 3]);
    }
}
