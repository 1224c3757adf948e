//! The threads of each program as lanes, for those who draw them: what each does to the environment, in the order of the
//! code, and where it starts and joins others. A view of what the walks found; nothing is decided here.

use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::facts::{FunctionKind, Language, Span};

use super::pairs::{Pair, PairKind, PairSide};
use super::program::{Engine, SummaryKey};
use super::sites::{AccessKind, SiteId};
use super::summary::{Access, Begun, Chain, ChainStep, StartId, Summary};
use super::tree::FuncId;

/// More lanes than this nobody can follow; the others are counted.
const MOST_LANES: usize = 30;

/// How many accesses that no pair is about are kept on a lane.
const MOST_QUIET: usize = 12;

/// What a program begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootKind {
    /// The top level of a Python file.
    Script,
    /// `main`.
    Main,
    /// A function that nobody in the tree calls.
    Function,
    /// The public functions of a class or file, called by whoever uses it.
    Owner(Rc<str>),
    /// Public functions of a file that change the environment, called from threads that nobody here knows.
    Library,
    /// The tests of one binary.
    Tests,
}

/// A program, with its threads.
#[derive(Debug, Clone)]
pub struct Lanes {
    pub kind: RootKind,
    /// Where it begins, or one of its functions.
    pub root: FuncId,
    pub lanes: Vec<Lane>,
    /// From the first to the last, as far as the code's order tells; what a thread does stands behind its start.
    pub events: Vec<LaneEvent>,
    /// Lanes and accesses that were left out.
    pub hidden: u32,
}

/// Who runs a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// The program's own first thread, or that of its callers.
    First,
    Thread(StartId),
    Test(FuncId),
}

/// One thread, or several that do the same.
#[derive(Debug, Clone)]
pub struct Lane {
    pub runner: Runner,
    pub many: bool,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Access(SiteId),
    /// Of the lane of that number.
    Start(usize),
    Join {
        lane: usize,
        /// It surely ends the thread.
        sure: bool,
    },
}

/// Something that happens on a lane.
#[derive(Debug, Clone)]
pub struct LaneEvent {
    pub lane: usize,
    pub moment: Moment,
    /// Where it stands.
    pub function: FuncId,
    pub span: Span,
    /// The calls that lead to it from the beginning of the lane.
    pub chain: Vec<ChainStep>,
    pub repeated: bool,
}

/// The place of an event among those of its lane: that of each call on the way, then its own.
type Order = Vec<u32>;

/// A public function, and a change of the environment that it comes to.
pub type Open = (FuncId, Access);

/// All programs that start threads, or that a pair of `reported` is in; then those that only touch the environment, and
/// files with functions of `open`.
pub fn lanes(engine: &mut Engine<'_>, reported: &[Pair], open: &[Open]) -> Vec<Lanes> {
    let wanted: FxHashSet<SiteId> = reported
        .iter()
        .flat_map(|pair| [pair.mutation.access.site, pair.partner.access.site])
        .chain(open.iter().map(|(_, access)| access.site))
        .collect();
    let mut drafts = roots(engine);
    let mut groups: BTreeMap<(String, FuncId), Draft> = BTreeMap::new();
    for pair in reported {
        let mut placed = false;
        for draft in &mut drafts {
            placed |= draft.holds(pair);
        }
        if !placed {
            let key = group_of(engine, pair);
            let draft = groups.entry(key).or_insert_with(|| Draft::group(pair));
            draft.add_pair(engine, pair);
        }
    }
    drafts.extend(groups.into_values());
    drafts.extend(libraries(engine, open));
    let mut all: Vec<Lanes> = drafts.into_iter().map(|draft| draft.finish(engine, &wanted)).collect();
    all.sort_by_key(|lanes| lanes.lanes.len() < 2);
    all
}

/// Where programs begin: scripts, `main`, and functions that start threads and that nobody calls.
fn roots(engine: &mut Engine<'_>) -> Vec<Draft> {
    let tree = engine.values.tree;
    let entries: FxHashSet<FuncId> = engine.starts().flat_map(|(_, info)| info.entries.clone()).collect();
    let mut threaded = Vec::new();
    let mut quiet = Vec::new();
    for func in tree.functions() {
        if engine.values.is_unreached(func) || !engine.callers(func).is_empty() || entries.contains(&func) {
            continue;
        }
        let function = tree.function(func);
        let kind = match function.kind {
            FunctionKind::Module if tree.language(func) == Language::Python => RootKind::Script,
            FunctionKind::Function if function.name == "main" && tree.language(func) != Language::Python => {
                RootKind::Main
            }
            FunctionKind::Function | FunctionKind::Method => RootKind::Function,
            _ => continue,
        };
        let main = kind == RootKind::Script;
        let summary = engine.summary(SummaryKey { function: func, main });
        let touches = kind != RootKind::Function && !summary.accesses.is_empty();
        if summary.starts.is_empty() && !touches {
            continue;
        }
        let mut draft = Draft::new(kind, func);
        draft.lanes.push(LaneDraft::new(Runner::First, false));
        draft.fill(engine, 0, &summary.accesses, std::slice::from_ref(&summary));
        if draft.lanes.len() > 1 {
            threaded.push(draft);
        } else {
            quiet.push(draft);
        }
    }
    // A file that another program runs is no program.
    let known: FxHashSet<SiteId> = threaded.iter().flat_map(Draft::sites).collect();
    quiet.retain(|draft| !draft.sites().all(|site| known.contains(&site)));
    threaded.extend(quiet);
    threaded
}

/// A program for each file with functions of `open`: any of its callers' threads may come to any of them.
fn libraries(engine: &Engine<'_>, open: &[Open]) -> Vec<Draft> {
    let tree = engine.values.tree;
    let mut by_file: BTreeMap<&str, Draft> = BTreeMap::new();
    for (func, access) in open {
        let draft = by_file.entry(&tree.file(tree.file_of(*func)).path).or_insert_with(|| {
            let mut draft = Draft::new(RootKind::Library, *func);
            draft.lanes.push(LaneDraft::new(Runner::First, true));
            draft
        });
        draft.add_access(engine, 0, access);
    }
    by_file.into_values().collect()
}

/// What the pairs that no root leads to have in common.
fn group_of(engine: &Engine<'_>, pair: &Pair) -> (String, FuncId) {
    let tree = engine.values.tree;
    match (&pair.owner, pair.kind) {
        (Some(owner), _) => (owner.to_string(), FuncId(0)),
        (None, PairKind::Tests) => (tree.file(tree.file_of(pair.ancestor)).path.clone(), FuncId(0)),
        (None, _) => (String::new(), pair.ancestor),
    }
}

struct LaneDraft {
    runner: Runner,
    many: bool,
    events: Vec<(Order, LaneEvent)>,
}

impl LaneDraft {
    fn new(runner: Runner, many: bool) -> LaneDraft {
        LaneDraft {
            runner,
            many,
            events: Vec::new(),
        }
    }

    fn has(&self, site: SiteId) -> bool {
        self.events
            .iter()
            .any(|(_, event)| event.moment == Moment::Access(site))
    }
}

/// A program while it is put together.
struct Draft {
    kind: RootKind,
    root: FuncId,
    lanes: Vec<LaneDraft>,
    hidden: u32,
}

impl Draft {
    fn new(kind: RootKind, root: FuncId) -> Draft {
        Draft {
            kind,
            root,
            lanes: Vec::new(),
            hidden: 0,
        }
    }

    /// For a pair that no root leads to.
    fn group(pair: &Pair) -> Draft {
        let kind = match (&pair.owner, pair.kind) {
            (Some(owner), _) => RootKind::Owner(owner.clone()),
            (None, PairKind::Tests) => RootKind::Tests,
            (None, _) => RootKind::Function,
        };
        let mut draft = Draft::new(kind, pair.ancestor);
        if draft.kind != RootKind::Tests {
            draft.lanes.push(LaneDraft::new(Runner::First, false));
        }
        draft
    }

    fn sites(&self) -> impl Iterator<Item = SiteId> {
        let events = self.lanes.iter().flat_map(|lane| &lane.events);
        events.filter_map(|(_, event)| match event.moment {
            Moment::Access(site) => Some(site),
            _ => None,
        })
    }

    fn lane_of(&self, runner: Runner) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.runner == runner)
    }

    /// Puts on a lane what its thread does: accesses, and the threads that it starts with what they do.
    fn fill(&mut self, engine: &mut Engine<'_>, lane: usize, accesses: &[Access], summaries: &[Rc<Summary>]) {
        for access in accesses {
            self.add_access(engine, lane, access);
        }
        for Begun { start, chain, .. } in summaries.iter().flat_map(|summary| &summary.starts) {
            if engine.start(*start).process || self.lane_of(Runner::Thread(*start)).is_some() {
                continue;
            }
            if self.lanes.len() >= MOST_LANES {
                self.hidden += 1;
                continue;
            }
            let leak = summaries
                .iter()
                .flat_map(|summary| &summary.leaks)
                .find(|live| live.start == *start);
            let many = leak.is_some_and(|live| live.many) || engine.starts_many(*start);
            let number = self.add_thread(engine, lane, *start, chain, many);
            let does = engine.thread_accesses(*start);
            let own: Vec<Access> = does.of(*start).cloned().collect();
            let inner = engine.entry_summaries(*start);
            self.fill(engine, number, &own, &inner);
            self.add_join(engine, number, *start, leak.is_none());
        }
    }

    fn add_access(&mut self, engine: &Engine<'_>, lane: usize, access: &Access) {
        let info = engine.sites.get(access.site);
        if info.kind == AccessKind::Fork || self.lanes[lane].has(access.site) {
            return;
        }
        let chain = access.chain.steps();
        let order = order(&chain, info.span);
        let event = LaneEvent {
            lane,
            moment: Moment::Access(access.site),
            function: info.function,
            span: info.span,
            chain,
            repeated: access.repeated,
        };
        self.lanes[lane].events.push((order, event));
    }

    /// A lane for a thread, and its start on the lane that starts it.
    fn add_thread(&mut self, engine: &Engine<'_>, lane: usize, start: StartId, chain: &Chain, many: bool) -> usize {
        let number = self.lanes.len();
        self.lanes.push(LaneDraft::new(Runner::Thread(start), many));
        let (function, call) = engine.start(start).site;
        let span = engine.values.tree.call((function, call)).span;
        let chain = chain.steps();
        let order = order(&chain, span);
        let event = LaneEvent {
            lane,
            moment: Moment::Start(number),
            function,
            span,
            chain,
            repeated: many,
        };
        self.lanes[lane].events.push((order, event));
        number
    }

    /// The join of a thread, on whichever lane comes to the function in which it stands.
    fn add_join(&mut self, engine: &Engine<'_>, number: usize, start: StartId, sure: bool) {
        let joined = engine.joined_at(start);
        let base = engine.start(start).base;
        let Some((function, span)) = joined.or_else(|| engine.joined_at(base?)) else {
            return;
        };
        let Some((lane, mut before)) = self.way_to(engine, function) else {
            return;
        };
        let order = before
            .iter()
            .map(|step: &ChainStep| step.span.start)
            .chain([span.start]);
        let order: Order = order.collect();
        let event = LaneEvent {
            lane,
            moment: Moment::Join { lane: number, sure },
            function,
            span,
            chain: std::mem::take(&mut before),
            repeated: false,
        };
        self.lanes[lane].events.push((order, event));
    }

    /// The first lane that is known to come to a function, and how.
    fn way_to(&self, engine: &Engine<'_>, function: FuncId) -> Option<(usize, Vec<ChainStep>)> {
        for (number, lane) in self.lanes.iter().enumerate() {
            let begins = match lane.runner {
                Runner::First => self.root == function,
                Runner::Thread(start) => engine.start(start).entries.contains(&function),
                Runner::Test(test) => test == function,
            };
            if begins {
                return Some((number, Vec::new()));
            }
        }
        for (number, lane) in self.lanes.iter().enumerate() {
            for (_, event) in &lane.events {
                if let Some(at) = event.chain.iter().position(|step| step.function == function) {
                    return Some((number, event.chain[..at].to_vec()));
                }
                if event.function == function {
                    return Some((number, event.chain.clone()));
                }
            }
        }
        None
    }

    /// Whether both sides of a pair are here, on lanes that can meet. A side that was left out because nearer ones of its
    /// kind exist is added to the lane of its thread.
    fn holds(&mut self, pair: &Pair) -> bool {
        let lanes = |draft: &Draft, side: &PairSide| -> Vec<usize> {
            let own = side.thread.and_then(|start| draft.lane_of(Runner::Thread(start)));
            match own {
                Some(lane) => vec![lane],
                None if side.thread.is_some() => Vec::new(),
                None => (0..draft.lanes.len())
                    .filter(|lane| draft.lanes[*lane].has(side.access.site))
                    .collect(),
            }
        };
        let (mutating, partners) = (lanes(self, &pair.mutation), lanes(self, &pair.partner));
        if pair.kind == PairKind::ForkWindow {
            return !mutating.is_empty();
        }
        mutating.iter().any(|a| {
            partners
                .iter()
                .any(|b| (a != b || self.lanes[*a].many) && self.lanes[*b].has(pair.partner.access.site))
        })
    }

    /// Adds both sides of a pair to a group.
    fn add_pair(&mut self, engine: &Engine<'_>, pair: &Pair) {
        let tests = [
            Runner::Test(pair.ancestor),
            Runner::Test(pair.partner_test.unwrap_or(pair.ancestor)),
        ];
        for (side, test) in [&pair.mutation, &pair.partner].into_iter().zip(tests) {
            let runner = match side.thread {
                _ if self.kind == RootKind::Tests => test,
                Some(start) => Runner::Thread(start),
                None => Runner::First,
            };
            let lane = match (self.lane_of(runner), runner) {
                (Some(lane), _) => lane,
                (None, Runner::Thread(start)) if self.lanes.len() < MOST_LANES => {
                    self.add_thread(engine, 0, start, &side.start_chain, side.many)
                }
                (None, Runner::Test(_)) if self.lanes.len() < MOST_LANES => {
                    self.lanes.push(LaneDraft::new(runner, false));
                    self.lanes.len() - 1
                }
                _ => {
                    self.hidden += 1;
                    continue;
                }
            };
            self.add_access(engine, lane, &side.access);
        }
    }

    fn finish(mut self, engine: &Engine<'_>, wanted: &FxHashSet<SiteId>) -> Lanes {
        for lane in &mut self.lanes {
            self.hidden += trim(engine, lane, wanted);
            let after_starts = |event: &LaneEvent| !matches!(event.moment, Moment::Start(_));
            let grouped = matches!(self.kind, RootKind::Owner(_));
            lane.events.sort_by(|(a, left), (b, right)| {
                // Functions that are called in any order: the threads that they leave alive come first.
                let late = |event: &LaneEvent| grouped && after_starts(event);
                (late(left), a).cmp(&(late(right), b))
            });
        }
        let mut events = Vec::new();
        let mut done = vec![false; self.lanes.len()];
        for lane in 0..self.lanes.len() {
            emit(&self.lanes, lane, &mut done, &mut events);
        }
        Lanes {
            kind: self.kind,
            root: self.root,
            lanes: self
                .lanes
                .iter()
                .map(|lane| Lane {
                    runner: lane.runner,
                    many: lane.many,
                })
                .collect(),
            events,
            hidden: self.hidden,
        }
    }
}

/// The events of a lane, those of a thread behind its start.
fn emit(lanes: &[LaneDraft], lane: usize, done: &mut [bool], events: &mut Vec<LaneEvent>) {
    if std::mem::replace(&mut done[lane], true) {
        return;
    }
    for (_, event) in &lanes[lane].events {
        events.push(event.clone());
        if let Moment::Start(inner) = event.moment {
            emit(lanes, inner, done, events);
        }
    }
}

/// Leaves out accesses that no pair is about where there are many, reads first; says how many.
fn trim(engine: &Engine<'_>, lane: &mut LaneDraft, wanted: &FxHashSet<SiteId>) -> u32 {
    let mut quiet: Vec<(AccessKind, Order, SiteId)> = Vec::new();
    for (order, event) in &lane.events {
        if let Moment::Access(site) = event.moment
            && !wanted.contains(&site)
        {
            quiet.push((engine.sites.kind(site), order.clone(), site));
        }
    }
    if quiet.len() <= MOST_QUIET {
        return 0;
    }
    quiet.sort();
    let dropped: FxHashSet<SiteId> = quiet[MOST_QUIET..].iter().map(|(.., site)| *site).collect();
    lane.events
        .retain(|(_, event)| !matches!(event.moment, Moment::Access(site) if dropped.contains(&site)));
    dropped.len() as u32
}

fn order(chain: &[ChainStep], span: Span) -> Order {
    chain.iter().map(|step| step.span.start).chain([span.start]).collect()
}

/// How many of each there are in the whole tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    pub mutations: u64,
    pub spawns: u64,
    pub reads: u64,
    /// Places where threads begin.
    pub starts: u64,
}

impl Census {
    /// Adds those of another tree.
    pub fn add(&mut self, other: Census) {
        self.mutations += other.mutations;
        self.spawns += other.spawns;
        self.reads += other.reads;
        self.starts += other.starts;
    }
}

/// Counts.
pub fn census(engine: &Engine<'_>) -> Census {
    let mut census = engine.unwalked();
    for (_, info) in engine.sites.iter() {
        match info.kind {
            AccessKind::Mutation => census.mutations += 1,
            AccessKind::Spawn => census.spawns += 1,
            AccessKind::Read => census.reads += 1,
            AccessKind::Fork => {}
        }
    }
    let threads = engine.starts().filter(|(_, info)| !info.process);
    let places: FxHashMap<_, ()> = threads.map(|(_, info)| (info.site, ())).collect();
    census.starts = places.len() as u64;
    census
}
