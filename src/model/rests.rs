//! Threads whose function travels through `*args` or `**kwargs`: `def add(**kwargs): Thread(**kwargs).start()`. Of what is
//! gathered, the functions are what a thread may run; the first of them, where they come by position.

use crate::facts::{LocalIndex, ParameterKind, Value};
use crate::knowledge::{MatchKind, Role};

use super::objects::Object;
use super::parameters::positional;
use super::tree::{CallSite, FuncId, local_of};
use super::values::Values;

impl<'t> Values<'t> {
    /// The parameter that gathers arguments which a value is, of this function or of one around it.
    pub(super) fn rest_of(&self, func: FuncId, value: &Value) -> Option<(FuncId, LocalIndex)> {
        self.parameter_where(func, value, gathers)
    }

    /// Whether a parameter gathers arguments.
    pub(super) fn gathers(&self, func: FuncId, index: LocalIndex) -> bool {
        local_of(self.tree.function(func), index).parameter.is_some_and(gathers)
    }

    /// Whether a parameter gathers arguments by their position: the first function among them is what runs, the others are handed
    /// to it.
    pub(super) fn gathers_by_position(&self, func: FuncId, index: LocalIndex) -> bool {
        local_of(self.tree.function(func), index).parameter == Some(ParameterKind::VarPositional)
    }

    /// What a call that makes a thread is handed through `*args` and `**kwargs`, where these were gathered by a function around it.
    pub(super) fn thread_of_rests(&self, site: CallSite) -> Vec<&'t Value> {
        let args = self.tree.call(site).args.iter();
        let is_star = |name: &str| matches!(name, "*" | "**");
        let rests = args
            .filter(|argument| argument.name.as_deref().is_some_and(is_star))
            .map(|argument| &argument.value)
            .filter(|value| self.rest_of(site.0, value).is_some());
        let rests: Vec<&Value> = rests.collect();
        match rests.is_empty() || !self.makes_thread(site) {
            true => Vec::new(),
            false => rests,
        }
    }

    /// Whether a call makes a thread, or an object of a class that is one.
    fn makes_thread(&self, site: CallSite) -> bool {
        let starts = |role: &Role| matches!(role, Role::Start { .. });
        let entries = &self.meaning(site).entries;
        let language = self.tree.language(site.0);
        let is_thread = |object: &Object| match object {
            Object::Class(class) => self.outside_bases(*class).iter().any(|base| {
                let ids = self.catalog.lookup(language, MatchKind::Base, base).iter();
                ids.into_iter().any(|id| starts(&self.catalog.entry(*id).role))
            }),
            _ => false,
        };
        entries.iter().any(|id| starts(&self.catalog.entry(*id).role)) || self.callee(site).iter().any(is_thread)
    }

    /// What a call hands over for a parameter of a function: one value, or what the parameter gathers.
    pub(super) fn handed_for(&self, site: CallSite, func: FuncId, index: LocalIndex) -> Vec<&'t Value> {
        let function = self.tree.function(func);
        if !local_of(function, index).parameter.is_some_and(gathers) {
            return self.bound_argument(site, func, index).into_iter().collect();
        }
        let by_name = !self.gathers_by_position(func, index);
        let own = positional(function);
        let is_own = |name: &str| {
            function
                .locals
                .iter()
                .any(|local| local.parameter.is_some() && local.name == *name)
        };
        let mut place = 0;
        let mut found = Vec::new();
        for argument in &self.tree.call(site).args {
            let goes_there = match argument.name.as_deref() {
                None => {
                    place += 1;
                    !by_name && place > own.len()
                }
                Some("*") => !by_name,
                Some("**") => by_name,
                Some(name) => by_name && !is_own(name),
            };
            if goes_there {
                found.push(&argument.value);
            }
        }
        found
    }
}

/// Whether such a parameter holds all arguments that no other one takes.
fn gathers(kind: ParameterKind) -> bool {
    matches!(kind, ParameterKind::VarPositional | ParameterKind::VarKeyword)
}
