//! Expressions as conditions: what decides them on the target, and what they do on the way.

use syn::{Expr, ExprBinary};

use crate::facts::{Condition, Value};

use super::expressions::peel;
use super::extents::{first_token, last_token};
use super::lowering::Lowering;

/// Whether a condition is decided on the target.
pub(super) fn constant(condition: &Condition) -> Option<bool> {
    match condition {
        Condition::Always => Some(true),
        Condition::Not(inner) => constant(inner).map(|value| !value),
        Condition::All(parts) => {
            let values: Vec<Option<bool>> = parts.iter().map(constant).collect();
            if values.contains(&Some(false)) {
                Some(false)
            } else {
                values.iter().all(|value| *value == Some(true)).then_some(true)
            }
        }
        Condition::Any(parts) => {
            let values: Vec<Option<bool>> = parts.iter().map(constant).collect();
            if values.contains(&Some(true)) {
                Some(true)
            } else {
                values.iter().all(|value| *value == Some(false)).then_some(false)
            }
        }
        _ => None,
    }
}

pub(super) fn negated(condition: Condition) -> Condition {
    match condition {
        Condition::Not(inner) => *inner,
        other => Condition::Not(Box::new(other)),
    }
}

/// Whether the condition binds names, so that what follows needs it evaluated in one line.
fn has_let(expr: &Expr) -> bool {
    match peel(expr) {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.right) || has_let(&binary.left),
        _ => false,
    }
}

impl Lowering<'_> {
    /// A condition whose temporaries die with it, unless it binds parts of them.
    pub(super) fn statement_condition(&mut self, expr: &Expr) -> Condition {
        if has_let(expr) {
            return self.condition(expr);
        }
        self.open_statement();
        let condition = self.condition(expr);
        let span = self.span(last_token(expr), last_token(expr));
        self.close_statement(span);
        condition
    }

    /// Evaluates an expression as a condition.
    pub(super) fn condition(&mut self, expr: &Expr) -> Condition {
        match expr {
            Expr::Paren(inner) => self.condition(&inner.expr),
            Expr::Group(inner) => self.condition(&inner.expr),
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Not(_)) => negated(self.condition(&unary.expr)),
            Expr::Binary(binary) => self.condition_of_binary(binary),
            Expr::Let(binding) => self.let_condition(binding),
            Expr::Macro(mac) => self.macro_condition(&mac.mac),
            other => match self.used(other) {
                Value::Bool(true) => Condition::Always,
                Value::Bool(false) => negated(Condition::Always),
                Value::Unknown => Condition::Unknown,
                value => Condition::Truthy(value),
            },
        }
    }

    /// The condition of an operator that yields one.
    pub(super) fn condition_of_binary(&mut self, binary: &ExprBinary) -> Condition {
        use syn::BinOp;
        let (and, or) = (matches!(binary.op, BinOp::And(_)), matches!(binary.op, BinOp::Or(_)));
        if and || or {
            let left = self.condition(&binary.left);
            let right = self.second_operand(binary, &left);
            let parts = vec![left, right];
            return if and {
                Condition::All(parts)
            } else {
                Condition::Any(parts)
            };
        }
        let mut sides = || (self.used(&binary.left), self.used(&binary.right));
        match binary.op {
            BinOp::Eq(_) => {
                let (left, right) = sides();
                Condition::Equal(left, right)
            }
            BinOp::Ne(_) => {
                let (left, right) = sides();
                negated(Condition::Equal(left, right))
            }
            BinOp::Lt(_) => {
                let (left, right) = sides();
                Condition::Less(left, right)
            }
            BinOp::Gt(_) => {
                let (left, right) = sides();
                Condition::Less(right, left)
            }
            BinOp::Le(_) => {
                let (left, right) = sides();
                negated(Condition::Less(right, left))
            }
            BinOp::Ge(_) => {
                let (left, right) = sides();
                negated(Condition::Less(left, right))
            }
            _ => {
                sides();
                Condition::Unknown
            }
        }
    }

    /// The right side of `&&` and `||`: what it does happens only where the left side does not decide.
    fn second_operand(&mut self, binary: &ExprBinary, left: &Condition) -> Condition {
        if has_let(&binary.right) || has_let(&binary.left) {
            return self.condition(&binary.right);
        }
        self.open_nodes();
        self.open_statement();
        let right = self.condition(&binary.right);
        let span = self.span(first_token(&binary.right), last_token(&binary.right));
        self.close_statement(span);
        let nodes = self.close_nodes();
        if !nodes.is_empty() {
            let test = match binary.op {
                syn::BinOp::And(_) => left.clone(),
                _ => negated(left.clone()),
            };
            self.branch(vec![(test, nodes, span)], false, span);
        }
        right
    }
}
