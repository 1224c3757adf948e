//! Types as declarations write them: structs, typedefs, and declarators followed inwards to the name.

use tree_sitter::Node as Syntax;

use crate::facts::{Field, TypeDecl, TypeKind};

use super::scope::{Lowering, children};
use super::types::{CType, Derived};

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
                        name: (&field).into(),
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
                    name: self.text(field).into(),
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
            name: name.into(),
            kind: TypeKind::Class,
            bases: Vec::new(),
            methods: Vec::new(),
            fields: facts,
            target: None,
            attributes: Vec::new(),
            body: None,
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

    pub fn parameter_type<'t>(&mut self, parameter: Syntax<'t>) -> Declared<'t> {
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
        if let Some(last) = declared.ty.derived.last_mut()
            && *last == Derived::Array
        {
            *last = Derived::Pointer;
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
                name: name.into(),
                kind: TypeKind::Alias,
                bases: Vec::new(),
                methods: Vec::new(),
                fields: Vec::new(),
                target: declared.ty.reference(),
                attributes: Vec::new(),
                body: None,
                span,
            });
            self.aliases.insert(name.to_owned(), declared.ty);
        }
    }
}

/// A declaration's declarators, with their initialisers.
pub(super) fn declarators(node: Syntax<'_>) -> Vec<Syntax<'_>> {
    let mut cursor = node.walk();
    node.children_by_field_name("declarator", &mut cursor).collect()
}

/// The identifier that a declarator declares.
pub(super) fn innermost_name(declarator: Syntax<'_>) -> Option<Syntax<'_>> {
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
