//! What a value of Rust's is as it is written, before it was moved, lent, copied or made owned: a text, a struct that is written out,
//! an object that is made here. It is the same value, or one of the same type that holds the same. The methods that do no more
//! than that are told by their names ([`Idiom`]), whatever the type on which they are called is.

use crate::facts::{FieldKey, Language, LocalIndex, Name, Value};
use crate::knowledge::Idiom;

use super::needs::DEEPEST;
use super::tree::FuncId;
use super::values::Values;

impl Values<'_> {
    /// The field of a parameter of Rust's that a value is, itself or as what was matched out of it, where it is written only as objects
    /// are made.
    pub(super) fn field_of_parameter(&self, func: FuncId, value: &Value) -> Option<(LocalIndex, Name)> {
        if self.tree.language(func) != Language::Rust {
            return None;
        }
        let (home, value) = self.before_copies(func, value);
        let Value::Attribute(base, name) = value else {
            return None;
        };
        if home != func || !self.attribute_stores(name).is_empty() {
            return None;
        }
        Some((self.fixed_parameter(func, base)?, name.clone()))
    }

    /// What a struct that is written out has in a field.
    pub(super) fn written_field<'v>(
        &'v self,
        func: FuncId,
        value: &'v Value,
        name: &Name,
    ) -> Option<(FuncId, &'v Value)> {
        let (home, value) = self.before_copies(func, value);
        let Value::Record(record) = value else { return None };
        if self.tree.language(home) != Language::Rust {
            return None;
        }
        let is_it = |(key, _): &&(FieldKey, Value)| matches!(key, FieldKey::Name(known) if known == name);
        let (_, value) = record.fields.iter().find(is_it)?;
        Some((home, value))
    }

    /// The text that a value of Rust's is made of, as it is written: `"~/a".to_owned()`, `Path::new("/a")`.
    pub(super) fn written_text(&self, func: FuncId, value: &Value) -> Option<String> {
        if self.tree.language(func) != Language::Rust || !matches!(value, Value::Call(..) | Value::Local(..)) {
            return None;
        }
        let tells = |name: &str, idiom| self.catalog.tells(Language::Rust, name, idiom);
        let (mut home, mut value) = self.before_moves(func, value);
        for _ in 0..DEEPEST {
            let Value::Call(owner, call) = value else { break };
            let call = self.tree.call((self.closure(home, *owner), *call));
            match (&call.callee, call.args.as_slice()) {
                (Value::Attribute(base, name), []) if tells(name, Idiom::CopiesText) => {
                    (home, value) = self.before_moves(home, base);
                }
                (Value::Path(path), [only]) if tells(path, Idiom::TakesText) => {
                    (home, value) = self.before_moves(home, &only.value);
                }
                _ => break,
            }
        }
        value.as_text().map(str::to_owned)
    }

    /// Whether it is said where a value of Rust's comes from: it is made here, and neither handed over by somebody nor taken out of a
    /// container, into which others may put more.
    pub(super) fn is_told_object(&self, func: FuncId, value: &Value) -> bool {
        let (home, made) = self.before_copies(func, value);
        let is_told = |home: FuncId, value: &Value| match value {
            Value::Element(_) | Value::Item(..) => false,
            value => self.parameter_or_rest(home, value).is_none(),
        };
        let sources = self.sources(home, made);
        is_told(home, made) && sources.iter().all(|(home, value)| is_told(*home, value))
    }

    /// Where a value comes from that was moved, wrapped, lent or copied (`x.clone()`) since: it is of the same type, and
    /// something where that is.
    pub(super) fn before_copies<'v>(&'v self, func: FuncId, value: &'v Value) -> (FuncId, &'v Value) {
        let copies = |method: &str| self.catalog.tells(Language::Rust, method, Idiom::Copies);
        let (mut home, mut value) = self.before_moves(func, value);
        for _ in 0..DEEPEST {
            let Value::Call(owner, call) = value else { break };
            let call = self.tree.call((self.closure(home, *owner), *call));
            match &call.callee {
                Value::Attribute(base, method) if copies(method) && call.args.is_empty() => {
                    (home, value) = self.before_moves(home, base);
                }
                _ => break,
            }
        }
        (home, value)
    }
}
