//! Two accesses that may overlap, collected while the functions are walked; the best-founded way to each pair is kept.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::facts::Span;
use crate::finding::Confidence;

use super::around::Around;
use super::budget::Cut;
use super::handed_on::Later;
use super::key_set::KeySet;
use super::lent::{LENT, is_lent_among};
use super::needs::Need;
use super::places::{Key, Keys, is_first, is_message, meet};
use super::program::{Doer, Engine};
use super::programs::InPrograms;
use super::sites::{AccessKind, SiteId};
use super::summary::{Access, Certainty, Chain, Grade, Live, Rank, StartId};
use super::tree::FuncId;
use super::values::Values;
use super::whose::Common;

/// Why two accesses may overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PairKind {
    /// Two threads of one process.
    Race,
    /// A mutation in the child of a process that had threads.
    ForkWindow,
    /// Two tests of one binary.
    Tests,
}

/// One side of a pair.
#[derive(Debug, Clone)]
pub struct PairSide {
    pub access: Access,
    /// The thread that makes it; none: the thread that the ancestor runs on.
    pub thread: Option<StartId>,
    /// From the ancestor to the start of the thread.
    pub start_chain: Chain,
    pub many: bool,
    /// A join that does not surely end the thread.
    pub weak_join: Option<(FuncId, Span)>,
    /// The variable that it sets is surely there by then: [`super::lasting`].
    pub overwrites: bool,
}

/// A mutation and its partner.
#[derive(Debug, Clone)]
pub struct Pair {
    pub kind: PairKind,
    pub mutation: PairSide,
    pub partner: PairSide,
    /// The function in which the two sides part.
    pub ancestor: FuncId,
    pub certainty: Certainty,
    /// The addition that can have made `environ` a heap array before the thread began.
    pub heap: Option<SiteId>,
    /// The two sides part in a class or module, not in a function.
    pub owner: Option<Rc<str>>,
    /// Two tests: the partner's; the mutation's is the ancestor.
    pub partner_test: Option<FuncId>,
    /// A fork: the thread beside it is not seen to change the environment, and so to hold the lock on it.
    pub no_holder: bool,
}

/// How well founded a pair is: first where tests are known to mean the same variable, which matters most to them, then where
/// the mutation is not known to overwrite, then the surest, then the shortest way.
type PairRank = (bool, bool, Rank, Reverse<u32>);

/// What is true of a pair on whichever way it arises.
#[derive(Debug, Clone, Copy)]
struct Always {
    repeated: bool,
    heap: Option<SiteId>,
}

/// How many pairs are kept: a hundred times as many as the largest packages of Debian have. More than 500 tests that each
/// change a variable and read one have more.
pub const MOST_PAIRS: usize = 300_000;

/// All pairs, by their two sites.
#[derive(Debug, Default)]
pub struct Pairs {
    known: FxHashMap<(SiteId, SiteId, PairKind), (PairRank, Pair)>,
    /// The mutation of the first pair that was one too many.
    beyond: Option<SiteId>,
}

impl Pairs {
    /// Adds a pair, or the better way to one that is known. `same_variable`: both sides are known to name one variable.
    pub fn add(&mut self, pair: Pair, same_variable: bool) {
        let steps = |side: &PairSide| side.access.chain.length() + side.start_chain.length();
        let key = (pair.mutation.access.site, pair.partner.access.site, pair.kind);
        let rank = (
            same_variable,
            !pair.mutation.overwrites,
            pair.certainty.rank(),
            Reverse(steps(&pair.mutation) + steps(&pair.partner)),
        );
        let always = Always {
            repeated: pair.mutation.access.repeated,
            heap: pair.heap,
        };
        self.offer(key, rank, always, || pair);
    }

    /// As [`Pairs::add`]; the pair is made only where it is the best so far.
    fn offer(
        &mut self,
        key: (SiteId, SiteId, PairKind),
        rank: PairRank,
        mut always: Always,
        pair: impl FnOnce() -> Pair,
    ) {
        let is_full = self.known.len() >= MOST_PAIRS;
        let (known_rank, known) = match self.known.entry(key) {
            Entry::Vacant(_) if is_full => {
                self.beyond.get_or_insert(key.0);
                return;
            }
            Entry::Vacant(free) => {
                free.insert((rank, pair()));
                return;
            }
            Entry::Occupied(known) => known.into_mut(),
        };
        always.repeated |= known.mutation.access.repeated;
        always.heap = known.heap.or(always.heap);
        if rank > *known_rank {
            (*known_rank, *known) = (rank, pair());
        }
        known.mutation.access.repeated = always.repeated;
        known.heap = always.heap;
    }

    /// Whether a pair is known on a way that is no worse than this, with all that is true of it.
    fn is_settled(&self, key: (SiteId, SiteId, PairKind), rank: PairRank, always: Always) -> bool {
        self.known.get(&key).is_some_and(|(known_rank, known)| {
            *known_rank >= rank
                && (known.mutation.access.repeated || !always.repeated)
                && (known.heap.is_some() || always.heap.is_none())
        })
    }

    /// The pairs in the order of their sites.
    pub fn iter(&self) -> impl Iterator<Item = &Pair> {
        let mut sorted: Vec<_> = self.known.iter().collect();
        sorted.sort_by_key(|(key, _)| **key);
        sorted.into_iter().map(|(_, (_, pair))| pair)
    }

    /// The mutation from which on pairs were not kept, where there were more than [`MOST_PAIRS`].
    pub fn beyond(&self) -> Option<SiteId> {
        self.beyond
    }
}

/// One side as seen from the function in which the two part.
#[derive(Clone, Copy)]
struct Seen<'a> {
    access: &'a Access,
    live: Option<&'a Live>,
    thread: Option<StartId>,
}

impl<'a> Seen<'a> {
    /// An access that a thread makes, itself or through one that it starts, while `live` is alive.
    fn alive((access, thread): &'a (Access, StartId), live: &'a Live) -> Seen<'a> {
        Seen {
            access,
            live: Some(live),
            thread: Some(*thread),
        }
    }

    /// What must hold for the access to happen in the thread that is alive.
    fn certainties(&self) -> impl Iterator<Item = &Certainty> {
        [&self.access.certainty]
            .into_iter()
            .chain(self.live.map(|live| &live.certainty))
    }

    fn steps(&self) -> u32 {
        self.access.chain.length() + self.live.map_or(0, |live| live.chain.length())
    }
}

impl Engine<'_> {
    /// An access of the walking thread beside a live thread.
    pub fn meet(&mut self, ancestor: FuncId, access: &Access, live: &Live) {
        self.meet_as(ancestor, access, Best::of(access), live, || Cow::Borrowed(access));
    }

    /// The same for an access of a function that was handed on.
    pub(super) fn meet_in(&mut self, ancestor: FuncId, later: &Later, access: &Access, live: &Live) {
        let best = Best {
            grade: access.certainty.grade().and(&later.grade),
            steps: access.chain.length() + later.steps,
            repeated: access.repeated,
        };
        let seen = || Cow::Owned(later.way_in().seen(access));
        self.meet_as(ancestor, access, best, live, seen);
    }

    /// The same for an access that is made as surely and on as long a way as `best` says. `seen`: as the ancestor sees it; most of
    /// what meets is known on a better way, so that nobody asks.
    fn meet_as<'a>(
        &mut self,
        ancestor: FuncId,
        access: &Access,
        best: Best,
        live: &Live,
        seen: impl FnOnce() -> Cow<'a, Access>,
    ) {
        if access.around.joined().contains(&live.start) {
            return;
        }
        if access.child.is_some() {
            return self.fork_window(ancestor, &seen(), None, live);
        }
        let thread = self.thread_accesses(live.start);
        let seen = LazyCell::new(seen);
        let beside = thread.groups_beside(self.sites.kind(access.site));
        if !self.values.budget.spend(beside.len() as u64) {
            return self.values.budget.cut(ancestor, Cut::Steps);
        }
        for group in beside {
            if self.is_settled((access.site, &best, None), (group.site, &group.best, Some(live))) {
                continue;
            }
            let own = Seen {
                access: &seen,
                live: None,
                thread: None,
            };
            for other in thread.each(group) {
                if !access.around.joined().contains(&other.1) {
                    self.consider(ancestor, &own, &Seen::alive(other, live));
                }
            }
        }
    }

    /// Whether the pair of two sites is known on a way that is no worse than the best of theirs.
    fn is_settled(&self, a: (SiteId, &Best, Option<&Live>), b: (SiteId, &Best, Option<&Live>)) -> bool {
        let (first, second) = match self.in_order(a.0, b.0) {
            Some(true) => (a, b),
            Some(false) => (b, a),
            None => return true,
        };
        let lives = || [a.2, b.2].into_iter().flatten();
        let grades = [a.1.grade, b.1.grade].into_iter();
        let rank = Grade::rank_of(grades.chain(lives().map(|live| live.certainty.grade())));
        let steps = a.1.steps + b.1.steps + lives().map(|live| live.chain.length()).sum::<u32>();
        let always = Always {
            repeated: first.1.repeated,
            heap: a.2.or(b.2).and_then(|live| live.heap),
        };
        let key = (first.0, second.0, PairKind::Race);
        self.pairs.is_settled(key, (false, true, rank, Reverse(steps)), always)
    }

    /// Whether the first of two sites is the mutation of a pair and the other its partner; none where neither is one.
    fn in_order(&self, a: SiteId, b: SiteId) -> Option<bool> {
        match (self.sites.kind(a), self.sites.kind(b)) {
            (AccessKind::Mutation, AccessKind::Mutation) => Some(!self.comes_after(a, b)),
            (AccessKind::Mutation, _) => Some(true),
            (_, AccessKind::Mutation) => Some(false),
            _ => None,
        }
    }

    /// A thread that begins beside one that is alive.
    pub fn meet_threads(&mut self, ancestor: FuncId, fresh: &Live, other: &Live) {
        if fresh.start == other.start {
            return;
        }
        let left = self.thread_accesses(fresh.start);
        let right = self.thread_accesses(other.start);
        let can_pair =
            left.has_mutations() && !right.all().is_empty() || !left.all().is_empty() && right.has_mutations();
        if !can_pair || !self.first_meeting_of_threads(ancestor, fresh, other) {
            return;
        }
        for group in &left.groups {
            let beside = right.groups_beside(self.sites.kind(group.site));
            if !self.values.budget.spend(beside.len() as u64) {
                return self.values.budget.cut(ancestor, Cut::Steps);
            }
            for partners in beside {
                if self.is_settled(
                    (group.site, &group.best, Some(fresh)),
                    (partners.site, &partners.best, Some(other)),
                ) {
                    continue;
                }
                for a in left.each(group) {
                    for b in right.each(partners) {
                        if !a.0.around.joined().contains(&b.1) {
                            self.consider(ancestor, &Seen::alive(a, fresh), &Seen::alive(b, other));
                        }
                    }
                }
            }
        }
    }

    /// A thread of which several are alive, beside its like.
    pub fn meet_itself(&mut self, ancestor: FuncId, live: &Live) {
        let accesses = self.thread_accesses(live.start);
        if !accesses.has_mutations() || !self.first_meeting_of_threads(ancestor, live, live) {
            return;
        }
        for (number, group) in accesses.groups[..accesses.mutating].iter().enumerate() {
            let beside = &accesses.groups[number..];
            if !self.values.budget.spend(beside.len() as u64) {
                return self.values.budget.cut(ancestor, Cut::Steps);
            }
            for partners in beside {
                if self.is_settled(
                    (group.site, &group.best, Some(live)),
                    (partners.site, &partners.best, Some(live)),
                ) {
                    continue;
                }
                for a in accesses.each(group) {
                    for b in accesses.each(partners) {
                        self.consider(ancestor, &Seen::alive(a, live), &Seen::alive(b, live));
                    }
                }
            }
        }
    }

    /// The forks that a thread makes itself: the process has this thread and the one that started it.
    pub fn meet_forks(&mut self, ancestor: FuncId, live: &Live) {
        let told = self.told(live);
        for (access, thread) in self.thread_accesses(live.start).in_children() {
            if self.first_time(ancestor, access, (live, told)) {
                self.fork_window(ancestor, access, Some(*thread), live);
            }
        }
    }

    fn fork_window(&mut self, ancestor: FuncId, access: &Access, thread: Option<StartId>, live: &Live) {
        let Some(fork) = access.child else { return };
        let certainties = [&access.certainty, &live.certainty].into_iter();
        if !self.in_one_program(ancestor, certainties) {
            return;
        }
        if self.is_gathering(live.start) {
            let rank = |access: &Access, live: &Live| {
                let steps = access.chain.length() + live.chain.length();
                (access.certainty.and(&live.certainty).rank(), Reverse(steps))
            };
            let key = (ancestor, access.site, fork, live.start);
            let known = self.open_windows.get(&key);
            if known.is_none_or(|(other, _, beside)| rank(access, live) > rank(other, beside)) {
                self.open_windows.insert(key, (access.clone(), thread, live.clone()));
            }
            return;
        }
        let holder = self.holder(ancestor, live);
        let no_holder = holder.is_none();
        let doubt = holder.unwrap_or_else(|| {
            Certainty::because(
                Confidence::Medium,
                "the thread is not seen to change the environment, and only who does holds the C library's lock",
            )
        });
        let side = |access: Access| PairSide {
            access,
            thread,
            start_chain: if thread.is_some() {
                live.chain.clone()
            } else {
                Chain::default()
            },
            many: live.many,
            weak_join: None,
            overwrites: false,
        };
        let partner = Access {
            site: fork,
            child: None,
            ..access.clone()
        };
        let pair = Pair {
            kind: PairKind::ForkWindow,
            mutation: side(access.clone()),
            partner: PairSide {
                thread: Some(live.start),
                start_chain: live.chain.clone(),
                weak_join: live.story.weak_join,
                ..side(partner)
            },
            ancestor,
            certainty: access.certainty.and(&live.certainty).and(&doubt),
            heap: live.heap,
            owner: self.owner.clone(),
            partner_test: None,
            no_holder,
        };
        self.pairs.add(pair, false);
    }

    /// Judges the forks beside threads of which it was still being found out what they do.
    pub(super) fn judge_open_windows(&mut self) {
        for ((ancestor, ..), (access, thread, live)) in std::mem::take(&mut self.open_windows) {
            self.fork_window(ancestor, &access, thread, &live);
        }
    }

    /// How surely a thread that is alive at a fork may hold the C library's lock of the environment then; nothing where it is not
    /// seen to. Who changes the environment holds it, in the process itself: what children do they do with locks of their own. That
    /// of the C library's allocator, fork itself takes and gives back.
    fn holder(&mut self, ancestor: FuncId, live: &Live) -> Option<Certainty> {
        let info = self.start(live.start);
        if !info.outside.is_empty() || info.entries.is_empty() {
            return Some(Certainty::SURE);
        }
        let thread = self.thread_accesses(live.start);
        let changes = thread.groups[..thread.mutating].iter();
        let ways = changes
            .flat_map(|group| thread.each(group))
            .map(|(access, _)| &access.certainty);
        let held = ways.filter(|way| self.in_one_program(ancestor, [*way, &live.certainty].into_iter()));
        held.max_by_key(|way| way.rank()).cloned().map(Certainty::anywhere)
    }

    /// Whether some program holds a function and all ways that are as certain as this.
    pub fn in_one_program<'c>(&self, ancestor: FuncId, ways: impl Iterator<Item = &'c Certainty>) -> bool {
        let mut bound = ways
            .map(|way| &way.programs)
            .filter(|programs| !programs.is_all())
            .peekable();
        if self.anywhere || bound.peek().is_none() {
            return true;
        }
        !bound
            .fold(self.programs.of(ancestor), |all, programs| all.and(programs))
            .is_none()
    }

    /// Whether two accesses are a pair, and which way round.
    fn consider(&mut self, ancestor: FuncId, a: &Seen<'_>, b: &Seen<'_>) {
        if !self.values.budget.spend(1) {
            return self.values.budget.cut(ancestor, Cut::Steps);
        }
        let (first, second) = match self.in_order(a.access.site, b.access.site) {
            Some(true) => (a, b),
            Some(false) => (b, a),
            None => return,
        };
        let common = self.common_lock(ancestor, first.access.around.guards(), second.access.around.guards());
        if common == Common::Lock {
            let mut named = first.access.around.guards().iter().map(|held| &*held.name);
            let name = named.find(|name| !name.is_empty());
            let name = name.unwrap_or("what lets code run once").to_owned();
            self.observations.guarded(first.access.site, second.access.site, &name);
            return;
        }
        if let (Some(a), Some(b)) = (a.thread, b.thread)
            && self.share_worker(ancestor, a, b)
        {
            return self
                .observations
                .guarded(first.access.site, second.access.site, "the pool's only worker");
        }
        if [a, b].iter().any(|seen| is_done_before(seen)) {
            return self
                .observations
                .guarded(first.access.site, second.access.site, "what lets code run once");
        }
        let mut lent = None;
        for (seen, other) in [(a, b), (b, a)] {
            let Some(live) = seen.live else { continue };
            let mut closed = closed_gates(ancestor, seen.access, live).peekable();
            if closed.peek().is_none() || self.is_opened_by(seen.access, other) {
                continue;
            }
            let sent_beside = other.live.map(|other| self.thread_sends(other.start));
            let is_lent = |keys: &&Keys| {
                is_lent_among(live.story.sent.iter(), keys)
                    || sent_beside.as_ref().is_some_and(|sent| is_lent_among(&sent.on, keys))
            };
            if !closed.all(|keys| is_lent(&keys)) {
                self.observations
                    .gated(first.access.site, second.access.site, live.start);
                return;
            }
            lent = Some(Certainty::because(Confidence::Medium, LENT));
        }
        if !self.in_one_program(ancestor, a.certainties().chain(b.certainties())) {
            return;
        }
        // Members of a class or file are called as often as somebody likes, each time with something else.
        if self.owner.is_none() && never_both(&self.values, ancestor, a, b) {
            return;
        }
        if [a, b].iter().any(|seen| self.begins_past(ancestor, seen)) || self.share_module(a.access, b.access) {
            return;
        }
        let key = (first.access.site, second.access.site, PairKind::Race);
        let own_locks = common.doubt();
        let doubts = lent.iter().chain(&own_locks);
        let certainty = Certainty::together(a.certainties().chain(b.certainties()).chain(doubts));
        let mut alive = [a.live, b.live].into_iter().flatten();
        let overwrites = alive.any(|live| self.overwrites(first.access.site, live));
        let rank = (false, !overwrites, certainty.rank(), Reverse(a.steps() + b.steps()));
        let always = Always {
            repeated: first.access.repeated,
            heap: a.live.or(b.live).and_then(|live| live.heap),
        };
        let owner = &self.owner;
        self.pairs.offer(key, rank, always, || Pair {
            kind: PairKind::Race,
            mutation: PairSide {
                overwrites,
                ..side_of(first)
            },
            partner: side_of(second),
            ancestor,
            certainty,
            heap: always.heap,
            owner: owner.clone(),
            partner_test: None,
            no_holder: false,
        });
    }

    /// Whether the other side is a thread's that may send, before its own access, what this one waits for.
    fn is_opened_by(&mut self, access: &Access, other: &Seen<'_>) -> bool {
        let Some(live) = other.live.filter(|_| other.access.after_send) else {
            return false;
        };
        let sent = self.thread_sends(live.start);
        let opens = |keys: &Keys| sent.unknown || sent.on.iter().any(|sent| meet(sent, keys));
        access.around.gate().iter().filter(|keys| is_message(keys)).any(opens)
    }

    /// Whether a thread of the ancestor's goes through the code of a module that has run before it began.
    fn begins_past(&self, ancestor: FuncId, seen: &Seen<'_>) -> bool {
        let Some(live) = seen.live else { return false };
        let (function, call) = self.start(live.start).site;
        let at = match live.chain.first() {
            Some(step) if step.function == ancestor => step.span.start,
            None if function == ancestor => self.values.tree.call((function, call)).span.start,
            _ => return false,
        };
        self.is_past(seen.access, ancestor, at)
    }

    /// As [`Engine::meet`], where the two sides part in a class or file.
    pub fn meet_owned(&mut self, ancestor: FuncId, access: &Access, live: &Live, owner: &str) {
        self.owner = Some(owner.into());
        self.meet(ancestor, access, live);
        self.owner = None;
    }

    fn comes_after(&self, a: SiteId, b: SiteId) -> bool {
        let place = |site: SiteId| {
            let info = self.sites.get(site);
            (self.values.tree.file_of(info.function), info.span)
        };
        place(a) > place(b)
    }

    /// Accesses that two threads of a team may make at the same time.
    pub fn meet_team(&mut self, ancestor: FuncId, overlapping: Vec<(&Access, &Access)>) {
        for (a, b) in overlapping {
            let seen = |access| Seen {
                access,
                live: None,
                thread: None,
            };
            self.consider(ancestor, &seen(a), &seen(b));
        }
    }
}

/// What children do beside threads of which it was still being found out what they do: by function, site, fork and thread, the access,
/// the thread that makes it, and the one beside it.
pub(super) type OpenWindows = BTreeMap<(FuncId, SiteId, SiteId, StartId), (Access, Option<StartId>, Live)>;

/// The accesses of a thread, with the thread that makes each (threads that it starts are included).
#[derive(Debug, Default)]
pub struct ThreadAccesses {
    /// Mutations, then all others, then what runs in forked children.
    list: Vec<(Access, StartId)>,
    own: usize,
    /// What it does itself, by site: mutations, then all others.
    groups: Vec<Group>,
    mutating: usize,
    /// Threads of one number do the same.
    pub alike: u32,
    /// Some of it comes after a join or waits for a message, so that it matters which thread this is.
    pub tells: bool,
    /// Some of them happen only after something was received.
    pub waits: bool,
    /// Some of them happen only after something that is not done once and for all.
    pub awaits: bool,
    /// Some of it is done in some programs only.
    pub bound: bool,
    /// What some of it hangs on that is no message: gates, and work that is done once.
    pub hangs_on: KeySet,
}

/// The accesses of a thread at one site: one for each way there that cannot stand for another.
#[derive(Debug)]
struct Group {
    site: SiteId,
    /// Their places in the list.
    places: Vec<usize>,
    /// At least as good as every one of them.
    best: Best,
}

/// What is true of a pair on the best of ways, or on one that is better than any.
#[derive(Debug, Clone)]
struct Best {
    grade: Grade,
    steps: u32,
    repeated: bool,
}

impl Best {
    fn of(access: &Access) -> Best {
        Best {
            grade: access.certainty.grade(),
            steps: access.chain.length(),
            repeated: access.repeated,
        }
    }

    fn or(&mut self, access: &Access) {
        self.grade = self.grade.best_of(&access.certainty.grade());
        self.steps = self.steps.min(access.chain.length());
        self.repeated |= access.repeated;
    }
}

/// What tells what one thread does from what another does: each access with what is known of it.
type Deed = (SiteId, Option<SiteId>, u32, Rank, bool, u32, InPrograms);

/// Numbers for what threads do. Where a wrapper starts threads, there are hundreds that do the same.
#[derive(Debug, Default)]
pub struct Alike(FxHashMap<Vec<Deed>, u32>);

impl Alike {
    /// Gives a thread's accesses their number.
    pub fn number(&mut self, accesses: &mut ThreadAccesses) {
        let deed = |(access, _): &(Access, StartId)| {
            let around = access.around.number();
            let length = access.chain.length();
            (
                access.site,
                access.child,
                around,
                access.certainty.rank(),
                access.repeated,
                length,
                access.certainty.programs.clone(),
            )
        };
        let deeds = accesses.list.iter().map(deed).collect();
        let next = self.0.len() as u32;
        accesses.alike = *self.0.entry(deeds).or_insert(next);
        let waits = |around: &Around| around.gate().iter().any(is_message);
        let tells = |around: &Around| !around.joined().is_empty() || waits(around);
        accesses.tells = accesses.list.iter().any(|(access, _)| tells(&access.around));
        accesses.waits = accesses.list.iter().any(|(access, _)| waits(&access.around));
        let gates = accesses.list.iter().flat_map(|(access, _)| access.around.gate());
        accesses.awaits = gates.clone().any(|keys| !is_first(keys));
        accesses.hangs_on = gates.filter(|keys| !is_message(keys)).cloned().collect();
        let mut ways = accesses.list.iter().map(|(access, _)| &access.certainty.programs);
        accesses.bound = ways.any(|programs| !programs.is_all());
    }
}

impl ThreadAccesses {
    /// Sorts accesses by how they are asked for, and otherwise leaves them in order.
    pub fn new(mut list: Vec<(Access, StartId)>, is_mutation: impl Fn(SiteId) -> bool) -> ThreadAccesses {
        let rank = |access: &Access| match access.child {
            Some(_) => 2,
            None => u8::from(!is_mutation(access.site)),
        };
        list.sort_by_key(|(access, _)| rank(access));
        let mutations = list.partition_point(|(access, _)| rank(access) < 1);
        let own = list.partition_point(|(access, _)| rank(access) < 2);
        let mut groups: Vec<Group> = Vec::new();
        let mut by_site: FxHashMap<SiteId, usize> = FxHashMap::default();
        let mut mutating = 0;
        for (place, (access, _)) in list[..own].iter().enumerate() {
            let group = *by_site.entry(access.site).or_insert(groups.len());
            match groups.get_mut(group) {
                Some(group) => {
                    group.places.push(place);
                    group.best.or(access);
                }
                None => groups.push(Group {
                    site: access.site,
                    places: vec![place],
                    best: Best::of(access),
                }),
            }
            if place < mutations {
                mutating = groups.len();
            }
        }
        ThreadAccesses {
            own,
            groups,
            mutating,
            list,
            alike: 0,
            tells: false,
            waits: false,
            awaits: false,
            bound: false,
            hangs_on: KeySet::default(),
        }
    }

    /// Who a thread of these is to those whom it meets; `itself`: it matters which one it is, whatever it does.
    pub fn doer(&self, thread: StartId, itself: bool) -> Doer {
        match itself || self.tells {
            true => Doer::One(thread),
            false => Doer::Alike(self.alike),
        }
    }

    /// All but what forked children do.
    pub fn all(&self) -> &[(Access, StartId)] {
        &self.list[..self.own]
    }

    /// What a thread does itself, forked children included.
    pub fn of(&self, thread: StartId) -> impl Iterator<Item = &Access> {
        let own = self.list.iter().filter(move |(_, by)| *by == thread);
        own.map(|(access, _)| access)
    }

    /// Whether it changes the environment.
    pub fn has_mutations(&self) -> bool {
        self.mutating > 0
    }

    fn in_children(&self) -> &[(Access, StartId)] {
        &self.list[self.own..]
    }

    /// Whether it does something that an access of this kind can be a pair with.
    pub fn has_partners(&self, kind: AccessKind) -> bool {
        !self.groups_beside(kind).is_empty()
    }

    /// What an access of this kind can be a pair with, by site.
    fn groups_beside(&self, kind: AccessKind) -> &[Group] {
        match kind {
            AccessKind::Mutation => &self.groups,
            _ => &self.groups[..self.mutating],
        }
    }

    /// The accesses of a group.
    fn each<'g>(&'g self, group: &'g Group) -> impl Iterator<Item = &'g (Access, StartId)> {
        group.places.iter().map(|place| &self.list[*place])
    }
}

fn side_of(seen: &Seen<'_>) -> PairSide {
    PairSide {
        access: seen.access.clone(),
        thread: seen.thread,
        start_chain: seen.live.map(|live| live.chain.clone()).unwrap_or_default(),
        many: seen.live.is_some_and(|live| live.many),
        weak_join: seen.live.and_then(|live| live.story.weak_join),
        overwrites: false,
    }
}

/// The access is part of work that is done once, and had been done when the thread began.
fn is_done_before(seen: &Seen<'_>) -> bool {
    let gate = seen.access.around.gate().iter().filter(|keys| is_first(keys));
    let Some(live) = seen.live else { return false };
    gate.into_iter().any(|keys| live.story.sent.contains(keys))
}

/// What the ancestor must be handed for one side to come about rules out the other.
fn never_both(values: &Values<'_>, ancestor: FuncId, a: &Seen<'_>, b: &Seen<'_>) -> bool {
    asked(ancestor, a).any(|need| asked(ancestor, b).any(|other| values.exclude_each_other(need, other)))
}

/// What the ancestor must be handed for its own access to be reached, or for the thread to be started.
fn asked<'s>(ancestor: FuncId, seen: &Seen<'s>) -> impl Iterator<Item = &'s Need> {
    let needs = match seen.live {
        Some(live) => &live.story.needs,
        None => seen.access.around.needs(),
    };
    needs.iter().filter(move |need| need.owner == ancestor)
}

/// What the thread waits for before it comes to the access, where nothing was sent yet. What a function opens counts in that
/// function.
fn closed_gates<'a>(ancestor: FuncId, access: &'a Access, live: &'a Live) -> impl Iterator<Item = &'a Keys> {
    let gates = access.around.gate().iter().filter(|keys| !is_first(keys));
    gates.filter(move |keys| {
        let opener = keys.iter().find_map(|key| match key {
            Key::Opened(_, opener) => Some(*opener),
            _ => None,
        });
        let counts = match opener {
            Some(opener) => opener == ancestor,
            None => !live.story.sent_unknown,
        };
        counts && !live.story.sent.iter().any(|sent| meet(sent, keys))
    })
}

/// The pairs that files of one language have, each a path and a text.
#[cfg(test)]
pub(super) fn pairs_of(language: crate::facts::Language, files: &[(&str, &str)]) -> Vec<Pair> {
    use crate::input::Source;
    use crate::knowledge::{Catalog, Target};

    let lower = |(path, text): &(&str, &str)| {
        let (path, text) = ((*path).to_owned(), (*text).to_owned());
        crate::frontend::lower(&Source { path, language, text }).0
    };
    let tree = super::Tree::new(files.iter().map(lower).collect());
    let (catalog, target) = (Catalog::builtin(), Target::default());
    let found = super::analyse(&tree, &catalog, &target, super::STEPS, super::Extent::Pairs);
    found.engine.pairs.iter().cloned().collect()
}
