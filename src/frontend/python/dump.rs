//! Facts as text, so that tests say what they expect in words. Python's own notation where it has one.

use crate::facts::*;
use std::fmt::Write;

/// Every function of `facts`, with its events; regions are indented.
pub(super) fn dump(facts: &FileFacts) -> String {
    let mut out = String::new();
    for function in &facts.functions {
        let parameters: Vec<String> = function
            .parameters()
            .map(|(_, local)| parameter(facts, local))
            .collect();
        let is_async = if function.is_async { "async " } else { "" };
        let generator = if function.is_generator { " generator" } else { "" };
        let returns = function
            .returns
            .as_ref()
            .map_or(String::new(), |ty| format!(" -> {}", type_ref(ty)));
        let _ = writeln!(
            out,
            "{is_async}{}({}){returns}{generator}:",
            function.qualified,
            parameters.join(", ")
        );
        for attribute in &function.attributes {
            let _ = writeln!(
                out,
                "  @{}{}",
                value(facts, &attribute.value),
                args(facts, &attribute.args)
            );
        }
        nodes(facts, function, &function.body.nodes, 1, &mut out);
    }
    out
}

/// Only the events and regions of the function called `qualified`.
pub(super) fn dump_function(facts: &FileFacts, qualified: &str) -> String {
    let function = facts.functions.iter().find(|function| function.qualified == qualified);
    let function = function.unwrap_or_else(|| panic!("no function {qualified}"));
    let mut out = String::new();
    nodes(facts, function, &function.body.nodes, 0, &mut out);
    out
}

fn parameter(facts: &FileFacts, local: &Local) -> String {
    let star = match local.parameter {
        Some(ParameterKind::VarPositional) => "*",
        Some(ParameterKind::VarKeyword) => "**",
        Some(ParameterKind::KeywordOnly) => "keyword ",
        Some(ParameterKind::Receiver) => "receiver ",
        _ => "",
    };
    let ty = local
        .ty
        .as_ref()
        .map_or(String::new(), |ty| format!(": {}", type_ref(ty)));
    let default = local
        .default
        .as_ref()
        .map_or(String::new(), |default| format!("={}", value(facts, default)));
    format!("{star}{}{ty}{default}", local.name)
}

/// A type; an own global name has a leading `^`.
pub(super) fn type_ref(ty: &TypeRef) -> String {
    let local = if ty.local { "^" } else { "" };
    let args: Vec<String> = ty.args.iter().map(type_ref).collect();
    if args.is_empty() {
        format!("{local}{}", ty.name)
    } else {
        format!("{local}{}[{}]", ty.name, args.join(", "))
    }
}

fn nodes(facts: &FileFacts, function: &Function, list: &[Node], indent: usize, out: &mut String) {
    for node in list {
        let (line, inner) = match node {
            Node::Event(event) => (event_line(facts, function, event), None),
            Node::Region(region) => (region_line(facts, function, &region.kind), Some(&region.nodes)),
        };
        let _ = writeln!(out, "{}{line}", "  ".repeat(indent));
        if let Some(inner) = inner {
            nodes(facts, function, inner, indent + 1, out);
        }
    }
}

fn event_line(facts: &FileFacts, function: &Function, event: &Event) -> String {
    let v = |v: &Value| value(facts, v);
    match event {
        Event::Call(index) => {
            let call = &function.calls[index.0 as usize];
            let discarded = if call.discarded { " discarded" } else { "" };
            format!(
                "{}: call#{} {}{}{discarded}",
                call.span.line,
                index.0,
                v(&call.callee),
                args(facts, &call.args)
            )
        }
        Event::Store {
            target,
            form,
            kind,
            value,
            span,
        } => {
            let form = form_name(*form);
            match kind {
                StoreKind::Assign => format!("{}: {form} {} = {}", span.line, v(target), v(value)),
                StoreKind::Augmented => format!("{}: {form} {} <- {}", span.line, v(target), v(value)),
                StoreKind::Delete => format!("{}: {form} del {}", span.line, v(target)),
            }
        }
        Event::Load { value, form, span } => format!("{}: {} load {}", span.line, form_name(*form), v(value)),
        Event::Await { value, span } => format!("{}: await {}", span.line, v(value)),
        Event::Drop { value, span } => format!("{}: drop {}", span.line, v(value)),
        Event::Return { value, span } => format!("{}: return {}", span.line, v(value)),
        Event::Yield { value, span } => format!("{}: yield {}", span.line, v(value)),
        Event::Raise { span } => format!("{}: raise", span.line),
        Event::Break => "break".into(),
        Event::Continue => "continue".into(),
        Event::Jump { label } => format!("jump {label}"),
        Event::Label { name } => format!("label {name}"),
        Event::Import { path, span } => format!("{}: import {path}", span.line),
        Event::Define { function, span } => {
            let defined = facts.function(*function);
            format!("{}: define {:?} {}", span.line, defined.kind, defined.qualified)
        }
    }
}

fn form_name(form: AccessForm) -> &'static str {
    match form {
        AccessForm::Whole => "whole",
        AccessForm::Attribute => "attribute",
        AccessForm::Subscript => "subscript",
    }
}

fn region_line(facts: &FileFacts, function: &Function, kind: &RegionKind) -> String {
    match kind {
        RegionKind::Seq => "seq".into(),
        RegionKind::Loop { over: Some(over), .. } => format!("loop over {}", value(facts, over)),
        RegionKind::Loop { test, .. } => format!("loop while {}", condition(facts, test)),
        RegionKind::Branch { exhaustive: true } => "branch exhaustive".into(),
        RegionKind::Branch { exhaustive: false } => "branch".into(),
        RegionKind::Arm { test } => format!("arm {}", condition(facts, test)),
        RegionKind::Try => "try".into(),
        RegionKind::TryBody => "body".into(),
        RegionKind::Handler => "handler".into(),
        RegionKind::Finally => "finally".into(),
        RegionKind::Scope { manager, bound, .. } => {
            let bound = bound.map_or(String::new(), |local| {
                format!(" as {}", function.locals[local.0 as usize].name)
            });
            format!("with {}{bound}", value(facts, manager))
        }
        RegionKind::Unreached { reason } => format!("unreached: {reason}"),
        RegionKind::Pragma { text } | RegionKind::Conditional { text } => text.clone(),
    }
}

fn args(facts: &FileFacts, args: &[Argument]) -> String {
    let args: Vec<String> = args
        .iter()
        .map(|arg| match &arg.name {
            Some(name) => format!("{name}={}", value(facts, &arg.value)),
            None => value(facts, &arg.value),
        })
        .collect();
    format!("({})", args.join(", "))
}

/// A value: globals with a leading `^`, paths bare, locals by name, calls by number.
pub(super) fn value(facts: &FileFacts, of: &Value) -> String {
    let list = |values: &[Value], by: &str| values.iter().map(|v| value(facts, v)).collect::<Vec<_>>().join(by);
    match of {
        Value::Unknown => "?".into(),
        Value::None => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Int(number) => number.to_string(),
        Value::Text(pieces) => {
            let pieces = pieces.iter().map(|piece| match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Hole(hole) => format!("{{{}}}", value(facts, hole)),
            });
            format!("'{}'", pieces.collect::<String>())
        }
        Value::Local(function, local) => facts.function(*function).locals[local.0 as usize].name.to_string(),
        Value::Global(name) => format!("^{name}"),
        Value::Path(path) => path.to_string(),
        Value::Attribute(base, name) => format!("({}).{name}", value(facts, base)),
        Value::Item(base, key) => format!("{}[{}]", value(facts, base), value(facts, key)),
        Value::Element(base) => format!("each({})", value(facts, base)),
        Value::Call(_, call) => format!("#{}", call.0),
        Value::Function(function) => format!("&{}", facts.function(*function).qualified),
        Value::Super(function) => format!("super({})", facts.function(*function).qualified),
        Value::OneOf(values) => format!("<{}>", list(values, " | ")),
        Value::List(values) => format!("[{}]", list(values, ", ")),
        Value::Map(items) => {
            let items = items
                .iter()
                .map(|(key, v)| format!("{}: {}", value(facts, key), value(facts, v)));
            format!("{{{}}}", items.collect::<Vec<_>>().join(", "))
        }
        Value::Record(..) => "record".into(),
        Value::Await(inner) => format!("await({})", value(facts, inner)),
        Value::Decided(outcome) => format!("system({outcome})"),
        Value::Combined(values) => format!("combined({})", list(values, ", ")),
    }
}

/// A condition.
pub(super) fn condition(facts: &FileFacts, of: &Condition) -> String {
    let v = |v: &Value| value(facts, v);
    let list = |tests: &[Condition], by: &str| {
        tests
            .iter()
            .map(|test| format!("({})", condition(facts, test)))
            .collect::<Vec<_>>()
            .join(by)
    };
    match of {
        Condition::Always => "always".into(),
        Condition::Truthy(value) => v(value),
        Condition::Not(inner) => format!("not {}", condition(facts, inner)),
        Condition::Equal(left, right) => format!("{} == {}", v(left), v(right)),
        Condition::Less(left, right) => format!("{} < {}", v(left), v(right)),
        Condition::Contains(key, container) => format!("{} in {}", v(key), v(container)),
        Condition::All(tests) => list(tests, " and "),
        Condition::Any(tests) => list(tests, " or "),
        Condition::Unknown => "?".into(),
    }
}
