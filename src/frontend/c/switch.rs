//! `switch`: its arms, and what falls from one into the next.

use tree_sitter::Node as Syntax;

use crate::facts::{Condition, Node, RegionKind, Span, Value};

use super::scope::{Breaks, Lowering, children};
use super::statements::leaves;
use super::values::arm;

/// How much of a following arm is taken into one that falls through.
const FALLTHROUGH: usize = 200;

impl Lowering<'_> {
    pub fn switch(&mut self, node: Syntax) {
        let span = self.span(node);
        let value = node
            .child_by_field_name("condition")
            .map_or(Value::Unknown, |condition| self.value(condition));
        let Some(body) = node.child_by_field_name("body") else {
            return;
        };
        self.current.breaks.push(Breaks::Through);
        self.names.enter();
        let mut arms: Vec<SwitchArm> = Vec::new();
        let mut tests: Vec<Condition> = Vec::new();
        for case in children(body) {
            if case.kind() != "case_statement" {
                // Before the first case, or after an error: it may run with the arm before it.
                let from = self.offset(case);
                let (_, nodes) = self.gather(|lowering| lowering.items(&[case], from));
                match arms.last_mut() {
                    Some(arm) => {
                        arm.nodes.extend(nodes);
                        arm.falls_through = leaves(case).is_none();
                    }
                    None => self.current.nodes.extend(nodes),
                }
                continue;
            }
            let label = case.child_by_field_name("value");
            tests.push(match label {
                Some(label) => {
                    let (constant, _) = self.gather(|lowering| lowering.value(label));
                    Condition::Equal(value.clone(), constant)
                }
                None => Condition::Always,
            });
            let items: Vec<Syntax> = children(case)
                .into_iter()
                .filter(|child| Some(*child) != label)
                .collect();
            let Some(last) = items.last().copied() else { continue };
            let from = self.offset(case);
            let (_, nodes) = self.gather(|lowering| lowering.items(&items, from));
            arms.push(SwitchArm {
                tests: std::mem::take(&mut tests),
                nodes,
                span: self.span(case),
                falls_through: !ends_arm(last),
            });
        }
        self.names.leave();
        self.current.breaks.pop();
        let exhaustive = arms.iter().any(|arm| arm.tests.contains(&Condition::Always));
        let nodes = self.fall_through(arms);
        self.push_region(RegionKind::Branch { exhaustive }, nodes, span);
    }

    /// Arms as regions; one that falls through runs what follows it too.
    fn fall_through(&mut self, arms: Vec<SwitchArm>) -> Vec<Node> {
        let sizes: Vec<usize> = arms.iter().map(|arm| count(&arm.nodes)).collect();
        let mut made: Vec<Node> = Vec::with_capacity(arms.len());
        for (index, one) in arms.iter().enumerate() {
            let mut nodes = one.nodes.clone();
            let mut falls = one.falls_through;
            let mut taken = 0;
            for (next, size) in arms.iter().zip(&sizes).skip(index + 1) {
                taken += size;
                if !falls || taken > FALLTHROUGH || *size > self.copies_left {
                    break;
                }
                self.copies_left -= size;
                nodes.extend(next.nodes.iter().cloned());
                falls = next.falls_through;
            }
            let test = match one.tests.as_slice() {
                [only] => only.clone(),
                tests if tests.contains(&Condition::Always) => Condition::Always,
                tests => Condition::Any(tests.to_vec()),
            };
            made.push(arm(test, nodes, one.span));
        }
        made
    }
}

struct SwitchArm {
    tests: Vec<Condition>,
    nodes: Vec<Node>,
    span: Span,
    falls_through: bool,
}

/// How many nodes there are, however deep.
fn count(nodes: &[Node]) -> usize {
    nodes
        .iter()
        .map(|node| match node {
            Node::Event(_) => 1,
            Node::Region(region) => 1 + count(&region.nodes),
        })
        .sum()
}

/// Whether a switch's arm that ends with this statement does not fall through.
fn ends_arm(node: Syntax) -> bool {
    match node.kind() {
        "compound_statement" => match node.named_child(node.named_child_count().saturating_sub(1)) {
            Some(last) => leaves(last).is_some(),
            None => false,
        },
        _ => leaves(node).is_some(),
    }
}
