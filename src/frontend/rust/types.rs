//! Types as they are written, to [`TypeRef`]s.

use syn::{GenericArgument, GenericParam, Generics, PathArguments, ReturnType, Type, TypeParamBound, WherePredicate};

use crate::facts::TypeRef;

use super::lowering::Lowering;
use super::names::{Target, path_segments, plain};

fn type_ref(name: impl Into<String>, args: Vec<TypeRef>) -> TypeRef {
    TypeRef {
        name: name.into().into(),
        args,
        local: false,
    }
}

/// Built-in types that own nothing, so that their end is no event.
const PLAIN: [&str; 17] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    "f32", "f64",
];

/// Whether a value of this type may be copied, and dies without a trace.
pub(super) fn is_plain(ty: &Type) -> bool {
    match ty {
        Type::Reference(_) | Type::Ptr(_) | Type::BareFn(_) | Type::Never(_) => true,
        Type::Path(path) => path
            .path
            .get_ident()
            .is_some_and(|ident| PLAIN.iter().any(|plain| ident == plain)),
        Type::Paren(inner) => is_plain(&inner.elem),
        Type::Group(inner) => is_plain(&inner.elem),
        Type::Array(array) => is_plain(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().all(is_plain),
        _ => false,
    }
}

impl Lowering<'_> {
    /// The type, references dropped; none for `_` and what only a macro knows.
    pub(super) fn type_of(&self, ty: &Type) -> Option<TypeRef> {
        match ty {
            Type::Reference(inner) => self.type_of(&inner.elem),
            Type::Ptr(inner) => self.type_of(&inner.elem),
            Type::Paren(inner) => self.type_of(&inner.elem),
            Type::Group(inner) => self.type_of(&inner.elem),
            Type::Slice(slice) => Some(type_ref("[]", self.type_of(&slice.elem).into_iter().collect())),
            Type::Array(array) => Some(type_ref("[]", self.type_of(&array.elem).into_iter().collect())),
            Type::Tuple(tuple) => {
                let unknown = || type_ref("_", Vec::new());
                let args = tuple.elems.iter().map(|ty| self.type_of(ty).unwrap_or_else(unknown));
                Some(type_ref("()", args.collect()))
            }
            Type::Never(_) => Some(type_ref("!", Vec::new())),
            Type::BareFn(function) => {
                let mut args: Vec<TypeRef> = function.inputs.iter().filter_map(|arg| self.type_of(&arg.ty)).collect();
                args.push(self.result_type(&function.output));
                Some(type_ref("fn", args))
            }
            Type::TraitObject(object) => self.first_bound(&object.bounds),
            Type::ImplTrait(bounds) => self.first_bound(&bounds.bounds),
            Type::Path(path) => {
                let Some(qself) = &path.qself else {
                    return self.path_type(&path.path);
                };
                let segments = path_segments(&path.path);
                if qself.position == 0 {
                    let base = self.type_of(&qself.ty)?;
                    return Some(type_ref(format!("{}::{}", base.name, segments.join("::")), Vec::new()));
                }
                Some(type_ref(
                    self.type_path(&segments, path.path.leading_colon.is_some()),
                    Vec::new(),
                ))
            }
            _ => None,
        }
    }

    fn result_type(&self, output: &ReturnType) -> TypeRef {
        match output {
            ReturnType::Default => type_ref("()", Vec::new()),
            ReturnType::Type(_, ty) => self.type_of(ty).unwrap_or_else(|| type_ref("_", Vec::new())),
        }
    }

    /// The declared result; none for `()`.
    pub(super) fn returns(&self, output: &ReturnType) -> Option<TypeRef> {
        match output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => self.type_of(ty),
        }
    }

    /// The first bound that is a trait; a parenthesised one (`Fn(A) -> B`) is a function type.
    pub(super) fn first_bound<'b>(&self, bounds: impl IntoIterator<Item = &'b TypeParamBound>) -> Option<TypeRef> {
        bounds.into_iter().find_map(|bound| match bound {
            TypeParamBound::Trait(bound) if matches!(bound.modifier, syn::TraitBoundModifier::None) => {
                let last = bound.path.segments.last()?;
                if let PathArguments::Parenthesized(signature) = &last.arguments {
                    let mut args: Vec<TypeRef> = signature.inputs.iter().filter_map(|ty| self.type_of(ty)).collect();
                    args.push(self.result_type(&signature.output));
                    return Some(type_ref("fn", args));
                }
                self.path_type(&bound.path)
            }
            _ => None,
        })
    }

    /// The absolute path of a type path, without arguments.
    pub(super) fn type_path(&self, segments: &[String], leading_colon: bool) -> String {
        match self.resolve_type_path(segments, leading_colon) {
            Some(Target::Path(path) | Target::Link(path)) => path,
            None => segments.join("::"),
        }
    }

    /// A type path with its arguments.
    pub(super) fn path_type(&self, path: &syn::Path) -> Option<TypeRef> {
        let segments = path_segments(path);
        if let [name] = segments.as_slice() {
            if name == "Self" {
                return self.self_type.clone();
            }
            if let Some((_, bound)) = self.generics.iter().rev().find(|(generic, _)| generic == name) {
                return bound.clone();
            }
        }
        let name = self.type_path(&segments, path.leading_colon.is_some());
        let args = match &path.segments.last()?.arguments {
            PathArguments::AngleBracketed(args) => args
                .args
                .iter()
                .filter_map(|arg| match arg {
                    GenericArgument::Type(ty) => self.type_of(ty),
                    GenericArgument::AssocType(assoc) => self.type_of(&assoc.ty),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        Some(type_ref(name, args))
    }

    /// Makes type parameters known; returns how many there were before, for [`Lowering::close_generics`].
    pub(super) fn open_generics(&mut self, generics: &Generics) -> usize {
        let before = self.generics.len();
        for param in &generics.params {
            if let GenericParam::Type(param) = param {
                let bound = self.first_bound(&param.bounds);
                self.generics.push((plain(&param.ident), bound));
            }
        }
        for predicate in generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
            let WherePredicate::Type(predicate) = predicate else {
                continue;
            };
            let Type::Path(path) = &predicate.bounded_ty else {
                continue;
            };
            let Some(ident) = path.path.get_ident() else { continue };
            let bound = self.first_bound(&predicate.bounds);
            let known = self.generics[before..].iter_mut().find(|(name, _)| ident == name);
            if let Some((_, slot @ None)) = known {
                *slot = bound;
            }
        }
        before
    }

    /// Forgets the type parameters that [`Lowering::open_generics`] added.
    pub(super) fn close_generics(&mut self, before: usize) {
        self.generics.truncate(before);
    }
}
