//! Names: which absolute path a name means inside its module, block or `impl`.
//!
//! A [`Scope`] is a module of the file or a block that holds items. Names of items and of `use` declarations are
//! collected before anything is lowered, since Rust lets them be used above their definition.

use std::collections::HashMap;

use syn::{Item, UseTree};

/// Index of a [`Scope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ScopeIndex(pub usize);

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// An absolute path.
    Path(String),
    /// A foreign function or static, by its link name.
    Link(String),
}

/// A `use` that is not resolved yet.
#[derive(Debug, Clone)]
struct Pending {
    segments: Vec<String>,
    leading_colon: bool,
}

/// A module, or a block that holds items.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// The absolute path in front of the names of its items.
    pub path: String,
    /// The module itself for a module, the module around it for a block.
    pub module: usize,
    /// The scope around a block. A module has none: nothing is inherited.
    around: Option<usize>,
    types: HashMap<String, Target>,
    values: HashMap<String, Target>,
    macros: HashMap<String, String>,
    uses: HashMap<String, Pending>,
    globs: Vec<Pending>,
    /// Where the globs lead, once [`Scopes::finish`] has looked.
    glob_paths: Vec<String>,
}

/// All scopes of a file.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    scopes: Vec<Scope>,
    by_path: HashMap<String, usize>,
    /// Variants of the file's enums, by the enum's path.
    variants: HashMap<String, Vec<String>>,
}

/// How deep one `use` may lead to another; cycles exist in code that is not finished.
const CHAIN_LIMIT: usize = 12;

/// The identifiers of a path, generic arguments left out, `r#` removed.
pub(super) fn path_segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| plain(&segment.ident)).collect()
}

/// An identifier without its `r#`.
pub(super) fn plain(ident: &syn::Ident) -> String {
    let text = ident.to_string();
    match text.strip_prefix("r#") {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// `a::b` of two parts.
pub(super) fn join(path: &str, name: &str) -> String {
    format!("{path}::{name}")
}

/// One name that a `use` declaration binds.
#[derive(Debug, Clone)]
pub(super) struct Used {
    pub segments: Vec<String>,
    /// `None` for a glob; `_` where it is bound to no name.
    pub name: Option<String>,
    pub span: proc_macro2::Span,
}

/// Flattens a `use` tree.
pub(super) fn flatten(tree: &UseTree) -> Vec<Used> {
    let mut found = Vec::new();
    flatten_into(tree, &mut Vec::new(), &mut found);
    found
}

fn flatten_into(tree: &UseTree, prefix: &mut Vec<String>, found: &mut Vec<Used>) {
    let mut add = |prefix: &[String], last: &syn::Ident, name: String| {
        let mut segments = prefix.to_vec();
        let last_name = plain(last);
        let is_self = last_name == "self" && !segments.is_empty();
        if !is_self {
            segments.push(last_name);
        }
        let name = if is_self && name == "self" {
            segments.last().cloned().unwrap_or(name)
        } else {
            name
        };
        found.push(Used {
            segments,
            name: Some(name),
            span: last.span(),
        });
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(plain(&path.ident));
            flatten_into(&path.tree, prefix, found);
            prefix.pop();
        }
        UseTree::Name(name) => add(prefix, &name.ident, plain(&name.ident)),
        UseTree::Rename(rename) => add(prefix, &rename.ident, plain(&rename.rename)),
        UseTree::Glob(glob) => found.push(Used {
            segments: prefix.clone(),
            name: None,
            span: glob.star_token.spans[0],
        }),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten_into(tree, prefix, found);
            }
        }
    }
}

impl Scopes {
    /// Adds a module with the path `path`.
    pub(super) fn add_module(&mut self, path: String) -> ScopeIndex {
        let index = self.scopes.len();
        self.by_path.insert(path.clone(), index);
        self.scopes.push(Scope {
            path,
            module: index,
            ..Scope::default()
        });
        ScopeIndex(index)
    }

    /// Adds a block inside `around`, whose items get `path` in front.
    pub(super) fn add_block(&mut self, path: String, around: ScopeIndex) -> ScopeIndex {
        let index = self.scopes.len();
        self.scopes.push(Scope {
            path,
            module: self.scopes[around.0].module,
            around: Some(around.0),
            ..Scope::default()
        });
        ScopeIndex(index)
    }

    /// The scope at `index`.
    pub(super) fn get(&self, index: ScopeIndex) -> &Scope {
        &self.scopes[index.0]
    }

    /// The module of the file with this path.
    pub(super) fn module(&self, path: &str) -> Option<ScopeIndex> {
        self.by_path.get(path).copied().map(ScopeIndex)
    }

    /// The path of the module that `index` is or lies in.
    pub(super) fn module_path(&self, index: ScopeIndex) -> &str {
        &self.scopes[self.scopes[index.0].module].path
    }

    /// Makes the name of `item` known in `scope`, and those of the modules inside. The caller leaves out what is
    /// configured away.
    pub(super) fn declare(&mut self, scope: ScopeIndex, item: &Item) {
        let path = self.scopes[scope.0].path.clone();
        let here = |ident: &syn::Ident| (plain(ident), Target::Path(join(&path, &plain(ident))));
        let scope_of = &mut self.scopes[scope.0];
        match item {
            Item::Const(item) => scope_of.values.extend([here(&item.ident)]),
            Item::Static(item) => scope_of.values.extend([here(&item.ident)]),
            Item::Fn(item) => scope_of.values.extend([here(&item.sig.ident)]),
            Item::Struct(item) => scope_of.types.extend([here(&item.ident)]),
            Item::Union(item) => scope_of.types.extend([here(&item.ident)]),
            Item::Type(item) => scope_of.types.extend([here(&item.ident)]),
            Item::Trait(item) => scope_of.types.extend([here(&item.ident)]),
            Item::TraitAlias(item) => scope_of.types.extend([here(&item.ident)]),
            Item::Enum(item) => {
                scope_of.types.extend([here(&item.ident)]);
                let variants = item.variants.iter().map(|variant| plain(&variant.ident)).collect();
                self.variants.insert(join(&path, &plain(&item.ident)), variants);
            }
            Item::Mod(item) => scope_of.types.extend([here(&item.ident)]),
            Item::ExternCrate(item) => {
                let name = item.rename.as_ref().map_or(&item.ident, |(_, rename)| rename);
                if plain(&item.ident) != "self" {
                    let target = Target::Path(plain(&item.ident));
                    scope_of.types.insert(plain(name), target);
                }
            }
            Item::Macro(item) => {
                if let Some(name) = &item.ident {
                    let name = plain(name);
                    let exported = item.attrs.iter().any(|a| a.path().is_ident("macro_export"));
                    let full = join(if exported { "crate" } else { &path }, &format!("{name}!"));
                    scope_of.macros.insert(name, full);
                }
            }
            Item::ForeignMod(block) => {
                for item in &block.items {
                    if let Some((name, link)) = super::items::link_name(item) {
                        scope_of.values.insert(name, Target::Link(link));
                    }
                }
            }
            Item::Use(item) => self.declare_use(scope, item),
            _ => {}
        }
    }

    fn declare_use(&mut self, scope: ScopeIndex, item: &syn::ItemUse) {
        let scope = &mut self.scopes[scope.0];
        for used in flatten(&item.tree) {
            let pending = Pending {
                segments: used.segments,
                leading_colon: item.leading_colon.is_some(),
            };
            match used.name {
                None => scope.globs.push(pending),
                Some(name) if name == "_" => {}
                Some(name) => drop(scope.uses.insert(name, pending)),
            }
        }
    }

    /// Resolves the globs of `scope`, after everything has been declared. Done once, since a name that nobody defines
    /// is looked for through all of them.
    pub(super) fn finish(&mut self, scope: ScopeIndex) {
        let globs = &self.scopes[scope.0].globs;
        let paths: Vec<String> = globs
            .iter()
            .map(|glob| self.pending_path(scope.0, &glob.segments, glob.leading_colon, 0))
            .filter(|path| self.by_path.contains_key(path) || self.variants.contains_key(path))
            .collect();
        self.scopes[scope.0].glob_paths = paths;
    }

    /// The absolute path of what `segments` names, written in `scope` by a `use` (where a first name that is unknown is
    /// a crate).
    pub(super) fn use_path(&self, scope: ScopeIndex, segments: &[String], leading_colon: bool) -> String {
        self.pending_path(scope.0, segments, leading_colon, 0)
    }

    fn pending_path(&self, scope: usize, segments: &[String], leading_colon: bool, depth: usize) -> String {
        let Some(first) = segments.first() else {
            return String::new();
        };
        if leading_colon || depth > CHAIN_LIMIT {
            return segments.join("::");
        }
        if let Some((base, used)) = self.relative(scope, segments) {
            return self.walk(base, &segments[used..], depth);
        }
        // `use foo::foo` or `use rand::rand`: the name that the declaration itself binds is not its own first segment.
        let own = |pending: &Pending| pending.segments == segments;
        let target = self.lookup_type(scope, first, depth + 1, &own);
        match target {
            Some(Target::Path(path)) => self.walk(path, &segments[1..], depth),
            _ => segments.join("::"),
        }
    }

    /// `crate`, `self` and `super` in front: the path that they mean and how many segments they are.
    fn relative(&self, scope: usize, segments: &[String]) -> Option<(String, usize)> {
        let module = &self.scopes[self.scopes[scope].module].path;
        let mut path = match segments.first()?.as_str() {
            "crate" | "$crate" => return Some(("crate".to_owned(), 1)),
            "self" | "super" => module.clone(),
            _ => return None,
        };
        let mut used = usize::from(segments[0] == "self");
        while segments.get(used).is_some_and(|segment| segment == "super") {
            path = path.rsplit_once("::").map_or("crate", |(parent, _)| parent).to_owned();
            used += 1;
        }
        Some((path, used))
    }

    /// Follows `rest` from `path`, through the re-exports of this file's own modules.
    fn walk(&self, mut path: String, rest: &[String], depth: usize) -> String {
        for segment in rest {
            let reexport = self
                .by_path
                .get(&path)
                .filter(|_| depth < CHAIN_LIMIT)
                .and_then(|module| self.lookup_member(*module, segment, depth + 1));
            path = match reexport {
                Some(Target::Path(target)) => target,
                _ => join(&path, segment),
            };
        }
        path
    }

    /// What `name` is as a member of the module `module`, for `module::name`.
    fn lookup_member(&self, module: usize, name: &str, depth: usize) -> Option<Target> {
        if depth > CHAIN_LIMIT {
            return None;
        }
        let scope = &self.scopes[module];
        scope
            .values
            .get(name)
            .or_else(|| scope.types.get(name))
            .cloned()
            .or_else(|| self.used(module, name, depth, &|_| false))
            .or_else(|| self.through_globs(module, name, depth))
    }

    fn used(&self, scope: usize, name: &str, depth: usize, except: &dyn Fn(&Pending) -> bool) -> Option<Target> {
        let pending = self.scopes[scope].uses.get(name).filter(|pending| !except(pending))?;
        let path = self.pending_path(scope, &pending.segments, pending.leading_colon, depth + 1);
        Some(self.foreign(&path).unwrap_or(Target::Path(path)))
    }

    /// A path that leads to a foreign function of this file.
    fn foreign(&self, path: &str) -> Option<Target> {
        let (module, name) = path.rsplit_once("::")?;
        let scope = &self.scopes[*self.by_path.get(module)?];
        scope
            .values
            .get(name)
            .filter(|target| matches!(target, Target::Link(_)))
            .cloned()
    }

    /// Looks through `use m::*` where `m` is a module or enum of this very file.
    fn through_globs(&self, scope: usize, name: &str, depth: usize) -> Option<Target> {
        if depth > CHAIN_LIMIT {
            return None;
        }
        self.scopes[scope].glob_paths.iter().find_map(|path| {
            if let Some(module) = self.by_path.get(path).filter(|module| **module != scope) {
                return self.lookup_member(*module, name, depth + 4);
            }
            let variants = self.variants.get(path)?;
            variants
                .iter()
                .any(|variant| variant == name)
                .then(|| Target::Path(join(path, name)))
        })
    }

    fn lookup_type(&self, scope: usize, name: &str, depth: usize, except: &dyn Fn(&Pending) -> bool) -> Option<Target> {
        let mut at = Some(scope);
        while let Some(index) = at {
            let scope = &self.scopes[index];
            let found = scope
                .types
                .get(name)
                .cloned()
                .or_else(|| self.used(index, name, depth, except))
                .or_else(|| self.through_globs(index, name, depth));
            if found.is_some() {
                return found;
            }
            at = scope.around;
        }
        None
    }

    /// What the single name `name` means as a type, module or trait.
    pub(super) fn type_named(&self, scope: ScopeIndex, name: &str) -> Option<Target> {
        self.lookup_type(scope.0, name, 0, &|_| false)
    }

    /// What the single name `name` means as a value: function, constant, static, constructor.
    pub(super) fn value_named(&self, scope: ScopeIndex, name: &str) -> Option<Target> {
        let mut at = Some(scope.0);
        while let Some(index) = at {
            let scope = &self.scopes[index];
            let found = scope
                .values
                .get(name)
                .or_else(|| scope.types.get(name))
                .cloned()
                .or_else(|| self.used(index, name, 0, &|_| false))
                .or_else(|| self.through_globs(index, name, 0));
            if found.is_some() {
                return found;
            }
            at = scope.around;
        }
        None
    }

    /// The path of the macro `name!`, where this file defines or imports it.
    pub(super) fn macro_named(&self, scope: ScopeIndex, name: &str) -> Option<String> {
        let mut at = Some(scope.0);
        while let Some(index) = at {
            let scope = &self.scopes[index];
            if let Some(path) = scope.macros.get(name) {
                return Some(path.clone());
            }
            if let Some(Target::Path(path)) = self.used(index, name, 0, &|_| false) {
                return Some(format!("{path}!"));
            }
            at = scope.around;
        }
        // Macros are in scope by text, not by module: what the file's first module defines reaches the inner ones.
        self.scopes.iter().find_map(|scope| scope.macros.get(name)).cloned()
    }

    /// The absolute path of a path expression or type with at least one segment, where its first name is known.
    /// `Foreign` items come as their link name.
    pub(super) fn resolve(&self, scope: ScopeIndex, segments: &[String], leading_colon: bool) -> Option<Target> {
        if leading_colon {
            return Some(Target::Path(segments.join("::")));
        }
        if let Some((base, used)) = self.relative(scope.0, segments) {
            let path = self.walk(base, &segments[used..], 0);
            return Some(self.foreign(&path).unwrap_or(Target::Path(path)));
        }
        let first = segments.first()?;
        match self.type_named(scope, first)? {
            Target::Path(path) => {
                let path = self.walk(path, &segments[1..], 0);
                Some(self.foreign(&path).unwrap_or(Target::Path(path)))
            }
            link => Some(link),
        }
    }
}
