//! Initialisers: tables, structs, and the type that each element has.

use tree_sitter::Node as Syntax;

use crate::facts::{FieldKey, Value};

use super::scope::{Evaluation, Lowering, children};
use super::types::CType;
use super::values::strip;

impl Lowering<'_> {
    /// The struct that a type's name leads to, through typedefs of this file.
    fn fields_of(&self, ty: &CType) -> Option<&Vec<(String, CType)>> {
        let mut name = ty.base.as_str();
        for _ in 0..8 {
            if let Some(fields) = self.fields.get(name) {
                return Some(fields);
            }
            name = self
                .aliases
                .get(name)
                .filter(|alias| alias.derived.is_empty())?
                .base
                .as_str();
        }
        None
    }

    /// An initialiser for a place of type `ty`.
    pub fn initialiser(&mut self, node: Syntax, ty: &CType) -> Value {
        self.deeper(node, Value::Unknown, |lowering| match node.kind() {
            "initializer_list" => lowering.initialiser_list(node, ty),
            "compound_literal_expression" => lowering.value(node),
            _ => lowering.element(node, ty),
        })
    }

    /// A value in an initialiser. What looks like a call where none can be is a macro that makes an element.
    fn element(&mut self, node: Syntax, ty: &CType) -> Value {
        let inner = strip(node);
        if !is_record(ty) || !self.is_element_macro(inner) {
            return self.value(node);
        }
        let arguments = inner.child_by_field_name("arguments").map_or(Vec::new(), children);
        let fields = arguments
            .into_iter()
            .enumerate()
            .map(|(index, argument)| (FieldKey::Index(index as u32), self.value(argument)))
            .collect();
        Value::record(ty.reference(), fields)
    }

    /// `ENTRY("name", function)` in a table. In code that runs only a name without lower-case letters is taken for a macro.
    fn is_element_macro(&self, node: Syntax) -> bool {
        let name = node
            .child_by_field_name("function")
            .filter(|_| node.kind() == "call_expression")
            .map_or("", |name| self.text(name));
        !name.is_empty() && (self.evaluation == Evaluation::Constant || super::words::is_decoration(name))
    }

    fn initialiser_list(&mut self, node: Syntax, ty: &CType) -> Value {
        let items = children(node);
        if ty.is_array() {
            return self.array_elements(&items, &ty.inner());
        }
        if ty.is_pointer() || (ty.derived.is_empty() && is_scalar(ty)) {
            let mut values: Vec<Value> = items
                .into_iter()
                .map(|item| self.initialiser(item, &CType::default()))
                .collect();
            return match values.len() {
                1 => values.remove(0),
                _ => Value::List(values.into()),
            };
        }
        let known = self.fields_of(ty).cloned();
        let fields = self.record_fields(&items, known.as_deref());
        Value::record(ty.reference(), fields)
    }

    fn record_fields(&mut self, items: &[Syntax], known: Option<&[(String, CType)]>) -> Vec<(FieldKey, Value)> {
        let mut fields = Vec::with_capacity(items.len());
        let mut position = 0;
        for item in items {
            let Some(value) = item
                .child_by_field_name("value")
                .filter(|_| item.kind() == "initializer_pair")
            else {
                let ty = known
                    .and_then(|known| known.get(position as usize))
                    .map(|(_, ty)| ty.clone())
                    .unwrap_or_default();
                let value = self.initialiser(*item, &ty);
                fields.push((FieldKey::Index(position), value));
                position += 1;
                continue;
            };
            let path: Vec<&str> = children(*item)
                .into_iter()
                .filter(|part| *part != value)
                .map(|part| self.text(part).trim_start_matches(['.', ' ']))
                .collect();
            let Some(name) = path.first() else { continue };
            let found = known.and_then(|known| known.iter().position(|(field, _)| field == name));
            let ty = found
                .and_then(|index| known.map(|known| known[index].1.clone()))
                .unwrap_or_default();
            let ty = if path.len() == 1 { ty } else { CType::default() };
            let mut made = self.initialiser(value, &ty);
            for inner in path[1..].iter().rev() {
                if !inner.starts_with('[') {
                    made = Value::record(None, vec![(FieldKey::Name((*inner).into()), made)]);
                }
            }
            fields.push((FieldKey::Name((*name).into()), made));
            position = found.map_or(position + 1, |index| index as u32 + 1);
        }
        fields
    }

    fn array_elements(&mut self, items: &[Syntax], element: &CType) -> Value {
        let known = self.fields_of(element).map(Vec::len).filter(|count| *count > 0);
        let flat = element.derived.is_empty()
            && items.iter().all(|item| {
                !matches!(
                    item.kind(),
                    "initializer_list" | "initializer_pair" | "compound_literal_expression" | "call_expression"
                )
            });
        if let (true, Some(count)) = (flat, known) {
            // `{ "a", f, "b", g }` without inner braces.
            let known = self.fields_of(element).cloned();
            let records = items
                .chunks(count)
                .map(|chunk| {
                    let fields = self.record_fields(chunk, known.as_deref());
                    Value::record(element.reference(), fields)
                })
                .collect();
            return Value::List(records);
        }
        let values = items
            .iter()
            .map(|item| {
                let value = item
                    .child_by_field_name("value")
                    .filter(|_| item.kind() == "initializer_pair");
                self.initialiser(value.unwrap_or(*item), element)
            })
            .collect();
        Value::List(values)
    }
}

fn is_scalar(ty: &CType) -> bool {
    matches!(
        ty.base.as_str(),
        "int" | "char" | "long" | "short" | "float" | "double" | "void" | "size_t" | "ssize_t" | "bool" | "_Bool"
    ) || ty.base.starts_with("unsigned")
        || ty.base.starts_with("enum ")
}

fn is_record(ty: &CType) -> bool {
    ty.derived.is_empty() && !ty.base.is_empty() && !is_scalar(ty)
}
