//! Which threads the tasks of a crate run on. Where every runtime that a program makes has but the thread that drives it,
//! a task is code that runs later on that thread.

use std::collections::BTreeMap;

use crate::facts::{Attribute, CallIndex};
use crate::knowledge::{EntryId, Role};

use super::tree::{FuncId, crate_root};
use super::values::Values;

/// A crate, and whether its tests or its program is meant: they make runtimes of their own.
type Program = (String, bool);

/// The runtimes that a program makes.
#[derive(Default)]
struct Made {
    one: bool,
    many: bool,
}

/// The programs whose tasks all run on the thread that drives the runtime.
#[derive(Default)]
pub struct LoneRuntimes(Vec<Program>);

impl LoneRuntimes {
    /// Whether a task that a function starts runs on a thread that is there anyway.
    pub fn hold(&self, values: &Values<'_>, func: FuncId) -> bool {
        !self.0.is_empty() && self.0.contains(&program_of(values, func))
    }
}

fn program_of(values: &Values<'_>, func: FuncId) -> Program {
    let path = &values.tree.file(values.tree.file_of(func)).path;
    (crate_root(path).to_owned(), values.in_test(func))
}

impl Values<'_> {
    /// Looks at every runtime that is made. A library is run by whoever calls it, on a runtime that is not seen: only
    /// a crate with a `main` says all of its own.
    pub(super) fn lone_runtimes(&self) -> LoneRuntimes {
        let mut made: BTreeMap<Program, Made> = BTreeMap::new();
        for func in self.tree.functions() {
            let function = self.tree.function(func);
            let mut kinds: Vec<bool> = Vec::new();
            for attribute in &function.attributes {
                let entries = self.entries_of_attribute(func, attribute);
                kinds.extend(entries.iter().filter_map(|id| self.runtime_kind(*id, Some(attribute))));
            }
            for index in 0..function.calls.len() {
                let meaning = self.meaning((func, CallIndex(index as u32)));
                kinds.extend(meaning.entries.iter().filter_map(|id| self.runtime_kind(*id, None)));
            }
            if kinds.is_empty() {
                continue;
            }
            let known = made.entry(program_of(self, func)).or_default();
            known.many |= kinds.contains(&true);
            known.one |= kinds.contains(&false);
        }
        let lone = made.into_iter().filter(|(_, made)| made.one && !made.many);
        let programs = lone.map(|(program, _)| program);
        LoneRuntimes(programs.filter(|(root, test)| *test || self.has_main(root)).collect())
    }

    /// Whether the entry makes a runtime, and whether one of many threads.
    fn runtime_kind(&self, id: EntryId, attribute: Option<&Attribute>) -> Option<bool> {
        let Role::Runtime { many, except } = &self.catalog.entry(id).role else {
            return None;
        };
        let other = except
            .as_ref()
            .zip(attribute)
            .is_some_and(|((keyword, text), attribute)| {
                let named = |argument: &&crate::facts::Argument| argument.name.as_deref() == Some(keyword);
                let given = attribute.args.iter().find(named);
                given.is_some_and(|argument| argument.value.as_text() == Some(text))
            });
        Some(*many != other)
    }

    fn has_main(&self, root: &str) -> bool {
        let mains = self.tree.functions_by_name.get("main").into_iter().flatten();
        mains.into_iter().any(|func| {
            let path = &self.tree.file(self.tree.file_of(*func)).path;
            self.tree.function(*func).qualified == "crate::main" && crate_root(path) == root
        })
    }
}
