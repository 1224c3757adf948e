//! Channels whose sending end code has that is not in the tree: `notify::recommended_watcher(sender)`. It may send at any time from
//! then on, on threads of its own, so that a thread which waits to receive there is not known to wait.
//!
//! What the standard library is handed stays in the tree, and so does what is put into a container.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::facts::{Language, Value};
use crate::knowledge::{Catalog, EntryId, Idiom, Role};

use super::meaning::Meaning;
use super::objects::Object;
use super::places::{Key, Keys, meet};
use super::program::SummaryKey;
use super::summary::Live;
use super::tree::{CallSite, FuncId, Tree, last_segment, local_of};
use super::values::Values;
use super::walk::Walk;

/// What is said where a thread receives what only such code may send.
pub(super) const LENT: &str =
    "the thread waits to receive, and code that is not in the tree has the sending end: when it sends is not known";

/// Through how many variables, fields and calls a value is followed to the call that makes the channel.
const DEEPEST: u32 = 4;

/// What is said of a channel whose sending end such code has.
fn lent(keys: &Keys) -> Keys {
    keys.iter().map(|key| Key::Lent(Rc::new(key.clone()))).collect()
}

/// Whether keys say that code outside the tree may send.
pub(super) fn is_lent(keys: &Keys) -> bool {
    keys.iter().any(|key| matches!(key, Key::Lent(_)))
}

/// The key of the channel itself.
pub(super) fn channel(key: &Key) -> &Key {
    match key {
        Key::Lent(channel) => channel,
        key => key,
    }
}

/// The same keys for another channel.
pub(super) fn of_channel(like: &Keys, keys: &Keys) -> Keys {
    if is_lent(like) { lent(keys) } else { keys.clone() }
}

/// Whether among what is sent is something that code outside the tree may send on this channel.
pub(super) fn is_lent_among<'k>(sent: impl IntoIterator<Item = &'k Keys>, keys: &Keys) -> bool {
    let mut lent = sent.into_iter().filter(|sent| is_lent(sent));
    lent.any(|sent| sent.iter().any(|key| keys.contains(channel(key))))
}

/// Whether something may be sent to a thread on this channel, by whomever.
pub(super) fn may_be_sent(live: &Live, keys: &Keys) -> bool {
    live.story.sent_unknown
        || live.story.sent.iter().any(|sent| meet(sent, keys))
        || is_lent_among(live.story.sent.iter(), keys)
}

impl Values<'_> {
    /// Whether a call hands what it is given to code that is in no way known: a function of another crate, or a method of what one
    /// has, other than those that containers have.
    pub(super) fn is_foreign_call(&self, site: CallSite) -> bool {
        if self.tree.language(site.0) != Language::Rust {
            return false;
        }
        self.callee(site).iter().any(|object| {
            let Object::External(path) = object else { return false };
            let Some((crate_name, _)) = path.split_once("::") else {
                return false;
            };
            let own = matches!(
                crate_name,
                "std" | "core" | "alloc" | "crate" | "self" | "super" | "Self"
            );
            !own && !self.keeps(site)
        })
    }

    /// Whether a call puts something into a container.
    fn keeps(&self, site: CallSite) -> bool {
        match &self.tree.call(site).callee {
            Value::Attribute(container, method) => {
                !matches!(**container, Value::Path(_)) && self.catalog.tells(Language::Rust, method, Idiom::Everyday)
            }
            _ => false,
        }
    }

    /// The channels whose sending ends a call hands to code outside the tree, which nobody knows or which starts threads.
    pub(super) fn lent_by_call(&self, site: CallSite, meaning: &Meaning) -> Vec<Keys> {
        let starts = |id: &EntryId| {
            matches!(
                self.catalog.entry(*id).role,
                Role::Start { .. } | Role::CallsLater { .. }
            )
        };
        let takes = meaning.unknown || meaning.edges.is_empty() && meaning.entries.iter().any(starts);
        let mut found = Vec::new();
        if self.makes_channels && takes && self.is_foreign_call(site) {
            for argument in &self.tree.call(site).args {
                self.collect_senders(site.0, &argument.value, 0, &mut found);
            }
        }
        found
    }

    fn collect_senders(&self, func: FuncId, value: &Value, depth: u32, found: &mut Vec<Keys>) {
        if depth > DEEPEST {
            return;
        }
        if self.is_sender(func, value, depth) {
            let queue = self.queue(func, value);
            if queue.known && !queue.keys.is_empty() && !found.contains(&queue.keys) {
                found.push(queue.keys);
            }
            return;
        }
        match value {
            Value::OneOf(values) | Value::List(values) => {
                for value in values {
                    self.collect_senders(func, value, depth + 1, found);
                }
            }
            Value::Record(record) => {
                for (_, value) in &record.fields {
                    self.collect_senders(func, value, depth + 1, found);
                }
            }
            Value::Local(owner, index) => {
                let owner = self.closure(func, *owner);
                for store in self.local_stores(owner, *index) {
                    if matches!(store.value, Value::Record(_) | Value::List(_)) {
                        self.collect_senders(store.function, store.value, depth + 1, found);
                    }
                }
            }
            Value::Call(..) => {
                for (home, value) in self.passed_by(func, value) {
                    self.collect_senders(home, value, depth + 1, found);
                }
            }
            _ => {}
        }
    }

    /// Whether a value is the sending end of a channel: the first of the two that the call gives, or of a type that sends.
    fn is_sender(&self, func: FuncId, value: &Value, depth: u32) -> bool {
        if depth > DEEPEST {
            return false;
        }
        let is_one = |(home, value): (FuncId, &Value)| self.is_sender(home, value, depth + 1);
        match value {
            Value::Item(ends, place) => **place == Value::Int(0) && self.is_channel(func, ends, depth),
            Value::Call(..) => self.passed_by(func, value).into_iter().any(is_one),
            Value::Local(owner, index) => {
                let owner = self.closure(func, *owner);
                let local = local_of(self.tree.function(owner), *index);
                local.ty.is_some() && self.is_of_sending_type(func, value)
                    || self
                        .local_stores(owner, *index)
                        .iter()
                        .any(|store| is_one((store.function, store.value)))
                    || local.parameter.is_some() && self.passed(owner, *index).into_iter().any(is_one)
            }
            Value::Attribute(..) => {
                self.is_of_sending_type(func, value) || self.sources(func, value).into_iter().any(is_one)
            }
            _ => false,
        }
    }

    /// Whether a value is what a call gives that makes a channel.
    fn is_channel(&self, func: FuncId, value: &Value, depth: u32) -> bool {
        match value {
            Value::Call(owner, call) => {
                let entries = self.entries_of_call((self.closure(func, *owner), *call));
                let mut roles = entries.into_iter().map(|id| &self.catalog.entry(id).role);
                roles.any(|role| *role == Role::Channel)
            }
            Value::Local(..) if depth <= DEEPEST => {
                let mut sources = self.sources(func, value).into_iter();
                sources.any(|(home, value)| self.is_channel(home, value, depth + 1))
            }
            _ => false,
        }
    }

    /// Whether a value is of an outside type that has a method which sends.
    fn is_of_sending_type(&self, func: FuncId, value: &Value) -> bool {
        let is_one = |object: &Object| matches!(object, Object::Result(ty, _) if self.sending_types.contains(&**ty));
        self.eval(func, value).iter().any(is_one)
    }
}

/// Whether some call has the name of what makes a channel, by the catalog.
pub(super) fn makes_channels(tree: &Tree, catalog: &Catalog) -> bool {
    let mut makers = catalog.iter().filter(|(_, entry)| entry.role == Role::Channel);
    makers.any(|(_, entry)| tree.calls_by_name.contains_key(last_segment(&entry.path)))
}

/// The types that have a method which sends, by the catalog.
pub(super) fn sending_types(catalog: &Catalog) -> FxHashSet<&str> {
    let methods = catalog
        .iter()
        .filter(|(_, entry)| matches!(entry.role, Role::Send { .. }));
    let types = methods.filter_map(|(_, entry)| entry.path.rsplit_once("::"));
    types.map(|(ty, _)| ty).collect()
}

impl Walk<'_, '_> {
    /// Code outside the tree is handed the sending end of a channel: it may send from here on, to those who wait and to those who
    /// will.
    pub(super) fn lend(&mut self, channel: &Keys) {
        self.may_be_sent(&lent(channel));
    }

    /// Code outside the tree is handed a function that sends.
    pub(super) fn lend_what_sends(&mut self, func: FuncId) {
        let key = SummaryKey {
            function: func,
            main: false,
        };
        let summary = self.engine.summary(key);
        for keys in summary.sends.iter().filter(|keys| !is_lent(keys)) {
            self.lend(keys);
        }
    }

    /// The same, as it is told.
    pub(super) fn may_be_sent(&mut self, lent: &Keys) {
        if !self.state.opened.contains(lent) {
            self.state.opened.push(lent.clone());
        }
        self.send(lent);
    }
}
