//! Functions that stand in fields of what a call is given: a `struct sigevent` with its notification function, a table of
//! callbacks, a client with `on_message`.

use crate::facts::{FieldKey, Value};

use super::places::meet;
use super::tree::FuncId;
use super::values::Values;

impl<'t> Values<'t> {
    /// The functions in the named fields of a value, several names separated by `|`, `*` for all that an initialiser of it
    /// names.
    pub(super) fn functions_in_fields(&self, home: FuncId, value: &Value, names: &str, found: &mut Vec<FuncId>) {
        let mut values = self.initialised_fields(home, value, names);
        let keys = self.keys(home, value);
        for name in names.split('|') {
            let stores = self.attribute_stores(name).iter();
            let same = stores.filter(|store| match store.target {
                Value::Attribute(base, _) => meet(&keys, &self.keys(store.function, base)),
                _ => false,
            });
            values.extend(same.map(|store| (store.function, store.value)));
        }
        for (home, value) in values {
            for object in self.eval(home, value).iter() {
                self.entry_functions(object, None, found);
            }
        }
    }

    /// What a literal that is stored in a variable gives its fields.
    fn initialised_fields(&self, home: FuncId, value: &Value, names: &str) -> Vec<(FuncId, &'t Value)> {
        let file = self.tree.file_of(home);
        let stores = match value {
            Value::Local(owner, index) => self.local_stores(self.tree.func(file, *owner), *index).to_vec(),
            Value::Global(name) | Value::Path(name) => self.shared_stores(file, name),
            _ => Vec::new(),
        };
        let mut found = Vec::new();
        for store in stores {
            let Value::Record(record) = store.value else { continue };
            let is_named = |key: &FieldKey| match key {
                FieldKey::Name(name) => names == "*" || names.split('|').any(|wanted| name == wanted),
                FieldKey::Index(_) => names == "*",
            };
            let fields = record.fields.iter().filter(|(key, _)| is_named(key));
            found.extend(fields.map(|(_, value)| (store.function, value)));
        }
        found
    }
}
