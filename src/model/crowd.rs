//! Whom an access is held against: of the threads that are alive, those that do something it can be a pair with, and of threads
//! that do the same and of which the same is known, one. Dozens are alive at once in a server, and every access of every callee is
//! held against them, so this is found once for each set of threads.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::budget::Cut;
use super::program::{Doer, Engine};
use super::programs::InPrograms;
use super::sites::AccessKind;
use super::state::Lives;
use super::summary::{Access, Live, Rank};
use super::tree::FuncId;

/// What the threads of a set do.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Of some it is still being found out, so that it may be anything.
    open: bool,
    /// Those that change the environment and those that touch it in any way, in the order of their starts.
    mutating: Vec<Rc<Live>>,
    acting: Vec<Rc<Live>>,
    /// Of these the places of those that are not as another one before them.
    mutating_apart: Vec<usize>,
    acting_apart: Vec<usize>,
}

impl Crowd {
    /// Whether an access of this kind may be a pair with something that they do.
    pub(super) fn by(&self, kind: AccessKind) -> bool {
        self.open || !self.beside(kind).0.is_empty()
    }

    /// Whether one of them changes the environment.
    pub(super) fn mutates(&self) -> bool {
        self.by(AccessKind::Read)
    }

    /// The threads that an access of this kind can be a pair with, and the places of those that are told apart.
    fn beside(&self, kind: AccessKind) -> (&[Rc<Live>], &[usize]) {
        match kind {
            AccessKind::Mutation => (&self.acting, &self.acting_apart),
            _ => (&self.mutating, &self.mutating_apart),
        }
    }
}

/// What tells threads apart for an access that comes after no join: what the thread does, how many queues were sent on, whether one is
/// unknown, and the programs of the way to it.
type Likeness = (Doer, usize, bool, InPrograms);

/// How good a way to a thread is: how surely it is alive, whether `environ` can be on the heap, and the steps to it.
type Way = (Rank, bool, u32);

impl Engine<'_> {
    /// What the threads that are alive do.
    pub(super) fn crowd(&mut self, lives: &Lives) -> Rc<Crowd> {
        if let Some(known) = lives.crowd() {
            return known;
        }
        let mut crowd = Crowd::default();
        let mut ways: FxHashMap<Likeness, Vec<Way>> = FxHashMap::default();
        for live in lives.values() {
            crowd.open |= self.is_gathering(live.start);
            let thread = self.thread_accesses(live.start);
            if !thread.has_partners(AccessKind::Mutation) {
                continue;
            }
            let (doer, story) = (thread.doer(live.start, false), &live.story);
            let likeness = (
                doer,
                story.sent.len(),
                story.sent_unknown,
                live.certainty.programs.clone(),
            );
            let way = (live.certainty.rank(), live.heap.is_some(), live.chain.length());
            let known = ways.entry(likeness).or_default();
            let is_no_better = |known: &Way| known.0 >= way.0 && known.1 >= way.1 && known.2 <= way.2;
            let is_apart = !known.iter().any(is_no_better);
            if is_apart {
                known.push(way);
                crowd.acting_apart.push(crowd.acting.len());
            }
            crowd.acting.push(Rc::clone(live));
            if thread.has_partners(AccessKind::Read) {
                if is_apart {
                    crowd.mutating_apart.push(crowd.mutating.len());
                }
                crowd.mutating.push(Rc::clone(live));
            }
        }
        let crowd = Rc::new(crowd);
        if !crowd.open {
            lives.remember(&crowd);
        }
        crowd
    }

    /// An access beside the threads that are alive.
    pub(super) fn meet_crowd(&mut self, ancestor: FuncId, access: &Access, lives: &Lives) {
        if access.child.is_some() {
            for live in lives.values() {
                self.meet(ancestor, access, live);
            }
            return;
        }
        let kind = self.sites.kind(access.site);
        let crowd = self.crowd(lives);
        let (among, apart) = crowd.beside(kind);
        // After a join it matters which of them was joined.
        let told_apart = access.around.joined().is_empty();
        let count = if told_apart { apart.len() } else { among.len() };
        if !self.values.budget.spend(count as u64) {
            return self.values.budget.cut(ancestor, Cut::Steps);
        }
        let meet = |engine: &mut Self, live: &Live| {
            if engine.first_time(ancestor, access, live) {
                engine.meet(ancestor, access, live);
            }
        };
        match told_apart {
            true => apart.iter().for_each(|place| meet(self, &among[*place])),
            false => among.iter().for_each(|live| meet(self, live)),
        }
    }
}
