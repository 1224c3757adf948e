//! Tests that the system decides, followed through names and functions: `def is_windows(): return os.name == 'nt'`,
//! `WINDOWS = is_windows()`. The arm that is not taken is not walked.

use std::collections::HashSet;

use crate::facts::{Condition, Event, Value};

use super::objects::Object;
use super::tree::{FuncId, each_event, value_name};
use super::values::Values;

/// Through so many names and functions an outcome is followed.
const DEEPEST: u32 = 4;

impl Values<'_> {
    /// The names of what holds or returns the outcome of such a test.
    pub(super) fn names_of_decided(&self) -> HashSet<String> {
        let mut found = HashSet::new();
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
        found
    }

    fn may_be_decided(&self, names: &HashSet<String>, func: FuncId, value: &Value) -> bool {
        match value {
            Value::Decided(_) => true,
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
        let mut known = None;
        let mut agree = |outcome: Option<bool>| {
            let agrees = outcome.is_some() && (known.is_none() || known == outcome);
            known = outcome;
            agrees
        };
        let all_agree = match value {
            Value::Call(owner, call) => {
                let callees = self.callee((self.closure(func, *owner), *call));
                let mut returned = Vec::new();
                for object in callees.iter() {
                    let Object::Function(callee) = object else { return None };
                    each_event(&self.tree.function(*callee).body, &mut |event| {
                        if let Event::Return { value, .. } = event {
                            returned.push((*callee, value));
                        }
                    });
                }
                returned
                    .iter()
                    .all(|(home, value)| agree(self.outcome(*home, value, depth + 1)))
            }
            Value::Path(path) => {
                let (module, name) = path.rsplit_once('.')?;
                let modules = self.python_modules(self.tree.file_of(func), module).into_iter();
                let mut stores = modules.flat_map(|module| self.global_stores(module, name));
                stores.all(|store| agree(self.outcome(store.function, store.value, depth + 1)))
            }
            Value::Local(..) | Value::Global(_) | Value::Attribute(..) => {
                let sources = self.sources(func, value);
                sources
                    .iter()
                    .all(|(home, value)| agree(self.outcome(*home, value, depth + 1)))
            }
            _ => false,
        };
        known.filter(|_| all_agree)
    }
}
