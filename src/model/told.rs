//! What a thread was told since it was started, as far as what it does hangs on that. Every state tells every thread that is alive
//! of each message, of each module that has run and of each variable that is set for good; nearly all of it is nothing to nearly
//! all of them, and threads that do the same are alike in the end if they were told the same of the rest.

use rustc_hash::FxHashMap;

use super::handed_on::Numbers;
use super::key_set::KeySet;
use super::lasting::is_variable_mark;
use super::lent::is_lent;
use super::places::{Keys, is_first};
use super::program::Engine;
use super::summary::{Live, StartId};
use super::walk::Walk;

/// The number of what a thread was told, among [`Tellings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Told(u32);

/// What a thread was told that matters for what it does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Telling {
    /// Of what it hangs on, the places of the work that had been done: threads that do the same hang on the same, in one order.
    firsts: Numbers,
    /// The sum of the hashes of everything else.
    others: u64,
    /// It may have been told anything.
    unknown: bool,
    /// Of a thread of which it is still being found out what it does nothing is known yet.
    gathering: bool,
}

/// What threads were told.
#[derive(Debug, Default)]
pub(super) struct Tellings {
    numbers: FxHashMap<Telling, u32>,
    all: Vec<Telling>,
    /// What each thread was told that was asked for last, and its number.
    last: FxHashMap<StartId, (KeySet, bool, Told)>,
    /// Of what is surely done, what counts for each thread: of the set that was asked for last.
    counting: FxHashMap<StartId, (KeySet, KeySet)>,
}

impl Tellings {
    fn number(&mut self, telling: Telling) -> Told {
        let next = self.all.len() as u32;
        let number = *self.numbers.entry(telling).or_insert_with_key(|telling| {
            self.all.push(telling.clone());
            next
        });
        Told(number)
    }

    /// Whether a thread that was told the first does everything that one does which does the same and was told the second: of work
    /// that is done once, less had been done.
    pub(super) fn leave_as_much(&self, first: Told, second: Told) -> bool {
        let (first, second) = (&self.all[first.0 as usize], &self.all[second.0 as usize]);
        (first.others, first.unknown, first.gathering) == (second.others, second.unknown, second.gathering)
            && first.firsts.is_within(&second.firsts)
    }

    /// Another round of the analysis: threads may do something else.
    pub(super) fn forget(&mut self) {
        self.last.clear();
        self.counting.clear();
    }
}

impl Engine<'_> {
    /// What a thread that is alive was told of that matters.
    pub(super) fn told(&mut self, live: &Live) -> Told {
        if self.is_gathering(live.start) {
            return self.tellings.number(Telling {
                gathering: true,
                ..Telling::default()
            });
        }
        let (sent, unknown) = (&live.story.sent, live.story.sent_unknown);
        if let Some((of, was_unknown, told)) = self.tellings.last.get(&live.start)
            && of.is_same(sent)
            && *was_unknown == unknown
        {
            return *told;
        }
        let telling = self.telling(live);
        let told = self.tellings.number(telling);
        self.tellings.last.insert(live.start, (sent.clone(), unknown, told));
        told
    }

    fn telling(&mut self, live: &Live) -> Telling {
        let accesses = self.thread_accesses(live.start);
        let sent = &live.story.sent;
        let mut telling = Telling {
            unknown: live.story.sent_unknown && accesses.awaits,
            ..Telling::default()
        };
        for (place, keys) in accesses.hangs_on.iter().enumerate() {
            if is_first(keys) && sent.contains(keys) {
                telling.firsts.add(place as u32);
            }
        }
        if accesses.awaits || self.lasting.has_marks() {
            let counts = |keys: &&Keys| match is_first(keys) {
                true => is_variable_mark(keys),
                false => accesses.awaits,
            };
            let others = sent.iter().filter(counts);
            telling.others = others.fold(0, |sum, keys| sum.wrapping_add(keys.hash()));
        }
        telling
    }

    /// Says whether a thread is told of something that was told or done before it begins.
    fn what_counts(&mut self, start: StartId) -> impl Fn(&Keys) -> bool + use<> {
        let hangs = self.what_hangs_on(start);
        move |keys| is_lent(keys) || is_variable_mark(keys) || hangs(keys)
    }

    /// What counts for a thread of what is surely done before it begins.
    fn counting(&mut self, start: StartId, done: &KeySet) -> KeySet {
        if self.is_gathering(start) {
            return done.clone();
        }
        if let Some((of, counting)) = self.tellings.counting.get(&start)
            && of.is_same(done)
        {
            return counting.clone();
        }
        let counts = self.what_counts(start);
        let counting: KeySet = done.iter().filter(|keys| counts(keys)).cloned().collect();
        let known = (done.clone(), counting.clone());
        self.tellings.counting.insert(start, known);
        counting
    }
}

impl Walk<'_, '_> {
    /// What was told, and what was done once and for all, before a thread began.
    pub(super) fn tell_past(&mut self, live: &mut Live) {
        let mut past = self.engine.counting(live.start, &self.state.done);
        if !self.state.opened.is_empty() {
            let counts = self.engine.what_counts(live.start);
            past.extend(self.state.opened.iter().filter(|keys| counts(keys)).cloned());
        }
        if past.iter().any(|keys| !live.story.sent.contains(keys)) {
            live.story_mut().sent.add(&past);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telling(places: &[u32], others: u64) -> Telling {
        let mut firsts = Numbers::default();
        places.iter().for_each(|place| firsts.add(*place));
        Telling {
            firsts,
            others,
            ..Telling::default()
        }
    }

    #[test]
    fn who_was_told_less_does_as_much() {
        let mut tellings = Tellings::default();
        let all = [&[][..], &[3], &[3, 70]].map(|places| tellings.number(telling(places, 0)));
        let other = tellings.number(telling(&[], 5));
        assert_eq!(all[1], tellings.number(telling(&[3], 0)), "the same is one number");
        let leaves = |first: usize, second: usize| tellings.leave_as_much(all[first], all[second]);
        assert!(leaves(0, 2) && leaves(1, 2) && leaves(2, 2));
        assert!(!leaves(2, 1) && !leaves(1, 0));
        assert!(!tellings.leave_as_much(all[0], other), "a message opens what it opens");
    }

    #[test]
    fn what_a_thread_does_is_not_known_before_it_was_found_out() {
        let mut tellings = Tellings::default();
        let nothing = tellings.number(Telling::default());
        let gathering = tellings.number(Telling {
            gathering: true,
            ..Telling::default()
        });
        assert!(!tellings.leave_as_much(gathering, nothing) && !tellings.leave_as_much(nothing, gathering));
    }
}
