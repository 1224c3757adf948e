//! What is surely of one of the types that a language brings.

use crate::facts::{Language, LocalIndex, Value};

use super::tree::{FuncId, StoreRef, local_of};
use super::values::Values;

/// Through how many variables and calls a value is followed to a literal.
const BUILT_IN_DEPTH: u32 = 4;

impl<'t> Values<'t> {
    /// What is stored into a variable of Python's that is nothing else: no parameter, and not bound by a with-block.
    pub(super) fn stored_alone(&self, owner: FuncId, index: LocalIndex) -> &[StoreRef<'t>] {
        let is_parameter = local_of(self.tree.function(owner), index).parameter.is_some();
        match is_parameter || self.entered.contains_key(&(owner, index)) {
            true => &[],
            false => self.local_stores(owner, index),
        }
    }

    /// Whether a value is surely of a type of Python's own, whose methods are those of no class in the tree: a literal, what a
    /// method of a string gives (which is never anything else), a variable that holds nothing but these.
    pub(super) fn is_built_in(&self, func: FuncId, value: &Value, depth: u32) -> bool {
        if self.tree.language(func) != Language::Python || depth > BUILT_IN_DEPTH {
            return false;
        }
        match value {
            Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Int(_) | Value::Bool(_) | Value::None => true,
            Value::Call(owner, call) => {
                let site = (self.closure(func, *owner), *call);
                // A call that passes is one of a string's methods, and so gives strings in turn.
                let Value::Attribute(text, _) = &self.tree.call(site).callee else {
                    return false;
                };
                matches!(**text, Value::Text(_) | Value::Call(..)) && self.is_built_in(site.0, text, depth + 1)
            }
            Value::Local(owner, index) => {
                let stores = self.stored_alone(self.closure(func, *owner), *index);
                let is_one = |store: &StoreRef<'_>| self.is_built_in(store.function, store.value, depth + 1);
                !stores.is_empty() && stores.iter().all(is_one)
            }
            _ => false,
        }
    }
}
