//! Blocks, statements and control structures to regions.

use syn::{Block, Expr, Local, Pat, Stmt};

use crate::facts::{Condition, Event, Node, Region, RegionKind, Span, Value};

use super::attributes::{Cfg, conditions};
use super::condition::{constant, negated};
use super::extents::last_token;
use super::lowering::{LoopKind, Lowering};
use super::macro_forms;

/// One of several values; what is nothing at all is left out.
fn one_of(values: Vec<Value>) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        if value != Value::None && !kept.contains(&value) {
            kept.push(value);
        }
    }
    if kept.iter().all(|value| *value == Value::Unknown) {
        return Value::Unknown;
    }
    match kept.len() {
        1 => kept.remove(0),
        _ => Value::OneOf(kept.into()),
    }
}

/// How many blocks within blocks are looked into for an exit, so that looking stays cheap.
const EXIT_DEPTH: usize = 4;

/// Whether control never comes past this expression.
fn leaves(expr: &Expr) -> bool {
    leaves_within(expr, EXIT_DEPTH)
}

fn leaves_within(expr: &Expr, depth: usize) -> bool {
    match expr {
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Block(block) if block.label.is_none() => block_leaves_within(&block.block, depth),
        Expr::Unsafe(block) => block_leaves_within(&block.block, depth),
        _ => false,
    }
}

fn block_leaves(block: &Block) -> bool {
    block_leaves_within(block, EXIT_DEPTH)
}

fn block_leaves_within(block: &Block, depth: usize) -> bool {
    depth > 0
        && block
            .stmts
            .iter()
            .any(|stmt| matches!(stmt, Stmt::Expr(expr, _) if leaves_within(expr, depth - 1)))
}

fn block_span(lowering: &Lowering<'_>, block: &Block) -> Span {
    lowering.span(block.brace_token.span.open(), block.brace_token.span.close())
}

fn statement_attributes(stmt: &Stmt) -> &[syn::Attribute] {
    match stmt {
        Stmt::Local(local) => &local.attrs,
        Stmt::Macro(mac) => &mac.attrs,
        Stmt::Expr(expr, _) => expression_attributes(expr),
        Stmt::Item(_) => &[],
    }
}

/// The attributes of the expressions that carry some in practice.
fn expression_attributes(expr: &Expr) -> &[syn::Attribute] {
    match expr {
        Expr::Assign(e) => &e.attrs,
        Expr::Async(e) => &e.attrs,
        Expr::Await(e) => &e.attrs,
        Expr::Binary(e) => &e.attrs,
        Expr::Block(e) => &e.attrs,
        Expr::Break(e) => &e.attrs,
        Expr::Call(e) => &e.attrs,
        Expr::Closure(e) => &e.attrs,
        Expr::Field(e) => &e.attrs,
        Expr::ForLoop(e) => &e.attrs,
        Expr::If(e) => &e.attrs,
        Expr::Lit(e) => &e.attrs,
        Expr::Loop(e) => &e.attrs,
        Expr::Macro(e) => &e.attrs,
        Expr::Match(e) => &e.attrs,
        Expr::MethodCall(e) => &e.attrs,
        Expr::Path(e) => &e.attrs,
        Expr::Return(e) => &e.attrs,
        Expr::Struct(e) => &e.attrs,
        Expr::Try(e) => &e.attrs,
        Expr::Tuple(e) => &e.attrs,
        Expr::Unsafe(e) => &e.attrs,
        Expr::While(e) => &e.attrs,
        _ => &[],
    }
}

impl Lowering<'_> {
    /// The body of a function whose parameters, if any, are declared already by `parameters`.
    pub(super) fn function_body_with(&mut self, block: &Block, parameters: impl FnOnce(&mut Self)) {
        let span = block_span(self, block);
        self.open_statement();
        let visible = self.open_scope();
        parameters(self);
        let value = self.block(block);
        if block_leaves(block) {
            self.leave_scope(visible);
        } else {
            self.close_scope(visible, span);
        }
        self.close_statement(span);
        self.return_value(value, block.brace_token.span.close());
    }

    /// The body of a function without parameters.
    pub(super) fn function_body(&mut self, block: &Block) {
        self.function_body_with(block, |_| {});
    }

    /// A block; its value is that of its last expression.
    pub(super) fn block(&mut self, block: &Block) -> Value {
        let span = block_span(self, block);
        let visible = self.open_scope();
        let value = self.statements(&block.stmts, span);
        if block_leaves(block) {
            self.leave_scope(visible);
        } else {
            self.close_scope(visible, span);
        }
        value
    }

    /// Statements inside a scope that the caller opens and closes.
    pub(super) fn statements(&mut self, stmts: &[Stmt], span: Span) -> Value {
        let outer_scope = self.scope;
        let expanded = self.block_items(stmts);
        let mut value = Value::None;
        let mut dead = false;
        for (index, stmt) in stmts.iter().enumerate() {
            value = Value::None;
            if let Some((_, items)) = expanded.iter().find(|(at, _)| *at == index) {
                items.iter().for_each(|item| self.item(item));
                continue;
            }
            let found = conditions(statement_attributes(stmt));
            let wrapped = found.cfg != Cfg::On;
            if wrapped {
                self.open_nodes();
            }
            value = self.statement(stmt, index + 1 == stmts.len());
            if wrapped {
                let nodes = self.close_nodes();
                let kind = match found.cfg {
                    Cfg::Off(text) => RegionKind::Unreached {
                        reason: format!("cfg({text})"),
                    },
                    Cfg::Open(text) => RegionKind::Conditional { text },
                    Cfg::On => RegionKind::Seq,
                };
                if !nodes.is_empty() {
                    self.region(kind, nodes, span);
                }
            }
            if !dead && !wrapped && matches!(stmt, Stmt::Expr(expr, _) if leaves(expr)) && index + 1 < stmts.len() {
                dead = true;
                self.open_nodes();
            }
        }
        if dead {
            let nodes = self.close_nodes();
            self.unreached("after an unconditional exit", nodes, span);
        }
        self.scope = outer_scope;
        value
    }

    /// Declares the items of a block and enters a scope for them where there are any. Macros that are items
    /// (`thread_local!`) come back expanded, by statement.
    fn block_items(&mut self, stmts: &[Stmt]) -> Vec<(usize, Vec<syn::Item>)> {
        let mut expanded = Vec::new();
        for (index, stmt) in stmts.iter().enumerate() {
            if let Stmt::Macro(mac) = stmt
                && let Some(items) = macro_forms::static_items(&mac.mac)
            {
                expanded.push((index, items));
            }
        }
        let mut items = stmts
            .iter()
            .filter_map(|stmt| match stmt {
                Stmt::Item(item) => Some(item),
                _ => None,
            })
            .chain(expanded.iter().flat_map(|(_, items)| items))
            .peekable();
        if items.peek().is_some() {
            let path = self.qualified().to_owned();
            self.scope = self.scopes.add_block(path, self.scope);
            for item in items {
                self.declare(self.scope, item);
            }
            self.scopes.finish(self.scope);
        }
        expanded
    }

    fn statement(&mut self, stmt: &Stmt, last: bool) -> Value {
        match stmt {
            Stmt::Item(item) => {
                self.item(item);
                Value::None
            }
            Stmt::Local(local) => {
                self.local_statement(local);
                Value::None
            }
            Stmt::Expr(expr, None) if last => {
                self.open_statement();
                let value = self.owned(expr);
                let span = self.span(last_token(expr), last_token(expr));
                self.close_statement(span);
                value
            }
            Stmt::Expr(expr, _) => {
                self.open_statement();
                let value = self.expression(expr);
                match (expr, &value) {
                    (Expr::Call(_) | Expr::MethodCall(_), _) => self.discard(&value),
                    (Expr::Await(_), Value::Await(inner)) => self.discard(inner),
                    _ => {}
                }
                let span = self.span(last_token(expr), last_token(expr));
                self.close_statement(span);
                Value::None
            }
            Stmt::Macro(mac) => {
                self.open_statement();
                let value = self.macro_call(&mac.mac);
                let end = mac.mac.delimiter.span().close();
                let span = self.span(end, end);
                if last && mac.semi_token.is_none() {
                    self.keep(&value);
                }
                self.close_statement(span);
                if last && mac.semi_token.is_none() {
                    value
                } else {
                    Value::None
                }
            }
        }
    }

    fn local_statement(&mut self, local: &Local) {
        let Some(init) = &local.init else {
            self.bind(&local.pat, Value::Unknown, None);
            return;
        };
        self.open_statement();
        let value = if is_wild(&local.pat) {
            let value = self.expression(&init.expr);
            self.discard(&value);
            // What the arms of a branch handed out has no other owner.
            if matches!(peel_parens(&init.expr), Expr::Match(_) | Expr::If(_)) && self.is_droppable(&value) {
                let span = self.expr_span(&init.expr);
                self.drop_at(value.clone(), span);
            }
            value
        } else if matches!(peel_parens(&init.expr), Expr::Reference(_)) {
            let value = self.expression(&init.expr);
            self.extend_temporaries();
            value
        } else {
            if let syn::Pat::Type(typed) = &local.pat {
                let ty = self.type_of(&typed.ty);
                self.expect(&init.expr, || ty);
            }
            self.owned(&init.expr)
        };
        if let Some((_, diverge)) = &init.diverge {
            let test = negated(self.pattern_condition(&local.pat, &value));
            self.open_nodes();
            self.expression(diverge);
            let nodes = self.close_nodes();
            let span = self.expr_span(diverge);
            self.branch(vec![(test, nodes, span)], false, span);
        }
        self.bind(&local.pat, value, None);
        let span = self.span(local.semi_token.span, local.semi_token.span);
        self.close_statement(span);
    }

    /// A branch; arms whose test is decided on the target go to unreached regions.
    pub(super) fn branch(&mut self, arms: Vec<(Condition, Vec<Node>, Span)>, exhaustive: bool, span: Span) {
        let mut decided = false;
        let mut regions = Vec::new();
        for (test, nodes, span) in arms {
            let verdict = constant(&test);
            let reason = match verdict {
                _ if decided => Some("another arm is always taken"),
                Some(false) => Some("the condition is false on the target"),
                _ => None,
            };
            // `else` and `_` are always true without deciding anything for arms that stand before them.
            decided |= verdict == Some(true);
            let nodes = match reason {
                Some(reason) if !nodes.is_empty() => vec![Node::Region(Box::new(Region {
                    kind: RegionKind::Unreached {
                        reason: reason.to_owned(),
                    },
                    nodes,
                    span,
                }))],
                _ => nodes,
            };
            regions.push(Node::Region(Box::new(Region {
                kind: RegionKind::Arm { test },
                nodes,
                span,
            })));
        }
        self.region(RegionKind::Branch { exhaustive }, regions, span);
    }

    /// The control structures; everything else that has a value of its own is an expression.
    pub(super) fn control(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Block(block) => {
                if block.label.is_none() {
                    return self.block(&block.block);
                }
                self.open_loop(block.label.as_ref(), LoopKind::LabelledBlock);
                let mut values = vec![self.block(&block.block)];
                values.extend(self.close_loop());
                one_of(values)
            }
            Expr::Unsafe(block) => self.block(&block.block),
            Expr::Const(block) => self.block(&block.block),
            Expr::TryBlock(block) => self.block(&block.block),
            Expr::If(branch) => self.if_expression(branch),
            Expr::Match(branch) => self.match_expression(branch),
            Expr::While(region) => self.while_loop(region),
            Expr::ForLoop(region) => self.for_loop(region),
            Expr::Loop(region) => {
                self.open_loop_region(region.label.as_ref());
                self.block(&region.body);
                let values = self.close_loop();
                let nodes = self.close_nodes();
                let span = self.expr_span(expr);
                let kind = RegionKind::Loop {
                    over: None,
                    test: Condition::Always,
                    at_least_once: true,
                };
                self.region(kind, nodes, span);
                one_of(values)
            }
            Expr::Return(exit) => {
                let value = exit.expr.as_ref().map_or(Value::None, |expr| self.owned(expr));
                let span = self.expr_span_from(exit.return_token.span, exit.expr.as_deref());
                self.drop_scopes(0, span);
                self.event(Event::Return { value, span });
                Value::Unknown
            }
            Expr::Break(exit) => {
                let value = exit.expr.as_ref().map(|expr| self.owned(expr));
                let span = self.expr_span_from(exit.break_token.span, exit.expr.as_deref());
                if let Some(value) = value {
                    self.give(exit.label.as_ref(), value);
                }
                let depth = self.loop_depth(exit.label.as_ref());
                self.drop_scopes(depth, span);
                self.event(Event::Break);
                Value::Unknown
            }
            Expr::Continue(exit) => {
                let span = self.span(exit.continue_token.span, exit.continue_token.span);
                let depth = self.loop_depth(exit.label.as_ref());
                self.drop_scopes(depth, span);
                self.event(Event::Continue);
                Value::Unknown
            }
            Expr::Yield(exit) => {
                let value = exit.expr.as_ref().map_or(Value::None, |expr| self.owned(expr));
                let span = self.expr_span_from(exit.yield_token.span, exit.expr.as_deref());
                self.event(Event::Yield { value, span });
                Value::Unknown
            }
            _ => Value::Unknown,
        }
    }

    fn expr_span_from(&self, start: proc_macro2::Span, end: Option<&Expr>) -> Span {
        self.span(start, end.map_or(start, last_token))
    }

    fn open_loop_region(&mut self, label: Option<&syn::Label>) {
        self.open_nodes();
        self.open_loop(label, LoopKind::Loop);
    }

    fn if_expression(&mut self, branch: &syn::ExprIf) -> Value {
        let visible = self.open_scope();
        let test = self.statement_condition(&branch.cond);
        self.open_nodes();
        let then = self.block(&branch.then_branch);
        if block_leaves(&branch.then_branch) {
            self.leave_scope(visible);
        } else {
            self.close_scope(visible, block_span(self, &branch.then_branch));
        }
        let nodes = self.close_nodes();
        let then_span = block_span(self, &branch.then_branch);
        let mut arms = vec![(test, nodes, then_span)];
        let mut values = Vec::new();
        if !block_leaves(&branch.then_branch) {
            values.push(then);
        }
        if let Some((_, other)) = &branch.else_branch {
            self.open_nodes();
            let value = self.owned(other);
            let nodes = self.close_nodes();
            arms.push((Condition::Always, nodes, self.expr_span(other)));
            if !leaves(other) {
                values.push(value);
            }
        }
        let exhaustive = branch.else_branch.is_some();
        let end = branch
            .else_branch
            .as_ref()
            .map_or(then_span, |(_, other)| self.expr_span(other));
        let span = Span {
            end: end.end,
            end_line: end.end_line,
            end_column: end.end_column,
            ..self.span(branch.if_token.span, branch.if_token.span)
        };
        self.branch(arms, exhaustive, span);
        if exhaustive { one_of(values) } else { Value::None }
    }

    fn match_expression(&mut self, branch: &syn::ExprMatch) -> Value {
        let value = self.scrutinee(&branch.expr, branch.arms.iter().map(|arm| &arm.pat));
        let mut arms = Vec::new();
        let mut values = Vec::new();
        for arm in &branch.arms {
            let off = super::attributes::is_off(&arm.attrs);
            let visible = self.open_scope();
            self.open_nodes();
            self.open_statement();
            let mut test = self.pattern_condition(&arm.pat, &value);
            self.bind(&arm.pat, value.clone(), None);
            if let Some((_, guard)) = &arm.guard {
                let guard = self.statement_condition(guard);
                test = Condition::All(vec![test, guard]);
            }
            let result = self.owned(&arm.body);
            if !leaves(&arm.body) && !off {
                values.push(result);
            }
            let span = self.expr_span(&arm.body);
            self.close_statement(span);
            if leaves(&arm.body) {
                self.leave_scope(visible);
            } else {
                self.close_scope(visible, span);
            }
            let nodes = self.close_nodes();
            let test = if off { negated(Condition::Always) } else { test };
            arms.push((test, nodes, span));
        }
        let span = self.span(branch.match_token.span, branch.brace_token.span.close());
        self.branch(arms, true, span);
        one_of(values)
    }

    fn while_loop(&mut self, region: &syn::ExprWhile) -> Value {
        let span = self.span(region.while_token.span, region.body.brace_token.span.close());
        self.open_loop_region(region.label.as_ref());
        let visible = self.open_scope();
        self.open_statement();
        let test = self.statement_condition(&region.cond);
        self.block(&region.body);
        self.close_scope(visible, span);
        self.close_statement(span);
        self.close_loop();
        let nodes = self.close_nodes();
        let kind = RegionKind::Loop {
            over: None,
            test,
            at_least_once: false,
        };
        self.region(kind, nodes, span);
        Value::None
    }

    fn for_loop(&mut self, region: &syn::ExprForLoop) -> Value {
        let span = self.span(region.for_token.span, region.body.brace_token.span.close());
        let over = self.owned(&region.expr);
        self.open_loop_region(region.label.as_ref());
        let visible = self.open_scope();
        self.bind(&region.pat, Value::Element(Box::new(over.clone())), None);
        self.block(&region.body);
        self.close_scope(visible, span);
        self.close_loop();
        let nodes = self.close_nodes();
        let kind = RegionKind::Loop {
            over: Some(over),
            test: Condition::Unknown,
            at_least_once: false,
        };
        self.region(kind, nodes, span);
        Value::None
    }
}

fn peel_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => peel_parens(&inner.expr),
        Expr::Group(inner) => peel_parens(&inner.expr),
        other => other,
    }
}

fn is_wild(pat: &Pat) -> bool {
    match pat {
        Pat::Wild(_) => true,
        Pat::Type(typed) => is_wild(&typed.pat),
        Pat::Paren(paren) => is_wild(&paren.pat),
        _ => false,
    }
}
