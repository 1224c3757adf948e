//! Functions of C whose address is taken, by their type: what a call through a pointer of that type may reach when nothing
//! closer is known of the pointer.
//!
//! Interpreters, plugin hosts and protocol handlers keep their functions in tables, wrap them into values of their own and
//! call them much later. No pointer is followed through that; but a type that the project made for the purpose
//! (`Value (*)(int, Value *)`) says nearly as much: whoever calls through it calls one of the functions of that type whose
//! address was taken, in any order, any number of times.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::facts::{AccessForm, Event, FieldKey, FunctionKind, Language, TypeKind, TypeRef, Value};
use crate::finding::Confidence;

use super::handed_on::Later;
use super::meaning::VERY_MANY;
use super::objects::Object;
use super::program::{Engine, SummaryKey};
use super::summary::{Access, Accesses, Begun, Certainty, ChainStep, Live, Summary};
use super::tree::{FuncId, Tree, each_event};
use super::values::Values;

/// Functions by the type under which they may be called, `fn(int,char **)->int`, struct tags without their keyword.
pub type Escaped = BTreeMap<Rc<str>, Vec<FuncId>>;

/// A function type as text, from the facts' `fn` type: parameters, then the result.
pub fn type_text(ty: &TypeRef) -> Rc<str> {
    fn text(ty: &TypeRef) -> String {
        match (ty.name.as_str(), ty.args.split_last()) {
            ("fn", Some((result, parameters))) => {
                let parameters: Vec<String> = parameters.iter().map(text).collect();
                format!("fn({})->{}", parameters.join(","), text(result))
            }
            (name, _) => name.to_owned(),
        }
    }
    normalised(&text(ty))
}

/// `struct tag` and its typedef of the same name are one type.
pub(super) fn normalised(signature: &str) -> Rc<str> {
    ["struct ", "union ", "enum "]
        .iter()
        .fold(signature.to_owned(), |text, word| text.replace(word, ""))
        .into()
}

impl Values<'_> {
    /// Collects every function whose address is taken.
    pub(super) fn escaped(&self) -> Escaped {
        let mut found = Escaped::new();
        let tree = self.tree;
        for func in tree.functions().filter(|func| tree.language(*func) == Language::C) {
            each_event(&tree.function(func).body, &mut |event| {
                // A name that is no callee is loaded; where it is a function's, its address is taken.
                if let Event::Load {
                    value: value @ Value::Global(_),
                    form: AccessForm::Whole,
                    ..
                } = event
                {
                    for target in self.defined_functions(func, value) {
                        if let Some(signature) = &tree.function(target).signature {
                            add(&mut found, normalised(signature), target);
                        }
                    }
                }
            });
        }
        self.add_slots(&mut found);
        found
    }

    /// What stands in a field of function type has that type, even where a macro hides the function's own.
    fn add_slots(&self, found: &mut Escaped) {
        let classes = self.tree.classes.iter().filter(|class| class.kind == TypeKind::Class);
        for class in classes.filter(|class| self.tree.file(class.file).language == Language::C) {
            let fields = class.decls.iter().flat_map(|(file, index)| {
                let decl = &self.tree.file(*file).types[index.0 as usize];
                decl.fields.iter().map(move |field| (*file, field))
            });
            for (position, (file, field)) in fields.enumerate() {
                let Some(ty) = field.ty.as_ref().and_then(|ty| self.pointer_type(file, ty)) else {
                    continue;
                };
                for name in self.names_of(&class.name) {
                    for (home, key, value) in self.record_values(&name) {
                        let fits = match key {
                            FieldKey::Name(name) => *name == field.name,
                            FieldKey::Index(index) => *index as usize == position,
                        };
                        for target in self.defined_functions(home, value).into_iter().filter(|_| fits) {
                            add(found, ty.clone(), target);
                        }
                    }
                }
            }
        }
    }

    /// A struct's own name and the typedefs of it.
    fn names_of(&self, class: &str) -> Vec<String> {
        let aliases = self.tree.classes.iter().filter(|alias| {
            alias.kind == TypeKind::Alias
                && alias.decls.iter().any(|(file, index)| {
                    let decl = &self.tree.file(*file).types[index.0 as usize];
                    decl.target.as_ref().is_some_and(|target| target.name == class)
                })
        });
        let mut names: Vec<String> = aliases.map(|alias| alias.name.to_string()).collect();
        names.push(class.to_owned());
        names.sort();
        names.dedup();
        names
    }

    /// The function type that a declared type is, itself or by a typedef.
    pub(super) fn pointer_type(&self, file: super::tree::FileId, ty: &TypeRef) -> Option<Rc<str>> {
        self.instances_of(file, ty).iter().find_map(|object| match object {
            Object::Pointer(ty) => Some(ty.clone()),
            _ => None,
        })
    }

    pub(super) fn defined_functions(&self, func: FuncId, value: &Value) -> Vec<FuncId> {
        if !matches!(value, Value::Global(_)) {
            return Vec::new();
        }
        self.eval(func, value)
            .iter()
            .filter_map(|object| match object {
                Object::Function(target) if self.tree.function(*target).kind == FunctionKind::Function => Some(*target),
                _ => None,
            })
            .collect()
    }

    /// Whether a function type names a struct of the tree: the project made it, and nobody else's functions have it by
    /// chance, as they have `void (*)(void *)`.
    pub(super) fn is_own_type(&self, ty: &str) -> bool {
        ty.split(['(', ')', ',', '>'])
            .map(|part| part.trim_end_matches(['*', ' ', '-']))
            .any(|name| !name.is_empty() && is_struct(self.tree, name))
    }
}

fn is_struct(tree: &Tree, name: &str) -> bool {
    let tagged = ["struct ", "union "]
        .iter()
        .any(|word| tree.classes_by_name.contains_key(format!("{word}{name}").as_str()));
    let named = tree.classes_by_name.get(name).into_iter().flatten();
    tagged
        || named.into_iter().any(|class| {
            let class = &tree.classes[class.0 as usize];
            class.decls.iter().any(|(file, index)| {
                let decl = &tree.file(*file).types[index.0 as usize];
                decl.target
                    .as_ref()
                    .is_some_and(|target| target.name.starts_with("struct ") || target.name.starts_with("union "))
            })
        })
}

fn add(found: &mut Escaped, ty: Rc<str>, target: FuncId) {
    let known = found.entry(ty).or_default();
    if !known.contains(&target) {
        known.push(target);
    }
}

impl Engine<'_> {
    /// What a call through a pointer of a type may do: anything that any function of the type does, one beside the threads
    /// that another has left alive.
    pub fn escaped_summary(&mut self, ty: &Rc<str>) -> Rc<Summary> {
        if let Some(found) = self.escaped_summaries.get(ty) {
            return found.clone();
        }
        if !self.walking_types.insert(ty.clone()) {
            self.recursive = true;
            return self.previous_escaped.get(ty).cloned().unwrap_or_default();
        }
        let functions = self.escaped.get(ty).cloned().unwrap_or_default();
        let doubt = Certainty {
            wide_guesses: u8::from(functions.len() >= VERY_MANY),
            ..Certainty::because(
                Confidence::Medium,
                "the call goes through a function pointer, and may mean any function of the pointer's type whose address is taken",
            )
        };
        let mut out = Summary::default();
        let mut accesses = Accesses::default();
        for func in functions {
            let programs = self.programs.of(func);
            let doubt = doubt.clone().within(&programs);
            let summary = self.summary(SummaryKey {
                function: func,
                main: false,
            });
            let function = self.values.tree.function(func);
            let step = Rc::new(ChainStep {
                function: func,
                span: function.name_span,
                note: format!("is of the pointer's type: {}", function.name).into(),
            });
            for access in summary.accesses.iter().filter(|access| access.child.is_none()) {
                accesses.add(Access {
                    chain: access.chain.behind(step.clone()),
                    certainty: access.certainty.and(&doubt),
                    ..access.clone()
                });
            }
            for begun in &summary.starts {
                let certainty = begun.certainty.and(&doubt);
                match out.starts.iter_mut().find(|known| known.start == begun.start) {
                    Some(known) => known.certainty.programs = known.certainty.programs.or(&certainty.programs),
                    None => out.starts.push(Begun {
                        start: begun.start,
                        chain: begun.chain.behind(step.clone()),
                        certainty,
                        covered: None,
                        past: Rc::default(),
                    }),
                }
            }
            for live in summary.leaks.iter() {
                let certainty = live.certainty.and(&doubt);
                match out.leaks.iter_mut().find(|known| known.start == live.start) {
                    Some(known) => known.certainty.programs = known.certainty.programs.or(&certainty.programs),
                    None => out.leaks.push(Live {
                        chain: live.chain.behind(step.clone()),
                        certainty,
                        many: true,
                        count: 0,
                        ..live.clone()
                    }),
                }
            }
            out.sends.extend(summary.sends.iter().cloned());
            out.sends_unknown |= summary.sends_unknown;
            out.heap = out.heap.or(summary.heap);
            let is_new = |later: &&Later| out.later.get(later.function).is_none();
            let handed = summary.later.iter().filter(is_new).collect();
            let handed = self.handed_further(handed, &summary.later, &step, &doubt);
            Rc::make_mut(&mut out.later).add_all(handed);
        }
        out.accesses = accesses.into_list();
        self.arounds.prune(&mut out.accesses);
        let Engine { sites, arounds, .. } = &mut *self;
        out.trim(sites, arounds);
        let out = Rc::new(out);
        self.walking_types.remove(ty);
        self.escaped_summaries.insert(ty.clone(), out.clone());
        out
    }
}
