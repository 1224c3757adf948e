//! The forms that a macro's tokens may have: expressions, statements, `static` items, chains of `cfg`, the arms of a
//! `select`, the arguments of `matches!`; and the pieces that are expressions where nothing else fits.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Block, Expr, FnArg, Item, ItemFn, ItemStatic, Macro, Pat, Stmt, Token, Type};

use super::attributes::{Cfg, conditions};

/// How deep the tokens of a macro may nest for them to be read at all; see [`super::scan::depth`].
pub(super) const DEPTH_LIMIT: usize = 1500;

/// Like [`super::scan::depth`], for tokens that are parsed already.
pub(super) fn depth(tokens: &TokenStream) -> usize {
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

pub(super) fn expressions(tokens: &TokenStream) -> Option<Vec<Expr>> {
    let parsed = Punctuated::<Expr, Token![,]>::parse_terminated
        .parse2(tokens.clone())
        .ok()?;
    Some(parsed.into_iter().collect())
}

pub(super) fn statements(tokens: &TokenStream) -> Option<Vec<Stmt>> {
    Block::parse_within.parse2(tokens.clone()).ok()
}

/// One `static` of `lazy_static!`, `thread_local!` and their kin, and whether it is a `static ref`.
struct StaticItem(ItemStatic, bool);

impl Parse for StaticItem {
    fn parse(input: ParseStream<'_>) -> syn::Result<StaticItem> {
        let attrs = input.call(syn::Attribute::parse_outer)?;
        let vis = input.parse()?;
        let static_token: Token![static] = input.parse()?;
        let is_reference = input.peek(Token![ref]);
        if is_reference {
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
        Ok(StaticItem(
            ItemStatic {
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
            },
            is_reference,
        ))
    }
}

struct StaticItems(Vec<StaticItem>);

impl Parse for StaticItems {
    fn parse(input: ParseStream<'_>) -> syn::Result<StaticItems> {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(input.parse::<StaticItem>()?);
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
    let items = syn::parse2::<StaticItems>(mac.tokens.clone()).ok()?.0;
    Some(items.into_iter().map(|item| handed_to(&mac.path, item)).collect())
}

/// What a `static ref` is initialised with is a closure's work, handed to the macro: it runs when the macro sees fit.
fn handed_to(path: &syn::Path, StaticItem(mut item, is_reference): StaticItem) -> Item {
    if is_reference {
        let expr = &item.expr;
        *item.expr = syn::parse_quote!(#path(|| #expr));
    }
    Item::Static(item)
}

/// Replaces macros among items by the items that they hold, where they can be read so.
pub(super) fn expand_items(items: Vec<Item>) -> Vec<Item> {
    let mut expanded = Vec::new();
    for item in items {
        match item {
            Item::Macro(mac) if mac.ident.is_none() => match macro_items(&mac.mac) {
                Some(inner) if !super::attributes::is_off(&mac.attrs) => {
                    let inner = expand_items(inner).into_iter();
                    expanded.extend(inner.map(|item| marked(item, &mac.mac.path)));
                }
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

/// A function that stands in `name! { … }` is as one with `#[name]` on it: what the macro makes of functions (tests, for
/// instance) is told of the attribute.
fn marked(mut item: Item, path: &syn::Path) -> Item {
    if let Item::Fn(function) = &mut item {
        function.attrs.push(syn::parse_quote!(#[#path]));
    }
    item
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
    let items = items_until_end.parse2(mac.tokens.clone()).ok();
    items
        .or_else(|| Some(syn::parse2::<Properties>(mac.tokens.clone()).ok()?.0))
        .filter(|items| !items.is_empty())
}

/// The functions of `proptest!`, whose parameters are drawn from strategies: `fn name(pattern in strategy, name: type) { … }`
/// (proptest, src/sugar.rs). A parameter with a strategy has a type that is not written.
struct Properties(Vec<Item>);

impl Parse for Properties {
    fn parse(input: ParseStream<'_>) -> syn::Result<Properties> {
        input.call(syn::Attribute::parse_inner)?;
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(Item::Fn(property(input)?));
        }
        Ok(Properties(items))
    }
}

fn property(input: ParseStream<'_>) -> syn::Result<ItemFn> {
    let attrs = input.call(syn::Attribute::parse_outer)?;
    let vis = input.parse()?;
    let asyncness = input.parse()?;
    let fn_token = input.parse()?;
    let ident = input.parse()?;
    let drawn;
    let paren_token = syn::parenthesized!(drawn in input);
    let inputs = drawn.parse_terminated(drawn_parameter, Token![,])?;
    let output = input.parse()?;
    Ok(ItemFn {
        attrs,
        vis,
        sig: syn::Signature {
            constness: None,
            asyncness,
            unsafety: None,
            abi: None,
            fn_token,
            ident,
            generics: syn::Generics::default(),
            paren_token,
            inputs,
            variadic: None,
            output,
        },
        block: input.parse()?,
    })
}

fn drawn_parameter(input: ParseStream<'_>) -> syn::Result<FnArg> {
    let pat = Pat::parse_single(input)?;
    let ty: Type = if input.peek(Token![in]) {
        input.parse::<Token![in]>()?;
        input.parse::<Expr>()?;
        syn::parse_quote!(_)
    } else {
        input.parse::<Token![:]>()?;
        input.parse()?
    };
    Ok(FnArg::Typed(syn::parse_quote!(#pat: #ty)))
}

/// `pattern = future, if guard => body`, or `else => body`.
pub(super) struct SelectArm {
    pub binding: Option<(Pat, Expr)>,
    pub guard: Option<Expr>,
    pub body: Expr,
}

pub(super) struct SelectArms(pub Vec<SelectArm>);

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
pub(super) fn loose_expressions(tokens: TokenStream, found: &mut Vec<Expr>) {
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

/// The arguments of `matches!`.
pub(super) struct Matches {
    pub value: Expr,
    pub pat: Pat,
    pub guard: Option<Expr>,
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
