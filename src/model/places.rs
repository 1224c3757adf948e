//! Identity for locks, queues, pools and thread handles: when do two expressions speak of the same one?
//!
//! An expression has a set of keys: the calls that may have made the object, and the variables that it is kept in. Two
//! expressions mean the same object when their keys meet. Instances of one class share the keys of their fields: whose
//! lock a field of C is, [`super::whose`] tells.

use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::facts::{FieldKey, Language, LocalIndex, ParameterKind, Value};
use crate::knowledge::{ArgumentRef, EntryId, Role};

use super::linkage::is_static;
use super::needs::Constant;
use super::objects::Object;
use super::tree::{CallSite, ClassId, FileId, FuncId, crate_root, local_of};
use super::values::Values;

/// One way to recognise an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Made by this call.
    Made(CallSite),
    /// Kept in a global: the scope within which the name is unique, and the name.
    Global(Rc<str>, Rc<str>),
    Field(ClassId, Rc<str>),
    /// A field of something whose type is not known.
    AnyField(Rc<str>),
    Local(FuncId, LocalIndex),
    Outside(Rc<str>),
    /// What a variable says while it is this constant ([`super::flags`]).
    Told(Rc<Key>, Constant),
    /// That this function has told something for which others wait before they go on ([`super::flags`]).
    Opened(Rc<Key>, FuncId),
    /// That work is done which a program does once, by the variable that says so ([`super::firsts`]).
    First(Rc<Key>),
    /// That something was stored into a variable for which others wait ([`super::flags`]).
    Stored(Rc<Key>),
    /// That a number was counted down for which others wait ([`super::flags`]).
    Counted(Rc<Key>),
    /// That code which is not in the tree has the sending end of a channel, and may send at any time.
    Lent(Rc<Key>),
}

/// A sorted set of keys; copies share their contents, since summaries hand them on by the thousand.
#[derive(Debug, Clone, Default, Eq, PartialOrd, Ord)]
pub struct Keys {
    keys: Option<Rc<[Key]>>,
    /// Of `keys`: lists of sets are looked through by the million, and nearly all that is met there is another set.
    hash: u64,
}

impl Keys {
    /// The set of these, in whatever order they come.
    pub fn of(mut keys: Vec<Key>) -> Keys {
        if keys.is_empty() {
            return Keys::default();
        }
        keys.sort();
        keys.dedup();
        Keys {
            hash: FxBuildHasher.hash_one(&keys),
            keys: Some(keys.into()),
        }
    }

    /// A number that two sets share only by chance.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// The set with these as well.
    pub fn with<'k>(&self, more: impl IntoIterator<Item = &'k Key>) -> Keys {
        let mut more = more.into_iter().peekable();
        match more.peek() {
            None => self.clone(),
            Some(_) => Keys::of(self.iter().cloned().chain(more.cloned()).collect()),
        }
    }
}

impl<'k> IntoIterator for &'k Keys {
    type Item = &'k Key;
    type IntoIter = std::slice::Iter<'k, Key>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Whether keys speak of work that is done once.
pub fn is_first(keys: &Keys) -> bool {
    keys.iter().any(|key| matches!(key, Key::First(_)))
}

/// Whether keys speak of a message, and neither of work that is done once nor of what one function opens.
pub fn is_message(keys: &Keys) -> bool {
    !keys.iter().any(|key| matches!(key, Key::First(_) | Key::Opened(..)))
}

/// Adds those that are not known.
pub fn add_new<T: PartialEq + Clone>(known: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !known.contains(one) {
            known.push(one.clone());
        }
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Keys) -> bool {
        self.hash == other.hash
            && match (&self.keys, &other.keys) {
                (Some(own), Some(others)) => Rc::ptr_eq(own, others) || own == others,
                (None, None) => true,
                _ => false,
            }
    }
}

impl Hash for Keys {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl Deref for Keys {
    type Target = [Key];

    fn deref(&self) -> &[Key] {
        self.keys.as_deref().unwrap_or_default()
    }
}

impl FromIterator<Key> for Keys {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Keys {
        Keys::of(keys.into_iter().collect())
    }
}

/// A queue, by what is known of it.
pub(super) struct Queue {
    pub keys: Keys,
    /// It is told from others by its keys; else it may be any.
    pub known: bool,
}

/// How many steps from a name to what it was stored or passed from are followed.
const DEEPEST: u32 = 4;

/// Keys that are being collected.
#[derive(Default)]
struct Collected {
    keys: Vec<Key>,
    /// The locals gone into, with the depth at which they were: a function with many callers is reached on many ways, and
    /// only a shorter one leads on to more.
    seen: FxHashMap<(FuncId, LocalIndex), u32>,
}

/// Whether two sets of keys meet.
pub fn meet(a: &[Key], b: &[Key]) -> bool {
    a.iter().any(|key| b.contains(key))
}

impl Values<'_> {
    /// The keys of a value that stands in a function.
    pub fn keys(&self, func: FuncId, value: &Value) -> Keys {
        let mut collected = Collected::default();
        self.collect_keys(func, value, 0, &mut collected);
        Keys::of(collected.keys)
    }

    /// The queue that a value is, or an end of it. The ends of Rust's channels are two things that are kept in two places, and only the
    /// call that made them tells that they belong together: an end in a field or static of which no such call is found may be
    /// that of any channel.
    pub(super) fn queue(&self, func: FuncId, value: &Value) -> Queue {
        let keys = self.keys(func, value);
        // A copy of an end is made by no channel.
        let passes = |site: &CallSite| {
            let entries = self.entries_of_call(*site);
            let mut roles = entries.into_iter().map(|id| &self.catalog.entry(id).role);
            roles.any(|role| matches!(role, Role::Pass { .. }))
        };
        let is_made = |keys: &Keys| {
            let mut made = keys.iter();
            made.any(|key| matches!(key, Key::Made(site) if !passes(site)))
        };
        if self.tree.language(func) != Language::Rust || is_made(&keys) || keys.is_empty() {
            return Queue { keys, known: true };
        }
        let mut kept = Collected::default();
        let mut fields = Vec::new();
        self.collect_fields(func, value, 0, &mut fields);
        for (home, field) in fields {
            for (home, stored) in self.put_into_field(home, field) {
                self.collect_keys(home, stored, 1, &mut kept);
            }
        }
        let keys = keys.with(&kept.keys);
        let known = is_made(&keys) || self.eval(func, value).is_empty();
        Queue { keys, known }
    }

    /// The fields that a value is, or is a copy of: `let sender = self.sender.clone();`.
    fn collect_fields<'v>(&'v self, func: FuncId, value: &'v Value, depth: u32, fields: &mut Vec<(FuncId, &'v Value)>) {
        if depth > DEEPEST {
            return;
        }
        match value {
            Value::Attribute(..) => fields.push((func, value)),
            Value::Local(owner, index) => {
                for store in self.local_stores(self.closure(func, *owner), *index) {
                    self.collect_fields(store.function, store.value, depth + 1, fields);
                }
            }
            Value::Call(..) => {
                for (home, passed) in self.passed_by(func, value) {
                    self.collect_fields(home, passed, depth + 1, fields);
                }
            }
            _ => {}
        }
    }

    /// What a call merely passes on: `sender.clone()`, `Box::new(sender)`.
    pub(super) fn passed_by(&self, func: FuncId, value: &Value) -> Vec<(FuncId, &Value)> {
        let Value::Call(owner, call) = value else {
            return Vec::new();
        };
        let site = (self.closure(func, *owner), *call);
        let mut found = Vec::new();
        for id in self.entries_of_call(site) {
            if let Role::Pass { of } = &self.catalog.entry(id).role {
                found.extend(self.argument(site, of));
            }
        }
        found
    }

    /// What is stored into a field, or written there where an object of its type is made.
    fn put_into_field<'v>(&'v self, func: FuncId, field: &'v Value) -> Vec<(FuncId, &'v Value)> {
        let Value::Attribute(base, name) = field else {
            return Vec::new();
        };
        let mut found = self.sources(func, field);
        for object in self.base_of_field(func, base).iter() {
            let Object::Instance(class, _) = object else { continue };
            let records = self.record_values(&self.tree.classes[class.0 as usize].name);
            let named = records.filter(|(_, key, _)| matches!(key, FieldKey::Name(key) if key == name));
            found.extend(named.map(|(home, _, value)| (home, value)));
        }
        found
    }

    /// The keys of the threads whose results an iterator brings: those of `map(f, xs)` itself, those of the handles that
    /// `as_completed(handles)` is given.
    pub(super) fn streamed(&self, func: FuncId, value: &Value) -> Keys {
        let mut keys = Vec::new();
        self.collect_streamed(func, value, 0, &mut keys, &mut FxHashMap::default());
        Keys::of(keys)
    }

    /// `seen`: the calls gone into, with the depth at which they were.
    fn collect_streamed(
        &self,
        func: FuncId,
        value: &Value,
        depth: u32,
        keys: &mut Vec<Key>,
        seen: &mut FxHashMap<CallSite, u32>,
    ) {
        if depth > DEEPEST {
            return;
        }
        let Value::Call(owner, call) = value else {
            for (home, source) in self.sources(func, value) {
                if matches!(source, Value::Call(..)) {
                    self.collect_streamed(home, source, depth + 1, keys, seen);
                }
            }
            return;
        };
        let site = (self.tree.func(self.tree.file_of(func), *owner), *call);
        if seen.get(&site).is_some_and(|known| *known <= depth) {
            return;
        }
        seen.insert(site, depth);
        for id in self.meaning(site).entries.iter().copied() {
            match &self.catalog.entry(id).role {
                Role::Stream {
                    of: ArgumentRef::Result,
                } => keys.push(Key::Made(site)),
                Role::Stream { of } => {
                    for (home, handles) in self.argument(site, of) {
                        keys.extend_from_slice(&self.keys(home, handles));
                        keys.extend_from_slice(&self.keys(home, &Value::Element(Box::new(handles.clone()))));
                    }
                }
                Role::Pass { of } => {
                    for (home, passed) in self.argument(site, of) {
                        self.collect_streamed(home, passed, depth + 1, keys, seen);
                    }
                }
                _ => {}
            }
        }
    }

    /// The keys by which those are known that are the keys of a mapping.
    pub(super) fn keys_of_mapping(&self, func: FuncId, mapping: &Value) -> Keys {
        let mut collected = Collected::default();
        self.mapping_keys(func, mapping, 0, &mut collected);
        Keys::of(collected.keys)
    }

    /// Handles that are the keys of a mapping, through which Python goes when it goes through the mapping: `{pool.submit(f, x): x}`,
    /// `names[pool.submit(f, x)] = x`.
    fn mapping_keys(&self, func: FuncId, mapping: &Value, depth: u32, collected: &mut Collected) {
        if depth > DEEPEST {
            return;
        }
        if let Value::Map(pairs) = mapping {
            for (key, _) in pairs {
                self.collect_keys(func, key, depth + 1, collected);
            }
            return;
        }
        for (home, source) in self.sources(func, mapping) {
            if matches!(
                source,
                Value::Map(_) | Value::Local(..) | Value::Global(_) | Value::Attribute(..)
            ) {
                self.mapping_keys(home, source, depth + 1, collected);
            }
        }
        let Some(name) = self.spoken(func, mapping) else { return };
        for store in self.item_stores(&name) {
            if let Value::Item(target, key) = store.target
                && self.same_place(func, mapping, store.function, target)
            {
                self.collect_keys(store.function, key, depth + 1, collected);
            }
        }
    }

    fn collect_keys(&self, func: FuncId, value: &Value, depth: u32, collected: &mut Collected) {
        if depth > DEEPEST {
            return;
        }
        for object in self.eval(func, value).iter() {
            match object {
                Object::Result(_, Some(site)) | Object::Instance(_, Some(site)) => {
                    collected.keys.push(Key::Made(*site))
                }
                _ => {}
            }
        }
        let file = self.tree.file_of(func);
        match value {
            Value::Global(name) => collected.keys.push(self.global_key(file, name)),
            Value::Path(path) => self.path_keys(file, path, &mut collected.keys),
            Value::Local(owner, index) => self.local_keys(self.tree.func(file, *owner), *index, depth, collected),
            Value::Attribute(base, name) => self.field_keys(func, base, name, &mut collected.keys),
            Value::Item(base, place) => match self.gone_through_at(func, base, place) {
                Some((home, argument)) => {
                    let element = Value::Element(Box::new(argument.clone()));
                    self.collect_keys(home, &element, depth + 1, collected);
                }
                None => self.collect_keys(func, base, depth + 1, collected),
            },
            Value::Element(base) => {
                self.collect_keys(func, base, depth + 1, collected);
                for (home, value) in self.calls_put_into(func, base) {
                    self.collect_keys(home, value, depth + 1, collected);
                }
                if self.tree.language(func) == Language::Python {
                    self.mapping_keys(func, base, depth + 1, collected);
                }
            }
            Value::Await(inner) => self.collect_keys(func, inner, depth + 1, collected),
            // `threads + i` is `&threads[i]`.
            Value::Combined(operands) if self.tree.language(func) == Language::C => {
                if let Some(pointer) = operands.first() {
                    self.collect_keys(func, pointer, depth + 1, collected);
                }
            }
            Value::OneOf(values) | Value::List(values) => {
                for value in values {
                    self.collect_keys(func, value, depth + 1, collected);
                }
            }
            Value::Call(owner, call) => {
                let site = (self.tree.func(file, *owner), *call);
                collected.keys.push(Key::Made(site));
                self.returned_keys(func, site, depth, collected);
                let is_of = |role: &Role| matches!(role, Role::Pass { .. } | Role::Element { .. });
                self.passed_keys(site, is_of, depth, collected);
            }
            _ => {}
        }
    }

    /// Of what a call goes through together, that of which a place of an element is one: `for n, t in zip(names, threads)`.
    fn gone_through_at(&self, func: FuncId, element: &Value, place: &Value) -> Option<(FuncId, &Value)> {
        let (Value::Element(call), Value::Int(place)) = (element, place) else {
            return None;
        };
        let Value::Call(owner, call) = &**call else { return None };
        let site = (self.tree.func(self.tree.file_of(func), *owner), *call);
        let is_together = |id: &EntryId| matches!(self.catalog.entry(*id).role, Role::Together);
        let args = &self.tree.call(site).args;
        // `zip(*lists)`: how many there are is not known.
        if args.iter().any(|argument| argument.name.as_deref() == Some("*"))
            || !self.entries_of_call(site).iter().any(is_together)
        {
            return None;
        }
        let arguments = self.argument(site, &ArgumentRef::Every);
        arguments.get(usize::try_from(*place).ok()?).copied()
    }

    /// What merely passes its argument on (`.clone()`, `.unwrap()`, `iter()`) keeps its identity.
    fn passed_keys(&self, site: CallSite, is_of: impl Fn(&Role) -> bool, depth: u32, collected: &mut Collected) {
        let roles = self
            .entries_of_call(site)
            .into_iter()
            .map(|id| &self.catalog.entry(id).role);
        for role in roles.filter(|role| is_of(role)) {
            if let Role::Pass { of } | Role::Element { of } = role {
                for (home, value) in self.argument(site, of) {
                    self.collect_keys(home, value, depth + 1, collected);
                }
            }
        }
    }

    /// What an accessor returns (`return &lock;`) is what its callers mean. A local that holds what a call made is another
    /// thing at every call.
    fn returned_keys(&self, func: FuncId, site: CallSite, depth: u32, collected: &mut Collected) {
        if self.tree.language(func) != Language::C {
            return;
        }
        for object in self.callee(site).iter() {
            let Object::Function(target) = object else { continue };
            for value in self.returns_of(*target) {
                let fresh = match value {
                    Value::Local(owner, index) => {
                        let owner = self.tree.func(self.tree.file_of(*target), *owner);
                        self.local_stores(owner, *index)
                            .iter()
                            .any(|store| matches!(store.value, Value::Call(..)))
                    }
                    Value::Global(_) | Value::Attribute(..) | Value::Item(..) => false,
                    _ => true,
                };
                if !fresh {
                    self.collect_keys(*target, value, depth + 1, collected);
                }
            }
        }
    }

    pub(super) fn global_key(&self, file: FileId, name: &str) -> Key {
        let facts = self.tree.file(file);
        let scope = match facts.language {
            // An external variable of C is one, whichever file declares it.
            Language::C if !is_static(self.tree, file, name) => "",
            _ => facts.path.as_str(),
        };
        Key::Global(scope.into(), name.into())
    }

    fn path_keys(&self, file: FileId, path: &str, keys: &mut Vec<Key>) {
        match self.tree.file(file).language {
            Language::Rust => {
                let scope = if path.starts_with("crate::") {
                    crate_root(&self.tree.file(file).path)
                } else {
                    ""
                };
                keys.push(Key::Global(scope.into(), path.into()));
            }
            _ => {
                if let Some((module, name)) = path.rsplit_once('.') {
                    for module in self.python_modules(file, module).iter() {
                        keys.push(self.global_key(*module, name));
                    }
                }
                keys.push(Key::Outside(path.into()));
            }
        }
    }

    fn local_keys(&self, owner: FuncId, index: LocalIndex, depth: u32, collected: &mut Collected) {
        match collected.seen.get(&(owner, index)) {
            Some(known) if *known <= depth => return,
            _ => collected.seen.insert((owner, index), depth),
        };
        collected.keys.push(Key::Local(owner, index));
        for store in self.local_stores(owner, index) {
            if let Value::Call(owner, call) = store.value {
                let file = self.tree.file_of(store.function);
                let site = (self.tree.func(file, *owner), *call);
                collected.keys.push(Key::Made(site));
                self.returned_keys(store.function, site, depth, collected);
                // One element that was taken out is not all of them: it alone may be joined.
                self.passed_keys(site, |role| matches!(role, Role::Pass { .. }), depth, collected);
            } else if !self.makes_anew(store.function, store.value) {
                self.collect_keys(store.function, store.value, depth + 1, collected);
            }
        }
        let parameter = local_of(self.tree.function(owner), index).parameter;
        // `thread.stop()`, whose `self.join()` waits for that thread.
        if parameter == Some(ParameterKind::Receiver) && self.tree.language(owner) == Language::Python {
            for caller in self.evident_callers(owner).iter() {
                if let Value::Attribute(object, _) = &self.tree.call(*caller).callee {
                    self.collect_keys(caller.0, object, depth + 1, collected);
                }
            }
        }
        if parameter.is_some() {
            for (caller, value) in self.passed(owner, index) {
                self.collect_keys(caller, value, depth + 1, collected);
            }
            for (home, container) in self.called_with_each(owner, index) {
                self.collect_keys(home, container, depth + 1, collected);
            }
        }
    }

    /// Whether a value is what a new object is filled with, and says nothing of which one it is.
    fn makes_anew(&self, func: FuncId, value: &Value) -> bool {
        match value {
            Value::List(_) => true,
            Value::Global(name) if self.tree.language(func) == Language::C => {
                self.is_initialiser(self.tree.file_of(func), name)
            }
            _ => false,
        }
    }

    fn field_keys(&self, func: FuncId, base: &Value, name: &str, keys: &mut Vec<Key>) {
        let before = keys.len();
        for object in self.base_of_field(func, base).iter() {
            match object {
                Object::Instance(class, _) | Object::Class(class) => {
                    for ancestor in self.ancestors(*class).iter() {
                        keys.push(Key::Field(*ancestor, name.into()));
                    }
                }
                Object::Module(file) => keys.push(self.global_key(*file, name)),
                _ => {}
            }
        }
        if keys.len() == before {
            keys.push(Key::AnyField(name.into()));
        }
    }
}
