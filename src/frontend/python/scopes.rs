//! Which names a scope binds, and how, before any of its code is read.
//!
//! Python decides by the whole body of a function which names are local to it, so this must come first. Nested
//! functions, lambdas and classes have scopes of their own; comprehensions are left to the expressions, which make
//! their variables as they meet them.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{ExceptHandler, Expr, Pattern, Stmt, StmtImport, StmtImportFrom, StmtTry};
use std::collections::HashMap;

/// How a name is bound in a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binding {
    /// Assigned, looped over, defined by `def`, deleted, and so on.
    Assigned,
    /// Bound by a `class` statement.
    Class,
    /// Imported: the absolute path, or the relative one with its dots.
    Import(String),
    Global,
    Nonlocal,
}

/// The names that a scope binds, in order of appearance; a name may appear several times.
#[derive(Debug, Default)]
pub(super) struct Bindings<'a> {
    pub found: Vec<(&'a str, Binding)>,
    /// What functions below declare `global`, with how they bind it.
    pub declared_global: Vec<(&'a str, Binding)>,
    /// `from m import *` stands in it.
    pub star: bool,
}

/// Names that an import statement binds: the name, and the path that it stands for.
pub(super) fn imported(statement: &StmtImport) -> impl Iterator<Item = (&str, String)> {
    statement.names.iter().map(|alias| match &alias.asname {
        Some(name) => (name.as_str(), alias.name.to_string()),
        None => {
            let first = alias.name.split('.').next().unwrap_or_default();
            (first, first.to_string())
        }
    })
}

/// The path that `name` of `from … import name` stands for; the module itself for `*`.
pub(super) fn imported_path(statement: &StmtImportFrom, name: &str) -> String {
    let mut path = ".".repeat(statement.level as usize);
    path.push_str(statement.module.as_ref().map_or("", |module| module.as_str()));
    if name != "*" {
        if statement.module.is_some() {
            path.push('.');
        }
        path.push_str(name);
    }
    path
}

/// The bindings of a scope with the statements `body`.
///
/// `walrus`: the text holds `:=`, so that expressions must be searched too; `globals`: it holds `global`, so that the
/// module's scope must search its functions.
pub(super) fn bindings<'a>(body: &'a [Stmt], search: Search) -> Bindings<'a> {
    let mut collector = Collector {
        bindings: Bindings::default(),
        search,
    };
    collector.body(body);
    collector.bindings
}

/// What beside statements a collection must look into, from what the text holds at all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    /// Expressions, for `name := value`.
    pub expressions: bool,
    /// Nested functions, for `global name`.
    pub nested_globals: bool,
}

struct Collector<'a> {
    bindings: Bindings<'a>,
    search: Search,
}

impl<'a> Collector<'a> {
    fn assign(&mut self, name: &'a str) {
        self.bindings.found.push((name, Binding::Assigned));
    }

    fn body(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        if self.search.expressions {
            self.walruses(statement);
        }
        match statement {
            Stmt::FunctionDef(def) => {
                self.assign(def.name.as_str());
                self.nested_globals(&def.body);
            }
            Stmt::ClassDef(class) => {
                self.bindings.found.push((class.name.as_str(), Binding::Class));
                self.nested_globals(&class.body);
            }
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.target(target)),
            Stmt::AugAssign(assign) => self.target(&assign.target),
            Stmt::AnnAssign(assign) => self.target(&assign.target),
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.target(target)),
            Stmt::TypeAlias(alias) => self.target(&alias.name),
            Stmt::For(for_loop) => {
                self.target(&for_loop.target);
                self.body(&for_loop.body);
                self.body(&for_loop.orelse);
            }
            Stmt::While(while_loop) => {
                self.body(&while_loop.body);
                self.body(&while_loop.orelse);
            }
            Stmt::If(branch) => {
                self.body(&branch.body);
                branch
                    .elif_else_clauses
                    .iter()
                    .for_each(|clause| self.body(&clause.body));
            }
            Stmt::With(with) => {
                for target in with.items.iter().filter_map(|item| item.optional_vars.as_deref()) {
                    self.target(target);
                }
                self.body(&with.body);
            }
            Stmt::Match(matching) => {
                for case in &matching.cases {
                    self.pattern(&case.pattern);
                    self.body(&case.body);
                }
            }
            Stmt::Try(attempt) => self.attempt(attempt),
            Stmt::Import(import) => {
                self.bindings
                    .found
                    .extend(imported(import).map(|(name, path)| (name, Binding::Import(path))));
            }
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Global(global) => {
                self.bindings
                    .found
                    .extend(global.names.iter().map(|name| (name.as_str(), Binding::Global)));
            }
            Stmt::Nonlocal(nonlocal) => {
                self.bindings
                    .found
                    .extend(nonlocal.names.iter().map(|name| (name.as_str(), Binding::Nonlocal)));
            }
            Stmt::Return(_)
            | Stmt::Raise(_)
            | Stmt::Assert(_)
            | Stmt::Expr(_)
            | Stmt::Pass(_)
            | Stmt::Break(_)
            | Stmt::Continue(_)
            | Stmt::IpyEscapeCommand(_) => {}
        }
    }

    fn attempt(&mut self, attempt: &'a StmtTry) {
        self.body(&attempt.body);
        for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
            if let Some(name) = &handler.name {
                self.assign(name.as_str());
            } else if let Some(name) = old_handler_name(handler.type_.as_deref()) {
                self.assign(name);
            }
            self.body(&handler.body);
        }
        self.body(&attempt.orelse);
        self.body(&attempt.finalbody);
    }

    fn import_from(&mut self, import: &'a StmtImportFrom) {
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                self.bindings.star = true;
                continue;
            }
            let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            let path = imported_path(import, alias.name.as_str());
            self.bindings.found.push((name, Binding::Import(path)));
        }
    }

    /// Takes what a nested scope declares `global`, and what scopes below it declare.
    fn nested_globals(&mut self, body: &'a [Stmt]) {
        if !self.search.nested_globals {
            return;
        }
        let nested = bindings(body, self.search);
        let globals: Vec<&str> = nested
            .found
            .iter()
            .filter(|(_, binding)| *binding == Binding::Global)
            .map(|(name, _)| *name)
            .collect();
        self.bindings.declared_global.extend(nested.declared_global);
        self.bindings
            .declared_global
            .extend(nested.found.into_iter().filter(|(name, binding)| {
                globals.contains(name) && !matches!(binding, Binding::Global | Binding::Nonlocal)
            }));
    }

    fn target(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => self.assign(name.id.as_str()),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|element| self.target(element)),
            Expr::List(list) => list.elts.iter().for_each(|element| self.target(element)),
            Expr::Starred(starred) => self.target(&starred.value),
            _ => {}
        }
    }

    fn pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(sequence) => sequence.patterns.iter().for_each(|inner| self.pattern(inner)),
            Pattern::MatchMapping(mapping) => {
                mapping.patterns.iter().for_each(|inner| self.pattern(inner));
                mapping.rest.iter().for_each(|name| self.assign(name.as_str()));
            }
            Pattern::MatchClass(class) => {
                class.arguments.patterns.iter().for_each(|inner| self.pattern(inner));
                class
                    .arguments
                    .keywords
                    .iter()
                    .for_each(|keyword| self.pattern(&keyword.pattern));
            }
            Pattern::MatchStar(star) => star.name.iter().for_each(|name| self.assign(name.as_str())),
            Pattern::MatchAs(capture) => {
                capture.pattern.iter().for_each(|inner| self.pattern(inner));
                capture.name.iter().for_each(|name| self.assign(name.as_str()));
            }
            Pattern::MatchOr(or) => or.patterns.iter().for_each(|inner| self.pattern(inner)),
        }
    }

    /// Binds the walrus targets in the statement's own expressions.
    fn walruses(&mut self, statement: &'a Stmt) {
        struct Walruses<'a, 'b>(&'b mut Vec<(&'a str, Binding)>);
        impl<'a> Visitor<'a> for Walruses<'a, '_> {
            fn visit_stmt(&mut self, _: &'a Stmt) {}
            fn visit_expr(&mut self, expression: &'a Expr) {
                match expression {
                    Expr::Named(named) => {
                        if let Expr::Name(name) = &*named.target {
                            self.0.push((name.id.as_str(), Binding::Assigned));
                        }
                        self.visit_expr(&named.value);
                    }
                    Expr::Lambda(_) => {}
                    _ => visitor::walk_expr(self, expression),
                }
            }
        }
        visitor::walk_stmt(&mut Walruses(&mut self.bindings.found), statement);
    }
}

/// The name that Python 2's `except E, name:` binds. Newer grammars read the same text as two exception classes, whose
/// names begin with a capital letter or are dotted.
pub(super) fn old_handler_name(classes: Option<&Expr>) -> Option<&str> {
    match classes {
        Some(Expr::Tuple(tuple)) if !tuple.parenthesized => match tuple.elts.as_slice() {
            [_, Expr::Name(name)] if !name.id.starts_with(char::is_uppercase) => Some(name.id.as_str()),
            _ => None,
        },
        _ => None,
    }
}

/// The bindings by name, for a scope's look-ups.
pub(super) fn by_name<'a>(found: &[(&'a str, Binding)]) -> HashMap<&'a str, Vec<Binding>> {
    let mut names: HashMap<&'a str, Vec<Binding>> = HashMap::new();
    for (name, binding) in found {
        let known = names.entry(name).or_default();
        if !known.contains(binding) && known.len() < super::MAX_ALTERNATIVES {
            known.push(binding.clone());
        }
    }
    names
}
