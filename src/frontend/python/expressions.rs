//! Expressions: what they do, as events, and what they may be, as values.
//!
//! Every expression is lowered exactly once, in the order in which Python evaluates it, so that each call becomes one
//! call. Chains (`a.b.c`, `a + b + c`) are walked in loops.

use super::builder::{FrameKind, Lowerer};
use super::comprehensions::Yielded;
use super::names::{attribute, one_of};
use super::strings;
use crate::facts::{AccessForm, Argument, Condition, Event, Name, Node, RegionKind, Span, StoreKind, Value};
use ruff_python_ast::{
    Arguments, BoolOp, CmpOp, Expr, ExprBinOp, ExprCall, ExprCompare, ExprIf, InterpolatedStringElement, Number,
    Operator, UnaryOp,
};
use ruff_text_size::{Ranged, TextRange};

/// Values are nested no deeper than this; what is below is unknown. Deep values help nobody and cost every consumer.
const MAX_VALUE_DEPTH: usize = 24;

impl<'a> Lowerer<'a, '_> {
    /// Evaluates `expression` and reads its value: a name, attribute or subscript is a load.
    pub(super) fn read(&mut self, expression: &'a Expr) -> Value {
        let value = self.place(expression);
        match expression {
            Expr::Name(_) | Expr::Attribute(_) => self.load(&value, expression.range()),
            Expr::Subscript(subscript) => {
                self.load(&value, expression.range());
                // A slice has the same elements as what it was cut from.
                if let (Expr::Slice(_), Value::Item(base, _)) = (&*subscript.slice, &value)
                    && !matches!(**base, Value::Text(_))
                {
                    return (**base).clone();
                }
            }
            _ => {}
        }
        value
    }

    /// Adds the load of `value`, unless it is a plain local or no place at all.
    fn load(&mut self, value: &Value, range: TextRange) {
        let form = match value {
            Value::Path(_) | Value::Global(_) => AccessForm::Whole,
            Value::Attribute(..) => AccessForm::Attribute,
            Value::Item(..) => AccessForm::Subscript,
            Value::OneOf(values)
                if values
                    .iter()
                    .any(|value| matches!(value, Value::Path(_) | Value::Global(_))) =>
            {
                AccessForm::Whole
            }
            Value::OneOf(values) if values.iter().any(|value| matches!(value, Value::Attribute(..))) => {
                AccessForm::Attribute
            }
            _ => return,
        };
        let span = self.span(range);
        self.event(Event::Load {
            value: value.clone(),
            form,
            span,
        });
    }

    /// Evaluates `expression` without reading it where it is a place: for callees, targets and what stands before a dot.
    pub(super) fn place(&mut self, expression: &'a Expr) -> Value {
        self.depth += 1;
        let mut value = self.place_unbounded(expression);
        self.depth -= 1;
        if let Some(outcome) = self.on_target(expression) {
            value = Value::Decided(outcome);
        }
        if self.depth > MAX_VALUE_DEPTH && nests(&value) {
            Value::Unknown
        } else {
            value
        }
    }

    fn place_unbounded(&mut self, expression: &'a Expr) -> Value {
        match expression {
            Expr::Name(name) => self.resolve(name.id.as_str()),
            Expr::Attribute(_) => self.attribute_chain(expression),
            Expr::Subscript(subscript) => {
                let base = self.place(&subscript.value);
                let key = self.key(&subscript.slice);
                Value::Item(Box::new(base), Box::new(key))
            }
            Expr::Call(call) => self.call(call),
            Expr::BoolOp(boolean) => self.boolean(boolean.op, &boolean.values),
            Expr::Named(named) => {
                let value = self.read(&named.value);
                self.store(&named.target, value.clone(), StoreKind::Assign);
                value
            }
            Expr::BinOp(binary) => self.binary_chain(binary),
            Expr::UnaryOp(unary) => {
                let operand = self.read(&unary.operand);
                match (unary.op, operand) {
                    (UnaryOp::USub, Value::Int(number)) => Value::Int(number.wrapping_neg()),
                    (UnaryOp::Not, Value::Bool(value)) => Value::Bool(!value),
                    _ => Value::Unknown,
                }
            }
            Expr::Lambda(lambda) => self.lambda(lambda),
            Expr::If(conditional) => self.conditional(conditional),
            Expr::Dict(dict) => {
                let mut items = Vec::with_capacity(dict.items.len());
                for item in &dict.items {
                    let key = item.key.as_ref().map_or(Value::Unknown, |key| self.read(key));
                    let value = self.read(&item.value);
                    items.push((key, value));
                }
                Value::Map(items.into())
            }
            Expr::Set(set) => Value::List(self.elements(&set.elts).into()),
            Expr::List(list) => Value::List(self.elements(&list.elts).into()),
            Expr::Tuple(tuple) => Value::List(self.elements(&tuple.elts).into()),
            Expr::ListComp(comp) => self.comprehension(&comp.generators, &Yielded::Element(&comp.elt), comp.range),
            Expr::SetComp(comp) => self.comprehension(&comp.generators, &Yielded::Element(&comp.elt), comp.range),
            Expr::Generator(comp) => self.comprehension(&comp.generators, &Yielded::Element(&comp.elt), comp.range),
            Expr::DictComp(comp) => self.comprehension(
                &comp.generators,
                &Yielded::Pair(comp.key.as_deref(), &comp.value),
                comp.range,
            ),
            Expr::Await(awaited) => {
                let value = self.read(&awaited.value);
                let span = self.span(awaited.range);
                self.event(Event::Await {
                    value: value.clone(),
                    span,
                });
                Value::Await(Box::new(value))
            }
            Expr::Yield(yielded) => {
                let value = yielded.value.as_ref().map_or(Value::None, |value| self.read(value));
                self.yields(value, yielded.range)
            }
            Expr::YieldFrom(yielded) => {
                let value = self.read(&yielded.value);
                self.yields(Value::Element(Box::new(value)), yielded.range)
            }
            Expr::Compare(compare) => {
                self.compare(compare);
                Value::Unknown
            }
            Expr::Starred(starred) => {
                let value = self.read(&starred.value);
                Value::Element(Box::new(value))
            }
            Expr::Slice(_) => self.key(expression),
            _ => self.literal(expression),
        }
    }

    /// Strings, numbers and constants.
    fn literal(&mut self, expression: &'a Expr) -> Value {
        match expression {
            Expr::FString(text) => self.interpolated(text.value.iter().flat_map(|part| match part {
                ruff_python_ast::FStringPart::Literal(literal) => Interpolated::Literal(&literal.value),
                ruff_python_ast::FStringPart::FString(inner) => Interpolated::Elements(&inner.elements),
            })),
            Expr::TString(text) => {
                let parts = text.value.iter().map(|part| Interpolated::Elements(&part.elements));
                self.interpolated(parts.flatten())
            }
            Expr::StringLiteral(text) => Value::text(text.value.to_str()),
            Expr::BytesLiteral(bytes) => {
                let bytes: Vec<u8> = bytes.value.bytes().collect();
                String::from_utf8(bytes).map_or(Value::Unknown, Value::text)
            }
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(number) => number.as_i64().map_or(Value::Unknown, Value::Int),
                Number::Float(_) | Number::Complex { .. } => Value::Unknown,
            },
            Expr::BooleanLiteral(boolean) => Value::Bool(boolean.value),
            Expr::NoneLiteral(_) => Value::None,
            _ => Value::Unknown,
        }
    }

    fn elements(&mut self, elements: &'a [Expr]) -> Vec<Value> {
        elements.iter().map(|element| self.read(element)).collect()
    }

    fn yields(&mut self, value: Value, range: TextRange) -> Value {
        let span = self.span(range);
        self.event(Event::Yield { value, span });
        self.function_mut().is_generator = true;
        Value::Unknown
    }

    /// A subscript's key; a slice is evaluated but has no value.
    fn key(&mut self, key: &'a Expr) -> Value {
        match key {
            Expr::Slice(slice) => {
                for bound in [&slice.lower, &slice.upper, &slice.step].into_iter().flatten() {
                    self.read(bound);
                }
                Value::Unknown
            }
            _ => self.read(key),
        }
    }

    /// `base.a.b.c`, in a loop since such chains can be long.
    fn attribute_chain(&mut self, expression: &'a Expr) -> Value {
        let mut names = Vec::new();
        let mut base = expression;
        while let Expr::Attribute(inner) = base {
            // An attribute that a syntax error cut off has an empty name.
            if !inner.attr.is_empty() {
                names.push(inner.attr.as_str());
            }
            base = &inner.value;
        }
        let mut value = self.place(base);
        for (count, name) in names.iter().rev().enumerate() {
            if count > MAX_VALUE_DEPTH && !matches!(value, Value::Path(_)) {
                return Value::Unknown;
            }
            value = attribute(value, name);
        }
        value
    }

    /// `a + b - c`, in a loop along the left operands.
    fn binary_chain(&mut self, binary: &'a ExprBinOp) -> Value {
        let mut steps = vec![(binary.op, &*binary.right)];
        let mut left = &*binary.left;
        while let Expr::BinOp(inner) = left {
            steps.push((inner.op, &*inner.right));
            left = &inner.left;
        }
        let mut value = self.read(left);
        for (operator, right) in steps.into_iter().rev() {
            let operand = self.read(right);
            value = match (operator, value) {
                (Operator::Mod, Value::Text(pieces)) => {
                    strings::percent(pieces.into(), operand, matches!(right, Expr::Tuple(_)))
                }
                (Operator::Add, left) => strings::add(left, operand),
                (_, left) => strings::combined(left, operand),
            };
        }
        value
    }

    /// A call expression.
    pub(super) fn call(&mut self, call: &'a ExprCall) -> Value {
        self.call_with(call, &[])
    }

    /// A call with further positional arguments, which Python 2's `exec(code) in a, b` has.
    pub(super) fn call_with(&mut self, call: &'a ExprCall, further: &[&'a Expr]) -> Value {
        let callee = self.place(&call.func);
        let mut args = self.arguments(&call.arguments);
        for expression in further {
            let value = self.read(expression);
            args.push(Argument {
                name: None,
                value,
                span: self.span(expression.range()),
            });
        }
        let span = self.call_span(call);
        let is_super = callee == Value::Global("super".into());
        let formatted = match &callee {
            Value::Attribute(base, name) if name == "format" => match &**base {
                Value::Text(pieces) => Some(strings::format(pieces, &args)),
                _ => None,
            },
            _ => None,
        };
        let (function, index) = self.new_call(callee, args, span);
        if is_super {
            return Value::Super(self.method());
        }
        formatted.unwrap_or(Value::Call(function, index))
    }

    /// The span of a call, on the line of the method's name.
    fn call_span(&self, call: &ExprCall) -> Span {
        let span = self.span(call.range());
        match &*call.func {
            Expr::Attribute(method) => self.positions.with_line_of(span, method.attr.range()),
            _ => span,
        }
    }

    /// The method that the current code belongs to, for `super()`; the function itself where there is none.
    fn method(&self) -> crate::facts::FunctionIndex {
        let functions = self
            .frames
            .iter()
            .rev()
            .filter(|frame| frame.kind == FrameKind::Function);
        let mut methods = functions.filter(|frame| self.functions[frame.function.0 as usize].owner.is_some());
        methods.next().map_or(self.current(), |frame| frame.function)
    }

    /// Arguments in source order, which is the order of evaluation.
    pub(super) fn arguments(&mut self, arguments: &'a Arguments) -> Vec<Argument> {
        let mut args = Vec::with_capacity(arguments.len());
        for argument in arguments.iter_source_order() {
            let (name, value, range) = match argument {
                ruff_python_ast::ArgOrKeyword::Arg(Expr::Starred(starred)) => {
                    (Some(Name::from("*")), self.read(&starred.value), starred.range)
                }
                ruff_python_ast::ArgOrKeyword::Arg(value) => (None, self.read(value), value.range()),
                ruff_python_ast::ArgOrKeyword::Keyword(keyword) => {
                    let name = Name::from(keyword.arg.as_ref().map_or("**", |name| name.as_str()));
                    (Some(name), self.read(&keyword.value), keyword.range)
                }
            };
            args.push(Argument {
                name,
                value,
                span: self.span(range),
            });
        }
        args
    }

    /// `a or b`, `a and b` as a value: any of the operands. What a later operand does, it does only sometimes.
    pub(super) fn boolean(&mut self, operator: BoolOp, operands: &'a [Expr]) -> Value {
        let mut values: Vec<Value> = Vec::with_capacity(operands.len().min(super::MAX_ALTERNATIVES));
        for (at, operand) in operands.iter().enumerate() {
            let mut value = Value::Unknown;
            if at == 0 {
                value = self.read(operand);
            } else {
                let before = Condition::Truthy(values.last().cloned().unwrap_or(Value::Unknown));
                let test = if operator == BoolOp::Or { negate(before) } else { before };
                let nodes = self.collect(|lowerer| value = lowerer.read(operand));
                self.perhaps(test, operand.range(), nodes);
            }
            if values.len() < super::MAX_ALTERNATIVES {
                values.push(value);
            }
        }
        one_of(values)
    }

    /// Adds nodes that run only if `test` holds; mere loads need no branch around them.
    pub(super) fn perhaps(&mut self, test: Condition, range: TextRange, nodes: Vec<Node>) {
        if nodes.iter().all(|node| matches!(node, Node::Event(Event::Load { .. }))) {
            self.nodes.extend(nodes);
            return;
        }
        self.region(RegionKind::Branch { exhaustive: false }, range, |lowerer| {
            lowerer.push_region(RegionKind::Arm { test }, range, nodes);
        });
    }

    fn conditional(&mut self, conditional: &'a ExprIf) -> Value {
        let test = self.test(&conditional.test);
        let (mut yes, mut no) = (Value::Unknown, Value::Unknown);
        let yes_nodes = self.collect(|lowerer| yes = lowerer.read(&conditional.body));
        let no_nodes = self.collect(|lowerer| no = lowerer.read(&conditional.orelse));
        let mere_load = |node: &Node| matches!(node, Node::Event(Event::Load { .. }));
        if yes_nodes.iter().chain(&no_nodes).all(mere_load) {
            self.nodes.extend(yes_nodes);
            self.nodes.extend(no_nodes);
        } else {
            self.region(RegionKind::Branch { exhaustive: true }, conditional.range, |lowerer| {
                lowerer.push_region(RegionKind::Arm { test }, conditional.body.range(), yes_nodes);
                lowerer.push_region(
                    RegionKind::Arm {
                        test: Condition::Always,
                    },
                    conditional.orelse.range(),
                    no_nodes,
                );
            });
        }
        one_of(vec![yes, no])
    }

    /// Evaluates a comparison's operands; returns them in order.
    pub(super) fn compare(&mut self, compare: &'a ExprCompare) -> Vec<Value> {
        let mut values = Vec::with_capacity(compare.comparators.len() + 1);
        values.push(self.read(&compare.left));
        for (operator, operand) in compare.ops.iter().zip(&compare.comparators) {
            if matches!(operator, CmpOp::In | CmpOp::NotIn) {
                // The whole container is looked at, whether it is a local, a path or an attribute.
                let value = self.place(operand);
                if matches!(
                    value,
                    Value::Local(..)
                        | Value::Path(_)
                        | Value::Global(_)
                        | Value::Attribute(..)
                        | Value::Item(..)
                        | Value::OneOf(_)
                ) {
                    let span = self.span(operand.range());
                    self.event(Event::Load {
                        value: value.clone(),
                        form: AccessForm::Whole,
                        span,
                    });
                }
                values.push(value);
            } else {
                let value = self.read(operand);
                values.push(value);
            }
        }
        values
    }

    /// An f-string: its literal parts, and a hole for each replacement field.
    fn interpolated(&mut self, parts: impl Iterator<Item = Interpolated<'a>>) -> Value {
        let mut pieces = Vec::new();
        for part in parts {
            match part {
                Interpolated::Literal(text) => strings::push_literal(&mut pieces, text),
                Interpolated::Elements(elements) => {
                    for element in elements.iter() {
                        match element {
                            InterpolatedStringElement::Literal(literal) => strings::push_literal(&mut pieces, literal),
                            InterpolatedStringElement::Interpolation(field) => {
                                let value = self.read(&field.expression);
                                let plain = field.format_spec.is_none() && field.conversion.to_byte().is_none();
                                if let Some(spec) = &field.format_spec {
                                    self.interpolated(std::iter::once(Interpolated::Elements(&spec.elements)));
                                }
                                strings::push_value(&mut pieces, value, plain);
                            }
                        }
                    }
                }
            }
        }
        Value::Text(pieces.into())
    }
}

/// A part of an f-string.
enum Interpolated<'a> {
    Literal(&'a str),
    Elements(&'a ruff_python_ast::InterpolatedStringElements),
}

impl<'a> IntoIterator for Interpolated<'a> {
    type Item = Interpolated<'a>;
    type IntoIter = std::iter::Once<Interpolated<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self)
    }
}

/// Whether a value holds other values.
fn nests(value: &Value) -> bool {
    match value {
        Value::Unknown
        | Value::None
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Local(..)
        | Value::Global(_)
        | Value::Path(_)
        | Value::Call(..)
        | Value::Function(_)
        | Value::Super(_) => false,
        Value::Text(pieces) => pieces.iter().any(|piece| matches!(piece, crate::facts::Piece::Hole(_))),
        _ => true,
    }
}

/// `not test`.
pub(super) fn negate(test: Condition) -> Condition {
    match test {
        Condition::Not(inner) => *inner,
        other => Condition::Not(Box::new(other)),
    }
}

/// All of `tests`.
pub(super) fn all(mut tests: Vec<Condition>) -> Condition {
    if tests.len() == 1 {
        tests.remove(0)
    } else {
        Condition::All(tests)
    }
}
