//! Expressions to [`Value`]s, with the events that evaluating them causes.

use proc_macro2::Span as TokenSpan;
use syn::{BinOp, Expr, ExprBinary, ExprCall, ExprClosure, ExprMethodCall, Lit, Member, Pat, UnOp};

use crate::facts::{
    AccessForm, Argument, Event, FieldKey, FunctionIndex, FunctionKind, ParameterKind, Piece, Region, RegionKind, Span,
    StoreKind, TypeRef, Value, Visibility,
};

use super::extents::{first_token, last_token};
use super::lowering::{Head, Lowering};
use super::names::{path_segments, plain};

/// What a literal is.
pub(super) fn literal(lit: &Lit) -> Value {
    match lit {
        Lit::Str(text) => Value::text(text.value()),
        Lit::Char(letter) => Value::text(letter.value()),
        Lit::ByteStr(bytes) => Value::text(String::from_utf8_lossy(&bytes.value())),
        Lit::CStr(text) => Value::text(text.value().to_string_lossy()),
        Lit::Int(int) => int.base10_parse().map_or(Value::Unknown, Value::Int),
        Lit::Bool(value) => Value::Bool(value.value),
        _ => Value::Unknown,
    }
}

/// The expression inside parentheses, `?`, `.await` and casts: what they wrap is what is owned.
pub(super) fn peel(expr: &Expr) -> &Expr {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::Paren(inner) => &inner.expr,
            Expr::Group(inner) => &inner.expr,
            Expr::Try(inner) => &inner.expr,
            Expr::Await(inner) => &inner.base,
            Expr::Cast(inner) => &inner.expr,
            other => return other,
        };
    }
}

/// The call below an awaited value.
fn awaited(value: &Value) -> &Value {
    match value {
        Value::Await(inner) => awaited(inner),
        other => other,
    }
}

/// `Default::default()`.
fn is_default(call: &ExprCall) -> bool {
    match peel(&call.func) {
        Expr::Path(path) if path.qself.is_none() => path_segments(&path.path) == ["Default", "default"],
        _ => false,
    }
}

impl Lowering<'_> {
    /// Evaluates an expression.
    pub(super) fn expression(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Lit(lit) => literal(&lit.lit),
            Expr::Path(path) => self.path_expression(path),
            Expr::Call(call) => self.call_expression(call),
            Expr::MethodCall(call) => self.method_call(call),
            Expr::Macro(mac) => self.macro_call(&mac.mac),
            Expr::Paren(inner) => self.expression(&inner.expr),
            Expr::Group(inner) => self.expression(&inner.expr),
            Expr::Reference(inner) => self.expression(&inner.expr),
            Expr::RawAddr(inner) => self.expression(&inner.expr),
            Expr::Cast(inner) => self.expression(&inner.expr),
            Expr::Try(inner) => self.expression(&inner.expr),
            Expr::Unary(unary) => self.unary(unary),
            Expr::Await(inner) => {
                let value = self.expression(&inner.base);
                let span = self.span(inner.await_token.span, inner.await_token.span);
                self.event(Event::Await {
                    value: value.clone(),
                    span,
                });
                Value::Await(Box::new(value))
            }
            Expr::Field(field) => {
                let value = self.field(field);
                self.load(&value, AccessForm::Attribute, expr);
                value
            }
            Expr::Index(index) => {
                let base = self.expression(&index.expr);
                let key = self.expression(&index.index);
                let value = Value::Item(Box::new(base), Box::new(key));
                self.load(&value, AccessForm::Subscript, expr);
                value
            }
            Expr::Binary(binary) => self.binary(binary),
            Expr::Assign(assign) => self.assign(assign),
            Expr::Closure(closure) => self.closure(closure),
            Expr::Async(block) => self.async_block(block),
            Expr::Struct(record) => self.record(record),
            Expr::Array(array) => Value::List(array.elems.iter().map(|expr| self.owned(expr)).collect()),
            Expr::Tuple(tuple) if tuple.elems.is_empty() => Value::None,
            Expr::Tuple(tuple) => Value::List(tuple.elems.iter().map(|expr| self.owned(expr)).collect()),
            Expr::Repeat(repeat) => {
                let value = self.owned(&repeat.expr);
                self.expression(&repeat.len);
                Value::List(vec![value].into())
            }
            Expr::Range(range) => {
                for bound in range.start.iter().chain(&range.end) {
                    self.used(bound);
                }
                Value::List(vec![Value::Unknown].into())
            }
            Expr::Let(binding) => {
                let test = self.let_condition(binding);
                match test {
                    crate::facts::Condition::Always => Value::Bool(true),
                    _ => Value::Unknown,
                }
            }
            _ => self.control(expr),
        }
    }

    /// Evaluates an expression whose result somebody takes over: an argument, an initialiser, a field. A local that is
    /// named bare is moved; a call's result is no temporary any more, and neither is what that call may have consumed
    /// to make it (`m.lock().unwrap()` hands the guard on).
    pub(super) fn owned(&mut self, expr: &Expr) -> Value {
        let value = self.expression(expr);
        self.take_over(expr, &value);
        value
    }

    /// The second half of [`Lowering::owned`], for an expression that was evaluated already.
    pub(super) fn take_over(&mut self, expr: &Expr, value: &Value) {
        match peel(expr) {
            Expr::Path(_) => self.mark_moved(value),
            Expr::Call(_) | Expr::Macro(_) => self.keep(awaited(value)),
            Expr::MethodCall(call) => {
                let value = awaited(value).clone();
                self.keep(&value);
                self.keep_receiver(&value, call);
            }
            _ => {}
        }
    }

    fn keep_receiver(&mut self, value: &Value, call: &ExprMethodCall) {
        let Value::Call(function, index) = value else { return };
        if !matches!(peel(&call.receiver), Expr::Call(_) | Expr::MethodCall(_)) {
            return;
        }
        let callee = &self.functions[function.0 as usize].calls[index.0 as usize].callee;
        if let Value::Attribute(receiver, _) = callee {
            let receiver = awaited(receiver).clone();
            self.keep(&receiver);
        }
    }

    /// Evaluates an expression whose result is used up on the spot (an operand, a condition): it is no temporary, but
    /// what it was called on still is.
    pub(super) fn used(&mut self, expr: &Expr) -> Value {
        let value = self.expression(expr);
        if matches!(peel(expr), Expr::Call(_) | Expr::MethodCall(_)) {
            self.keep(awaited(&value));
        }
        value
    }

    fn load(&mut self, value: &Value, form: AccessForm, expr: &Expr) {
        let span = self.expr_span(expr);
        self.event(Event::Load {
            value: value.clone(),
            form,
            span,
        });
    }

    fn path_expression(&mut self, path: &syn::ExprPath) -> Value {
        let value = self.callee_path(path);
        if matches!(value, Value::Path(_) | Value::Global(_)) {
            let (first, last) = (path.path.segments.first(), path.path.segments.last());
            if let (Some(first), Some(last)) = (first, last) {
                let span = self.span(first.ident.span(), last.ident.span());
                self.event(Event::Load {
                    value: value.clone(),
                    form: AccessForm::Whole,
                    span,
                });
            }
        }
        value
    }

    /// What a path means where it is called: no load.
    fn callee_path(&mut self, path: &syn::ExprPath) -> Value {
        let segments = path_segments(&path.path);
        let Some(qself) = &path.qself else {
            return self.path_value(&segments, path.path.leading_colon.is_some());
        };
        if qself.position > 0 {
            let trait_segments = &segments[..qself.position.min(segments.len())];
            let base = self.type_path(trait_segments, path.path.leading_colon.is_some());
            let rest = &segments[trait_segments.len()..];
            let path = rest.iter().fold(base, |path, name| super::names::join(&path, name));
            return Value::Path(path.into());
        }
        match self.type_of(&qself.ty) {
            Some(ty) => Value::Path(
                segments
                    .iter()
                    .fold(ty.name, |path, name| super::names::join(&path, name).into()),
            ),
            None => Value::Unknown,
        }
    }

    fn call_expression(&mut self, call: &ExprCall) -> Value {
        let expected = self.expected.take().filter(|_| is_default(call));
        let callee = match peel(&call.func) {
            Expr::Path(_) if expected.is_some() => {
                let ty = expected.map(|ty| ty.name).unwrap_or_default();
                Value::Path(super::names::join(&ty, "default").into())
            }
            Expr::Path(path) => self.callee_path(path),
            Expr::Field(field) => self.field(field),
            other => self.expression(other),
        };
        let args = self.arguments(&call.args);
        let span = self.span(first_token(&call.func), call.paren_token.span.close());
        self.call(callee, args, span)
    }

    /// Evaluates arguments in order.
    pub(super) fn arguments<'e>(&mut self, args: impl IntoIterator<Item = &'e Expr>) -> Vec<Argument> {
        args.into_iter()
            .map(|arg| Argument {
                name: None,
                value: self.owned(arg),
                span: self.expr_span(arg),
            })
            .collect()
    }

    fn method_call(&mut self, call: &ExprMethodCall) -> Value {
        // By convention `into_…` takes what it is called on (Rust API Guidelines, C-CONV).
        let receiver = self.expression(&call.receiver);
        if call.method.to_string().starts_with("into_") && matches!(*call.receiver, Expr::Path(_)) {
            self.mark_moved(&receiver);
        }
        let args = self.arguments(&call.args);
        let name = self.span(call.method.span(), call.method.span());
        let span = Span {
            line: name.line,
            column: name.column,
            ..self.span(first_token(&call.receiver), call.paren_token.span.close())
        };
        let callee = Value::Attribute(Box::new(receiver), plain(&call.method).into());
        self.call(callee, args, span)
    }

    /// A place `base.member`.
    fn field(&mut self, field: &syn::ExprField) -> Value {
        let base = match &*field.base {
            Expr::Field(inner) => self.field(inner),
            other => self.expression(other),
        };
        Value::Attribute(Box::new(base), member_name(&field.member).into())
    }

    fn unary(&mut self, unary: &syn::ExprUnary) -> Value {
        match unary.op {
            UnOp::Deref(_) => self.expression(&unary.expr),
            UnOp::Neg(_) => match self.used(&unary.expr) {
                Value::Int(value) => value.checked_neg().map_or(Value::Unknown, Value::Int),
                value => Value::Combined(vec![value].into()),
            },
            _ => match self.used(&unary.expr) {
                Value::Bool(value) => Value::Bool(!value),
                value => Value::Combined(vec![value].into()),
            },
        }
    }

    fn binary(&mut self, binary: &ExprBinary) -> Value {
        match binary.op {
            BinOp::And(_) | BinOp::Or(_) => {
                self.condition_of_binary(binary);
                return Value::Unknown;
            }
            BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                self.condition_of_binary(binary);
                return Value::Unknown;
            }
            _ => {}
        }
        if is_assignment(&binary.op) {
            let value = self.used(&binary.right);
            self.store(&binary.left, value, StoreKind::Augmented, &binary.right);
            return Value::None;
        }
        let left = self.used(&binary.left);
        let right = self.used(&binary.right);
        match (&binary.op, &left, &right) {
            (BinOp::Add(_), Value::Text(_), _) | (BinOp::Add(_), _, Value::Text(_)) => {
                let mut pieces = into_pieces(left);
                pieces.extend(into_pieces(right));
                Value::Text(pieces.into())
            }
            _ => Value::Combined(vec![left, right].into()),
        }
    }

    fn assign(&mut self, assign: &syn::ExprAssign) -> Value {
        if matches!(*assign.left, Expr::Infer(_)) {
            self.expression(&assign.right);
            return Value::None;
        }
        let value = self.owned(&assign.right);
        self.store(&assign.left, value, StoreKind::Assign, &assign.right);
        Value::None
    }

    /// Stores `value` to the place `target`, which may be a pattern of places.
    fn store(&mut self, target: &Expr, value: Value, kind: StoreKind, right: &Expr) {
        let (place, form) = match target {
            Expr::Paren(inner) => return self.store(&inner.expr, value, kind, right),
            Expr::Infer(_) => return,
            Expr::Tuple(tuple) => {
                for (index, element) in tuple.elems.iter().enumerate() {
                    self.store(element, super::patterns::item(&value, index), kind, right);
                }
                return;
            }
            Expr::Path(path) => (self.callee_path(path), AccessForm::Whole),
            Expr::Field(field) => (self.field(field), AccessForm::Attribute),
            Expr::Index(index) => {
                let base = self.expression(&index.expr);
                let key = self.expression(&index.index);
                (Value::Item(Box::new(base), Box::new(key)), AccessForm::Subscript)
            }
            other => (self.expression(other), AccessForm::Whole),
        };
        if let Value::Local(function, local) = place
            && function == self.function
            && self.is_droppable(&value)
        {
            self.mark_droppable(local);
        }
        let span = self.span(first_token(target), last_token(right));
        self.event(Event::Store {
            target: place,
            form,
            kind,
            value: Box::new(value),
            span,
        });
    }

    fn record(&mut self, record: &syn::ExprStruct) -> Value {
        let ty = self.path_type(&record.path);
        let mut fields: Vec<(FieldKey, Value)> = Vec::new();
        for field in &record.fields {
            if super::attributes::is_off(&field.attrs) {
                continue;
            }
            let value = self.owned(&field.expr);
            fields.push((FieldKey::Name(member_name(&field.member).into()), value));
        }
        if let Some(rest) = &record.rest {
            self.expect(rest, || ty.clone());
            self.owned(rest);
        }
        Value::record(ty, fields)
    }

    /// What `Default::default()` makes is told by what is expected of it.
    pub(super) fn expect(&mut self, expr: &Expr, ty: impl FnOnce() -> Option<TypeRef>) {
        if let Expr::Call(call) = peel(expr)
            && is_default(call)
        {
            self.expected = ty();
        }
    }

    fn head(&mut self, name: &str, is_async: bool, span: Span) -> Head {
        Head {
            name: name.to_owned(),
            qualified: super::names::join(self.qualified(), name),
            kind: FunctionKind::Closure,
            visibility: Visibility::Private,
            is_async,
            span,
            name_span: Span {
                end: span.start,
                end_line: span.line,
                end_column: span.column,
                ..span
            },
            parent: Some(self.function),
        }
    }

    fn closure(&mut self, closure: &ExprClosure) -> Value {
        let first = closure.capture.map_or(closure.or1_token.span, |capture| capture.span);
        let first = closure.asyncness.map_or(first, |token| token.span);
        let span = self.span(first, last_token(&closure.body));
        let captures = self.captures();
        let head = self.head("<closure>", closure.asyncness.is_some(), span);
        let outer = self.open_function(head);
        self.current().returns = self.returns(&closure.output);
        self.open_statement();
        let visible = self.open_scope();
        let parameters: Vec<(&Pat, Option<&syn::Type>)> = closure
            .inputs
            .iter()
            .map(|pat| match pat {
                Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
                other => (other, None),
            })
            .collect();
        self.parameters(&parameters);
        let value = self.owned(&closure.body);
        self.close_scope(visible, span);
        self.close_statement(span);
        self.return_value(value, last_token(&closure.body));
        let function = self.close_function(outer);
        if closure.capture.is_some() {
            self.move_captures(captures);
        }
        self.define(function, span)
    }

    fn async_block(&mut self, block: &syn::ExprAsync) -> Value {
        let span = self.span(block.async_token.span, block.block.brace_token.span.close());
        let captures = self.captures();
        let head = self.head("<async>", true, span);
        let outer = self.open_function(head);
        self.function_body(&block.block);
        let function = self.close_function(outer);
        if block.capture.is_some() {
            self.move_captures(captures);
        }
        self.define(function, span)
    }

    fn define(&mut self, function: FunctionIndex, span: Span) -> Value {
        self.event(Event::Define { function, span });
        Value::Function(function)
    }

    /// Declares parameters: each a local, patterns taken apart after the last of them.
    pub(super) fn parameters(&mut self, parameters: &[(&Pat, Option<&syn::Type>)]) {
        let mut patterns = Vec::new();
        for (index, (pat, ty)) in parameters.iter().enumerate() {
            let ty_ref = ty.and_then(|ty| self.type_of(ty));
            let by_value = ty.is_some_and(|ty| !super::types::is_plain(ty));
            let name = match simple_name(pat) {
                Some(name) => name,
                None => format!("<{index}>"),
            };
            let local = self.add_local(&name, ty_ref, Some(ParameterKind::Normal));
            self.show(&name, local);
            if by_value {
                self.mark_droppable(local);
            }
            if simple_name(pat).is_none() {
                patterns.push((*pat, Value::Local(self.function, local)));
            }
        }
        for (pat, value) in patterns {
            self.bind(pat, value, None);
        }
    }

    /// The value of a function's last expression.
    pub(super) fn return_value(&mut self, value: Value, at: TokenSpan) {
        if !matches!(value, Value::None | Value::Unknown) {
            let span = self.span(at, at);
            self.event(Event::Return { value, span });
        }
    }

    /// A region that is never reached.
    pub(super) fn unreached(&mut self, reason: &str, nodes: Vec<crate::facts::Node>, span: Span) {
        if !nodes.is_empty() {
            self.node(crate::facts::Node::Region(Box::new(Region {
                kind: RegionKind::Unreached {
                    reason: reason.to_owned(),
                },
                nodes,
                span,
            })));
        }
    }
}

/// The name that a plain pattern binds: `x`, `mut x`, `ref x`, `&x`.
pub(super) fn simple_name(pat: &Pat) -> Option<String> {
    match pat {
        Pat::Ident(ident) if ident.subpat.is_none() => Some(plain(&ident.ident)),
        Pat::Type(typed) => simple_name(&typed.pat),
        Pat::Reference(reference) => simple_name(&reference.pat),
        Pat::Paren(paren) => simple_name(&paren.pat),
        _ => None,
    }
}

/// The name of a field: `name` or `0`.
pub(super) fn member_name(member: &Member) -> String {
    match member {
        Member::Named(name) => plain(name),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

fn into_pieces(value: Value) -> Vec<Piece> {
    match value {
        Value::Text(pieces) => pieces.into(),
        other => vec![Piece::Hole(other)],
    }
}

fn is_assignment(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}
