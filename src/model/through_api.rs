//! Functions that are come to through an API which calls what it is handed: `submit(context.run, work, 1)` begins with
//! `context.run` and runs `work`. What that API does by itself is in the catalog.

use crate::facts::Value;
use crate::knowledge::{ArgumentRef, MatchKind, Role};

use super::objects::Object;
use super::tree::{CallSite, FuncId};
use super::values::Values;

impl<'t> Values<'t> {
    /// The values that stand for what a call runs or hands on, by the argument of which the catalog says that. Where an API stands
    /// there that calls what it is handed, it is what that is handed.
    pub(super) fn entry_values(&self, site: CallSite, entry: &ArgumentRef) -> Vec<(FuncId, &'t Value)> {
        let direct = self.argument(site, entry).into_iter();
        direct
            .map(|(home, value)| self.handed_to_api(site, home, value).unwrap_or((home, value)))
            .collect()
    }

    /// What an API that stands among the arguments of a call calls in its turn.
    fn handed_to_api(&self, site: CallSite, home: FuncId, value: &'t Value) -> Option<(FuncId, &'t Value)> {
        let (holder, api) = self.partly_applied(home, value).unwrap_or((site, value));
        let at = self
            .tree
            .call(holder)
            .args
            .iter()
            .position(|argument| std::ptr::eq(&argument.value, api))?;
        let position = self.position_called_by(holder.0, api)?;
        self.handed_at_position(holder, at, position)
    }

    /// `partial(context.run, work)`: the call, and what stands in it for the function.
    fn partly_applied(&self, home: FuncId, value: &Value) -> Option<(CallSite, &'t Value)> {
        let Value::Call(owner, call) = value else { return None };
        let site = (self.closure(home, *owner), *call);
        let entries = self.entries_of_call(site).into_iter();
        let mut inner = entries.filter_map(|id| match &self.catalog.entry(id).role {
            Role::Partial { entry } => self.argument(site, entry).into_iter().next(),
            _ => None,
        });
        inner.next().map(|(_, value)| (site, value))
    }

    /// Which of its arguments an API from outside of the tree calls, by position.
    fn position_called_by(&self, func: FuncId, api: &Value) -> Option<u32> {
        if !matches!(
            api,
            Value::Attribute(..) | Value::Path(_) | Value::Global(_) | Value::Local(..)
        ) {
            return None;
        }
        let language = self.tree.language(func);
        let objects = self.eval(func, api);
        let mut paths = objects.iter().filter_map(|object| match object {
            Object::External(path) => Some(path),
            _ => None,
        });
        paths.find_map(|path| {
            let entries = self.lookup(language, MatchKind::Call, path).iter();
            let mut called = entries.filter_map(|id| match &self.catalog.entry(*id).role {
                Role::CallsNow {
                    entry: ArgumentRef::Of { positions, .. },
                    once: None,
                    task: false,
                    ..
                } => positions.first().copied(),
                _ => None,
            });
            called.next()
        })
    }
}
