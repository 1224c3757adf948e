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
use super::summary::{Access, Live, Rank, Summary};
use super::told::Told;
use super::tree::FuncId;

/// What the threads of a set do.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// Of some it is still being found out, so that it may be anything.
    open: bool,
    /// Those that change the environment and those that touch it in any way, in the order of their starts.
    mutating: Vec<(Rc<Live>, Told)>,
    acting: Vec<(Rc<Live>, Told)>,
    /// Of these the places of those that are not as another one before them.
    mutating_apart: Vec<usize>,
    acting_apart: Vec<usize>,
}

impl Crowd {
    /// Whether an access of this kind may be a pair with something that they do.
    pub(super) fn by(&self, kind: AccessKind) -> bool {
        self.open || !self.beside(kind).0.is_empty()
    }

    /// Whom an access of this kind meets: all that it can be a pair with, or only those of them that are told apart.
    fn met_by(&self, kind: AccessKind, told_apart: bool) -> impl ExactSizeIterator<Item = &(Rc<Live>, Told)> {
        let (among, apart) = self.beside(kind);
        let count = if told_apart { apart.len() } else { among.len() };
        (0..count).map(move |number| &among[if told_apart { apart[number] } else { number }])
    }

    /// The threads that an access of this kind can be a pair with, and the places of those that are told apart.
    fn beside(&self, kind: AccessKind) -> (&[(Rc<Live>, Told)], &[usize]) {
        match kind {
            AccessKind::Mutation => (&self.acting, &self.acting_apart),
            _ => (&self.mutating, &self.mutating_apart),
        }
    }
}

/// What tells threads apart for an access that comes after no join: what the thread does, what it was told, and the programs of the
/// way to it.
type Likeness = (Doer, Told, InPrograms);

/// How good a way to a thread is: how surely it is alive, whether `environ` can be on the heap, and the steps to it.
type Way = (Rank, bool, u32);

/// Whether a way is as good as another one.
fn is_as_good(way: &Way, other: &Way) -> bool {
    way.0 >= other.0 && way.1 >= other.1 && way.2 <= other.2
}

/// A member of a class or file, and what it does.
pub(super) struct Member {
    function: FuncId,
    summary: Rc<Summary>,
    /// Some of that comes after a join.
    joins: bool,
}

impl Member {
    pub(super) fn of(function: FuncId, summary: Rc<Summary>) -> Member {
        let joins = summary.accesses.iter().any(comes_after_join);
        Member {
            function,
            summary,
            joins,
        }
    }
}

/// It matters which of the threads is alive, since one was joined.
fn comes_after_join(access: &Access) -> bool {
    !access.around.joined().is_empty()
}

/// Who has left threads of one likeness alive so far, and on which way each.
#[derive(Debug, Default)]
pub(super) struct Left(FxHashMap<Likeness, Vec<(Way, FuncId)>>);

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
            let (likeness, way) = self.likeness(live);
            let told = likeness.1;
            let known = ways.entry(likeness).or_default();
            let is_apart = !known.iter().any(|known| is_as_good(known, &way));
            if is_apart {
                known.push(way);
                crowd.acting_apart.push(crowd.acting.len());
            }
            crowd.acting.push((Rc::clone(live), told));
            if thread.has_partners(AccessKind::Read) {
                if is_apart {
                    crowd.mutating_apart.push(crowd.mutating.len());
                }
                crowd.mutating.push((Rc::clone(live), told));
            }
        }
        let crowd = Rc::new(crowd);
        if !crowd.open {
            lives.remember(&crowd);
        }
        crowd
    }

    fn likeness(&mut self, live: &Live) -> (Likeness, Way) {
        let likeness = (
            self.thread_accesses(live.start).doer(live.start, false),
            self.told(live),
            live.certainty.programs.clone(),
        );
        let way = (live.certainty.rank(), live.heap.is_some(), live.chain.length());
        (likeness, way)
    }

    /// Lets what other members of a class or file do meet the threads that one of them, `starter`, leaves alive. Where hundreds of
    /// members call the same, each leaves the same threads: what a member does meets one of those, the first on the best way.
    pub(super) fn meet_left(&mut self, starter: FuncId, live: &Live, members: &[Member], owner: &str, left: &mut Left) {
        let (likeness, way) = self.likeness(live);
        let known = left.0.entry(likeness).or_default();
        for member in members.iter().filter(|member| member.function != starter) {
            let has_met = |(known, by): &(Way, FuncId)| *by != member.function && is_as_good(known, &way);
            let has_met = known.iter().any(has_met);
            if has_met && !member.joins {
                continue;
            }
            for access in &member.summary.accesses {
                if !has_met || comes_after_join(access) {
                    self.meet_owned(member.function, access, live, owner);
                }
            }
        }
        known.push((way, starter));
    }

    /// A thread that begins beside those that are alive.
    pub(super) fn meet_company(&mut self, ancestor: FuncId, fresh: &Live, lives: &Lives) {
        let crowd = self.crowd(lives);
        let accesses = self.thread_accesses(fresh.start);
        let kind = match accesses.has_mutations() {
            true => AccessKind::Mutation,
            false => AccessKind::Read,
        };
        // It matters which of them shares a worker with it, which was joined, and which is the thread itself.
        let told_apart =
            !accesses.tells && self.start(fresh.start).worker.is_none() && !lives.contains_key(&fresh.start);
        let others = crowd.met_by(kind, told_apart);
        if !self.values.budget.spend(others.len() as u64) {
            return self.values.budget.cut(ancestor, Cut::Steps);
        }
        for (other, _) in others {
            self.meet_threads(ancestor, fresh, other);
        }
    }

    /// An access beside the threads that are alive.
    pub(super) fn meet_crowd(&mut self, ancestor: FuncId, access: &Access, lives: &Lives) {
        if access.child.is_some() {
            for live in lives.values() {
                let told = self.told(live);
                if self.first_time(ancestor, access, (live, told)) {
                    self.meet(ancestor, access, live);
                }
            }
            return;
        }
        let kind = self.sites.kind(access.site);
        let crowd = self.crowd(lives);
        // After a join it matters which of them was joined.
        let others = crowd.met_by(kind, !comes_after_join(access));
        if !self.values.budget.spend(others.len() as u64) {
            return self.values.budget.cut(ancestor, Cut::Steps);
        }
        for (live, told) in others {
            if self.first_time(ancestor, access, (live, *told)) {
                self.meet(ancestor, access, live);
            }
        }
    }
}
