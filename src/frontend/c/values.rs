//! Expressions to values and events.

use tree_sitter::Node as Syntax;

use crate::facts::{
    AccessForm, Argument, Call, Condition, Event, Node, Piece, Region, RegionKind, Span, StoreKind, Value,
};

use super::literal::{character, integer, literal};
use super::scope::{Evaluation, Lowering, children};

/// Looks through parentheses, casts and `__extension__`.
pub(super) fn strip(mut node: Syntax<'_>) -> Syntax<'_> {
    loop {
        let inner = match node.kind() {
            "parenthesized_expression" | "extension_expression" => node.named_child(0),
            "cast_expression" => node.child_by_field_name("value"),
            _ => None,
        };
        match inner {
            Some(inner) => node = inner,
            None => return node,
        }
    }
}

pub(super) fn operator<'a>(lowering: &Lowering<'a>, node: Syntax) -> &'a str {
    node.child_by_field_name("operator")
        .map_or("", |operator| lowering.text(operator))
}

/// Whether a place begins at a global name.
fn is_global(value: &Value) -> bool {
    let mut value = value;
    loop {
        match value {
            Value::Global(_) => return true,
            Value::Attribute(base, _) | Value::Item(base, _) => value = base,
            _ => return false,
        }
    }
}

fn form_of(value: &Value) -> AccessForm {
    match value {
        Value::Attribute(..) => AccessForm::Attribute,
        Value::Item(..) => AccessForm::Subscript,
        _ => AccessForm::Whole,
    }
}

/// What the language gives the value of an object by, its first argument (C11 7.17.7.2; GCC, Built-in Functions for Memory Model Aware
/// Atomic Operations).
const ATOMIC_LOADS: [&str; 3] = ["atomic_load", "atomic_load_explicit", "__atomic_load_n"];

/// What stores its second argument there (C11 7.17.7.1, and as above).
const ATOMIC_STORES: [&str; 3] = ["atomic_store", "atomic_store_explicit", "__atomic_store_n"];

impl Lowering<'_> {
    /// What a name means here.
    pub fn name(&self, name: &str) -> Value {
        match self.names.find(name) {
            Some((function, local)) => Value::Local(function, local),
            None => Value::Global(name.into()),
        }
    }

    /// Evaluates an expression: its events are gathered, its value is returned.
    pub fn value(&mut self, node: Syntax) -> Value {
        let node = strip(node);
        self.deeper(node, Value::Unknown, |lowering| lowering.value_of(node))
    }

    /// Evaluates an expression whose value nobody takes.
    pub fn discard(&mut self, node: Syntax) {
        let inner = strip(node);
        if inner.kind() == "comma_expression" {
            for part in comma_parts(inner) {
                self.discard(part);
            }
            return;
        }
        let value = self.value(node);
        if let ("call_expression", Value::Call(function, call)) = (inner.kind(), value)
            && function == self.index()
        {
            self.current.calls[call.0 as usize].discarded = true;
        }
    }

    fn value_of(&mut self, node: Syntax) -> Value {
        match node.kind() {
            "identifier" | "field_expression" | "subscript_expression" => self.load(node),
            "null" => Value::None,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "number_literal" => integer(self.text(node)).map_or(Value::Unknown, Value::Int),
            "char_literal" => character(self.text(node)),
            "string_literal" => Value::text(literal(self.text(node))),
            "concatenated_string" => self.concatenated(node),
            "call_expression" => self.call(node),
            "assignment_expression" => self.assignment(node),
            "update_expression" => self.update(node),
            "pointer_expression" => self.pointer(node),
            "unary_expression" => self.unary(node),
            "binary_expression" => self.binary(node),
            "conditional_expression" => self.conditional(node),
            "comma_expression" => {
                let mut parts = comma_parts(node);
                let last = parts.pop();
                for part in parts {
                    self.discard(part);
                }
                last.map_or(Value::Unknown, |last| self.value(last))
            }
            "compound_literal_expression" => self.compound_literal(node),
            "initializer_list" => Value::List(children(node).into_iter().map(|child| self.value(child)).collect()),
            "initializer_pair" => node
                .child_by_field_name("value")
                .map_or(Value::Unknown, |value| self.value(value)),
            "compound_statement" => self.statement_expression(node),
            "sizeof_expression"
            | "alignof_expression"
            | "offsetof_expression"
            | "type_descriptor"
            | "gnu_asm_expression"
            | "field_designator"
            | "preproc_defined" => Value::Unknown,
            _ => Value::Combined(children(node).into_iter().map(|child| self.value(child)).collect()),
        }
    }

    fn concatenated(&mut self, node: Syntax) -> Value {
        let mut pieces: Vec<Piece> = Vec::new();
        for part in children(node) {
            if part.kind() == "string_literal" {
                let text = literal(self.text(part));
                match pieces.last_mut() {
                    Some(Piece::Literal(before)) => before.push_str(&text),
                    _ => pieces.push(Piece::Literal(text)),
                }
            } else {
                let hole = self.value(part);
                pieces.push(Piece::Hole(hole));
            }
        }
        Value::Text(pieces.into())
    }

    /// A name, field or element that is read.
    fn load(&mut self, node: Syntax) -> Value {
        let value = self.place(node);
        self.emit_load(&value, node);
        value
    }

    fn emit_load(&mut self, value: &Value, node: Syntax) {
        if self.evaluation == Evaluation::Run && is_global(value) {
            let span = self.span(node);
            self.emit(Event::Load {
                form: form_of(value),
                value: value.clone(),
                span,
            });
        }
    }

    /// A place without reading it; what stands in its subscripts is evaluated.
    pub fn place(&mut self, node: Syntax) -> Value {
        let node = strip(node);
        self.deeper(node, Value::Unknown, |lowering| match node.kind() {
            "identifier" => lowering.name(lowering.text(node)),
            "field_expression" => {
                let base = node
                    .child_by_field_name("argument")
                    .map_or(Value::Unknown, |base| lowering.place(base));
                let field = node
                    .child_by_field_name("field")
                    .map_or("", |field| lowering.text(field));
                Value::Attribute(Box::new(base), field.into())
            }
            "subscript_expression" => {
                let base = node
                    .child_by_field_name("argument")
                    .map_or(Value::Unknown, |base| lowering.place(base));
                let index = node
                    .child_by_field_name("index")
                    .map_or(Value::Unknown, |index| lowering.value(index));
                Value::Item(Box::new(base), Box::new(index))
            }
            "pointer_expression" => node
                .child_by_field_name("argument")
                .map_or(Value::Unknown, |argument| lowering.place(argument)),
            _ => lowering.value_of(node),
        })
    }

    /// A place that is stored to or read through a pointer: `*p` is the element 0 of `p`, `*(p + i)` the element `i`.
    fn target(&mut self, node: Syntax) -> Value {
        let node = strip(node);
        if node.kind() != "pointer_expression" || !self.text(node).starts_with('*') {
            return self.place(node);
        }
        let Some(argument) = node.child_by_field_name("argument").map(strip) else {
            return Value::Unknown;
        };
        let (base, index) = match (argument.kind(), operator(self, argument)) {
            ("binary_expression", "+") => {
                let base = argument
                    .child_by_field_name("left")
                    .map_or(Value::Unknown, |left| self.place(left));
                let index = argument
                    .child_by_field_name("right")
                    .map_or(Value::Unknown, |right| self.value(right));
                (base, index)
            }
            ("update_expression", _) => {
                let base = argument
                    .child_by_field_name("argument")
                    .map_or(Value::Unknown, |inner| self.place(inner));
                self.update(argument);
                (base, Value::Int(0))
            }
            _ => (self.place(argument), Value::Int(0)),
        };
        Value::Item(Box::new(base), Box::new(index))
    }

    fn pointer(&mut self, node: Syntax) -> Value {
        let Some(argument) = node.child_by_field_name("argument") else {
            return Value::Unknown;
        };
        if self.text(node).starts_with('&') {
            let value = self.place(argument);
            self.emit_load(&value, argument);
            return value;
        }
        let target = self.target(node);
        self.emit_load(&target, node);
        match target {
            // What a pointer points to is, for our purposes, what the pointer is.
            Value::Item(base, index) if *index == Value::Int(0) => *base,
            other => other,
        }
    }

    fn call(&mut self, node: Syntax) -> Value {
        let Some(function) = node.child_by_field_name("function") else {
            return Value::Unknown;
        };
        let arguments = node.child_by_field_name("arguments").map_or(Vec::new(), children);
        if self.evaluation == Evaluation::Constant {
            return Value::Combined(arguments.into_iter().map(|argument| self.value(argument)).collect());
        }
        let callee = self.callee(function);
        let mut args = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let value = self.value(argument);
            let span = self.span(argument);
            args.push(Argument {
                name: None,
                value,
                span,
            });
        }
        if matches!(&callee, Value::Global(name) if name == "__builtin_expect") && !args.is_empty() {
            return args.swap_remove(0).value;
        }
        let span = self.span(node);
        let is_variable = matches!(
            args.first().map(|first| &first.value),
            Some(Value::Global(_) | Value::Local(..))
        );
        if let (Value::Global(name), true) = (&callee, is_variable) {
            if ATOMIC_LOADS.contains(&&**name) {
                return args.swap_remove(0).value;
            }
            if ATOMIC_STORES.contains(&&**name) && args.len() > 1 {
                let value = args.swap_remove(1).value;
                let target = args.swap_remove(0).value;
                self.emit(Event::Store {
                    form: form_of(&target),
                    target,
                    kind: StoreKind::Assign,
                    value: Box::new(value),
                    span,
                });
                return Value::Unknown;
            }
        }
        self.push_call(Call {
            callee,
            args,
            span,
            discarded: false,
        })
    }

    /// What is called: `(*fp)(x)` calls `fp`.
    fn callee(&mut self, node: Syntax) -> Value {
        let mut node = strip(node);
        while node.kind() == "pointer_expression" {
            let Some(argument) = node.child_by_field_name("argument") else {
                break;
            };
            node = strip(argument);
        }
        self.place(node)
    }

    fn assignment(&mut self, node: Syntax) -> Value {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            return Value::Unknown;
        };
        let kind = match operator(self, node) {
            "=" => StoreKind::Assign,
            _ => StoreKind::Augmented,
        };
        let value = match (self.value(right), operator(self, node)) {
            (Value::Int(less), "-=") => Value::Int(less.wrapping_neg()),
            (value, _) => value,
        };
        let target = self.target(left);
        let result = match (&target, kind) {
            (Value::Local(..), _) | (_, StoreKind::Augmented) => target.clone(),
            _ => value.clone(),
        };
        let span = self.span(node);
        self.emit(Event::Store {
            form: form_of(&target),
            target,
            kind,
            value: Box::new(value),
            span,
        });
        result
    }

    fn update(&mut self, node: Syntax) -> Value {
        let Some(argument) = node.child_by_field_name("argument") else {
            return Value::Unknown;
        };
        let target = self.target(argument);
        if !matches!(target, Value::Local(..)) {
            let span = self.span(node);
            let by = if operator(self, node) == "--" { -1 } else { 1 };
            self.emit(Event::Store {
                form: form_of(&target),
                target: target.clone(),
                kind: StoreKind::Augmented,
                value: Box::new(Value::Int(by)),
                span,
            });
        }
        target
    }

    fn unary(&mut self, node: Syntax) -> Value {
        let value = node
            .child_by_field_name("argument")
            .map_or(Value::Unknown, |argument| self.value(argument));
        match (operator(self, node), value) {
            ("-", Value::Int(value)) => Value::Int(value.wrapping_neg()),
            ("+", value) => value,
            ("~", Value::Int(value)) => Value::Int(!value),
            _ => Value::Unknown,
        }
    }

    fn binary(&mut self, node: Syntax) -> Value {
        let first = operator(self, node);
        if matches!(first, "&&" | "||" | "==" | "!=" | "<" | ">" | "<=" | ">=") {
            self.condition(node);
            return Value::Unknown;
        }
        let mut values = Vec::new();
        for operand in left_spine(self, node, |operator| {
            !matches!(operator, "&&" | "||" | "==" | "!=" | "<" | ">" | "<=" | ">=")
        }) {
            let value = self.value(operand);
            values.push(value);
        }
        Value::Combined(values.into())
    }

    fn conditional(&mut self, node: Syntax) -> Value {
        let mut values = Vec::new();
        let mut node = node;
        let span = self.span(node);
        let mut arms: Vec<Node> = Vec::new();
        // A chain `a ? x : b ? y : z` is one branch with an arm each.
        let mut prefix = Vec::new();
        let mut test = match node.child_by_field_name("condition") {
            Some(condition) => self.condition(condition),
            None => Condition::Unknown,
        };
        loop {
            let (value, mut nodes) = self.gather(|lowering| match node.child_by_field_name("consequence") {
                Some(consequence) => lowering.value(consequence),
                None => Value::Unknown,
            });
            prefix.append(&mut nodes);
            values.push(value);
            arms.push(arm(test, std::mem::take(&mut prefix), span));
            let Some(alternative) = node.child_by_field_name("alternative").map(strip) else {
                break;
            };
            if alternative.kind() != "conditional_expression" {
                let (value, nodes) = self.gather(|lowering| lowering.value(alternative));
                values.push(value);
                arms.push(arm(Condition::Always, nodes, span));
                break;
            }
            let (next, nodes) = self.gather(|lowering| match alternative.child_by_field_name("condition") {
                Some(condition) => lowering.condition(condition),
                None => Condition::Unknown,
            });
            prefix = nodes;
            test = next;
            node = alternative;
        }
        let empty = |node: &Node| matches!(node, Node::Region(region) if region.nodes.is_empty());
        if !arms.iter().all(empty) {
            self.push_region(RegionKind::Branch { exhaustive: true }, arms, span);
        }
        Value::OneOf(values.into())
    }

    fn compound_literal(&mut self, node: Syntax) -> Value {
        let ty = node
            .child_by_field_name("type")
            .map(|ty| self.described_type(ty))
            .unwrap_or_default();
        node.child_by_field_name("value")
            .map_or(Value::Unknown, |value| self.initialiser(value, &ty))
    }

    /// `({ … })`: the value is that of the last statement.
    fn statement_expression(&mut self, node: Syntax) -> Value {
        let mut items = children(node);
        let last = items.pop_if(|last| last.kind() == "expression_statement");
        self.names.enter();
        self.current.cleanups.push(Vec::new());
        let from = self.offset(node);
        self.items(&items, from);
        let value = match last.and_then(|last| last.named_child(0)) {
            Some(expression) => self.value(expression),
            None => Value::Unknown,
        };
        self.end_block();
        value
    }
}

/// One arm of a branch.
pub(super) fn arm(test: Condition, nodes: Vec<Node>, span: Span) -> Node {
    Node::Region(Box::new(Region {
        kind: RegionKind::Arm { test },
        nodes,
        span,
    }))
}

/// The parts of `a, b, c`, which nest to the right.
pub(super) fn comma_parts(node: Syntax<'_>) -> Vec<Syntax<'_>> {
    let mut parts = Vec::new();
    let mut node = node;
    while node.kind() == "comma_expression" {
        parts.extend(node.child_by_field_name("left"));
        match node.child_by_field_name("right") {
            Some(right) => node = right,
            None => return parts,
        }
    }
    parts.push(node);
    parts
}

/// The operands of a chain of operators that `accept` takes, which nests to the left, so that long chains are no deep ones.
pub(super) fn left_spine<'t>(lowering: &Lowering, node: Syntax<'t>, accept: impl Fn(&str) -> bool) -> Vec<Syntax<'t>> {
    let mut operands = Vec::new();
    let mut node = node;
    while node.kind() == "binary_expression" && accept(operator(lowering, node)) {
        operands.extend(node.child_by_field_name("right"));
        match node.child_by_field_name("left") {
            Some(left) => node = left,
            None => break,
        }
    }
    operands.push(node);
    operands.reverse();
    operands
}
