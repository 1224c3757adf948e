//! Comprehensions: loops with variables of their own.

use super::builder::{Frame, FrameKind, Lowerer};
use super::conditions::asks_a_call;
use super::expressions::all;
use crate::facts::{Condition, RegionKind, StoreKind, Value};
use ruff_python_ast::{Comprehension, Expr};
use ruff_text_size::TextRange;
use std::collections::{HashMap, HashSet};

/// What a comprehension makes in each round.
pub(super) enum Yielded<'a> {
    Element(&'a Expr),
    /// A key and its value; `**mapping` has no key.
    Pair(Option<&'a Expr>, &'a Expr),
}

impl<'a> Lowerer<'a, '_> {
    /// A comprehension: a loop for each `for`, and its variables are locals of their own.
    pub(super) fn comprehension(
        &mut self,
        generators: &'a [Comprehension],
        yielded: &Yielded<'a>,
        range: TextRange,
    ) -> Value {
        let Some(first) = generators.first() else {
            return self.yielded(yielded);
        };
        // The first iterable is evaluated outside, where the comprehension's names are not visible.
        let over = self.read(&first.iter);
        let around = self.frame();
        let frame = Frame {
            kind: FrameKind::Comprehension,
            function: around.function,
            prefix: around.prefix.clone(),
            names: HashMap::new(),
            locals: HashMap::new(),
            receiver_of: around.receiver_of,
            renamed: Vec::new(),
            called: HashSet::new(),
        };
        self.frames.push(frame);
        for generator in generators {
            self.declare_targets(&generator.target);
        }
        let mut value = Value::Unknown;
        self.generators(generators, over, range, &mut |lowerer| value = lowerer.yielded(yielded));
        self.frames.pop();
        value
    }

    fn yielded(&mut self, yielded: &Yielded<'a>) -> Value {
        match yielded {
            Yielded::Element(element) => Value::List(vec![self.read(element)].into()),
            Yielded::Pair(key, value) => {
                let key = key.map_or(Value::Unknown, |key| self.read(key));
                Value::Map(vec![(key, self.read(value))].into())
            }
        }
    }

    /// Makes locals for the names in a comprehension's target.
    fn declare_targets(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => {
                let local = self.new_local(name.id.as_str());
                if let Some(frame) = self.frames.last_mut() {
                    frame.locals.insert(name.id.as_str(), local);
                }
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|element| self.declare_targets(element)),
            Expr::List(list) => list.elts.iter().for_each(|element| self.declare_targets(element)),
            Expr::Starred(starred) => self.declare_targets(&starred.value),
            _ => {}
        }
    }

    /// The loops of `generators` around what `innermost` adds; `over` is the first iterable's value.
    fn generators(
        &mut self,
        generators: &'a [Comprehension],
        over: Value,
        range: TextRange,
        innermost: &mut dyn FnMut(&mut Self),
    ) {
        let Some((first, rest)) = generators.split_first() else {
            return innermost(self);
        };
        let element = Value::Element(Box::new(over.clone()));
        let kind = RegionKind::Loop {
            over: Some(over),
            test: Condition::Unknown,
            at_least_once: false,
        };
        self.region(kind, range, |lowerer| {
            lowerer.store(&first.target, element, StoreKind::Assign);
            let tests: Vec<Condition> = first.ifs.iter().map(|test| lowerer.test(test)).collect();
            let nodes = lowerer.collect(|lowerer| {
                let over = rest.first().map_or(Value::Unknown, |next| lowerer.read(&next.iter));
                lowerer.generators(rest, over, range, innermost);
            });
            match all(tests) {
                _ if first.ifs.is_empty() => lowerer.nodes.extend(nodes),
                // Which elements are left may say what became of the others, also where nothing is done with them.
                test if asks_a_call(&test) => {
                    lowerer.region(RegionKind::Branch { exhaustive: false }, range, |lowerer| {
                        lowerer.push_region(RegionKind::Arm { test }, range, nodes);
                    })
                }
                test => lowerer.perhaps(test, range, nodes),
            }
        });
    }
}
