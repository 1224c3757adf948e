//! Two accesses that may overlap, collected while the functions are walked; the best-founded way to each pair is kept.

use std::collections::BTreeMap;

use crate::facts::Span;
use crate::finding::Confidence;

use super::places::meet;
use super::program::Engine;
use super::sites::{AccessKind, SiteId};
use super::summary::{Access, Certainty, Chain, Live, StartId};
use super::tree::FuncId;
use super::walk::exclude;

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
    pub owner: Option<String>,
    /// Two tests: the partner's; the mutation's is the ancestor.
    pub partner_test: Option<FuncId>,
}

impl Pair {
    /// How well founded the pair is: surest first, then the shortest way.
    fn rank(&self) -> (Confidence, std::cmp::Reverse<u32>) {
        let steps = |side: &PairSide| side.access.chain.length() + side.start_chain.length();
        (
            self.certainty.confidence,
            std::cmp::Reverse(steps(&self.mutation) + steps(&self.partner)),
        )
    }
}

/// All pairs, by their two sites.
#[derive(Debug, Default)]
pub struct Pairs(BTreeMap<(SiteId, SiteId, PairKind), Pair>);

impl Pairs {
    /// Adds a pair, or the better way to one that is known.
    pub fn add(&mut self, pair: Pair) {
        let key = (pair.mutation.access.site, pair.partner.access.site, pair.kind);
        match self.0.get_mut(&key) {
            None => {
                self.0.insert(key, pair);
            }
            Some(known) => {
                let repeated = known.mutation.access.repeated || pair.mutation.access.repeated;
                let heap = known.heap.or(pair.heap);
                if pair.rank() > known.rank() {
                    *known = pair;
                }
                known.mutation.access.repeated = repeated;
                known.heap = heap;
            }
        }
    }

    /// The pairs in the order of their sites.
    pub fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.0.values()
    }
}

/// One side as seen from the function in which the two part.
struct Seen<'a> {
    access: &'a Access,
    live: Option<&'a Live>,
    thread: Option<StartId>,
}

impl Engine<'_> {
    /// An access of the walking thread beside a live thread.
    pub fn meet(&mut self, ancestor: FuncId, access: &Access, live: &Live) {
        if access.joined.contains(&live.start) {
            return;
        }
        if access.child.is_some() {
            return self.fork_window(ancestor, access, None, live);
        }
        for (other, thread) in self.thread_accesses(live.start).iter() {
            if access.joined.contains(thread) || other.child.is_some() {
                continue;
            }
            let own = Seen {
                access,
                live: None,
                thread: None,
            };
            self.consider(
                ancestor,
                &own,
                &Seen {
                    access: other,
                    live: Some(live),
                    thread: Some(*thread),
                },
            );
        }
    }

    /// A thread that begins beside one that is alive.
    pub fn meet_threads(&mut self, ancestor: FuncId, fresh: &Live, other: &Live) {
        if fresh.start == other.start {
            return;
        }
        let left = self.thread_accesses(fresh.start);
        let right = self.thread_accesses(other.start);
        for (a, thread) in left.iter().filter(|(access, _)| access.child.is_none()) {
            let a = Seen {
                access: a,
                live: Some(fresh),
                thread: Some(*thread),
            };
            for (b, thread) in right.iter().filter(|(access, _)| access.child.is_none()) {
                if a.access.joined.contains(thread) {
                    continue;
                }
                self.consider(
                    ancestor,
                    &a,
                    &Seen {
                        access: b,
                        live: Some(other),
                        thread: Some(*thread),
                    },
                );
            }
        }
    }

    /// A thread of which several are alive, beside its like; and the forks that any thread makes.
    pub fn meet_itself(&mut self, ancestor: FuncId, live: &Live) {
        let accesses = self.thread_accesses(live.start);
        for (number, (a, thread)) in accesses
            .iter()
            .enumerate()
            .filter(|(_, (access, _))| access.child.is_none())
        {
            let a = Seen {
                access: a,
                live: Some(live),
                thread: Some(*thread),
            };
            for (b, thread) in accesses[number..].iter().filter(|(access, _)| access.child.is_none()) {
                self.consider(
                    ancestor,
                    &a,
                    &Seen {
                        access: b,
                        live: Some(live),
                        thread: Some(*thread),
                    },
                );
            }
        }
    }

    /// The forks that a thread makes itself: the process has this thread and the one that started it.
    pub fn meet_forks(&mut self, ancestor: FuncId, live: &Live) {
        for (access, thread) in self.thread_accesses(live.start).iter() {
            if access.child.is_some() {
                self.fork_window(ancestor, access, Some(*thread), live);
            }
        }
    }

    fn fork_window(&mut self, ancestor: FuncId, access: &Access, thread: Option<StartId>, live: &Live) {
        let Some(fork) = access.child else { return };
        if self.sites.get(access.site).kind != AccessKind::Mutation {
            return;
        }
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
                weak_join: live.weak_join,
                ..side(partner)
            },
            ancestor,
            certainty: access.certainty.and(&live.certainty),
            heap: live.heap,
            owner: None,
            partner_test: None,
        };
        self.pairs.add(pair);
    }

    /// Whether two accesses are a pair, and which way round.
    fn consider(&mut self, ancestor: FuncId, a: &Seen<'_>, b: &Seen<'_>) {
        let kind_of = |seen: &Seen<'_>| self.sites.get(seen.access.site).kind;
        let (first, second) = match (kind_of(a), kind_of(b)) {
            (AccessKind::Mutation, AccessKind::Mutation) if self.comes_after(a.access.site, b.access.site) => (b, a),
            (AccessKind::Mutation, _) => (a, b),
            (_, AccessKind::Mutation) => (b, a),
            _ => return,
        };
        if exclude(&first.access.guards, &second.access.guards) {
            let name = first
                .access
                .guards
                .first()
                .map_or_else(String::new, |held| held.name.to_string());
            self.observations.guarded(first.access.site, second.access.site, &name);
            return;
        }
        for seen in [a, b] {
            if let Some(live) = seen.live
                && is_gated(seen.access, live)
            {
                self.observations
                    .gated(first.access.site, second.access.site, live.start);
                return;
            }
        }
        let mut certainty = first.access.certainty.and(&second.access.certainty);
        for seen in [a, b] {
            if let Some(live) = seen.live {
                certainty = certainty.and(&live.certainty);
            }
        }
        let heap = a.live.or(b.live).and_then(|live| live.heap);
        let pair = Pair {
            kind: PairKind::Race,
            mutation: side_of(first),
            partner: side_of(second),
            ancestor,
            certainty,
            heap,
            owner: None,
            partner_test: None,
        };
        self.pairs.add(pair);
    }

    /// As [`Engine::meet`], where the two sides part in a class or file.
    pub fn meet_owned(&mut self, ancestor: FuncId, access: &Access, live: &Live, owner: &str) {
        let mut outer = Pairs::default();
        std::mem::swap(&mut outer, &mut self.pairs);
        self.meet(ancestor, access, live);
        std::mem::swap(&mut outer, &mut self.pairs);
        for (_, pair) in outer.0 {
            self.pairs.add(Pair {
                owner: Some(owner.to_owned()),
                ..pair
            });
        }
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

fn side_of(seen: &Seen<'_>) -> PairSide {
    PairSide {
        access: seen.access.clone(),
        thread: seen.thread,
        start_chain: seen.live.map(|live| live.chain.clone()).unwrap_or_default(),
        many: seen.live.is_some_and(|live| live.many),
        weak_join: seen.live.and_then(|live| live.weak_join),
    }
}

/// The thread waits to receive before it comes to the access, and nothing was sent yet.
fn is_gated(access: &Access, live: &Live) -> bool {
    !live.sent_unknown
        && access
            .gate
            .iter()
            .any(|keys| !live.sent.iter().any(|sent| meet(sent, keys)))
}
