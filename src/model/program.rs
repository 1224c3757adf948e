//! The engine that walks every function once its callees are known, and the program that comes of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{
    CallIndex, Condition, Event, FunctionIndex, FunctionKind, Language, LocalIndex, Name, RegionKind, Span, Value,
};
use crate::knowledge::{ArgumentRef, Catalog, EntryId, JoinOf, MatchKind, Role, Shape, Target};

use super::around::{Around, Arounds};
use super::budget::Cut;
use super::covers::Below;
use super::forks::Forked;
use super::handed_on::{Called, HandedOn, Later, Way};
use super::handlers::Handler;
use super::higher::{Binding, Higher};
use super::imports::Imports;
use super::lanes::Census;
use super::lasting::Lasting;
use super::laters::Laters;
use super::meaning::Started;
use super::named::Variables;
use super::objects::Object;
use super::pairs::{Alike, OpenWindows, Pairs, ThreadAccesses};
use super::places::{Key, Keys, add_new, meet};
use super::programs::{InPrograms, Programs};
use super::quiet::Quiet;
use super::runtimes::LoneRuntimes;
use super::sites::{AccessKind, SiteId, SiteInfo, Sites};
use super::state::State;
use super::summary::{Access, Certainty, Chain, ChainStep, Live, Rank, StartId, Story, Summary};
use super::told::{Tellings, Told};
use super::tree::{CallSite, FileId, FilesBy, FuncId, Tree};
use super::uses::Uses;
use super::values::{Values, with_room};
use super::walk::Walk;
use super::whose::Owners;
use super::why::Observations;

/// A function, and for module-level code whether it runs as the program itself (`__main__`) or is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SummaryKey {
    pub function: FuncId,
    pub main: bool,
}

/// A place where a thread begins.
#[derive(Debug, Clone)]
pub struct StartInfo {
    pub site: CallSite,
    pub created: CallSite,
    pub entries: Vec<FuncId>,
    /// What it runs outside the tree, by path: `Thread(target=os.system)`.
    pub outside: Vec<String>,
    /// The API starts any number of them (a pool, a server).
    pub many: bool,
    pub process: bool,
    pub detached: bool,
    pub handles: Keys,
    pub owners: Keys,
    /// It has an owner that the call does not show.
    pub hidden_owner: bool,
    /// The call that makes the pool on which it runs, where that has one worker.
    pub worker: Option<CallSite>,
    /// What parameters that the entry captures stand for.
    pub bindings: Vec<Binding>,
    /// The start as it stands in the code, of which this is one use.
    pub base: Option<StartId>,
    /// The calls through which it is reached: they tell the uses apart.
    pub context: Vec<CallSite>,
    /// What tells this use from the others of its start: these calls, and the places of which they keep or hand over the handle.
    pub told: Keys,
    /// It is what a task waits for, seen by who made the task.
    pub task: bool,
    /// It is a task of a runtime, which gives it a thread that is there anyway.
    pub on_runtime: bool,
}

/// Starts, and calls that try for a lock.
type Statuses = Rc<BTreeSet<CallSite>>;

/// Through how many functions that only return what they got a status is followed.
const STATUS_DEPTH: u32 = 3;

/// A name, as it is told from others in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Handle {
    Local(FunctionIndex, LocalIndex),
    Global(Name),
}

impl Handle {
    fn of(value: &Value) -> Option<Handle> {
        match value {
            Value::Local(owner, index) => Some(Handle::Local(*owner, *index)),
            Value::Global(name) => Some(Handle::Global(name.clone())),
            _ => None,
        }
    }
}

/// A thread, or all those that do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doer {
    One(StartId),
    Alike(u32),
}

/// A thread, how surely it is alive, what it was told, whether `environ` can be on the heap, and the programs of the way to it.
type Met = (Doer, Rank, Told, bool, InPrograms);

/// An access, the fork in whose child it is made, what holds around it, whether its way leads through a module's code, a thread, what
/// that was told, and the programs of the ways to both and, where these are not all, of the function in which they meet.
type Encounter = (SiteId, Option<SiteId>, u32, bool, Doer, Told, InPrograms, InPrograms);

/// How surely an access is made and the thread is alive, whether the first is repeated and `environ` can be on the heap, and
/// the length of the way.
type Encountered = (Rank, Rank, bool, bool, u32);

/// What a thread sends.
#[derive(Debug, Default)]
pub struct Sent {
    pub on: Vec<Keys>,
    /// Something on a queue that is not known.
    pub unknown: bool,
}

impl Sent {
    /// Adds what another one sends.
    pub fn add(&mut self, other: &Sent) {
        self.unknown |= other.unknown;
        add_new(&mut self.on, &other.on);
    }

    /// It sends nothing.
    pub fn is_nothing(&self) -> bool {
        self.on.is_empty() && !self.unknown
    }
}

/// What a function does, in short.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deeds {
    pub acts: bool,
    pub mutates: bool,
    /// Some of it in a forked child.
    pub in_child: bool,
}

/// What the walks share.
pub struct Engine<'t> {
    pub values: Values<'t>,
    pub sites: Sites,
    pub pairs: Pairs,
    pub(super) open_windows: OpenWindows,
    pub(super) imports: Imports,
    /// The class or file in which the two sides of a pair part, where no function is their ancestor.
    pub owner: Option<Rc<str>>,
    pub observations: Observations,
    /// Work that is done once, on which an access hangs ([`super::firsts`]).
    pub firsts: FxHashSet<Keys>,
    pub arounds: Arounds,
    pub variables: Variables,
    pub programs: Programs,
    /// What meets right now may do so in any program.
    pub anywhere: bool,
    pub(super) starts: Vec<StartInfo>,
    /// What frameworks call, see [`super::handlers`].
    handlers: Vec<Handler>,
    /// What they are told of, by the calls and the bare decorators that tell them.
    pub(super) told: FxHashMap<CallSite, Vec<(FuncId, Called)>>,
    lone: LoneRuntimes,
    starts_by_site: FxHashMap<CallSite, Vec<StartId>>,
    pub(super) starts_by_key: FxHashMap<Key, Vec<StartId>>,
    /// The statuses that a function returns, by how many calls lie between it and who asks.
    statuses: RefCell<FxHashMap<(FuncId, u32), Statuses>>,
    /// The files that path patterns match, seen from a file.
    matched: FilesBy<Vec<String>>,
    summaries: FxHashMap<SummaryKey, Rc<Summary>>,
    previous: FxHashMap<SummaryKey, Rc<Summary>>,
    /// The functions that need not be walked.
    quiet: Quiet,
    nothing: Rc<Summary>,
    /// That of threads that begin now.
    no_story: Rc<Story>,
    walking: FxHashSet<SummaryKey>,
    /// Functions whose address is taken, by type, and what a call through such a pointer does.
    pub(super) escaped: super::escaped::Escaped,
    pub(super) escaped_summaries: FxHashMap<Rc<str>, Rc<Summary>>,
    pub(super) previous_escaped: FxHashMap<Rc<str>, Rc<Summary>>,
    pub(super) walking_types: FxHashSet<Rc<str>>,
    /// A summary was asked for while it was being made: there is recursion, and a second round is worth it.
    pub(super) recursive: bool,
    thread_accesses: FxHashMap<StartId, Rc<ThreadAccesses>>,
    alike: Alike,
    thread_sends: FxHashMap<StartId, Rc<Sent>>,
    deeds: FxHashMap<FuncId, Deeds>,
    properties: FxHashSet<Name>,
    decorated: FxHashSet<FuncId>,
    decorated_summaries: FxHashMap<FuncId, Rc<Summary>>,
    managers: FxHashSet<FuncId>,
    /// An addition that may have been made before a function is entered.
    heap_at_entry: BTreeMap<FuncId, SiteId>,
    callers: FxHashMap<FuncId, Vec<FuncId>>,
    edges: FxHashSet<(FuncId, FuncId)>,
    joins: BTreeMap<StartId, (FuncId, Span)>,
    pub(super) higher: Higher,
    /// Entries that were walked with bindings; nothing while that is under way.
    bound_summaries: FxHashMap<(FuncId, Vec<Binding>), Rc<Summary>>,
    /// How many entries are being walked with bindings.
    binding: u32,
    /// Threads of which it is being found out what they do.
    gathering: FxHashSet<StartId>,
    pub(super) uses: Uses,
    /// Whether threads or unknown code hand functions to a parameter.
    handed: FxHashMap<(FuncId, crate::facts::LocalIndex), bool>,
    /// Names on which threads are started or joined, by file: what they hold is followed from line to line.
    handles: FxHashSet<(FileId, Handle)>,
    /// The text of each test, by its address.
    pub tests: FxHashMap<*const Condition, Rc<str>>,
    pub(super) laters: Laters,
    /// Accesses that have met a thread, and the best-founded way on which they did.
    encounters: FxHashMap<Encounter, Encountered>,
    /// What threads were told ([`super::told`]).
    pub(super) tellings: Tellings,
    /// Threads that have met, each with what was known of it.
    thread_meetings: FxHashSet<(Met, Met, InPrograms)>,
    /// Calls that stand in a loop.
    looped: FxHashSet<CallSite>,
    /// Which variables are there to stay ([`super::lasting`]).
    pub(super) lasting: Lasting,
    /// What is known of owners of locks that are parameters ([`super::whose`]).
    pub(super) told_owners: FxHashMap<Owners, Owners>,
    /// The fork that a call comes down to, as far as somebody asked.
    pub(super) forks_behind: FxHashMap<CallSite, Option<Forked>>,
    /// Calls whose result a with-block enters.
    entered: FxHashSet<CallSite>,
    constructors: Vec<FuncId>,
    /// What threads begin with.
    entries: FxHashSet<FuncId>,
    /// Those that the tree starts itself, and no framework.
    thread_entries: FxHashSet<FuncId>,
}

/// Everything that the rules need.
pub struct Program<'t> {
    pub engine: Engine<'t>,
    pub target: &'t Target,
}

/// Which functions are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Those of which a pair may come.
    Pairs,
    /// Those that do something: what there is to know of each access, paired or not.
    Acts,
    /// All.
    #[cfg(test)]
    All,
}

/// Walks the tree, in at most `steps` steps; [`Budget::problems`](super::budget::Budget::problems) says what was not
/// followed to its end.
pub fn analyse<'t>(
    tree: &'t Tree,
    catalog: &'t Catalog,
    target: &'t Target,
    steps: u64,
    extent: Extent,
) -> Program<'t> {
    walk_all(Engine::new(tree, catalog, steps), target, extent)
}

pub(super) fn walk_all<'t>(mut engine: Engine<'t>, target: &'t Target, extent: Extent) -> Program<'t> {
    // Where only pairs are wanted, nobody asks why a place is in none.
    engine.observations = Observations::new(extent != Extent::Pairs);
    engine.register_starts(extent);
    engine.round();
    // Where the steps are used up, the first round is all that there is.
    if engine.recursive && !engine.values.budget.is_spent() {
        engine.previous = std::mem::take(&mut engine.summaries);
        engine.previous_escaped = std::mem::take(&mut engine.escaped_summaries);
        engine.thread_accesses.clear();
        engine.thread_sends.clear();
        engine.deeds.clear();
        engine.encounters.clear();
        engine.tellings.forget();
        engine.bound_summaries.clear();
        engine.decorated_summaries.clear();
        engine.pairs = Pairs::default();
        engine.open_windows.clear();
        engine.laters.forget_meetings();
        engine.thread_meetings.clear();
        engine.observations.begin_anew();
        engine.round();
    }
    engine.judge_open_windows();
    if !engine.values.budget.is_spent() {
        super::owners::add(&mut engine, target);
    }
    engine.values.budget.begin_anew();
    Program { engine, target }
}

impl<'t> Engine<'t> {
    pub(super) fn new(tree: &'t Tree, catalog: &'t Catalog, steps: u64) -> Engine<'t> {
        let mut engine = Engine {
            values: Values::new(tree, catalog, steps),
            sites: Sites::default(),
            pairs: Pairs::default(),
            open_windows: BTreeMap::new(),
            imports: Imports::of(tree),
            owner: None,
            observations: Observations::new(true),
            firsts: FxHashSet::default(),
            arounds: Arounds::default(),
            variables: Variables::default(),
            programs: Programs::default(),
            anywhere: false,
            starts: Vec::new(),
            handlers: Vec::new(),
            told: FxHashMap::default(),
            lone: LoneRuntimes::default(),
            starts_by_site: FxHashMap::default(),
            starts_by_key: FxHashMap::default(),
            statuses: RefCell::default(),
            matched: FilesBy::default(),
            summaries: FxHashMap::default(),
            previous: FxHashMap::default(),
            quiet: Quiet::default(),
            nothing: Rc::default(),
            no_story: Rc::default(),
            walking: FxHashSet::default(),
            escaped: super::escaped::Escaped::new(),
            escaped_summaries: FxHashMap::default(),
            previous_escaped: FxHashMap::default(),
            walking_types: FxHashSet::default(),
            recursive: false,
            thread_accesses: FxHashMap::default(),
            alike: Alike::default(),
            thread_sends: FxHashMap::default(),
            deeds: FxHashMap::default(),
            properties: FxHashSet::default(),
            decorated: FxHashSet::default(),
            decorated_summaries: FxHashMap::default(),
            managers: FxHashSet::default(),
            heap_at_entry: BTreeMap::new(),
            callers: FxHashMap::default(),
            edges: FxHashSet::default(),
            joins: BTreeMap::new(),
            higher: Higher::default(),
            bound_summaries: FxHashMap::default(),
            binding: 0,
            gathering: FxHashSet::default(),
            uses: Uses::default(),
            handed: FxHashMap::default(),
            handles: FxHashSet::default(),
            tests: FxHashMap::default(),
            laters: Laters::default(),
            encounters: FxHashMap::default(),
            tellings: Tellings::default(),
            thread_meetings: FxHashSet::default(),
            looped: FxHashSet::default(),
            lasting: Lasting::default(),
            told_owners: FxHashMap::default(),
            forks_behind: FxHashMap::default(),
            entered: FxHashSet::default(),
            constructors: Vec::new(),
            entries: FxHashSet::default(),
            thread_entries: FxHashSet::default(),
        };
        engine.index_decorators();
        engine.index_loops();
        engine
    }

    fn index_decorators(&mut self) {
        let tree = self.values.tree;
        for func in tree.functions() {
            let function = tree.function(func);
            if function.attributes.is_empty() || tree.language(func) != Language::Python {
                continue;
            }
            if self.values.is_property(func) {
                self.properties.insert(function.name.clone());
            }
            let roles = self.values.attribute_entries(func);
            if roles
                .iter()
                .any(|id| matches!(self.values.catalog.entry(*id).role, Role::ContextManager))
            {
                self.managers.insert(func);
            } else if !self.values.decorators(func).is_empty() {
                self.decorated.insert(func);
            }
        }
    }

    /// Calls in loops and before with-blocks, and what the loader runs first.
    fn index_loops(&mut self) {
        let tree = self.values.tree;
        for func in tree.functions() {
            let function = tree.function(func);
            super::tree::each_region(&function.body, &mut |region| {
                if let RegionKind::Scope {
                    manager: Value::Call(owner, call),
                    ..
                } = &region.kind
                {
                    self.entered.insert((self.values.closure(func, *owner), *call));
                }
                if matches!(region.kind, RegionKind::Loop { .. }) {
                    super::tree::each_event(region, &mut |event| {
                        if let Event::Call(index) = event {
                            self.looped.insert((func, *index));
                        }
                    });
                }
            });
            let constructs =
                |attribute: &crate::facts::Attribute| super::tree::value_name(&attribute.value) == Some("constructor");
            if tree.language(func) == Language::C && function.attributes.iter().any(constructs) {
                self.constructors.push(func);
            }
        }
    }

    /// The constructors that are linked with a `main`, as far as folders tell.
    pub fn constructors_beside(&self, main: FuncId) -> Vec<FuncId> {
        let tree = self.values.tree;
        let folder = super::names::folder_of(&tree.file(tree.file_of(main)).path);
        let beside = |func: &FuncId| tree.file(tree.file_of(*func)).path.starts_with(folder);
        self.constructors.iter().copied().filter(beside).collect()
    }

    /// Whether the same start can begin a second thread in a function while the first is alive: not `for t in (a, b): t.start()`,
    /// where each thread is made once. Each call of a function that makes one and starts it begins another one.
    pub fn can_repeat(&self, start: StartId, function: FuncId) -> bool {
        let info = self.start(start);
        let made_here = info.created.0 == info.site.0 && info.created.0 == function;
        !made_here || info.created == info.site || self.looped.contains(&info.created)
    }

    /// Whether several threads may begin at a start: the API makes them, or a loop does.
    pub fn starts_many(&self, start: StartId) -> bool {
        let info = self.start(start);
        info.many || self.looped.contains(&info.site) && self.can_repeat(start, info.site.0)
    }

    /// Whether a call stands in a loop of its function.
    pub fn is_looped(&self, site: CallSite) -> bool {
        self.looped.contains(&site)
    }

    /// The parameters of a function that it calls or starts threads on.
    pub fn called_parameters(&self, func: FuncId) -> &[crate::facts::LocalIndex] {
        self.higher.called(func)
    }

    /// Whether a thread may be started on a parameter that stands for these functions.
    pub fn starts_on(&self, bound: &Binding) -> bool {
        self.higher.is_started(bound.owner, bound.index)
    }

    /// The parameters of a function on whose types it depends what threads do.
    pub fn object_parameters(&self, func: FuncId) -> Vec<LocalIndex> {
        self.higher.objects(func).collect()
    }

    /// The decorators of a function that may start a thread on what they decorate.
    pub fn starting_decorators(&self, func: FuncId) -> Vec<FuncId> {
        if !self.has_decorators(func) {
            return Vec::new();
        }
        let mut decorators = self.values.decorators(func);
        decorators.retain(|decorator| self.higher.is_started(*decorator, LocalIndex(0)));
        decorators
    }

    /// Whether a function starts the thread that it is handed as this parameter.
    pub fn is_thread_parameter(&self, func: FuncId, index: crate::facts::LocalIndex) -> bool {
        self.higher.is_thread(func, index)
    }

    /// Whether a parameter matters where it is one of these functions: they do something, a thread may be started on it, or
    /// the function's summary speaks of others that it may be.
    pub fn matters(&mut self, bound: &Binding) -> bool {
        let parameter = (bound.owner, bound.index);
        if self.higher.is_started(bound.owner, bound.index) {
            return true;
        }
        let acts = |engine: &mut Self, target: FuncId| {
            let key = SummaryKey {
                function: target,
                main: false,
            };
            engine.quiet.acts(target)
                && (engine.walking.contains(&key)
                    || engine.has_decorators(target)
                    || !engine.summary(key).does_nothing())
        };
        for target in &bound.targets {
            let mut made = self.values.coroutines_from(*target);
            made.push(*target);
            if made.into_iter().any(|function| acts(self, function)) {
                return true;
            }
        }
        let values = &self.values;
        let quiet = &self.quiet;
        let handed = || {
            let others = values.handed_with(bound.owner, bound.index);
            others.into_iter().any(|other| quiet.acts(other))
        };
        *self.handed.entry(parameter).or_insert_with(handed)
    }

    /// The argument of a call that the catalog knows: its address goes there, nobody walks it here.
    pub fn is_environment_argument(&self, func: FuncId, span: Span) -> bool {
        let function = self.values.tree.function(func);
        function.calls.iter().enumerate().any(|(index, call)| {
            call.args.iter().any(|argument| argument.span == span)
                && !self.values.meaning((func, CallIndex(index as u32))).entries.is_empty()
        })
    }

    fn round(&mut self) {
        let reached = |func: &FuncId| !self.values.is_unreached(*func);
        let (first, others): (Vec<FuncId>, Vec<FuncId>) = self
            .values
            .tree
            .functions()
            .filter(reached)
            .partition(|func| self.quiet.is_wanted(*func));
        for function in first.into_iter().chain(others) {
            self.summary(SummaryKey { function, main: false });
            if self.values.tree.function(function).kind == FunctionKind::Module {
                self.summary(SummaryKey { function, main: true });
            }
        }
    }

    /// What a function does; made at the first question.
    pub fn summary(&mut self, key: SummaryKey) -> Rc<Summary> {
        if let Some(found) = self.summaries.get(&key) {
            return found.clone();
        }
        if self.quiet.is_nothing(key.function) {
            return self.nothing.clone();
        }
        if self.values.budget.is_too_deep() {
            // Not remembered: whoever asks from less deep is answered.
            self.values.budget.cut(key.function, Cut::Depth);
            return Rc::default();
        }
        if !self.walking.insert(key) {
            self.recursive = true;
            return self.previous.get(&key).cloned().unwrap_or_default();
        }
        let summary = Rc::new(self.walked(key, |engine| Walk::summarise(engine, key, Vec::new())));
        self.walking.remove(&key);
        self.summaries.insert(key, summary.clone());
        // Only circles through the function asked for it.
        self.previous.remove(&key);
        summary
    }

    /// Walks a function, as far as the budget lets it. Should the walk fail, that function is lost and no other.
    fn walked(&mut self, key: SummaryKey, walk: impl FnOnce(&mut Self) -> Summary) -> Summary {
        let budget = &self.values.budget;
        let depth = budget.depth();
        if budget.is_spent() || !budget.enter() {
            let why = if budget.is_spent() { Cut::Steps } else { Cut::Depth };
            budget.cut(key.function, why);
            return Summary::default();
        }
        let under_way = self.observations.under_way();
        self.observations.begin();
        let walk = || {
            #[cfg(test)]
            assert_ne!(
                self.values.budget.fails_in.get(),
                Some(key.function),
                "asked for by a test"
            );
            with_room(|| walk(self))
        };
        let summary = catch_unwind(AssertUnwindSafe(walk)).unwrap_or_else(|_| {
            self.values.give_up();
            self.values.budget.cut(key.function, Cut::Failed);
            Summary::default()
        });
        self.observations.return_to(under_way);
        self.values.budget.return_to(depth);
        summary
    }

    /// Every start in the tree, known before the walks so that a join can speak of a thread that is started elsewhere.
    fn register_starts(&mut self, extent: Extent) {
        let tree = self.values.tree;
        // Circles between values close in the second round.
        for func in tree.functions() {
            for index in 0..tree.function(func).calls.len() {
                self.values.meaning((func, CallIndex(index as u32)));
            }
        }
        self.values.next_round();
        self.higher = self.values.higher();
        let lone = self.values.lone_runtimes();
        self.escaped = self.values.escaped();
        self.programs = self.values.programs();
        for func in tree.functions() {
            for index in 0..tree.function(func).calls.len() {
                let site = (func, CallIndex(index as u32));
                for started in self.values.started(site) {
                    if !(started.task && lone.hold(&self.values, site)) {
                        self.register(site, started);
                    }
                }
                self.register_handles(site);
            }
        }
        let of_threads = self.starts.iter().flat_map(|start| start.entries.iter().copied());
        self.thread_entries = of_threads.collect();
        self.register_handlers(&lone);
        self.lone = lone;
        self.entries = self
            .starts
            .iter()
            .flat_map(|start| start.entries.iter().copied())
            .collect();
        match extent {
            #[cfg(test)]
            Extent::All => {
                let asked = tree.functions().flat_map(|func| self.values.asked_marks(func));
                self.firsts = asked.map(|(keys, _)| keys).collect();
            }
            extent => self.quiet = self.quiet(extent),
        }
        self.index_removals();
    }

    /// Adds a thread on which a framework calls functions.
    pub(super) fn add_handler(&mut self, site: CallSite, entries: Vec<FuncId>, many: bool, on_loop: bool) {
        let start = StartId(self.starts.len() as u32);
        self.handlers.push(Handler { start, on_loop });
        self.starts.push(StartInfo {
            site,
            created: site,
            entries,
            outside: Vec::new(),
            many,
            process: false,
            detached: true,
            handles: Keys::default(),
            owners: Keys::default(),
            hidden_owner: false,
            worker: None,
            bindings: Vec::new(),
            base: None,
            context: Vec::new(),
            told: Keys::default(),
            task: false,
            on_runtime: false,
        });
    }

    /// Whether a thread is a task that runs on the thread of this function, a test or its helper, once that waits for something.
    /// `chain`: the way there from its callee.
    pub fn is_driven_by(&self, start: StartId, func: FuncId, chain: &Chain) -> bool {
        let info = self.start(start);
        info.on_runtime && self.lone.drive_test(&self.values, func, info.site, &chain.steps())
    }

    /// The functions of which a framework is told at a call, or at a bare decorator, and how often it calls them.
    pub fn told_at(&self, site: CallSite) -> &[(FuncId, Called)] {
        self.told.get(&site).map_or(&[], Vec::as_slice)
    }

    /// What frameworks call.
    pub fn handlers(&self) -> &[Handler] {
        &self.handlers
    }

    fn register_handles(&mut self, site: CallSite) {
        let file = self.values.tree.file_of(site.0);
        let mut handles: Vec<&Value> = Vec::new();
        if self.starts_by_site.contains_key(&site)
            && let Value::Attribute(receiver, _) = &self.values.tree.call(site).callee
        {
            handles.push(receiver);
        }
        for id in &self.values.meaning(site).entries {
            if let Role::Join { of, .. } = &self.values.catalog.entry(*id).role {
                let (JoinOf::Handle(reference) | JoinOf::Owner(reference)) = of;
                handles.extend(
                    self.values
                        .argument(site, reference)
                        .into_iter()
                        .map(|(_, value)| value),
                );
            }
        }
        let handles = handles.into_iter().filter_map(Handle::of);
        self.handles.extend(handles.map(|handle| (file, handle)));
    }

    /// Whether a thread is started or joined on a name somewhere in its file.
    pub fn is_handle(&self, file: FileId, name: &Value) -> bool {
        Handle::of(name).is_some_and(|handle| self.handles.contains(&(file, handle)))
    }

    fn register(&mut self, site: CallSite, started: Started) {
        let id = StartId(self.starts.len() as u32);
        self.starts_by_site.entry(site).or_default().push(id);
        for key in started.handles.iter().chain(&started.owners) {
            let known = self.starts_by_key.entry(key.clone()).or_default();
            if !known.contains(&id) {
                known.push(id);
            }
        }
        let worker = self.only_worker(&started.owners);
        self.starts.push(StartInfo {
            site,
            created: started.created,
            entries: started.entries,
            outside: started.outside,
            many: started.many,
            process: started.process,
            detached: started.detached,
            handles: started.handles,
            owners: started.owners,
            hidden_owner: started.hidden_owner,
            worker,
            bindings: Vec::new(),
            base: None,
            context: Vec::new(),
            told: Keys::default(),
            task: false,
            on_runtime: started.task,
        });
    }

    /// The call that makes the pool which these keys mean, where that is known to have one worker.
    fn only_worker(&self, owners: &Keys) -> Option<CallSite> {
        let mut made = owners.iter().filter_map(|key| match key {
            Key::Made(site) => Some(*site),
            _ => None,
        });
        let pool = made.next().filter(|_| made.next().is_none())?;
        let values = &self.values;
        let is_serial = |id: &EntryId| matches!(values.catalog.entry(*id).role, Role::Serial);
        values.meaning(pool).entries.iter().any(is_serial).then_some(pool)
    }

    /// Whether two threads run on the one worker of a pool, one after the other, where they meet in `ancestor`. A pool that a
    /// function makes is another one at every call, but for who is called by it.
    pub fn share_worker(&self, ancestor: FuncId, a: StartId, b: StartId) -> bool {
        let (a, b) = (self.start(a), self.start(b));
        let Some(pool) = a.worker.filter(|pool| b.worker == Some(*pool)) else {
            return false;
        };
        let is_kept = |key: &Key| matches!(key, Key::Global(..) | Key::Field(..)) && b.owners.contains(key);
        pool.0 == ancestor
            || self.values.tree.function(pool.0).kind == FunctionKind::Module
            || a.owners.iter().any(is_kept)
    }

    /// The starts at a call.
    pub fn starts_at(&self, site: CallSite) -> Vec<StartId> {
        self.starts_by_site.get(&site).cloned().unwrap_or_default()
    }

    /// The starts, and the calls that try for a lock, whose result a call gives: its own, and what functions of the tree
    /// return as they got it.
    pub fn statuses(&self, site: CallSite) -> Vec<CallSite> {
        let mut found = BTreeSet::new();
        self.add_statuses(site, 0, &mut found);
        found.into_iter().collect()
    }

    fn add_statuses(&self, site: CallSite, depth: u32, found: &mut BTreeSet<CallSite>) {
        let meaning = self.values.meaning(site);
        let tries = |id: &EntryId| matches!(self.values.catalog.entry(*id).role, Role::Lock { tries: true, .. });
        if self.starts_by_site.contains_key(&site) || meaning.entries.iter().any(tries) {
            found.insert(site);
        }
        if depth < STATUS_DEPTH {
            for edge in &meaning.edges {
                found.extend(self.returned_statuses(edge.target, depth + 1).iter().copied());
            }
        }
    }

    /// The same of what a function returns.
    fn returned_statuses(&self, func: FuncId, depth: u32) -> Statuses {
        if let Some(known) = self.statuses.borrow().get(&(func, depth)) {
            return known.clone();
        }
        let mut found = BTreeSet::new();
        for value in self.values.returns_of(func) {
            if let Value::Call(owner, call) = value {
                self.add_statuses((self.values.closure(func, *owner), *call), depth, &mut found);
            }
        }
        let found = Rc::new(found);
        self.statuses.borrow_mut().insert((func, depth), found.clone());
        found
    }

    /// What is known of a start.
    pub fn start(&self, id: StartId) -> &StartInfo {
        &self.starts[id.0 as usize]
    }

    /// All starts.
    pub fn starts(&self) -> impl Iterator<Item = (StartId, &StartInfo)> {
        self.starts
            .iter()
            .enumerate()
            .map(|(index, info)| (StartId(index as u32), info))
    }

    /// A thread that begins now.
    pub fn fresh(&self, start: StartId, chain: Chain, certainty: Certainty, heap: Option<SiteId>) -> Live {
        let many = self.start(start).many;
        Live {
            start,
            chain,
            many,
            count: u32::from(!many),
            certainty,
            heap,
            story: Rc::clone(&self.no_story),
        }
    }

    /// What a thread does, with what the threads do that it starts.
    pub fn thread_accesses(&mut self, start: StartId) -> Rc<ThreadAccesses> {
        if let Some(found) = self.thread_accesses.get(&start) {
            return found.clone();
        }
        // A thread that starts its like: what is known so far is enough to pair it with itself.
        self.thread_accesses.insert(start, Rc::default());
        self.gathering.insert(start);
        let mut found: Vec<(Access, StartId)> = Vec::new();
        for below in self.begun_below(start) {
            let thread = below.thread;
            let mut accesses: Vec<Access> = Vec::new();
            for summary in self.entry_summaries(thread) {
                let happen = summary.accesses.iter().filter(|access| self.happens_in(thread, access));
                accesses.extend(happen.cloned());
            }
            accesses.extend(self.outside_accesses(thread));
            for access in &mut accesses {
                access.certainty = access.certainty.and(&below.certainty);
                access.around = self.arounds.under(&access.around, &below.covered);
            }
            found.extend(accesses.into_iter().map(|access| (access, thread)));
        }
        let sites = &self.sites;
        let mut found = ThreadAccesses::new(found, |site| sites.kind(site) == AccessKind::Mutation);
        self.alike.number(&mut found);
        let found = Rc::new(found);
        self.thread_accesses.insert(start, found.clone());
        self.gathering.remove(&start);
        found
    }

    /// Says whether something that a thread does hangs on a gate, or on work that is done once.
    pub fn what_hangs_on(&mut self, thread: StartId) -> impl Fn(&Keys) -> bool + use<> {
        let is_open = self.is_gathering(thread);
        let accesses = (!is_open).then(|| self.thread_accesses(thread));
        move |keys| {
            accesses
                .as_ref()
                .is_none_or(|accesses| accesses.hangs_on.contains(keys))
        }
    }

    /// Whether a thread can come to an access of its entry's: what the entry, or its starter, was handed may rule that out.
    fn happens_in(&self, thread: StartId, access: &Access) -> bool {
        let info = self.start(thread);
        access.around.needs().iter().all(|need| {
            if need.owner == info.site.0 {
                return self.values.need_of_thread_is_met(need, &info.context);
            }
            // One of many is handed an element of what the call is handed.
            info.many || !info.entries.contains(&need.owner) || self.values.need_of_entry_is_met(need, info.created)
        })
    }

    /// A thread begins with this function, by a call that names it.
    pub fn is_entry(&self, func: FuncId) -> bool {
        self.entries.contains(&func)
    }

    /// The same, where the tree starts the thread and no framework does.
    pub fn is_thread_entry(&self, func: FuncId) -> bool {
        self.thread_entries.contains(&func)
    }

    /// A thread and those that it starts, those that they start, and so on.
    fn begun_below(&mut self, start: StartId) -> Vec<Below> {
        let mut reached = vec![Below::itself(start)];
        let mut open = vec![0];
        while let Some(place) = open.pop() {
            let from = reached[place].clone();
            for summary in self.entry_summaries(from.thread) {
                for begun in &summary.starts {
                    let below = from.below(begun);
                    match reached.iter().position(|known| known.thread == begun.start) {
                        Some(known) => {
                            if reached[known].or(below) {
                                open.push(known);
                            }
                        }
                        None => {
                            open.push(reached.len());
                            reached.push(below);
                        }
                    }
                }
            }
        }
        reached
    }

    /// Whether it is still being found out what a thread does: what is known by now is not all.
    pub fn is_gathering(&self, start: StartId) -> bool {
        self.gathering.contains(&start)
    }

    /// A thread that runs an API directly: its access stands where the thread is made.
    fn outside_accesses(&mut self, start: StartId) -> Vec<Access> {
        let info = self.start(start);
        let created = info.created;
        let mut found = Vec::new();
        for path in info.outside.clone() {
            let language = self.values.tree.language(created.0);
            let catalog = self.values.catalog;
            let ids: Vec<EntryId> = self
                .values
                .lookup(language, MatchKind::Call, &path)
                .iter()
                .copied()
                .filter(|id| self.values.handed_arguments_fit(created, &catalog.entry(*id).arguments))
                .collect();
            for kind in [AccessKind::Mutation, AccessKind::Spawn, AccessKind::Read] {
                let span = self.values.tree.call(created).span;
                let Some(site) = self.site(created.0, &ids, kind, span, None, None) else {
                    continue;
                };
                found.push(Access {
                    site,
                    chain: Chain::default(),
                    around: Around::default(),
                    repeated: false,
                    after_send: false,
                    certainty: Certainty::SURE,
                    child: None,
                    through_module: false,
                    variable: None,
                });
            }
        }
        found
    }

    /// What a function does, in short.
    pub fn deeds(&mut self, function: FuncId) -> Deeds {
        if let Some(known) = self.deeds.get(&function) {
            return *known;
        }
        let key = SummaryKey { function, main: false };
        let summary = self.summary(key);
        let mut deeds = Deeds::default();
        for access in &summary.accesses {
            deeds.acts = true;
            deeds.in_child |= access.child.is_some();
            deeds.mutates |= self.sites.kind(access.site) == AccessKind::Mutation;
        }
        if self.summaries.contains_key(&key) {
            self.deeds.insert(function, deeds);
        }
        deeds
    }

    /// What a callee handed on, as the caller is told of it whose call is this step and so certain. One function stands for all ways
    /// on which it is handed on, whichever programs they are in.
    pub fn handed_further(
        &mut self,
        laters: Vec<&Later>,
        of: &Rc<HandedOn>,
        step: &Rc<ChainStep>,
        certainty: &Certainty,
    ) -> Vec<Later> {
        if laters.is_empty() {
            return Vec::new();
        }
        let way = Rc::new(Way::Callee(Rc::clone(of), Rc::clone(step), certainty.clone()));
        let call = certainty.grade();
        let further = |later: &Later| {
            let grade = later.grade.and(&call);
            later.further(self.laters.number(later.function, grade.rank()), grade, &way)
        };
        laters.into_iter().map(further).collect()
    }

    /// Whether two threads have not met before with the same known of them. Every caller is told of the threads that its
    /// callees start; they are a pair where they first meet, which is nearest.
    pub fn first_meeting_of_threads(&mut self, ancestor: FuncId, a: &Live, b: &Live) -> bool {
        let (left, right) = (self.thread_accesses(a.start), self.thread_accesses(b.start));
        let tells = left.tells || right.tells;
        let (told, other_told) = (self.told(a), self.told(b));
        let known = |live: &Live, accesses: &ThreadAccesses, told: Told| {
            (
                accesses.doer(live.start, tells || self.start(live.start).worker.is_some()),
                live.certainty.rank(),
                told,
                live.heap.is_some(),
                live.certainty.programs.clone(),
            )
        };
        let bound = |live: &Live, accesses: &ThreadAccesses| accesses.bound || !live.certainty.programs.is_all();
        let here = match bound(a, &left) || bound(b, &right) {
            true => self.programs.of(ancestor),
            false => InPrograms::ALL,
        };
        self.thread_meetings
            .insert((known(a, &left, told), known(b, &right, other_told), here))
    }

    /// Whether a thread makes an access that one at this site can be a pair with.
    pub fn has_partner(&mut self, site: SiteId, start: StartId) -> bool {
        let kind = self.sites.kind(site);
        self.thread_accesses(start).has_partners(kind)
    }

    /// Remembers where a thread is joined.
    pub fn note_join(&mut self, start: StartId, func: FuncId, span: Span) {
        self.joins.entry(start).or_insert((func, span));
    }

    /// Where a thread is joined, if anywhere.
    pub fn joined_at(&self, start: StartId) -> Option<(FuncId, Span)> {
        self.joins.get(&start).copied()
    }

    /// The summary of a function that was walked, or did not have to be.
    pub fn finished(&self, key: SummaryKey) -> Option<&Rc<Summary>> {
        let nothing = || self.quiet.is_nothing(key.function).then_some(&self.nothing);
        self.summaries.get(&key).or_else(nothing)
    }

    /// What the functions do that a thread runs.
    pub(super) fn entry_summaries(&mut self, start: StartId) -> Vec<Rc<Summary>> {
        let info = self.start(start);
        let (entries, bindings) = (info.entries.clone(), info.bindings.clone());
        let summary = |function: &FuncId| {
            let key = SummaryKey {
                function: *function,
                main: false,
            };
            if bindings.is_empty() {
                return match self.has_decorators(*function) {
                    true => self.decorated_summary(*function),
                    false => self.summary(key),
                };
            }
            self.bound_summary(*function, bindings.clone())
        };
        entries.iter().map(summary).collect()
    }

    /// What a function does where its parameters, or those of functions around it, are bound. One that comes back to itself
    /// does nothing there.
    pub(super) fn bound_summary(&mut self, function: FuncId, bindings: Vec<Binding>) -> Rc<Summary> {
        let bound = (function, bindings);
        if let Some(known) = self.bound_summaries.get(&bound) {
            return known.clone();
        }
        self.bound_summaries.insert(bound.clone(), Rc::default());
        let key = SummaryKey { function, main: false };
        let bindings = bound.1.clone();
        self.binding += 1;
        let summary = Rc::new(self.walked(key, |engine| Walk::summarise(engine, key, bindings)));
        self.binding -= 1;
        self.bound_summaries.insert(bound, summary.clone());
        summary
    }

    /// What a function does with its decorators around it.
    fn decorated_summary(&mut self, function: FuncId) -> Rc<Summary> {
        if let Some(found) = self.decorated_summaries.get(&function) {
            return found.clone();
        }
        // One that starts itself: what it does without its decorators is enough.
        let plain = self.summary(SummaryKey { function, main: false });
        self.decorated_summaries.insert(function, plain);
        let key = SummaryKey { function, main: false };
        let summary = Rc::new(self.walked(key, |engine| Walk::summarise_decorated(engine, function)));
        self.decorated_summaries.insert(function, summary.clone());
        summary
    }

    /// What a thread sends on queues.
    pub fn thread_sends(&mut self, start: StartId) -> Rc<Sent> {
        if let Some(found) = self.thread_sends.get(&start) {
            return found.clone();
        }
        let mut sent = Sent::default();
        for summary in self.entry_summaries(start) {
            sent.on.extend(summary.sends.iter().cloned());
            sent.unknown |= summary.sends_unknown;
        }
        let sent = Rc::new(sent);
        // What is still being walked may send more.
        let info = self.start(start);
        let finished = |function: &FuncId| {
            let key = SummaryKey {
                function: *function,
                main: false,
            };
            self.summaries.contains_key(&key) && !self.has_decorators(*function)
        };
        if (info.bindings.is_empty() || self.binding == 0) && info.entries.iter().all(finished) {
            self.thread_sends.insert(start, sent.clone());
        }
        sent
    }

    /// Whether an access has not met a thread before, or not as surely, or not on as short a way. Every caller is told of the
    /// accesses of its callees, and of the threads that they leave alive.
    pub(super) fn first_time(&mut self, ancestor: FuncId, access: &Access, told: (&Live, Told)) -> bool {
        let length = access.chain.length();
        self.first_time_as(ancestor, access, (access.certainty.rank(), length), told)
    }

    /// As [`Engine::first_time`], for an access that is made as surely as `rank` says, on a way of `length` steps.
    pub(super) fn first_time_as(
        &mut self,
        ancestor: FuncId,
        access: &Access,
        (rank, length): (Rank, u32),
        (live, told): (&Live, Told),
    ) -> bool {
        if self.is_gathering(live.start) {
            return true;
        }
        let thread = self.thread_accesses(live.start);
        let doer = thread.doer(live.start, !access.around.joined().is_empty());
        let ways = access.certainty.programs.and(&live.certainty.programs);
        let here = match !self.anywhere && (thread.bound || !ways.is_all()) {
            true => self.programs.of(ancestor),
            false => InPrograms::ALL,
        };
        let key = (
            access.site,
            access.child,
            access.around.number(),
            access.through_module,
            doer,
            told,
            ways,
            here,
        );
        let now = (
            rank,
            live.certainty.rank(),
            access.repeated,
            live.heap.is_some(),
            length + live.chain.length(),
        );
        let known = self.encounters.get(&key);
        let worse = |known: &Encountered| {
            known.0 >= now.0 && known.1 >= now.1 && known.2 >= now.2 && known.3 >= now.3 && known.4 <= now.4
        };
        if known.is_some_and(worse) {
            return false;
        }
        self.encounters.insert(key, now);
        true
    }

    /// Whether a thread ends with a message on this queue, whatever it runs.
    pub fn has_last_word(&mut self, start: StartId, keys: &Keys) -> bool {
        let entries = self.entry_summaries(start);
        let speaks = |summary: &Rc<Summary>| summary.last_words.iter().any(|sent| meet(sent, keys));
        !entries.is_empty() && entries.iter().all(speaks)
    }

    /// Whether a thread touches the environment on ways that end in an abort.
    pub fn touches_at_abort(&mut self, start: StartId) -> bool {
        self.entry_summaries(start)
            .iter()
            .any(|summary| summary.touches_at_abort)
    }

    /// Whether a function is a generator that its decorator makes a context manager.
    pub fn is_context_manager(&self, func: FuncId) -> bool {
        self.managers.contains(&func)
    }

    /// Whether a call makes the context manager of a with-block by a generator: its code runs where the block stands, not
    /// where it is called.
    pub fn waits_for_block(&self, site: CallSite, target: FuncId) -> bool {
        self.entered.contains(&site) && self.is_context_manager(target)
    }

    /// Whether some method of this name is a property.
    pub fn is_property(&self, name: &str) -> bool {
        self.properties.contains(name)
    }

    /// Whether a call of the function is as if it were not there, so that it is not walked.
    #[cfg(test)]
    pub fn is_quiet(&self, func: FuncId) -> bool {
        self.quiet.is_nothing(func)
    }

    /// What stands in functions that were not walked, since no pair can come of them.
    pub fn unwalked(&self) -> Census {
        self.quiet.unwalked
    }

    /// Whether calling the function may touch the environment, a thread, a lock or a queue.
    pub fn acts(&self, func: FuncId) -> bool {
        self.quiet.acts(func)
    }

    /// Whether a function has decorators of the tree.
    pub fn has_decorators(&self, func: FuncId) -> bool {
        self.decorated.contains(&func)
    }

    /// A function that may be called back: neither a class body nor module-level code, nor the program's entry, whose
    /// address is handed on to be looked at (`dladdr(main, &info)`).
    pub fn is_callback(&self, func: FuncId) -> bool {
        let function = self.values.tree.function(func);
        let is_entry = function.name == "main" && self.values.tree.language(func) == Language::C;
        matches!(
            function.kind,
            FunctionKind::Function | FunctionKind::Method | FunctionKind::Closure
        ) && !is_entry
            && !self.walking.contains(&SummaryKey {
                function: func,
                main: false,
            })
    }

    /// Remembers that a function may be entered when `environ` is on the heap already.
    pub fn entered_with_heap(&mut self, target: FuncId, heap: SiteId) {
        self.heap_at_entry.entry(target).or_insert(heap);
    }

    /// Remembers an edge of the call graph.
    pub fn called_by(&mut self, target: FuncId, caller: FuncId) {
        if target == caller {
            return;
        }
        if self.edges.insert((target, caller)) {
            self.callers.entry(target).or_default().push(caller);
        }
    }

    /// The functions that evidently call this one.
    pub fn callers(&self, func: FuncId) -> &[FuncId] {
        self.callers.get(&func).map_or(&[], Vec::as_slice)
    }

    /// The addition that can come before a function is entered, through its callers.
    pub fn heap_before(&self, func: FuncId) -> Option<SiteId> {
        let mut seen = vec![func];
        let mut next = 0;
        while next < seen.len() && seen.len() < 64 {
            if let Some(site) = self.heap_at_entry.get(&seen[next]) {
                return Some(*site);
            }
            for caller in self.callers(seen[next]) {
                // With so many the search ends, so the rest of them need not be gone through.
                if seen.len() >= 64 {
                    return None;
                }
                if !seen.contains(caller) {
                    seen.push(*caller);
                }
            }
            next += 1;
        }
        None
    }

    /// The site of an access, or none where the entries leave nothing to say.
    #[allow(clippy::too_many_arguments)]
    pub fn site(
        &mut self,
        here: FuncId,
        entries: &[EntryId],
        kind: AccessKind,
        span: Span,
        variable: Option<String>,
        shape: Option<Shape>,
    ) -> Option<SiteId> {
        let catalog = self.values.catalog;
        let entries: Vec<EntryId> = entries
            .iter()
            .copied()
            .filter(|id| match (&catalog.entry(*id).role, kind) {
                (Role::Exec { .. }, AccessKind::Spawn) => true,
                (role, kind) => super::roles::access_kind(role) == Some(kind),
            })
            .collect();
        let first = catalog.entry(*entries.first()?);
        let variables = match &first.role {
            Role::Read { variables, .. } => variables.clone(),
            _ => Vec::new(),
        };
        let display = first.display.clone();
        let status = if kind == AccessKind::Spawn {
            self.status(here, span)
        } else {
            None
        };
        let language = self.values.tree.language(here);
        Some(self.sites.intern(SiteInfo {
            function: here,
            span,
            kind,
            entries,
            variable,
            variables,
            shape,
            display,
            status,
            language,
        }))
    }

    /// A site inside a macro, as it stands where the macro is used: at `span` in `here`, by the call `used`.
    pub fn expanded_site(&mut self, site: SiteId, used: Option<CallSite>, here: FuncId, span: Span) -> SiteId {
        let inside = self.sites.get(site).clone();
        let variable = used.and_then(|used| self.key_in_macro(&inside, used));
        self.sites.intern(SiteInfo {
            function: here,
            span,
            variable: variable.or(inside.variable.clone()),
            ..inside
        })
    }

    /// The shape of a mutation: the code's own, else what the catalog says.
    pub fn shape(&self, site: SiteId) -> Shape {
        let info = self.sites.get(site);
        info.shape
            .or_else(|| {
                info.entries
                    .iter()
                    .find_map(|id| match &self.values.catalog.entry(*id).role {
                        Role::Mutation { shape, .. } => Some(*shape),
                        _ => None,
                    })
            })
            .unwrap_or(Shape::Unknown)
    }

    /// Whether a mutation may add a variable, so that `environ` is a heap array afterwards.
    pub fn adds(&self, site: SiteId) -> bool {
        self.sites.get(site).kind == AccessKind::Mutation && super::calls::may_add(self.shape(site))
    }

    /// A site for a call that makes `environ` a heap array.
    pub fn heap_site(&mut self, site: CallSite) -> Option<SiteId> {
        let meaning = self.values.meaning(site);
        let id = meaning
            .entries
            .iter()
            .find(|id| matches!(self.values.catalog.entry(**id).role, Role::HeapArray))
            .copied()?;
        let info = SiteInfo {
            function: site.0,
            span: self.values.tree.call(site).span,
            kind: AccessKind::Fork,
            entries: vec![id],
            variable: None,
            variables: Vec::new(),
            shape: None,
            display: self.values.catalog.entry(id).display.clone(),
            status: None,
            language: self.values.tree.language(site.0),
        };
        Some(self.sites.intern(info))
    }

    /// The Python files that path patterns match: a hole stands for anything, the pattern for the end of a path.
    pub fn matching_files(&self, patterns: &[String], here: FuncId) -> Rc<[FileId]> {
        let own = self.values.tree.file_of(here);
        self.matched
            .get(own, patterns, || self.find_matching_files(patterns, own))
    }

    fn find_matching_files(&self, patterns: &[String], own: FileId) -> Vec<FileId> {
        let mut found = Vec::new();
        for pattern in patterns {
            // A pattern without a literal file name says nothing, nor does one that says no more than the language.
            let name = pattern.rsplit(['/', '\u{0}']).next().unwrap_or("");
            let told = pattern.strip_suffix(".py").unwrap_or(pattern);
            if name.is_empty() || !told.contains(|letter: char| letter.is_alphanumeric()) {
                continue;
            }
            for file in self.values.tree.file_ids() {
                let facts = self.values.tree.file(file);
                if facts.language == Language::Python
                    && file != own
                    && path_matches(pattern.trim_start_matches("./"), &facts.path)
                    && !found.contains(&file)
                {
                    found.push(file);
                }
            }
        }
        // A path is mostly meant from the script's own folder: where something fits there, what fits elsewhere is another
        // program's.
        let folder = super::names::folder_of(&self.values.tree.file(own).path);
        let below = |file: &FileId| {
            let path = &self.values.tree.file(*file).path;
            path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        if !folder.is_empty() && found.iter().any(below) {
            found.retain(below);
        }
        found.sort();
        found
    }

    /// Remembers why an access is harmless here, for those who ask.
    pub fn observe(&mut self, function: FuncId, access: &Access, state: &State) {
        self.observations.access(function, access, state);
    }

    /// A thread begins: what was seen in this walk before came first.
    pub fn observe_start(&mut self, function: FuncId, start: StartId) {
        self.observations.start(function, start);
    }
}

/// Whether a pattern with holes (`\u{0}`, any text) matches the end of a path, from a component's beginning on.
pub fn path_matches(pattern: &str, path: &str) -> bool {
    let path = format!("/{path}");
    let anchored = if pattern.starts_with(['\u{0}', '/']) {
        pattern.to_owned()
    } else {
        format!("/{pattern}")
    };
    let mut pieces: Vec<&str> = anchored.split('\u{0}').collect();
    let Some(last) = pieces.pop() else { return false };
    let Some(mut rest) = path.strip_suffix(last) else {
        return false;
    };
    // From the right: every piece in its order, the hole between two pieces as short as possible.
    for piece in pieces.into_iter().rev() {
        match rest.rfind(piece) {
            Some(at) => rest = &rest[..at],
            None => return false,
        }
    }
    true
}

impl<'t> Values<'t> {
    /// The lock calls whose guards a value may hold, itself or in its fields.
    pub fn holders(&self, func: FuncId, value: &Value) -> Vec<CallSite> {
        let mut found = Vec::new();
        for object in self.eval(func, value).iter() {
            match object {
                Object::Result(_, Some(site)) => found.push(*site),
                Object::Instance(class, _) => {
                    let fields: Vec<Name> = self
                        .tree
                        .decls(*class)
                        .flat_map(|(_, decl)| decl.fields.iter().map(|f| f.name.clone()))
                        .collect();
                    for field in fields {
                        for object in self.field(*class, &field).iter() {
                            if let Object::Result(_, Some(site)) = object {
                                found.push(*site);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Whether an exec hands on the live environment.
    pub fn lives(&self, site: CallSite, environment: Option<&ArgumentRef>) -> bool {
        let Some(environment) = environment else { return true };
        let language = self.tree.language(site.0);
        self.argument(site, environment).into_iter().all(|(home, value)| {
            *value == Value::None
                || self.eval(home, value).iter().any(|object| match object {
                    Object::External(path) => !self.lookup(language, MatchKind::Store, path).is_empty(),
                    _ => false,
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::path_matches;

    #[test]
    fn patterns_match_from_a_component_on() {
        let cases = [
            ("\u{0}/plugin.py", "plugins/a/plugin.py", true),
            ("\u{0}/plugin.py", "plugin.py", true),
            ("\u{0}/plugin.py", "myplugin.py", false),
            ("\u{0}/addons/\u{0}.py", "addons/mail.py", true),
            ("plugins/\u{0}/plugin.py", "x/plugins/a/plugin.py", true),
            ("plugins/\u{0}/plugin.py", "x/myplugins/a/plugin.py", false),
            ("conf.py", "a/conf.py", true),
            ("conf.py", "a/myconf.py", false),
            ("\u{0}_conf.py", "a/my_conf.py", true),
            ("a/\u{0}/b/\u{0}.py", "a/x/b/y.py", true),
            ("a/\u{0}/b/\u{0}.py", "a/x/c/y.py", false),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(path_matches(pattern, path), expected, "{pattern:?} {path}");
        }
    }
}
