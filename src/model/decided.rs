//! Tests that the system decides, followed through names and functions: `def is_windows(): return os.name == 'nt'`,
//! `WINDOWS = is_windows()`. The arm that is not taken is not walked. A decorator is taken to keep what its function returns.

use rustc_hash::FxHashSet;

use crate::facts::{Condition, Event, Name, Node, Value};

use super::objects::Object;
use super::tree::{FuncId, each_event, local_of, value_name};
use super::values::Values;

/// Through so many names and functions an outcome is followed.
const DEEPEST: u32 = 4;

/// A name into which more is stored than this is not followed.
const MOST_STORES: usize = 4;

impl Values<'_> {
    /// The names of what holds or returns the outcome of such a test.
    pub(super) fn names_of_decided(&self) -> FxHashSet<Name> {
        let mut found = FxHashSet::default();
        // A name that holds what such a function returns holds it too.
        for _ in 0..=DEEPEST {
            let before = found.len();
            for func in self.tree.functions() {
                each_event(&self.tree.function(func).body, &mut |event| match event {
                    Event::Store { target, value, .. } if self.may_be_decided(&found, func, value) => {
                        found.extend(self.spoken(func, target));
                    }
                    Event::Return { value, .. } if self.may_be_decided(&found, func, value) => {
                        found.insert(self.tree.function(func).name.clone());
                    }
                    _ => {}
                });
            }
            if found.len() == before {
                break;
            }
        }
        // Somebody else makes it something else: `settings.WINDOWS = True`.
        if found.is_empty() {
            return found;
        }
        let mut others = Vec::new();
        for func in self.tree.functions() {
            each_event(&self.tree.function(func).body, &mut |event| {
                if let Event::Store { target, value, .. } = event
                    && matches!(target, Value::Path(_) | Value::Attribute(..))
                    && !self.may_be_decided(&found, func, value)
                {
                    others.extend(self.spoken(func, target));
                }
            });
        }
        found.retain(|name| !others.contains(name));
        found
    }

    fn may_be_decided(&self, names: &FxHashSet<Name>, func: FuncId, value: &Value) -> bool {
        match value {
            Value::Decided(_) => true,
            // Most trees have none, and are asked at every test.
            _ if names.is_empty() => false,
            Value::Call(owner, call) => {
                let callee = &self.tree.call((self.closure(func, *owner), *call)).callee;
                value_name(callee).is_some_and(|name| names.contains(name))
            }
            other => self.spoken(func, other).is_some_and(|name| names.contains(&name)),
        }
    }

    /// How a test comes out on the target, where that is what decides it.
    pub(super) fn decided(&self, func: FuncId, test: &Condition) -> Option<bool> {
        match test {
            Condition::Truthy(value) => self.outcome(func, value, 0),
            Condition::Not(inner) => self.decided(func, inner).map(|outcome| !outcome),
            Condition::All(tests) => self.decided_of(func, tests, false),
            Condition::Any(tests) => self.decided_of(func, tests, true),
            _ => None,
        }
    }

    /// The outcome of several tests together, of which one that comes out as `deciding` is enough.
    fn decided_of(&self, func: FuncId, tests: &[Condition], deciding: bool) -> Option<bool> {
        let mut all = true;
        for test in tests {
            match self.decided(func, test) {
                Some(outcome) if outcome == deciding => return Some(deciding),
                outcome => all &= outcome.is_some(),
            }
        }
        (all && !tests.is_empty()).then_some(!deciding)
    }

    fn outcome(&self, func: FuncId, value: &Value, depth: u32) -> Option<bool> {
        if let Value::Decided(outcome) = value {
            return Some(*outcome);
        }
        if depth > DEEPEST || !self.may_be_decided(&self.names_of_decided, func, value) {
            return None;
        }
        let stores: Vec<(FuncId, &Value)> = match value {
            Value::Call(owner, call) => {
                let callees = self.callee((self.closure(func, *owner), *call));
                let returned = callees.iter().map(|object| match object {
                    Object::Function(callee) => self.only_return(*callee),
                    _ => None,
                });
                returned.collect::<Option<_>>()?
            }
            Value::Path(path) => {
                let (module, name) = path.rsplit_once('.')?;
                let modules = self.python_modules(self.tree.file_of(func), module);
                let stores = modules.iter().flat_map(|module| self.global_stores(*module, name));
                stores.map(|store| (store.function, store.value)).collect()
            }
            Value::Local(owner, index) => {
                let local = (self.closure(func, *owner), *index);
                let is_parameter = local_of(self.tree.function(local.0), local.1).parameter.is_some();
                if is_parameter || self.is_entered(local) {
                    return None;
                }
                self.sources(func, value)
            }
            Value::Global(_) | Value::Attribute(..) => self.sources(func, value),
            _ => return None,
        };
        if stores.len() > MOST_STORES {
            return None;
        }
        let mut outcomes = stores.iter().map(|(home, value)| self.outcome(*home, value, depth + 1));
        let first = outcomes.next()??;
        outcomes.all(|outcome| outcome == Some(first)).then_some(first)
    }

    /// What a function returns that does nothing else at its end.
    fn only_return(&self, func: FuncId) -> Option<(FuncId, &Value)> {
        let function = self.tree.function(func);
        let mut returns = 0;
        each_event(&function.body, &mut |event| {
            returns += u32::from(matches!(event, Event::Return { .. }))
        });
        match function.body.nodes.last() {
            Some(Node::Event(Event::Return { value, .. }))
                if returns == 1 && !function.is_async && !function.is_generator =>
            {
                Some((func, value))
            }
            _ => None,
        }
    }
}
