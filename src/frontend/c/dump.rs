//! Facts as text, for tests that are read by eye.

use crate::facts::{
    Condition, Event, FieldKey, FileFacts, Function, FunctionIndex, LocalIndex, Node, Piece, Region, RegionKind, Value,
};

/// All functions of a file, one line an event.
pub(super) fn file(facts: &FileFacts) -> String {
    let mut out = String::new();
    for declared in &facts.types {
        let fields: Vec<String> = declared
            .fields
            .iter()
            .map(|field| format!("{}: {}", field.name, field.ty.as_ref().map_or("?", |ty| &ty.name)))
            .collect();
        let target = declared
            .target
            .as_ref()
            .map_or(String::new(), |target| format!(" = {}", target.name));
        out += &format!("type {}{target} {{{}}}\n", declared.name, fields.join(", "));
    }
    for found in &facts.functions {
        out += &function(facts, found);
    }
    out
}

/// One function by its name.
pub(super) fn named(facts: &FileFacts, name: &str) -> String {
    facts
        .functions
        .iter()
        .filter(|found| found.name == name)
        .map(|found| function(facts, found))
        .collect()
}

fn function(facts: &FileFacts, found: &Function) -> String {
    let attributes: Vec<String> = found
        .attributes
        .iter()
        .map(|attribute| value(facts, &attribute.value))
        .collect();
    let mut out = format!(
        "{:?} {:?} {} {} line {}",
        found.kind,
        found.visibility,
        found.name,
        found.signature.as_deref().unwrap_or("-"),
        found.name_span.line
    );
    if !attributes.is_empty() {
        out += &format!(" [{}]", attributes.join(", "));
    }
    out.push('\n');
    nodes(facts, found, &found.body, 1, &mut out);
    out
}

fn nodes(facts: &FileFacts, function: &Function, region: &Region, depth: usize, out: &mut String) {
    for node in &region.nodes {
        out.push_str(&"  ".repeat(depth));
        match node {
            Node::Event(found) => *out += &format!("{}\n", event(facts, function, found)),
            Node::Region(inner) => {
                *out += &format!("{}\n", kind(facts, &inner.kind));
                nodes(facts, function, inner, depth + 1, out);
            }
        }
    }
}

fn event(facts: &FileFacts, function: &Function, event: &Event) -> String {
    match event {
        Event::Call(index) => {
            let call = &function.calls[index.0 as usize];
            let args: Vec<String> = call.args.iter().map(|argument| value(facts, &argument.value)).collect();
            let discarded = if call.discarded { "" } else { " used" };
            format!(
                "{}: call {}({}){discarded}",
                call.span.line,
                value(facts, &call.callee),
                args.join(", ")
            )
        }
        Event::Store {
            target,
            form,
            kind,
            value: stored,
            span,
        } => {
            format!(
                "{}: {kind:?} {form:?} {} = {}",
                span.line,
                value(facts, target),
                value(facts, stored)
            )
        }
        Event::Load {
            value: loaded,
            form,
            span,
        } => format!("{}: load {form:?} {}", span.line, value(facts, loaded)),
        Event::Return { value: returned, span } => format!("{}: return {}", span.line, value(facts, returned)),
        Event::Jump { label } => format!("jump {label}"),
        Event::Label { name } => format!("label {name}"),
        other => format!("{other:?}"),
    }
}

fn kind(facts: &FileFacts, kind: &RegionKind) -> String {
    match kind {
        RegionKind::Loop {
            test, at_least_once, ..
        } => {
            format!(
                "loop {}{}",
                condition(facts, test),
                if *at_least_once { " once" } else { "" }
            )
        }
        RegionKind::Branch { exhaustive } => if *exhaustive { "branch all" } else { "branch" }.to_owned(),
        RegionKind::Arm { test } => format!("arm {}", condition(facts, test)),
        RegionKind::Pragma { text } => format!("pragma {text}"),
        RegionKind::Unreached { reason } => format!("unreached {reason}"),
        RegionKind::Conditional { text } => format!("if-compiled {text}"),
        other => format!("{other:?}"),
    }
}

fn condition(facts: &FileFacts, test: &Condition) -> String {
    let all = |tests: &[Condition]| {
        tests
            .iter()
            .map(|test| condition(facts, test))
            .collect::<Vec<_>>()
            .join("; ")
    };
    match test {
        Condition::Always => "always".to_owned(),
        Condition::Unknown => "?".to_owned(),
        Condition::Truthy(tested) => value(facts, tested),
        Condition::Not(inner) => format!("not {}", condition(facts, inner)),
        Condition::Equal(left, right) => format!("{} == {}", value(facts, left), value(facts, right)),
        Condition::Less(left, right) => format!("{} < {}", value(facts, left), value(facts, right)),
        Condition::Contains(left, right) => format!("{} in {}", value(facts, left), value(facts, right)),
        Condition::All(tests) => format!("all({})", all(tests)),
        Condition::Any(tests) => format!("any({})", all(tests)),
    }
}

fn local(facts: &FileFacts, function: FunctionIndex, local: LocalIndex) -> String {
    let function = &facts.functions[function.0 as usize];
    let found = &function.locals[local.0 as usize];
    let first = function.locals.iter().position(|other| other.name == found.name);
    match first {
        Some(first) if first != local.0 as usize => format!("{}#{}", found.name, local.0),
        _ => found.name.to_string(),
    }
}

/// A value in few signs: locals bare, globals with `@`, calls as `call` and the callee.
pub(super) fn value(facts: &FileFacts, shown: &Value) -> String {
    let list = |values: &[Value]| {
        values
            .iter()
            .map(|inner| value(facts, inner))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match shown {
        Value::Unknown => "?".to_owned(),
        Value::None => "null".to_owned(),
        Value::Bool(inner) => inner.to_string(),
        Value::Int(inner) => inner.to_string(),
        Value::Text(pieces) => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => format!("{text:?}"),
                Piece::Hole(inner) => format!("<{}>", value(facts, inner)),
            })
            .collect(),
        Value::Local(function, index) => local(facts, *function, *index),
        Value::Global(name) => format!("@{name}"),
        Value::Path(path) => path.to_string(),
        Value::Attribute(base, name) => format!("{}.{name}", value(facts, base)),
        Value::Item(base, key) => format!("{}[{}]", value(facts, base), value(facts, key)),
        Value::Call(function, call) => {
            format!(
                "call {}",
                value(
                    facts,
                    &facts.functions[function.0 as usize].calls[call.0 as usize].callee
                )
            )
        }
        Value::OneOf(values) => format!("one of({})", list(values)),
        Value::List(values) => format!("[{}]", list(values)),
        Value::Combined(values) => format!("combined({})", list(values)),
        Value::Record(record) => {
            let fields: Vec<String> = record
                .fields
                .iter()
                .map(|(key, inner)| match key {
                    FieldKey::Name(name) => format!(".{name} = {}", value(facts, inner)),
                    FieldKey::Index(_) => value(facts, inner),
                })
                .collect();
            format!(
                "{}{{{}}}",
                record.ty.as_ref().map_or("?", |ty| &ty.name),
                fields.join(", ")
            )
        }
        other => format!("{other:?}"),
    }
}
