//! Forks, and by which values the child is told from its parent.

use std::sync::Arc;

use crate::facts::{Condition, Event, Language, Node, Region, RegionKind, Value};
use crate::knowledge::{EntryId, Role};

use super::program::Engine;
use super::sites::{AccessKind, SiteId, SiteInfo};
use super::tree::{CallSite, FuncId, local_of};

/// A fork.
#[derive(Debug, Clone)]
pub struct Forked {
    pub site: SiteId,
    /// The child runs on the parent's memory.
    pub shared: bool,
    /// The variant that its result is in the child, where it is an enum.
    pub child: Option<Arc<str>>,
}

/// Which side of a fork an arm is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ForkSide {
    Child,
    Parent,
    Error,
}

/// The number that a test asks for the side of a fork on which it is, and the side where the test holds.
pub(super) fn side_asked(test: &Condition) -> Option<(&Value, ForkSide)> {
    match test {
        Condition::Equal(value, Value::Int(0)) | Condition::Equal(Value::Int(0), value) => {
            Some((value, ForkSide::Child))
        }
        Condition::Equal(value, Value::Int(_)) | Condition::Equal(Value::Int(_), value) => {
            Some((value, ForkSide::Error))
        }
        Condition::Truthy(value) | Condition::Less(Value::Int(0), value) => Some((value, ForkSide::Parent)),
        Condition::Less(value, Value::Int(0)) => Some((value, ForkSide::Error)),
        Condition::Not(inner) => match inner.as_ref() {
            Condition::Truthy(value) => Some((value, ForkSide::Child)),
            Condition::Equal(value, Value::Int(0)) | Condition::Equal(Value::Int(0), value) => {
                Some((value, ForkSide::Parent))
            }
            _ => None,
        },
        _ => None,
    }
}

/// What a function returns on each side of a fork that it makes.
#[derive(Default)]
struct Returned<'t> {
    forked: Option<Forked>,
    in_child: Vec<&'t Value>,
    elsewhere: Vec<&'t Value>,
}

impl<'t> Engine<'t> {
    /// The fork that a function makes, where it tells its callers of the child by 0 and of the parent by another number: a call of
    /// it is asked as the fork itself would be.
    fn told_by_numbers(&mut self, func: FuncId) -> Option<Forked> {
        if self.values.tree.language(func) != Language::C {
            return None;
        }
        let is_zero = |value: &&Value| **value == Value::Int(0);
        // A function of which no return says 0 need not be looked at.
        if !self.values.returns_of(func).iter().any(is_zero) {
            return None;
        }
        let mut found = Returned::default();
        let body = &self.values.tree.function(func).body;
        self.collect_returned(func, &body.nodes, None, &mut found);
        let tells = !found.in_child.is_empty() && found.in_child.iter().all(is_zero);
        found.forked.filter(|_| tells && !found.elsewhere.iter().any(is_zero))
    }

    /// Goes through nodes that run on a side of a fork, in order; the side on which what follows them runs.
    fn collect_returned(
        &mut self,
        func: FuncId,
        nodes: &'t [Node],
        side: Option<ForkSide>,
        found: &mut Returned<'t>,
    ) -> Option<ForkSide> {
        let mut side = side;
        for node in nodes {
            match node {
                Node::Event(Event::Return { value, .. }) => match side {
                    Some(ForkSide::Child) => found.in_child.push(value),
                    _ => found.elsewhere.push(value),
                },
                Node::Event(_) => {}
                Node::Region(region) if matches!(region.kind, RegionKind::Branch { .. }) => {
                    side = self.collect_returned_of_arms(func, region, side, found);
                }
                Node::Region(region) => side = self.collect_returned(func, &region.nodes, side, found),
            }
        }
        side
    }

    /// [`Engine::collect_returned`] of a branch: where the parent returns in an arm of its own, what follows is the child.
    fn collect_returned_of_arms(
        &mut self,
        func: FuncId,
        branch: &'t Region,
        side: Option<ForkSide>,
        found: &mut Returned<'t>,
    ) -> Option<ForkSide> {
        let mut after = side;
        let mut asked: Vec<ForkSide> = Vec::new();
        for node in &branch.nodes {
            let Node::Region(arm) = node else { continue };
            let RegionKind::Arm { test } = &arm.kind else { continue };
            let own = match (test, side_asked(test)) {
                (Condition::Always, _) if asked.contains(&ForkSide::Parent) => Some(ForkSide::Child),
                (Condition::Always, _) if asked.contains(&ForkSide::Child) => Some(ForkSide::Parent),
                (_, Some((value, own))) => self
                    .fork_behind(func, value)
                    .filter(|forked| forked.child.is_none())
                    .map(|forked| {
                        found.forked.get_or_insert(forked);
                        own
                    }),
                _ => None,
            };
            self.collect_returned(func, &arm.nodes, own.or(side), found);
            asked.extend(own);
            let leaves = matches!(arm.nodes.last(), Some(Node::Event(Event::Return { .. })));
            match own {
                Some(ForkSide::Parent) if leaves => after = Some(ForkSide::Child),
                Some(ForkSide::Child) if leaves => after = Some(ForkSide::Parent),
                _ => {}
            }
        }
        after
    }
}

impl Engine<'_> {
    /// The fork whose result a value of a function is, or whose result begins with it (Python's `pid, terminal = pty.fork()`).
    pub(super) fn fork_behind(&mut self, home: FuncId, value: &Value) -> Option<Forked> {
        let value = first(value);
        let mut sources: Vec<(FuncId, Value)> = match value {
            Value::Call(..) => vec![(home, value.clone())],
            other => self
                .values
                .sources(home, other)
                .into_iter()
                .map(|(home, value)| (home, first(value).clone()))
                .collect(),
        };
        // `*child = fork();` where the parameter says where to leave it.
        if let Some((owner, index)) = self.values.parameter_of(home, value) {
            let name = &local_of(self.values.tree.function(owner), index).name;
            let stores = self.values.item_stores(name).iter();
            let here = stores.filter(|store| store.function == home && first(store.target) == value);
            sources.extend(here.map(|store| (home, first(store.value).clone())));
        }
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
            let handed = behind
                .into_iter()
                .find_map(|(home, value)| self.fork_behind(home, value));
            handed.or_else(|| {
                let mut called = meaning.edges.iter().map(|edge| edge.target);
                called.find_map(|func| self.told_by_numbers(func))
            })
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
    use crate::model::PairKind;
    use crate::model::pairs::pairs_of;

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
        let pairs = pairs_of(Language::Rust, &[("src/main.rs", &text)]).into_iter();
        pairs.map(|pair| pair.kind).collect()
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
