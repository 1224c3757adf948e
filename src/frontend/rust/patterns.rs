//! Patterns: what they bind and what they test.

use syn::{Expr, Pat};

use crate::facts::{AccessForm, Condition, Event, StoreKind, TypeRef, Value};

use super::expressions::{literal, member_name, peel};
use super::lowering::Lowering;
use super::names::{path_segments, plain};

/// The element `index` of a tuple or slice.
pub(super) fn item(value: &Value, index: usize) -> Value {
    match value {
        Value::List(values) if index < values.len() => values[index].clone(),
        Value::Unknown => Value::Unknown,
        other => Value::Item(Box::new(other.clone()), Box::new(Value::Int(index as i64))),
    }
}

/// The part of `value` that the field `name` of the constructor `segments` holds. What comes from the prelude (`Some`,
/// `Ok`) has one field and is seen through.
fn field_of(value: &Value, segments: &[String], name: &str) -> Value {
    if *value == Value::Unknown {
        return Value::Unknown;
    }
    let field = match segments {
        [.., owner, variant] if owner.starts_with(char::is_uppercase) => format!("{variant}.{name}"),
        _ => name.to_owned(),
    };
    Value::Attribute(Box::new(value.clone()), field.into())
}

const TRANSPARENT: [&str; 3] = ["Some", "Ok", "Err"];

impl Lowering<'_> {
    /// Binds the names of `pat` to the parts of `value`; `ty` is the type that was written behind it.
    pub(super) fn bind(&mut self, pat: &Pat, value: Value, ty: Option<TypeRef>) {
        match pat {
            Pat::Ident(ident) => {
                if self.is_constant(ident) {
                    return;
                }
                self.bind_name(ident, value.clone(), ty);
                if let Some((_, inner)) = &ident.subpat {
                    self.bind(inner, value, None);
                }
            }
            Pat::Type(typed) => {
                let ty = self.type_of(&typed.ty);
                self.bind(&typed.pat, value, ty);
            }
            Pat::Reference(reference) => self.bind(&reference.pat, value, ty),
            Pat::Paren(paren) => self.bind(&paren.pat, value, ty),
            Pat::Tuple(tuple) => self.bind_sequence(tuple.elems.iter(), &value, ty.as_ref()),
            Pat::Slice(slice) => {
                for pat in &slice.elems {
                    self.bind(pat, Value::Element(Box::new(value.clone())), None);
                }
            }
            Pat::TupleStruct(parts) => {
                let segments = path_segments(&parts.path);
                let transparent = segments.last().is_some_and(|last| TRANSPARENT.contains(&last.as_str()));
                for (index, pat) in parts.elems.iter().enumerate() {
                    let part = if transparent {
                        value.clone()
                    } else {
                        field_of(&value, &self.constructor(&parts.path), &index.to_string())
                    };
                    self.bind(pat, part, None);
                }
            }
            Pat::Struct(parts) => {
                let segments = self.constructor(&parts.path);
                for field in &parts.fields {
                    let part = field_of(&value, &segments, &member_name(&field.member));
                    self.bind(&field.pat, part, None);
                }
            }
            // Every case binds the same names; the first stands for all.
            Pat::Or(or) => {
                if let Some(first) = or.cases.first() {
                    self.bind(first, value, ty);
                }
            }
            _ => {}
        }
    }

    /// The resolved path of a constructor, in its names.
    fn constructor(&self, path: &syn::Path) -> Vec<String> {
        let segments = path_segments(path);
        match self.path_value(&segments, path.leading_colon.is_some()) {
            Value::Path(path) => path.split("::").map(str::to_owned).collect(),
            _ => segments,
        }
    }

    fn bind_sequence<'p>(&mut self, pats: impl ExactSizeIterator<Item = &'p Pat>, value: &Value, ty: Option<&TypeRef>) {
        let mut after_rest = false;
        for (index, pat) in pats.enumerate() {
            after_rest |= matches!(pat, Pat::Rest(_));
            let part = if after_rest {
                Value::Element(Box::new(value.clone()))
            } else {
                item(value, index)
            };
            let part_type = ty
                .filter(|ty| ty.name == "()" && !after_rest)
                .and_then(|ty| ty.args.get(index));
            self.bind(pat, part, part_type.cloned());
        }
    }

    fn bind_name(&mut self, ident: &syn::PatIdent, value: Value, ty: Option<TypeRef>) {
        let name = plain(&ident.ident);
        let local = self.add_local(&name, ty, None);
        self.current().locals[local.0 as usize].fixed = ident.mutability.is_none() && ident.by_ref.is_none();
        let owned = ident.by_ref.is_none() && self.is_droppable(&value);
        let span = self.span(ident.ident.span(), ident.ident.span());
        self.show(&name, local);
        if owned {
            self.mark_droppable(local);
        }
        if value != Value::Unknown {
            self.event(Event::Store {
                target: Value::Local(self.function, local),
                form: AccessForm::Whole,
                kind: StoreKind::Assign,
                value: Box::new(value),
                span,
            });
        }
    }

    /// A bare name in a pattern may be a constant or a variant; by convention those begin with a capital.
    fn is_constant(&self, ident: &syn::PatIdent) -> bool {
        ident.by_ref.is_none()
            && ident.mutability.is_none()
            && ident.subpat.is_none()
            && plain(&ident.ident).starts_with(char::is_uppercase)
    }

    /// When `pat` matches `value`.
    pub(super) fn pattern_condition(&mut self, pat: &Pat, value: &Value) -> Condition {
        match pat {
            Pat::Wild(_) | Pat::Rest(_) => Condition::Always,
            Pat::Ident(ident) if self.is_constant(ident) => {
                self.constant_condition(&[plain(&ident.ident)], false, value)
            }
            Pat::Ident(ident) => match &ident.subpat {
                Some((_, inner)) => self.pattern_condition(inner, value),
                None => Condition::Always,
            },
            Pat::Type(typed) => self.pattern_condition(&typed.pat, value),
            Pat::Reference(reference) => self.pattern_condition(&reference.pat, value),
            Pat::Paren(paren) => self.pattern_condition(&paren.pat, value),
            Pat::Lit(lit) => Condition::Equal(value.clone(), literal(&lit.lit)),
            Pat::Path(path) => {
                self.constant_condition(&path_segments(&path.path), path.path.leading_colon.is_some(), value)
            }
            Pat::TupleStruct(parts) => {
                let plain = parts.elems.iter().all(is_irrefutable);
                let test = self.variant_condition(&parts.path, value);
                if plain {
                    test
                } else if let (Condition::Truthy(_), Some(inner)) = (&test, parts.elems.first()) {
                    // What `Some` or `Ok` holds is the same thing for our purposes.
                    Condition::All(vec![test, self.pattern_condition(inner, value)])
                } else {
                    Condition::All(vec![test, Condition::Unknown])
                }
            }
            Pat::Struct(parts) => {
                let plain = parts.fields.iter().all(|field| is_irrefutable(&field.pat));
                let test = self.variant_condition(&parts.path, value);
                if plain {
                    test
                } else {
                    Condition::All(vec![test, Condition::Unknown])
                }
            }
            Pat::Or(or) => Condition::Any(
                or.cases
                    .iter()
                    .map(|case| self.pattern_condition(case, value))
                    .collect(),
            ),
            other if is_irrefutable(other) => Condition::Always,
            _ => Condition::Unknown,
        }
    }

    fn constant_condition(&mut self, segments: &[String], leading_colon: bool, value: &Value) -> Condition {
        match self.path_value(segments, leading_colon) {
            Value::None => Condition::Not(Box::new(Condition::Truthy(value.clone()))),
            constant => Condition::Equal(value.clone(), constant),
        }
    }

    fn variant_condition(&mut self, path: &syn::Path, value: &Value) -> Condition {
        let segments = path_segments(path);
        match segments.last().map(String::as_str) {
            Some("Some" | "Ok") => Condition::Truthy(value.clone()),
            Some("Err") => Condition::Not(Box::new(Condition::Truthy(value.clone()))),
            _ => match self.path_value(&segments, path.leading_colon.is_some()) {
                constant @ (Value::Path(_) | Value::Global(_)) => Condition::Equal(value.clone(), constant),
                _ => Condition::Unknown,
            },
        }
    }

    /// `let pat = expr` in a condition: evaluates, binds and tests.
    pub(super) fn let_condition(&mut self, binding: &syn::ExprLet) -> Condition {
        let value = self.scrutinee(&binding.expr, [&*binding.pat]);
        let condition = self.pattern_condition(&binding.pat, &value);
        self.bind(&binding.pat, value, None);
        condition
    }

    /// What is matched on. Its temporaries live until the end of the statement; where a pattern takes the value apart
    /// into names, it dies with them instead, and a local that is matched on is moved into them.
    pub(super) fn scrutinee<'p>(&mut self, expr: &Expr, pats: impl IntoIterator<Item = &'p Pat>) -> Value {
        let bindings: Vec<&syn::PatIdent> = pats.into_iter().flat_map(bindings).collect();
        if bindings.is_empty() {
            return self.expression(expr);
        }
        let value = self.used(expr);
        if matches!(peel(expr), Expr::Path(_)) && bindings.iter().all(|ident| ident.by_ref.is_none()) {
            self.mark_moved(&value);
        }
        value
    }
}

/// The names that a pattern binds.
fn bindings(pat: &Pat) -> Vec<&syn::PatIdent> {
    match pat {
        Pat::Ident(ident) => {
            let binds = ident.subpat.is_some() || !plain(&ident.ident).starts_with(char::is_uppercase);
            Vec::from_iter(binds.then_some(ident))
        }
        Pat::Type(typed) => bindings(&typed.pat),
        Pat::Reference(reference) => bindings(&reference.pat),
        Pat::Paren(paren) => bindings(&paren.pat),
        Pat::Tuple(tuple) => tuple.elems.iter().flat_map(bindings).collect(),
        Pat::Slice(slice) => slice.elems.iter().flat_map(bindings).collect(),
        Pat::TupleStruct(parts) => parts.elems.iter().flat_map(bindings).collect(),
        Pat::Struct(parts) => parts.fields.iter().flat_map(|field| bindings(&field.pat)).collect(),
        Pat::Or(or) => or.cases.iter().flat_map(bindings).collect(),
        _ => Vec::new(),
    }
}

/// Whether a pattern always matches, as far as the pattern alone tells.
fn is_irrefutable(pat: &Pat) -> bool {
    match pat {
        Pat::Wild(_) | Pat::Rest(_) => true,
        Pat::Ident(ident) => {
            !plain(&ident.ident).starts_with(char::is_uppercase)
                && ident.subpat.as_ref().is_none_or(|(_, inner)| is_irrefutable(inner))
        }
        Pat::Type(typed) => is_irrefutable(&typed.pat),
        Pat::Reference(reference) => is_irrefutable(&reference.pat),
        Pat::Paren(paren) => is_irrefutable(&paren.pat),
        Pat::Tuple(tuple) => tuple.elems.iter().all(is_irrefutable),
        _ => false,
    }
}
