//! Variables of the environment that are there to stay. Once a program has set one that it takes away nowhere, setting it again
//! overwrites it, which moves no array; and whoever asks whether it is there finds it: `if (!getenv(name)) setenv(name, …)` does
//! nothing any more. A variable that is set is a mark as those of [`super::firsts`]: work that is done, and stays done.
//!
//! Said of C, where names are mostly written out, and a variable is set by what sets it and by nothing around that.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{CallIndex, Event, Language, Value};
use crate::knowledge::{EntryId, Role, Shape};

use super::named::key_of;
use super::places::{Key, Keys};
use super::program::Engine;
use super::sites::{AccessKind, SiteId};
use super::summary::Live;
use super::tree::{CallSite, FuncId, each_event};
use super::walk::Walk;

/// How the mark of a variable begins, which no other work that is done once is called.
const VARIABLE: &str = "variable ";

/// Who takes variables away, and which changes are of variables that stay.
#[derive(Debug, Default)]
pub struct Lasting {
    /// The functions that take away a variable of this name.
    removed: FxHashMap<String, FxHashSet<FuncId>>,
    /// Those that take away some, and it is not known which.
    any_removed: FxHashSet<FuncId>,
    /// The marks of the variables that are set at these sites.
    set: FxHashMap<SiteId, Keys>,
}

/// Whether keys speak of a variable that is set.
pub fn is_variable_mark(keys: &Keys) -> bool {
    let is_mark =
        |key: &Key| matches!(key, Key::First(of) if matches!(&**of, Key::Outside(name) if name.starts_with(VARIABLE)));
    keys.iter().any(is_mark)
}

impl Lasting {
    /// Whether some variable is set that stays.
    pub(super) fn has_marks(&self) -> bool {
        !self.set.is_empty()
    }
}

impl Engine<'_> {
    /// Finds out who takes variables away.
    pub(super) fn index_removals(&mut self) {
        let tree = self.values.tree;
        let mut found = Lasting::default();
        for func in tree.functions().filter(|func| tree.language(*func) == Language::C) {
            for number in 0..tree.function(func).calls.len() {
                let site = (func, CallIndex(number as u32));
                for id in &self.values.meaning(site).entries {
                    if let Role::Mutation { shape, .. } = &self.values.catalog.entry(*id).role {
                        self.note_removal(site, *id, *shape, &mut found);
                    }
                }
            }
            each_event(&tree.function(func).body, &mut |event| {
                if let Event::Store { target, form, kind, .. } = event
                    && is_of_global(target)
                    && !self.values.store_entries(func, target, *form, *kind).is_empty()
                {
                    found.any_removed.insert(func);
                }
            });
        }
        self.lasting = found;
    }

    fn note_removal(&self, site: CallSite, id: EntryId, shape: Shape, found: &mut Lasting) {
        let entry = self.values.catalog.entry(id);
        let named = key_of(&entry.role).map_or_else(Vec::new, |key| self.values.argument(site, key));
        // `putenv("NAME")` takes it away (putenv(3)).
        let is_bare = |value: &Value| value.as_text().is_some_and(|text| !text.contains('='));
        let alone = self.values.tree.call(site).args.len() == 1;
        match shape {
            Shape::Overwrite => return,
            Shape::Add if !(alone && named.iter().any(|(_, value)| is_bare(value))) => return,
            Shape::Clear | Shape::Unknown => {
                found.any_removed.insert(site.0);
                return;
            }
            Shape::Add | Shape::Delete => {}
        }
        let names: Option<Vec<_>> = named.iter().map(|(home, value)| self.all_texts(*home, value)).collect();
        match names.filter(|names| !names.is_empty()) {
            Some(names) => {
                for name in names.concat() {
                    found.removed.entry(name).or_default().insert(site.0);
                }
            }
            None => {
                found.any_removed.insert(site.0);
            }
        }
    }

    /// The mark of a variable that a function sets or asks for, where no program that holds the function takes it away.
    fn variable_mark(&mut self, func: FuncId, name: &str) -> Option<Keys> {
        if self.values.tree.language(func) != Language::C {
            return None;
        }
        let removers = self.lasting.removed.get(name).into_iter().flatten();
        let mut removers = removers.chain(&self.lasting.any_removed);
        if removers.any(|remover| self.programs.share_one(func, *remover)) {
            return None;
        }
        let mark = Keys::of(vec![Key::First(Rc::new(Key::Outside(
            format!("{VARIABLE}{name}").into(),
        )))]);
        self.firsts.insert(mark.clone());
        Some(mark)
    }

    /// Whether a change overwrites what was there before a thread began that is alive.
    pub(super) fn overwrites(&self, site: SiteId, live: &Live) -> bool {
        let mark = self.lasting.set.get(&site);
        mark.is_some_and(|mark| live.story.sent.contains(mark))
    }
}

impl Walk<'_, '_> {
    /// The mark of the variable that is set here, and there from now on.
    pub(super) fn variable_set(&mut self, site: SiteId) -> Option<Keys> {
        let info = self.engine.sites.get(site);
        let is_change = info.kind == AccessKind::Mutation && self.state.child.is_none();
        let (name, func) = (info.variable.clone().filter(|_| is_change)?, info.function);
        if self.engine.shape(site) != Shape::Add {
            return None;
        }
        let mark = self.engine.variable_mark(func, &name)?;
        self.engine.lasting.set.insert(site, mark.clone());
        Some(mark)
    }

    /// A test finds that a variable is there, or not.
    pub(super) fn learn_variable(&mut self, value: &Value, is_there: bool) {
        let Some(mark) = self.asked_variable(value) else { return };
        match is_there {
            true => self.state.done.insert(mark),
            false if self.state.done.contains(&mark) => self.state.dead = true,
            false if self.state.received.contains(&mark) => {}
            false => self.state.received.push(mark),
        }
    }

    /// The mark of the variable for which a value was asked: `getenv(name)`, or a local that holds what it gave.
    fn asked_variable(&mut self, value: &Value) -> Option<Keys> {
        let values = &self.engine.values;
        let asked = match value {
            Value::Local(owner, index) => {
                let stores = values.local_stores(values.closure(self.here, *owner), *index);
                match stores {
                    [only] if only.function == self.here => only.value,
                    _ => return None,
                }
            }
            other => other,
        };
        let Value::Call(owner, call) = asked else { return None };
        let site = (values.closure(self.here, *owner), *call);
        let entries: Vec<EntryId> = values.meaning(site).entries.clone();
        let reads = |id: &EntryId| {
            let role = &values.catalog.entry(*id).role;
            super::roles::access_kind(role) == Some(AccessKind::Read)
        };
        if values.tree.language(site.0) != Language::C || entries.is_empty() || !entries.iter().all(reads) {
            return None;
        }
        let name = self.engine.key_of_call(site, &entries)?;
        self.engine.variable_mark(site.0, &name)
    }
}

/// A global, or an element of one.
fn is_of_global(place: &Value) -> bool {
    match place {
        Value::Global(_) => true,
        Value::Item(base, _) | Value::Element(base) => is_of_global(base),
        _ => false,
    }
}
