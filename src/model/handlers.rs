//! Functions that a framework calls on threads of its own once they were handed to it: by a decorator (`@app.route`), by a call
//! (`app.add_url_rule("/", view_func=view)`), or by calling what would decorate (`app.post("/")(view)`). No line of the tree
//! starts them; a server that is told nothing else runs them beside each other.

use rustc_hash::FxHashSet;

use crate::facts::{Attribute, CallIndex, Language, Span, TypeIndex, Value};
use crate::finding::Confidence;
use crate::knowledge::{EntryId, MatchKind, Role, StartMoment, Turns};

use super::handed_on::Called;
use super::names::folder_of;
use super::objects::Object;
use super::program::Engine;
use super::runtimes::LoneRuntimes;
use super::summary::{Certainty, Chain, Live, StartId};
use super::tree::{CallSite, FileId, FuncId, Tree, crate_root};
use super::values::Values;
use super::walk::Walk;

/// What is said of what a framework calls.
const BY_FRAMEWORK: &str = "a framework runs the function, on threads of its own unless it is told otherwise";

/// A function, and where a framework is told of it.
struct Handed {
    site: CallSite,
    function: FuncId,
    many: bool,
    /// It runs once, before all others.
    first: bool,
    /// A task of the runtime's, on whichever thread that has.
    task: bool,
    turns: Option<Turns>,
}

/// A function that a framework calls.
#[derive(Debug, Clone, Copy)]
pub struct Handler {
    pub start: StartId,
    /// It runs on the thread of the event loop, with which no other of these shares its turn: a coroutine of Python's, or what the
    /// catalog says.
    pub on_loop: bool,
}

impl Values<'_> {
    /// What the tree hands to frameworks, in the order of its functions and their calls, and then of its classes.
    fn handed_to_frameworks(&self) -> Vec<Handed> {
        let tree = self.tree;
        let mut found = Vec::new();
        for func in tree.functions() {
            self.handed_by_decorators(func, &mut found);
            for index in 0..tree.function(func).calls.len() {
                self.handed_by_call((func, CallIndex(index as u32)), &mut found);
            }
        }
        for file in tree.file_ids() {
            self.handed_by_class_decorators(file, &mut found);
        }
        found
    }

    fn handed_by_decorators(&self, func: FuncId, found: &mut Vec<Handed>) {
        let attributes = &self.tree.function(func).attributes;
        if attributes.is_empty() {
            return;
        }
        let home = self.decorated_in(func);
        self.handed_by_attributes(home, attributes, &Object::Function(func), found);
    }

    /// The decorators of a file's classes, as far as these stand at its top.
    fn handed_by_class_decorators(&self, file: FileId, found: &mut Vec<Handed>) {
        let home = self.tree.module_function(file);
        for (index, decl) in self.tree.file(file).types.iter().enumerate() {
            if let (false, Some(class)) = (
                decl.attributes.is_empty(),
                self.tree.class_of(file, TypeIndex(index as u32)),
            ) {
                self.handed_by_attributes(home, &decl.attributes, &Object::Class(class), found);
            }
        }
    }

    fn handed_by_attributes(&self, home: FuncId, attributes: &[Attribute], object: &Object, found: &mut Vec<Handed>) {
        for attribute in attributes {
            for id in self.decorators_named(home, &attribute.value) {
                let Role::Start { method, .. } = &self.catalog.entry(id).role else {
                    continue;
                };
                let Some(site) = self.tree.call_at(home, attribute.span) else {
                    continue;
                };
                let mut functions = Vec::new();
                self.entry_functions(object, method.as_deref(), &mut functions);
                let handed = functions
                    .into_iter()
                    .filter_map(|function| self.handed(site, id, function));
                found.extend(handed);
            }
        }
    }

    /// The code in which a function's decorators stand: that of the function around it, of its class's body, or of its module.
    fn decorated_in(&self, func: FuncId) -> FuncId {
        let file = self.tree.file_of(func);
        let of_class = self.tree.function(func).owner.and_then(|class| {
            let body = self.tree.file(file).types[class.0 as usize].body?;
            Some(self.tree.func(file, body))
        });
        of_class.unwrap_or_else(|| self.home_of(func))
    }

    fn handed_by_call(&self, site: CallSite, found: &mut Vec<Handed>) {
        let meaning = self.meaning(site);
        let decorators = match &self.tree.call(site).callee {
            callee @ Value::Call(..) => self.decorators_named(site.0, callee),
            _ => Vec::new(),
        };
        for id in meaning.entries.iter().chain(&decorators).copied() {
            if !is_later(&self.catalog.entry(id).role) {
                continue;
            }
            let started = self.thread_of(site, site, id, None);
            for function in started.into_iter().flat_map(|started| started.entries) {
                found.extend(self.handed(site, id, function));
            }
        }
    }

    /// The entries for decorators by the path that a value is.
    fn decorators_named(&self, home: FuncId, value: &Value) -> Vec<EntryId> {
        let language = self.tree.language(home);
        let objects = self.eval(home, value);
        let paths = objects.iter().filter_map(|object| match object {
            Object::External(path) | Object::Result(path, _) => Some(path),
            _ => None,
        });
        paths
            .flat_map(|path| self.catalog.lookup(language, MatchKind::Decorator, path))
            .copied()
            .collect()
    }

    fn handed(&self, site: CallSite, id: EntryId, function: FuncId) -> Option<Handed> {
        match &self.catalog.entry(id).role {
            role @ Role::Start {
                many,
                task,
                turns,
                moment,
                process: false,
                ..
            } if is_later(role) => Some(Handed {
                site,
                function,
                many: *many,
                first: *moment == StartMoment::First,
                task: *task,
                turns: *turns,
            }),
            _ => None,
        }
    }

    /// What runs where a framework calls a function: itself, and the futures that it returns.
    fn run_by_framework(&self, function: FuncId) -> Vec<FuncId> {
        let returned = self.returned(function);
        let futures = returned.iter().filter_map(|object| match object {
            Object::Coroutine(future) => Some(*future),
            _ => None,
        });
        std::iter::once(function).chain(futures).collect()
    }
}

fn is_later(role: &Role) -> bool {
    matches!(
        role,
        Role::Start {
            moment: StartMoment::Later | StartMoment::First,
            ..
        }
    )
}

impl Engine<'_> {
    /// Registers the threads on which frameworks run what the tree hands them. `lone`: programs whose tasks have one thread.
    pub(super) fn register_handlers(&mut self, lone: &LoneRuntimes) {
        for handed in self.values.handed_to_frameworks() {
            let function = handed.function;
            let called = if handed.first { Called::Once } else { Called::Often };
            self.told.entry(handed.site).or_default().push((function, called));
            if handed.first {
                continue;
            }
            let known = |handler: &Handler| self.start(handler.start).entries.first() == Some(&function);
            let on_no_thread = handed.task && lone.hold(&self.values, handed.site);
            if on_no_thread || self.handlers().iter().any(known) {
                continue;
            }
            let is_python = self.values.tree.language(function) == Language::Python;
            let is_async = self.values.tree.function(function).is_async;
            let on_loop = match handed.turns {
                Some(Turns::All) => true,
                Some(Turns::Functions) => !is_async,
                None => is_python && is_async,
            };
            let entries = match is_python {
                true => vec![function],
                false => self.values.run_by_framework(function),
            };
            self.add_handler(handed.site, entries, handed.many && !on_loop, on_loop);
        }
    }
}

impl Walk<'_, '_> {
    /// A framework is told of functions: from here on it may call them, beside whatever is alive.
    pub(super) fn tell_framework(&mut self, site: CallSite, span: Span) {
        for (function, called) in self.engine.told_at(site).to_vec() {
            self.hand_on(
                function,
                span,
                Certainty::because(Confidence::Medium, BY_FRAMEWORK),
                called,
            );
        }
    }

    /// The decorators of a function that stand there without a call.
    pub(super) fn tell_frameworks_of(&mut self, function: FuncId) {
        let tree = self.engine.values.tree;
        for attribute in &tree.function(function).attributes {
            if let Some(site) = tree.call_at(self.here, attribute.span) {
                self.tell_framework(site, attribute.span);
            }
        }
    }
}

/// What a framework runs on its threads, it runs beside its like: every handler beside itself, and those of one server beside
/// each other.
pub fn add(engine: &mut Engine<'_>) {
    let doubt = Certainty::because(Confidence::Medium, BY_FRAMEWORK);
    let handlers = engine.handlers().to_vec();
    if handlers.is_empty() {
        return;
    }
    let packages = package_folders(engine.values.tree);
    let all: Vec<(Live, FuncId, Server, bool)> = handlers
        .into_iter()
        .map(|handler| {
            let home = engine.start(handler.start).site.0;
            let live = engine.fresh(handler.start, Chain::default(), doubt.clone(), None);
            (
                live,
                home,
                Server::of(engine.values.tree, &packages, home),
                handler.on_loop,
            )
        })
        .collect();
    for (number, (live, home, server, on_loop)) in all.iter().enumerate() {
        if live.many {
            engine.meet_itself(*home, live);
        }
        for (other, its_home, elsewhere, too) in &all[number + 1..] {
            if server.is_same(elsewhere) && !(*on_loop && *too) && !engine.run_apart(*home, *its_home) {
                engine.meet_threads(*home, live, other);
            }
        }
        if *on_loop {
            let is_beside = |its_home: FuncId, its: &Server| server.is_same(its) && !engine.run_apart(*home, its_home);
            let beside: Vec<Live> = all
                .iter()
                .filter(|(_, its_home, its, _)| is_beside(*its_home, its))
                .map(|(other, ..)| other.clone())
                .collect();
            meet_while_waiting(engine, *home, live, &beside);
        }
    }
}

/// A coroutine that waits for a thread lets the loop go on: other handlers, and itself called again, run beside that thread.
fn meet_while_waiting(engine: &mut Engine<'_>, home: FuncId, live: &Live, beside: &[Live]) {
    let summaries = engine.entry_summaries(live.start);
    let begun = summaries.iter().flat_map(|summary| summary.starts.iter());
    for begun in begun {
        if engine.start(begun.start).process {
            continue;
        }
        let certainty = begun.certainty.and(&live.certainty);
        let mut thread = engine.fresh(begun.start, begun.chain.clone(), certainty, None);
        thread.many = true;
        thread.count = 0;
        engine.meet_itself(home, &thread);
        for other in beside {
            engine.meet_threads(home, &thread, other);
        }
    }
}

/// The folders of Python's packages, without a slash behind them.
fn package_folders(tree: &Tree) -> FxHashSet<&str> {
    let folders = tree.file_ids().filter_map(|file| tree.package_folder(file));
    folders.map(|folder| folder.trim_end_matches('/')).collect()
}

/// What one server serves: a crate; in Python what lies below one package or, without one, below the folder of a file.
enum Server {
    Crate(String),
    Below(String),
}

impl Server {
    fn of(tree: &Tree, packages: &FxHashSet<&str>, home: FuncId) -> Server {
        let path = &tree.file(tree.file_of(home)).path;
        if tree.language(home) == Language::Rust {
            return Server::Crate(crate_root(path).to_owned());
        }
        let mut folder = folder_of(path);
        while packages.contains(folder) && packages.contains(folder_of(folder)) {
            folder = folder_of(folder);
        }
        Server::Below(folder.to_owned())
    }

    fn is_same(&self, other: &Server) -> bool {
        let lies_in = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| outer.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        match (self, other) {
            (Server::Crate(a), Server::Crate(b)) => a == b,
            (Server::Below(a), Server::Below(b)) => lies_in(a, b) || lies_in(b, a),
            _ => false,
        }
    }
}
