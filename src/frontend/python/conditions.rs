//! Tests of branches and loops as conditions.

use super::builder::Lowerer;
use super::expressions::{all, negate};
use crate::facts::{Condition, Value};
use ruff_python_ast::{BoolOp, CmpOp, Expr, Number, UnaryOp};
use ruff_text_size::Ranged;

impl<'a> Lowerer<'a, '_> {
    /// Evaluates `expression` as a test. Its calls become events here; later operands of `and` and `or` run only
    /// sometimes.
    pub(super) fn test(&mut self, expression: &'a Expr) -> Condition {
        self.depth += 1;
        let test = self.test_unbounded(expression);
        self.depth -= 1;
        test
    }

    fn test_unbounded(&mut self, expression: &'a Expr) -> Condition {
        if self.on_target(expression).is_some() {
            return Condition::Truthy(self.read(expression));
        }
        match expression {
            Expr::BoolOp(boolean) => {
                let mut tests: Vec<Condition> = Vec::with_capacity(boolean.values.len());
                for (at, operand) in boolean.values.iter().enumerate() {
                    let mut test = Condition::Unknown;
                    if at == 0 {
                        test = self.test(operand);
                    } else {
                        let before = tests.last().cloned().unwrap_or(Condition::Unknown);
                        let reached = if boolean.op == BoolOp::Or {
                            negate(before)
                        } else {
                            before
                        };
                        let nodes = self.collect(|lowerer| test = lowerer.test(operand));
                        self.perhaps(reached, operand.range(), nodes);
                    }
                    tests.push(test);
                }
                match boolean.op {
                    BoolOp::And => all(tests),
                    BoolOp::Or => Condition::Any(tests),
                }
            }
            Expr::UnaryOp(unary) if unary.op == UnaryOp::Not => negate(self.test(&unary.operand)),
            Expr::Compare(compare) => {
                let values = self.compare(compare);
                let pairs = compare.ops.iter().zip(values.windows(2));
                all(pairs
                    .map(|(operator, pair)| comparison(*operator, pair[0].clone(), pair[1].clone()))
                    .collect())
            }
            _ if constant_truth(expression) == Some(true) => Condition::Always,
            _ => Condition::Truthy(self.read(expression)),
        }
    }
}

/// Whether a test is what a call answers.
pub(super) fn asks_a_call(test: &Condition) -> bool {
    match test {
        Condition::Truthy(value) => matches!(value, Value::Call(..)),
        Condition::Not(inner) => asks_a_call(inner),
        Condition::All(tests) => tests.iter().any(asks_a_call),
        _ => false,
    }
}

fn comparison(operator: CmpOp, left: Value, right: Value) -> Condition {
    match operator {
        CmpOp::Eq | CmpOp::Is => Condition::Equal(left, right),
        CmpOp::NotEq | CmpOp::IsNot => negate(Condition::Equal(left, right)),
        CmpOp::Lt => Condition::Less(left, right),
        CmpOp::Gt => Condition::Less(right, left),
        CmpOp::LtE => negate(Condition::Less(right, left)),
        CmpOp::GtE => negate(Condition::Less(left, right)),
        CmpOp::In => Condition::Contains(left, right),
        CmpOp::NotIn => negate(Condition::Contains(left, right)),
    }
}

/// What a test always is, where that is written down: `0`, `True`, `not 1`, and `TYPE_CHECKING`, which is false
/// whenever the program runs.
pub(super) fn constant_truth(test: &Expr) -> Option<bool> {
    match test {
        Expr::BooleanLiteral(literal) => Some(literal.value),
        Expr::NoneLiteral(_) => Some(false),
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(number) => Some(number.as_i64() != Some(0)),
            Number::Float(_) | Number::Complex { .. } => None,
        },
        Expr::StringLiteral(text) => Some(!text.value.to_str().is_empty()),
        Expr::Name(name) => (name.id.as_str() == "TYPE_CHECKING").then_some(false),
        Expr::Attribute(attribute) => (attribute.attr.as_str() == "TYPE_CHECKING").then_some(false),
        Expr::UnaryOp(unary) if unary.op == UnaryOp::Not => constant_truth(&unary.operand).map(|truth| !truth),
        Expr::BoolOp(boolean) => {
            let truths = boolean.values.iter().map(constant_truth);
            // One false operand decides `and`, one true operand decides `or`.
            let deciding = boolean.op == BoolOp::Or;
            let mut undecided = false;
            for truth in truths {
                match truth {
                    Some(truth) if truth == deciding => return Some(deciding),
                    Some(_) => {}
                    None => undecided = true,
                }
            }
            (!undecided).then_some(!deciding)
        }
        _ => None,
    }
}
