//! Which variable an access is about.

use crate::facts::{CallIndex, Event, Value};
use crate::knowledge::{ArgumentRef, EntryId, Role, Shape};

use super::members::HOLE;
use super::objects::Object;
use super::program::Engine;
use super::sites::{SiteId, SiteInfo};
use super::summary::{Access, ChainStep};
use super::tree::{CallSite, FuncId, each_event};

/// So many names are looked at; a table of more says nothing of two accesses.
const MOST_NAMES: usize = 64;

impl Engine<'_> {
    /// The variable that a place names by its key: `os.environ['X']`.
    pub fn key_of_place(&self, func: FuncId, place: &Value) -> Option<String> {
        match place {
            Value::Item(_, key) => self.only_text(func, key),
            _ => None,
        }
    }

    /// The variable that a call names by an argument.
    pub fn key_of_call(&self, site: CallSite, entries: &[EntryId]) -> Option<String> {
        for id in entries {
            let Some(key) = key_of(&self.values.catalog.entry(*id).role) else {
                continue;
            };
            let mut named = self.values.argument(site, key).into_iter();
            if let Some(name) = named.find_map(|(home, value)| self.only_text(home, value)) {
                return Some(name);
            }
        }
        None
    }

    fn only_text(&self, func: FuncId, value: &Value) -> Option<String> {
        let mut texts = self.all_texts(func, value)?;
        texts.dedup();
        texts.pop().filter(|_| texts.is_empty())
    }

    /// The variable that a use of a macro names by one of its arguments.
    pub(super) fn key_in_macro(&self, inside: &SiteInfo, used: CallSite) -> Option<String> {
        let calls = &self.values.tree.function(inside.function).calls;
        let index = calls.iter().position(|call| call.span == inside.span)?;
        let call = (inside.function, CallIndex(index as u32));
        let roles = inside.entries.iter().map(|id| &self.values.catalog.entry(*id).role);
        let keys = roles.filter_map(key_of);
        for (home, value) in keys.flat_map(|key| self.values.argument(call, key)) {
            if let Some((owner, parameter)) = self.values.parameter_of(home, value)
                && let Some(argument) = self.values.bound_argument(used, owner, parameter)
            {
                return self.only_text(used.0, argument);
            }
        }
        None
    }

    /// The variables that an access may be about, whoever makes it, where all are known; sorted.
    pub fn names_of_site(&self, site: SiteId) -> Vec<String> {
        self.names_by(site, &[])
    }

    /// The same on the way on which it is made, which tells what a function was handed.
    pub fn names_on_way(&self, access: &Access) -> Vec<String> {
        self.names_by(access.site, &access.chain.steps())
    }

    fn names_by(&self, site: SiteId, steps: &[ChainStep]) -> Vec<String> {
        let keys = self.keys_of_site(self.sites.get(site)).into_iter();
        let names: Option<Vec<_>> = keys.map(|(home, key)| self.names_of(home, key, steps)).collect();
        let mut names = names.unwrap_or_default().concat();
        names.sort();
        names.dedup();
        if names.len() > MOST_NAMES {
            names.clear();
        }
        names
    }

    /// Whether two changes of one variable leave the same, in whichever order they come: both delete it, or both store the same
    /// constant.
    pub fn leaves_same(&self, a: &Access, b: &Access) -> bool {
        let deletes = |access: &Access| self.shape(access.site) == Shape::Delete;
        if deletes(a) || deletes(b) {
            return deletes(a) && deletes(b);
        }
        let (one, other) = (self.constant_stored(a), self.constant_stored(b));
        one.is_some() && one == other
    }

    /// The constant text that a change stores.
    fn constant_stored(&self, access: &Access) -> Option<String> {
        let info = self.sites.get(access.site);
        let function = self.values.tree.function(info.function);
        let mut stored: Option<&Value> = None;
        if let Some(call) = function.calls.iter().find(|call| call.span == info.span) {
            let key = info
                .entries
                .iter()
                .find_map(|id| key_of(&self.values.catalog.entry(*id).role));
            // `setenv(name, value, …)`, `setdefault(name, value)`: the value stands behind the name.
            if let Some(ArgumentRef::Of { positions, .. }) = key {
                let position = *positions.first()? as usize + 1;
                stored = call
                    .args
                    .get(position)
                    .filter(|argument| argument.name.is_none())
                    .map(|argument| &argument.value);
            }
        } else {
            each_event(&function.body, &mut |event| {
                if let Event::Store { value, span, .. } = event
                    && *span == info.span
                {
                    stored = Some(value);
                }
            });
        }
        let Value::Text(_) = stored? else { return None };
        stored?.as_text().map(str::to_owned)
    }

    /// What names the variable of an access, each in its function.
    fn keys_of_site<'s>(&'s self, info: &SiteInfo) -> Vec<(FuncId, &'s Value)> {
        let function = self.values.tree.function(info.function);
        if let Some(index) = function.calls.iter().position(|call| call.span == info.span) {
            let site = (info.function, CallIndex(index as u32));
            let keys = info
                .entries
                .iter()
                .find_map(|id| key_of(&self.values.catalog.entry(*id).role));
            return keys.map_or_else(Vec::new, |key| self.values.argument(site, key));
        }
        let mut found: Vec<(FuncId, &Value)> = Vec::new();
        each_event(&function.body, &mut |event| {
            let (place, span) = match event {
                Event::Store { target, span, .. } => (target, span),
                Event::Load { value, span, .. } => (value, span),
                _ => return,
            };
            if let Value::Item(_, key) = place
                && *span == info.span
            {
                found.push((info.function, key));
            }
        });
        found
    }

    /// The names that a value may be; none where one is not known. `steps`: the way to the function in which it stands.
    fn names_of(&self, home: FuncId, value: &Value, steps: &[ChainStep]) -> Option<Vec<String>> {
        if let Some((owner, index)) = self.values.parameter_of(home, value)
            && let Some((last, before)) = steps.split_last()
        {
            let calls = &self.values.tree.function(last.function).calls;
            let call = calls.iter().position(|call| call.span == last.span);
            let handed = call.and_then(|call| {
                let site = (last.function, CallIndex(call as u32));
                let enters = self.values.meaning(site).edges.iter().any(|edge| edge.target == owner);
                enters.then(|| self.values.bound_argument(site, owner, index)).flatten()
            });
            if let Some(handed) = handed {
                return self.names_of(last.function, handed, before);
            }
        }
        match value {
            // Names, or pairs of a name and a value.
            Value::List(items) => {
                let names = items.iter().map(|item| match item {
                    Value::List(pair) => self.names_of(home, pair.first()?, steps),
                    name => self.names_of(home, name, steps),
                });
                Some(names.collect::<Option<Vec<_>>>()?.concat())
            }
            Value::Map(pairs) => {
                let names = pairs.iter().map(|(name, _)| self.names_of(home, name, steps));
                Some(names.collect::<Option<Vec<_>>>()?.concat())
            }
            _ => self.all_texts(home, value),
        }
    }

    /// The texts that a value may be, where it can be nothing else.
    fn all_texts(&self, func: FuncId, value: &Value) -> Option<Vec<String>> {
        let objects = self.values.eval(func, value);
        let mut found = Vec::new();
        for object in objects.iter() {
            match object {
                Object::Text(text) => found.push(named(text)?.to_owned()),
                // The written type of a constant says nothing beside its text.
                Object::Result(_, None) => {}
                _ => return None,
            }
        }
        (!found.is_empty()).then_some(found)
    }
}

/// The argument by which a call names its variable.
fn key_of(role: &Role) -> Option<&ArgumentRef> {
    match role {
        Role::Mutation { key, .. } | Role::Read { key, .. } => key.as_ref(),
        _ => None,
    }
}

/// The name in `NAME=value` or `NAME`, where all of it is known.
fn named(text: &str) -> Option<&str> {
    let name = text.split('=').next().unwrap_or(text);
    (!name.contains(HOLE)).then_some(name)
}
