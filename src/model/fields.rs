//! The fields of classes and structs: what is stored into them, written into records, or handed to constructors.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::facts::{FieldKey, Language, ParameterKind, Value};

use super::answers::Question;
use super::objects::{Object, Objects};
use super::parameters::MOST_CALLERS;
use super::parameters::find_argument;
use super::tree::{ClassId, FuncId, StoreRef, local_of};
use super::values::{Fields, Values};

/// The stores into fields of one name, each with its place among them.
#[derive(Default)]
pub(super) struct StoresByClass<'t> {
    evident: BTreeMap<ClassId, Vec<(usize, StoreRef<'t>)>>,
    open: Vec<usize>,
}

impl<'t> Values<'t> {
    /// The fields of every record literal of a type.
    pub(super) fn record_values(&self, ty: &str) -> impl Iterator<Item = (FuncId, &'t FieldKey, &'t Value)> + '_ {
        let records = self.record_positions.get(ty).into_iter().flatten();
        records.flat_map(|(home, fields)| fields.iter().map(|(key, value)| (*home, key, value)))
    }

    /// Whether a record of this type's name, written in a C file, is one of a certain struct.
    fn is_record_of(&self, home: FuncId, class: ClassId) -> bool {
        let file = self.tree.file_of(home);
        let entry = &self.tree.classes[class.0 as usize];
        entry.file == file
            || self.tree.file(file).language != Language::C
            || self.own_types(file, &entry.name).next().is_none()
    }

    /// The value of a field or attribute of a class.
    pub(super) fn field(&self, class: ClassId, name: &str) -> Objects {
        self.answers.ask(Question::Field(class, name), || {
            let mut found = Objects::default();
            for store in self.field_stores(class, name).iter() {
                found.add_all(self.eval(store.function, store.value));
            }
            let family = self.ancestors(class);
            found.add_all(self.left_in_field(name, |home, base| self.is_of_family(home, base, class, &family)));
            found.add_all(self.record_field(class, name));
            found.add_all(self.constructed_field(class, name));
            for ancestor in self.ancestors(class).iter() {
                for (file, decl) in self.tree.decls(*ancestor) {
                    for field in decl.fields.iter().filter(|field| field.name == name) {
                        if let Some(ty) = &field.ty {
                            found.add_all(self.instances_of(file, ty));
                        }
                    }
                }
            }
            found
        })
    }

    /// What record literals of this type put into a field, by name or position.
    fn record_field(&self, class: ClassId, name: &str) -> Objects {
        let mut found = Objects::default();
        let entry = &self.tree.classes[class.0 as usize];
        let position = self.field_position(class, name);
        let records = self.record_positions.get(&entry.name).into_iter().flatten();
        for (home, fields) in records.filter(|(home, _)| self.is_record_of(*home, class)) {
            for (key, value) in *fields {
                let fits = match key {
                    FieldKey::Name(key) => key == name,
                    FieldKey::Index(at) => position == Some(*at as usize),
                };
                if fits {
                    found.add_all(self.eval(*home, value));
                }
            }
        }
        if let Some(position) = position
            && self.tree.file(entry.file).language == Language::Rust
            && name.parse() == Ok(position)
        {
            found.add_all(self.constructor_argument(class, position));
        }
        found
    }

    /// Where a field stands among those that the declaration of a type lists.
    fn field_position(&self, class: ClassId, name: &str) -> Option<usize> {
        let mut decls = self.tree.decls(class);
        decls.find_map(|(_, decl)| decl.fields.iter().position(|field| field.name == name))
    }

    /// What calls of a tuple struct's name put into a field: `Guard(lock.lock())`.
    fn constructor_argument(&self, class: ClassId, position: usize) -> Objects {
        let mut found = Objects::default();
        let name = super::tree::last_segment(&self.tree.classes[class.0 as usize].name);
        let sites = self.tree.calls_by_name.get(name).into_iter().flatten();
        for site in sites.chain(self.tree.calls_by_name.get("Self").into_iter().flatten()) {
            let call = self.tree.call(*site);
            if let Some(argument) = call.args.get(position)
                && self.callee(*site).contains(&Object::Class(class))
            {
                found.add_all(self.eval(site.0, &argument.value));
            }
        }
        found
    }

    /// The record literals of a type, wherever they stand.
    pub(super) fn records_of(&self, name: &str) -> &[(FuncId, Fields<'t>)] {
        self.record_positions.get(name).map_or(&[], Vec::as_slice)
    }

    /// What calls of a class that declares its fields and writes no constructor (`dataclass`, `NamedTuple`) put into one.
    fn constructed_field(&self, class: ClassId, name: &str) -> Objects {
        let mut found = Objects::default();
        let entry = &self.tree.classes[class.0 as usize];
        let position = self.field_position(class, name);
        let declared = position.filter(|_| self.tree.file(entry.file).language == Language::Python);
        let Some(position) = declared.filter(|_| self.method(class, "__init__").is_empty()) else {
            return found;
        };
        // Fields of a base come first: only names tell them apart from here.
        let alone = self.ancestors(class).len() == 1;
        let short = super::tree::last_segment(&entry.name);
        for site in self
            .tree
            .calls_by_name
            .get(short)
            .into_iter()
            .flatten()
            .take(MOST_CALLERS)
        {
            let call = self.tree.call(*site);
            let makes = self.callee(*site).contains(&Object::Class(class));
            let places: &[u32] = if alone { &[position as u32] } else { &[] };
            if makes && let Some(argument) = find_argument(&call.args, places, &[name.to_owned()]) {
                found.add_all(self.eval(site.0, &argument.value));
            }
        }
        found
    }

    /// The stores into an attribute of a class, its bases or its descendants.
    pub(super) fn field_stores(&self, class: ClassId, name: &str) -> Rc<Vec<StoreRef<'t>>> {
        if let Some(known) = self.stores_of_field.get(&class, name, &self.answers) {
            return known;
        }
        let (found, standing) = self.answers.find(|| Rc::new(self.find_field_stores(class, name)));
        if standing.whole {
            self.stores_of_field.keep(class, name, Rc::clone(&found), standing);
        }
        found
    }

    fn find_field_stores(&self, class: ClassId, name: &str) -> Vec<StoreRef<'t>> {
        let family = self.ancestors(class);
        let index = self.stores_by_class(name);
        let mut found: Vec<(usize, StoreRef<'t>)> = Vec::new();
        for (owner, stores) in &index.evident {
            if family.contains(owner) || self.ancestors(*owner).contains(&class) {
                found.extend(stores);
            }
        }
        let stores = self.attribute_stores(name);
        for place in &index.open {
            let store = stores[*place];
            let Value::Attribute(base, _) = store.target else {
                continue;
            };
            if self.is_of_family(store.function, base, class, &family) {
                found.push((*place, store));
            }
        }
        // A place of which several structs are meant counts once.
        found.sort_by_key(|(place, _)| *place);
        found.dedup_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, store)| store).collect()
    }

    /// The stores into fields of a name by the class whose field it evidently is, and those of which that is not evident.
    fn stores_by_class(&self, name: &str) -> Rc<StoresByClass<'t>> {
        if let Some(known) = self.stores_by_class.borrow().get(name) {
            return known.clone();
        }
        let mut index = StoresByClass::default();
        for (place, store) in self.attribute_stores(name).iter().enumerate() {
            let Value::Attribute(base, _) = store.target else {
                continue;
            };
            let owners = self.evident_owners(store.function, base);
            if owners.is_empty() {
                index.open.push(place);
            }
            for owner in owners {
                index.evident.entry(owner).or_default().push((place, *store));
            }
        }
        let index = Rc::new(index);
        self.stores_by_class.borrow_mut().insert(name.into(), index.clone());
        index
    }

    /// The classes that a value is of by what is written where it is declared: a struct of C, a method's receiver.
    fn evident_owners(&self, func: FuncId, value: &Value) -> Vec<ClassId> {
        if let Some(structs) = self.declared_struct(func, value, 0) {
            return structs.instances().collect();
        }
        let Value::Local(owner, index) = value else {
            return Vec::new();
        };
        let owner = self.closure(func, *owner);
        let local = local_of(self.tree.function(owner), *index);
        let only = local.parameter == Some(ParameterKind::Receiver) && self.local_stores(owner, *index).is_empty();
        self.tree.owner(owner).filter(|_| only).into_iter().collect()
    }

    /// Whether a value may be of a class, one of its line (`family`), or one that derives from it.
    fn is_of_family(&self, home: FuncId, value: &Value, class: ClassId, family: &[ClassId]) -> bool {
        self.base_of_field(home, value).iter().any(|object| match object {
            Object::Instance(owner, _) | Object::Class(owner) => {
                family.contains(owner) || self.ancestors(*owner).contains(&class)
            }
            _ => false,
        })
    }
}
