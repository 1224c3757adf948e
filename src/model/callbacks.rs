//! A callback that lies beside its argument in a struct: `struct each arg = …; arg.call = call; walk(list, step, &arg);`, and `step`
//! calls `each->call`. What that calls is what the function was handed that filled the struct.
//!
//! The struct lies on the stack of the one function that fills it, so that whoever calls through it runs inside that function. The
//! question which of all callbacks is meant therefore travels up as a need until it comes to a call of that function, and from there
//! like any other ([`super::needs`]).
//!
//! What a function looks up by a name that it is handed (`dlsym`), and calls, is what its caller names, in the same way.

use crate::facts::{Language, LocalIndex, Value};
use crate::knowledge::Role;

use super::needs::Need;
use super::tree::{CallSite, FuncId, StoreRef, local_of};
use super::values::Values;

impl Values<'_> {
    /// What the function must have been handed that fills the struct through which a call goes, for this one of several functions to
    /// be meant.
    pub(super) fn callback_need(&self, site: CallSite, target: FuncId) -> Option<Need> {
        let (store, parameter) = self.parameter_in_field(site.0, &self.tree.call(site).callee)?;
        (store.function != site.0 && self.is_on_stack(&store))
            .then(|| Need::callback(store.function, parameter, target))
    }

    /// Which name the function must have been handed that looks up what a call of its own calls, for this one of several functions to
    /// be meant.
    pub(super) fn symbol_need(&self, site: CallSite, target: FuncId) -> Option<Need> {
        let callee = &self.tree.call(site).callee;
        if !matches!(callee, Value::Local(..)) || self.tree.language(site.0) != Language::C {
            return None;
        }
        let sources = self.sources(site.0, callee);
        let mut given = sources
            .iter()
            .filter(|(_, value)| !matches!(value, Value::None | Value::Int(0)));
        let (Some((home, Value::Call(owner, call))), None) = (given.next(), given.next()) else {
            return None;
        };
        let parameter = self.name_parameter((self.closure(*home, *owner), *call), site.0)?;
        Some(Need::text(site.0, parameter, &self.tree.function(target).name))
    }

    /// The parameter of a function that is the name by which a call looks up a symbol, itself or in what it calls.
    fn name_parameter(&self, lookup: CallSite, func: FuncId) -> Option<LocalIndex> {
        let itself = self.entries_of_call(lookup).into_iter().find_map(|id| {
            let Role::Symbol { name, into: None } = &self.catalog.entry(id).role else {
                return None;
            };
            self.argument(lookup, name).into_iter().next()
        });
        let (home, name) = match itself {
            Some(named) => named,
            None => {
                let functions = self.defined_functions(lookup.0, &self.tree.call(lookup).callee);
                let [wrapper] = functions.as_slice() else { return None };
                let parameter = self.symbol_parameter(*wrapper)?;
                (lookup.0, self.bound_argument(lookup, *wrapper, parameter)?)
            }
        };
        (home == func).then(|| self.fixed_parameter(func, name))?
    }

    /// Whether a field is stored into that belongs to a struct of the function's own. A pointer to one elsewhere is stored first.
    fn is_on_stack(&self, store: &StoreRef<'_>) -> bool {
        let Value::Attribute(base, _) = store.target else {
            return false;
        };
        let Value::Local(owner, index) = &**base else {
            return false;
        };
        let function = self.closure(store.function, *owner);
        let local = local_of(self.tree.function(function), *index);
        let stores = self.local_stores(function, *index);
        function == store.function && local.parameter.is_none() && !local.kept && stores.is_empty()
    }

    /// Whether a value is the name of another function than this.
    pub(super) fn is_another_function(&self, func: FuncId, value: &Value, target: FuncId) -> bool {
        let named = self.defined_functions(func, value);
        !named.is_empty() && !named.contains(&target)
    }
}
