//! When Python runs a module's own code: on the first import, once. `import a.b` runs `a`, then `a.b`; `from a import b` runs `a`,
//! and `a.b` where that is a module.
//!
//! A function that is running has been defined, and so its file has imported what it imports at its top above that definition,
//! whatever the function imports again. Imports under a test or in a `try` do not count: they may not have happened.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{CallIndex, Event, FunctionKind, Language, Node, Value};
use crate::finding::Confidence;
use crate::knowledge::ArgumentRef;

use super::firsts::kept_mark;
use super::key_set::KeySet;
use super::members::{HOLE, fits};
use super::memo::Found;
use super::places::Keys;
use super::program::{Engine, SummaryKey};
use super::summary::Access;
use super::tree::{CallSite, FileId, FuncId, Tree};
use super::values::Values;

/// The files that a file imports at its top, each with the place of the import (a byte offset), in order.
type TopImports = Rc<Vec<(u32, FileId)>>;

/// The functions that a file calls at its top whatever happens, each with the place of the call, in order.
type TopCalls = Rc<Vec<(u32, FuncId)>>;

/// What such calls of APIs keep for the process, each with the place of the call.
type TopKept = Rc<Vec<(u32, Keys)>>;

/// All that such imports run, one through another.
type Imported = Rc<FxHashSet<FileId>>;

/// What is known of the imports of a tree, as far as somebody asked.
#[derive(Default)]
pub(super) struct Imports {
    /// Which functions are the code of a file of Python's, by their numbers: asked of every step of every way.
    is_module: Vec<bool>,
    /// Files that are run by their path, however often.
    pub run_by_path: FxHashSet<FileId>,
    at_top: Found<FileId, TopImports>,
    all: Found<FileId, Imported>,
    /// Whether a module has run at a place of a file.
    run: Found<(FileId, FileId, u32), bool>,
    /// Who imports a file by itself, wherever in it.
    imported_by: RefCell<Option<FxHashMap<FileId, Vec<FileId>>>>,
    importers: Found<FileId, Imported>,
    /// What every beginning of a file's programs imports first.
    first: Found<FileId, Imported>,
    before_calls: Found<FileId, Imported>,
    by_package: Found<FileId, Rc<PackageImports>>,
    /// How many of the imports of a package count for a file in it.
    counted: Found<(FileId, FileId), usize>,
    kept_at_top: Found<FileId, TopKept>,
    calls_at_top: Found<FileId, TopCalls>,
    first_calls: Found<FileId, Option<u32>>,
    /// What was done before the function of each file for which that was asked last.
    done_before: FxHashMap<FileId, DoneBefore>,
}

/// What is surely done where a function begins, with what that was put together from: most functions of a file share it.
struct DoneBefore {
    /// What calls of APIs at the top of the file keep.
    marks: Vec<Keys>,
    /// What each import and each call at its top has done.
    parts: Vec<KeySet>,
    done: KeySet,
}

impl DoneBefore {
    fn is_of(&self, marks: &[Keys], parts: &[KeySet]) -> bool {
        let are_same = |(own, other): (&KeySet, &KeySet)| own.is_same(other);
        self.marks == marks && self.parts.len() == parts.len() && self.parts.iter().zip(parts).all(are_same)
    }
}

/// What a package imports at its top before it calls anything.
struct PackageImports {
    /// The modules that are run, each with the number of the first import that does.
    runs: FxHashMap<FileId, usize>,
    /// Those of them that call something.
    calling: Vec<FileId>,
}

impl Imports {
    /// Nothing is known yet.
    pub(super) fn of(tree: &Tree) -> Imports {
        let is_module =
            |func: FuncId| tree.function(func).kind == FunctionKind::Module && tree.language(func) == Language::Python;
        Imports {
            is_module: tree.functions().map(is_module).collect(),
            ..Imports::default()
        }
    }
}

impl Values<'_> {
    /// The modules whose code an import runs, the outermost package first.
    pub(super) fn imported_modules(&self, file: FileId, path: &str) -> Vec<FileId> {
        // The program itself has begun before it imports anything (`sys.modules["__main__"]`).
        if path == "__main__" {
            return Vec::new();
        }
        let dots = path.len() - path.trim_start_matches('.').len();
        let ends = path.match_indices('.').map(|(at, _)| at).filter(|at| *at > dots);
        let mut found = Vec::new();
        // `from . import a` runs the package itself, which has no name here.
        let package = (dots > 0).then_some(dots);
        for end in package.into_iter().chain(ends).chain([path.len()]) {
            for module in self.python_modules(file, &path[..end]).iter() {
                if !found.contains(module) {
                    found.push(*module);
                }
            }
        }
        found
    }

    /// The module that a path names, without the packages in which it lies.
    pub(super) fn named_module(&self, file: FileId, path: &str) -> Option<FileId> {
        self.imported_modules(file, path).pop()
    }
}

/// The modules of whose names only a part is known: `import_module(f'plugins.{name}')`.
impl Values<'_> {
    /// The names of the modules that a call imports. One that begins with a dot is put behind its `package`, where that is known.
    pub(super) fn module_names(
        &self,
        site: CallSite,
        name: &ArgumentRef,
        package: Option<&ArgumentRef>,
    ) -> Vec<String> {
        let names = self.argument(site, name).into_iter();
        let names: Vec<String> = names.flat_map(|(home, value)| self.texts(home, value)).collect();
        let package = package.and_then(|package| self.argument(site, package).into_iter().next());
        let Some((home, package)) = package else { return names };
        let packages = self.texts(home, package);
        let own = matches!(package, Value::Global(name) if matches!(name.as_str(), "__name__" | "__package__"));
        let behind = |name: String| -> Vec<String> {
            let Some(rest) = name.strip_prefix('.').filter(|rest| !rest.starts_with('.')) else {
                return vec![name];
            };
            match packages.is_empty() {
                // Of a package that is not known, a part of a name says nothing.
                true if name.contains(HOLE) && !own => Vec::new(),
                true => vec![name],
                false => packages.iter().map(|package| format!("{package}.{rest}")).collect(),
            }
        };
        names.into_iter().flat_map(behind).collect()
    }

    /// The modules that a name with holes may mean: what stands before the first hole names a package of the tree, and a hole
    /// stands for a part of one name.
    pub(super) fn modules_matching(&self, file: FileId, pattern: &str) -> Vec<FileId> {
        let head = pattern.split(HOLE).next().unwrap_or("");
        let Some(end) = head.rfind('.').filter(|_| head.len() < pattern.len()) else {
            return Vec::new();
        };
        let is_dots = head[..end].chars().all(|letter| letter == '.');
        let base = if is_dots { &head[..=end] } else { &head[..end] };
        let parts: Vec<&str> = pattern[end + 1..].split('.').collect();
        let packages = self.python_modules(file, base);
        let mut folders = packages.iter().filter_map(|module| self.tree.package_folder(*module));
        let Some(folder) = folders.next() else {
            return Vec::new();
        };
        let is_meant = |module: &FileId| {
            let path = self.tree.file(*module).path.strip_prefix(folder);
            let name = path.and_then(|path| path.strip_suffix("/__init__.py").or_else(|| path.strip_suffix(".py")));
            let names = name.into_iter().flat_map(|name| name.split('/'));
            name.is_some_and(|name| name != "__init__")
                && names.clone().count() == parts.len()
                && names.zip(&parts).all(|(name, part)| fits(part, name))
        };
        let python = |module: &FileId| self.tree.file(*module).language == Language::Python;
        self.tree.file_ids().filter(python).filter(is_meant).collect()
    }
}

impl Engine<'_> {
    fn top_imports(&self, file: FileId) -> TopImports {
        let find = || {
            let mut found = Vec::new();
            for node in &self.values.tree.file(file).functions[0].body.nodes {
                if let Node::Event(Event::Import { path, span }) = node {
                    let modules = self.values.imported_modules(file, path).into_iter();
                    found.extend(modules.map(|module| (span.start, module)));
                }
            }
            Rc::new(found)
        };
        self.imports.at_top.get(file, find)
    }

    fn top_calls(&self, file: FileId) -> TopCalls {
        self.imports
            .calls_at_top
            .get(file, || Rc::new(self.find_top_calls(file)))
    }

    fn find_top_calls(&self, file: FileId) -> Vec<(u32, FuncId)> {
        let tree = self.values.tree;
        let code = tree.module_function(file);
        let mut found = Vec::new();
        for node in &tree.function(code).body.nodes {
            let Node::Event(Event::Call(index)) = node else {
                continue;
            };
            let site = (code, *index);
            if let [edge] = self.values.meaning(site).edges.as_slice()
                && edge.certainty.confidence == Confidence::High
            {
                found.push((tree.call(site).span.start, edge.target));
            }
        }
        found
    }

    /// What calls of APIs at the top of a file have kept for the process, with the places of the calls.
    fn kept_at_top(&self, file: FileId) -> TopKept {
        self.imports
            .kept_at_top
            .get(file, || Rc::new(self.find_kept_at_top(file)))
    }

    fn find_kept_at_top(&self, file: FileId) -> Vec<(u32, Keys)> {
        let tree = self.values.tree;
        let code = tree.module_function(file);
        let mut found = Vec::new();
        for node in &tree.function(code).body.nodes {
            let Node::Event(Event::Call(index)) = node else {
                continue;
            };
            let site = (code, *index);
            let meaning = self.values.meaning(site);
            let kept = meaning
                .entries
                .iter()
                .find_map(|id| self.values.catalog.entry(*id).kept.as_ref());
            found.extend(kept.map(|name| (tree.call(site).span.start, kept_mark(name))));
        }
        found
    }

    /// The work that is done once and surely was done before a function of Python's is called: above its definition its file, or what
    /// the file imports there, has done it.
    pub(super) fn done_before(&mut self, func: FuncId) -> KeySet {
        let tree = self.values.tree;
        let (file, function) = (tree.file_of(func), tree.function(func));
        if tree.file(file).language != Language::Python
            || function.kind == FunctionKind::Module
            || self.firsts.is_empty()
        {
            return KeySet::default();
        }
        let is_above = |(place, _): &&(u32, FuncId)| *place < function.span.start;
        let calls = self.top_calls(file);
        let imports = self.top_imports(file);
        let above = imports.iter().filter(|(place, _)| *place < function.span.start);
        // What leads back to the file goes on only when the file has ended.
        let ended = above.filter(|(_, module)| *module != file && !self.imports_of(*module).contains(&file));
        let ended = ended.map(|(_, module)| tree.module_function(*module));
        let before: Vec<FuncId> = calls
            .iter()
            .filter(is_above)
            .map(|(_, target)| *target)
            .chain(ended)
            .collect();
        let kept = self.kept_at_top(file);
        let kept = kept.iter().filter(|(place, _)| *place < function.span.start);
        let marks = kept.map(|(_, mark)| mark).filter(|mark| self.firsts.contains(mark));
        let marks: Vec<Keys> = marks.cloned().collect();
        let of = |function| self.summary(SummaryKey { function, main: false }).done.clone();
        let parts: Vec<KeySet> = before.into_iter().map(of).collect();
        let known = self.imports.done_before.get(&file);
        if let Some(known) = known.filter(|known| known.is_of(&marks, &parts)) {
            return known.done.clone();
        }
        let mut done = KeySet::default();
        parts.iter().for_each(|part| done.add(part));
        done.extend(marks.iter().cloned());
        let before = DoneBefore {
            marks,
            parts,
            done: done.clone(),
        };
        self.imports.done_before.insert(file, before);
        done
    }

    /// What the imports at the top of a file run.
    fn imports_of(&self, file: FileId) -> Imported {
        let find = || {
            let modules = self.top_imports(file);
            Rc::new(self.reached_by(modules.iter().map(|(_, module)| *module), None))
        };
        self.imports.all.get(file, find)
    }

    /// What is run where these modules are imported; `running`: by which file, which is not run again.
    fn reached_by(&self, modules: impl Iterator<Item = FileId>, running: Option<FileId>) -> FxHashSet<FileId> {
        let mut found = FxHashSet::default();
        self.each_run(modules.collect(), |module| {
            Some(module) != running && found.insert(module)
        });
        found
    }

    /// Goes through what is run where modules are imported; `enter`: whether a module is, and has not been gone through.
    fn each_run(&self, mut open: Vec<FileId>, mut enter: impl FnMut(FileId) -> bool) {
        while let Some(module) = open.pop() {
            if enter(module) {
                open.extend(self.top_imports(module).iter().map(|(_, next)| *next));
            }
        }
    }

    /// Whether a module is that of a package in which a file lies: it has begun before any code of the file runs, and importing it
    /// again runs nothing, whether it has ended or not (Python's reference, "The import system", 5.4.1).
    fn is_package_above(&self, module: FileId, file: FileId) -> bool {
        let tree = self.values.tree;
        let lies_in = |folder: &str| tree.file(file).path.starts_with(folder);
        !self.imports.run_by_path.contains(&file) && tree.package_folder(module).is_some_and(lies_in)
    }

    /// Whether a module has run by the time that a function is at a place in it.
    pub(super) fn has_run(&self, module: FileId, here: FuncId, at: u32) -> bool {
        let tree = self.values.tree;
        let file = tree.file_of(here);
        if tree.file(file).language != Language::Python || module == file {
            return false;
        }
        if self.is_package_above(module, file) {
            return true;
        }
        let function = tree.function(here);
        let at = match function.kind {
            FunctionKind::Module => at,
            _ => function.span.start,
        };
        let is_function = function.kind != FunctionKind::Module;
        self.imports
            .run
            .get((module, file, at), || self.has_run_by(module, file, at, is_function))
    }

    /// [`Engine::has_run`], other than by lying in the package; `is_function`: what is at the place is called later.
    fn has_run_by(&self, module: FileId, file: FileId, at: u32, is_function: bool) -> bool {
        // What the file itself has imported has begun, so that importing it again runs nothing. Of what else a circle of imports holds
        // nothing is known: what leads back to the file goes on only when the file has ended.
        let ran = |earlier: FileId| {
            let imported = self.imports_of(earlier);
            earlier == module || !imported.contains(&file) && imported.contains(&module)
        };
        let imports = self.top_imports(file);
        let mut before = imports.iter().filter(|(place, _)| *place < at);
        before.any(|(_, earlier)| ran(*earlier))
            || is_function && (self.is_imported_first(module, file) || self.is_imported_by_package(module, file))
    }

    /// Whether every file that a program can begin with, of those that come to another file, imports a module at its top, before it
    /// calls anything: a function of the other file is called when that has been done. Tests begin with whatever they like, and count
    /// for nothing.
    fn is_imported_first(&self, module: FileId, file: FileId) -> bool {
        self.imported_first(file).contains(&module)
    }

    /// Whether a package in which a file lies imports a module at its top before it calls anything: who calls a function of the file has
    /// imported the package first. A script that is started by its path lies in no package.
    fn is_imported_by_package(&self, module: FileId, file: FileId) -> bool {
        let mut packages = self.packages_above(file).into_iter();
        packages.any(|package| {
            let imports = self.package_imports(package);
            let first = imports.runs.get(&module);
            first.is_some_and(|first| *first < self.counted_imports(package, file))
        })
    }

    /// Whether a package in which a function's file lies imports a module at its top, after whatever else: that the function's import of
    /// it is the first is not likely, unless the file is part of what the package imports so itself.
    pub(super) fn is_imported_around(&self, module: FileId, here: FuncId) -> bool {
        let tree = self.values.tree;
        let file = tree.file_of(here);
        if tree.file(file).language != Language::Python {
            return false;
        }
        let is_function = tree.function(here).kind != FunctionKind::Module;
        let mut packages = self.packages_above(file).into_iter();
        packages.any(|package| {
            let imported = self.imports_of(package);
            imported.contains(&module) && (is_function || !imported.contains(&file))
        })
    }

    /// The packages in which a file of Python's lies; a script that is started by its path lies in none.
    fn packages_above(&self, file: FileId) -> Vec<FileId> {
        if self.values.scripts.contains(&file) {
            return Vec::new();
        }
        let tree = self.values.tree;
        let folders = tree.file(file).path.rsplit('/').skip(1);
        let packages = folders.filter_map(|name| tree.packages_by_name.get(name)).flatten();
        packages
            .copied()
            .filter(|package| *package != file && self.is_package_above(*package, file))
            .collect()
    }

    /// What all files import first that a program which comes to this one can begin with.
    fn imported_first(&self, file: FileId) -> Imported {
        self.imports.first.get(file, || Rc::new(self.find_imported_first(file)))
    }

    fn find_imported_first(&self, file: FileId) -> FxHashSet<FileId> {
        let importers = self.importers_of(file);
        let begins = importers
            .iter()
            .filter(|begin| !self.is_imported(**begin) && !self.values.tree.is_collected(**begin));
        let mut common: Option<FxHashSet<FileId>> = None;
        for begin in begins {
            if *begin == file {
                common = None;
                break;
            }
            let imported = self.imported_before_calls(*begin);
            match &mut common {
                Some(common) => common.retain(|module| imported.contains(module)),
                None => common = Some((*imported).clone()),
            }
            if common.as_ref().is_some_and(FxHashSet::is_empty) {
                break;
            }
        }
        common.unwrap_or_default()
    }

    /// What a file imports before it calls a function of the tree or starts a thread.
    fn imported_before_calls(&self, file: FileId) -> Imported {
        let find = || {
            let first = self.first_call(file);
            let imports = self.top_imports(file);
            let before = imports
                .iter()
                .filter(|(place, _)| first.is_none_or(|first| *place < first));
            Rc::new(self.reached_by(before.map(|(_, module)| *module), Some(file)))
        };
        self.imports.before_calls.get(file, find)
    }

    /// Where the code of a file first calls a function of the tree or starts a thread.
    fn first_call(&self, file: FileId) -> Option<u32> {
        let tree = self.values.tree;
        let code = tree.module_function(file);
        let acts = |site: &CallSite| !self.values.meaning(*site).edges.is_empty() || !self.starts_at(*site).is_empty();
        let sites = (0..tree.function(code).calls.len() as u32).map(|index| (code, CallIndex(index)));
        let find = || sites.filter(acts).map(|site| tree.call(site).span.start).min();
        self.imports.first_calls.get(file, find)
    }

    /// What a package imports at its top before it calls anything.
    fn package_imports(&self, package: FileId) -> Rc<PackageImports> {
        let find = || {
            let first = self.first_call(package);
            let mut runs = FxHashMap::default();
            let mut calling = Vec::new();
            for (number, (place, module)) in self.top_imports(package).iter().enumerate() {
                if first.is_some_and(|first| first < *place) {
                    break;
                }
                self.each_run(vec![*module], |module| {
                    let is_new = module != package && !runs.contains_key(&module);
                    if is_new {
                        runs.insert(module, number);
                        calling.extend(self.first_call(module).map(|_| module));
                    }
                    is_new
                });
            }
            Rc::new(PackageImports { runs, calling })
        };
        self.imports.by_package.get(package, find)
    }

    /// How many imports of a package are done before any function of a file in it can be called: up to the first that runs a module
    /// which calls something and knows of the file by itself.
    fn counted_imports(&self, package: FileId, file: FileId) -> usize {
        let find = || {
            let knowing = self.importers_but(file, Some(package));
            let imports = self.package_imports(package);
            let may_call = imports.calling.iter().filter(|module| knowing.contains(*module));
            may_call.map(|module| imports.runs[module]).min().unwrap_or(usize::MAX)
        };
        self.imports.counted.get((package, file), find)
    }

    /// Whether another file imports a file of Python's.
    fn is_imported(&self, file: FileId) -> bool {
        let mut direct = self.imports.imported_by.borrow_mut();
        let direct = direct.get_or_insert_with(|| self.imported_by());
        direct
            .get(&file)
            .into_iter()
            .flatten()
            .any(|importer| *importer != file)
    }

    /// Whether two functions stand in scripts that are never part of one program: no file imports both, wherever in it.
    pub(super) fn run_apart(&self, a: FuncId, b: FuncId) -> bool {
        let tree = self.values.tree;
        let (a, b) = (tree.file_of(a), tree.file_of(b));
        let is_script = |file: &FileId| self.values.scripts.contains(file);
        if a == b || !is_script(&a) || !is_script(&b) {
            return false;
        }
        let importing = self.importers_of(a);
        self.importers_of(b).iter().all(|file| !importing.contains(file))
    }

    /// The files that import a file of Python's, by way of others too, and itself.
    fn importers_of(&self, file: FileId) -> Imported {
        let find = || Rc::new(self.importers_but(file, None));
        self.imports.importers.get(file, find)
    }

    /// The same, without those that import it by way of `but` alone.
    fn importers_but(&self, file: FileId, but: Option<FileId>) -> FxHashSet<FileId> {
        let mut direct = self.imports.imported_by.borrow_mut();
        let direct = direct.get_or_insert_with(|| self.imported_by());
        let mut found = FxHashSet::default();
        let mut open = vec![file];
        while let Some(next) = open.pop() {
            if Some(next) != but && found.insert(next) {
                open.extend(direct.get(&next).into_iter().flatten());
            }
        }
        found
    }

    fn imported_by(&self) -> FxHashMap<FileId, Vec<FileId>> {
        let tree = self.values.tree;
        let mut found: FxHashMap<FileId, Vec<FileId>> = FxHashMap::default();
        for file in tree
            .file_ids()
            .filter(|file| tree.file(*file).language == Language::Python)
        {
            for import in &tree.file(file).imports {
                for module in self.values.imported_modules(file, &import.path) {
                    found.entry(module).or_default().push(file);
                }
            }
        }
        found
    }

    /// The modules whose code a way leads through.
    fn modules_on(&self, access: &Access) -> impl Iterator<Item = FileId> {
        let tree = self.values.tree;
        let functions = access.chain.functions();
        let functions = functions.chain([self.sites.get(access.site).function]);
        let functions = functions.take_while(|_| access.through_module);
        let modules = functions.filter(|function| self.imports.is_module[function.0 as usize]);
        let files = modules.map(|function| tree.file_of(function));
        // What is run by its path runs whenever it is.
        files.filter(|file| !self.imports.run_by_path.contains(file))
    }

    /// Whether two ways lead through the code of one module, of which only one is taken: whoever imports it while it runs waits.
    /// A script is not such a module: imported, it is another one than when it was started.
    pub(super) fn share_module(&self, a: &Access, b: &Access) -> bool {
        let modules: Vec<FileId> = self.modules_on(a).collect();
        let is_shared = |module: FileId| modules.contains(&module) && !self.values.scripts.contains(&module);
        !modules.is_empty() && self.modules_on(b).any(is_shared)
    }

    /// Whether a way through a module's code cannot be taken from a place, since the module has run by then.
    pub(super) fn is_past(&self, access: &Access, here: FuncId, at: u32) -> bool {
        let file = self.values.tree.file_of(here);
        if !access.through_module {
            return false;
        }
        let mut modules = self.modules_on(access).filter(|module| *module != file);
        modules.any(|module| self.has_run(module, here, at))
    }
}
