//! Where an expression begins and ends, without printing it: `syn::spanned` turns a whole expression into tokens to look
//! at its first and last, which makes nested code quadratic.

use proc_macro2::Span as TokenSpan;
use syn::spanned::Spanned;
use syn::{Expr, Member};

/// The first token of an expression. `Spanned` would print the whole expression for it.
pub(super) fn first_token(expr: &Expr) -> TokenSpan {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::Call(call) => &call.func,
            Expr::MethodCall(call) => &call.receiver,
            Expr::Field(field) => &field.base,
            Expr::Index(index) => &index.expr,
            Expr::Try(inner) => &inner.expr,
            Expr::Await(inner) => &inner.base,
            Expr::Binary(binary) => &binary.left,
            Expr::Assign(assign) => &assign.left,
            Expr::Cast(cast) => &cast.expr,
            Expr::Reference(reference) => return reference.and_token.span,
            Expr::Unary(unary) => return unary.op.span(),
            Expr::Paren(paren) => return paren.paren_token.span.open(),
            Expr::Array(array) => return array.bracket_token.span.open(),
            Expr::Tuple(tuple) => return tuple.paren_token.span.open(),
            Expr::Lit(lit) => return lit.lit.span(),
            Expr::Path(path) if path.qself.is_none() => {
                return match (&path.path.leading_colon, path.path.segments.first()) {
                    (Some(colon), _) => colon.spans[0],
                    (None, Some(segment)) => segment.ident.span(),
                    (None, None) => TokenSpan::call_site(),
                };
            }
            Expr::Macro(mac) => {
                return mac
                    .mac
                    .path
                    .segments
                    .first()
                    .map_or_else(TokenSpan::call_site, |s| s.ident.span());
            }
            Expr::Block(block) if block.attrs.is_empty() && block.label.is_none() => {
                return block.block.brace_token.span.open();
            }
            Expr::Unsafe(block) => return block.unsafe_token.span,
            Expr::Return(exit) => return exit.return_token.span,
            Expr::Break(exit) => return exit.break_token.span,
            Expr::Let(binding) => return binding.let_token.span,
            Expr::Async(block) => return block.async_token.span,
            Expr::Repeat(repeat) => return repeat.bracket_token.span.open(),
            Expr::Loop(region) if region.label.is_none() => return region.loop_token.span,
            Expr::While(region) if region.label.is_none() => return region.while_token.span,
            Expr::ForLoop(region) if region.label.is_none() => return region.for_token.span,
            Expr::Range(range) => match (&range.start, &range.limits) {
                (Some(start), _) => start,
                (None, syn::RangeLimits::HalfOpen(dots)) => return dots.spans[0],
                (None, syn::RangeLimits::Closed(dots)) => return dots.spans[0],
            },
            Expr::If(branch) => return branch.if_token.span,
            Expr::Match(branch) => return branch.match_token.span,
            Expr::Struct(record) if record.qself.is_none() => {
                return record
                    .path
                    .segments
                    .first()
                    .map_or_else(TokenSpan::call_site, |s| s.ident.span());
            }
            Expr::Closure(closure) if closure.attrs.is_empty() => {
                return match (
                    &closure.lifetimes,
                    &closure.movability,
                    &closure.asyncness,
                    &closure.capture,
                ) {
                    (None, None, None, None) => closure.or1_token.span,
                    (None, None, None, Some(capture)) => capture.span,
                    (None, None, Some(token), _) => token.span,
                    _ => closure.span(),
                };
            }
            other => return other.span(),
        };
    }
}

/// The last token of an expression.
pub(super) fn last_token(expr: &Expr) -> TokenSpan {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::Call(call) => return call.paren_token.span.close(),
            Expr::MethodCall(call) => return call.paren_token.span.close(),
            Expr::Index(index) => return index.bracket_token.span.close(),
            Expr::Try(inner) => return inner.question_token.span,
            Expr::Await(inner) => return inner.await_token.span,
            Expr::Field(field) => {
                return match &field.member {
                    Member::Named(name) => name.span(),
                    Member::Unnamed(index) => index.span,
                };
            }
            Expr::Binary(binary) => &binary.right,
            Expr::Assign(assign) => &assign.right,
            Expr::Reference(reference) => &reference.expr,
            Expr::Unary(unary) => &unary.expr,
            Expr::Paren(paren) => return paren.paren_token.span.close(),
            Expr::Array(array) => return array.bracket_token.span.close(),
            Expr::Tuple(tuple) => return tuple.paren_token.span.close(),
            Expr::Struct(record) => return record.brace_token.span.close(),
            Expr::Lit(lit) => return lit.lit.span(),
            Expr::Macro(mac) => return mac.mac.delimiter.span().close(),
            Expr::Block(block) => return block.block.brace_token.span.close(),
            Expr::Unsafe(block) => return block.block.brace_token.span.close(),
            Expr::Async(block) => return block.block.brace_token.span.close(),
            Expr::Match(branch) => return branch.brace_token.span.close(),
            Expr::Loop(region) => return region.body.brace_token.span.close(),
            Expr::While(region) => return region.body.brace_token.span.close(),
            Expr::ForLoop(region) => return region.body.brace_token.span.close(),
            Expr::If(branch) => match &branch.else_branch {
                Some((_, other)) => other,
                None => return branch.then_branch.brace_token.span.close(),
            },
            Expr::Closure(closure) => &closure.body,
            Expr::Repeat(repeat) => return repeat.bracket_token.span.close(),
            Expr::Let(binding) => &binding.expr,
            Expr::RawAddr(inner) => &inner.expr,
            Expr::Return(exit) => match &exit.expr {
                Some(inner) => inner,
                None => return exit.return_token.span,
            },
            Expr::Break(exit) => match (&exit.expr, &exit.label) {
                (Some(inner), _) => inner,
                (None, Some(label)) => return label.ident.span(),
                (None, None) => return exit.break_token.span,
            },
            Expr::Range(range) => match (&range.end, &range.limits) {
                (Some(end), _) => end,
                (None, syn::RangeLimits::HalfOpen(dots)) => return dots.spans[1],
                (None, syn::RangeLimits::Closed(dots)) => return dots.spans[2],
            },
            Expr::Path(path) => {
                return match path.path.segments.last() {
                    Some(segment) if segment.arguments.is_none() => segment.ident.span(),
                    _ => path.span(),
                };
            }
            other => return other.span(),
        };
    }
}
