//! Tests of branches and loops.

use tree_sitter::Node as Syntax;

use crate::facts::{Condition, RegionKind, Value};

use super::literal::integer;
use super::scope::Lowering;
use super::values::{arm, comma_parts, left_spine, operator, strip};

impl Lowering<'_> {
    /// Evaluates a test.
    pub fn condition(&mut self, node: Syntax) -> Condition {
        let node = strip(node);
        self.deeper(node, Condition::Unknown, |lowering| lowering.condition_of(node))
    }

    fn condition_of(&mut self, node: Syntax) -> Condition {
        match (node.kind(), operator(self, node)) {
            ("unary_expression", "!") => {
                let mut negated = false;
                let mut node = node;
                while node.kind() == "unary_expression" && operator(self, node) == "!" {
                    let Some(inner) = node.child_by_field_name("argument") else {
                        break;
                    };
                    node = strip(inner);
                    negated = !negated;
                }
                let inner = self.condition(node);
                if negated {
                    Condition::Not(Box::new(inner))
                } else {
                    inner
                }
            }
            ("binary_expression", operator @ ("&&" | "||")) => self.logical(node, operator),
            ("binary_expression", operator @ ("==" | "!=" | "<" | ">" | "<=" | ">=")) => {
                let left = node
                    .child_by_field_name("left")
                    .map_or(Value::Unknown, |left| self.value(left));
                let right = node
                    .child_by_field_name("right")
                    .map_or(Value::Unknown, |right| self.value(right));
                compare(operator, left, right)
            }
            ("number_literal", _) => match integer(self.text(node)) {
                Some(0) => Condition::Not(Box::new(Condition::Always)),
                Some(_) => Condition::Always,
                None => Condition::Unknown,
            },
            ("true", _) => Condition::Always,
            ("comma_expression", _) => {
                let mut parts = comma_parts(node);
                let last = parts.pop();
                for part in parts {
                    self.discard(part);
                }
                last.map_or(Condition::Unknown, |last| self.condition(last))
            }
            _ => match self.value(node) {
                Value::Unknown => Condition::Unknown,
                value => Condition::Truthy(value),
            },
        }
    }

    /// `a && b && c`: what stands on the right runs only where the left allows it.
    fn logical(&mut self, node: Syntax, operator: &str) -> Condition {
        let mut conditions: Vec<Condition> = Vec::new();
        let all = operator == "&&";
        for operand in left_spine(self, node, |found| found == operator) {
            let (condition, nodes) = self.gather(|lowering| lowering.condition(operand));
            match conditions.last() {
                Some(before) if !nodes.is_empty() => {
                    let test = match all {
                        true => before.clone(),
                        false => Condition::Not(Box::new(before.clone())),
                    };
                    let span = self.span(operand);
                    self.push_region(
                        RegionKind::Branch { exhaustive: false },
                        vec![arm(test, nodes, span)],
                        span,
                    );
                }
                _ => self.current.nodes.extend(nodes),
            }
            conditions.push(condition);
        }
        if all {
            Condition::All(conditions)
        } else {
            Condition::Any(conditions)
        }
    }
}

fn compare(operator: &str, left: Value, right: Value) -> Condition {
    let not = |condition| Condition::Not(Box::new(condition));
    match operator {
        "==" => Condition::Equal(left, right),
        "!=" => not(Condition::Equal(left, right)),
        "<" => Condition::Less(left, right),
        ">" => Condition::Less(right, left),
        "<=" => not(Condition::Less(right, left)),
        _ => not(Condition::Less(left, right)),
    }
}
