//! Annotations as types, names resolved like any name.

use super::builder::Lowerer;
use super::depth::DepthMeter;
use super::skim::Scanner;
use crate::facts::{Name, TypeRef, Value};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Operator};

/// Longer or deeper annotations in quotes are no types that matter.
const MAX_QUOTED_LENGTH: usize = 400;
const MAX_QUOTED_DEPTH: u32 = 40;

/// Types are nested no deeper than this.
const MAX_TYPE_DEPTH: usize = 12;

impl<'a> Lowerer<'a, '_> {
    /// Evaluates an annotation where it holds calls; mere names are not worth a load each.
    pub(super) fn annotation_events(&mut self, annotation: &'a Expr) {
        struct Finds(bool);
        impl Visitor<'_> for Finds {
            fn visit_expr(&mut self, expression: &Expr) {
                self.0 |= matches!(
                    expression,
                    Expr::Call(_) | Expr::Named(_) | Expr::Lambda(_) | Expr::Await(_)
                );
                if !self.0 {
                    visitor::walk_expr(self, expression);
                }
            }
        }
        let mut finds = Finds(false);
        finds.visit_expr(annotation);
        if finds.0 {
            self.read(annotation);
        }
    }

    /// The type that `annotation` names, if it is one.
    pub(super) fn type_ref(&self, annotation: &Expr) -> Option<TypeRef> {
        self.type_at_depth(annotation, 0)
    }

    fn type_at_depth(&self, annotation: &Expr, depth: usize) -> Option<TypeRef> {
        if depth > MAX_TYPE_DEPTH {
            return None;
        }
        match annotation {
            Expr::Name(_) | Expr::Attribute(_) => self.named_type(annotation),
            Expr::NoneLiteral(_) => Some(TypeRef {
                name: "None".into(),
                args: Vec::new(),
                local: false,
            }),
            Expr::StringLiteral(text) => self.quoted_type(text.value.to_str(), depth),
            Expr::Subscript(subscript) => {
                let mut ty = self.type_at_depth(&subscript.value, depth + 1)?;
                let args = match &*subscript.slice {
                    Expr::Tuple(tuple) => tuple.elts.as_slice(),
                    single => std::slice::from_ref(single),
                };
                ty.args = args
                    .iter()
                    .filter_map(|arg| self.type_at_depth(arg, depth + 1))
                    .collect();
                Some(ty)
            }
            Expr::List(list) => {
                let args = list
                    .elts
                    .iter()
                    .filter_map(|arg| self.type_at_depth(arg, depth + 1))
                    .collect();
                Some(TypeRef {
                    name: "list".into(),
                    args,
                    local: false,
                })
            }
            Expr::BinOp(union) if union.op == Operator::BitOr => {
                let left = self.type_at_depth(&union.left, depth + 1);
                let right = self.type_at_depth(&union.right, depth + 1);
                // `X | Y` is by definition the same type as `Union[X, Y]`.
                let args = left.into_iter().chain(right).collect();
                Some(TypeRef {
                    name: "typing.Union".into(),
                    args,
                    local: false,
                })
            }
            _ => None,
        }
    }

    /// A dotted name.
    fn named_type(&self, annotation: &Expr) -> Option<TypeRef> {
        let mut names = Vec::new();
        let mut base = annotation;
        while let Expr::Attribute(inner) = base {
            names.push(inner.attr.as_str());
            base = &inner.value;
        }
        let Expr::Name(first) = base else { return None };
        let resolved = self.resolve(first.id.as_str());
        let (name, local) = dotted(&resolved, |name| self.is_own_global(name))?;
        let mut name = name.to_string();
        for part in names.iter().rev() {
            if !name.ends_with('.') {
                name.push('.');
            }
            name.push_str(part);
        }
        Some(TypeRef {
            name: name.into(),
            args: Vec::new(),
            local,
        })
    }

    /// A type in quotes.
    fn quoted_type(&self, text: &str, depth: usize) -> Option<TypeRef> {
        let text = text.trim();
        if text.len() > MAX_QUOTED_LENGTH {
            return None;
        }
        let mut meter = DepthMeter::new();
        Scanner::new(text).for_each(|token| meter.add(token, &text[token.start..token.end]));
        if meter.depth() > MAX_QUOTED_DEPTH {
            return None;
        }
        let parsed = ruff_python_parser::parse_expression(text).ok()?;
        self.type_at_depth(&parsed.syntax().body, depth + 1)
    }
}

/// The dotted name of a value that is a class, and whether it is one of this file.
fn dotted(value: &Value, is_own: impl Fn(&str) -> bool + Copy) -> Option<(Name, bool)> {
    match value {
        Value::Path(path) => Some((path.clone(), false)),
        Value::Global(name) => {
            let first = name.split('.').next().unwrap_or_default();
            Some((name.clone(), is_own(first)))
        }
        Value::Attribute(base, name) => {
            let (base, local) = dotted(base, is_own)?;
            Some((format!("{base}.{name}").into(), local))
        }
        // An import with a fallback: what is imported tells more.
        Value::OneOf(values) => values.iter().find_map(|value| dotted(value, is_own)),
        _ => None,
    }
}
