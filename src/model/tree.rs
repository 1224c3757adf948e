//! The index of all files: functions, types and calls by name, so that every later question is a look-up.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{
    Call, CallIndex, Condition, Event, FileFacts, Function, FunctionIndex, FunctionKind, Language, LocalIndex, Name,
    Node, Region, RegionKind, Span, TypeDecl, TypeIndex, TypeKind, Value,
};

/// Index of a file in [`Tree::files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Index of a function over all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FuncId(pub u32);

/// Index of a class over all files; the `impl` blocks of a Rust type belong to its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub u32);

/// Files by what is written.
type ByWritten<K> = FxHashMap<K, Rc<[FileId]>>;

/// The files that something written in a file means, by that file and by what is written, as far as somebody asked.
#[derive(Debug, Default)]
pub struct FilesBy<K>(RefCell<FxHashMap<FileId, ByWritten<K>>>);

impl<K: Eq + Hash> FilesBy<K> {
    /// What `written` means in a file; found by `find` the first time.
    pub fn get<Q>(&self, file: FileId, written: &Q, find: impl FnOnce() -> Vec<FileId>) -> Rc<[FileId]>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let known = |of_file: &ByWritten<K>| of_file.get(written).cloned();
        if let Some(found) = self.0.borrow().get(&file).and_then(known) {
            return found;
        }
        let found: Rc<[FileId]> = find().into();
        let mut all = self.0.borrow_mut();
        all.entry(file).or_default().insert(written.to_owned(), found.clone());
        found
    }
}

/// A call: the function that it stands in and its index there.
pub type CallSite = (FuncId, CallIndex);

/// A class with everything that the tree says of it.
#[derive(Debug, Clone)]
pub struct Class {
    pub file: FileId,
    pub name: Name,
    pub kind: TypeKind,
    /// The declaration and, in Rust, its `impl` blocks.
    pub decls: Vec<(FileId, TypeIndex)>,
    /// Methods by name, in order of declaration.
    pub methods: BTreeMap<Name, Vec<FuncId>>,
}

/// A store of a value into something, with the function in which it stands.
#[derive(Debug, Clone, Copy)]
pub struct StoreRef<'t> {
    pub function: FuncId,
    pub target: &'t Value,
    pub value: &'t Value,
}

/// All files with their indices.
pub struct Tree {
    pub files: Vec<FileFacts>,
    functions: Vec<(FileId, FunctionIndex)>,
    first: Vec<u32>,
    pub classes: Vec<Class>,
    class_of_decl: FxHashMap<(FileId, TypeIndex), ClassId>,
    /// Classes by the last segment of their name.
    pub classes_by_name: FxHashMap<Name, Vec<ClassId>>,
    /// Functions by bare name.
    pub functions_by_name: FxHashMap<Name, Vec<FuncId>>,
    /// Calls by the last segment of the callee.
    pub calls_by_name: FxHashMap<Name, Vec<CallSite>>,
    /// Calls by the last segment of a value handed over as an argument.
    pub taken_by_name: FxHashMap<Name, Vec<CallSite>>,
    /// Method calls by the last segment of the receiver.
    pub calls_by_receiver: FxHashMap<Name, Vec<CallSite>>,
    /// Classes by the last segment of a base that they name.
    pub heirs_by_base: FxHashMap<Name, Vec<ClassId>>,
    /// Calls by the closure that is handed over.
    pub taken_closures: FxHashMap<FuncId, Vec<CallSite>>,
    /// Paths of files by their last component, for imports and path patterns.
    pub files_by_basename: FxHashMap<Name, Vec<FileId>>,
    /// The `__init__.py` of Python's packages, by the last name of their folder.
    pub packages_by_name: FxHashMap<Name, Vec<FileId>>,
}

impl Tree {
    /// Indexes the files, which must be sorted by path (the order decides every tie).
    pub fn new(mut files: Vec<FileFacts>) -> Tree {
        super::foreign::leave_out(&mut files);
        let mut tree = Tree {
            functions: Vec::new(),
            first: Vec::new(),
            classes: Vec::new(),
            class_of_decl: FxHashMap::default(),
            classes_by_name: FxHashMap::default(),
            functions_by_name: FxHashMap::default(),
            calls_by_name: FxHashMap::default(),
            taken_by_name: FxHashMap::default(),
            calls_by_receiver: FxHashMap::default(),
            heirs_by_base: FxHashMap::default(),
            taken_closures: FxHashMap::default(),
            files_by_basename: FxHashMap::default(),
            packages_by_name: FxHashMap::default(),
            files,
        };
        tree.index_functions();
        tree.index_classes();
        tree.index_calls();
        tree
    }

    fn index_functions(&mut self) {
        for (number, file) in self.files.iter().enumerate() {
            let id = FileId(number as u32);
            self.first.push(self.functions.len() as u32);
            let basename = super::names::last_component(&file.path);
            self.files_by_basename.entry(basename.into()).or_default().push(id);
            if basename == "__init__.py" {
                let folder = file.path.rsplit('/').nth(1).unwrap_or("");
                self.packages_by_name.entry(folder.into()).or_default().push(id);
            }
            for (index, function) in file.functions.iter().enumerate() {
                let func = FuncId(self.functions.len() as u32);
                self.functions.push((id, FunctionIndex(index as u32)));
                // The body of a class has its name, but runs once, where it stands; the name is the class.
                if function.kind == FunctionKind::ClassBody {
                    continue;
                }
                self.functions_by_name
                    .entry(function.name.clone())
                    .or_default()
                    .push(func);
            }
        }
    }

    /// Whether pytest or unittest collects a file of Python's (pytest, Conventions for Python test discovery).
    pub fn is_collected(&self, file: FileId) -> bool {
        let facts = self.file(file);
        let name = super::names::last_component(&facts.path);
        facts.language == Language::Python
            && (name.starts_with("test_") || name.ends_with("_test.py") || name == "conftest.py")
    }

    /// The folder of the package whose own code a file is, with a slash behind it (Python's `__init__.py`).
    pub fn package_folder(&self, file: FileId) -> Option<&str> {
        let folder = self.file(file).path.strip_suffix("__init__.py")?;
        (!folder.is_empty() && self.file(file).language == Language::Python).then_some(folder)
    }

    /// Whether a file asks at its top if it is the program itself.
    pub fn is_script(&self, file: FileId) -> bool {
        let facts = self.file(file);
        let mut found = false;
        if facts.language == Language::Python {
            each_region(&facts.functions[0].body, &mut |region| {
                found |= matches!(&region.kind, RegionKind::Arm { test } if asks_for_main(test));
            });
        }
        found
    }

    fn index_classes(&mut self) {
        // Types first, then the impl blocks that add to them, wherever they stand.
        let mut by_path: FxHashMap<(String, Name), ClassId> = FxHashMap::default();
        for pass in [false, true] {
            for number in 0..self.files.len() {
                let file = FileId(number as u32);
                for index in 0..self.files[number].types.len() {
                    let decl = &self.files[number].types[index];
                    if (decl.kind == TypeKind::Impl) != pass {
                        continue;
                    }
                    let key = (self.scope_of(file), decl.name.clone());
                    let class = match by_path.get(&key) {
                        Some(class) if pass => *class,
                        _ => self.new_class(file, index, &mut by_path, key),
                    };
                    self.add_decl(class, file, TypeIndex(index as u32));
                }
            }
        }
    }

    /// What a type's name is unique within: the crate in Rust, the file elsewhere.
    fn scope_of(&self, file: FileId) -> String {
        let facts = self.file(file);
        match facts.language {
            Language::Rust => crate_root(&facts.path).to_owned(),
            Language::C | Language::Python => facts.path.clone(),
        }
    }

    fn new_class(
        &mut self,
        file: FileId,
        index: usize,
        by_path: &mut FxHashMap<(String, Name), ClassId>,
        key: (String, Name),
    ) -> ClassId {
        let decl = &self.files[file.0 as usize].types[index];
        let class = ClassId(self.classes.len() as u32);
        by_path.entry(key).or_insert(class);
        self.classes_by_name
            .entry(last_segment(&decl.name).into())
            .or_default()
            .push(class);
        self.classes.push(Class {
            file,
            name: decl.name.clone(),
            kind: decl.kind,
            decls: Vec::new(),
            methods: BTreeMap::new(),
        });
        class
    }

    fn add_decl(&mut self, class: ClassId, file: FileId, index: TypeIndex) {
        self.class_of_decl.insert((file, index), class);
        let methods: Vec<(Name, FuncId)> = self.files[file.0 as usize].types[index.0 as usize]
            .methods
            .iter()
            .map(|method| {
                let function = self.files[file.0 as usize].function(*method);
                (function.name.clone(), self.func(file, *method))
            })
            .collect();
        let bases: Vec<Name> = self.files[file.0 as usize].types[index.0 as usize]
            .bases
            .iter()
            .filter_map(said_name)
            .collect();
        for base in bases {
            self.heirs_by_base.entry(base).or_default().push(class);
        }
        let entry = &mut self.classes[class.0 as usize];
        entry.decls.push((file, index));
        for (name, method) in methods {
            entry.methods.entry(name).or_default().push(method);
        }
    }

    fn index_calls(&mut self) {
        let nested = self.files.iter().map(|file| {
            let functions = file.functions.iter().filter(|function| function.parent.is_some());
            functions.map(|function| function.name.clone()).collect()
        });
        let nested: Vec<FxHashSet<Name>> = nested.collect();
        for func in (0..self.functions.len() as u32).map(FuncId) {
            let (file, index) = self.functions[func.0 as usize];
            let function = self.files[file.0 as usize].function(index);
            let is_nested = |name: &Name| nested[file.0 as usize].contains(name);
            for (number, call) in function.calls.iter().enumerate() {
                let site = (func, CallIndex(number as u32));
                if let Some(name) = said_name(&call.callee) {
                    self.calls_by_name.entry(name).or_default().push(site);
                }
                if let Value::Attribute(receiver, _) = &call.callee
                    && let Some(name) = receiver_name(&self.files[file.0 as usize], receiver)
                {
                    self.calls_by_receiver.entry(name).or_default().push(site);
                }
                for argument in &call.args {
                    // A function inside another one is a local there.
                    let local = || receiver_name(&self.files[file.0 as usize], &argument.value).filter(is_nested);
                    if let Some(name) = said_name(&argument.value).or_else(local) {
                        self.taken_by_name.entry(name).or_default().push(site);
                    }
                    if let Value::Function(closure) = &argument.value {
                        let closure = FuncId(self.first[file.0 as usize] + closure.0);
                        self.taken_closures.entry(closure).or_default().push(site);
                    }
                }
            }
        }
    }

    /// The file of this id.
    pub fn file(&self, id: FileId) -> &FileFacts {
        &self.files[id.0 as usize]
    }

    /// All function ids.
    pub fn functions(&self) -> impl Iterator<Item = FuncId> + use<> {
        (0..self.functions.len() as u32).map(FuncId)
    }

    /// The functions of a file, its module's first.
    pub fn functions_in(&self, file: FileId) -> impl Iterator<Item = FuncId> + use<> {
        let first = self.module_function(file).0;
        (first..first + self.file(file).functions.len() as u32).map(FuncId)
    }

    /// The functions of the files below a folder, which ends in a slash.
    pub fn functions_below<'t>(&'t self, folder: &'t str) -> impl Iterator<Item = FuncId> + 't {
        let is_below = move |file: &FileId| self.file(*file).path.starts_with(folder);
        self.file_ids()
            .filter(is_below)
            .flat_map(|file| self.functions_in(file))
    }

    /// The call of a function that stands at a place.
    pub fn call_at(&self, func: FuncId, span: Span) -> Option<CallSite> {
        let calls = &self.function(func).calls;
        let index = calls.iter().position(|call| call.span == span)?;
        Some((func, CallIndex(index as u32)))
    }

    /// All file ids.
    pub fn file_ids(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len() as u32).map(FileId)
    }

    /// The id of a function of a file.
    pub fn func(&self, file: FileId, index: FunctionIndex) -> FuncId {
        FuncId(self.first[file.0 as usize] + index.0)
    }

    /// The file in which a function stands.
    pub fn file_of(&self, func: FuncId) -> FileId {
        self.functions[func.0 as usize].0
    }

    /// The file in which a function stands, and its number there.
    pub fn index_of(&self, func: FuncId) -> (FileId, FunctionIndex) {
        self.functions[func.0 as usize]
    }

    /// The function's facts.
    pub fn function(&self, func: FuncId) -> &Function {
        let (file, index) = self.functions[func.0 as usize];
        self.file(file).function(index)
    }

    /// The module-level code of a file.
    pub fn module_function(&self, file: FileId) -> FuncId {
        self.func(file, FunctionIndex(0))
    }

    /// The language of the file in which a function stands.
    pub fn language(&self, func: FuncId) -> Language {
        self.file(self.file_of(func)).language
    }

    /// The call at a site.
    pub fn call(&self, site: CallSite) -> &Call {
        &self.function(site.0).calls[site.1.0 as usize]
    }

    /// The calls in a function on a receiver of this name.
    pub fn calls_on(&self, func: FuncId, name: &str) -> &[CallSite] {
        let all = self.calls_by_receiver.get(name).map_or(&[][..], Vec::as_slice);
        // They were indexed function by function.
        let first = all.partition_point(|site| site.0 < func);
        let end = all.partition_point(|site| site.0 <= func);
        &all[first..end]
    }

    /// The function in which a function is nested.
    pub fn parent(&self, func: FuncId) -> Option<FuncId> {
        let parent = self.function(func).parent?;
        Some(self.func(self.file_of(func), parent))
    }

    /// The class whose method this is.
    pub fn owner(&self, func: FuncId) -> Option<ClassId> {
        let index = self.function(func).owner?;
        self.class_of_decl.get(&(self.file_of(func), index)).copied()
    }

    /// The class that a declaration belongs to.
    pub fn class_of(&self, file: FileId, index: TypeIndex) -> Option<ClassId> {
        self.class_of_decl.get(&(file, index)).copied()
    }

    /// The class's facts, one declaration after the other.
    pub fn decls(&self, class: ClassId) -> impl Iterator<Item = (FileId, &TypeDecl)> {
        self.classes[class.0 as usize]
            .decls
            .iter()
            .map(|(file, index)| (*file, &self.file(*file).types[index.0 as usize]))
    }

    /// How the function is called in reports: its qualified name, without a Rust crate prefix.
    pub fn display(&self, func: FuncId) -> String {
        let function = self.function(func);
        if function.kind == FunctionKind::Module {
            return "<module>".to_owned();
        }
        function
            .qualified
            .strip_prefix("crate::")
            .unwrap_or(&function.qualified)
            .to_owned()
    }
}

/// Calls `visit` for every event below a region, in source order.
pub fn each_event<'r>(region: &'r Region, visit: &mut dyn FnMut(&'r Event)) {
    for node in &region.nodes {
        match node {
            Node::Event(event) => visit(event),
            Node::Region(region) => each_event(region, visit),
        }
    }
}

/// Python's `__name__ == "__main__"`.
pub fn asks_for_main(test: &Condition) -> bool {
    match test {
        Condition::Equal(Value::Global(name), wanted) | Condition::Equal(wanted, Value::Global(name)) => {
            name == "__name__" && wanted.as_text() == Some("__main__")
        }
        _ => false,
    }
}

/// As [`each_event`], without what is never reached.
pub fn each_reached_event<'r>(region: &'r Region, visit: &mut dyn FnMut(&'r Event)) {
    for node in &region.nodes {
        match node {
            Node::Event(event) => visit(event),
            Node::Region(region) if matches!(region.kind, RegionKind::Unreached { .. }) => {}
            Node::Region(region) => each_reached_event(region, visit),
        }
    }
}

/// Calls `visit` for every region below a region, itself included.
pub fn each_region<'r>(region: &'r Region, visit: &mut dyn FnMut(&'r Region)) {
    visit(region);
    for node in &region.nodes {
        if let Node::Region(region) = node {
            each_region(region, visit);
        }
    }
}

/// The name by which a value is spoken of: the last segment of its path, attribute or name.
pub fn value_name(value: &Value) -> Option<&str> {
    match value {
        Value::Global(name) => Some(last_segment(name)),
        Value::Path(path) => Some(last_segment(path)),
        Value::Attribute(_, name) => Some(name),
        _ => None,
    }
}

/// The same as a name of its own.
pub fn said_name(value: &Value) -> Option<Name> {
    match value {
        Value::Attribute(_, name) => Some(name.clone()),
        other => value_name(other).map(Name::from),
    }
}

/// The name of a value, such as what a method is called on; that of a local too.
fn receiver_name(file: &FileFacts, receiver: &Value) -> Option<Name> {
    match receiver {
        Value::Local(owner, index) => Some(local_of(file.function(*owner), *index).name.clone()),
        other => said_name(other),
    }
}

/// The part behind the last `.` or `::`.
pub fn last_segment(path: &str) -> &str {
    let path = path.rsplit("::").next().unwrap_or(path);
    path.rsplit('.').next().unwrap_or(path)
}

/// The folder of a Rust package, from the path of one of its files: what stands before the last `src/`, `tests/`, `examples/`,
/// `benches/` or `build.rs` (Cargo's package layout). Integration tests, examples, benches, binaries and build scripts are crates
/// of their own, so their own path is their root. Below `src`, a folder of any of these names is a module's.
pub fn crate_root(path: &str) -> &str {
    let target = |folder: &str| {
        let start = component(path, folder)? + folder.len();
        let end = path[start..].find('/').map_or(path.len(), |slash| start + slash);
        Some(&path[..end])
    };
    if let Some(start) = component(path, "src/") {
        let binary = path[start..].starts_with("src/bin/").then(|| target("src/bin/"));
        return binary.flatten().unwrap_or(path[..start].trim_end_matches('/'));
    }
    let mut targets = ["tests/", "examples/", "benches/"].into_iter().filter_map(target);
    if let Some(own) = targets.next() {
        return own;
    }
    if path == "build.rs" || path.ends_with("/build.rs") {
        return path;
    }
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Where a path component begins, counted from the last occurrence.
fn component(path: &str, name: &str) -> Option<usize> {
    path.rmatch_indices(name)
        .map(|(at, _)| at)
        .find(|at| *at == 0 || path.as_bytes()[at - 1] == b'/')
}

/// The local's facts.
pub fn local_of(function: &Function, index: LocalIndex) -> &crate::facts::Local {
    &function.locals[index.0 as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_told_by_where_a_file_lies() {
        for (path, root) in [
            ("src/lib.rs", ""),
            ("a/src/x/y.rs", "a"),
            ("a/src/bin/one.rs", "a/src/bin/one.rs"),
            ("a/src/bin/two/main.rs", "a/src/bin/two"),
            ("a/tests/it.rs", "a/tests/it.rs"),
            ("a/tests/it/main.rs", "a/tests/it"),
            ("a/build.rs", "a/build.rs"),
            ("a/lib.rs", "a"),
            // A module's folder.
            ("a/src/tests/env.rs", "a"),
            ("a/src/x/examples/one.rs", "a"),
            // A package that tests are made with.
            ("a/tests/fixtures/b/src/lib.rs", "a/tests/fixtures/b"),
        ] {
            assert_eq!(crate_root(path), root, "{path}");
        }
    }
}
