//! What a function does to the environment, its threads and its guards, as its callers see it.

use std::rc::Rc;

use crate::facts::Span;
use crate::finding::Confidence;

use super::places::Keys;
use super::sites::SiteId;
use super::tree::{CallSite, FuncId};

/// Index of a thread start in [`super::Program::starts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StartId(pub u32);

/// One step on the way to a site: a call, a file that is run, a block that is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainStep {
    /// The function in which the step stands.
    pub function: FuncId,
    pub span: Span,
    pub note: Rc<str>,
}

/// A chain of steps, shared between the summaries of callers; the outermost step is at the head.
#[derive(Debug, Clone, Default)]
pub struct Chain(Option<Rc<Link>>);

#[derive(Debug)]
struct Link {
    step: ChainStep,
    rest: Chain,
    length: u32,
}

impl Chain {
    /// This chain behind one more step.
    pub fn behind(&self, step: ChainStep) -> Chain {
        Chain(Some(Rc::new(Link {
            step,
            rest: self.clone(),
            length: self.length() + 1,
        })))
    }

    /// How many steps there are.
    pub fn length(&self) -> u32 {
        self.0.as_ref().map_or(0, |link| link.length)
    }

    /// The steps from the outermost to the innermost.
    pub fn steps(&self) -> Vec<ChainStep> {
        let mut steps = Vec::new();
        let mut current = self;
        while let Some(link) = &current.0 {
            steps.push(link.step.clone());
            current = &link.rest;
        }
        steps
    }

    /// Whether a step of the chain stands in this function.
    pub fn passes(&self, function: FuncId) -> bool {
        let mut current = self;
        while let Some(link) = &current.0 {
            if link.step.function == function {
                return true;
            }
            current = &link.rest;
        }
        false
    }
}

/// A guard that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub keys: Keys,
    pub name: Rc<str>,
    /// The call whose result holds it until it dies (Rust), if any.
    pub holder: Option<CallSite>,
    /// Taken under this test only: held for sure where the same test is true again.
    pub test: Option<Rc<str>>,
    /// The reader's side of a read-write lock: excludes writers only.
    pub shared: bool,
}

/// Guards, shared between accesses.
pub type Guards = Rc<Vec<Held>>;

/// What weakens a claim, with the sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certainty {
    pub confidence: Confidence,
    pub doubt: Option<Rc<str>>,
}

impl Certainty {
    /// Nothing weakens it.
    pub const SURE: Certainty = Certainty {
        confidence: Confidence::High,
        doubt: None,
    };

    /// Weakened to `confidence` because of `doubt`.
    pub fn because(confidence: Confidence, doubt: &str) -> Certainty {
        Certainty {
            confidence,
            doubt: Some(doubt.into()),
        }
    }

    /// The weaker of two.
    pub fn and(&self, other: &Certainty) -> Certainty {
        if other.confidence < self.confidence {
            other.clone()
        } else {
            self.clone()
        }
    }
}

/// A mutation, spawn or read that a function may reach on its own thread.
#[derive(Debug, Clone)]
pub struct Access {
    pub site: SiteId,
    pub chain: Chain,
    pub guards: Guards,
    /// The queues of which one was surely received from before, since the function began.
    pub gate: Rc<Vec<Keys>>,
    /// Threads surely joined before it, since the function began.
    pub joined: Rc<Vec<StartId>>,
    pub repeated: bool,
    pub certainty: Certainty,
    /// It runs in a forked child: the fork's site.
    pub child: Option<SiteId>,
}

/// A thread that may be alive.
#[derive(Debug, Clone)]
pub struct Live {
    pub start: StartId,
    /// From the function at hand to the start.
    pub chain: Chain,
    /// Several of it may be alive.
    pub many: bool,
    pub certainty: Certainty,
    /// The queues on which something was sent since it was started.
    pub sent: Vec<Keys>,
    /// Something was sent on a queue that we could not tell.
    pub sent_unknown: bool,
    /// The tests under which it was started, with the places that were assigned there.
    pub under: Vec<(Rc<str>, Rc<Vec<String>>)>,
    /// The addition that made `environ` a heap array before it was started.
    pub heap: Option<SiteId>,
    /// A join that does not surely end it.
    pub weak_join: Option<(FuncId, Span)>,
}

/// What a function does, bottom-up.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub accesses: Vec<Access>,
    /// Threads that may be alive at return.
    pub leaks: Vec<Live>,
    /// Every start in the function or below it, in order, with its chain.
    pub starts: Vec<(StartId, Chain)>,
    /// Threads that are surely joined.
    pub joins: Vec<(StartId, bool)>,
    pub sends: Vec<Keys>,
    pub sends_unknown: bool,
    /// Guards held at return that were not held at entry.
    pub acquires: Vec<Held>,
    /// Guards released that the function did not take.
    pub releases: Vec<Keys>,
    /// Never returns.
    pub exits: bool,
    /// Queues surely received from.
    pub received: Vec<Keys>,
    /// The first addition that it may make.
    pub heap: Option<SiteId>,
    /// Replaces the process with the live environment when run in a child.
    pub execs_live: bool,
    /// Functions handed on to run later.
    pub later: Vec<FuncId>,
    /// Partners that were left out because nearer ones of their kind exist.
    pub dropped: u32,
}

/// How many spawns and reads of one kind, guard set and gate are kept, the nearest ones.
const NEAREST: usize = 12;

impl Summary {
    /// Whether a lock or queue in it is a parameter of the function.
    pub fn speaks_of_parameters(&self, function: FuncId) -> bool {
        let own = |keys: &Keys| {
            keys.iter()
                .any(|key| matches!(key, super::places::Key::Local(owner, _) if *owner == function))
        };
        self.acquires.iter().any(|held| own(&held.keys))
            || self.releases.iter().any(own)
            || self.sends.iter().any(own)
            || self.received.iter().any(own)
            || self
                .accesses
                .iter()
                .any(|access| access.guards.iter().any(|held| own(&held.keys)) || access.gate.iter().any(own))
    }

    /// Adds an access, or the shorter way to one that is known.
    pub fn add(&mut self, access: Access) {
        let same = |known: &Access| {
            known.site == access.site
                && known.child == access.child
                && known.gate == access.gate
                && known.joined == access.joined
                && same_guards(&known.guards, &access.guards)
        };
        match self.accesses.iter_mut().find(|known| same(known)) {
            None => self.accesses.push(access),
            Some(known) => {
                known.repeated |= access.repeated;
                let better = (access.certainty.confidence, std::cmp::Reverse(access.chain.length()));
                if better > (known.certainty.confidence, std::cmp::Reverse(known.chain.length())) {
                    let repeated = known.repeated;
                    *known = Access { repeated, ..access };
                }
            }
        }
    }

    /// Keeps every mutation and the nearest few of everything else; counts the rest. `is_mutation` by site.
    pub fn trim(&mut self, is_mutation: impl Fn(SiteId) -> bool) {
        if self.accesses.len() <= NEAREST {
            return;
        }
        let mut kept: Vec<Access> = Vec::new();
        let mut counts: Vec<(Access, usize)> = Vec::new();
        let mut accesses = std::mem::take(&mut self.accesses);
        accesses.sort_by_key(|access| access.chain.length());
        for access in accesses {
            if is_mutation(access.site) || access.child.is_some() {
                kept.push(access);
                continue;
            }
            let alike = |other: &Access| {
                same_guards(&other.guards, &access.guards) && other.gate == access.gate && other.joined == access.joined
            };
            match counts.iter_mut().find(|(other, _)| alike(other)) {
                Some((_, count)) if *count >= NEAREST => self.dropped += 1,
                Some((_, count)) => {
                    *count += 1;
                    kept.push(access);
                }
                None => {
                    counts.push((access.clone(), 1));
                    kept.push(access);
                }
            }
        }
        self.accesses = kept;
    }
}

fn same_guards(a: &Guards, b: &Guards) -> bool {
    Rc::ptr_eq(a, b)
        || (a.len() == b.len()
            && a.iter()
                .zip(b.iter())
                .all(|(x, y)| x.keys == y.keys && x.shared == y.shared))
}
