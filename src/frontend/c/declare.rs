//! Declarations: what they name, of which type, and what the names begin with.

use tree_sitter::Node as Syntax;

use crate::facts::{
    Argument, Attribute, Field, FieldKey, Function, FunctionKind, Local, ParameterKind, TypeDecl, TypeKind, Value,
    Visibility,
};

use super::scope::{Evaluation, Lowering, children, empty_function};
use super::types::{CType, Derived};
use super::values::strip;

/// The syntax that names a type.
const SPECIFIERS: &[&str] = &[
    "struct_specifier",
    "union_specifier",
    "enum_specifier",
    "primitive_type",
    "sized_type_specifier",
    "type_identifier",
    "macro_type_specifier",
];

/// Where a parameter list stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Prototype,
    Definition,
}

/// What a declarator declares.
pub(super) struct Declared<'t> {
    /// The identifier; `None` for an abstract declarator.
    pub name: Option<Syntax<'t>>,
    pub ty: CType,
    /// The innermost parameter list, that of the declared function itself.
    pub parameters: Option<Syntax<'t>>,
}

impl Lowering<'_> {
    /// The type that a declaration's specifiers name; a struct's body in it is declared on the way.
    pub fn base_type(&mut self, node: Syntax, hint: &str) -> CType {
        let Some(specifier) = node.child_by_field_name("type") else {
            return CType::default();
        };
        self.specified_type(specifier, hint)
    }

    fn specified_type(&mut self, specifier: Syntax, hint: &str) -> CType {
        let text = self.text(specifier);
        CType::named(match specifier.kind() {
            "struct_specifier" => return self.record(specifier, "struct", hint),
            "union_specifier" => return self.record(specifier, "union", hint),
            "enum_specifier" => match specifier.child_by_field_name("name") {
                Some(name) => format!("enum {}", self.text(name)),
                None => "int".to_owned(),
            },
            "sized_type_specifier" => sized(text),
            "macro_type_specifier" => text.split('(').next().unwrap_or("").trim().to_owned(),
            _ => text.to_owned(),
        })
    }

    /// A struct or union: its name, and its fields if they stand here.
    fn record(&mut self, specifier: Syntax, word: &str, hint: &str) -> CType {
        let tag = specifier.child_by_field_name("name").map(|name| self.text(name));
        let name = match (tag, hint) {
            (Some(tag), _) => format!("{word} {tag}"),
            (None, "") => format!("{word} at {}", self.span(specifier).line),
            (None, hint) => hint.to_owned(),
        };
        if let Some(body) = specifier.child_by_field_name("body") {
            self.deeper(specifier, (), |lowering| lowering.record_body(specifier, body, &name));
        }
        CType::named(name)
    }

    fn record_body(&mut self, specifier: Syntax, body: Syntax, name: &str) {
        let mut fields: Vec<(String, CType)> = Vec::new();
        let mut facts: Vec<Field> = Vec::new();
        for declaration in children(body) {
            if declaration.kind() != "field_declaration" {
                continue;
            }
            let span = self.span(declaration);
            let declarators = declarators(declaration);
            let hint = declarators
                .first()
                .and_then(|declarator| innermost_name(*declarator))
                .map(|field| format!("{name}.{}", self.text(field)));
            let anonymous = declarators.is_empty();
            let inner_hint = hint.unwrap_or_else(|| format!("{name}.{}", span.line));
            let base = self.base_type(declaration, &inner_hint);
            if anonymous {
                // The members of an unnamed struct or union are the outer one's own.
                for (field, ty) in self.fields.get(&base.base).cloned().unwrap_or_default() {
                    facts.push(Field {
                        name: field.clone(),
                        ty: ty.reference(),
                        span,
                    });
                    fields.push((field, ty));
                }
            }
            for declarator in declarators {
                let declared = self.declarator(declarator, base.clone());
                let Some(field) = declared.name else { continue };
                facts.push(Field {
                    name: self.text(field).to_owned(),
                    ty: declared.ty.reference(),
                    span: self.span(field),
                });
                fields.push((self.text(field).to_owned(), declared.ty));
            }
            if fields.len() > 20_000 {
                break;
            }
        }
        self.fields.insert(name.to_owned(), fields);
        let span = self.span(specifier);
        self.types.push(TypeDecl {
            name: name.to_owned(),
            kind: TypeKind::Class,
            bases: Vec::new(),
            methods: Vec::new(),
            fields: facts,
            target: None,
            attributes: Vec::new(),
            span,
        });
    }

    /// Follows a declarator inwards from its base type.
    pub fn declarator<'t>(&mut self, node: Syntax<'t>, base: CType) -> Declared<'t> {
        let mut declared = Declared {
            name: None,
            ty: base,
            parameters: None,
        };
        let mut node = node;
        loop {
            match node.kind() {
                "pointer_declarator" | "abstract_pointer_declarator" => declared.ty.derived.push(Derived::Pointer),
                "array_declarator" | "abstract_array_declarator" => declared.ty.derived.push(Derived::Array),
                "function_declarator" | "abstract_function_declarator" => {
                    declared.parameters = node.child_by_field_name("parameters");
                    let function = self.function_derivation(declared.parameters);
                    declared.ty.derived.push(function);
                }
                "identifier" | "field_identifier" | "type_identifier" | "primitive_type" => {
                    declared.name = Some(node);
                    return declared;
                }
                _ => {}
            }
            let inner = node.child_by_field_name("declarator").or_else(|| {
                children(node)
                    .into_iter()
                    .find(|child| child.kind().ends_with("declarator") || child.kind().ends_with("identifier"))
            });
            match inner {
                Some(inner) => node = inner,
                None => return declared,
            }
            if declared.ty.derived.len() > 64 {
                return declared;
            }
        }
    }

    fn function_derivation(&mut self, list: Option<Syntax>) -> Derived {
        let mut parameters = Vec::new();
        let mut variadic = false;
        if let Some(list) = list {
            self.deeper(list, (), |lowering| {
                for parameter in children(list) {
                    match parameter.kind() {
                        "variadic_parameter" => variadic = true,
                        "parameter_declaration" => {
                            let ty = lowering.parameter_type(parameter).ty;
                            if ty != CType::named("void") {
                                parameters.push(ty);
                            }
                        }
                        "identifier" => parameters.push(CType::default()),
                        _ => {}
                    }
                }
            });
        }
        Derived::Function { parameters, variadic }
    }

    fn parameter_type<'t>(&mut self, parameter: Syntax<'t>) -> Declared<'t> {
        let base = self.base_type(parameter, "");
        let mut declared = match parameter.child_by_field_name("declarator") {
            Some(declarator) => self.declarator(declarator, base),
            None => Declared {
                name: None,
                ty: base,
                parameters: None,
            },
        };
        // Arrays and functions reach a function as pointers.
        if let Some(last) = declared.ty.derived.last_mut() {
            if *last == Derived::Array {
                *last = Derived::Pointer;
            }
        }
        declared
    }

    /// The type of a cast or compound literal.
    pub fn described_type(&mut self, descriptor: Syntax) -> CType {
        let base = self.base_type(descriptor, "");
        match descriptor.child_by_field_name("declarator") {
            Some(declarator) => self.declarator(declarator, base).ty,
            None => base,
        }
    }

    /// `typedef …;`, `struct x { … };`
    pub fn type_item(&mut self, node: Syntax) {
        if node.kind() != "type_definition" {
            if SPECIFIERS.contains(&node.kind()) {
                self.specified_type(node, "");
            }
            return;
        }
        let declarators = declarators(node);
        let plain = declarators
            .iter()
            .find(|declarator| declarator.kind() == "type_identifier");
        let hint = plain
            .or(declarators.first())
            .and_then(|declarator| innermost_name(*declarator))
            .map_or("", |name| self.text(name));
        let base = self.base_type(node, hint);
        for declarator in declarators {
            let declared = self.declarator(declarator, base.clone());
            let Some(name) = declared.name.map(|name| self.text(name)) else {
                continue;
            };
            if declared.ty == CType::named(name) {
                // An unnamed struct that the typedef has named.
                continue;
            }
            let span = self.span(node);
            self.types.push(TypeDecl {
                name: name.to_owned(),
                kind: TypeKind::Alias,
                bases: Vec::new(),
                methods: Vec::new(),
                fields: Vec::new(),
                target: declared.ty.reference(),
                attributes: Vec::new(),
                span,
            });
            self.aliases.insert(name.to_owned(), declared.ty);
        }
    }

    /// A declaration in a function.
    pub fn local_declaration(&mut self, node: Syntax) {
        let external = self.has_storage(node, "extern");
        let constant = self.has_storage(node, "static");
        let declarators = declarators(node);
        let hint = declarators
            .first()
            .and_then(|declarator| innermost_name(*declarator))
            .map_or("", |name| self.text(name));
        let base = self.base_type(node, hint);
        let cleanup = self.cleanup(node);
        for declarator in declarators {
            let declared = self.declarator(declarator, base.clone());
            let Some(name) = declared.name else { continue };
            if external || declared.ty.is_function() {
                self.names.declare(self.text(name), None);
                if declared.ty.is_function() {
                    self.prototype(node, &declared);
                }
                continue;
            }
            self.array_sizes(declarator);
            let local = self.add_local(Local {
                name: self.text(name).to_owned(),
                parameter: None,
                default: None,
                ty: declared.ty.reference(),
            });
            let target = Value::Local(self.index(), local);
            if let Some(initial) = declarator
                .child_by_field_name("value")
                .filter(|_| declarator.kind() == "init_declarator")
            {
                let before = self.evaluation;
                if constant {
                    self.evaluation = Evaluation::Constant;
                }
                let value = self.initialiser(initial, &declared.ty);
                self.evaluation = before;
                let span = self.span(declarator);
                self.store_initial(target.clone(), value, span);
            }
            if let (Some((callee, span)), Some(open)) = (cleanup.clone(), self.current.cleanups.last_mut()) {
                open.push((callee, target, span));
            }
        }
    }

    /// Evaluates the sizes of variable-length arrays.
    fn array_sizes(&mut self, declarator: Syntax) {
        let mut node = Some(declarator);
        while let Some(found) = node {
            if let Some(size) = found.child_by_field_name("size").filter(|size| size.is_named()) {
                let kind = strip(size).kind();
                if kind == "call_expression" || kind == "binary_expression" {
                    let (_, nodes) = self.gather(|lowering| lowering.value(size));
                    // Sizes are constants as a rule; only calls are worth an event.
                    if nodes
                        .iter()
                        .any(|node| matches!(node, crate::facts::Node::Event(crate::facts::Event::Call(_))))
                    {
                        self.current.nodes.extend(nodes);
                    }
                }
            }
            node = found.child_by_field_name("declarator");
        }
    }

    /// A declaration at file scope.
    pub fn file_declaration(&mut self, node: Syntax) {
        let declarators = declarators(node);
        let hint = declarators
            .first()
            .and_then(|declarator| innermost_name(*declarator))
            .map_or("", |name| self.text(name));
        let base = self.base_type(node, hint);
        for declarator in declarators {
            let declared = self.declarator(declarator, base.clone());
            let Some(name) = declared.name else { continue };
            if declared.ty.is_function() {
                self.prototype(node, &declared);
                continue;
            }
            let text = self.text(name).to_owned();
            self.current.locals.push(Local {
                name: text.clone(),
                parameter: None,
                default: None,
                ty: declared.ty.reference(),
            });
            if let Some(initial) = declarator
                .child_by_field_name("value")
                .filter(|_| declarator.kind() == "init_declarator")
            {
                let value = self.initialiser(initial, &declared.ty);
                let span = self.span(declarator);
                self.store_initial(Value::Global(text), value, span);
            }
        }
    }

    /// A function that is declared without a body.
    fn prototype(&mut self, node: Syntax, declared: &Declared) {
        let Some(name) = declared.name else { return };
        let span = self.span(node);
        let text = self.text(name);
        let mut function = empty_function(text, FunctionKind::Declaration, span);
        function.name_span = self.span(name);
        function.attributes = self.attributes(node);
        if self.has_storage(node, "static") {
            function.visibility = Visibility::Private;
        }
        function.signature = Some(declared.ty.text());
        function.returns = declared.ty.result().reference();
        let outer = std::mem::take(&mut self.current);
        self.names.enter();
        self.parameters(declared.parameters, &[], Place::Prototype);
        self.names.leave();
        function.locals = std::mem::replace(&mut self.current, outer).locals;
        self.prototypes.push(function);
    }

    /// A function with its body.
    pub fn function_definition(&mut self, node: Syntax) {
        let (Some(declarator), Some(body)) = (node.child_by_field_name("declarator"), node.child_by_field_name("body"))
        else {
            return;
        };
        let base = self.base_type(node, "");
        let declared = self.declarator(declarator, base);
        let Some(name) = declared.name else { return };
        let span = self.span(node);
        let mut function = empty_function(self.text(name), FunctionKind::Function, span);
        function.name_span = self.span(name);
        function.attributes = self.attributes(node);
        if self.has_storage(node, "static") {
            function.visibility = Visibility::Private;
        }
        function.parent = Some(self.current.index)
            .filter(|index| *index != 0)
            .map(crate::facts::FunctionIndex);
        let old_style: Vec<Syntax> = children(node)
            .into_iter()
            .filter(|child| child.kind() == "declaration")
            .collect();
        let outer = self.begin_function(function);
        let before = std::mem::replace(&mut self.evaluation, Evaluation::Run);
        let types = self.parameters(declared.parameters, &old_style, Place::Definition);
        let mut ty = declared.ty.clone();
        if let (Some(Derived::Function { parameters, .. }), false) = (ty.derived.last_mut(), old_style.is_empty()) {
            *parameters = types;
        }
        let index = self.current.index as usize;
        self.functions[index].signature = Some(ty.text());
        self.functions[index].returns = declared.ty.result().reference();
        let from = self.offset(body);
        self.items(&[body], from);
        self.evaluation = before;
        self.end_function(outer);
    }

    /// Declares a function's parameters; those of the old style get their types from `old_style`.
    pub fn parameters(&mut self, list: Option<Syntax>, old_style: &[Syntax], place: Place) -> Vec<CType> {
        let mut types = Vec::new();
        let mut known: Vec<(String, CType)> = Vec::new();
        for declaration in old_style {
            let base = self.base_type(*declaration, "");
            for declarator in declarators(*declaration) {
                let mut declared = self.declarator(declarator, base.clone());
                if declared.ty.is_array() {
                    declared.ty = declared.ty.inner();
                    declared.ty.derived.push(Derived::Pointer);
                }
                if let Some(name) = declared.name {
                    known.push((self.text(name).to_owned(), declared.ty));
                }
            }
        }
        for parameter in list.map_or(Vec::new(), children) {
            let (name, ty, kind) = match parameter.kind() {
                "parameter_declaration" => {
                    let declared = self.parameter_type(parameter);
                    if declared.name.is_none() && declared.ty == CType::named("void") {
                        continue;
                    }
                    match declared.name {
                        Some(name) => (self.text(name).to_owned(), declared.ty, ParameterKind::Normal),
                        // A definition's bare word is a name; only a prototype's is a type.
                        None if place == Place::Definition && declared.ty.derived.is_empty() => {
                            let name = declared.ty.base;
                            let ty = known.iter().find(|(other, _)| *other == name).map(|(_, ty)| ty.clone());
                            (name, ty.unwrap_or_else(|| CType::named("int")), ParameterKind::Normal)
                        }
                        None => (String::new(), declared.ty, ParameterKind::Normal),
                    }
                }
                "identifier" => {
                    let name = self.text(parameter);
                    let ty = known.iter().find(|(other, _)| other == name).map(|(_, ty)| ty.clone());
                    (name.to_owned(), ty.unwrap_or_else(|| CType::named("int")), ParameterKind::Normal)
                }
                "variadic_parameter" => ("...".to_owned(), CType::default(), ParameterKind::VarPositional),
                _ => continue,
            };
            types.push(ty.clone());
            self.add_local(Local {
                name,
                parameter: Some(kind),
                default: None,
                ty: ty.reference(),
            });
        }
        types
    }

    fn has_storage(&self, node: Syntax, word: &str) -> bool {
        children(node)
            .iter()
            .any(|child| child.kind() == "storage_class_specifier" && self.text(*child) == word)
    }

    /// The `__attribute__` items that stand on a declaration and its declarators.
    fn attribute_items<'t>(&self, node: Syntax<'t>) -> Vec<Syntax<'t>> {
        let mut found = Vec::new();
        let mut next = vec![node];
        while let Some(node) = next.pop() {
            for child in children(node) {
                match child.kind() {
                    "attribute_specifier" => {
                        if let Some(list) = child.named_child(0) {
                            found.extend(children(list));
                        }
                    }
                    "init_declarator"
                    | "function_declarator"
                    | "pointer_declarator"
                    | "array_declarator"
                    | "attributed_declarator" => {
                        next.push(child);
                    }
                    _ => {}
                }
            }
        }
        found
    }

    fn attributes(&mut self, node: Syntax) -> Vec<Attribute> {
        let mut found = Vec::new();
        for item in self.attribute_items(node) {
            let span = self.span(item);
            let (name, arguments) = match item.kind() {
                "identifier" => (self.text(item), Vec::new()),
                "call_expression" => {
                    let name = item
                        .child_by_field_name("function")
                        .map_or("", |function| self.text(function));
                    let (arguments, _) = self.gather(|lowering| {
                        let list = item.child_by_field_name("arguments").map_or(Vec::new(), children);
                        list.into_iter()
                            .map(|argument| (lowering.value(argument), lowering.span(argument)))
                            .collect()
                    });
                    (name, arguments)
                }
                _ => continue,
            };
            found.push(Attribute {
                value: Value::Path(plain_attribute(name).to_owned()),
                args: arguments
                    .into_iter()
                    .map(|(value, span)| Argument {
                        name: None,
                        value,
                        span,
                    })
                    .collect(),
                span,
            });
        }
        found
    }

    /// The function of `__attribute__((cleanup(f)))` with the place where it stands.
    fn cleanup(&mut self, node: Syntax) -> Option<(Value, crate::facts::Span)> {
        let attribute = self
            .attributes(node)
            .into_iter()
            .find(|attribute| attribute.value == Value::Path("cleanup".to_owned()))?;
        let callee = attribute.args.into_iter().next()?.value;
        Some((callee, attribute.span))
    }

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
        Value::Record(ty.reference(), fields)
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
                _ => Value::List(values),
            };
        }
        let known = self.fields_of(ty).cloned();
        let fields = self.record_fields(&items, known.as_deref());
        Value::Record(ty.reference(), fields)
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
                    made = Value::Record(None, vec![(FieldKey::Name((*inner).to_owned()), made)]);
                }
            }
            fields.push((FieldKey::Name((*name).to_owned()), made));
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
                    Value::Record(element.reference(), fields)
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

/// A declaration's declarators, with their initialisers.
fn declarators(node: Syntax<'_>) -> Vec<Syntax<'_>> {
    let mut cursor = node.walk();
    node.children_by_field_name("declarator", &mut cursor).collect()
}

/// The identifier that a declarator declares.
fn innermost_name(declarator: Syntax<'_>) -> Option<Syntax<'_>> {
    let mut node = declarator;
    loop {
        if node.kind().ends_with("identifier") {
            return Some(node);
        }
        node = node.child_by_field_name("declarator").or_else(|| {
            children(node)
                .into_iter()
                .find(|child| child.kind().ends_with("declarator") || child.kind().ends_with("identifier"))
        })?;
    }
}

/// `unsigned long int` in one spelling.
fn sized(text: &str) -> String {
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !super::words::is_qualifier(word))
        .collect();
    let has = |wanted: &str| words.contains(&wanted);
    let longs = words.iter().filter(|word| **word == "long").count();
    let other = words
        .iter()
        .find(|word| !matches!(**word, "unsigned" | "signed" | "long" | "short" | "int"));
    let core = match (longs, has("short"), other) {
        (_, _, Some(other)) if longs == 0 => other,
        (0, true, _) => "short",
        (0, false, _) => "int",
        (1, _, Some(_)) => "long double",
        (1, _, None) => "long",
        _ => "long long",
    };
    match (has("unsigned"), core) {
        (true, core) => format!("unsigned {core}"),
        (false, "char") if has("signed") => "signed char".to_owned(),
        (false, core) => core.to_owned(),
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

/// `__constructor__` and `constructor` are the same.
fn plain_attribute(name: &str) -> &str {
    name.strip_prefix("__")
        .and_then(|name| name.strip_suffix("__"))
        .unwrap_or(name)
}

/// A function made of a macro or of a piece of a broken file.
pub(super) fn as_macro(function: &mut Function, parameters: usize) {
    function.kind = FunctionKind::Macro;
    function.visibility = Visibility::Public;
    function.signature = None;
    function.returns = None;
    function
        .locals
        .iter_mut()
        .take(parameters)
        .for_each(|local| local.ty = None);
}
