//! `macro_rules!` definitions whose bodies can be read as Rust once `$x` stands for a parameter `x`.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

use crate::facts::{Condition, FunctionKind, Local, Node, ParameterKind, Region, RegionKind, Span};

use super::lowering::Lowering;
use super::macro_forms::{DEPTH_LIMIT, depth, statements};

/// Lowers the bodies of a `macro_rules!` definition into the current function, `$x` read as a parameter `x`.
pub(super) fn definition(lowering: &mut Lowering<'_>, tokens: &TokenStream, span: Span) {
    if depth(tokens) > DEPTH_LIMIT {
        lowering.too_deep(span.line);
        return;
    }
    let groups: Vec<Group> = tokens
        .clone()
        .into_iter()
        .filter_map(|tree| match tree {
            TokenTree::Group(group) => Some(group),
            _ => None,
        })
        .collect();
    let mut regions = Vec::new();
    let rules: Vec<&[Group]> = groups.chunks_exact(2).collect();
    for rule in &rules {
        for name in variables(rule[0].stream()) {
            declare_parameter(lowering, &name);
        }
    }
    for rule in rules {
        let body = substitute(rule[1].stream());
        let Some(stmts) = statements(&body) else { continue };
        lowering.open_nodes();
        let visible = lowering.open_scope();
        let value = lowering.statements(&stmts, span);
        lowering.close_scope(visible, span);
        lowering.return_value(value, rule[1].span_close());
        let nodes = lowering.close_nodes();
        regions.push(Node::Region(Box::new(Region {
            kind: RegionKind::Arm {
                test: Condition::Unknown,
            },
            nodes,
            span: lowering.span(rule[1].span_open(), rule[1].span_close()),
        })));
    }
    if !regions.is_empty() {
        lowering.region(RegionKind::Branch { exhaustive: true }, regions, span);
    }
}

fn declare_parameter(lowering: &mut Lowering<'_>, name: &str) {
    debug_assert!(lowering.current().kind == FunctionKind::Macro);
    if lowering.current().locals.iter().any(|local: &Local| local.name == name) {
        return;
    }
    let local = lowering.add_local(name, None, Some(ParameterKind::Normal));
    lowering.show(name, local);
}

/// The names of `$name:kind` in a matcher, in order.
fn variables(matcher: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    let mut trees = matcher.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Group(group) => found.extend(variables(group.stream())),
            TokenTree::Punct(punct) if punct.as_char() == '$' => {
                if let Some(TokenTree::Ident(name)) = trees.peek() {
                    found.push(stand_in(name).to_string());
                }
            }
            _ => {}
        }
    }
    found
}

/// An identifier in the place of `$name`; a keyword gets a `_`.
fn stand_in(name: &Ident) -> Ident {
    let text = name.to_string();
    if syn::parse_str::<syn::Ident>(&text).is_ok() || text == "self" || text == "crate" {
        name.clone()
    } else {
        Ident::new(&format!("{}_", text.trim_start_matches("r#")), name.span())
    }
}

/// A transcriber as plain Rust: `$x` becomes `x`, `$( … )*` its inside once.
fn substitute(body: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    let mut trees = body.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == '$' => match trees.next() {
                Some(TokenTree::Ident(name)) => out.push(TokenTree::Ident(stand_in(&name))),
                Some(TokenTree::Group(group)) => {
                    out.extend(substitute(group.stream()));
                    skip_repetition(&mut trees);
                }
                Some(other) => out.push(other),
                None => {}
            },
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), substitute(group.stream()));
                if group.delimiter() != Delimiter::None {
                    inner.set_span(group.span());
                }
                out.push(TokenTree::Group(inner));
            }
            other => out.push(other),
        }
    }
    out.into_iter().collect()
}

/// Passes over `,*`, `;+`, `?` and the like after `$( … )`.
fn skip_repetition(trees: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>) {
    for _ in 0..2 {
        match trees.peek() {
            Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '*' | '+' | '?') => {
                trees.next();
                return;
            }
            Some(TokenTree::Punct(_)) => drop(trees.next()),
            _ => return,
        }
    }
}
