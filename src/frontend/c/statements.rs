//! Statements to regions.

use tree_sitter::Node as Syntax;

use crate::facts::{AccessForm, Argument, Call, Condition, Event, Node, Region, RegionKind, Span, Value};

use super::preprocess::Pragma;
use super::scope::{Breaks, Lowering, children};
use super::values::{arm, strip};

/// Directives of OpenMP that stand alone instead of speaking of the next statement.
const STANDALONE: &[&str] = &[
    "barrier",
    "taskwait",
    "taskyield",
    "flush",
    "threadprivate",
    "declare",
    "cancel",
    "cancellation",
    "requires",
];

/// A pragma that says how code runs.
fn speaks(pragma: &Pragma) -> bool {
    pragma.text.starts_with("omp ")
}

/// The directive's own word.
fn directive(pragma: &Pragma) -> &str {
    pragma.text.split([' ', '(']).nth(1).unwrap_or("")
}

/// How many tests with calls in them an `else if` chain nests before it is written flat.
const CHAIN: usize = 24;

impl Lowering<'_> {
    /// Lowers what stands in a block (or a lone statement): conditionals, pragmas and dead code become regions around it.
    /// `from` is the offset where the block begins.
    pub fn items(&mut self, items: &[Syntax], from: u32) {
        let base = self.current.entered.len();
        let mut waiting: Vec<Vec<Node>> = Vec::new();
        let mut before = from;
        let mut ended: Option<(Vec<u32>, &'static str)> = None;
        for item in items {
            let start = self.offset(*item);
            let path = self.arms.path(start);
            self.change_arms(&path, base, &mut waiting);
            if is_label(*item) {
                ended = None;
            }
            let dead = match &ended {
                Some((end, reason)) if path.starts_with(end) && !declares(*item) => match has_label(*item) {
                    true => {
                        ended = None;
                        None
                    }
                    false => Some(*reason),
                },
                _ => None,
            };
            match dead {
                Some(reason) => {
                    let (_, nodes) = self.gather(|lowering| lowering.item(*item, before));
                    let kind = RegionKind::Unreached {
                        reason: reason.to_owned(),
                    };
                    if !nodes.is_empty() {
                        let span = self.span(*item);
                        self.push_region(kind, nodes, span);
                    }
                }
                None => self.item(*item, before),
            }
            if let Some(reason) = leaves(*item) {
                ended = Some((path, reason));
            }
            before = self.span(*item).end;
        }
        let path = self.current.entered[..base].to_vec();
        self.change_arms(&path, base, &mut waiting);
    }

    /// Leaves and enters arms of conditionals so that `path` is where we are.
    fn change_arms(&mut self, path: &[u32], base: usize, waiting: &mut Vec<Vec<Node>>) {
        if !path.starts_with(&self.current.entered[..base]) {
            // An expansion from elsewhere: it stands where its use does.
            return;
        }
        while self.current.entered.len() > base && !path.starts_with(&self.current.entered) {
            let left = self.current.entered.pop();
            let nodes = std::mem::replace(&mut self.current.nodes, waiting.pop().unwrap_or_default());
            if let Some((kind, span)) = left.and_then(|arm| self.arm_region(arm))
                && !nodes.is_empty()
            {
                self.push_region(kind, nodes, span);
            }
        }
        for arm in &path[self.current.entered.len()..] {
            waiting.push(std::mem::take(&mut self.current.nodes));
            self.current.entered.push(*arm);
        }
    }

    /// One statement with the pragmas that stand right before it.
    fn item(&mut self, item: Syntax, before: u32) {
        let start = self.offset(item);
        let first = self.pragmas.partition_point(|pragma| pragma.span.start < before);
        let pragmas = self.pragmas;
        let speaking: Vec<_> = pragmas[first..]
            .iter()
            .take_while(|pragma| pragma.span.start < start)
            .filter(|pragma| speaks(pragma))
            .collect();
        let (_, mut nodes) = self.gather(|lowering| lowering.statement(item));
        for pragma in speaking.into_iter().rev() {
            let kind = RegionKind::Pragma {
                text: pragma.text.clone(),
            };
            let region = |nodes| {
                Node::Region(Box::new(Region {
                    kind,
                    nodes,
                    span: pragma.span,
                }))
            };
            match STANDALONE.contains(&directive(pragma)) {
                true => nodes.insert(0, region(Vec::new())),
                false => nodes = vec![region(nodes)],
            }
        }
        self.current.nodes.append(&mut nodes);
    }

    fn statement(&mut self, node: Syntax) {
        self.deeper(node, (), |lowering| lowering.statement_of(node));
    }

    fn statement_of(&mut self, node: Syntax) {
        match node.kind() {
            "compound_statement" => self.block(node),
            "expression_statement" => {
                for expression in children(node) {
                    self.discard(expression);
                }
            }
            "declaration" => self.local_declaration(node),
            "type_definition" | "struct_specifier" | "union_specifier" | "enum_specifier" => self.type_item(node),
            "if_statement" => self.if_chain(node),
            "switch_statement" => self.switch(node),
            "while_statement" => self.while_loop(node),
            "do_statement" => self.do_loop(node),
            "for_statement" => self.for_loop(node),
            "return_statement" => {
                let value = match children(node).first() {
                    Some(value) => self.value(*value),
                    None => Value::None,
                };
                let span = self.span(node);
                self.emit(Event::Return { value, span });
            }
            "break_statement" => {
                if self.current.breaks.last() == Some(&Breaks::Loop) {
                    self.emit(Event::Break);
                }
            }
            "continue_statement" => self.emit(Event::Continue),
            "goto_statement" => {
                // A jump backwards is a loop that nobody wrote as one: what comes next in the text is the other way on.
                if let Some(label) = self.label_of(node).filter(|label| !self.current.labels.contains(label)) {
                    self.emit(Event::Jump { label });
                }
            }
            "statement_identifier" | "attribute_declaration" | "attribute_specifier" => {}
            "labeled_statement" => {
                if let Some(name) = self.label_of(node) {
                    self.current.labels.insert(name.clone());
                    self.emit(Event::Label { name });
                }
                let from = self.offset(node);
                self.items(&children(node), from);
            }
            "attributed_statement" | "ERROR" | "else_clause" => {
                let from = self.offset(node);
                self.items(&children(node), from);
            }
            "case_statement" => {
                let value = node.child_by_field_name("value");
                let items: Vec<Syntax> = children(node)
                    .into_iter()
                    .filter(|child| Some(*child) != value)
                    .collect();
                let from = self.offset(node);
                self.items(&items, from);
            }
            "function_definition" => self.function_definition(node),
            "parameter_list"
            | "type_identifier"
            | "primitive_type"
            | "sized_type_specifier"
            | "storage_class_specifier"
            | "type_qualifier"
            | "function_declarator"
            | "pointer_declarator"
            | "array_declarator"
            | "parameter_declaration" => {}
            kind if kind.ends_with("_statement") || kind.ends_with("_clause") => {
                let from = self.offset(node);
                self.items(&children(node), from);
            }
            _ => self.discard(node),
        }
    }

    /// The label of a jump, or of a statement.
    fn label_of(&self, node: Syntax) -> Option<String> {
        node.child_by_field_name("label")
            .map(|label| self.text(label).to_owned())
    }

    /// `{ … }`
    pub fn block(&mut self, node: Syntax) {
        self.names.enter();
        self.current.cleanups.push(Vec::new());
        let from = self.offset(node);
        let items = children(node);
        self.items(&items, from);
        let after = items.last().map_or(from, |last| self.span(*last).end);
        self.closing_pragmas(after, self.span(node).end);
        self.end_block();
    }

    /// Directives that stand alone between a block's last statement and its end.
    fn closing_pragmas(&mut self, from: u32, to: u32) {
        let pragmas = self.pragmas;
        let first = pragmas.partition_point(|pragma| pragma.span.start < from);
        for pragma in pragmas[first..].iter().take_while(|pragma| pragma.span.start < to) {
            if speaks(pragma) && STANDALONE.contains(&directive(pragma)) {
                let kind = RegionKind::Pragma {
                    text: pragma.text.clone(),
                };
                self.push_region(kind, Vec::new(), pragma.span);
            }
        }
    }

    /// Leaves a block: what was declared with `cleanup(f)` is cleaned up, the last first.
    pub fn end_block(&mut self) {
        self.names.leave();
        let cleanups = self.current.cleanups.pop().unwrap_or_default();
        if cleanups.is_empty() {
            return;
        }
        let last = self
            .current
            .nodes
            .pop_if(|node| matches!(node, Node::Event(Event::Return { .. } | Event::Jump { .. })));
        for (callee, value, span) in cleanups.into_iter().rev() {
            self.push_call(Call {
                callee,
                args: vec![Argument {
                    name: None,
                    value,
                    span,
                }],
                span,
                discarded: true,
            });
        }
        self.current.nodes.extend(last);
    }

    /// A lone statement or block in a control structure.
    fn body(&mut self, node: Option<Syntax>, from: u32) -> Vec<Node> {
        let (_, nodes) = self.gather(|lowering| {
            if let Some(node) = node {
                lowering.items(&[node], from);
            }
        });
        nodes
    }

    /// `if … else if … else`, however long.
    fn if_chain(&mut self, node: Syntax) {
        let mut node = node;
        let mut span = self.span(node);
        let mut test = self.test_of(node);
        let mut front: Vec<Node> = Vec::new();
        let mut arms: Vec<Node> = Vec::new();
        // Branches whose `else` holds the branch being written, with what the `else` evaluates first.
        let mut outer: Vec<(Vec<Node>, Vec<Node>, Span)> = Vec::new();
        let mut exhaustive = false;
        loop {
            let from = self.offset(node);
            let consequence = node.child_by_field_name("consequence");
            let mut nodes = std::mem::take(&mut front);
            nodes.extend(self.body(consequence, from));
            let arm_span = consequence.map_or(span, |consequence| self.span(consequence));
            arms.push(guarded_arm(test, nodes, arm_span));
            let Some(clause) = node.child_by_field_name("alternative") else {
                break;
            };
            let Some(alternative) = children(clause).into_iter().next() else {
                break;
            };
            if alternative.kind() != "if_statement" {
                let from = self.offset(clause);
                let nodes = self.body(Some(alternative), from);
                let arm_span = self.span(alternative);
                arms.push(arm(Condition::Always, nodes, arm_span));
                exhaustive = true;
                break;
            }
            let (next, events) = self.gather(|lowering| lowering.test_of(alternative));
            test = next;
            if events.is_empty() || outer.len() >= CHAIN {
                front = events;
            } else {
                outer.push((std::mem::take(&mut arms), events, span));
                span = self.span(alternative);
            }
            node = alternative;
        }
        let mut branch = Region {
            kind: RegionKind::Branch { exhaustive },
            nodes: arms,
            span,
        };
        while let Some((mut arms, mut nodes, outer_span)) = outer.pop() {
            nodes.push(Node::Region(Box::new(branch)));
            arms.push(arm(Condition::Always, nodes, span));
            branch = Region {
                kind: RegionKind::Branch { exhaustive: true },
                nodes: arms,
                span: outer_span,
            };
        }
        self.current.nodes.push(Node::Region(Box::new(branch)));
    }

    fn test_of(&mut self, node: Syntax) -> Condition {
        match node.child_by_field_name("condition") {
            Some(condition) => self.condition(condition),
            None => Condition::Unknown,
        }
    }

    fn while_loop(&mut self, node: Syntax) {
        let span = self.span(node);
        let (test, mut nodes) = self.gather(|lowering| lowering.test_of(node));
        self.current.breaks.push(Breaks::Loop);
        let from = self.offset(node);
        nodes.extend(self.body(node.child_by_field_name("body"), from));
        self.current.breaks.pop();
        let kind = RegionKind::Loop {
            over: None,
            test,
            at_least_once: false,
        };
        self.push_region(kind, nodes, span);
    }

    fn do_loop(&mut self, node: Syntax) {
        let span = self.span(node);
        let condition = node.child_by_field_name("condition");
        let once = condition.is_none_or(|condition| matches!(self.text(strip(condition)), "0" | "false" | "FALSE"));
        self.current
            .breaks
            .push(if once { Breaks::Through } else { Breaks::Loop });
        let from = self.offset(node);
        let mut nodes = self.body(node.child_by_field_name("body"), from);
        self.current.breaks.pop();
        if once {
            self.current.nodes.append(&mut nodes);
            return;
        }
        let (test, events) = self.gather(|lowering| lowering.test_of(node));
        nodes.extend(events);
        let kind = RegionKind::Loop {
            over: None,
            test,
            at_least_once: true,
        };
        self.push_region(kind, nodes, span);
    }

    fn for_loop(&mut self, node: Syntax) {
        let span = self.span(node);
        self.names.enter();
        if let Some(initializer) = node.child_by_field_name("initializer") {
            match initializer.kind() {
                "declaration" => self.local_declaration(initializer),
                _ => self.discard(initializer),
            }
        }
        let condition = node.child_by_field_name("condition");
        let (test, mut nodes) = self.gather(|lowering| match condition {
            Some(condition) => lowering.condition(condition),
            None => Condition::Always,
        });
        self.current.breaks.push(Breaks::Loop);
        let from = self.offset(node);
        nodes.extend(self.body(node.child_by_field_name("body"), from));
        self.current.breaks.pop();
        if let Some(update) = node.child_by_field_name("update") {
            let (_, events) = self.gather(|lowering| lowering.discard(update));
            nodes.extend(events);
        }
        self.names.leave();
        let kind = RegionKind::Loop {
            over: None,
            test,
            at_least_once: false,
        };
        self.push_region(kind, nodes, span);
    }

    /// A store to a place as a declaration makes it.
    pub fn store_initial(&mut self, target: Value, value: Value, span: Span) {
        self.current.nodes.push(Node::Event(Event::Store {
            target,
            form: AccessForm::Whole,
            kind: crate::facts::StoreKind::Assign,
            value: Box::new(value),
            span,
        }));
    }
}

/// An arm; `if (0)` is never reached.
fn guarded_arm(test: Condition, nodes: Vec<Node>, span: Span) -> Node {
    let never = matches!(&test, Condition::Not(inner) if **inner == Condition::Always);
    let nodes = match never && !nodes.is_empty() {
        true => vec![Node::Region(Box::new(Region {
            kind: RegionKind::Unreached {
                reason: "if (0)".to_owned(),
            },
            nodes,
            span,
        }))],
        false => nodes,
    };
    arm(test, nodes, span)
}

/// Why nothing after this statement runs, if so.
pub(super) fn leaves(node: Syntax) -> Option<&'static str> {
    match node.kind() {
        "return_statement" => Some("after return"),
        "goto_statement" => Some("after goto"),
        "break_statement" => Some("after break"),
        "continue_statement" => Some("after continue"),
        "labeled_statement" => node
            .named_child(node.named_child_count().checked_sub(1)?)
            .and_then(leaves_plainly),
        _ => None,
    }
}

fn leaves_plainly(node: Syntax) -> Option<&'static str> {
    match node.kind() {
        "labeled_statement" => None,
        _ => leaves(node),
    }
}

fn is_label(node: Syntax) -> bool {
    matches!(node.kind(), "labeled_statement" | "case_statement")
}

fn declares(node: Syntax) -> bool {
    matches!(
        node.kind(),
        "declaration" | "type_definition" | "function_definition" | "struct_specifier" | "comment"
    )
}

/// Whether a statement holds a label that a jump may lead to.
fn has_label(node: Syntax) -> bool {
    let mut cursor = node.walk();
    loop {
        if is_label(cursor.node()) {
            return true;
        }
        if cursor.goto_first_child() {
            continue;
        }
        loop {
            if cursor.node() == node {
                return false;
            }
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return false;
            }
        }
    }
}
