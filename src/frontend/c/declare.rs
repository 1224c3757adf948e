//! Declarations: what they name, of which type, and what the names begin with.

use tree_sitter::Node as Syntax;

use crate::facts::{Argument, Attribute, Function, FunctionKind, Local, ParameterKind, Value, Visibility};

use super::declarator::{Declared, declarators, innermost_name};
use super::scope::{Evaluation, Lowering, children, empty_function};
use super::types::{CType, Derived};
use super::values::strip;

/// Where a parameter list stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Prototype,
    Definition,
}

impl Lowering<'_> {
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
                name: self.text(name).into(),
                parameter: None,
                default: None,
                ty: declared.ty.reference().map(Box::new),
                kept: constant,
                fixed: false,
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
        let hidden = self.has_storage(node, "static");
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
            if hidden && !self.statics.contains(&text) {
                self.statics.push(text.clone());
            }
            self.current.locals.push(Local {
                name: (&text).into(),
                parameter: None,
                default: None,
                ty: declared.ty.reference().map(Box::new),
                kept: false,
                fixed: false,
            });
            if let Some(initial) = declarator
                .child_by_field_name("value")
                .filter(|_| declarator.kind() == "init_declarator")
            {
                let value = self.initialiser(initial, &declared.ty);
                let span = self.span(declarator);
                self.store_initial(Value::Global(text.into()), value, span);
            }
        }
    }

    /// A function that is declared without a body.
    fn prototype(&mut self, node: Syntax, declared: &Declared) {
        let Some(name) = declared.name else { return };
        if self.is_compiled_out(self.offset(node)) {
            return;
        }
        let span = self.span(node);
        let text = self.text(name);
        let mut function = empty_function(text, FunctionKind::Declaration, span);
        function.name_span = self.span(name);
        function.attributes = self.attributes(node);
        if self.has_storage(node, "static") {
            function.visibility = Visibility::Private;
        }
        function.signature = Some(declared.ty.text().into());
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
        self.functions[index].signature = Some(ty.text().into());
        self.functions[index].returns = declared.ty.result().reference();
        let from = self.offset(body);
        self.items(&[body], from);
        if self.is_compiled_out(from) {
            // Another file's definition, or another arm's, is the one that is linked.
            self.functions[index].kind = FunctionKind::Declaration;
        }
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
                    (
                        name.to_owned(),
                        ty.unwrap_or_else(|| CType::named("int")),
                        ParameterKind::Normal,
                    )
                }
                "variadic_parameter" => ("...".to_owned(), CType::default(), ParameterKind::VarPositional),
                _ => continue,
            };
            types.push(ty.clone());
            self.add_local(Local {
                name: name.into(),
                parameter: Some(kind),
                default: None,
                ty: ty.reference().map(Box::new),
                kept: false,
                fixed: false,
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
                value: Value::Path(plain_attribute(name).into()),
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
            .find(|attribute| attribute.value == Value::Path("cleanup".into()))?;
        let callee = attribute.args.into_iter().next()?.value;
        Some((callee, attribute.span))
    }
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
