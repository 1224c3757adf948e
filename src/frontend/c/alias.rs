//! Object-like macros that name something: `#define ours theirs` binds a name like a variable that is never changed.

use crate::facts::{AccessForm, Event, Node, Piece, Region, StoreKind, Value};

use super::lex::{Kind, Token};
use super::literal::{integer, unescape};
use super::macros::Macro;
use super::scope::Lowering;
use super::words;

/// Gives the module-level code a store for every macro that stands for a name, string or number.
pub(super) fn stores(lowering: &mut Lowering, macros: &[Macro], source: &str) {
    for found in macros.iter().filter(|found| found.parameters.is_none()) {
        let Some(value) = value(&found.body, source) else {
            continue;
        };
        let mut node = Node::Event(Event::Store {
            target: Value::Global((&found.name).into()),
            form: AccessForm::Whole,
            kind: StoreKind::Assign,
            value: Box::new(value),
            span: found.span,
        });
        for arm in lowering.arms.path(found.span.start).into_iter().rev() {
            if let Some((kind, span)) = lowering.arm_region(arm) {
                node = Node::Region(Box::new(Region {
                    kind,
                    nodes: vec![node],
                    span,
                }));
            }
        }
        lowering.current.nodes.push(node);
    }
}

/// What a macro's body is, where it is a plain name, string or number.
fn value(body: &[Token], source: &str) -> Option<Value> {
    let text = |token: &Token| &source[token.start as usize..token.end as usize];
    let mut body = body;
    while let [first, inner @ .., last] = body {
        if !first.is(b'(') || !last.is(b')') {
            break;
        }
        body = inner;
    }
    match body {
        [only] if only.kind == Kind::Word => match text(only) {
            "NULL" | "nullptr" => Some(Value::None),
            word if words::is_keyword(word) => None,
            word => Some(Value::Global(word.into())),
        },
        [only] if only.kind == Kind::Number => integer(text(only)).map(Value::Int),
        [minus, number] if minus.is(b'-') && number.kind == Kind::Number => {
            integer(text(number)).map(|value| Value::Int(value.wrapping_neg()))
        }
        [_, ..] if body.iter().any(|token| token.kind == Kind::Text) => strings(body, source),
        _ => None,
    }
}

/// Adjacent strings and names of strings.
fn strings(body: &[Token], source: &str) -> Option<Value> {
    let mut pieces: Vec<Piece> = Vec::new();
    for token in body {
        let text = &source[token.start as usize..token.end as usize];
        match token.kind {
            Kind::Text => {
                let inner = text.split_once('"').map_or("", |(_, rest)| rest);
                let inner = unescape(inner.strip_suffix('"').unwrap_or(inner));
                match pieces.last_mut() {
                    Some(Piece::Literal(before)) => before.push_str(&inner),
                    _ => pieces.push(Piece::Literal(inner)),
                }
            }
            Kind::Word => pieces.push(Piece::Hole(Value::Global(text.into()))),
            _ => return None,
        }
    }
    Some(Value::Text(pieces.into()))
}
