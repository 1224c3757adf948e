//! What a function does to the environment, its threads and its guards, as its callers see it.

use std::cmp::Reverse;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{LocalIndex, Span};
use crate::finding::Confidence;

use super::around::{Around, Arounds};
use super::handed_on::HandedOn;
use super::key_set::KeySet;
use super::named::VariableId;
use super::needs::Need;
use super::overdue::Overdue;
use super::places::Keys;
use super::programs::InPrograms;
use super::sites::{AccessKind, SiteId, Sites};
use super::tree::{CallSite, FuncId};
use super::whose::Owners;

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
    /// Shared between all ways that take it.
    step: Rc<ChainStep>,
    rest: Chain,
    length: u32,
}

impl Chain {
    /// This chain behind one more step.
    pub fn behind(&self, step: impl Into<Rc<ChainStep>>) -> Chain {
        Chain(Some(Rc::new(Link {
            step: step.into(),
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
        self.links().map(|link| ChainStep::clone(&link.step)).collect()
    }

    /// This chain behind all of another one.
    pub fn behind_all(&self, outer: &Chain) -> Chain {
        let steps: Vec<_> = outer.links().map(|link| &link.step).collect();
        let steps = steps.into_iter().rev();
        steps.fold(self.clone(), |chain, step| chain.behind(Rc::clone(step)))
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        std::iter::successors(self.0.as_deref(), |link| link.rest.0.as_deref())
    }

    /// The functions in which the steps stand, from the outermost on.
    pub fn functions(&self) -> impl Iterator<Item = FuncId> + '_ {
        self.links().map(|link| link.step.function)
    }

    /// The outermost step.
    pub fn first(&self) -> Option<&ChainStep> {
        self.0.as_ref().map(|link| &*link.step)
    }

    /// Whether a step of the chain stands in this function.
    pub fn passes(&self, function: FuncId) -> bool {
        self.functions().any(|passed| passed == function)
    }
}

/// A guard that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub keys: Keys,
    /// Whose lock it is, where that tells it from others of the same keys.
    pub of: Owners,
    pub name: Rc<str>,
    /// The call whose result holds it until it dies (Rust), if any.
    pub holder: Option<CallSite>,
    /// Taken under this test only: held for sure where the same test is true again.
    pub test: Option<Rc<str>>,
    /// The reader's side of a read-write lock: excludes writers only.
    pub shared: bool,
}

/// What weakens a claim, with the sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certainty {
    pub confidence: Confidence,
    pub doubt: Option<Rc<str>>,
    /// How many calls on the way may mean one of many functions: that all of them mean the one that is needed gets less
    /// likely with each.
    pub guesses: u8,
    /// How many of these may mean one of very many functions.
    pub wide_guesses: u8,
    /// The programs in which all of the way can be.
    pub programs: InPrograms,
}

/// How surely something is known: what is better compares as greater.
pub type Rank = (Confidence, Reverse<u8>);

/// So many calls through pointers of many meanings are a guess.
const MANY_GUESSES: u8 = 3;

/// So many on one side are a guess where each may mean very many: that both are what is needed is one chance in hundreds.
const MANY_WIDE_GUESSES: u8 = 2;

/// What is said then.
const GUESSED: &str = "the way there goes through several function pointers, each of which may mean many functions";

/// How sure something is, without the sentence and the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grade {
    confidence: Confidence,
    guesses: u8,
    wide_guesses: u8,
}

impl Grade {
    /// Where both must hold: the weaker of the two, or weaker still.
    pub fn and(&self, other: &Grade) -> Grade {
        let guesses = self.guesses.saturating_add(other.guesses);
        let wide_guesses = self.wide_guesses.saturating_add(other.wide_guesses);
        let guessed = guesses >= MANY_GUESSES || wide_guesses >= MANY_WIDE_GUESSES;
        let confidence = self.confidence.min(other.confidence);
        Grade {
            confidence: if guessed { Confidence::Low } else { confidence },
            guesses,
            wide_guesses,
        }
    }

    /// Its rank.
    pub fn rank(&self) -> Rank {
        rank(self.confidence, self.guesses)
    }

    /// The rank of what holds where both do.
    pub fn rank_with(&self, other: &Grade) -> Rank {
        Grade::rank_of([*self, *other])
    }

    /// The rank of what holds where all of these do.
    pub fn rank_of(all: impl IntoIterator<Item = Grade>) -> Rank {
        let (mut confidence, mut guesses) = (Confidence::High, 0u8);
        for grade in all {
            confidence = confidence.min(grade.confidence);
            guesses = guesses.saturating_add(grade.guesses);
        }
        rank(confidence, guesses)
    }

    /// The best of both in each respect.
    pub fn best_of(&self, other: &Grade) -> Grade {
        Grade {
            confidence: self.confidence.max(other.confidence),
            guesses: self.guesses.min(other.guesses),
            wide_guesses: self.wide_guesses.min(other.wide_guesses),
        }
    }
}

fn rank(confidence: Confidence, guesses: u8) -> Rank {
    let guessed = guesses >= MANY_GUESSES;
    let confidence = if guessed { Confidence::Low } else { confidence };
    (confidence, Reverse(guesses))
}

impl Certainty {
    /// Nothing weakens it.
    pub const SURE: Certainty = Certainty {
        confidence: Confidence::High,
        doubt: None,
        guesses: 0,
        wide_guesses: 0,
        programs: InPrograms::ALL,
    };

    /// Weakened to `confidence` because of `doubt`.
    pub fn because(confidence: Confidence, doubt: &str) -> Certainty {
        Certainty {
            confidence,
            doubt: Some(doubt.into()),
            guesses: 0,
            wide_guesses: 0,
            programs: InPrograms::ALL,
        }
    }

    /// Where both must hold: the weaker of the two, or weaker still.
    pub fn and(&self, other: &Certainty) -> Certainty {
        let grade = self.grade().and(&other.grade());
        let weaker = if other.confidence < self.confidence {
            other
        } else {
            self
        };
        let guessed = grade.confidence < weaker.confidence;
        Certainty {
            confidence: grade.confidence,
            doubt: if guessed {
                Some(GUESSED.into())
            } else {
                weaker.doubt.clone()
            },
            guesses: grade.guesses,
            wide_guesses: grade.wide_guesses,
            programs: self.programs.and(&other.programs),
        }
    }

    /// How sure it is.
    pub fn grade(&self) -> Grade {
        Grade {
            confidence: self.confidence,
            guesses: self.guesses,
            wide_guesses: self.wide_guesses,
        }
    }

    /// The same in whichever programs.
    pub fn anywhere(self) -> Certainty {
        Certainty {
            programs: InPrograms::ALL,
            ..self
        }
    }

    /// Where several things must hold of which each is known by itself: two that are doubted for reasons that have nothing to
    /// do with each other are a guess together.
    pub fn together<'a>(all: impl IntoIterator<Item = &'a Certainty>) -> Certainty {
        let mut found = Certainty::SURE;
        let mut doubts: Vec<&Rc<str>> = Vec::new();
        for certainty in all {
            let doubt = certainty.doubt.as_ref();
            doubts.extend(doubt.filter(|doubt| !doubts.contains(doubt)));
            // What many functions may be meant by is a matter of each side by itself.
            found.wide_guesses = 0;
            found = found.and(certainty);
        }
        if doubts.len() > 1 && found.confidence > Confidence::Low {
            let doubts: Vec<&str> = doubts.iter().map(|doubt| &***doubt).collect();
            found.doubt = Some(doubts.join("; besides, ").into());
            found.confidence = Confidence::Low;
        }
        found
    }

    /// The same in these programs only.
    pub fn within(self, programs: &InPrograms) -> Certainty {
        Certainty {
            programs: self.programs.and(programs),
            ..self
        }
    }

    /// What is left of it in a function that only these programs hold, and so in whoever calls it; nothing where none of
    /// them holds the whole way.
    fn seen_from(&mut self, programs: &InPrograms) -> bool {
        if self.programs.covers(programs) {
            self.programs = InPrograms::ALL;
        } else {
            self.programs = self.programs.and(programs);
        }
        !self.programs.is_none()
    }

    /// Its own rank.
    pub fn rank(&self) -> Rank {
        self.grade().rank()
    }
}

/// A mutation, spawn or read that a function may reach on its own thread.
#[derive(Debug, Clone)]
pub struct Access {
    pub site: SiteId,
    pub chain: Chain,
    /// Guards, messages waited for and threads joined, since the function began.
    pub around: Around,
    pub repeated: bool,
    /// Whoever makes it may have sent something on a queue before.
    pub after_send: bool,
    pub certainty: Certainty,
    /// It runs in a forked child: the fork's site.
    pub child: Option<SiteId>,
    /// It is done by the code of a file, or on a way through that.
    pub through_module: bool,
    /// The variable that it names on this way, where the function in which it stands is handed the name ([`super::named`]).
    pub variable: Option<VariableId>,
}

/// A thread that may be alive.
#[derive(Debug, Clone)]
pub struct Live {
    pub start: StartId,
    /// From the function at hand to the start.
    pub chain: Chain,
    /// Several of it may be alive.
    pub many: bool,
    /// How many of it are alive, where they were started one by one; 0 where that is not known.
    pub count: u32,
    pub certainty: Certainty,
    /// The addition that made `environ` a heap array before it was started.
    pub heap: Option<SiteId>,
    /// Shared, since most threads go from function to function as they are.
    pub story: Rc<Story>,
}

/// What happened to a thread that may be alive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// The queues on which something was sent since it was started, the gates that were open by then, and the work that is done
    /// once and was done before.
    pub sent: KeySet,
    /// Something was sent on a queue that we could not tell.
    pub sent_unknown: bool,
    /// The tests under which it was started, with the places that were assigned there.
    pub under: Rc<[Under]>,
    /// What callers must hand over for it to be started.
    pub needs: Vec<Need>,
    /// A join that does not surely end it.
    pub weak_join: Option<(FuncId, Span)>,
    /// A loop joins its like one by one: some of them are alive until the loop ends.
    pub leaving: Option<Leaving>,
    /// The guards that whoever started it has held since before it began.
    pub covered: Vec<Held>,
}

/// Stories of threads that are spoken of one after the other: the same one is kept once.
#[derive(Debug, Default)]
pub struct Stories(Rc<Story>);

impl Stories {
    /// Lets a thread have a story.
    pub fn tell(&mut self, live: &mut Live, story: Story) {
        if story == *live.story {
            return;
        }
        if story != *self.0 {
            self.0 = Rc::new(story);
        }
        live.story = Rc::clone(&self.0);
    }
}

/// A test under which something stands, with the places that are assigned there.
pub type Under = (Rc<str>, Rc<Vec<String>>);

impl Live {
    /// What happened to it, to be changed.
    pub fn story_mut(&mut self) -> &mut Story {
        Rc::make_mut(&mut self.story)
    }

    /// Whether all guards that it is alive under are among these.
    pub fn is_covered(&self, held: &[Held]) -> bool {
        self.story.covered.iter().all(|known| is_held(known, held))
    }

    /// Of the guards that it is alive under only these are held on.
    pub fn cover(&mut self, held: &[Held]) {
        if !self.is_covered(held) {
            self.story_mut().covered.retain(|known| is_held(known, held));
        }
    }

    /// The thread of a callee as its caller sees it: by way of this step, no more surely than this, and begun after `heap` was added.
    pub fn lifted(&self, step: &Rc<ChainStep>, certainty: &Certainty, heap: Option<SiteId>) -> Live {
        Live {
            chain: self.chain.behind(step.clone()),
            certainty: self.certainty.and(certainty),
            heap: self.heap.or(heap),
            ..self.clone()
        }
    }

    /// The same thread, alive no more surely than this.
    pub fn doubted(self, doubt: &Certainty) -> Live {
        Live {
            certainty: self.certainty.and(doubt),
            ..self
        }
    }
}

fn is_held(known: &Held, held: &[Held]) -> bool {
    held.iter().any(|held| held.keys == known.keys)
}

/// A join in a loop that goes through several threads of one start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// Nobody waited for the thread: it was asked whether it is alive, and was not. Who leaves the loop in between has asked no other.
    pub asked: bool,
    /// How many loops are around the join.
    pub depth: usize,
    /// It stands under a test of the very handle, so that on the other paths there was nothing to join.
    pub despite_test: bool,
    pub function: FuncId,
    pub span: Span,
}

/// A thread that a function starts, itself or in a callee.
#[derive(Debug, Clone)]
pub struct Begun {
    pub start: StartId,
    /// From the function at hand to the start.
    pub chain: Chain,
    /// How surely the start is reached.
    pub certainty: Certainty,
    /// The guards that whoever starts it holds until it has ended; none where it may outlive the function.
    pub covered: Option<Rc<[Held]>>,
    /// The work that had been done once and for all when it began.
    pub past: Rc<[Held]>,
}

/// What a function does, bottom-up.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub accesses: Vec<Access>,
    /// Threads that may be alive at return.
    pub leaks: Vec<Live>,
    /// Every start in the function or below it, in order.
    pub starts: Vec<Begun>,
    /// Threads that are surely joined.
    pub joins: Vec<(StartId, bool)>,
    /// Of the uses of starts that are joined on any path, those whose handle is the function's parameter, or lies in what that
    /// stands for ([`super::uses`]).
    pub joined_through: Vec<(StartId, LocalIndex)>,
    /// Threads that are joined on some paths, and where.
    pub weak_joins: Vec<(StartId, (FuncId, Span))>,
    /// Threads that are alive where the function raises.
    pub overdue: Vec<Overdue>,
    pub sends: Vec<Keys>,
    pub sends_unknown: bool,
    /// Changes or looks at the environment, other than where it is about to abort.
    pub touches: bool,
    /// Does so where it is about to abort.
    pub touches_at_abort: bool,
    /// Of `sends`, those after which it surely neither changes nor looks at the environment any more.
    pub last_words: Vec<Keys>,
    /// Guards held at return that were not held at entry.
    pub acquires: Vec<Held>,
    /// Guards released that the function did not take.
    pub releases: Vec<Keys>,
    /// Never returns.
    pub exits: bool,
    /// Queues surely received from.
    pub received: Vec<Keys>,
    /// What variables surely told: that threads are done ([`super::flags`]).
    pub heard: Vec<Keys>,
    /// Work that is done once and surely is done when it returns ([`super::firsts`]).
    pub done: KeySet,
    /// Further such work, where what it returns is false, and where it is true.
    pub done_where: [KeySet; 2],
    /// What a loop waits for that a thread may tell when it is done, and others too.
    pub perhaps_heard: Vec<Keys>,
    /// The first addition that it may make.
    pub heap: Option<SiteId>,
    /// Replaces the process with the live environment when run in a child.
    pub execs_live: bool,
    /// Leaves `environ` pointing to an array that the program made itself.
    pub own_array: bool,
    /// Functions handed on to run later.
    pub later: Rc<HandedOn>,
    /// A lock or queue in it is a parameter of the function, or a parameter decides what is reached.
    pub speaks_of_parameters: bool,
}

/// How many spawns and reads of one kind, guard set and gate are kept, the nearest ones.
const NEAREST: usize = 12;

/// How many reads of Rust's are kept beside them that name their variables: which variable it is decides there.
const NEAREST_NAMED: usize = 48;

impl Summary {
    /// Leaves out what no program can hold together with the function itself, which can be part of `programs`.
    pub fn see_from(&mut self, programs: &InPrograms) {
        self.accesses.retain_mut(|access| access.certainty.seen_from(programs));
        self.leaks.retain_mut(|live| live.certainty.seen_from(programs));
        self.starts.retain_mut(|begun| begun.certainty.seen_from(programs));
    }

    /// Finds out whether a lock or queue in it is a parameter of the function, or a parameter decides what is reached.
    pub fn look_for_parameters(&mut self, function: FuncId) {
        let own = |keys: &Keys| {
            keys.iter().any(
                |key| matches!(super::lent::channel(key), super::places::Key::Local(owner, _) if *owner == function),
            )
        };
        let own_guard =
            |held: &Held| own(&held.keys) || held.of.iter().any(|owner| owner.parameter_of(function).is_some());
        let mut seen = FxHashSet::default();
        let around = |around: &Around| {
            seen.insert(around.number())
                && (around.guards().iter().any(own_guard)
                    || around.given_up().iter().any(own)
                    || around.gate().iter().any(own)
                    || around.needs().iter().any(|need| need.owner == function))
        };
        let covers = || {
            self.starts
                .iter()
                .filter_map(|begun| begun.covered.as_deref())
                .flatten()
        };
        self.speaks_of_parameters = self.acquires.iter().any(own_guard)
            || self.releases.iter().any(own)
            || self.sends.iter().any(own)
            || self.received.iter().any(own)
            || covers().any(own_guard)
            || self.accesses.iter().map(|access| &access.around).any(around)
            || self
                .leaks
                .iter()
                .flat_map(|live| &live.story.needs)
                .any(|need| need.owner == function);
    }

    /// Whether a call of the function changes nothing that is kept track of.
    pub fn does_nothing(&self) -> bool {
        self.accesses.is_empty()
            && self.leaks.is_empty()
            && self.starts.is_empty()
            && self.joins.is_empty()
            && self.weak_joins.is_empty()
            && self.overdue.is_empty()
            && self.sends.is_empty()
            && !self.sends_unknown
            && self.acquires.is_empty()
            && self.releases.is_empty()
            && !self.exits
            && self.received.is_empty()
            && self.heard.is_empty()
            && self.done.is_empty()
            && self.done_where.iter().all(KeySet::is_empty)
            && self.perhaps_heard.is_empty()
            && self.heap.is_none()
            && !self.execs_live
            && !self.own_array
            && self.later.is_empty()
    }

    /// Keeps every mutation and the nearest few spawns and reads, whether or not it is part of work that is done once or comes
    /// after a gate.
    pub fn trim(&mut self, sites: &Sites, arounds: &mut Arounds) {
        if self.accesses.len() <= NEAREST {
            return;
        }
        let mut kept: Vec<Access> = Vec::new();
        let mut counts: FxHashMap<_, usize> = FxHashMap::default();
        let mut accesses = std::mem::take(&mut self.accesses);
        accesses.sort_by_key(|access| access.chain.length());
        for access in accesses {
            let kind = sites.kind(access.site);
            let is_named = access.variable.is_some() || sites.is_named_in_rust(access.site);
            if kind == AccessKind::Mutation || access.child.is_some() {
                kept.push(access);
                continue;
            }
            let alike = (arounds.with_messages(&access.around).number(), kind, is_named);
            let count = counts.entry(alike).or_default();
            if *count < if is_named { NEAREST_NAMED } else { NEAREST } {
                *count += 1;
                kept.push(access);
            }
        }
        self.accesses = kept;
    }
}

/// What tells one way to an access from another: its site, the fork in whose child it is, what is around it, whether it leads
/// through a module's code, the programs that hold it, and the variable that it names.
type Way = (SiteId, Option<SiteId>, u32, bool, InPrograms, Option<VariableId>);

/// The accesses of a function while it is walked, the best way to each.
#[derive(Debug, Default)]
pub struct Accesses {
    list: Vec<Access>,
    index: FxHashMap<Way, usize>,
}

impl Accesses {
    /// Adds an access, or the surer or shorter way to one that is known.
    pub fn add(&mut self, access: Access) {
        let key = (
            access.site,
            access.child,
            access.around.number(),
            access.through_module,
            access.certainty.programs.clone(),
            access.variable,
        );
        let place = *self.index.entry(key).or_insert(self.list.len());
        let Some(known) = self.list.get_mut(place) else {
            return self.list.push(access);
        };
        known.repeated |= access.repeated;
        known.after_send |= access.after_send;
        let better = (access.certainty.rank(), Reverse(access.chain.length()));
        if better > (known.certainty.rank(), Reverse(known.chain.length())) {
            let (repeated, after_send) = (known.repeated, known.after_send);
            *known = Access {
                repeated,
                after_send,
                ..access
            };
        }
    }

    /// Whether this access is known by a way that is no worse; remembers that it is repeated, and made after something was sent.
    pub fn knows(
        &mut self,
        site: SiteId,
        child: Option<SiteId>,
        around: &Around,
        (repeated, after_send, through_module): (bool, bool, bool),
        (rank, programs): ((Rank, u32), InPrograms),
        variable: Option<VariableId>,
    ) -> bool {
        let way = (site, child, around.number(), through_module, programs, variable);
        let Some(place) = self.index.get(&way) else {
            return false;
        };
        let known = &mut self.list[*place];
        known.repeated |= repeated;
        known.after_send |= after_send;
        (known.certainty.rank(), Reverse(known.chain.length())) >= (rank.0, Reverse(rank.1))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The round of a loop has sent something in which those from this number on are made: the next round makes them after that.
    pub fn sent_in_loop(&mut self, from: usize) {
        self.list[from..].iter_mut().for_each(|access| access.after_send = true);
    }

    /// All.
    pub fn into_list(self) -> Vec<Access> {
        self.list
    }
}
