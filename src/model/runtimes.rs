//! Which threads the tasks of a crate run on. Where every runtime that a program makes has but the thread that drives it,
//! a task is code that runs later on that thread.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::facts::{Attribute, CallIndex, Value};
use crate::knowledge::{EntryId, Role};

use super::summary::ChainStep;
use super::tree::{CallSite, FuncId, crate_root};
use super::values::Values;

/// A crate, and whether its tests or its program is meant: they make runtimes of their own.
type Program = (String, bool);

/// The runtimes that a program makes.
#[derive(Default)]
struct Made {
    one: bool,
    many: bool,
}

/// Whose tasks all run on the thread that drives the runtime.
#[derive(Default)]
pub struct LoneRuntimes {
    programs: Vec<Program>,
    /// Tests that have a runtime of one thread themselves.
    tests: FxHashSet<FuncId>,
    /// Functions that make a runtime of many.
    makers: FxHashSet<FuncId>,
}

impl LoneRuntimes {
    /// Whether a task that a call starts runs on a thread that is there anyway.
    pub fn hold(&self, values: &Values<'_>, site: CallSite) -> bool {
        self.hold_all_of(values, site.0) || self.tests.contains(&site.0) && is_ambient(values, site)
    }

    /// Whether all runtimes of the function's program have one thread.
    fn hold_all_of(&self, values: &Values<'_>, func: FuncId) -> bool {
        !self.programs.is_empty() && self.programs.contains(&program_of(values, func))
    }

    /// Whether a task runs on the thread of this function, a test or its helper, when it comes there on this way: the functions
    /// from the callee to the one with the start. What is no test's may be run by others, on another runtime.
    pub fn drive_test(&self, values: &Values<'_>, func: FuncId, start: CallSite, way: &[ChainStep]) -> bool {
        let through = way.iter().map(|step| step.function).chain([start.0]);
        let is_own = self.tests.contains(&func) && is_ambient(values, start);
        is_own && !through.into_iter().any(|func| self.makers.contains(&func))
            || values.in_test(func) && self.hold_all_of(values, func)
    }
}

/// Whether a task is started on the runtime that is at hand (`tokio::spawn`), not on one that is named.
fn is_ambient(values: &Values<'_>, site: CallSite) -> bool {
    !matches!(values.tree.call(site).callee, Value::Attribute(..))
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
        let mut tests: FxHashSet<FuncId> = FxHashSet::default();
        let mut makers: FxHashSet<FuncId> = FxHashSet::default();
        for func in self.tree.functions() {
            let function = self.tree.function(func);
            let mut kinds: Vec<bool> = Vec::new();
            for attribute in &function.attributes {
                let entries = self.entries_of_attribute(func, attribute);
                kinds.extend(entries.iter().filter_map(|id| self.runtime_kind(*id, Some(attribute))));
            }
            let own = kinds.len();
            for index in 0..function.calls.len() {
                let meaning = self.meaning((func, CallIndex(index as u32)));
                kinds.extend(meaning.entries.iter().filter_map(|id| self.runtime_kind(*id, None)));
            }
            if kinds.is_empty() {
                continue;
            }
            if kinds[own..].contains(&true) {
                makers.insert(func);
            }
            let program = program_of(self, func);
            if program.1 && own > 0 && !kinds.contains(&true) {
                tests.insert(func);
            }
            let known = made.entry(program).or_default();
            known.many |= kinds.contains(&true);
            known.one |= kinds.contains(&false);
        }
        let lone = made.into_iter().filter(|(_, made)| made.one && !made.many);
        let programs = lone.map(|(program, _)| program);
        LoneRuntimes {
            programs: programs.filter(|(root, test)| *test || self.has_main(root)).collect(),
            tests,
            makers,
        }
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
