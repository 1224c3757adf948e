//! Statements to regions and events.

use super::builder::Lowerer;
use super::scopes::old_handler_name;
use super::strings::is_small;
use crate::facts::{Condition, Event, RegionKind, StoreKind, Value};
use ruff_python_ast::{
    CmpOp, ExceptHandler, Expr, ExprCall, Operator, Stmt, StmtFor, StmtIf, StmtTry, StmtWhile, StmtWith, WithItem,
};
use ruff_text_size::{Ranged, TextRange};

impl<'a> Lowerer<'a, '_> {
    /// Statements one after the other; what follows an unconditional exit is unreached.
    pub(super) fn block(&mut self, body: &'a [Stmt]) {
        let renamed = self.frame().renamed.len();
        self.statements(body);
        if let Some(frame) = self.frames.last_mut() {
            for (name, local) in frame.renamed.drain(renamed..).rev() {
                frame.locals.insert(name, local);
            }
        }
    }

    fn statements(&mut self, body: &'a [Stmt]) {
        for (at, statement) in body.iter().enumerate() {
            self.statement(statement);
            let reason = match statement {
                Stmt::Return(_) => "after return",
                Stmt::Raise(_) => "after raise",
                Stmt::Break(_) => "after break",
                Stmt::Continue(_) => "after continue",
                _ => continue,
            };
            let rest = &body[at + 1..];
            if !rest.is_empty() {
                self.region(
                    RegionKind::Unreached { reason: reason.into() },
                    block_range(rest),
                    |lowerer| {
                        lowerer.unreached_block(rest);
                    },
                );
            }
            return;
        }
    }

    /// A block that is unreached already, so that nothing is nested deeper with every exit in it.
    fn unreached_block(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(def) => self.function_definition(def),
            Stmt::ClassDef(class) => self.class_definition(class),
            Stmt::Return(returned) => {
                let value = returned.value.as_ref().map_or(Value::None, |value| self.read(value));
                let span = self.span(returned.range);
                self.event(Event::Return { value, span });
            }
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.delete(target)),
            Stmt::TypeAlias(alias) => {
                let value = self.read(&alias.value);
                self.store(&alias.name, value, StoreKind::Assign);
            }
            Stmt::Assign(assign) => self.assign(assign),
            Stmt::AugAssign(assign) => self.augmented(assign),
            Stmt::AnnAssign(assign) => self.annotated(assign),
            Stmt::For(for_loop) => self.for_loop(for_loop),
            Stmt::While(while_loop) => self.while_loop(while_loop),
            Stmt::If(branch) => self.branch(branch),
            Stmt::With(with) => self.with(with, &with.items),
            Stmt::Match(matching) => self.matching(matching),
            Stmt::Raise(raise) => {
                for part in [&raise.exc, &raise.cause].into_iter().flatten() {
                    self.read(part);
                }
                let span = self.span(raise.range);
                self.event(Event::Raise { span });
            }
            Stmt::Try(attempt) => self.attempt(attempt),
            Stmt::Assert(assertion) => {
                let test = self.test(&assertion.test);
                let nodes = self.collect(|lowerer| {
                    if let Some(message) = &assertion.msg {
                        lowerer.read(message);
                    }
                    // Who goes on has this answer: of anything but a call that says nothing which the code around does not.
                    if super::conditions::asks_a_call(&test) {
                        let span = lowerer.span(assertion.range);
                        lowerer.event(Event::Raise { span });
                    }
                });
                self.perhaps(super::expressions::negate(test), assertion.range, nodes);
            }
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Expr(expression) => self.expression_statement(&expression.value),
            Stmt::Break(_) => self.event(Event::Break),
            Stmt::Continue(_) => self.event(Event::Continue),
            Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Pass(_) | Stmt::IpyEscapeCommand(_) => {}
        }
    }

    /// An expression whose value is thrown away, among them what Python 2 means by `exec(code) in names` and
    /// `print >>file, text`.
    fn expression_statement(&mut self, expression: &'a Expr) {
        let value = match expression {
            Expr::StringLiteral(_) => return,
            Expr::Compare(compare) if matches!(*compare.ops, [CmpOp::In]) => match named_call(&compare.left, "exec") {
                Some(call) => {
                    let further: Vec<&Expr> = compare.comparators.iter().collect();
                    self.call_with(call, &further)
                }
                None => self.read(expression),
            },
            Expr::Tuple(tuple) if !tuple.parenthesized => match tuple.elts.split_first() {
                Some((Expr::Compare(compare), rest)) if matches!(*compare.ops, [CmpOp::In]) => {
                    match named_call(&compare.left, "exec") {
                        Some(call) => {
                            let further: Vec<&Expr> = compare.comparators.iter().chain(rest).collect();
                            self.call_with(call, &further)
                        }
                        None => self.read(expression),
                    }
                }
                Some((first, rest)) if self.print_to(first, rest, expression.range()) => return,
                _ => self.read(expression),
            },
            Expr::BinOp(_) if self.print_to(expression, &[], expression.range()) => return,
            _ => self.read(expression),
        };
        if let Value::Call(function, call) = value
            && function == self.current()
            && !matches!(expression, Expr::Named(_))
        {
            self.functions[function.0 as usize].calls[call.0 as usize].discarded = true;
        }
    }

    /// `print >>file, text`: a call of `print`. False, with nothing done, where `first` is something else.
    fn print_to(&mut self, first: &'a Expr, rest: &'a [Expr], range: TextRange) -> bool {
        let Expr::BinOp(shift) = first else { return false };
        let (Operator::RShift, Expr::Name(name)) = (shift.op, &*shift.left) else {
            return false;
        };
        if name.id.as_str() != "print" {
            return false;
        }
        let callee = self.resolve("print");
        let mut args = Vec::new();
        let value = self.read(&shift.right);
        let file_span = self.span(shift.right.range());
        for text in rest {
            let value = self.read(text);
            args.push(crate::facts::Argument {
                name: None,
                value,
                span: self.span(text.range()),
            });
        }
        args.push(crate::facts::Argument {
            name: Some("file".into()),
            value,
            span: file_span,
        });
        let span = self.span(range);
        let (function, call) = self.new_call(callee, args, span);
        self.functions[function.0 as usize].calls[call.0 as usize].discarded = true;
        true
    }

    fn for_loop(&mut self, for_loop: &'a StmtFor) {
        let over = self.read(&for_loop.iter);
        let element = Value::Element(Box::new(over.clone()));
        let kind = RegionKind::Loop {
            over: Some(over),
            test: Condition::Unknown,
            at_least_once: false,
        };
        self.region(kind, for_loop.range, |lowerer| {
            lowerer.store(&for_loop.target, element, StoreKind::Assign);
            lowerer.block(&for_loop.body);
        });
        self.after_loop(&for_loop.body, &for_loop.orelse);
    }

    fn while_loop(&mut self, while_loop: &'a StmtWhile) {
        if self.truth(&while_loop.test) == Some(false) {
            let reason = "the loop's test is false".to_string();
            self.region(
                RegionKind::Unreached { reason },
                block_range(&while_loop.body),
                |lowerer| {
                    lowerer.unreached_block(&while_loop.body);
                },
            );
            return self.block(&while_loop.orelse);
        }
        // The test runs before every round, so its events belong inside.
        let mut test = Condition::Unknown;
        let nodes = self.collect(|lowerer| {
            test = lowerer.test(&while_loop.test);
            lowerer.block(&while_loop.body);
        });
        self.push_region(
            RegionKind::Loop {
                over: None,
                test,
                at_least_once: false,
            },
            while_loop.range,
            nodes,
        );
        self.after_loop(&while_loop.body, &while_loop.orelse);
    }

    /// A loop's `else`: it runs for certain only where nothing breaks out.
    fn after_loop(&mut self, body: &'a [Stmt], orelse: &'a [Stmt]) {
        if orelse.is_empty() {
            return;
        }
        if !breaks(body) {
            return self.block(orelse);
        }
        self.region(
            RegionKind::Branch { exhaustive: false },
            block_range(orelse),
            |lowerer| {
                lowerer.arm(Condition::Unknown, orelse);
            },
        );
    }

    /// An arm with a block.
    fn arm(&mut self, test: Condition, body: &'a [Stmt]) {
        self.region(RegionKind::Arm { test }, block_range(body), |lowerer| {
            lowerer.block(body)
        });
    }

    fn branch(&mut self, branch: &'a StmtIf) {
        let first = (Some(&*branch.test), &*branch.body);
        let clauses = branch
            .elif_else_clauses
            .iter()
            .map(|clause| (clause.test.as_ref(), &*clause.body));
        let clauses: Vec<(Option<&Expr>, &[Stmt])> = std::iter::once(first).chain(clauses).collect();
        let exhaustive = clauses
            .iter()
            .any(|(test, _)| test.is_none_or(|test| self.truth(test) == Some(true)));
        let tests: Vec<Condition> = clauses
            .iter()
            .map(|(test, _)| match test {
                None => Condition::Always,
                Some(test) => self.test(test),
            })
            .collect();
        self.region(RegionKind::Branch { exhaustive }, branch.range, |lowerer| {
            let mut decided = false;
            for ((expression, body), test) in clauses.into_iter().zip(tests) {
                let truth = expression.map_or(Some(true), |test| lowerer.truth(test));
                if decided || truth == Some(false) {
                    lowerer.region(RegionKind::Arm { test }, block_range(body), |lowerer| {
                        let reason = if decided {
                            "an earlier test is always true"
                        } else {
                            "the test is false"
                        };
                        lowerer.region(
                            RegionKind::Unreached { reason: reason.into() },
                            block_range(body),
                            |lowerer| {
                                lowerer.unreached_block(body);
                            },
                        );
                    });
                } else {
                    lowerer.arm(test, body);
                }
                decided |= truth == Some(true);
            }
        });
    }

    /// A with-block: a scope for each item, each inside the one before.
    fn with(&mut self, with: &'a StmtWith, items: &'a [WithItem]) {
        let Some((item, rest)) = items.split_first() else {
            return self.block(&with.body);
        };
        let manager = self.read(&item.context_expr);
        let manager_span = self.span(item.context_expr.range());
        let target = item.optional_vars.as_deref();
        let place = match target {
            Some(Expr::Name(name)) => Some(self.target(name.id.as_str())),
            _ => None,
        };
        let bound = match place {
            Some(Value::Local(function, local)) if function == self.current() => Some(local),
            _ => None,
        };
        let kind = RegionKind::Scope {
            manager: manager.clone(),
            bound,
            manager_span,
        };
        self.region(kind, with.range, |lowerer| {
            if let (Some(target), None) = (target, bound) {
                let value = if is_small(&manager) { manager } else { Value::Unknown };
                lowerer.store(target, value, StoreKind::Assign);
            }
            lowerer.with(with, rest);
        });
    }

    fn attempt(&mut self, attempt: &'a StmtTry) {
        self.region(RegionKind::Try, attempt.range, |lowerer| {
            lowerer.region(RegionKind::TryBody, block_range(&attempt.body), |lowerer| {
                lowerer.block(&attempt.body);
                lowerer.block(&attempt.orelse);
            });
            for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                lowerer.region(RegionKind::Handler, handler.range, |lowerer| {
                    let old_name = old_handler_name(handler.type_.as_deref()).filter(|_| handler.name.is_none());
                    match (handler.type_.as_deref(), old_name) {
                        (Some(Expr::Tuple(classes)), Some(name)) => {
                            if let Some(class) = classes.elts.first() {
                                lowerer.read(class);
                            }
                            let range = classes.elts.last().map_or(handler.range, Ranged::range);
                            lowerer.caught(name, range);
                        }
                        (Some(classes), _) => {
                            lowerer.read(classes);
                        }
                        (None, _) => {}
                    }
                    if let Some(name) = &handler.name {
                        lowerer.caught(name.as_str(), name.range);
                    }
                    lowerer.block(&handler.body);
                });
            }
            if !attempt.finalbody.is_empty() {
                lowerer.region(RegionKind::Finally, block_range(&attempt.finalbody), |lowerer| {
                    lowerer.block(&attempt.finalbody);
                });
            }
        });
    }

    /// The store of a caught exception.
    fn caught(&mut self, name: &'a str, range: TextRange) {
        let target = self.target(name);
        let span = self.span(range);
        self.new_store(target, Value::Unknown, StoreKind::Assign, span);
    }
}

/// From the first statement to the last.
pub(super) fn block_range(body: &[Stmt]) -> TextRange {
    match (body.first(), body.last()) {
        (Some(first), Some(last)) => first.range().cover(last.range()),
        _ => TextRange::default(),
    }
}

/// The call of `name` that `expression` is.
fn named_call<'a>(expression: &'a Expr, name: &str) -> Option<&'a ExprCall> {
    match expression {
        Expr::Call(call) if matches!(&*call.func, Expr::Name(callee) if callee.id.as_str() == name) => Some(call),
        _ => None,
    }
}

/// Whether a loop with this body can be left by a `break` of its own.
fn breaks(body: &[Stmt]) -> bool {
    body.iter().any(|statement| match statement {
        Stmt::Break(_) => true,
        Stmt::If(branch) => breaks(&branch.body) || branch.elif_else_clauses.iter().any(|clause| breaks(&clause.body)),
        Stmt::With(with) => breaks(&with.body),
        Stmt::Try(attempt) => {
            breaks(&attempt.body)
                || breaks(&attempt.orelse)
                || breaks(&attempt.finalbody)
                || attempt
                    .handlers
                    .iter()
                    .any(|ExceptHandler::ExceptHandler(handler)| breaks(&handler.body))
        }
        Stmt::Match(matching) => matching.cases.iter().any(|case| breaks(&case.body)),
        // The `else` of an inner loop may break the outer one.
        Stmt::For(inner) => breaks(&inner.orelse),
        Stmt::While(inner) => breaks(&inner.orelse),
        _ => false,
    })
}
