//! Forks, and by which values the child is told from its parent.

use std::sync::Arc;

use crate::facts::Value;
use crate::knowledge::{EntryId, Role};

use super::program::Engine;
use super::sites::{AccessKind, SiteId, SiteInfo};
use super::tree::{CallSite, FuncId};

/// A fork.
#[derive(Debug, Clone)]
pub struct Forked {
    pub site: SiteId,
    /// The child runs on the parent's memory.
    pub shared: bool,
    /// The variant that its result is in the child, where it is an enum.
    pub child: Option<Arc<str>>,
}

impl Engine<'_> {
    /// The fork whose result a value of a function is, or whose result begins with it (Python's `pid, terminal = pty.fork()`).
    pub(super) fn fork_behind(&mut self, home: FuncId, value: &Value) -> Option<Forked> {
        let value = first(value);
        let sources: Vec<(FuncId, Value)> = match value {
            Value::Call(..) => vec![(home, value.clone())],
            other => self
                .values
                .sources(home, other)
                .into_iter()
                .map(|(home, value)| (home, first(value).clone()))
                .collect(),
        };
        sources.into_iter().find_map(|(home, source)| match source {
            Value::Call(owner, call) => self.fork_behind_call((self.values.closure(home, owner), call)),
            _ => None,
        })
    }

    /// The fork that a call is, or what is behind one that only hands on what it got (`fork().unwrap()`), or that returns it.
    fn fork_behind_call(&mut self, site: CallSite) -> Option<Forked> {
        if let Some(known) = self.forks_behind.get(&site) {
            return known.clone();
        }
        // One that leads back to itself is none.
        self.forks_behind.insert(site, None);
        let found = self.fork_site(site).or_else(|| {
            let values = &self.values;
            let meaning = values.meaning(site);
            let mut behind: Vec<(FuncId, &Value)> = Vec::new();
            for id in &meaning.entries {
                if let Role::Pass { of } = &values.catalog.entry(*id).role {
                    behind.extend(values.argument(site, of));
                }
            }
            for edge in &meaning.edges {
                let returned = values.returns_of(edge.target).iter();
                behind.extend(returned.map(|value| (edge.target, *value)));
            }
            behind
                .into_iter()
                .find_map(|(home, value)| self.fork_behind(home, value))
        });
        self.forks_behind.insert(site, found.clone());
        found
    }

    fn fork_site(&mut self, site: CallSite) -> Option<Forked> {
        let meaning = self.values.meaning(site);
        let (id, shared, child) = meaning
            .entries
            .iter()
            .find_map(|id| match &self.values.catalog.entry(*id).role {
                Role::Fork { vfork, child } => Some((*id, *vfork, child.clone())),
                _ => None,
            })?;
        let site = self.fork_info(site, id);
        Some(Forked { site, shared, child })
    }

    /// The fork inside an API that runs a function in the child.
    pub fn fork_window_site(&mut self, site: CallSite) -> SiteId {
        let meaning = self.values.meaning(site);
        let id = meaning
            .entries
            .iter()
            .find(|id| matches!(self.values.catalog.entry(**id).role, Role::ForkWindow { .. }))
            .or(meaning.entries.first())
            .copied()
            .unwrap_or(EntryId(0));
        self.fork_info(site, id)
    }

    fn fork_info(&mut self, site: CallSite, id: EntryId) -> SiteId {
        let entry = self.values.catalog.entry(id);
        let info = SiteInfo {
            function: site.0,
            span: self.values.tree.call(site).span,
            kind: AccessKind::Fork,
            entries: vec![id],
            variable: None,
            variables: Vec::new(),
            shape: None,
            display: entry.display.clone(),
            status: None,
            language: self.values.tree.language(site.0),
        };
        self.sites.intern(info)
    }

    /// The spawn that a fork is, once its child replaces itself with the live environment.
    pub fn spawn_at_fork(&mut self, fork: SiteId) -> SiteId {
        let info = SiteInfo {
            kind: AccessKind::Spawn,
            ..self.sites.get(fork).clone()
        };
        self.sites.intern(SiteInfo {
            display: format!("{} and exec", info.display),
            ..info
        })
    }
}

/// The first of several things that a value is, or the value.
fn first(value: &Value) -> &Value {
    match value {
        Value::Item(whole, key) if matches!(**key, Value::Int(0)) => whole,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::Language;
    use crate::input::Source;
    use crate::knowledge::{Catalog, Target};
    use crate::model::{Extent, PairKind, STEPS, Tree, analyse};

    /// The kinds of the pairs of a program that forks as `test` says, with a thread that looks at the environment.
    fn kinds(test: &str) -> Vec<PairKind> {
        let child = r#"{ std::env::set_var("A", "b"); let _ = nix::unistd::execv(c"/bin/true", &[c"true"]); }"#;
        let text = format!(
            r#"use nix::unistd::{{fork, ForkResult}};
            fn main() {{
                std::thread::spawn(|| loop {{ let _ = std::env::var("A"); }});
                {}
            }}"#,
            test.replace("CHILD", child)
        );
        let path = "src/main.rs".to_owned();
        let language = Language::Rust;
        let tree = Tree::new(vec![crate::frontend::lower(&Source { path, language, text }).0]);
        let (catalog, target) = (Catalog::builtin(), Target::default());
        let engine = analyse(&tree, &catalog, &target, STEPS, Extent::Pairs).engine;
        engine.pairs.iter().map(|pair| pair.kind).collect()
    }

    #[test]
    fn the_child_is_told_by_the_variant() {
        let children = [
            "match unsafe { fork() } { Ok(ForkResult::Child) => CHILD Ok(ForkResult::Parent { child }) => {} Err(_) => {} }",
            "match unsafe { fork() }.unwrap() { ForkResult::Parent { .. } => {} ForkResult::Child => CHILD }",
            "if let Ok(ForkResult::Child) = unsafe { fork() } CHILD",
            "let forked = unsafe { fork().expect(\"forks\") }; if let ForkResult::Child = forked CHILD",
        ];
        for child in children {
            assert_eq!(kinds(child), [PairKind::ForkWindow], "{child}");
        }
        let parent = "match unsafe { fork() }.unwrap() { ForkResult::Child => {} ForkResult::Parent { .. } => CHILD }";
        assert_eq!(kinds(parent), [PairKind::Race]);
    }
}
