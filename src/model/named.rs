//! Which variable an access is about.

use std::num::NonZeroU32;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::facts::{Event, Language, Value};
use crate::knowledge::{ArgumentRef, EntryId, Role, Shape};

use super::members::HOLE;
use super::objects::Object;
use super::program::Engine;
use super::sites::{SiteId, SiteInfo};
use super::summary::{Access, ChainStep};
use super::tree::{CallSite, FuncId, each_event};

/// So many names are looked at; a table of more says nothing of two accesses.
const MOST_NAMES: usize = 64;

/// Behind how the names begin of all the variables that an access is about. No shell lets it into a name.
const ANY: &str = "*";

/// A variable, by the number of its name in [`Variables`], from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VariableId(NonZeroU32);

/// The variables that functions are handed by name: of `fn flag(name: &str) -> bool { env::var(name).is_ok() }` each caller reads its
/// own. In Rust alone, whose accesses are safe unless they mean the same variable; elsewhere it is the array that is raced for.
#[derive(Debug, Default)]
pub struct Variables {
    names: Vec<String>,
    numbers: FxHashMap<String, VariableId>,
    /// Whether the function in which an access stands is handed the name, and by how many names it has been told so far.
    handed: FxHashMap<SiteId, (bool, Vec<VariableId>)>,
}

impl Variables {
    /// The number of a name, new or known.
    fn number(&mut self, name: String) -> VariableId {
        if let Some(id) = self.numbers.get(&name) {
            return *id;
        }
        let id = VariableId(NonZeroU32::MIN.saturating_add(self.names.len() as u32));
        self.names.push(name.clone());
        self.numbers.insert(name, id);
        id
    }
}

impl Engine<'_> {
    /// The variable that an access names as seen from one call farther away, `step`.
    pub fn variable_behind(&mut self, access: &Access, step: &Rc<ChainStep>) -> Option<VariableId> {
        if access.variable.is_some() || !self.is_handed_name(access.site) {
            return access.variable;
        }
        let mut names = self.names_by(access.site, &access.chain.behind(step.clone()).steps());
        let name = names.pop().filter(|_| names.is_empty())?;
        let id = self.variables.number(name);
        let (_, told) = self.variables.handed.get_mut(&access.site)?;
        if !told.contains(&id) {
            // What else it is handed counts as not known: the nearest way stands for all of it.
            if told.len() >= MOST_NAMES {
                return None;
            }
            told.push(id);
        }
        Some(id)
    }

    /// Whether the function in which an access of Rust's stands is handed the variable's name.
    fn is_handed_name(&mut self, site: SiteId) -> bool {
        if let Some((handed, _)) = self.variables.handed.get(&site) {
            return *handed;
        }
        let info = self.sites.get(site);
        let is_parameter = |(home, key): &(FuncId, &Value)| self.values.parameter_of(*home, key).is_some();
        let handed = info.language == Language::Rust
            && info.variable.is_none()
            && matches!(self.keys_of_site(info).as_slice(), [key] if is_parameter(key));
        self.variables.handed.insert(site, (handed, Vec::new()));
        handed
    }

    /// The one variable that an access is known to be about, by its way.
    pub fn variable_of(&self, access: &Access) -> Option<&str> {
        match access.variable {
            Some(VariableId(number)) => self.variables.names.get(number.get() as usize - 1).map(String::as_str),
            None => self.sites.get(access.site).variable.as_deref(),
        }
    }

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
                return Some(match is_prefix(&self.values.catalog.entry(*id).role) {
                    true => format!("{name}{ANY}"),
                    false => name,
                });
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
        let call = self.values.tree.call_at(inside.function, inside.span)?;
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

    /// Whether an access is about every one of the variables that it names, and not about one of them: `with_vars([("A", …), ("B", …)])`.
    pub fn is_about_all(&self, access: &Access) -> bool {
        let is_one = |home: FuncId, name: &Value| self.only_text(home, name).is_some();
        match self.keys_of_site(self.sites.get(access.site)).as_slice() {
            [(home, Value::List(items))] => items.iter().all(|item| match item {
                Value::List(pair) => pair.first().is_some_and(|name| is_one(*home, name)),
                name => is_one(*home, name),
            }),
            [(home, Value::Map(pairs))] => pairs.iter().all(|(name, _)| is_one(*home, name)),
            _ => false,
        }
    }

    fn names_by(&self, site: SiteId, steps: &[ChainStep]) -> Vec<String> {
        let keys = self.keys_of_site(self.sites.get(site)).into_iter();
        let names: Option<Vec<_>> = keys.map(|(home, key)| self.names_of(home, key, steps)).collect();
        let mut names = names.unwrap_or_default().concat();
        let mut roles = self.sites.get(site).entries.iter();
        if roles.any(|id| is_prefix(&self.values.catalog.entry(*id).role)) {
            names.iter_mut().for_each(|name| name.push_str(ANY));
        }
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
        let tree = self.values.tree;
        let mut stored: Option<&Value> = None;
        if let Some(site) = tree.call_at(info.function, info.span) {
            let call = tree.call(site);
            let key = self.key_argument(info);
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
            each_event(&tree.function(info.function).body, &mut |event| {
                if let Event::Store { value, span, .. } = event
                    && *span == info.span
                {
                    stored = Some(value);
                }
            });
        }
        stored?.as_text().map(str::to_owned)
    }

    /// What names the variable of an access, each in its function.
    fn keys_of_site<'s>(&'s self, info: &SiteInfo) -> Vec<(FuncId, &'s Value)> {
        let tree = self.values.tree;
        if let Some(site) = tree.call_at(info.function, info.span) {
            return self
                .key_argument(info)
                .map_or_else(Vec::new, |key| self.values.argument(site, key));
        }
        let mut found: Vec<(FuncId, &Value)> = Vec::new();
        each_event(&tree.function(info.function).body, &mut |event| {
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

    /// The argument by which the call of an access names its variable.
    fn key_argument(&self, info: &SiteInfo) -> Option<&ArgumentRef> {
        let mut roles = info.entries.iter().map(|id| &self.values.catalog.entry(*id).role);
        roles.find_map(key_of)
    }

    /// The names that a value may be; none where one is not known. `steps`: the way to the function in which it stands.
    fn names_of(&self, home: FuncId, value: &Value, steps: &[ChainStep]) -> Option<Vec<String>> {
        if let Some((owner, index)) = self.values.parameter_of(home, value)
            && let Some((last, before)) = steps.split_last()
        {
            let handed = self.values.tree.call_at(last.function, last.span).and_then(|site| {
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
    pub(super) fn all_texts(&self, func: FuncId, value: &Value) -> Option<Vec<String>> {
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

/// Whether two names can be of one variable, where each may stand for all that begin with it ([`ANY`]).
pub fn same_variable(a: &str, b: &str) -> bool {
    let begins = |name: &str, prefix: &str| {
        name.get(..prefix.len())
            .is_some_and(|own| own.eq_ignore_ascii_case(prefix))
    };
    match (a.strip_suffix(ANY), b.strip_suffix(ANY)) {
        (None, None) => a == b,
        (Some(prefix), None) => begins(b, prefix),
        (None, Some(prefix)) => begins(a, prefix),
        (Some(one), Some(other)) => begins(one, other) || begins(other, one),
    }
}

/// Whether a read looks at all variables whose names begin so.
fn is_prefix(role: &Role) -> bool {
    matches!(role, Role::Read { prefix: true, .. })
}

/// The argument by which a call names its variable.
pub(super) fn key_of(role: &Role) -> Option<&ArgumentRef> {
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

#[cfg(test)]
mod tests {
    use super::same_variable;

    #[test]
    fn a_prefix_stands_for_all_that_begin_so() {
        assert!(same_variable("TOOL_PORT", "TOOL_PORT"));
        assert!(!same_variable("TOOL_PORT", "tool_port"));
        assert!(same_variable("TOOL_PORT", "tool_*"));
        assert!(same_variable("tool_*", "TOOL_PORT"));
        assert!(!same_variable("TOOL", "TOOL_*"));
        assert!(!same_variable("TÖOL", "TÖ\u{d6}*"));
        assert!(same_variable("TOOL_*", "TOOL_LOG_*"));
        assert!(!same_variable("TOOL_*", "SHELL_*"));
    }
}
