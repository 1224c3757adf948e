//! What a value may be: a set of objects, found on demand.
//!
//! This is no pointer analysis. Every variable is the set of all that is ever stored into it, whatever the order; every
//! parameter the set of all that evident callers pass; cycles contribute what is known when they close. Sets that grow too
//! long are cut: what is left out is a missed alias, never a made-up one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{
    AccessForm, Event, FieldKey, Function, Language, LocalIndex, Name, Piece, Region, RegionKind, StoreKind, Value,
};
use crate::knowledge::{ArgumentRef, Catalog, MatchKind, Role, StartMoment};

use super::answers::{Answers, Question};
use super::budget::Budget;
use super::fields::StoresByClass;
use super::firsts::Places;
use super::handed_back::HandedBack;
use super::linkage::Linkage;
use super::memo::{Memo, NamedMemo};
use super::objects::{Object, Objects};
use super::outs::Outs;
use super::parameters::{Takers, find_argument};
use super::places::Keys;
use super::tree::{
    CallSite, ClassId, FileId, FilesBy, FuncId, StoreRef, Tree, crate_root, each_event, each_reached_event,
    each_region, local_of, value_name,
};

/// The fields of a record literal.
pub(super) type Fields<'t> = &'t [(FieldKey, Value)];

/// A set of objects by its place in memory, which no other takes as long as this is kept.
#[derive(Debug)]
struct Place(Objects);

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        self.0.address() == other.0.address()
    }
}

impl Eq for Place {}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.address().hash(state);
    }
}

/// A path in a package: the package's folder, and the path from `crate`.
pub(super) type RustPlace = Rc<(String, String)>;

/// How deep one question may lead to others; the analysis has a stack of its own that is made for it.
const DEEPEST: u32 = 3000;

/// What stands before the name of a C symbol that a Rust file declares itself.
pub(super) const SYMBOL: &str = "extern::";

/// Does `work` where the stack has room for it, on a new piece of stack if need be.
pub(super) fn with_room<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(512 << 10, 16 << 20, work)
}

/// Answers what values may be.
pub struct Values<'t> {
    pub tree: &'t Tree,
    pub catalog: &'t Catalog,
    pub budget: Budget,
    local_stores: FxHashMap<(FuncId, LocalIndex), Vec<StoreRef<'t>>>,
    global_stores: FxHashMap<FileId, FxHashMap<Name, Vec<StoreRef<'t>>>>,
    attribute_stores: FxHashMap<Name, Vec<StoreRef<'t>>>,
    /// Stores into elements, by the name of what is stored into.
    item_stores: FxHashMap<Name, Vec<StoreRef<'t>>>,
    pub(super) returns: FxHashMap<FuncId, Vec<&'t Value>>,
    /// Rust packages by crate name.
    pub(super) crates: BTreeMap<String, Vec<String>>,
    /// What functions ask for and set that outlives their calls, as far as somebody asked.
    pub(super) places: RefCell<FxHashMap<FuncId, Rc<Places>>>,
    /// Rust files by package folder and module path.
    pub(super) rust_modules: FxHashMap<String, FxHashMap<String, Vec<FileId>>>,
    /// What a path of a package leads to, by the folder of the package and the path, as far as somebody asked.
    pub(super) rust_items: RefCell<FxHashMap<RustPlace, Objects>>,
    /// The same for what is not defined under that path, by how deep the question lies.
    pub(super) rust_others: RefCell<FxHashMap<(RustPlace, u32), Objects>>,
    pub(super) answers: Answers,
    /// The calls that evidently mean a function.
    pub(super) callers: Memo<FuncId, Rc<Vec<CallSite>>>,
    /// The calls that are handed a function, and the place of the argument that it is.
    pub(super) takers: Memo<FuncId, Takers>,
    /// What functions give back of what they were handed.
    pub(super) handed_back: Memo<FuncId, Rc<HandedBack<'t>>>,
    /// By the fields' name.
    pub(super) stores_by_class: RefCell<FxHashMap<Name, Rc<StoresByClass<'t>>>>,
    /// What types of C are, by name; for those that a file defines itself, by the file.
    pub(super) structs: RefCell<FxHashMap<Option<FileId>, FxHashMap<Name, Objects>>>,
    /// The stores into fields, where nothing was cut off on the way to the answer.
    pub(super) stores_of_field: NamedMemo<ClassId, Rc<Vec<StoreRef<'t>>>>,
    depth: RefCell<u32>,
    /// Rust files whose `mod` is compiled away.
    unreached: FxHashSet<FileId>,
    /// Rust: the files whose `mod` items name a file.
    pub(super) parents: FxHashMap<FileId, Vec<FileId>>,
    pub(super) linkage: Linkage,
    pub(super) outs: Outs<'t>,
    /// The files that import paths mean, by the importing file.
    pub(super) modules: FilesBy<String>,
    /// What C files include.
    pub(super) includes: RefCell<FxHashMap<FileId, Rc<FxHashSet<FileId>>>>,
    /// The names that a file declares at its top with a type.
    declared: FxHashMap<(FileId, &'t str), LocalIndex>,
    /// Values given to fields of this name in record literals.
    record_slots: FxHashMap<Name, Vec<(FuncId, &'t Value)>>,
    /// Positional record literals by type.
    pub(super) record_positions: FxHashMap<Name, Vec<(FuncId, Fields<'t>)>>,
    /// Calls that send something, by the names of the methods that do.
    pub(super) sends: Vec<CallSite>,
    /// The types that have a method which sends.
    pub(super) sending_types: FxHashSet<&'t str>,
    /// Whether there may be a call that makes a channel.
    pub(super) makes_channels: bool,
    /// Those that send functions: the functions, and the keys of what they are sent on.
    pub(super) sent_functions: RefCell<Rc<[(Objects, Keys)]>>,
    /// Method calls that put something into a place, by the name of the place.
    pub(super) inserts: FxHashMap<Name, Vec<CallSite>>,
    /// Names of methods that begin a thread made before.
    pub(super) starting_methods: FxHashSet<Name>,
    pub(super) meanings: Memo<CallSite, Rc<super::meaning::Meaning>>,
    /// Decorated functions by the name of the decorator, with what the decorator is and whether it was called first.
    pub(super) decorations: FxHashMap<Name, Vec<(FuncId, &'t Value, bool)>>,
    /// The names of the places that loops wait for.
    pub(super) waited_for: FxHashSet<Name>,
    /// The names of the numbers that loops wait for to be nought.
    pub(super) counted_for: FxHashSet<Name>,
    /// Files of Python's that are programs: `if __name__ == '__main__'`.
    pub(super) scripts: Vec<FileId>,
    /// Where files of Python's have code that is never reached, as ranges of bytes.
    pub(super) never_bound: FxHashMap<FileId, Vec<(u32, u32)>>,
    /// The names of what holds or returns the outcome of a test of the system ([`super::decided`]).
    pub(super) names_of_decided: FxHashSet<Name>,
    /// What with-blocks enter into a name.
    pub(super) entered: FxHashMap<(FuncId, LocalIndex), Vec<(FuncId, &'t Value)>>,
    /// The members of outside things, by the path of the thing and by their names, as far as somebody asked.
    pub(super) outside_members: RefCell<FxHashMap<Rc<str>, FxHashMap<Name, Objects>>>,
    /// Classes with their bases, and with their heirs.
    pub(super) lines: Memo<ClassId, Rc<[ClassId]>>,
    pub(super) heirs: Memo<ClassId, Rc<[ClassId]>>,
    pub(super) bases: Memo<ClassId, Rc<[Object]>>,
    /// What classes have under names, without and with what derives from them.
    pub(super) members: NamedMemo<(ClassId, bool), Objects>,
    /// Whether an object may be given a function as its method of a name.
    pub(super) given: NamedMemo<FuncId, bool>,
    /// Whether an object may have both of two methods, by the name of the second one.
    pub(super) both_methods: NamedMemo<(FuncId, FuncId), bool>,
    /// What locals have under names.
    attributes: NamedMemo<(FuncId, LocalIndex), Objects>,
    /// What sets of objects have under names.
    members_of_sets: NamedMemo<Place, Objects>,
    /// Types of outside things that a method changes into another one of the catalog's: `T`, where a method of it returns `T(x)`.
    changing_types: FxHashSet<&'t str>,
    /// Methods that reading their names calls (Python's descriptors `property` and `functools.cached_property`).
    pub(super) properties: FxHashSet<FuncId>,
    /// The names of members that a store may run a method for, and whether one into an element may.
    pub(super) setters: FxHashSet<Name>,
    pub(super) has_item_setters: bool,
}

impl<'t> Values<'t> {
    /// Indexes every store and return of the tree.
    pub fn new(tree: &'t Tree, catalog: &'t Catalog, steps: u64) -> Values<'t> {
        let mut values = Values {
            tree,
            catalog,
            budget: Budget::new(steps),
            local_stores: FxHashMap::default(),
            global_stores: FxHashMap::default(),
            attribute_stores: FxHashMap::default(),
            item_stores: FxHashMap::default(),
            returns: FxHashMap::default(),
            crates: BTreeMap::new(),
            places: RefCell::default(),
            rust_modules: FxHashMap::default(),
            rust_items: RefCell::default(),
            rust_others: RefCell::default(),
            answers: Answers::default(),
            callers: Memo::default(),
            takers: Memo::default(),
            handed_back: Memo::default(),
            stores_by_class: RefCell::default(),
            structs: RefCell::default(),
            stores_of_field: NamedMemo::default(),
            depth: RefCell::new(0),
            unreached: FxHashSet::default(),
            parents: FxHashMap::default(),
            linkage: Linkage::default(),
            outs: Outs::default(),
            modules: FilesBy::default(),
            includes: RefCell::default(),
            declared: FxHashMap::default(),
            record_slots: FxHashMap::default(),
            record_positions: FxHashMap::default(),
            sends: sending_calls(tree, catalog),
            sending_types: super::lent::sending_types(catalog),
            makes_channels: super::lent::makes_channels(tree, catalog),
            sent_functions: RefCell::new(Rc::default()),
            inserts: inserting_calls(tree, catalog),
            starting_methods: starting_methods(catalog),
            meanings: Memo::default(),
            decorations: FxHashMap::default(),
            entered: FxHashMap::default(),
            changing_types: changing_types(catalog),
            waited_for: FxHashSet::default(),
            counted_for: FxHashSet::default(),
            scripts: tree.file_ids().filter(|file| tree.is_script(*file)).collect(),
            never_bound: FxHashMap::default(),
            names_of_decided: FxHashSet::default(),
            outside_members: RefCell::default(),
            lines: Memo::default(),
            heirs: Memo::default(),
            bases: Memo::default(),
            members: NamedMemo::default(),
            given: NamedMemo::default(),
            both_methods: NamedMemo::default(),
            attributes: NamedMemo::default(),
            members_of_sets: NamedMemo::default(),
            properties: properties(tree),
            setters: setter_names(tree),
            has_item_setters: ITEM_SETTERS
                .iter()
                .any(|name| tree.functions_by_name.contains_key(*name)),
        };
        let mut storing = Vec::new();
        let mut in_front = FxHashSet::default();
        for func in tree.functions() {
            let function = tree.function(func);
            if tree.language(func) == Language::Python {
                values.index_decorations(func);
            }
            // What Python binds where it never comes to is not bound; C's jumps lead past what seems to be the end.
            let each = match tree.language(func) {
                Language::Python => each_reached_event,
                Language::C | Language::Rust => each_event,
            };
            each(&function.body, &mut |event| {
                values.index(func, event);
                if let Event::Store { value, .. } = event
                    && values.asks_behind_itself(func, value)
                {
                    in_front.insert(tree.file_of(func));
                }
                if let Event::Store { target, .. } = event
                    && values.goes_out(func, target)
                    && storing.last() != Some(&func)
                {
                    storing.push(func);
                }
            });
            each_region(&function.body, &mut |region| {
                values.index_scope(func, region);
                if tree.language(func) == Language::Python && matches!(region.kind, RegionKind::Unreached { .. }) {
                    let dead = values.never_bound.entry(tree.file_of(func)).or_default();
                    dead.push((region.span.start, region.span.end));
                }
            });
            for call in &function.calls {
                for argument in &call.args {
                    values.index_records(func, &argument.value);
                }
                if values.index_interposed(func, call) {
                    in_front.insert(tree.file_of(func));
                }
            }
        }
        values.index_in_front(&in_front);
        values.index_linkage();
        for file in tree.file_ids() {
            for (index, local) in tree.file(file).functions[0].locals.iter().enumerate().rev() {
                if local.ty.is_some() {
                    let key = (file, local.name.as_str());
                    values.declared.insert(key, LocalIndex(index as u32));
                }
            }
        }
        for file in tree
            .file_ids()
            .filter(|file| tree.file(*file).language == Language::Rust)
        {
            let facts = tree.file(file);
            let root = crate_root(&facts.path);
            let folder = root.rsplit('/').next().unwrap_or(root).replace('-', "_");
            let packages = values.crates.entry(folder).or_default();
            if !packages.iter().any(|package| package == root) {
                packages.push(root.to_owned());
            }
            values
                .rust_modules
                .entry(root.to_owned())
                .or_default()
                .entry(facts.module.clone())
                .or_default()
                .push(file);
        }
        values.waited_for = values.waited_for();
        values.counted_for = values.counted_for();
        values.names_of_decided = values.names_of_decided();
        values.index_outs(&storing);
        values.unreached = values.unreached_modules();
        values.parents = values.module_parents();
        values.index_sent();
        values
    }

    /// Whether a function stands in a file that is not compiled for the target.
    pub(super) fn is_unreached(&self, func: FuncId) -> bool {
        self.unreached.contains(&self.tree.file_of(func))
    }

    fn index_linkage(&mut self) {
        let tree = self.tree;
        let mut linkage = std::mem::take(&mut self.linkage);
        let is_c = |file: &FileId| tree.file(*file).language == Language::C;
        for file in tree.file_ids().filter(is_c) {
            for import in &tree.file(file).imports {
                linkage.includes(&import.path);
            }
            for function in &tree.file(file).functions {
                linkage.defines(file, function);
            }
            for local in tree.file(file).functions[0].locals.iter() {
                if local.ty.is_some() {
                    linkage.declares(tree, file, &local.name);
                }
            }
        }
        let of_c = self.global_stores.iter().filter(|(file, _)| is_c(file));
        for (name, stores) in of_c.flat_map(|(_, stores)| stores) {
            for store in stores {
                linkage.stores(tree, store, name);
            }
        }
        linkage.sort();
        self.linkage = linkage;
    }

    fn index_decorations(&mut self, func: FuncId) {
        for attribute in &self.tree.function(func).attributes {
            if let Some(name) = value_name(&attribute.value) {
                let called = !attribute.args.is_empty();
                let known = self.decorations.entry(name.into()).or_default();
                known.push((func, &attribute.value, called));
            }
        }
    }

    fn index_scope(&mut self, func: FuncId, region: &'t Region) {
        if let RegionKind::Scope {
            manager,
            bound: Some(bound),
            ..
        } = &region.kind
        {
            self.entered.entry((func, *bound)).or_default().push((func, manager));
        }
    }

    /// Remembers the fields of every record literal inside a value.
    fn index_records(&mut self, func: FuncId, value: &'t Value) {
        match value {
            Value::Record(record) => {
                for (key, value) in &record.fields {
                    if let FieldKey::Name(name) = key {
                        self.record_slots.entry(name.clone()).or_default().push((func, value));
                    }
                    self.index_records(func, value);
                }
                if let Some(ty) = &record.ty {
                    for name in self.written_types(func, &ty.name) {
                        self.record_positions
                            .entry(name)
                            .or_default()
                            .push((func, &record.fields));
                    }
                }
            }
            Value::List(items) | Value::OneOf(items) => {
                for item in items {
                    self.index_records(func, item);
                }
            }
            _ => {}
        }
    }

    /// The names by which the fields of a type are asked for: the written one, and what it is a typedef of.
    fn written_types(&self, func: FuncId, name: &Name) -> Vec<Name> {
        let mut names = vec![name.clone()];
        if self.tree.language(func) == Language::C {
            for class in self.tree.classes_by_name.get(name).into_iter().flatten() {
                if let Some((_, target)) = self.alias_target(*class)
                    && !names.contains(&target.name)
                {
                    names.push(target.name);
                }
            }
        }
        names
    }

    /// Everything that is put into fields of this name by record literals or stores.
    pub(super) fn slot_values(&self, name: &str) -> Vec<(FuncId, &'t Value)> {
        let mut found = self.record_slots.get(name).cloned().unwrap_or_default();
        let stores = self.attribute_stores.get(name).into_iter().flatten();
        found.extend(stores.map(|store| (store.function, store.value)));
        found.extend(self.left_in_fields(name));
        found
    }

    fn index(&mut self, func: FuncId, event: &'t Event) {
        let file = self.tree.file_of(func);
        match event {
            Event::Store {
                target,
                value,
                kind,
                form,
                ..
            } if *kind != StoreKind::Delete => {
                self.index_records(func, value);
                let store = StoreRef {
                    function: func,
                    target,
                    value,
                };
                match target {
                    Value::Local(owner, index) => {
                        let key = (self.tree.func(file, *owner), *index);
                        self.local_stores.entry(key).or_default().push(store);
                    }
                    Value::Global(name) | Value::Path(name) => {
                        let stores = self.global_stores.entry(file).or_default();
                        stores.entry(name.clone()).or_default().push(store);
                    }
                    Value::Attribute(_, name) => {
                        self.attribute_stores.entry(name.clone()).or_default().push(store);
                    }
                    Value::Item(base, _) | Value::Element(base) if *form == AccessForm::Subscript => {
                        if let Some(name) = self.spoken(func, base) {
                            self.item_stores.entry(name).or_default().push(store);
                        }
                    }
                    _ => {}
                }
            }
            Event::Return { value, .. } | Event::Yield { value, .. } => {
                self.index_records(func, value);
                self.returns.entry(func).or_default().push(value);
            }
            _ => {}
        }
    }

    /// The name under which an index keeps a place: the local's, global's or attribute's own.
    pub(super) fn spoken(&self, func: FuncId, value: &Value) -> Option<Name> {
        match value {
            Value::Local(owner, index) => {
                let owner = self.tree.func(self.tree.file_of(func), *owner);
                Some(local_of(self.tree.function(owner), *index).name.clone())
            }
            other => super::tree::said_name(other),
        }
    }

    /// What a value that stands in a function may be.
    pub fn eval(&self, func: FuncId, value: &Value) -> Objects {
        self.deeper(|| self.eval_here(func, value))
    }

    /// One question inside another; nothing where they are too deep.
    pub(super) fn deeper(&self, question: impl FnOnce() -> Objects) -> Objects {
        if *self.depth.borrow() > DEEPEST || !self.budget.spend(1) {
            self.answers.cut();
            return Objects::default();
        }
        *self.depth.borrow_mut() += 1;
        let found = with_room(question);
        *self.depth.borrow_mut() -= 1;
        found
    }

    /// Forgets which questions are being asked: the walk that asked them failed.
    pub(super) fn give_up(&self) {
        self.answers.give_up();
        *self.depth.borrow_mut() = 0;
    }

    fn eval_here(&self, func: FuncId, value: &Value) -> Objects {
        let file = self.tree.file_of(func);
        match value {
            Value::Unknown
            | Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Decided(_) => Objects::default(),
            Value::Text(pieces) => Objects::one(Object::Text(text_of(pieces).into())),
            Value::Local(owner, index) => self.local(self.tree.func(file, *owner), *index),
            Value::Global(name) => self.name(file, name),
            Value::Path(path) => {
                let mut found = self.stored_global(file, path);
                // A constant of Rust's is what this file says it is, in whichever inline module.
                if found.is_empty() || self.tree.file(file).language != Language::Rust {
                    found.add_all(self.path_of(file, path));
                }
                found
            }
            Value::Attribute(base, name) => self.attribute(func, base, name),
            Value::Item(base, key) => self.elements(func, base, Some(key)),
            Value::Element(base) => self.elements(func, base, None),
            Value::Call(owner, call) => self.call_result((self.tree.func(file, *owner), *call)),
            Value::Function(index) => Objects::one(Object::Function(self.tree.func(file, *index))),
            Value::Super(owner) => {
                let method = self.tree.func(file, *owner);
                self.tree
                    .owner(method)
                    .map_or_else(Objects::default, |class| Objects::one(Object::Super(class)))
            }
            Value::OneOf(values) => {
                let mut found = Objects::default();
                for value in values {
                    found.add_all(self.eval(func, value));
                }
                found
            }
            Value::Record(record) => match &record.ty {
                Some(ty) => self.instances_of(file, ty),
                None => Objects::default(),
            },
            Value::Await(inner) => self.awaited(func, inner),
            Value::Combined(_) => Objects::default(),
        }
    }

    /// What a value has under a name; of a local that is remembered.
    fn attribute(&self, func: FuncId, base: &Value, name: &str) -> Objects {
        let find = || self.member_of_any(&self.base_of_field(func, base), name);
        let Value::Local(owner, index) = base else {
            return find();
        };
        let local = (self.tree.func(self.tree.file_of(func), *owner), *index);
        if let Some(found) = self.attributes.get(&local, name, &self.answers) {
            return found;
        }
        let (found, standing) = self.answers.find(find);
        if standing.whole {
            self.attributes.keep(local, name, found.clone(), standing);
        }
        found
    }

    /// What any of these objects has under a name. Of a set that stands for many places, as that of a parameter does, it is
    /// remembered.
    fn member_of_any(&self, objects: &Objects, name: &str) -> Objects {
        let find = || {
            let mut found = Objects::default();
            for object in objects.iter() {
                found.add_all(self.member(object, name));
            }
            found
        };
        if !objects.is_widely_shared() {
            return find();
        }
        let set = Place(objects.clone());
        if let Some(found) = self.members_of_sets.get(&set, name, &self.answers) {
            return found;
        }
        let (found, standing) = self.answers.find(find);
        if standing.whole {
            self.members_of_sets.keep(set, name, found.clone(), standing);
        }
        found
    }

    fn awaited(&self, func: FuncId, inner: &Value) -> Objects {
        let mut found = Objects::default();
        for object in self.eval(func, inner).iter() {
            match object {
                Object::Coroutine(target) => found.add_all(self.returned(*target)),
                Object::Function(target) if self.tree.function(*target).is_async => {
                    found.add_all(self.returned(*target));
                }
                other => found.add(other.clone()),
            }
        }
        found
    }

    /// What a global name leads to.
    pub(super) fn name(&self, file: FileId, name: &str) -> Objects {
        self.answers.ask(Question::Name(file, name), || self.global(file, name))
    }

    /// What a path leads to.
    pub(super) fn path_of(&self, file: FileId, path: &str) -> Objects {
        self.answers.ask(Question::Path(file, path), || self.path(file, path))
    }

    /// What a module has under a name.
    pub(super) fn member_of_module(&self, file: FileId, name: &str) -> Objects {
        self.answers
            .ask(Question::Member(file, name), || self.module_member(file, name))
    }

    /// Begins another round: what hangs on circles is asked anew, and they see what this round found out.
    pub fn next_round(&self) {
        self.answers.next_round();
        self.callers.next_round();
        self.takers.next_round();
        self.handed_back.next_round();
        self.stores_of_field.next_round();
        self.meanings.next_round();
        self.lines.next_round();
        self.heirs.next_round();
        self.bases.next_round();
        self.members.next_round();
        self.given.next_round();
        self.both_methods.next_round();
        self.attributes.next_round();
        self.members_of_sets.next_round();
        self.index_sent();
    }

    fn local(&self, func: FuncId, index: LocalIndex) -> Objects {
        self.answers.ask(Question::Local(func, index), || {
            let local = local_of(self.tree.function(func), index);
            let mut found = Objects::default();
            for store in self.local_stores.get(&(func, index)).into_iter().flatten() {
                found.add_all(self.eval(store.function, store.value));
            }
            for (home, manager) in self.entered.get(&(func, index)).into_iter().flatten() {
                found.add_all(self.entered_value(*home, manager));
            }
            if let Some(kind) = local.parameter {
                found.add_all(self.parameter(func, index, kind));
            }
            found.add_all(self.left_in_local(func, index));
            if let Some(ty) = &local.ty {
                found.add_all(self.instances_of(self.tree.file_of(func), ty));
            }
            self.rebuilt(func, index, found)
        })
    }

    /// A builder whose type a method call on it has changed for good: `command.env_clear();` makes it a
    /// `Command(cleared)` by the catalog, whichever line comes first. A builder that each step gives anew (`builder =
    /// builder.no_proxy();`) is all that is stored.
    fn rebuilt(&self, func: FuncId, index: LocalIndex, found: Objects) -> Objects {
        let types: Vec<Rc<str>> = found
            .iter()
            .filter_map(|object| match object {
                Object::Result(ty, _) if self.changing_types.contains(ty.as_ref()) => Some(ty.clone()),
                _ => None,
            })
            .collect();
        let is_given_anew = |store: &StoreRef<'_>| {
            let builder = self.built_from(store.function, store.value);
            matches!(store.value, Value::Call(..)) && matches!(builder, Value::Local(_, local) if *local == index)
        };
        if types.is_empty() || self.local_stores(func, index).iter().any(is_given_anew) {
            return found;
        }
        for call in &self.tree.function(func).calls {
            let Value::Attribute(receiver, method) = &call.callee else {
                continue;
            };
            if !matches!(self.built_from(func, receiver), Value::Local(_, local) if *local == index) {
                continue;
            }
            if let Some((ty, changed)) = types
                .iter()
                .find_map(|ty| Some((ty, self.changed_type(func, ty, method)?)))
            {
                let mut rebuilt = Objects::default();
                for object in found.iter() {
                    match object {
                        Object::Result(old, site) if old == ty => rebuilt.add(Object::Result(changed.clone(), *site)),
                        other => rebuilt.add(other.clone()),
                    }
                }
                return rebuilt;
            }
        }
        found
    }

    /// The builder on which a chain of its methods is called, of which each gives it back: `command` of `command.arg(a).arg(b)`.
    fn built_from<'v>(&self, func: FuncId, mut value: &'v Value) -> &'v Value
    where
        't: 'v,
    {
        while let Value::Call(owner, call) = value
            && self.closure(func, *owner) == func
            && let Value::Attribute(receiver, _) = &self.tree.call((func, *call)).callee
        {
            value = receiver;
        }
        value
    }

    /// `T(x)`, where a method of `T` returns that.
    fn changed_type(&self, func: FuncId, ty: &str, method: &str) -> Option<Rc<str>> {
        let path = format!("{ty}{}{method}", if ty.contains("::") { "::" } else { "." });
        let entries = self.lookup(self.tree.language(func), MatchKind::Call, &path);
        let returned = entries
            .iter()
            .filter_map(|id| self.catalog.entry(*id).returns.as_deref());
        returned
            .filter(|returned| returned.strip_prefix(ty).is_some_and(|rest| rest.starts_with('(')))
            .map(Rc::from)
            .next()
    }

    /// A with-block or loop gives the local what it holds.
    pub(super) fn is_entered(&self, local: (FuncId, LocalIndex)) -> bool {
        self.entered.contains_key(&local)
    }

    /// What `as x` gets: what `__enter__` returns or the generator yields, or an outside manager itself.
    fn entered_value(&self, func: FuncId, manager: &Value) -> Objects {
        let mut found = Objects::default();
        for object in self.eval(func, manager).iter() {
            match object {
                Object::Instance(class, _) => {
                    let enters: Vec<FuncId> = ["__enter__", "__aenter__"]
                        .into_iter()
                        .flat_map(|name| self.method(*class, name))
                        .collect();
                    for enter in &enters {
                        found.add_all(self.returned(*enter));
                    }
                    if enters.is_empty() {
                        found.add(object.clone());
                    }
                }
                other => found.add(other.clone()),
            }
        }
        found
    }

    /// The function in which a function is defined.
    pub(super) fn home_of(&self, func: FuncId) -> FuncId {
        let module = || self.tree.module_function(self.tree.file_of(func));
        self.tree.parent(func).unwrap_or_else(module)
    }

    /// Everything stored into a global name of a file.
    pub(super) fn stored_global(&self, file: FileId, name: &str) -> Objects {
        if !self.has_global_store(file, name) && self.sharing_files(file, name).is_empty() {
            return Objects::default();
        }
        self.answers.ask(Question::Global(file, name), || {
            let mut found = Objects::default();
            for store in self.shared_stores(file, name) {
                found.add_all(self.eval(store.function, store.value));
            }
            found.add_all(self.left_in_global(file, name));
            found.add_all(self.declared_type(file, name));
            if found.is_empty() {
                for other in self.sharing_files(file, name) {
                    found.add_all(self.declared_type(other, name));
                }
            }
            found
        })
    }

    /// Whether the file stores into or declares the name at its top.
    pub(super) fn has_global_store(&self, file: FileId, name: &str) -> bool {
        !self.global_stores(file, name).is_empty() || self.declares(file, name)
    }

    fn declares(&self, file: FileId, name: &str) -> bool {
        self.declared.contains_key(&(file, name))
    }

    pub(super) fn declared_type(&self, file: FileId, name: &str) -> Objects {
        let Some(index) = self.declared.get(&(file, name)) else {
            return Objects::default();
        };
        let local = local_of(&self.tree.file(file).functions[0], *index);
        let ty = local.ty.as_ref();
        ty.map_or_else(Objects::default, |ty| self.instances_of(file, ty))
    }

    /// A static or constant of a Rust crate by its path.
    pub(super) fn rust_static(&self, root: &str, path: &str) -> Objects {
        let mut found = Objects::default();
        self.in_nearest_module(root, path, |file| {
            found.add_all(self.stored_global(file, path));
            !found.is_empty()
        });
        found
    }

    /// Looks into the files of the module of a path, and of the ones around it (one that is written inline has none of its own),
    /// until one has what is looked for.
    fn in_nearest_module(&self, root: &str, path: &str, mut look: impl FnMut(FileId) -> bool) {
        let mut module = path;
        while let Some((outer, _)) = module.rsplit_once("::") {
            module = outer;
            let mut done = false;
            for file in self.rust_module_files(root, module) {
                done |= look(*file);
            }
            if done {
                return;
            }
        }
    }

    /// The functions that initialise a static of Rust's when it is looked at for the first time (`LazyLock::new`): by the catalog,
    /// the result of their call sees to that.
    pub(super) fn initialisers(&self, func: FuncId, value: &Value) -> Vec<FuncId> {
        let Value::Path(path) = value else {
            return Vec::new();
        };
        let name = super::tree::last_segment(path);
        if self.tree.language(func) != Language::Rust || !name.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            return Vec::new();
        }
        let root = crate_root(&self.tree.file(self.tree.file_of(func)).path);
        let mut found = Vec::new();
        for store in self.static_stores(root, path) {
            let Value::Call(owner, call) = store.value else {
                continue;
            };
            let site = (self.tree.func(self.tree.file_of(store.function), *owner), *call);
            for id in &self.meaning(site).entries {
                if let Role::CallsNow {
                    entry,
                    once: Some(ArgumentRef::Result),
                    ..
                } = &self.catalog.entry(*id).role
                {
                    found.extend(self.handed_functions(site, entry));
                }
            }
        }
        found
    }

    /// The stores of a static or constant of a Rust crate by its path.
    fn static_stores(&self, root: &str, path: &str) -> Vec<StoreRef<'t>> {
        let mut found = Vec::new();
        self.in_nearest_module(root, path, |file| {
            found.extend_from_slice(self.global_stores(file, path));
            !found.is_empty()
        });
        found
    }

    /// The strings that a value may be; a hole is `\u{0}`.
    pub fn texts(&self, func: FuncId, value: &Value) -> Vec<String> {
        self.eval(func, value)
            .iter()
            .filter_map(|object| match object {
                Object::Text(text) => Some(text.to_string()),
                _ => None,
            })
            .collect()
    }

    /// The value that a reference to an argument means at a call, with the function in which it stands.
    pub(super) fn argument(&self, site: CallSite, reference: &ArgumentRef) -> Vec<(FuncId, &'t Value)> {
        let call = self.tree.call(site);
        match reference {
            ArgumentRef::Receiver => match &call.callee {
                Value::Attribute(base, _) => vec![(site.0, base.as_ref())],
                _ => call
                    .args
                    .first()
                    .map(|argument| (site.0, &argument.value))
                    .into_iter()
                    .collect(),
            },
            ArgumentRef::Result => Vec::new(),
            ArgumentRef::Every => {
                let positional = call.args.iter().filter(|argument| argument.name.is_none());
                positional.map(|argument| (site.0, &argument.value)).collect()
            }
            ArgumentRef::Last => call
                .args
                .last()
                .map(|argument| (site.0, &argument.value))
                .into_iter()
                .collect(),
            ArgumentRef::Of { positions, keywords } => find_argument(&call.args, positions, keywords)
                .map(|argument| (site.0, &argument.value))
                .into_iter()
                .collect(),
        }
    }

    /// The catalog's entries for a path. A symbol of C that Rust code declares or reaches through the `libc` crate means in
    /// Rust what it means in C.
    pub(super) fn lookup(&self, language: Language, kind: MatchKind, path: &str) -> &'t [crate::knowledge::EntryId] {
        let found = self.catalog.lookup(language, kind, path);
        if !found.is_empty() || language != Language::Rust {
            return found;
        }
        match path.strip_prefix(SYMBOL).or_else(|| path.strip_prefix("libc::")) {
            Some(symbol) => self.catalog.lookup(Language::C, kind, symbol),
            None => found,
        }
    }

    /// The catalog's entries for a path at a call, arguments considered.
    pub(super) fn entries_for(&self, site: CallSite, path: &str) -> Vec<crate::knowledge::EntryId> {
        let language = self.tree.language(site.0);
        let exact = self.lookup(language, MatchKind::Call, path);
        let ids = if exact.is_empty() {
            self.catalog
                .lookup_any(language, MatchKind::Call, super::tree::last_segment(path))
        } else {
            exact
        };
        ids.iter()
            .copied()
            .filter(|id| self.arguments_fit(site, &self.catalog.entry(*id).arguments))
            .collect()
    }

    /// Every entry that a call may mean.
    pub(super) fn entries_of_call(&self, site: CallSite) -> Vec<crate::knowledge::EntryId> {
        let call = self.tree.call(site);
        let mut found = Vec::new();
        let objects = self.callee(site);
        for object in objects.iter() {
            if let Object::External(path) = object {
                for id in self.entries_for(site, path) {
                    if !found.contains(&id) {
                        found.push(id);
                    }
                }
            }
        }
        if objects.is_empty()
            && let Value::Attribute(_, name) = &call.callee
        {
            let language = self.tree.language(site.0);
            let any = self.catalog.lookup_any(language, MatchKind::Call, name);
            found.extend(
                any.iter()
                    .copied()
                    .filter(|id| self.arguments_fit(site, &self.catalog.entry(*id).arguments)),
            );
        }
        found
    }

    /// The stores into fields of this name, in order.
    pub(super) fn attribute_stores(&self, name: &str) -> &[StoreRef<'t>] {
        self.attribute_stores.get(name).map_or(&[], Vec::as_slice)
    }

    /// The stores into elements of places of this name.
    pub(super) fn item_stores(&self, name: &str) -> &[StoreRef<'t>] {
        self.item_stores.get(name).map_or(&[], Vec::as_slice)
    }

    /// The stores into a local.
    pub(super) fn local_stores(&self, func: FuncId, index: LocalIndex) -> &[StoreRef<'t>] {
        self.local_stores.get(&(func, index)).map_or(&[], Vec::as_slice)
    }

    /// The stores into a global name of a file.
    pub(super) fn global_stores(&self, file: FileId, name: &str) -> &[StoreRef<'t>] {
        let stores = self.global_stores.get(&file);
        stores.and_then(|stores| stores.get(name)).map_or(&[], Vec::as_slice)
    }

    /// The stores into a global name that a file may see: its own, and in C those of the files that share the variable.
    pub(super) fn shared_stores(&self, file: FileId, name: &str) -> Vec<StoreRef<'t>> {
        let mut found = self.global_stores(file, name).to_vec();
        for other in self.sharing_files(file, name) {
            found.extend_from_slice(self.global_stores(other, name));
        }
        found
    }

    /// The values that a function returns or yields.
    pub(super) fn returns_of(&self, func: FuncId) -> &[&'t Value] {
        self.returns.get(&func).map_or(&[], Vec::as_slice)
    }

    /// Remembered answers about elements.
    pub(super) fn ask_elements(
        &self,
        func: FuncId,
        value: &Value,
        key: Option<&Value>,
        answer: impl FnOnce() -> Objects,
    ) -> Objects {
        let file = self.tree.file_of(func);
        let question = match value {
            Value::Local(owner, index) => Question::ElementsOfLocal(self.tree.func(file, *owner), *index, key),
            Value::Global(name) | Value::Path(name) => Question::ElementsOfGlobal(file, name.as_str(), key),
            Value::Call(owner, call) => Question::ElementsOfCall((self.tree.func(file, *owner), *call), key),
            Value::Attribute(base, name) => {
                let class = self.base_of_field(func, base).iter().find_map(|object| match object {
                    Object::Instance(class, _) | Object::Class(class) => Some(*class),
                    _ => None,
                });
                match class {
                    Some(class) => Question::ElementsOfField(class, name.as_str(), key),
                    None => Question::ElementsOfPlace(func, value, key),
                }
            }
            Value::Item(..) | Value::Element(_) => Question::ElementsOfPlace(func, value, key),
            _ => return answer(),
        };
        self.answers.ask(question, answer)
    }
}

/// The methods that Python runs for a store into an element, and for taking one away (Python's reference, 3.3.7).
pub(super) const ITEM_SETTERS: [&str; 2] = ["__setitem__", "__delitem__"];

/// The names under which classes have a method that runs where something is stored there: `@name.setter`.
fn setter_names(tree: &Tree) -> FxHashSet<Name> {
    let functions = tree.functions().map(|func| tree.function(func));
    functions
        .filter(|function| is_setter(function))
        .map(|function| function.name.clone())
        .collect()
}

/// Whether a method of Python's is run by a store, or where its name is taken away.
pub(super) fn is_setter(function: &Function) -> bool {
    let mut decorators = function.attributes.iter().map(|attribute| &attribute.value);
    decorators.any(|value| {
        matches!(value, Value::Attribute(base, kind)
            if matches!(kind.as_str(), "setter" | "deleter") && value_name(base) == Some(function.name.as_str()))
    })
}

fn properties(tree: &Tree) -> FxHashSet<FuncId> {
    let is_property = |func: &FuncId| {
        let attributes = tree.function(*func).attributes.iter();
        tree.language(*func) == Language::Python
            && attributes
                .filter_map(|attribute| value_name(&attribute.value))
                .any(|name| matches!(name, "property" | "cached_property"))
    };
    tree.functions().filter(is_property).collect()
}

/// The calls whose name is that of a method that sends, by the catalog.
fn sending_calls(tree: &Tree, catalog: &Catalog) -> Vec<CallSite> {
    let mut names: Vec<&str> = catalog
        .iter()
        .filter(|(_, entry)| matches!(entry.role, Role::Send { .. }))
        .map(|(_, entry)| super::tree::last_segment(&entry.path))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| tree.calls_by_name.get(name))
        .flatten()
        .copied()
        .collect()
}

/// The method calls that put something into what they are called on, by the name of that, by the catalog.
fn inserting_calls(tree: &Tree, catalog: &Catalog) -> FxHashMap<Name, Vec<CallSite>> {
    let inserts = |site: &&CallSite| match &tree.call(**site).callee {
        Value::Attribute(_, method) => {
            let entries = catalog.lookup_any(tree.language(site.0), MatchKind::Call, method);
            let mut roles = entries.iter().map(|id| &catalog.entry(*id).role);
            roles.any(|role| matches!(role, Role::Insert { .. }))
        }
        _ => false,
    };
    let mut found = FxHashMap::default();
    for (name, sites) in &tree.calls_by_receiver {
        let sites: Vec<CallSite> = sites.iter().filter(inserts).copied().collect();
        if !sites.is_empty() {
            found.insert(name.clone(), sites);
        }
    }
    found
}

/// The methods at which a thread that was made before begins, by the catalog.
fn starting_methods(catalog: &Catalog) -> FxHashSet<Name> {
    catalog
        .iter()
        .filter_map(|(_, entry)| match &entry.role {
            Role::Start {
                moment: StartMoment::Method(names),
                ..
            } => Some(names.split('|').map(Name::from)),
            _ => None,
        })
        .flatten()
        .collect()
}

/// Types with a method that returns them as something else: `T`, and `T(x)`.
fn changing_types(catalog: &Catalog) -> FxHashSet<&str> {
    let changed = |returned: &str| returned.split_once('(').map(|(ty, _)| ty.len());
    catalog
        .iter()
        .filter_map(|(_, entry)| {
            let length = changed(entry.returns.as_deref()?)?;
            let (ty, method) = entry.path.split_at_checked(length)?;
            let is_method = method.starts_with("::") || method.starts_with('.');
            (is_method && entry.returns.as_deref()?.starts_with(ty)).then_some(ty)
        })
        .collect()
}

/// A string with `\u{0}` for its holes.
fn text_of(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Hole(_) => "\u{0}",
        })
        .collect()
}
