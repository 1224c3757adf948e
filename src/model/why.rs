//! Why a place is reported or not: what the walks saw there.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Span;

use super::sites::SiteId;
use super::state::State;
use super::summary::{Access, StartId};
use super::tree::FuncId;

/// How many observations are kept for a site.
const MOST: usize = 12;

/// What was seen at a site in one function on the way to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observation {
    /// A thread begins only later in this function.
    Before { function: FuncId, start: StartId },
    /// The last thread was joined earlier.
    After {
        function: FuncId,
        start: StartId,
        joined_in: FuncId,
        joined: Span,
    },
    /// The other side first waits to receive, and nothing was sent yet.
    Gated { partner: SiteId, start: StartId },
    /// Both sides hold a lock.
    Guarded { partner: SiteId, lock: String },
    /// A thread is alive, but does nothing with the environment that could be harmed, or is reported.
    Beside { function: FuncId, start: StartId },
    /// No thread is alive, and none begins in this function.
    Alone { function: FuncId },
}

/// Everything that was seen.
#[derive(Debug, Clone)]
pub struct Observations {
    /// Somebody will ask.
    wanted: bool,
    by_site: BTreeMap<SiteId, Vec<Observation>>,
    /// Sites seen alone in the walks that are under way, innermost last.
    pending: Vec<BTreeSet<SiteId>>,
}

impl Observations {
    /// Nothing was seen yet; where that is not `wanted`, nothing is remembered either.
    pub fn new(wanted: bool) -> Observations {
        Observations {
            wanted,
            by_site: BTreeMap::new(),
            pending: Vec::new(),
        }
    }

    /// Forgets everything.
    pub fn begin_anew(&mut self) {
        *self = Observations::new(self.wanted);
    }

    /// A walk begins.
    pub fn begin(&mut self) {
        self.pending.push(BTreeSet::new());
    }

    /// How many walks are under way.
    pub fn under_way(&self) -> usize {
        self.pending.len()
    }

    /// All walks end but the first `under_way`.
    pub fn return_to(&mut self, under_way: usize) {
        self.pending.truncate(under_way);
    }

    /// What was seen at a site, the most telling first.
    pub fn of(&self, site: SiteId) -> Vec<Observation> {
        let mut found = self.by_site.get(&site).cloned().unwrap_or_default();
        found.sort();
        found
    }

    fn add(&mut self, site: SiteId, observation: Observation) {
        if !self.wanted {
            return;
        }
        let known = self.by_site.entry(site).or_default();
        if known.contains(&observation) {
            return;
        }
        if known.len() < MOST {
            known.push(observation);
        } else if let Some(alone) = known
            .iter_mut()
            .find(|known| matches!(known, Observation::Alone { .. }))
        {
            *alone = observation;
        }
    }

    /// An access happens in a state.
    pub fn access(&mut self, function: FuncId, access: &Access, state: &State) {
        if !self.wanted {
            return;
        }
        if let Some(live) = state.live.values().next() {
            self.add(
                access.site,
                Observation::Beside {
                    function,
                    start: live.start,
                },
            );
        } else if let Some(ended) = state.ended.last() {
            let observation = Observation::After {
                function,
                start: ended.start,
                joined_in: ended.function,
                joined: ended.span,
            };
            self.add(access.site, observation);
        } else {
            self.add(access.site, Observation::Alone { function });
            if let Some(pending) = self.pending.last_mut() {
                pending.insert(access.site);
            }
        }
    }

    /// A thread begins.
    pub fn start(&mut self, function: FuncId, start: StartId) {
        let Some(pending) = self.pending.last_mut().filter(|_| self.wanted) else {
            return;
        };
        for site in std::mem::take(pending) {
            if let Some(known) = self.by_site.get_mut(&site) {
                known.retain(|known| *known != Observation::Alone { function });
            }
            self.add(site, Observation::Before { function, start });
        }
    }

    /// Both sides hold a lock.
    pub fn guarded(&mut self, mutation: SiteId, partner: SiteId, lock: &str) {
        self.add(
            mutation,
            Observation::Guarded {
                partner,
                lock: lock.to_owned(),
            },
        );
        self.add(
            partner,
            Observation::Guarded {
                partner: mutation,
                lock: lock.to_owned(),
            },
        );
    }

    /// The thread still waits.
    pub fn gated(&mut self, mutation: SiteId, partner: SiteId, start: StartId) {
        self.add(mutation, Observation::Gated { partner, start });
        self.add(
            partner,
            Observation::Gated {
                partner: mutation,
                start,
            },
        );
    }
}
