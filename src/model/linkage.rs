//! What several C files share: variables with external linkage, and the macros and declarations of included headers.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{Call, Event, Function, FunctionKind, Language, Name, Node, ParameterKind, Span, Value, Visibility};
use crate::knowledge::{MatchKind, Role};

use super::names::{common_components, folder_of, last_component};
use super::objects::{Object, Objects};
use super::tree::{CallSite, FileId, FuncId, StoreRef, Tree};
use super::values::Values;

/// How many other files may give a name its value at the most.
const MOST_FILES: usize = 16;

/// How many macros may stand for one another.
const DEEPEST: usize = 8;

/// Where the variables and macros of C are declared or stored into, by name.
#[derive(Debug, Default)]
pub(super) struct Linkage {
    variables: FxHashMap<Name, Vec<FileId>>,
    /// Object-like macros of headers.
    macros: FxHashMap<Name, Vec<FileId>>,
    /// Functions that a file defines in front of others of the same name, for programs that load it first.
    interposed: FxHashSet<(FileId, String)>,
    /// The last parts of the paths that C files include.
    named_in_includes: FxHashSet<Name>,
    /// The files that define a `main`.
    with_main: FxHashSet<FileId>,
}

impl Linkage {
    /// Notes that a file declares a variable.
    pub fn declares(&mut self, tree: &Tree, file: FileId, name: &str) {
        if !is_static(tree, file, name) {
            note(&mut self.variables, file, name);
        }
    }

    /// The files that define functions in front of others.
    pub fn interposing_files(&self) -> impl Iterator<Item = FileId> {
        self.interposed.iter().map(|(file, _)| *file)
    }

    /// Notes that a file of C includes another.
    pub fn includes(&mut self, path: &str) {
        self.named_in_includes.insert(last_component(path).into());
    }

    /// Notes that a file defines a function.
    pub fn defines(&mut self, file: FileId, function: &Function) {
        if function.name == "main" && function.kind == FunctionKind::Function {
            self.with_main.insert(file);
        }
    }

    /// Puts the files into their order.
    pub fn sort(&mut self) {
        for files in self.variables.values_mut().chain(self.macros.values_mut()) {
            files.sort_unstable();
            files.dedup();
        }
    }

    /// Notes that a file looks behind its own definition of a name for the next one: `dlsym(RTLD_NEXT, "open")`.
    pub fn interposes(&mut self, file: FileId, name: &str) {
        self.interposed.insert((file, name.to_owned()));
    }

    /// Whether a definition stands in front of another one, and only programs that load its file first call it.
    pub fn is_interposed(&self, file: FileId, name: &str) -> bool {
        self.interposed.contains(&(file, name.to_owned()))
    }

    /// Notes that a file stores into a name; at the top of a header, without a declaration, it is a macro.
    pub fn stores(&mut self, tree: &Tree, store: &StoreRef, name: &str) {
        let file = tree.file_of(store.function);
        let at_top = tree.function(store.function).kind == FunctionKind::Module;
        if !at_top || declares(tree, file, name) {
            self.declares(tree, file, name);
        } else if is_header(tree, file) {
            note(&mut self.macros, file, name);
        }
    }
}

fn note(found: &mut FxHashMap<Name, Vec<FileId>>, file: FileId, name: &str) {
    let files = found.entry(name.into()).or_default();
    if files.last() != Some(&file) {
        files.push(file);
    }
}

/// Whether the top of a file declares a variable.
pub(super) fn declares(tree: &Tree, file: FileId, name: &str) -> bool {
    tree.file(file).functions[0]
        .locals
        .iter()
        .any(|local| local.name == name && local.ty.is_some())
}

fn is_header(tree: &Tree, file: FileId) -> bool {
    tree.file(file).path.ends_with(".h")
}

/// Whether a name means a variable that no other file can mean. What a header declares as static is taken for one thing
/// in all that include it.
pub(super) fn is_static(tree: &Tree, file: FileId, name: &str) -> bool {
    !is_header(tree, file) && tree.file(file).statics.iter().any(|known| known == name)
}

impl<'t> Values<'t> {
    /// The other files in which a name of a C file may get its value, nearest first: those that speak of the same external
    /// variable, and the headers that define it as a macro.
    pub(super) fn sharing_files(&self, file: FileId, name: &str) -> Vec<FileId> {
        if self.tree.file(file).language != Language::C || is_static(self.tree, file, name) {
            return Vec::new();
        }
        let mut found: Vec<FileId> = Vec::new();
        let from = &self.tree.file(file).path;
        if let Some(files) = self.linkage.macros.get(name) {
            let included = self.included(file);
            found.extend(files.iter().filter(|header| included.contains(header)));
        }
        let mut others = self.linkage.variables.get(name).cloned().unwrap_or_default();
        others.sort_by_cached_key(|other| {
            let near = common_components(folder_of(&self.tree.file(*other).path), from);
            (std::cmp::Reverse(near), *other)
        });
        found.extend(others);
        found.retain(|other| *other != file && !self.in_other_program(file, *other));
        found.truncate(MOST_FILES);
        found
    }

    /// Whether a name of C stands for what variables are initialised with (`PTHREAD_MUTEX_INITIALIZER`), so that two that are have
    /// nothing in common: it is spelt as macros are, nothing declares it, and where the tree defines it, it stands for no variable.
    pub(super) fn is_initialiser(&self, file: FileId, name: &str) -> bool {
        let mut name = name;
        for _ in 0..DEEPEST {
            let is_spelt = !name.contains(char::is_lowercase);
            if !is_spelt || self.linkage.variables.contains_key(name) || declares(self.tree, file, name) {
                return false;
            }
            let files = std::iter::once(file).chain(self.sharing_files(file, name));
            match files.into_iter().find_map(|file| self.stored_at_top(file, name).next()) {
                None | Some((Value::List(_) | Value::Record(_) | Value::Int(_) | Value::Unknown, _)) => return true,
                Some((Value::Global(meant), _)) => name = meant,
                Some(_) => return false,
            }
        }
        false
    }

    /// What the code at the top of a file stores into a name, under no condition, and where: what a macro is defined to be.
    fn stored_at_top(&self, file: FileId, name: &str) -> impl Iterator<Item = (&'t Value, Span)> {
        let at_top = &self.tree.function(self.tree.module_function(file)).body.nodes;
        at_top.iter().filter_map(move |node| match node {
            Node::Event(Event::Store {
                target: Value::Global(stored),
                value,
                span,
                ..
            }) if stored == name => Some((&**value, *span)),
            _ => None,
        })
    }

    /// What a call may call.
    pub(super) fn callee(&self, site: CallSite) -> Objects {
        let callee = &self.tree.call(site).callee;
        let objects = self.eval(site.0, callee);
        let outside = |object: &Object| matches!(object, Object::External(_));
        match callee {
            Value::Global(name)
                if self.tree.language(site.0) == Language::C
                    && objects.iter().any(outside)
                    && objects.as_functions().next().is_some()
                    && self.is_replaced(site, name) =>
            {
                let mut inside = Objects::default();
                for object in objects.iter().filter(|object| !outside(object)) {
                    inside.add(object.clone());
                }
                inside
            }
            Value::Global(_) if self.tree.language(site.0) == Language::C => self.fitting(site, objects),
            Value::Path(path) if self.tree.language(site.0) == Language::Rust => {
                self.method_by_trait(site, path, &objects).unwrap_or(objects)
            }
            _ => objects,
        }
    }

    /// Of several functions of one name those that take as many arguments as a call hands over, if there are any: the others are
    /// linked into other programs.
    fn fitting(&self, site: CallSite, objects: Objects) -> Objects {
        let args = &self.tree.call(site).args;
        let fits = |func: FuncId| {
            let function = self.tree.function(func);
            let mut parameters = function.parameters();
            // `int f()` may be called with anything.
            let is_open = function.parameters().next().is_none()
                || parameters.any(|(_, local)| local.parameter == Some(ParameterKind::VarPositional));
            let is_plain = function.kind == FunctionKind::Function && self.tree.language(func) == Language::C;
            !is_plain || is_open || function.parameters().count() == args.len()
        };
        let fitting = objects.as_functions().filter(|func| fits(*func)).count();
        if fitting == 0 || fitting == objects.as_functions().count() {
            return objects;
        }
        let mut found = Objects::default();
        for object in objects.iter() {
            if !matches!(object, Object::Function(func) if !fits(*func)) {
                found.add(object.clone());
            }
        }
        found
    }

    /// Whether a name that a call uses surely means something of the tree there: `#define setenv table_set` stands above it or in a
    /// header, under no condition, and the file does not itself define what is meant, since such a file means the outside's
    /// function by the name.
    fn is_replaced(&self, site: CallSite, name: &str) -> bool {
        let tree = self.tree;
        let home = tree.file_of(site.0);
        let call = tree.call(site).span.start;
        let replaces = |file: FileId| {
            self.stored_at_top(file, name).any(|(value, span)| match value {
                Value::Global(_) if file == home => span.start < call,
                Value::Global(meant) => self.defined_in(home, meant).next().is_none(),
                _ => false,
            })
        };
        replaces(home) || self.sharing_files(home, name).into_iter().any(replaces)
    }

    /// The functions of this name that a file defines.
    fn defined_in(&self, file: FileId, name: &str) -> impl Iterator<Item = FuncId> {
        self.named(name).filter(move |func| {
            let kind = self.tree.function(*func).kind;
            self.tree.file_of(*func) == file && kind != FunctionKind::Declaration
        })
    }

    /// The other file holds the `main` of a program that this one is no part of, as far as folders tell.
    fn in_other_program(&self, file: FileId, other: FileId) -> bool {
        let mains = |file: FileId| self.linkage.with_main.contains(&file);
        let lies_below = || {
            self.tree
                .file(file)
                .path
                .starts_with(folder_of(&self.tree.file(other).path))
        };
        mains(other) && (mains(file) || !lies_below())
    }

    /// Whether a macro that a file defines applies in another one. What is compiled by itself has the macros that it includes; a
    /// header has those of whoever includes it as well.
    pub(super) fn applies_in(&self, macro_home: FileId, file: FileId) -> bool {
        let path = &self.tree.file(file).path;
        let compiled_alone = path.ends_with(".c") && !self.linkage.named_in_includes.contains(last_component(path));
        !compiled_alone || self.included(file).contains(&macro_home)
    }

    /// Whether a C file has a function-like macro for a name, and no declaration of a function: what it calls is no function then.
    pub(super) fn has_macro_only(&self, file: FileId, name: &str) -> bool {
        let included = self.included(file);
        let kinds = || {
            let here = self
                .named(name)
                .filter(|func| included.contains(&self.tree.file_of(*func)));
            here.map(|func| self.tree.function(func).kind)
        };
        kinds().any(|kind| kind == FunctionKind::Macro) && kinds().all(|kind| kind == FunctionKind::Macro)
    }

    /// A C file and the files of the tree that it includes, directly or not, as far as their paths tell.
    fn included(&self, file: FileId) -> Rc<FxHashSet<FileId>> {
        if let Some(found) = self.includes.borrow().get(&file) {
            return found.clone();
        }
        let mut found = FxHashSet::from_iter([file]);
        let mut open = vec![file];
        while let Some(current) = open.pop() {
            for import in &self.tree.file(current).imports {
                let headers = self.header(current, &import.path).into_iter();
                open.extend(headers.filter(|header| found.insert(*header)));
            }
        }
        let found = Rc::new(found);
        self.includes.borrow_mut().insert(file, found.clone());
        found
    }

    /// Whether a value is the handle by which a file asks for what lies behind its own functions.
    pub(super) fn asks_behind_itself(&self, func: FuncId, value: &Value) -> bool {
        let Value::Global(name) = value else { return false };
        let entries = self.catalog.lookup(self.tree.language(func), MatchKind::Load, name);
        let mut roles = entries.iter().map(|id| &self.catalog.entry(*id).role);
        roles.any(|role| matches!(role, Role::Interpose))
    }

    /// Remembers the names that a call looks up behind the file's own functions; whether it does so for names that are not written
    /// there.
    pub(super) fn index_interposed(&mut self, func: FuncId, call: &Call) -> bool {
        if !call
            .args
            .iter()
            .any(|argument| self.asks_behind_itself(func, &argument.value))
        {
            return false;
        }
        let mut names = call
            .args
            .iter()
            .filter_map(|argument| argument.value.as_text())
            .peekable();
        let is_unknown = names.peek().is_none();
        for name in names {
            self.linkage.interposes(self.tree.file_of(func), name);
        }
        is_unknown
    }

    /// A file that keeps the handle, or asks by it for names that it is handed, stands in front of a library with all of its functions
    /// that no other file of the tree declares: those are declared by the library's own headers.
    pub(super) fn index_in_front(&mut self, files: &FxHashSet<FileId>) {
        let tree = self.tree;
        for file in files {
            for func in tree.functions_in(*file) {
                let function = tree.function(func);
                let is_declared = || self.named(&function.name).any(|other| tree.file_of(other) != *file);
                if function.kind == FunctionKind::Function
                    && function.visibility == Visibility::Public
                    && function.name != "main"
                    && !is_declared()
                {
                    self.linkage.interposes(*file, &function.name);
                }
            }
        }
    }

    /// The nearest files of the tree that an include may mean.
    fn header(&self, file: FileId, path: &str) -> Vec<FileId> {
        let path = path.trim_start_matches("./").trim_start_matches("../");
        let from = &self.tree.file(file).path;
        let candidates = self
            .tree
            .files_by_basename
            .get(last_component(path))
            .into_iter()
            .flatten();
        let fitting: Vec<(usize, FileId)> = candidates
            .map(|id| (*id, &self.tree.file(*id).path))
            .filter(|(_, known)| *known == path || known.ends_with(&format!("/{path}")))
            .map(|(id, known)| (common_components(folder_of(known), from), id))
            .collect();
        let nearest = fitting.iter().map(|(near, _)| *near).max();
        fitting
            .into_iter()
            .filter(|(near, _)| Some(*near) == nearest)
            .map(|(_, id)| id)
            .collect()
    }
}
