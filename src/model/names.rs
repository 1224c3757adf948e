//! From a name to what it names: modules of Python, linkage of C, paths of Rust.
//!
//! A name that nothing in the tree defines is external: its path is what the catalog is asked for. Where the tree and the
//! catalog both know a path, the catalog wins for Python and Rust (a tree that holds the standard library itself must not
//! hide what `threading.Thread` means), and the tree wins for C, where linking a function of its own named `setenv` is
//! exactly what the linker would do.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{Attribute, FunctionKind, Import, Language, Span, TypeKind, Visibility};
use crate::knowledge::MatchKind;

use super::objects::{Object, Objects};
use super::tree::{FileId, FuncId, crate_root, last_segment};
use super::values::{RustPlace, SYMBOL, Values};

/// How many definitions of one C symbol may be meant at the most.
const LINK_CANDIDATES: usize = 16;

impl Values<'_> {
    /// What a top-level or undefined name of a file may be.
    pub(super) fn global(&self, file: FileId, name: &str) -> Objects {
        match self.tree.file(file).language {
            Language::Python => self.python_global(file, name),
            Language::C => self.c_global(file, name),
            Language::Rust => self.rust_global(file, name),
        }
    }

    /// What an absolute or relative path may be, seen from a file.
    pub(super) fn path(&self, file: FileId, path: &str) -> Objects {
        match self.tree.file(file).language {
            Language::Python => self.python_path(file, path),
            Language::C => self.c_global(file, path),
            Language::Rust => self.rust_path(file, path),
        }
    }

    /// The catalog speaks of this path, or of something below it.
    fn known(&self, language: Language, path: &str) -> bool {
        [
            MatchKind::Call,
            MatchKind::Base,
            MatchKind::With,
            MatchKind::Store,
            MatchKind::Load,
            MatchKind::Decorator,
        ]
        .into_iter()
        .any(|kind| !self.lookup(language, kind, path).is_empty())
    }

    fn python_global(&self, file: FileId, name: &str) -> Objects {
        let mut found = self.defined_here(file, name);
        found.add_all(self.stored_global(file, name));
        if !found.is_empty() || self.has_global_store(file, name) {
            return found;
        }
        for import in self.tree.file(file).imports.iter().filter(|import| import.star) {
            let modules = self.python_modules(file, &import.path);
            // What the module has imported is passed on too (Python's reference, 7.11: all public names of its namespace).
            for module in modules.iter().filter(|_| !name.starts_with('_')) {
                found.add_all(self.module_member(*module, name));
            }
            if found.is_empty() && modules.is_empty() {
                let path = format!("{}.{name}", import.path);
                if self.known(Language::Python, &path) {
                    found.add(Object::external(&path));
                }
            }
        }
        if found.is_empty() {
            found.add(Object::external(&format!("builtins.{name}")));
        }
        found
    }

    /// Functions and classes that the top level of a file defines under a name.
    fn defined_here(&self, file: FileId, name: &str) -> Objects {
        let mut found = Objects::default();
        let facts = self.tree.file(file);
        let dead = self.never_bound.get(&file);
        let is_bound = |span: &Span| {
            let mut dead = dead.into_iter().flatten();
            !dead.any(|(start, end)| *start <= span.start && span.end <= *end)
        };
        for func in self.named(name).filter(|func| self.tree.file_of(*func) == file) {
            let function = self.tree.function(func);
            if function.parent.is_none()
                && function.owner.is_none()
                && function.qualified == name
                && is_bound(&function.span)
            {
                found.add(Object::Function(func));
            }
        }
        for (index, decl) in facts.types.iter().enumerate() {
            if decl.name == name
                && is_bound(&decl.span)
                && let Some(class) = self.tree.class_of(file, crate::facts::TypeIndex(index as u32))
            {
                found.add(Object::Class(class));
            }
        }
        found
    }

    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = FuncId> + '_ {
        self.tree.functions_by_name.get(name).into_iter().flatten().copied()
    }

    fn python_path(&self, file: FileId, path: &str) -> Objects {
        if self.known(Language::Python, path) {
            return Objects::one(Object::external(path));
        }
        // The longest prefix that is a module of the tree; the rest are members.
        let dots = path.len() - path.trim_start_matches('.').len();
        let mut end = path.len();
        loop {
            let (module, rest) = path.split_at(end);
            let modules = self.python_modules(file, module);
            if !modules.is_empty() {
                let mut found = Objects::default();
                for module in modules.iter() {
                    found.add_all(self.members(*module, rest.trim_start_matches('.')));
                }
                // A package may have modules that are written in C.
                if found.is_empty() {
                    found = self.extension_member(file, path);
                }
                return found;
            }
            match path[..end].rfind('.') {
                Some(dot) if dot >= dots.max(1) => end = dot,
                Some(dot) if dots > 0 && dot + 1 == dots && end > dots => end = dots,
                _ => break,
            }
        }
        let compiled = self.extension_member(file, path);
        if compiled.is_empty() {
            Objects::one(Object::external(path))
        } else {
            compiled
        }
    }

    fn members(&self, module: FileId, rest: &str) -> Objects {
        if rest.is_empty() {
            return Objects::one(Object::Module(module));
        }
        let mut current = Objects::one(Object::Module(module));
        for name in rest.split('.') {
            let mut next = Objects::default();
            for object in current.iter() {
                next.add_all(self.member(object, name));
            }
            current = next;
        }
        current
    }

    /// The files that an import path may mean, seen from a file: by folder for relative ones, else by the nearest
    /// folder above the importing file below which the path exists (a script's own folder comes first in `sys.path`).
    pub(super) fn python_modules(&self, file: FileId, path: &str) -> Rc<[FileId]> {
        self.modules.get(file, path, || self.find_python_modules(file, path))
    }

    fn find_python_modules(&self, file: FileId, path: &str) -> Vec<FileId> {
        let from = &self.tree.file(file).path;
        let dots = path.len() - path.trim_start_matches('.').len();
        let rest = path[dots..].replace('.', "/");
        if rest.is_empty() && dots == 0 {
            return Vec::new();
        }
        let called = |last: &str| -> Vec<FileId> {
            let modules = self.tree.files_by_basename.get(format!("{last}.py").as_str());
            let packages = self.tree.packages_by_name.get(last);
            modules.into_iter().chain(packages).flatten().copied().collect()
        };
        if dots > 0 {
            let mut folder = folder_of(from);
            for _ in 1..dots {
                folder = folder_of(folder);
            }
            let base = if rest.is_empty() {
                folder.to_owned()
            } else {
                join(folder, &rest)
            };
            let (module, package) = (format!("{base}.py"), join(&base, "__init__.py"));
            let mut found = called(last_component(&base));
            found.retain(|id| [&module, &package].contains(&&self.tree.file(*id).path));
            return found;
        }
        let candidates = called(last_component(&rest));
        let mut best: Vec<(usize, FileId)> = Vec::new();
        for id in candidates {
            let path = &self.tree.file(id).path;
            let stem = path
                .strip_suffix("/__init__.py")
                .or_else(|| path.strip_suffix(".py"))
                .unwrap_or(path);
            let Some(root) = strip_path_suffix(stem, &rest) else {
                continue;
            };
            // What lies in a package is not found by its bare name, but by scripts that lie there too.
            if root != folder_of(from) && self.is_package(root) && !self.has_script(root) {
                continue;
            }
            // The same package installed twice, or two projects in one tree: the closest root to the importer counts.
            best.push((common_components(root, from), id));
        }
        let Some(nearest) = best.iter().map(|(near, _)| *near).max() else {
            return Vec::new();
        };
        best.into_iter()
            .filter(|(near, _)| *near == nearest)
            .map(|(_, id)| id)
            .take(2)
            .collect()
    }

    /// Whether a program that is started by a file of the folder finds what lies there.
    fn has_script(&self, folder: &str) -> bool {
        let mut scripts = self.scripts.iter().map(|file| folder_of(&self.tree.file(*file).path));
        scripts.any(|of_script| of_script == folder)
    }

    fn is_package(&self, folder: &str) -> bool {
        let name = last_component(folder);
        let packages = self.tree.packages_by_name.get(name).into_iter().flatten();
        let init = join(folder, "__init__.py");
        packages.copied().any(|id| self.tree.file(id).path == init)
    }

    fn c_global(&self, file: FileId, name: &str) -> Objects {
        let mut found = self.defined_in_c(file, name);
        if !found.is_empty() {
            return found;
        }
        // A variable that the file merely declares (`extern char **environ`) is still the outside's.
        found.add_all(self.stored_global(file, name));
        if found.is_empty() || self.known(Language::C, name) {
            found.add(Object::external(name));
        }
        found
    }

    /// Whether a file holds what stands in for the library's function of this name where that is missing: such files are named
    /// after what they hold (`compat/setenv.c` of OpenBSD, gnulib, libiberty and others).
    fn stands_in(&self, home: FileId, name: &str) -> bool {
        let file = last_component(&self.tree.file(home).path);
        let known = |name: &str| !self.catalog.lookup(Language::C, MatchKind::Call, name).is_empty();
        file.strip_suffix(".c").is_some_and(known) && known(name)
    }

    /// Whether a file says by its path and by a header that it is compiled on Windows only.
    fn is_made_for_windows(&self, file: FileId) -> bool {
        let facts = self.tree.file(file);
        let has_header = || {
            facts
                .imports
                .iter()
                .any(|import| import.path.eq_ignore_ascii_case("windows.h"))
        };
        is_of_windows(&facts.path) && has_header()
    }

    /// What the linker would bind a symbol to: a static of this file, else the nearest external definitions.
    fn defined_in_c(&self, file: FileId, name: &str) -> Objects {
        let from = &self.tree.file(file).path;
        let mut external: Vec<(usize, FuncId)> = Vec::new();
        let mut local = Objects::default();
        for func in self.named(name) {
            let function = self.tree.function(func);
            let home = self.tree.file_of(func);
            if function.kind == FunctionKind::Declaration || function.parent.is_some() {
                continue;
            }
            match self.tree.file(home).language {
                Language::C => {
                    let visible = function.visibility == Visibility::Public || function.kind == FunctionKind::Macro;
                    if home == file {
                        local.add(Object::Function(func));
                    } else if function.kind == FunctionKind::Macro && !self.applies_in(home, file) {
                        // It stands before a function of its name in other files.
                    } else if self.linkage.is_interposed(home, name) {
                        // Loaded in front of some programs, linked into none.
                    } else if self.stands_in(home, name) {
                        // Compiled only where the library has none.
                    } else if is_of_tests(&self.tree.file(home).path) && !is_of_tests(from) {
                        // A mock, which is linked into tests alone.
                    } else if !is_of_windows(from) && self.is_made_for_windows(home) {
                        // Not compiled here.
                    } else if visible || self.tree.file(home).path.ends_with(".h") {
                        external.push((common_components(folder_of(&self.tree.file(home).path), from), func));
                    }
                }
                // A Rust function exported by its symbol meets C here.
                Language::Rust if self.exports_symbol(func) => {
                    external.push((common_components(folder_of(&self.tree.file(home).path), from), func));
                }
                _ => {}
            }
        }
        if !local.is_empty() {
            return local;
        }
        let is_macro = |(_, func): &(usize, FuncId)| self.tree.function(*func).kind == FunctionKind::Macro;
        if external.len() > 1 && external.iter().any(is_macro) && self.has_macro_only(file, name) {
            external.retain(is_macro);
        }
        let is_here = |(_, func): &(usize, FuncId)| !is_of_windows(&self.tree.file(self.tree.file_of(*func)).path);
        if external.len() > 1 && !is_of_windows(from) && external.iter().any(is_here) {
            external.retain(is_here);
        }
        let Some(nearest) = external.iter().map(|(near, _)| *near).max() else {
            return self.opened_by_macro(file, name);
        };
        let mut found = Objects::default();
        for (_, func) in external
            .into_iter()
            .filter(|(near, _)| *near == nearest)
            .take(LINK_CANDIDATES)
        {
            found.add(Object::Function(func));
        }
        found
    }

    /// A function whose opening macro is not defined in its file is named by the macro there: `BEGINwork` opens `work`.
    fn opened_by_macro(&self, file: FileId, name: &str) -> Objects {
        let mut found = Objects::default();
        for prefix in ["BEGIN", "Begin", "begin"] {
            for func in self.named(&format!("{prefix}{name}")) {
                let function = self.tree.function(func);
                if self.tree.file_of(func) == file && function.kind == FunctionKind::Function {
                    found.add(Object::Function(func));
                }
            }
        }
        found
    }

    /// Whether a dynamic linker finds the function by its name.
    pub(super) fn is_symbol(&self, func: FuncId) -> bool {
        let function = self.tree.function(func);
        match self.tree.language(func) {
            Language::C => function.kind == FunctionKind::Function && function.visibility == Visibility::Public,
            Language::Rust => self.exports_symbol(func),
            Language::Python => false,
        }
    }

    fn exports_symbol(&self, func: FuncId) -> bool {
        self.tree.function(func).attributes.iter().any(exports)
    }

    fn rust_global(&self, file: FileId, name: &str) -> Objects {
        // A bare name that is neither imported nor defined here: a symbol of C (`extern "C"`), a glob import, or the prelude.
        if let Some(symbol) = self.declared_symbol(file, name) {
            return self.rust_symbol(file, symbol);
        }
        for import in self.tree.file(file).imports.iter().filter(|import| import.star) {
            let path = format!("{}::{name}", import.path);
            if self.known(Language::Rust, &path) {
                return Objects::one(Object::external(&path));
            }
            let mut found = self.rust_in_tree(file, &path, 0);
            if found.is_empty() {
                found = self.symbol_by_path(file, &path);
            }
            if !found.is_empty() {
                return found;
            }
        }
        Objects::one(Object::external(&in_full(name)))
    }

    /// What a symbol of C that a Rust file declares means.
    fn rust_symbol(&self, file: FileId, symbol: &str) -> Objects {
        let defined = self.defined_in_c(file, symbol);
        match defined.is_empty() {
            true => Objects::one(Object::external(&format!("{SYMBOL}{symbol}"))),
            false => defined,
        }
    }

    /// `crate::ffi::system` where that module declares the symbol.
    fn symbol_by_path(&self, file: FileId, path: &str) -> Objects {
        let declared = self.files_of_module(file, path).into_iter().find_map(|id| {
            let symbol = self.declared_symbol(id, last_segment(path))?;
            Some(self.rust_symbol(id, symbol))
        });
        declared.unwrap_or_default()
    }

    /// The files of the modules of the tree in which the last name of a Rust path stands.
    fn files_of_module(&self, file: FileId, path: &str) -> Vec<FileId> {
        let places = self.rust_places(file, path);
        let modules = places
            .iter()
            .filter_map(|(root, inner)| Some((root, inner.rsplit_once("::")?.0)));
        modules
            .flat_map(|(root, module)| self.rust_module_files(root, module))
            .copied()
            .collect()
    }

    /// The symbol of C that a file declares under a name (`#[link_name]` may make it another).
    fn declared_symbol(&self, file: FileId, name: &str) -> Option<&str> {
        let declares = |func: &FuncId| {
            self.tree.file_of(*func) == file && self.tree.function(*func).kind == FunctionKind::Declaration
        };
        let declared = self.named(name).find(declares)?;
        Some(self.tree.function(declared).qualified.as_str())
    }

    fn rust_path(&self, file: FileId, path: &str) -> Objects {
        let path = &*in_full(path);
        if self.known(Language::Rust, path) {
            return Objects::one(Object::external(path));
        }
        let mut found = self.rust_in_tree(file, path, 0);
        if found.is_empty() {
            found = match path.starts_with("crate::") {
                true => self.symbol_by_path(file, path),
                false => self.rust_through_globs(file, path, 0),
            };
        }
        if found.is_empty() {
            Objects::one(Object::external(path))
        } else {
            found
        }
    }

    /// `a::b` where `a` came with `use super::*` from another file's own `use`, or is a module below the one that is meant.
    fn rust_through_globs(&self, file: FileId, path: &str, depth: u32) -> Objects {
        let mut found = Objects::default();
        let first = path.split_once("::").map_or(path, |(first, _)| first);
        if depth > 3 || matches!(first, "std" | "core" | "alloc") {
            return found;
        }
        for import in self.tree.file(file).imports.iter().filter(|import| import.star) {
            found.add_all(self.rust_in_tree(file, &format!("{}::{path}", import.path), 0));
            for id in self.files_of_module(file, &format!("{}::{first}", import.path)) {
                if !found.is_empty() {
                    return found;
                }
                if id == file {
                    continue;
                }
                let named = |import: &&Import| import.name.as_deref() == Some(first);
                for import in self.tree.file(id).imports.iter().filter(named) {
                    let target = format!("{}{}", import.path, &path[first.len()..]);
                    match self.known(Language::Rust, &target) {
                        true => found.add(Object::external(&target)),
                        false => found.add_all(self.rust_in_tree(id, &target, 0)),
                    }
                }
                if found.is_empty() {
                    found.add_all(self.rust_through_globs(id, path, depth + 1));
                }
            }
            if !found.is_empty() {
                break;
            }
        }
        found
    }

    /// Looks a Rust path up in the crates of the tree, through re-exports.
    pub(super) fn rust_in_tree(&self, file: FileId, path: &str, depth: u32) -> Objects {
        let mut found = Objects::default();
        if depth > 6 {
            return found;
        }
        for place in self.rust_places(file, path) {
            let place = Rc::new(place);
            found.add_all(self.rust_items_at(&place));
            if found.is_empty() {
                found.add_all(self.rust_others_at(&place, depth));
            }
        }
        found
    }

    /// The functions and types that are defined under a path.
    fn rust_items_at(&self, place: &RustPlace) -> Objects {
        if let Some(known) = self.rust_items.borrow().get(place) {
            return known.clone();
        }
        let (root, inner) = &**place;
        let mut found = Objects::default();
        let name = last_segment(inner);
        for func in self.named(name) {
            let function = self.tree.function(func);
            let home = &self.tree.file(self.tree.file_of(func)).path;
            if function.qualified == *inner && crate_root(home) == root && home.ends_with(".rs") {
                found.add(Object::Function(func));
            }
        }
        for class in self.tree.classes_by_name.get(name).into_iter().flatten() {
            let entry = &self.tree.classes[class.0 as usize];
            let home = &self.tree.file(entry.file).path;
            if entry.name == *inner.as_str() && entry.kind != TypeKind::Impl && crate_root(home) == root {
                found.add(Object::Class(*class));
            }
        }
        self.rust_items.borrow_mut().insert(Rc::clone(place), found.clone());
        found
    }

    /// What a path leads to under which nothing is defined: what a static holds, and what is exported again.
    fn rust_others_at(&self, place: &RustPlace, depth: u32) -> Objects {
        let key = (Rc::clone(place), depth);
        if let Some(known) = self.rust_others.borrow().get(&key) {
            return known.clone();
        }
        let (found, standing) = self.answers.find(|| {
            let (root, inner) = &**place;
            let mut found = self.rust_static(root, inner);
            if found.is_empty() {
                found = self.rust_reexport(root, inner, depth);
            }
            if found.is_empty() {
                found = self.rust_variant(root, inner);
            }
            found
        });
        if standing.whole {
            self.rust_others.borrow_mut().insert(key, found.clone());
        }
        found
    }

    /// A variant of an enum stands for the enum: `crate::Mode::Dry`.
    fn rust_variant(&self, root: &str, inner: &str) -> Objects {
        let Some((ty, name)) = inner.rsplit_once("::") else {
            return Objects::default();
        };
        let mut found = Objects::default();
        if is_variant_name(name) {
            let items = self.rust_items_at(&Rc::new((root.to_owned(), ty.to_owned())));
            let types = items.iter().filter(|object| matches!(object, Object::Class(_)));
            types.for_each(|class| found.add(class.clone()));
        }
        found
    }

    /// The packages of the tree that a Rust path may lead into, each with the path from its `crate`.
    pub(super) fn rust_places(&self, file: FileId, path: &str) -> Vec<(String, String)> {
        let own = crate_root(&self.tree.file(file).path);
        let (roots, inner) = match path.split_once("::") {
            Some(("crate", _)) => (vec![own.to_owned()], path.to_owned()),
            Some((first, rest)) => (self.crates_named(file, first), format!("crate::{rest}")),
            None => return Vec::new(),
        };
        let mut places: Vec<(String, String)> = roots.into_iter().map(|root| (root, inner.clone())).collect();
        places.extend(self.beside_target(own, &inner));
        places
    }

    /// `crate::X` where another file says `pub use a::X` or `pub use a::*` in that module.
    fn rust_reexport(&self, root: &str, inner: &str, depth: u32) -> Objects {
        let mut found = Objects::default();
        let Some((module, name)) = inner.rsplit_once("::") else {
            return found;
        };
        for &id in self.rust_module_files(root, module) {
            for import in self.tree.file(id).imports.iter().filter(|import| import.path != *inner) {
                let target = if import.star && self.hides(root, &import.path, name, id) {
                    continue;
                } else if import.star {
                    format!("{}::{name}", import.path)
                } else if import.name.as_deref() == Some(name) {
                    import.path.to_string()
                } else {
                    continue;
                };
                if self.known(Language::Rust, &target) {
                    found.add(Object::external(&target));
                } else if target != inner {
                    found.add_all(self.rust_in_tree(id, &target, depth + 1));
                }
            }
        }
        if found.is_empty()
            && let Some((outer, member)) = inner.rsplit_once("::")
            && outer.contains("::")
            && depth < 3
        {
            // An associated function or constant of a re-exported type: `crate::Type::new`. Or a variant of it.
            for object in self.rust_reexport(root, outer, depth + 1).iter() {
                let constant = self.associated_constant(object, member);
                if !constant.is_empty() {
                    found.add_all(constant);
                    continue;
                }
                match matches!(object, Object::Class(_)) && is_variant_name(member) {
                    true => found.add(object.clone()),
                    false => found.add_all(self.member(object, member)),
                }
            }
            if found.is_empty() {
                found.add_all(self.in_renamed_module(root, outer, member, depth));
            }
        }
        found
    }

    /// What a constant is that a type has: `impl Names { pub const LEVEL: &str = …; }`.
    fn associated_constant(&self, object: &Object, name: &str) -> Objects {
        let Object::Class(class) = object else {
            return Objects::default();
        };
        let entry = &self.tree.classes[class.0 as usize];
        let root = crate_root(&self.tree.file(entry.file).path);
        self.rust_static(root, &format!("{}::{name}", entry.name))
    }

    /// Whether a module has a name by a private `use` alone, which `use module::*` in another file brings along only below the module
    /// itself (Rust reference, Use declarations, Glob imports).
    fn hides(&self, root: &str, module: &str, name: &str, from: FileId) -> bool {
        let inside = &self.tree.file(from).module;
        let is_below = inside
            .strip_prefix(module)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        let mut files = self.rust_module_files(root, module).iter();
        !is_below
            && files.any(|file| {
                let mut imports = self.tree.file(*file).imports.iter();
                imports.any(|import| !import.exported && import.name.as_deref() == Some(name))
            })
    }

    /// `crate::a::X` where `a` is another module by that name: `pub use b as a;`, `#[path = "c.rs"] mod a;`.
    fn in_renamed_module(&self, root: &str, module: &str, member: &str, depth: u32) -> Objects {
        let mut found = Objects::default();
        let Some((outer, name)) = module.rsplit_once("::") else {
            return found;
        };
        for &id in self.rust_module_files(root, outer) {
            let named = |import: &&Import| import.name.as_deref() == Some(name) && import.path != module;
            for import in self.tree.file(id).imports.iter().filter(named) {
                let target = match import.path.strip_prefix("file:") {
                    Some(path) => self.module_at(id, path),
                    None => Some(import.path.to_string()),
                };
                if let Some(target) = target {
                    found.add_all(self.rust_in_tree(id, &format!("{target}::{member}"), depth + 1));
                }
            }
        }
        found
    }

    /// The root files of the crates that a Rust file is compiled into, by the `mod` items that lead to it. One that no
    /// `mod` of the tree names is the library's if it lies in `src` (a macro may hold the `mod`), else a crate of its own.
    pub(super) fn binaries_of(&self, file: FileId) -> Vec<FileId> {
        let mut roots = Vec::new();
        for top in self.tops_of(file) {
            roots.push(self.library_of(top).unwrap_or(top));
        }
        roots
    }

    /// The files to which the `mod` items lead back from a Rust file, and that none of the tree names.
    pub(super) fn tops_of(&self, file: FileId) -> Vec<FileId> {
        let mut tops = Vec::new();
        let mut seen = vec![file];
        let mut next = 0;
        while let Some(current) = seen.get(next).copied() {
            next += 1;
            let parents = self.parents.get(&current).cloned().unwrap_or_default();
            if parents.is_empty() {
                tops.push(current);
            }
            for parent in parents {
                if !seen.contains(&parent) {
                    seen.push(parent);
                }
            }
        }
        tops
    }

    fn library_of(&self, file: FileId) -> Option<FileId> {
        let facts = self.tree.file(file);
        let root = crate_root(&facts.path);
        if facts.module == "crate" || !facts.path.contains("src/") {
            return None;
        }
        let mains = self.rust_module_files(root, "crate");
        let library = |id: &&FileId| self.tree.file(**id).path.ends_with("src/lib.rs");
        mains.iter().find(library).or(mains.first()).copied()
    }

    /// The files whose `mod` items name each Rust file.
    pub(super) fn module_parents(&self) -> FxHashMap<FileId, Vec<FileId>> {
        let mut found: FxHashMap<FileId, Vec<FileId>> = FxHashMap::default();
        for file in self.tree.file_ids() {
            let facts = self.tree.file(file);
            if facts.language != Language::Rust {
                continue;
            }
            for import in facts.imports.iter().filter(|import| !import.star) {
                let path = import.path.strip_prefix("test:").unwrap_or(&import.path);
                let target = match path.strip_prefix("file:") {
                    Some(place) => self.file_at(file, place).into_iter().collect(),
                    // A `use` of a module of one's own says no more than its `mod`.
                    None if path.starts_with(facts.module.as_str()) => self.modules_named(file, path),
                    None => Vec::new(),
                };
                for child in target.into_iter().filter(|child| *child != file) {
                    let parents = found.entry(child).or_default();
                    if !parents.contains(&file) {
                        parents.push(file);
                    }
                }
            }
        }
        found
    }

    /// The files that a module of a file may be, by where they lie.
    fn modules_named(&self, file: FileId, module: &str) -> Vec<FileId> {
        let root = crate_root(&self.tree.file(file).path);
        let mut found = self.rust_module_files(root, module).to_vec();
        for (root, module) in self.beside_target(root, module) {
            found.extend(self.rust_module_files(&root, &module));
        }
        if found.is_empty() {
            // A crate's root outside of Cargo's layout: its modules lie beside it.
            let name = last_segment(module);
            let places = [format!("{name}.rs"), format!("{name}/mod.rs")];
            found.extend(places.iter().filter_map(|place| self.file_at(file, place)));
        }
        found
    }

    /// Where else the modules of a test, an example or a bench lie (Cargo's package layout): those of `tests/a.rs` in the folder
    /// of all targets, `tests/common/mod.rs` or `tests/common.rs`, where they name each other too; those of `tests/it/main.rs` in its
    /// own, which by their path alone would be `crate::it`'s.
    fn beside_target(&self, own: &str, inner: &str) -> Vec<(String, String)> {
        let Some(below) = inner.strip_prefix("crate::") else {
            return Vec::new();
        };
        let (folder, target) = own.rsplit_once('/').unwrap_or(("", own));
        if !matches!(last_component(folder), "tests" | "examples" | "benches") {
            return Vec::new();
        }
        let mut places = Vec::new();
        if !target.ends_with(".rs") {
            places.push((own.to_owned(), format!("crate::{target}::{below}")));
            if self.is_file(&format!("{own}/main.rs")) {
                return places;
            }
        }
        let (module, rest) = match below.split_once("::") {
            Some((module, rest)) => (module, format!("crate::{rest}")),
            None => (below, "crate".to_owned()),
        };
        places.push((join(folder, module), inner.to_owned()));
        places.push((join(folder, &format!("{module}.rs")), rest));
        places
    }

    /// Whether the tree has a file at a path.
    fn is_file(&self, path: &str) -> bool {
        let named = self.tree.files_by_basename.get(last_component(path));
        named.into_iter().flatten().any(|id| self.tree.file(*id).path == path)
    }

    /// The files of modules that some `mod` compiles away and none compiles in, with the modules below them.
    pub(super) fn unreached_modules(&self) -> FxHashSet<FileId> {
        let mut off: Vec<(String, String)> = Vec::new();
        let mut on: Vec<(String, String)> = Vec::new();
        for file in self.tree.file_ids() {
            let facts = self.tree.file(file);
            if facts.language != Language::Rust {
                continue;
            }
            let root = crate_root(&facts.path);
            for import in facts.imports.iter().filter(|import| import.name.is_some()) {
                let (path, list) = match import.path.strip_prefix("unreached:") {
                    Some(path) => (path, &mut off),
                    None => (import.path.as_str(), &mut on),
                };
                let module = match path.strip_prefix("file:") {
                    Some(place) => self.module_at(file, place),
                    None => Some(path.to_owned()),
                };
                list.extend(module.map(|module| (root.to_owned(), module)));
            }
        }
        off.retain(|module| !on.contains(module));
        let mut found = FxHashSet::default();
        let modules = self
            .rust_modules
            .iter()
            .flat_map(|(root, modules)| modules.iter().map(move |(module, files)| (root, module, files)));
        for (root, module, files) in modules {
            let below = |(home, name): &(String, String)| {
                home == root
                    && module
                        .strip_prefix(name.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            };
            if off.iter().any(below) {
                found.extend(files.iter().copied());
            }
        }
        found
    }

    /// The module path of the file at a path that `#[path]` gives.
    fn module_at(&self, file: FileId, path: &str) -> Option<String> {
        Some(self.tree.file(self.file_at(file, path)?).module.clone())
    }

    /// The file at a path that `#[path]` gives, which counts from the folder of the file it stands in.
    fn file_at(&self, file: FileId, path: &str) -> Option<FileId> {
        let mut parts: Vec<&str> = folder_of(&self.tree.file(file).path).split('/').collect();
        parts.retain(|part| !part.is_empty());
        for part in path.split('/') {
            match part {
                "." | "" => {}
                ".." => {
                    parts.pop()?;
                }
                name => parts.push(name),
            }
        }
        let wanted = parts.join("/");
        let candidates = self.tree.files_by_basename.get(*parts.last()?)?;
        candidates.iter().copied().find(|id| self.tree.file(*id).path == wanted)
    }

    pub(super) fn rust_module_files(&self, root: &str, module: &str) -> &[FileId] {
        let modules = self.rust_modules.get(root);
        modules
            .and_then(|modules| modules.get(module))
            .map_or(&[], Vec::as_slice)
    }

    /// The package folders that a crate name can mean: a folder of that name (dashes as underscores), or, in a
    /// package's own tests and binaries, the package itself.
    fn crates_named(&self, file: FileId, name: &str) -> Vec<String> {
        let path = &self.tree.file(file).path;
        // Two packages of one name in one tree are of two workspaces: the nearest is meant.
        let known = self
            .crates
            .get(name)
            .or_else(|| self.crates.get(self.folder_of_crate(name)?));
        let mut found = known.cloned().unwrap_or_default();
        let near = |root: &String| common_components(root, path);
        let nearest = found.iter().map(near).max();
        found.retain(|root| Some(near(root)) == nearest);
        if !found.is_empty() || matches!(name, "std" | "core" | "alloc") {
            return found;
        }
        let own = crate_root(path);
        for own_kind in ["/tests/", "/examples/", "/benches/", "/src/", "/build.rs"] {
            let marked = format!("/{own}");
            if let Some(at) = marked.rfind(own_kind) {
                found.push(marked[..at].trim_start_matches('/').to_owned());
                return found;
            }
        }
        // `src/main.rs` beside `src/lib.rs` names the library by the package's name.
        if path.ends_with("src/main.rs") && self.has_library(own) {
            found.push(own.to_owned());
        }
        found
    }

    /// The folder of a package that is called after its workspace as well: `tool_utils` lies in `crates/utils`. Manifests are not
    /// read, so the longest name of a folder with which the crate's ends is taken.
    fn folder_of_crate(&self, name: &str) -> Option<&str> {
        let mut ends = name.match_indices('_').map(|(at, _)| &name[at + 1..]);
        let (folder, _) = ends.find_map(|end| self.crates.get_key_value(end))?;
        Some(folder)
    }

    fn has_library(&self, root: &str) -> bool {
        let files = self.rust_module_files(root, "crate");
        files.iter().any(|id| self.tree.file(*id).path.ends_with("src/lib.rs"))
    }
}

/// Whether an attribute of a Rust function exports it by a symbol.
pub(super) fn exports(attribute: &Attribute) -> bool {
    super::tree::value_name(&attribute.value).is_some_and(|name| name == "no_mangle" || name == "export_name")
}

/// The last part of a path: a file's name, or a folder's.
pub(super) fn last_component(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path that begins with a name of Rust's prelude (std::prelude::v1), in full.
fn in_full(path: &str) -> std::borrow::Cow<'_, str> {
    const PRELUDE: [(&str, &str); 12] = [
        ("Box", "std::boxed::Box"),
        ("Vec", "std::vec::Vec"),
        ("String", "std::string::String"),
        ("Option", "std::option::Option"),
        ("Result", "std::result::Result"),
        ("Some", "std::option::Option::Some"),
        ("Ok", "std::result::Result::Ok"),
        ("Err", "std::result::Result::Err"),
        ("Default", "std::default::Default"),
        ("Drop", "std::ops::Drop"),
        ("Iterator", "std::iter::Iterator"),
        ("drop", "std::mem::drop"),
    ];
    let (first, rest) = match path.split_once("::") {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    match (PRELUDE.iter().find(|(name, _)| *name == first), rest) {
        (Some((_, full)), Some(rest)) => format!("{full}::{rest}").into(),
        (Some((_, full)), None) => (*full).into(),
        (None, _) => path.into(),
    }
}

/// The folder of a path, empty at the top.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(super) fn join(folder: &str, rest: &str) -> String {
    if folder.is_empty() {
        rest.to_owned()
    } else {
        format!("{folder}/{rest}")
    }
}

/// What stands before a trailing run of path components.
fn strip_path_suffix<'p>(path: &'p str, suffix: &str) -> Option<&'p str> {
    let head = path.strip_suffix(suffix)?;
    if head.is_empty() {
        Some("")
    } else {
        head.strip_suffix('/')
    }
}

/// How many leading folders two paths share.
pub(super) fn common_components(folder: &str, other: &str) -> usize {
    if folder.is_empty() {
        return 0;
    }
    folder
        .split('/')
        .zip(other.split('/'))
        .take_while(|(a, b)| a == b)
        .count()
}

/// Whether a file lies in a folder of tests or is named after what it pretends to be: `tests/filemock.c`.
fn is_of_tests(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut folders = folders.split('/');
    let is_mock = name
        .strip_suffix(".c")
        .is_some_and(|name| name.ends_with("mock") || name.starts_with("mock_"));
    is_mock
        || folders.any(|folder| {
            matches!(
                folder,
                "test" | "tests" | "testing" | "testsuite" | "unittests" | "mock" | "mocks" | "fuzz" | "fuzzing"
            )
        })
}

/// Whether a file's path says that it is compiled on Windows only: `port/win32/signal.c`, `env_windows.c`.
fn is_of_windows(path: &str) -> bool {
    let mut words = path.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| {
        ["win32", "win64", "windows", "winnt", "w32", "mingw", "msvc"]
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name))
    })
}

/// Whether a name is a variant's or a type's: constants are written in capitals (RFC 430).
fn is_variant_name(name: &str) -> bool {
    let is_constant = name.len() > 1 && !name.contains(char::is_lowercase);
    name.starts_with(char::is_uppercase) && !is_constant
}
