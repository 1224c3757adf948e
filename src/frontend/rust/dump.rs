//! A readable text of facts, for tests and for reading by eye: one line an event, regions indented.

use std::fmt::Write;

use crate::facts::{
    Argument, Condition, Event, FieldKey, FileFacts, Function, Node, ParameterKind, Piece, Region, RegionKind,
    StoreKind, TypeRef, Value,
};

/// All functions with their events: for reading a whole file by eye.
#[allow(dead_code)]
pub fn dump(facts: &FileFacts) -> String {
    let mut out = String::new();
    for function in &facts.functions {
        head(facts, function, &mut out);
        nodes(facts, function, &function.body, 1, &mut out);
    }
    out
}

/// The function with this qualified name.
pub fn dump_function(facts: &FileFacts, qualified: &str) -> String {
    let mut out = String::new();
    for function in facts
        .functions
        .iter()
        .filter(|function| function.qualified == qualified)
    {
        nodes(facts, function, &function.body, 0, &mut out);
    }
    out
}

fn head(facts: &FileFacts, function: &Function, out: &mut String) {
    let kind = format!("{:?}", function.kind).to_lowercase();
    let _ = write!(out, "{kind} {}(", function.qualified);
    for (index, (_, local)) in function.parameters().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        let ty = local
            .ty
            .as_ref()
            .map(|ty| format!(": {}", type_text(ty)))
            .unwrap_or_default();
        let receiver = if local.parameter == Some(ParameterKind::Receiver) {
            "*"
        } else {
            ""
        };
        let _ = write!(out, "{comma}{receiver}{}{ty}", local.name);
    }
    let _ = write!(out, ")");
    if let Some(ty) = &function.returns {
        let _ = write!(out, " -> {}", type_text(ty));
    }
    for attribute in &function.attributes {
        let args: Vec<String> = attribute.args.iter().map(|arg| argument(facts, arg)).collect();
        let _ = write!(out, " #[{}({})]", value(facts, &attribute.value), args.join(", "));
    }
    for (set, word) in [(function.is_async, "async"), (function.test_only, "test")] {
        if set {
            let _ = write!(out, " {word}");
        }
    }
    out.push('\n');
}

/// A type on one line.
pub fn type_text(ty: &TypeRef) -> String {
    if ty.args.is_empty() {
        return ty.name.to_string();
    }
    let args: Vec<String> = ty.args.iter().map(type_text).collect();
    format!("{}[{}]", ty.name, args.join(", "))
}

fn nodes(facts: &FileFacts, function: &Function, region: &Region, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for node in &region.nodes {
        match node {
            Node::Event(event) => {
                let _ = writeln!(out, "{indent}{}", event_text(facts, function, event));
            }
            Node::Region(region) => {
                let _ = writeln!(out, "{indent}{}", region_text(facts, &region.kind));
                nodes(facts, function, region, depth + 1, out);
            }
        }
    }
}

fn event_text(facts: &FileFacts, function: &Function, event: &Event) -> String {
    match event {
        Event::Call(index) => {
            let call = &function.calls[index.0 as usize];
            let args: Vec<String> = call.args.iter().map(|arg| argument(facts, arg)).collect();
            let discarded = if call.discarded { " discarded" } else { "" };
            format!(
                "{} c{}: {}({}){discarded}",
                call.span.line,
                index.0,
                value(facts, &call.callee),
                args.join(", ")
            )
        }
        Event::Store {
            target,
            kind,
            value: stored,
            span,
            ..
        } => {
            let sign = match kind {
                StoreKind::Augmented => "op=",
                _ => "=",
            };
            format!("{} {} {sign} {}", span.line, value(facts, target), value(facts, stored))
        }
        Event::Load {
            value: loaded, span, ..
        } => format!("{} load {}", span.line, value(facts, loaded)),
        Event::Await { value: awaited, span } => format!("{} await {}", span.line, value(facts, awaited)),
        Event::Drop { value: dropped, span } => format!("{} drop {}", span.line, value(facts, dropped)),
        Event::Return { value: returned, span } => format!("{} return {}", span.line, value(facts, returned)),
        Event::Yield { value: given, span } => format!("{} yield {}", span.line, value(facts, given)),
        Event::Define { function, span } => format!("{} define f{}", span.line, function.0),
        Event::Import { path, span } => format!("{} import {path}", span.line),
        Event::Raise { span } => format!("{} raise", span.line),
        Event::Break => "break".to_owned(),
        Event::Continue => "continue".to_owned(),
        Event::Jump { label } => format!("jump {label}"),
        Event::Label { name } => format!("label {name}"),
    }
}

fn region_text(facts: &FileFacts, kind: &RegionKind) -> String {
    match kind {
        RegionKind::Loop { over: Some(over), .. } => format!("for {}", value(facts, over)),
        RegionKind::Loop { test, .. } => format!("loop {}", condition(facts, test)),
        RegionKind::Branch { exhaustive: true } => "branch exhaustive".to_owned(),
        RegionKind::Branch { exhaustive: false } => "branch".to_owned(),
        RegionKind::Arm { test } => format!("arm {}", condition(facts, test)),
        RegionKind::Unreached { reason } => format!("unreached {reason}"),
        RegionKind::Conditional { text } => format!("conditional {text}"),
        other => format!("{other:?}"),
    }
}

fn condition(facts: &FileFacts, test: &Condition) -> String {
    let list = |parts: &[Condition], sign: &str| {
        let parts: Vec<String> = parts.iter().map(|part| condition(facts, part)).collect();
        format!("({})", parts.join(sign))
    };
    match test {
        Condition::Always => "always".to_owned(),
        Condition::Truthy(of) => value(facts, of),
        Condition::Not(inner) => format!("!{}", condition(facts, inner)),
        Condition::Equal(left, right) => format!("{} == {}", value(facts, left), value(facts, right)),
        Condition::Less(left, right) => format!("{} < {}", value(facts, left), value(facts, right)),
        Condition::Contains(left, right) => format!("{} in {}", value(facts, left), value(facts, right)),
        Condition::All(parts) => list(parts, " && "),
        Condition::Any(parts) => list(parts, " || "),
        Condition::Unknown => "?".to_owned(),
    }
}

fn argument(facts: &FileFacts, argument: &Argument) -> String {
    let text = value(facts, &argument.value);
    match &argument.name {
        Some(name) => format!("{name}={text}"),
        None => text,
    }
}

/// A value on one line. Calls are `c0`, those of another function `f2.c0`; functions are `f3`.
pub fn value(facts: &FileFacts, of: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(|of| value(facts, of)).collect::<Vec<_>>();
    match of {
        Value::Unknown => "?".to_owned(),
        Value::None => "none".to_owned(),
        Value::Bool(of) => of.to_string(),
        Value::Int(of) => of.to_string(),
        Value::Text(pieces) => {
            let pieces = pieces.iter().map(|piece| match piece {
                Piece::Literal(text) => text.escape_default().to_string(),
                Piece::Hole(of) => format!("{{{}}}", value(facts, of)),
            });
            format!("\"{}\"", pieces.collect::<String>())
        }
        Value::Local(function, local) => facts.function(*function).locals[local.0 as usize].name.to_string(),
        Value::Global(name) => format!("~{name}"),
        Value::Path(path) => path.to_string(),
        Value::Attribute(base, name) => format!("{}.{name}", value(facts, base)),
        Value::Item(base, key) => format!("{}[{}]", value(facts, base), value(facts, key)),
        Value::Element(base) => format!("each({})", value(facts, base)),
        Value::Call(_, call) => format!("c{}", call.0),
        Value::Function(function) => format!("f{}", function.0),
        Value::Super(_) => "super".to_owned(),
        Value::OneOf(values) => format!("({})", list(values).join(" | ")),
        Value::List(values) => format!("[{}]", list(values).join(", ")),
        Value::Map(_) => "map".to_owned(),
        Value::Record(record) => {
            let fields = record.fields.iter().map(|(key, of)| match key {
                FieldKey::Name(name) => format!("{name}: {}", value(facts, of)),
                FieldKey::Index(index) => format!("{index}: {}", value(facts, of)),
            });
            let name = record.ty.as_ref().map(type_text).unwrap_or_default();
            format!("{name} {{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Await(inner) => format!("await {}", value(facts, inner)),
        Value::Combined(values) => format!("<{}>", list(values).join(" ")),
        Value::Decided(outcome) => format!("system({outcome})"),
    }
}
