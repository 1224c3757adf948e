//! What Python's objects may be given after they were made: a method of their own (`command.run = other`), or another class
//! (`command.__class__ = Other`).

use crate::facts::Value;

use super::objects::Object;
use super::tree::{ClassId, FuncId, StoreRef};
use super::values::Values;

impl Values<'_> {
    /// Whether an object that is made without it may come to have this function as its method of a name.
    pub(super) fn may_be_given(&self, name: &str, target: FuncId) -> bool {
        if let Some(known) = self.given.get(&target, name, &self.answers) {
            return known;
        }
        let gives_method = |store: &StoreRef<'_>| self.may_give_method(store, target);
        let gives_class = |store: &StoreRef<'_>| self.may_give_class_with(store, name, target);
        let (found, standing) = self.answers.find(|| {
            self.attribute_stores(name).iter().any(gives_method)
                || self.attribute_stores("__class__").iter().any(gives_class)
        });
        if standing.whole {
            self.given.keep(target, name, found, standing);
        }
        found
    }

    /// Whether a store of a method may be one of this function. A class body stores its methods, too.
    fn may_give_method(&self, store: &StoreRef<'_>, target: FuncId) -> bool {
        if matches!(store.value, Value::Function(_)) {
            return false;
        }
        let objects = self.eval(store.function, store.value);
        objects.is_empty() || objects.is_full() || objects.contains(&Object::Function(target))
    }

    /// Whether a store of a class may be one of a class whose method of a name is this function. Of a class that is not known
    /// (`type(…)` makes new ones of what there is) it is taken for granted that it is kin of what the object was; where that is not
    /// known either, that the object is another one.
    fn may_give_class_with(&self, store: &StoreRef<'_>, name: &str, target: FuncId) -> bool {
        let classes = self.eval(store.function, store.value);
        let is_known = |object: &Object| matches!(object, Object::Class(_) | Object::External(_));
        if !classes.is_empty() && !classes.is_full() && classes.iter().all(is_known) {
            return classes.iter().any(|object| match object {
                Object::Class(class) => self.has_method(*class, name, target),
                _ => false,
            });
        }
        let (Value::Attribute(base, _), Some(owner)) = (store.target, self.tree.owner(target)) else {
            return false;
        };
        let objects = self.eval(store.function, base);
        let is_kin = |class: ClassId| self.ancestors(class).contains(&owner) || self.ancestors(owner).contains(&class);
        objects.instances().any(is_kin)
    }
}
