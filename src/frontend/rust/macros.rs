//! Macro calls whose arguments can be read as Rust. Nothing is expanded: what stands in the brackets is evaluated in its
//! order, then the macro itself is called by its name with a `!`.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Macro, Token};

use crate::facts::{Argument, Condition, Event, Node, Piece, Region, RegionKind, Span, Value};

use super::attributes::cfg_value;
use super::lowering::Lowering;
use super::macro_forms::{
    DEPTH_LIMIT, Matches, SelectArm, SelectArms, depth, expressions, loose_expressions, statements,
};
use super::names::{path_segments, plain};

impl Lowering<'_> {
    fn macro_span(&self, mac: &Macro) -> Span {
        let close = mac.delimiter.span().close();
        let first = mac.path.segments.first().map_or(close, |segment| segment.ident.span());
        self.span(first, close)
    }

    fn macro_callee(&self, path: &syn::Path) -> Value {
        let segments = path_segments(path);
        match segments.as_slice() {
            [name] => match self.scopes.macro_named(self.scope, name) {
                Some(path) => Value::Path(path.into()),
                None => Value::Global(format!("{name}!").into()),
            },
            _ => Value::Path(format!("{}!", self.type_path(&segments, path.leading_colon.is_some())).into()),
        }
    }

    /// A macro call: what its arguments do, then the call of `name!` itself.
    pub(super) fn macro_call(&mut self, mac: &Macro) -> Value {
        let name = match self.macro_callee(&mac.path) {
            Value::Global(name) => name,
            _ => String::new().into(),
        };
        if depth(&mac.tokens) > DEPTH_LIMIT {
            self.too_deep(self.macro_span(mac).line);
            return Value::Unknown;
        }
        match name.as_str() {
            "cfg!" => cfg_value(&mac.tokens).map_or(Value::Unknown, Value::Bool),
            "matches!" => {
                self.macro_condition(mac);
                Value::Unknown
            }
            "vec!" => self.list_macro(mac),
            "format!" | "format_args!" => self.text_macro(mac),
            "concat!" => {
                let args = self.macro_arguments(&mac.tokens);
                let pieces = args.into_iter().flat_map(|arg| match arg.value {
                    Value::Text(pieces) => pieces,
                    other => vec![Piece::Hole(other)].into(),
                });
                Value::Text(pieces.collect())
            }
            _ => {
                let args = self.macro_arguments(&mac.tokens);
                let callee = self.macro_callee(&mac.path);
                let span = self.macro_span(mac);
                self.silent_call(callee, args, span)
            }
        }
    }

    /// A macro as a condition: `cfg!(windows)` is known, `matches!(v, pattern)` tests.
    pub(super) fn macro_condition(&mut self, mac: &Macro) -> Condition {
        let global = self.macro_callee(&mac.path);
        if global == Value::Global("matches!".into())
            && depth(&mac.tokens) <= DEPTH_LIMIT
            && let Ok(parts) = syn::parse2::<Matches>(mac.tokens.clone())
        {
            let value = self.expression(&parts.value);
            let test = self.pattern_condition(&parts.pat, &value);
            let Some(guard) = parts.guard else { return test };
            self.bind(&parts.pat, value, None);
            return Condition::All(vec![test, self.condition(&guard)]);
        }
        if global == Value::Global("matches!".into()) {
            self.macro_arguments(&mac.tokens);
            return Condition::Unknown;
        }
        match self.macro_call(mac) {
            Value::Bool(true) => Condition::Always,
            Value::Bool(false) => Condition::Not(Box::new(Condition::Always)),
            Value::Unknown => Condition::Unknown,
            value => Condition::Truthy(value),
        }
    }

    fn list_macro(&mut self, mac: &Macro) -> Value {
        if let Some(exprs) = expressions(&mac.tokens) {
            return Value::List(exprs.iter().map(|expr| self.owned(expr)).collect());
        }
        let repeat = |input: ParseStream<'_>| -> syn::Result<(Expr, Expr)> {
            let value = input.parse()?;
            input.parse::<Token![;]>()?;
            Ok((value, input.parse()?))
        };
        match repeat.parse2(mac.tokens.clone()) {
            Ok((value, length)) => {
                let value = self.owned(&value);
                self.used(&length);
                Value::List(vec![value].into())
            }
            Err(_) => Value::Unknown,
        }
    }

    /// `format!`: the text with its holes filled by position, number or name.
    fn text_macro(&mut self, mac: &Macro) -> Value {
        let args = self.macro_arguments(&mac.tokens);
        let span = self.macro_span(mac);
        let value = match args.split_first() {
            Some((first, rest)) => match first.value.as_text() {
                Some(template) => Value::Text(self.template(template, rest).into()),
                None => Value::Unknown,
            },
            None => Value::Unknown,
        };
        self.silent_call(Value::Global("format!".into()), args, span);
        value
    }

    fn template(&self, template: &str, args: &[Argument]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut next = 0usize;
        let mut chars = template.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    literal.push(c);
                }
                '{' => {
                    let inside: String = chars.by_ref().take_while(|c| *c != '}').collect();
                    let name = inside.split(':').next().unwrap_or_default().trim();
                    let value = if name.is_empty() {
                        next += 1;
                        args.get(next - 1).map(|arg| arg.value.clone())
                    } else if let Ok(position) = name.parse::<usize>() {
                        args.get(position).map(|arg| arg.value.clone())
                    } else {
                        let named = args.iter().find(|arg| arg.name.as_deref() == Some(name));
                        Some(match named {
                            Some(arg) => arg.value.clone(),
                            None => self.path_value(&[name.to_owned()], false),
                        })
                    };
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    match value {
                        Some(Value::Text(inner)) => pieces.extend(inner),
                        other => pieces.push(Piece::Hole(other.unwrap_or(Value::Unknown))),
                    }
                }
                _ => literal.push(c),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        pieces
    }

    /// Reads the arguments of a macro in whatever form they have.
    fn macro_arguments(&mut self, tokens: &TokenStream) -> Vec<Argument> {
        if tokens.is_empty() {
            return Vec::new();
        }
        if let Some(exprs) = expressions(tokens) {
            return exprs.iter().map(|expr| self.macro_argument(expr)).collect();
        }
        if let Some(stmts) = statements(tokens) {
            let visible = self.open_scope();
            let span = self.stream_span(tokens);
            self.statements(&stmts, span);
            self.close_scope(visible, span);
            return Vec::new();
        }
        if let Ok(arms) = syn::parse2::<SelectArms>(tokens.clone()) {
            self.select(&arms.0);
            return Vec::new();
        }
        let mut found = Vec::new();
        loose_expressions(tokens.clone(), &mut found);
        found.iter().map(|expr| self.macro_argument(expr)).collect()
    }

    fn stream_span(&self, tokens: &TokenStream) -> Span {
        let mut trees = tokens.clone().into_iter();
        let first = trees.next().map(|tree| tree.span());
        let last = trees.last().map(|tree| tree.span()).or(first);
        match (first, last) {
            (Some(first), Some(last)) => self.span(first, last),
            _ => Span::default(),
        }
    }

    fn macro_argument(&mut self, expr: &Expr) -> Argument {
        if let Expr::Assign(assign) = expr
            && let Expr::Path(path) = &*assign.left
            && let Some(name) = path.path.get_ident()
            && self.local(&plain(name)).is_none()
        {
            return Argument {
                name: Some(plain(name).into()),
                value: self.used(&assign.right),
                span: self.expr_span(&assign.right),
            };
        }
        Argument {
            name: None,
            value: self.used(expr),
            span: self.expr_span(expr),
        }
    }

    /// All futures are made and driven, none surely to its end; one is ready first, and its body runs.
    fn select(&mut self, arms: &[SelectArm]) {
        let mut futures = Vec::new();
        for arm in arms {
            futures.push(arm.binding.as_ref().map(|(_, future)| {
                let value = self.used(future);
                let span = self.expr_span(future);
                (value, span)
            }));
        }
        for (value, span) in futures.iter().flatten() {
            let driven = Region {
                kind: RegionKind::Arm {
                    test: Condition::Unknown,
                },
                nodes: vec![awaiting(value, *span)],
                span: *span,
            };
            self.region(
                RegionKind::Branch { exhaustive: false },
                vec![Node::Region(Box::new(driven))],
                *span,
            );
        }
        let mut regions = Vec::new();
        let mut span = Span::default();
        for (arm, future) in arms.iter().zip(futures) {
            let visible = self.open_scope();
            self.open_nodes();
            self.open_statement();
            if let (Some((pat, _)), Some((value, span))) = (&arm.binding, future) {
                self.event(Event::Await {
                    value: value.clone(),
                    span,
                });
                self.bind(pat, Value::Await(Box::new(value)), None);
            }
            if let Some(guard) = &arm.guard {
                self.condition(guard);
            }
            self.owned(&arm.body);
            span = self.expr_span(&arm.body);
            self.close_statement(span);
            self.close_scope(visible, span);
            let nodes = self.close_nodes();
            regions.push(Node::Region(Box::new(Region {
                kind: RegionKind::Arm {
                    test: Condition::Unknown,
                },
                nodes,
                span,
            })));
        }
        self.region(RegionKind::Branch { exhaustive: true }, regions, span);
    }
}

fn awaiting(value: &Value, span: Span) -> Node {
    Node::Event(Event::Await {
        value: value.clone(),
        span,
    })
}
