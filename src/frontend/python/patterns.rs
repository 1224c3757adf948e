//! `match` statements.

use super::builder::Lowerer;
use super::expressions::all;
use super::statements::block_range;
use super::strings::is_small;
use crate::facts::{Condition, RegionKind, StoreKind, Value};
use ruff_python_ast::{Identifier, Pattern, Singleton, StmtMatch};
use ruff_text_size::Ranged;

impl<'a> Lowerer<'a, '_> {
    /// A `match`: a branch with an arm for each case.
    pub(super) fn matching(&mut self, matching: &'a StmtMatch) {
        let subject = self.read(&matching.subject);
        let subject = if is_small(&subject) { subject } else { Value::Unknown };
        let mut exhaustive = false;
        let mut tests = Vec::with_capacity(matching.cases.len());
        for case in &matching.cases {
            let mut test = self.pattern_test(&case.pattern, &subject);
            match &case.guard {
                Some(guard) => {
                    let mut guarded = Condition::Unknown;
                    let nodes = self.collect(|lowerer| guarded = lowerer.test(guard));
                    self.perhaps(test.clone(), guard.range(), nodes);
                    test = all(vec![test, guarded]);
                }
                None => exhaustive |= case.pattern.is_irrefutable(),
            }
            tests.push(test);
        }
        self.region(RegionKind::Branch { exhaustive }, matching.range, |lowerer| {
            for (case, test) in matching.cases.iter().zip(tests) {
                lowerer.region(RegionKind::Arm { test }, block_range(&case.body), |lowerer| {
                    lowerer.captures(&case.pattern, &subject);
                    lowerer.block(&case.body);
                });
            }
        });
    }

    /// What a pattern tests of `subject`; its values and classes are evaluated.
    fn pattern_test(&mut self, pattern: &'a Pattern, subject: &Value) -> Condition {
        match pattern {
            Pattern::MatchValue(value) => Condition::Equal(subject.clone(), self.read(&value.value)),
            Pattern::MatchSingleton(singleton) => {
                let value = match singleton.value {
                    Singleton::None => Value::None,
                    Singleton::True => Value::Bool(true),
                    Singleton::False => Value::Bool(false),
                };
                Condition::Equal(subject.clone(), value)
            }
            Pattern::MatchOr(or) => Condition::Any(
                or.patterns
                    .iter()
                    .map(|pattern| self.pattern_test(pattern, subject))
                    .collect(),
            ),
            Pattern::MatchAs(capture) => match &capture.pattern {
                Some(inner) => self.pattern_test(inner, subject),
                None => Condition::Always,
            },
            Pattern::MatchSequence(sequence) => {
                for inner in &sequence.patterns {
                    self.pattern_test(inner, &Value::Unknown);
                }
                Condition::Unknown
            }
            Pattern::MatchMapping(mapping) => {
                for key in &mapping.keys {
                    self.read(key);
                }
                for inner in &mapping.patterns {
                    self.pattern_test(inner, &Value::Unknown);
                }
                Condition::Unknown
            }
            Pattern::MatchClass(class) => {
                self.read(&class.cls);
                for inner in &class.arguments.patterns {
                    self.pattern_test(inner, &Value::Unknown);
                }
                for keyword in &class.arguments.keywords {
                    self.pattern_test(&keyword.pattern, &Value::Unknown);
                }
                Condition::Unknown
            }
            Pattern::MatchStar(_) => Condition::Unknown,
        }
    }

    /// The stores of what a pattern captures of `subject`.
    fn captures(&mut self, pattern: &'a Pattern, subject: &Value) {
        match pattern {
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
            Pattern::MatchOr(or) => or.patterns.iter().for_each(|inner| self.captures(inner, subject)),
            Pattern::MatchAs(capture) => {
                if let Some(inner) = &capture.pattern {
                    self.captures(inner, subject);
                }
                self.capture(capture.name.as_ref(), subject.clone());
            }
            Pattern::MatchSequence(sequence) => {
                let mut starred = false;
                for (index, inner) in sequence.patterns.iter().enumerate() {
                    starred |= matches!(inner, Pattern::MatchStar(_));
                    let base = Box::new(subject.clone());
                    let part = if starred {
                        Value::Element(base)
                    } else {
                        Value::Item(base, Box::new(Value::Int(index as i64)))
                    };
                    self.captures(inner, &bounded(part));
                }
            }
            Pattern::MatchStar(star) => self.capture(star.name.as_ref(), Value::List(vec![subject.clone()].into())),
            Pattern::MatchMapping(mapping) => {
                for inner in &mapping.patterns {
                    self.captures(inner, &bounded(Value::Element(Box::new(subject.clone()))));
                }
                self.capture(mapping.rest.as_ref(), subject.clone());
            }
            Pattern::MatchClass(class) => {
                for inner in &class.arguments.patterns {
                    self.captures(inner, &Value::Unknown);
                }
                for keyword in &class.arguments.keywords {
                    let part = super::names::attribute(subject.clone(), keyword.attr.as_str());
                    self.captures(&keyword.pattern, &bounded(part));
                }
            }
        }
    }

    fn capture(&mut self, name: Option<&'a Identifier>, value: Value) {
        if let Some(name) = name {
            let target = self.target(name.as_str());
            let span = self.span(name.range);
            self.new_store(target, value, StoreKind::Assign, span);
        }
    }
}

/// `value`, unless it is nested too deeply to be worth anything.
fn bounded(value: Value) -> Value {
    let mut depth = 0;
    let mut inner = &value;
    while let Value::Item(base, _) | Value::Element(base) | Value::Attribute(base, _) = inner {
        depth += 1;
        inner = base;
    }
    if depth > 16 { Value::Unknown } else { value }
}
