//! Which functions need not be walked. It is known before any function is walked, from what each call means.
//!
//! Most functions of a tree have nothing to do with the environment, with threads or with locks, whatever they come to
//! call. Of those that do, most cannot be on a way to a pair: a pair takes a change and something that runs beside others,
//! both reached from one function, or from members of one class or file, or from tests or handlers that run beside each other.
//!
//! What the walk could enter is an edge here; where that depends on the way on which it comes, all that it could be is.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{Condition, Event, FunctionKind, Language, Name, Node, Region, RegionKind, Value};
use crate::knowledge::{EntryId, MatchKind, Role};

use super::lanes::Census;
use super::objects::Object;
use super::program::{Engine, Extent};
use super::sites::AccessKind;
use super::tree::{CallSite, ClassId, FuncId, asks_for_main, each_event};

/// What is known of every function, by its number.
#[derive(Debug, Default)]
pub struct Quiet {
    acts: Vec<bool>,
    ends: Vec<bool>,
    /// A pair may come of the function.
    wanted: Vec<bool>,
    /// What stands in functions that act and are not walked, since no pair can come of them.
    pub unwalked: Census,
}

impl Quiet {
    /// The function, or something that it may come to call, may touch the environment, a thread, a lock or a queue, and a pair
    /// may come of it.
    pub fn acts(&self, function: FuncId) -> bool {
        self.acts.get(function.0 as usize).copied().unwrap_or(true)
    }

    /// A pair may come of the function, so that it is walked before those of which none can: circles are entered at the same places
    /// then, whether the others are walked after it or not at all.
    pub fn is_wanted(&self, function: FuncId) -> bool {
        self.wanted.get(function.0 as usize).copied().unwrap_or(true)
    }

    /// Calling the function is as if it were not called: it does not act, and it comes back.
    pub fn is_nothing(&self, function: FuncId) -> bool {
        !self.acts(function) && !self.ends.get(function.0 as usize).copied().unwrap_or(true)
    }
}

/// Who may enter whom, by numbers of [`Nodes`].
struct Graph {
    callers: Vec<Vec<u32>>,
}

impl Graph {
    fn add(&mut self, callee: u32, caller: u32) {
        let known = &mut self.callers[callee as usize];
        if known.last() != Some(&caller) {
            known.push(caller);
        }
    }

    /// Notes what a node may enter.
    fn enter(&mut self, node: u32, deeds: &Deeds, nodes: &Nodes) {
        for callee in deeds.enters.iter().chain(&deeds.runs) {
            self.add(callee.0, node);
        }
        for ty in deeds.through.iter().filter_map(|ty| nodes.types.get(ty)) {
            self.add(*ty, node);
        }
    }

    /// The same with callees and callers exchanged.
    fn turned(&self) -> Graph {
        let mut turned = Graph {
            callers: vec![Vec::new(); self.callers.len()],
        };
        for (callee, callers) in self.callers.iter().enumerate() {
            for caller in callers {
                turned.add(*caller, callee as u32);
            }
        }
        turned
    }

    /// Marks all from which a marked node can be reached.
    fn spread(&self, marked: &mut [bool]) {
        self.spread_along(marked, |_, _| true);
    }

    /// The same along those edges that `may` lets pass, from a callee to a caller.
    fn spread_along(&self, marked: &mut [bool], may: impl Fn(usize, usize) -> bool) {
        let mut open: Vec<usize> = (0..marked.len()).filter(|node| marked[*node]).collect();
        while let Some(node) = open.pop() {
            for caller in self.callers[node].iter().map(|caller| *caller as usize) {
                if !marked[caller] && may(node, caller) {
                    marked[caller] = true;
                    open.push(caller);
                }
            }
        }
    }
}

/// What the nodes of the graph stand for: first come the functions.
struct Nodes {
    count: u32,
    /// Functions that may be called through a pointer of a type.
    types: FxHashMap<std::rc::Rc<str>, u32>,
    /// What a module of Python's does where it is the program and not imported (`if __name__ == "__main__"`), by the module's
    /// function, which the program enters too.
    programs: FxHashMap<FuncId, u32>,
    /// The calls that only the program makes.
    guarded: FxHashSet<CallSite>,
}

impl Nodes {
    /// Who makes a call.
    fn of_call(&self, site: CallSite) -> u32 {
        match self.programs.get(&site.0) {
            Some(program) if self.guarded.contains(&site) => *program,
            _ => site.0.0,
        }
    }

    /// A function, and what it does as a program.
    fn of(&self, function: FuncId) -> impl Iterator<Item = usize> {
        let program = self.programs.get(&function).copied();
        std::iter::once(function.0).chain(program).map(|node| node as usize)
    }
}

/// What one function does by itself, and what it may enter.
#[derive(Default)]
struct Deeds {
    acts: bool,
    /// Changes the environment, or makes it a heap array.
    changes: bool,
    /// Looks at the environment, changes it or starts a program with it.
    touches: bool,
    /// Its code runs on several threads at once.
    parts: bool,
    forks: bool,
    joins: bool,
    census: Census,
    enters: Vec<FuncId>,
    /// Module-level code that runs by its path.
    runs: Vec<FuncId>,
    through: Vec<std::rc::Rc<str>>,
}

/// What all nodes do.
struct Marks {
    acts: Vec<bool>,
    ends: Vec<bool>,
    changes: Vec<bool>,
    touches: Vec<bool>,
    parts: Vec<bool>,
    forks: Vec<bool>,
    joins: Vec<bool>,
}

impl Marks {
    fn none(nodes: u32) -> Marks {
        let none = || vec![false; nodes as usize];
        Marks {
            acts: none(),
            ends: none(),
            changes: none(),
            touches: none(),
            parts: none(),
            forks: none(),
            joins: none(),
        }
    }

    fn note(&mut self, node: u32, deeds: &Deeds) {
        let place = node as usize;
        self.acts[place] = deeds.acts;
        self.changes[place] = deeds.changes;
        self.touches[place] = deeds.touches;
        self.parts[place] = deeds.parts;
        self.forks[place] = deeds.forks;
        self.joins[place] = deeds.joins;
    }
}

impl Engine<'_> {
    /// Looks at every function once. All starts must be known.
    pub(super) fn quiet(&mut self, extent: Extent) -> Quiet {
        let tree = self.values.tree;
        let count = tree.functions().count();
        let mut nodes = self.nodes();
        let mut graph = Graph {
            callers: vec![Vec::new(); nodes.count as usize],
        };
        for (ty, node) in &nodes.types {
            for function in &self.escaped[ty] {
                graph.add(function.0, *node);
            }
        }
        let mut marks = Marks::none(nodes.count);
        let entries: BTreeSet<FuncId> = self.starts().flat_map(|(_, start)| start.entries.clone()).collect();
        let told: FxHashSet<Name> = entries.iter().flat_map(|entry| self.values.tells(*entry)).collect();
        let mut all = Vec::with_capacity(count);
        for function in tree.functions() {
            let (own, as_program) = self.deeds_of(function, &told, &mut nodes);
            marks.note(function.0, &own);
            marks.ends[function.0 as usize] = may_not_come_back(&tree.function(function).body);
            graph.enter(function.0, &own, &nodes);
            if let Some(program) = nodes.programs.get(&function) {
                marks.note(*program, &as_program);
                graph.enter(*program, &as_program, &nodes);
                graph.add(function.0, *program);
            }
            all.push([own, as_program]);
        }
        for (_, start) in self.starts() {
            for entry in &start.entries {
                graph.add(entry.0, nodes.of_call(start.site));
            }
        }
        let run = all.iter().flatten().flat_map(|deeds| &deeds.runs);
        self.imports.run_by_path = run.map(|code| tree.file_of(*code)).collect();
        // Without steps left nothing was found out, which says nothing of anybody.
        if self.values.budget.is_spent() {
            return Quiet::default();
        }
        graph.spread(&mut marks.acts);
        graph.spread(&mut marks.ends);
        let any = |marked: &[bool], function| nodes.of(function).any(|node| marked[node]);
        let mut quiet = Quiet {
            acts: tree.functions().map(|function| any(&marks.acts, function)).collect(),
            ends: tree.functions().map(|function| any(&marks.ends, function)).collect(),
            ..Quiet::default()
        };
        let wanted = self.wanted(&graph, marks, &nodes);
        quiet.wanted = tree.functions().map(|function| any(&wanted, function)).collect();
        let mut settles = self.settles(&quiet.wanted, nodes.count);
        graph.spread(&mut settles);
        for (place, acts) in quiet.acts.iter_mut().enumerate() {
            *acts |= quiet.wanted[place] && settles[place];
        }
        for (function, parts) in tree.functions().zip(&all) {
            let place = function.0 as usize;
            if extent != Extent::Pairs || quiet.wanted[place] || !quiet.acts[place] {
                continue;
            }
            quiet.acts[place] = false;
            quiet.ends[place] = false;
            if self.values.is_unreached(function) {
                continue;
            }
            for deeds in parts {
                quiet.unwalked.add(deeds.census);
                // Whoever calls a function says in which order, walked or not.
                for callee in &deeds.enters {
                    self.called_by(*callee, function);
                }
            }
        }
        quiet
    }

    /// The functions that mark work as done for which a function asks that is walked.
    fn settles(&mut self, wanted: &[bool], nodes: u32) -> Vec<bool> {
        let mut settles = vec![false; nodes as usize];
        for function in self
            .values
            .tree
            .functions()
            .filter(|function| wanted[function.0 as usize])
        {
            for (keys, setters) in self.values.asked_marks(function) {
                self.firsts.insert(keys);
                for setter in setters {
                    settles[setter.0 as usize] = true;
                }
            }
        }
        settles
    }

    fn nodes(&self) -> Nodes {
        let tree = self.values.tree;
        let mut count = tree.functions().count() as u32;
        let mut next = || {
            count += 1;
            count - 1
        };
        let types = self.escaped.keys().map(|ty| (ty.clone(), next())).collect();
        let scripts = self.values.scripts.iter().map(|file| tree.module_function(*file));
        let programs = scripts.map(|module| (module, next())).collect();
        Nodes {
            types,
            programs,
            guarded: FxHashSet::default(),
            count,
        }
    }

    /// The functions on the ways to all pairs that there may be.
    fn wanted(&self, graph: &Graph, mut marks: Marks, nodes: &Nodes) -> Vec<bool> {
        let tree = self.values.tree;
        graph.spread(&mut marks.changes);
        graph.spread(&mut marks.touches);
        graph.spread(&mut marks.forks);
        // A thread that never touches the environment is in no pair. But where a process has one, what its forked children
        // change is.
        let mut threads = vec![false; marks.parts.len()];
        for (_, start) in self.starts().filter(|(_, start)| !start.process) {
            let home = nodes.of_call(start.site) as usize;
            let touches = |entry: &FuncId| marks.touches[entry.0 as usize];
            threads[home] = true;
            // What is run may be known to the callers only.
            let handed = start.entries.is_empty() || !self.values.thread_of_rests(start.created).is_empty();
            marks.parts[home] |= handed || !start.outside.is_empty() || start.entries.iter().any(touches);
        }
        graph.spread(&mut threads);
        graph.spread(&mut marks.parts);
        let forks = threads.iter().zip(&marks.forks).map(|(a, b)| *a && *b);
        let parts: Vec<bool> = marks.parts.iter().zip(forks).map(|(a, b)| *a || b).collect();
        let (changes, parts) = (&marks.changes, &parts);
        let mut wanted: Vec<bool> = changes.iter().zip(parts).map(|(a, b)| *a && *b).collect();
        let mut together = |members: &[FuncId], side_by_side: bool| {
            let places = || members.iter().flat_map(|member| nodes.of(*member));
            if places().any(|place| changes[place]) && (side_by_side || places().any(|place| parts[place])) {
                places().for_each(|place| wanted[place] = true);
            }
        };
        for file in tree.file_ids() {
            together(&tree.functions_in(file).collect::<Vec<_>>(), false);
        }
        // A package's thread is alive while all that lies in the package runs.
        for file in tree.file_ids() {
            let begins = |_: &&str| nodes.of(tree.module_function(file)).any(|place| parts[place]);
            let Some(folder) = tree.package_folder(file).filter(begins) else {
                continue;
            };
            together(&tree.functions_below(folder).collect::<Vec<_>>(), true);
        }
        for class in (0..tree.classes.len() as u32).map(ClassId) {
            let methods = tree.classes[class.0 as usize].methods.values().flatten();
            together(&methods.copied().collect::<Vec<_>>(), false);
        }
        let is_test = |function: &FuncId| {
            let entries = self.values.attribute_entries(*function);
            let mut roles = entries.iter().map(|id| &self.values.catalog.entry(*id).role);
            roles.any(|role| matches!(role, Role::ParallelTests))
        };
        together(&tree.functions().filter(is_test).collect::<Vec<_>>(), true);
        let handlers: Vec<FuncId> = self
            .handlers()
            .iter()
            .flat_map(|handler| {
                let start = self.start(handler.start);
                start.entries.iter().copied().chain([start.site.0])
            })
            .collect();
        together(&handlers, true);
        if !wanted.contains(&true) {
            return wanted;
        }
        // What no program holds together with a function is not entered from it.
        let count = tree.functions().count();
        graph.turned().spread_along(&mut wanted, |entering, entered| {
            let are_functions = entering < count && entered < count;
            !are_functions || self.programs.share_one(FuncId(entering as u32), FuncId(entered as u32))
        });
        // Where threads are joined is also told from afar.
        for (place, wanted) in wanted.iter_mut().enumerate() {
            *wanted |= marks.joins[place];
        }
        wanted
    }

    /// What a function does by itself, and what it does only where its module is the program. `told`: the names of the places
    /// in which threads say that they are done.
    fn deeds_of(&self, function: FuncId, told: &FxHashSet<Name>, nodes: &mut Nodes) -> (Deeds, Deeds) {
        let values = &self.values;
        let tree = values.tree;
        let (mut own, mut as_program) = (Deeds::default(), Deeds::default());
        if self.has_decorators(function) {
            let decorators = values.decorators(function).into_iter();
            own.enters
                .extend(decorators.flat_map(|decorator| values.wrappers(decorator)));
        }
        let generators = self.generators_around(function);
        own.enters.extend(generators.iter().map(|(generator, _)| *generator));
        for (entries, _) in values.changed_around(function) {
            own.acts = true;
            self.note(&entries, &mut own);
        }
        let facts = tree.function(function);
        if tree.language(function) == Language::C && facts.name == "main" {
            own.enters.extend(self.constructors_beside(function));
        }
        let is_module = nodes.programs.contains_key(&function);
        each_part(&facts.body, false, is_module, &mut |part, guarded| {
            let deeds = if guarded { &mut as_program } else { &mut own };
            match part {
                Part::Event(event) => {
                    if let (true, Event::Call(index)) = (guarded, event) {
                        nodes.guarded.insert((function, *index));
                    }
                    self.look_at_event(function, event, deeds);
                }
                Part::Region(region) => {
                    self.look_at_region(function, region, deeds);
                    if !told.is_empty() {
                        let mut waits = false;
                        values.each_awaited(function, region, &mut |name| waits |= told.contains(&name));
                        deeds.acts |= waits;
                        deeds.joins |= waits;
                    }
                }
            }
        });
        (own, as_program)
    }

    /// Notes what the catalog's entries at one place do.
    fn note(&self, entries: &[EntryId], deeds: &mut Deeds) {
        let roles = || entries.iter().map(|id| &self.values.catalog.entry(*id).role);
        for kind in [AccessKind::Mutation, AccessKind::Spawn, AccessKind::Read] {
            let is_one = |role: &Role| super::roles::access_kind(role) == Some(kind);
            if roles().any(is_one) {
                match kind {
                    AccessKind::Mutation => deeds.census.mutations += 1,
                    AccessKind::Spawn => deeds.census.spawns += 1,
                    AccessKind::Read | AccessKind::Fork => deeds.census.reads += 1,
                }
            }
        }
        for role in roles() {
            deeds.changes |= matches!(role, Role::Mutation { .. } | Role::HeapArray);
            deeds.touches |= super::roles::access_kind(role).is_some()
                || matches!(role, Role::HeapArray | Role::Exec { .. } | Role::Fork { .. });
            deeds.forks |= matches!(role, Role::Fork { .. } | Role::ForkWindow { .. });
            deeds.joins |= matches!(role, Role::Join { .. });
        }
    }

    fn look_at_region(&self, function: FuncId, region: &Region, deeds: &mut Deeds) {
        let values = &self.values;
        match &region.kind {
            RegionKind::Pragma { .. } => {
                deeds.acts = true;
                deeds.parts = true;
            }
            RegionKind::Loop { over: Some(over), .. } => {
                deeds.acts |= self.is_stream(function, over);
            }
            RegionKind::Scope { manager, .. } => {
                let entries = values.with_entries(function, manager);
                deeds.acts |= !entries.is_empty();
                self.note(&entries, deeds);
                deeds.enters.extend(values.manager_methods(function, manager));
            }
            _ => {}
        }
    }

    /// Going through the value to its end may join threads.
    fn is_stream(&self, home: FuncId, value: &Value) -> bool {
        let file = self.values.tree.file_of(home);
        self.is_handle(file, value) || !self.values.streamed(home, value).is_empty()
    }

    fn look_at_event(&self, function: FuncId, event: &Event, deeds: &mut Deeds) {
        let values = &self.values;
        let tree = values.tree;
        match event {
            Event::Call(index) => self.look_at_call((function, *index), deeds),
            Event::Store {
                target,
                form,
                kind,
                value,
                ..
            } => {
                deeds.acts |= self.is_entry(function) && values.told_by_store(function, target, value).is_some();
                deeds.enters.extend(values.run_by_store(function, target, *kind));
                let entries = values.store_entries(function, target, *form, *kind);
                deeds.acts |= !entries.is_empty();
                self.note(&entries, deeds);
            }
            Event::Load { value, form, span } => {
                deeds.enters.extend(values.initialisers(function, value));
                let entries = values.load_entries(function, value, *form);
                deeds.acts |= !entries.is_empty();
                if !entries.is_empty() && !self.is_environment_argument(function, *span) {
                    self.note(&entries, deeds);
                }
                if let Value::Attribute(base, name) = value
                    && self.is_property(name)
                {
                    for object in values.eval(function, base).iter() {
                        if let Object::Instance(class, _) = object {
                            deeds.enters.extend(values.properties_of(*class, name));
                        }
                    }
                }
            }
            Event::Await { value, .. } => {
                for object in values.eval(function, value).iter() {
                    if let Object::Coroutine(callee) | Object::Function(callee) = object {
                        deeds.enters.push(*callee);
                    }
                }
                deeds.acts |= !values.keys(function, value).is_empty();
            }
            Event::Drop { value, .. } => {
                deeds.enters.extend(values.drops(function, value));
                for object in values.eval(function, value).iter() {
                    if let Object::Result(path, _) = object {
                        let known = values.catalog.lookup(tree.language(function), MatchKind::Drop, path);
                        deeds.acts |= !known.is_empty();
                        self.note(known, deeds);
                    }
                }
            }
            Event::Import { path, .. } => self.imports(function, path, deeds),
            Event::Define { function: inner, .. } => {
                let inner = values.closure(function, *inner);
                if tree.function(inner).kind == FunctionKind::ClassBody {
                    deeds.enters.push(inner);
                }
                deeds.enters.extend(self.starting_decorators(inner));
                let attributes = tree.function(inner).attributes.iter();
                let places = attributes.filter_map(|attribute| tree.call_at(function, attribute.span));
                places.for_each(|site| {
                    deeds
                        .enters
                        .extend(self.told_at(site).iter().map(|(function, _)| *function))
                });
            }
            _ => {}
        }
    }

    fn imports(&self, function: FuncId, path: &str, deeds: &mut Deeds) {
        let tree = self.values.tree;
        let file = tree.file_of(function);
        let modules = self.values.imported_modules(file, path);
        if modules.is_empty() {
            deeds.enters.extend(self.values.extension_modules(file, path));
        }
        let code = modules.into_iter().map(|module| tree.module_function(module));
        deeds.enters.extend(code);
    }

    fn look_at_call(&self, site: CallSite, deeds: &mut Deeds) {
        let values = &self.values;
        let meaning = values.meaning(site);
        for start in self.starts_at(site) {
            deeds.acts = true;
            let language = values.tree.language(site.0);
            for path in &self.start(start).outside {
                self.note(values.lookup(language, MatchKind::Call, path), deeds);
            }
        }
        self.note(&meaning.entries, deeds);
        for id in &meaning.entries {
            let role = &values.catalog.entry(*id).role;
            match role {
                Role::CallsNow { entry, .. }
                | Role::CallsLater { entry, .. }
                | Role::ForkWindow { entry }
                | Role::Start { entry, .. } => deeds.enters.extend(values.handed_functions(site, entry)),
                Role::RunFile { source } => {
                    let sources = values.argument(site, source).into_iter();
                    let patterns: Vec<String> = sources.flat_map(|(home, value)| values.texts(home, value)).collect();
                    let files = self.matching_files(&patterns, site.0);
                    deeds
                        .runs
                        .extend(files.iter().map(|file| values.tree.module_function(*file)));
                }
                Role::RunModule { name, package, again } => {
                    for text in values.module_names(site, name, package.as_ref()) {
                        let file = values.tree.file_of(site.0);
                        let matching = values.modules_matching(file, &text).into_iter();
                        deeds
                            .runs
                            .extend(matching.map(|module| values.tree.module_function(module)));
                        self.imports(site.0, &text, deeds);
                        let module = values.named_module(file, &text);
                        let run = module.filter(|_| *again);
                        deeds.runs.extend(run.map(|module| values.tree.module_function(module)));
                    }
                }
                Role::Enters { of } => {
                    for (home, manager) in values.argument(site, of) {
                        self.note(&values.with_entries(home, manager), deeds);
                        deeds.enters.extend(values.manager_methods(home, manager));
                    }
                }
                Role::Unlock { of } if values.tree.language(site.0) == Language::Rust => {
                    for (home, value) in values.argument(site, of) {
                        deeds.enters.extend(values.drops(home, value));
                    }
                }
                Role::Consume { of } => {
                    let mut consumed = values.argument(site, of).into_iter();
                    deeds.acts |= consumed.any(|(home, value)| self.is_stream(home, value));
                }
                _ => {}
            }
            deeds.acts |= does_something(role);
            // What replaces the process with the live environment is a spawn.
            deeds.census.spawns += u64::from(matches!(role, Role::Exec { environment: None }));
        }
        if let Some((owner, index)) = values.parameter_of(site.0, &values.tree.call(site).callee) {
            deeds.enters.extend(values.handed_with(owner, index));
        }
        for edge in &meaning.edges {
            deeds.enters.push(edge.target);
            for index in self.called_parameters(edge.target) {
                for value in values.handed_for(site, edge.target, *index) {
                    deeds.enters.extend(values.functions_of(site.0, value));
                }
            }
        }
        deeds.through.extend(meaning.escaped.clone());
        deeds.acts |= !values.lent_by_call(site, &meaning).is_empty();
        if meaning.unknown {
            for argument in &values.tree.call(site).args {
                if values.may_be_function(site.0, &argument.value) {
                    deeds.enters.extend(values.eval(site.0, &argument.value).as_functions());
                }
            }
        }
    }
}

/// A piece of a function's code.
enum Part<'r> {
    Region(&'r Region),
    Event(&'r Event),
}

/// Calls `visit` for every region and event of a function, and with whether only the program does it. `is_module`: it is the
/// code of a module.
fn each_part<'r>(region: &'r Region, guarded: bool, is_module: bool, visit: &mut dyn FnMut(Part<'r>, bool)) {
    let asks = |test: &Condition| is_module && asks_for_main(test);
    let guarded = guarded || matches!(&region.kind, RegionKind::Arm { test } if asks(test));
    visit(Part::Region(region), guarded);
    for node in &region.nodes {
        match node {
            Node::Event(event) => visit(Part::Event(event), guarded),
            Node::Region(inner) => each_part(inner, guarded, is_module, visit),
        }
    }
}

/// Whether a call in this role changes, by itself, what the walk keeps track of. What only says where values come from does
/// not, nor does what only calls functions.
fn does_something(role: &Role) -> bool {
    !matches!(
        role,
        Role::CallsNow { once: None, .. }
            | Role::CallsLater { .. }
            | Role::Consume { .. }
            | Role::Quantifier { .. }
            | Role::Length { .. }
            | Role::Unfinished { .. }
            | Role::AllThreads { .. }
            | Role::Together
            | Role::Detach { .. }
            | Role::MakeLock
            | Role::Channel
            | Role::Stream { .. }
            | Role::Partial { .. }
            | Role::Pass { .. }
            | Role::Insert { .. }
            | Role::Element { .. }
            | Role::Attribute { .. }
            | Role::Symbol { .. }
            | Role::JoinPath
            | Role::Paths { .. }
            | Role::Report
            | Role::Serial
            | Role::TestCase
            | Role::Cached
            | Role::Value
            | Role::Several
            | Role::Inert
    )
}

/// Whether a function's own code may never lead back to its caller: all ways through it raise, or go round for ever.
fn may_not_come_back(body: &Region) -> bool {
    let mut returns = false;
    each_event(body, &mut |event| returns |= matches!(event, Event::Return { .. }));
    !returns && stops(&body.nodes)
}

/// No way leads through these nodes, as far as they tell by themselves.
fn stops(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Event(event) => matches!(event, Event::Raise { .. }),
        Node::Region(region) => region_stops(region),
    })
}

fn region_stops(region: &Region) -> bool {
    let parts = || {
        region.nodes.iter().filter_map(|node| match node {
            Node::Region(part) => Some(&**part),
            Node::Event(_) => None,
        })
    };
    match &region.kind {
        RegionKind::Conditional { .. } | RegionKind::Unreached { .. } => false,
        RegionKind::Branch { exhaustive } => *exhaustive && parts().all(region_stops),
        RegionKind::Loop {
            over,
            test,
            at_least_once,
        } => {
            let endless = over.is_none() && *test == Condition::Always;
            let mut breaks = false;
            each_event(region, &mut |event| breaks |= matches!(event, Event::Break));
            !breaks && (endless || *at_least_once && stops(&region.nodes))
        }
        RegionKind::Try => {
            let mut ways = parts().filter(|part| part.kind != RegionKind::Finally);
            let finally = parts().any(|part| part.kind == RegionKind::Finally && stops(&part.nodes));
            finally || ways.all(region_stops)
        }
        _ => stops(&region.nodes),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::facts::FileFacts;
    use crate::frontend::{Share, Shared, lower_in};
    use crate::input::Source;
    use crate::knowledge::{Catalog, Target};
    use crate::model::{STEPS, Tree};

    /// The source files below a folder, lowered together.
    fn lowered(folder: &Path) -> Vec<FileFacts> {
        let mut open = vec![folder.to_owned()];
        let mut sources = Vec::new();
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder of the fixtures can be read") {
                let path = entry.expect("an entry of the fixtures can be read").path();
                let language = match path.extension().and_then(|extension| extension.to_str()) {
                    _ if path.is_dir() => {
                        open.push(path);
                        continue;
                    }
                    Some("c" | "h") => Language::C,
                    Some("py") => Language::Python,
                    Some("rs") => Language::Rust,
                    _ => continue,
                };
                sources.push(Source {
                    language,
                    text: std::fs::read_to_string(&path).expect("a fixture is text"),
                    path: path.display().to_string(),
                });
            }
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        let shared = Shared::of(sources.iter().filter_map(Share::of).collect());
        sources.iter().map(|source| lower_in(source, &shared).0).collect()
    }

    /// The pairs of a program, and how many of its functions need no walk.
    fn pairs(tree: &Tree, extent: Extent) -> (Vec<String>, usize) {
        let (catalog, target) = (Catalog::builtin(), Target::default());
        let engine = crate::model::analyse(tree, &catalog, &target, STEPS, extent).engine;
        let shown = |pair: &crate::model::Pair| {
            let site = |side: &crate::model::PairSide| {
                let site = engine.sites.get(side.access.site);
                (site.function, site.span, side.access.chain.length())
            };
            let sides = (site(&pair.mutation), site(&pair.partner));
            format!("{:?} {sides:?} {:?}", pair.kind, pair.certainty.confidence)
        };
        let mut shown: Vec<String> = engine.pairs.iter().map(shown).collect();
        shown.sort();
        let quiet = tree.functions().filter(|function| engine.is_quiet(*function)).count();
        (shown, quiet)
    }

    #[test]
    fn what_is_not_walked_would_have_changed_nothing() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let (mut found, mut skipped, mut apart) = (0, 0, 0);
        for language in ["c", "python", "rust"] {
            for side in ["racy", "safe"] {
                for theme in std::fs::read_dir(root.join(language).join(side)).expect("the fixtures stand there") {
                    let theme = theme.expect("a theme can be read").path();
                    let tree = Tree::new(lowered(&theme));
                    let (all, none) = pairs(&tree, Extent::All);
                    let (acting, quiet) = pairs(&tree, Extent::Acts);
                    let (some, unwalked) = pairs(&tree, Extent::Pairs);
                    assert_eq!(acting, all, "{}", theme.display());
                    assert_eq!(some, all, "{}", theme.display());
                    assert_eq!(none, 0);
                    found += some.len();
                    skipped += quiet;
                    apart += unwalked - quiet;
                }
            }
        }
        // The fixtures are small, and most of what they hold has to do with their races.
        assert!(found > 300 && skipped > 300 && apart > 50, "{found} {skipped} {apart}");
    }

    #[test]
    fn a_way_that_ends_is_no_quiet_one() {
        let text = "import os\ndef leaf(): return 1\ndef calls(): leaf()\ndef fails(): raise ValueError\n\
            def forever():\n    while True: leaf()\ndef some(x):\n    if x: raise ValueError\n\
            def both(x):\n    if x: raise ValueError\n    else: raise KeyError\ndef leads(): fails()\n\
            def sets(): os.environ['A'] = 'b'\ndef comes(): sets()\ndef handed(): run(sets)\n\
            def until():\n    while True:\n        if leaf(): break\n";
        let source = Source {
            path: "a.py".to_owned(),
            language: Language::Python,
            text: text.to_owned(),
        };
        let tree = Tree::new(vec![crate::frontend::lower(&source).0]);
        let (catalog, target) = (Catalog::builtin(), Target::default());
        let engine = crate::model::analyse(&tree, &catalog, &target, STEPS, Extent::Acts).engine;
        let quiet: Vec<&str> = tree
            .functions()
            .filter(|function| engine.is_quiet(*function))
            .map(|function| tree.function(function).name.as_str())
            .collect();
        assert_eq!(quiet, ["<module>", "leaf", "calls", "some", "until"]);
        let acts = tree.functions().filter(|function| engine.acts(*function));
        let acts: Vec<&str> = acts.map(|function| tree.function(function).name.as_str()).collect();
        assert_eq!(acts, ["sets", "comes", "handed"]);
    }
}
