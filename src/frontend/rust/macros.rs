//! Macros: calls whose arguments can be read as Rust, definitions whose bodies can, and items inside macros.
//!
//! Nothing is expanded. A macro's tokens are read as expressions, statements, `static` items or `pattern = future =>
//! body` arms, whichever fits first; where nothing fits, the pieces between separators that are expressions count.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Block, Expr, Item, ItemStatic, Macro, Pat, Stmt, Token, Type};

use crate::facts::{Argument, Condition, Event, FunctionKind, Local, ParameterKind, Piece, RegionKind, Span, Value};

use super::attributes::{Cfg, cfg_value, conditions};
use super::lowering::Lowering;
use super::names::{path_segments, plain};

/// How deep the tokens of a macro may nest for them to be read at all; see [`super::scan::depth`].
const DEPTH_LIMIT: usize = 1500;

/// Like [`super::scan::depth`], for tokens that are parsed already.
fn depth(tokens: &TokenStream) -> usize {
    let (mut chain, mut deepest_child, mut deepest) = (0usize, 0usize, 0usize);
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) => deepest_child = deepest_child.max(depth(&group.stream()) + 1),
            TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => {
                deepest = deepest.max(chain + deepest_child);
                (chain, deepest_child) = (0, 0);
            }
            _ => chain += 1,
        }
    }
    deepest.max(chain + deepest_child)
}

fn expressions(tokens: &TokenStream) -> Option<Vec<Expr>> {
    let parsed = Punctuated::<Expr, Token![,]>::parse_terminated
        .parse2(tokens.clone())
        .ok()?;
    Some(parsed.into_iter().collect())
}

fn statements(tokens: &TokenStream) -> Option<Vec<Stmt>> {
    Block::parse_within.parse2(tokens.clone()).ok()
}

/// One `static` of `lazy_static!`, `thread_local!` and their kin.
struct StaticItem(ItemStatic);

impl Parse for StaticItem {
    fn parse(input: ParseStream<'_>) -> syn::Result<StaticItem> {
        let attrs = input.call(syn::Attribute::parse_outer)?;
        let vis = input.parse()?;
        let static_token: Token![static] = input.parse()?;
        if input.peek(Token![ref]) {
            input.parse::<Token![ref]>()?;
        }
        let ident = input.parse()?;
        let colon_token = input.parse()?;
        let ty: Type = input.parse()?;
        let eq_token = input.parse()?;
        let expr: Expr = input.parse()?;
        let span = static_token.span;
        if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
        } else if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(StaticItem(ItemStatic {
            attrs,
            vis,
            static_token,
            mutability: syn::StaticMutability::None,
            ident,
            colon_token,
            ty: Box::new(ty),
            eq_token,
            expr: Box::new(expr),
            semi_token: Token![;](span),
        }))
    }
}

struct StaticItems(Vec<Item>);

impl Parse for StaticItems {
    fn parse(input: ParseStream<'_>) -> syn::Result<StaticItems> {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(Item::Static(input.parse::<StaticItem>()?.0));
        }
        Ok(StaticItems(items))
    }
}

/// `if #[cfg(…)] { items } else if … else { items }`: the items of the branches that may be compiled.
struct CfgChain(Vec<Item>);

impl Parse for CfgChain {
    fn parse(input: ParseStream<'_>) -> syn::Result<CfgChain> {
        let mut items = Vec::new();
        let mut decided = false;
        loop {
            input.parse::<Token![if]>()?;
            let attrs = input.call(syn::Attribute::parse_outer)?;
            let cfg = conditions(&attrs).cfg;
            let inner = branch_items(input)?;
            if !decided && !matches!(cfg, Cfg::Off(_)) {
                items.extend(inner);
            }
            decided |= cfg == Cfg::On;
            if !input.peek(Token![else]) {
                break;
            }
            input.parse::<Token![else]>()?;
            if !input.peek(Token![if]) {
                let inner = branch_items(input)?;
                if !decided {
                    items.extend(inner);
                }
                break;
            }
        }
        if input.is_empty() {
            Ok(CfgChain(items))
        } else {
            Err(input.error("more than a chain of cfg"))
        }
    }
}

fn branch_items(input: ParseStream<'_>) -> syn::Result<Vec<Item>> {
    let content;
    syn::braced!(content in input);
    items_until_end(&content)
}

fn items_until_end(input: ParseStream<'_>) -> syn::Result<Vec<Item>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        match input.parse()? {
            Item::Verbatim(_) => return Err(input.error("not an item")),
            item => items.push(item),
        }
    }
    Ok(items)
}

/// The items of a macro that holds nothing but `static`s.
pub(super) fn static_items(mac: &Macro) -> Option<Vec<Item>> {
    let has_static = mac
        .tokens
        .clone()
        .into_iter()
        .any(|token| matches!(token, TokenTree::Ident(ident) if ident == "static"));
    if !has_static || depth(&mac.tokens) > DEPTH_LIMIT {
        return None;
    }
    syn::parse2::<StaticItems>(mac.tokens.clone()).ok().map(|items| items.0)
}

/// Replaces macros among items by the items that they hold, where they can be read so.
pub(super) fn expand_items(items: Vec<Item>) -> Vec<Item> {
    let mut expanded = Vec::new();
    for item in items {
        match item {
            Item::Macro(mac) if mac.ident.is_none() => match macro_items(&mac.mac) {
                Some(inner) if !super::attributes::is_off(&mac.attrs) => expanded.extend(expand_items(inner)),
                _ => expanded.push(Item::Macro(mac)),
            },
            Item::Mod(mut module) => {
                module.content = module.content.map(|(brace, items)| (brace, expand_items(items)));
                expanded.push(Item::Mod(module));
            }
            other => expanded.push(other),
        }
    }
    expanded
}

fn macro_items(mac: &Macro) -> Option<Vec<Item>> {
    if mac.tokens.is_empty() || depth(&mac.tokens) > DEPTH_LIMIT {
        return None;
    }
    if let Some(items) = static_items(mac) {
        return Some(items);
    }
    if let Ok(chain) = syn::parse2::<CfgChain>(mac.tokens.clone()) {
        return Some(chain.0);
    }
    items_until_end
        .parse2(mac.tokens.clone())
        .ok()
        .filter(|items| !items.is_empty())
}

/// `pattern = future, if guard => body`, or `else => body`.
struct SelectArm {
    binding: Option<(Pat, Expr)>,
    guard: Option<Expr>,
    body: Expr,
}

struct SelectArms(Vec<SelectArm>);

impl Parse for SelectArms {
    fn parse(input: ParseStream<'_>) -> syn::Result<SelectArms> {
        // `biased;` and the like.
        if input.peek(syn::Ident) && input.peek2(Token![;]) {
            input.parse::<Ident>()?;
            input.parse::<Token![;]>()?;
        }
        let mut arms = Vec::new();
        while !input.is_empty() {
            let binding = if input.peek(Token![else]) {
                input.parse::<Token![else]>()?;
                None
            } else {
                let pat = Pat::parse_multi_with_leading_vert(input)?;
                if input.peek(Token![=]) && !input.peek(Token![=>]) {
                    input.parse::<Token![=]>()?;
                    Some((pat, input.parse()?))
                } else {
                    None
                }
            };
            let guard = if input.peek(Token![,]) && input.peek2(Token![if]) {
                input.parse::<Token![,]>()?;
                input.parse::<Token![if]>()?;
                Some(input.parse()?)
            } else {
                None
            };
            input.parse::<Token![=>]>()?;
            let body: Expr = if input.peek(syn::token::Brace) {
                Expr::Block(syn::ExprBlock {
                    attrs: Vec::new(),
                    label: None,
                    block: input.parse()?,
                })
            } else {
                input.parse()?
            };
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            }
            arms.push(SelectArm { binding, guard, body });
        }
        Ok(SelectArms(arms))
    }
}

/// The expressions among the pieces between separators, descending into brackets where a piece is none.
fn loose_expressions(tokens: TokenStream, found: &mut Vec<Expr>) {
    let mut piece: Vec<TokenTree> = Vec::new();
    let mut trees = tokens.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let ends = match &tree {
            TokenTree::Punct(punct) => match punct.as_char() {
                ',' | ';' => true,
                '=' => {
                    let arrow = matches!(trees.peek(), Some(TokenTree::Punct(next)) if next.as_char() == '>');
                    if arrow {
                        trees.next();
                    }
                    arrow
                }
                _ => false,
            },
            _ => false,
        };
        if ends {
            loose_piece(std::mem::take(&mut piece), found);
        } else {
            piece.push(tree);
        }
    }
    loose_piece(piece, found);
}

fn loose_piece(piece: Vec<TokenTree>, found: &mut Vec<Expr>) {
    if piece.is_empty() {
        return;
    }
    // `name = value`, `name: value`, `"key": value`, `%value`, `?value`.
    let skip = match piece.as_slice() {
        [TokenTree::Punct(mark), _, ..] if matches!(mark.as_char(), '%' | '?') => 1,
        [_, TokenTree::Punct(mark), next, ..]
            if matches!(mark.as_char(), ':' | '=')
                && !matches!(next, TokenTree::Punct(next) if matches!(next.as_char(), ':' | '=')) =>
        {
            2
        }
        _ => 0,
    };
    for skip in [0, skip] {
        let tokens: TokenStream = piece[skip..].iter().cloned().collect();
        if let Ok(expr) = syn::parse2::<Expr>(tokens) {
            found.push(expr);
            return;
        }
    }
    for tree in piece {
        if let TokenTree::Group(group) = tree {
            loose_expressions(group.stream(), found);
        }
    }
}

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
                Some(path) => Value::Path(path),
                None => Value::Global(format!("{name}!")),
            },
            _ => Value::Path(format!("{}!", self.type_path(&segments, path.leading_colon.is_some()))),
        }
    }

    /// A macro call: what its arguments do, then the call of `name!` itself.
    pub(super) fn macro_call(&mut self, mac: &Macro) -> Value {
        let name = match self.macro_callee(&mac.path) {
            Value::Global(name) => name,
            _ => String::new(),
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
                    other => vec![Piece::Hole(other)],
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
        if global == Value::Global("matches!".to_owned())
            && depth(&mac.tokens) <= DEPTH_LIMIT
            && let Ok(parts) = syn::parse2::<Matches>(mac.tokens.clone())
        {
            let value = self.expression(&parts.value);
            let test = self.pattern_condition(&parts.pat, &value);
            let Some(guard) = parts.guard else { return test };
            self.bind(&parts.pat, value, None);
            return Condition::All(vec![test, self.condition(&guard)]);
        }
        if global == Value::Global("matches!".to_owned()) {
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
                Value::List(vec![value])
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
                Some(template) => Value::Text(self.template(template, rest)),
                None => Value::Unknown,
            },
            None => Value::Unknown,
        };
        self.silent_call(Value::Global("format!".to_owned()), args, span);
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
                name: Some(plain(name)),
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

    /// All futures are made and waited for; one body runs.
    fn select(&mut self, arms: &[SelectArm]) {
        let mut futures = Vec::new();
        for arm in arms {
            futures.push(arm.binding.as_ref().map(|(_, future)| {
                let value = self.used(future);
                let span = self.expr_span(future);
                self.event(Event::Await {
                    value: value.clone(),
                    span,
                });
                Value::Await(Box::new(value))
            }));
        }
        let mut regions = Vec::new();
        let mut span = Span::default();
        for (arm, future) in arms.iter().zip(futures) {
            let visible = self.open_scope();
            self.open_nodes();
            self.open_statement();
            if let (Some((pat, _)), Some(value)) = (&arm.binding, future) {
                self.bind(pat, value, None);
            }
            if let Some(guard) = &arm.guard {
                self.condition(guard);
            }
            self.owned(&arm.body);
            span = self.expr_span(&arm.body);
            self.close_statement(span);
            self.close_scope(visible, span);
            let nodes = self.close_nodes();
            regions.push(crate::facts::Node::Region(crate::facts::Region {
                kind: RegionKind::Arm {
                    test: Condition::Unknown,
                },
                nodes,
                span,
            }));
        }
        self.region(RegionKind::Branch { exhaustive: true }, regions, span);
    }
}

/// The arguments of `matches!`.
struct Matches {
    value: Expr,
    pat: Pat,
    guard: Option<Expr>,
}

impl Parse for Matches {
    fn parse(input: ParseStream<'_>) -> syn::Result<Matches> {
        let value = input.parse()?;
        input.parse::<Token![,]>()?;
        let pat = Pat::parse_multi_with_leading_vert(input)?;
        let guard = if input.peek(Token![if]) {
            input.parse::<Token![if]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        }
        Ok(Matches { value, pat, guard })
    }
}

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
        regions.push(crate::facts::Node::Region(crate::facts::Region {
            kind: RegionKind::Arm {
                test: Condition::Unknown,
            },
            nodes,
            span: lowering.span(rule[1].span_open(), rule[1].span_close()),
        }));
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
