//! What becomes of a spawn's result: looked at, dropped, or turned into an exit without a word.

use crate::facts::{CallIndex, Condition, Event, Node, Region, RegionKind, Span, Value};
use crate::finding::{Status, StatusKind};
use crate::knowledge::Role;

use super::program::Engine;
use super::tree::FuncId;

impl Engine<'_> {
    /// What becomes of the result of the call at `span`.
    pub(super) fn status(&self, func: FuncId, span: Span) -> Option<Status> {
        let function = self.values.tree.function(func);
        let site = self.values.tree.call_at(func, span)?;
        let (_, call) = site;
        if self.values.tree.call(site).discarded {
            return Some(Status {
                kind: StatusKind::Dropped,
                line: span.line,
            });
        }
        let mut names: Vec<Value> = Vec::new();
        super::tree::each_event(&function.body, &mut |event| {
            if let Event::Store { target, value, .. } = event
                && matches!(**value, Value::Call(_, stored) if stored == call)
            {
                names.push(target.clone());
            }
        });
        let mut found = None;
        self.look(
            func,
            &function.body,
            &mut |value| is_result(value, call, &names),
            &mut found,
        );
        found
    }

    /// The first branch that looks at the result decides.
    fn look(
        &self,
        func: FuncId,
        region: &Region,
        mentions: &mut dyn FnMut(&Value) -> bool,
        found: &mut Option<Status>,
    ) {
        for node in &region.nodes {
            let Node::Region(inner) = node else { continue };
            if found.is_some() {
                return;
            }
            if let RegionKind::Arm { test } = &inner.kind
                && mentioned(test, mentions)
            {
                *found = Some(self.fate(func, inner));
                return;
            }
            self.look(func, inner, mentions, found);
        }
    }

    /// An exit with nothing said before it is silent.
    fn fate(&self, func: FuncId, arm: &Region) -> Status {
        let mut status = Status {
            kind: StatusKind::Checked,
            line: arm.span.line,
        };
        let mut spoken = false;
        super::tree::each_event(arm, &mut |event| match event {
            Event::Call(index) => {
                let entries = self.values.meaning((func, *index));
                let roles = || entries.entries.iter().map(|id| &self.values.catalog.entry(*id).role);
                if roles().any(|role| matches!(role, Role::Exit { .. })) && !spoken {
                    status = Status {
                        kind: StatusKind::SilentExit,
                        line: self.values.tree.call((func, *index)).span.line,
                    };
                    spoken = true;
                } else {
                    spoken = true;
                }
            }
            Event::Raise { .. } => spoken = true,
            _ => {}
        });
        status
    }
}

fn is_result(value: &Value, call: CallIndex, names: &[Value]) -> bool {
    matches!(value, Value::Call(_, index) if *index == call) || names.contains(value)
}

fn mentioned(test: &Condition, mentions: &mut dyn FnMut(&Value) -> bool) -> bool {
    match test {
        Condition::Truthy(value) => mentions(value),
        Condition::Not(inner) => mentioned(inner, mentions),
        Condition::Equal(a, b) | Condition::Less(a, b) | Condition::Contains(a, b) => mentions(a) || mentions(b),
        Condition::All(tests) | Condition::Any(tests) => tests.iter().any(|test| mentioned(test, mentions)),
        Condition::Always | Condition::Unknown => false,
    }
}
