//! What a written type says of a value: the classes of the tree that it names, through aliases, and paths from outside.

use crate::facts::{Language, TypeKind, TypeRef};

use super::answers::Question;
use super::objects::{Object, Objects};
use super::tree::{ClassId, FileId};
use super::values::Values;

impl Values<'_> {
    /// The objects of a written type: generic wrappers and what they wrap, since a method may be meant of either.
    pub(super) fn instances_of(&self, file: FileId, ty: &TypeRef) -> Objects {
        if self.tree.file(file).language != Language::C || !ty.args.is_empty() {
            return self.find_instances(file, ty);
        }
        // C's types are known by their names, whichever file uses them, unless it defines its own.
        let own = self.own_types(file, &ty.name).next().map(|_| file);
        if let Some(known) = self.structs.borrow().get(&own).and_then(|types| types.get(&ty.name)) {
            return known.clone();
        }
        let remember = |found: Objects| {
            let mut known = self.structs.borrow_mut();
            known.entry(own).or_default().insert(ty.name.clone(), found);
        };
        // A typedef that leads back to itself finds nothing.
        remember(Objects::default());
        let found = self.find_instances(file, ty);
        remember(found.clone());
        found
    }

    /// The types of this name that a C file itself defines: those that other files call so are others.
    pub(super) fn own_types(&self, file: FileId, name: &str) -> impl Iterator<Item = ClassId> + '_ {
        let classes = self.tree.classes_by_name.get(name).into_iter().flatten().copied();
        classes.filter(move |class| {
            let entry = &self.tree.classes[class.0 as usize];
            let defines = || self.tree.decls(*class).any(|(_, decl)| !decl.fields.is_empty());
            entry.file == file && (entry.kind == TypeKind::Alias || defines())
        })
    }

    fn find_instances(&self, file: FileId, ty: &TypeRef) -> Objects {
        let mut found = Objects::default();
        if ty.name == "fn" {
            if self.tree.file(file).language == Language::C {
                found.add(Object::Pointer(super::escaped::type_text(ty)));
            }
            return found;
        }
        let named = if ty.local {
            self.global(file, &ty.name)
        } else {
            self.type_path(file, &ty.name)
        };
        for object in named.iter() {
            match object {
                Object::Class(class) => match self.alias_target(*class) {
                    // Of two trees' headers one may call `a` what the other calls `b`, and the other way round.
                    Some((home, target)) if target.name != ty.name => {
                        found.add_all(
                            self.answers
                                .ask(Question::Alias(*class), || self.instances_of(home, &target)),
                        );
                    }
                    _ => found.add(Object::Instance(*class, None)),
                },
                // Python's words for "this or none" are no types of their own (PEP 484, 604).
                Object::External(path) if self.tree.file(file).language == Language::Python && is_no_type(path) => {}
                Object::External(path) => found.add(Object::Result(path.clone(), None)),
                _ => {}
            }
        }
        for inner in &ty.args {
            found.add_all(self.instances_of(file, inner));
        }
        found
    }

    fn type_path(&self, file: FileId, name: &str) -> Objects {
        match self.tree.file(file).language {
            Language::C => {
                let mut found = Objects::default();
                self.own_types(file, name)
                    .for_each(|class| found.add(Object::Class(class)));
                let named = self.tree.classes_by_name.get(name).into_iter().flatten();
                for class in named.filter(|_| found.is_empty()).collect::<Vec<_>>() {
                    if self.tree.classes[class.0 as usize].name == name {
                        found.add(Object::Class(*class));
                    }
                }
                if found.is_empty() {
                    Objects::one(Object::external(name))
                } else {
                    found
                }
            }
            _ => self.path(file, name),
        }
    }

    /// The type that an alias stands for, and the file in which it is written.
    pub(super) fn alias_target(&self, class: ClassId) -> Option<(FileId, TypeRef)> {
        let entry = &self.tree.classes[class.0 as usize];
        if entry.kind != TypeKind::Alias {
            return None;
        }
        self.tree
            .decls(class)
            .find_map(|(file, decl)| decl.target.clone().map(|target| (file, target)))
    }
}

/// What an annotation of Python's says beside the types that it names.
fn is_no_type(path: &str) -> bool {
    let word = path.strip_prefix("typing.").or_else(|| path.strip_prefix("builtins."));
    matches!(
        word,
        Some("Optional" | "Union" | "Annotated" | "Final" | "ClassVar" | "None")
    )
}
