//! What a place of C is declared to be. C compiles `x->next` only where the declared type of `x` has such a field, so that
//! for field accesses the declaration says all, and nobody need ask what was ever stored into `x`.

use crate::facts::{Language, TypeRef, Value};

use super::objects::{Object, Objects};
use super::tree::{FileId, FuncId, local_of};
use super::values::Values;

/// How many fields, elements and calls of one expression are gone through.
const DEEPEST: u32 = 24;

/// The words of C's own types, to which pointers are declared that point to data.
const PLAIN: [&str; 11] = [
    "void", "char", "short", "int", "long", "float", "double", "signed", "unsigned", "bool", "_Bool",
];

impl Values<'_> {
    /// What a value may be of which a field is accessed: what it is declared to be where that is a struct of the tree, else
    /// what it may hold.
    pub(super) fn base_of_field(&self, func: FuncId, base: &Value) -> Objects {
        self.declared_struct(func, base, 0)
            .unwrap_or_else(|| self.eval(func, base))
    }

    /// The structs of the tree that a value of C is declared as, itself or behind pointers.
    pub(super) fn declared_struct(&self, func: FuncId, value: &Value, depth: u32) -> Option<Objects> {
        let file = self.tree.file_of(func);
        if self.tree.file(file).language != Language::C || depth > DEEPEST {
            return None;
        }
        let found = match value {
            Value::Local(owner, index) => {
                let owner = self.tree.func(file, *owner);
                let ty = local_of(self.tree.function(owner), *index).ty.as_ref()?;
                self.structs_of(file, ty)
            }
            Value::Global(name) => {
                let own = self.declared_type(file, name);
                match own.is_empty() {
                    true => {
                        let others = self.sharing_files(file, name).into_iter();
                        let mut declared = others.map(|other| self.declared_type(other, name));
                        declared.find(|declared| !declared.is_empty())?
                    }
                    false => own,
                }
            }
            Value::Item(array, _) | Value::Element(array) => self.declared_struct(func, array, depth + 1)?,
            Value::Attribute(base, name) => {
                let mut found = Objects::default();
                for object in self.declared_struct(func, base, depth + 1)?.iter() {
                    let Object::Instance(class, _) = object else { continue };
                    for (home, decl) in self.tree.decls(*class) {
                        let named = decl.fields.iter().filter(|field| field.name == *name);
                        for ty in named.filter_map(|field| field.ty.as_ref()) {
                            found.add_all(self.structs_of(home, ty));
                        }
                    }
                }
                found
            }
            Value::Call(owner, call) => {
                let site = (self.tree.func(file, *owner), *call);
                let Value::Global(name) = &self.tree.call(site).callee else {
                    return None;
                };
                let mut found = Objects::default();
                for object in self.name(file, name).iter() {
                    match object {
                        Object::Function(target) => {
                            let ty = self.tree.function(*target).returns.as_ref()?;
                            found.add_all(self.structs_of(self.tree.file_of(*target), ty));
                        }
                        _ => return None,
                    }
                }
                found
            }
            _ => return None,
        };
        let all = found.iter().all(|object| matches!(object, Object::Instance(..)));
        (all && !found.is_empty()).then_some(found)
    }

    /// Whether a value may be a function as far as its declaration says. A `void *` or a `char *` that some caller fills with
    /// one is handed on as data.
    pub(super) fn may_be_function(&self, func: FuncId, value: &Value) -> bool {
        let file = self.tree.file_of(func);
        if self.tree.file(file).language != Language::C {
            return true;
        }
        match value {
            Value::Local(owner, index) => {
                let owner = self.tree.func(file, *owner);
                let ty = local_of(self.tree.function(owner), *index).ty.as_ref();
                ty.is_none_or(|ty| !self.is_data(file, ty))
            }
            Value::Item(array, _) | Value::Element(array) => self.may_be_function(func, array),
            Value::Attribute(base, name) => {
                let Some(structs) = self.declared_struct(func, base, 0) else {
                    return true;
                };
                structs
                    .instances()
                    .flat_map(|class| self.tree.decls(class))
                    .any(|(home, decl)| {
                        let mut named = decl.fields.iter().filter(|field| field.name == *name);
                        named.any(|field| field.ty.as_ref().is_none_or(|ty| !self.is_data(home, ty)))
                    })
            }
            _ => true,
        }
    }

    /// The type is one of the language's own, or a struct: a typedef that no file of the tree makes may be anything.
    fn is_data(&self, file: FileId, ty: &TypeRef) -> bool {
        let plain = ty.name.split_whitespace().all(|word| PLAIN.contains(&word));
        let tagged = ["struct ", "union ", "enum "]
            .iter()
            .any(|tag| ty.name.starts_with(tag));
        let meant = self.instances_of(file, ty);
        plain || tagged || (!meant.is_empty() && meant.iter().all(|object| matches!(object, Object::Instance(..))))
    }

    fn structs_of(&self, file: FileId, ty: &TypeRef) -> Objects {
        match ty.name.as_str() {
            "fn" => Objects::default(),
            _ => self.instances_of(file, ty),
        }
    }
}
