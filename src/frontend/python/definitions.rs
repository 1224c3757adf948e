//! Functions, lambdas and classes.

use super::builder::{Frame, FrameKind, Lowerer};
use crate::facts::{
    Attribute, Event, Field, Function, FunctionIndex, FunctionKind, Local, LocalIndex, Node, ParameterKind, Region,
    StoreKind, TypeDecl, TypeIndex, TypeKind, TypeRef, Value, Visibility,
};
use ruff_python_ast::{
    Decorator, Expr, ExprLambda, ExprName, Identifier, Parameter, Parameters, Stmt, StmtClassDef, StmtFunctionDef,
    TypeParam, TypeParams,
};
use ruff_text_size::{Ranged, TextRange};
use std::collections::{HashMap, HashSet};

/// A parameter whose default and annotation have been evaluated.
struct Prepared<'a> {
    name: &'a str,
    kind: ParameterKind,
    default: Option<Value>,
    ty: Option<TypeRef>,
}

impl<'a> Lowerer<'a, '_> {
    /// A `def`: decorators and defaults run here, the body later.
    pub(super) fn function_definition(&mut self, def: &'a StmtFunctionDef) {
        let attributes = self.decorators(&def.decorator_list);
        self.type_parameters(def.type_params.as_deref());
        let class = match self.frame().kind {
            FrameKind::Class { index, .. } => Some(index),
            _ => None,
        };
        let is_static = attributes
            .iter()
            .any(|attribute| attribute.value == Value::Global("staticmethod".into()));
        // What the class's own body calls is handed no object, whatever it may be afterwards (a decorator of its methods).
        let is_helper = self.frame().called.contains(def.name.as_str());
        let has_receiver = class.is_some() && !is_static && !is_helper;
        let parameters = self.prepare(&def.parameters, has_receiver);
        if let Some(returns) = &def.returns {
            self.annotation_events(returns);
        }
        let returns = def.returns.as_ref().and_then(|returns| self.type_ref(returns));
        let kind = if class.is_some() {
            FunctionKind::Method
        } else {
            FunctionKind::Function
        };
        let index = self.new_function(kind, def.name.as_str(), def.range, def.name.range, parameters);
        let function = &mut self.functions[index.0 as usize];
        function.owner = class;
        function.attributes = attributes;
        function.is_async = def.is_async;
        function.returns = returns;
        if let Some(class) = class {
            self.types[class.0 as usize].methods.push(index);
        }
        let span = self.span(def.range);
        self.event(Event::Define { function: index, span });
        self.bind_definition(
            def.name.as_str(),
            Value::Function(index),
            def.name.range,
            class.is_some(),
        );
        let frame = self.function_frame(index, Some(&def.parameters));
        let mut nodes = self.in_scope(frame, &def.body, |lowerer| lowerer.block(&def.body));
        if class.is_some() && is_left_to_heirs(&def.body) {
            nodes.retain(|node| !matches!(node, Node::Event(Event::Raise { .. })));
        }
        self.functions[index.0 as usize].body.nodes = nodes;
    }

    /// A name that a definition binds is stored to where the model could not find the definition by the name alone.
    fn bind_definition(&mut self, name: &'a str, value: Value, range: TextRange, is_method: bool) {
        let in_module = self.frames.len() == 1;
        if in_module || is_method {
            return;
        }
        let target = self.target(name);
        if target != Value::Unknown && target != value {
            let span = self.span(range);
            self.new_store(target, value, StoreKind::Assign, span);
        }
    }

    /// A lambda: a function whose body returns its expression.
    pub(super) fn lambda(&mut self, lambda: &'a ExprLambda) -> Value {
        let parameters = match &lambda.parameters {
            Some(parameters) => self.prepare(parameters, false),
            None => Vec::new(),
        };
        let name_range = TextRange::at(lambda.range.start(), 6.into());
        let index = self.new_function(FunctionKind::Closure, "<lambda>", lambda.range, name_range, parameters);
        let span = self.span(lambda.range);
        self.event(Event::Define { function: index, span });
        let frame = self.function_frame(index, lambda.parameters.as_deref());
        let nodes = self.in_scope(frame, &[], |lowerer| {
            let value = lowerer.read(&lambda.body);
            let span = lowerer.span(lambda.body.range());
            lowerer.event(Event::Return { value, span });
        });
        self.functions[index.0 as usize].body.nodes = nodes;
        Value::Function(index)
    }

    /// The decorators, evaluated in order.
    fn decorators(&mut self, decorators: &'a [Decorator]) -> Vec<Attribute> {
        decorators
            .iter()
            .map(|decorator| {
                let value = self.read(&decorator.expression);
                let span = self.span(decorator.expression.range());
                match value {
                    // A decorator that was called: what was called, and with what.
                    Value::Call(function, call) if decorator.expression.is_call_expr() => {
                        let call = &self.functions[function.0 as usize].calls[call.0 as usize];
                        Attribute {
                            value: call.callee.clone(),
                            args: call.args.clone(),
                            span,
                        }
                    }
                    value => {
                        if !decorator.expression.is_call_expr() {
                            self.place_of_call(value.clone(), Vec::new(), span);
                        }
                        Attribute {
                            value,
                            args: Vec::new(),
                            span,
                        }
                    }
                }
            })
            .collect()
    }

    fn type_parameters(&mut self, parameters: Option<&'a TypeParams>) {
        for parameter in parameters.into_iter().flat_map(|parameters| &parameters.type_params) {
            let (bound, default) = match parameter {
                TypeParam::TypeVar(var) => (var.bound.as_deref(), var.default.as_deref()),
                TypeParam::TypeVarTuple(var) => (None, var.default.as_deref()),
                TypeParam::ParamSpec(var) => (None, var.default.as_deref()),
            };
            for expression in [bound, default].into_iter().flatten() {
                self.annotation_events(expression);
            }
        }
    }

    /// Evaluates the defaults and annotations of parameters, in the function around the definition.
    fn prepare(&mut self, parameters: &'a Parameters, has_receiver: bool) -> Vec<Prepared<'a>> {
        let mut prepared = Vec::with_capacity(parameters.len());
        let positional = parameters.posonlyargs.iter().chain(&parameters.args);
        for (at, parameter) in positional.enumerate() {
            let kind = if at == 0 && has_receiver {
                ParameterKind::Receiver
            } else {
                ParameterKind::Normal
            };
            prepared.push(self.prepare_one(&parameter.parameter, parameter.default.as_deref(), kind));
        }
        if let Some(parameter) = &parameters.vararg {
            prepared.push(self.prepare_one(parameter, None, ParameterKind::VarPositional));
        }
        for parameter in &parameters.kwonlyargs {
            prepared.push(self.prepare_one(
                &parameter.parameter,
                parameter.default.as_deref(),
                ParameterKind::KeywordOnly,
            ));
        }
        if let Some(parameter) = &parameters.kwarg {
            prepared.push(self.prepare_one(parameter, None, ParameterKind::VarKeyword));
        }
        prepared
    }

    fn prepare_one(
        &mut self,
        parameter: &'a Parameter,
        default: Option<&'a Expr>,
        kind: ParameterKind,
    ) -> Prepared<'a> {
        let default = default.map(|default| self.read(default));
        let annotation = parameter.annotation.as_deref();
        if let Some(annotation) = annotation {
            self.annotation_events(annotation);
        }
        let ty = annotation.and_then(|annotation| self.type_ref(annotation));
        Prepared {
            name: parameter.name.as_str(),
            kind,
            default,
            ty,
        }
    }

    /// A new function of the current scope, still without a body.
    fn new_function(
        &mut self,
        kind: FunctionKind,
        name: &str,
        range: TextRange,
        name_range: TextRange,
        parameters: Vec<Prepared<'a>>,
    ) -> FunctionIndex {
        let parent = self.enclosing_function();
        let span = self.span(range);
        let dunder = name.starts_with("__") && name.ends_with("__");
        let hidden = parent.is_some() || kind == FunctionKind::Closure || (name.starts_with('_') && !dunder);
        let locals = parameters.into_iter().map(|parameter| Local {
            name: parameter.name.into(),
            parameter: Some(parameter.kind),
            default: parameter.default.map(Box::new),
            ty: parameter.ty.map(Box::new),
            kept: false,
            fixed: false,
        });
        self.functions.push(Function {
            name: name.into(),
            qualified: format!("{}{name}", self.frame().prefix),
            kind,
            visibility: if hidden {
                Visibility::Private
            } else {
                Visibility::Public
            },
            owner: None,
            parent,
            locals: locals.collect(),
            calls: Vec::new(),
            body: Region::seq(span),
            attributes: Vec::new(),
            is_async: false,
            is_generator: false,
            returns: None,
            signature: None,
            test_only: false,
            span,
            name_span: self.positions.span(name_range),
        });
        FunctionIndex(self.functions.len() as u32 - 1)
    }

    /// The innermost function around the current code; classes and the module are none.
    fn enclosing_function(&self) -> Option<FunctionIndex> {
        let mut functions = self
            .frames
            .iter()
            .rev()
            .filter(|frame| frame.kind == FrameKind::Function);
        functions.next().map(|frame| frame.function)
    }

    /// The scope of the function `index`, with its parameters.
    fn function_frame(&self, index: FunctionIndex, parameters: Option<&'a Parameters>) -> Frame<'a> {
        let function = &self.functions[index.0 as usize];
        let names = parameters.into_iter().flat_map(parameter_names);
        Frame {
            kind: FrameKind::Function,
            function: index,
            prefix: format!("{}.", function.qualified),
            names: HashMap::new(),
            locals: names
                .enumerate()
                .map(|(at, name)| (name, LocalIndex(at as u32)))
                .collect(),
            receiver_of: function.owner.or(self.frame().receiver_of),
            renamed: Vec::new(),
            called: HashSet::new(),
        }
    }

    /// A `class`: its bases are evaluated and its body runs here.
    pub(super) fn class_definition(&mut self, class: &'a StmtClassDef) {
        let attributes = self.decorators(&class.decorator_list);
        self.type_parameters(class.type_params.as_deref());
        let arguments = class
            .arguments
            .as_deref()
            .map_or(Vec::new(), |arguments| self.arguments(arguments));
        let bases = arguments
            .into_iter()
            .filter(|argument| argument.name.is_none())
            .map(|argument| argument.value);
        let name = class.name.as_str();
        let span = self.span(class.range);
        let index = TypeIndex(self.types.len() as u32);
        self.types.push(TypeDecl {
            name: format!("{}{name}", self.frame().prefix).into(),
            kind: TypeKind::Class,
            bases: bases.collect(),
            methods: Vec::new(),
            fields: Vec::new(),
            target: None,
            attributes,
            body: None,
            span,
        });
        let value = self.class_value(&class.name);
        let body = self.new_function(FunctionKind::ClassBody, name, class.range, class.name.range, Vec::new());
        self.types[index.0 as usize].body = Some(body);
        self.event(Event::Define { function: body, span });
        self.bind_definition(
            name,
            value.clone(),
            class.name.range,
            matches!(self.frame().kind, FrameKind::Class { .. }),
        );
        let frame = Frame {
            kind: FrameKind::Class { class: value, index },
            function: body,
            prefix: format!("{}{name}.", self.frame().prefix),
            names: HashMap::new(),
            locals: HashMap::new(),
            receiver_of: None,
            renamed: Vec::new(),
            called: called_in_body(&class.body),
        };
        let nodes = self.in_scope(frame, &class.body, |lowerer| lowerer.block(&class.body));
        self.functions[body.0 as usize].body.nodes = nodes;
    }

    /// The class that is being defined, as a value: its attributes are those of this value.
    fn class_value(&self, name: &Identifier) -> Value {
        match &self.frame().kind {
            FrameKind::Class { class, .. } => Value::Attribute(Box::new(class.clone()), name.as_str().into()),
            _ => Value::Global(format!("{}{name}", self.frame().prefix).into()),
        }
    }

    /// Adds an annotated attribute to a class, the first annotation of a name counts.
    pub(super) fn add_field(&mut self, class: TypeIndex, name: &str, ty: Option<TypeRef>, range: TextRange) {
        let span = self.span(range);
        if self.field_names.insert((class, name.to_string())) {
            self.types[class.0 as usize].fields.push(Field {
                name: name.into(),
                ty,
                span,
            });
        }
    }
}

/// The name by which an expression calls a function.
fn called_by(expression: &Expr) -> Option<&ExprName> {
    expression.as_call_expr()?.func.as_name_expr()
}

/// The names by which the body of a class calls functions, or has them decorate its methods.
fn called_in_body(body: &[Stmt]) -> HashSet<&str> {
    let mut called = HashSet::new();
    for statement in body {
        let names: Vec<&ExprName> = match statement {
            Stmt::FunctionDef(def) => {
                let decorators = def.decorator_list.iter().map(|decorator| &decorator.expression);
                decorators
                    .filter_map(|by| by.as_name_expr().or_else(|| called_by(by)))
                    .collect()
            }
            Stmt::Assign(assign) => called_by(&assign.value).into_iter().collect(),
            Stmt::AnnAssign(assign) => assign.value.as_deref().and_then(called_by).into_iter().collect(),
            _ => Vec::new(),
        };
        called.extend(names.into_iter().map(|name| name.id.as_str()));
    }
    called
}

/// The names of the parameters, in the order of [`Lowerer::prepare`].
fn parameter_names(parameters: &Parameters) -> impl Iterator<Item = &str> {
    let positional = parameters
        .posonlyargs
        .iter()
        .chain(&parameters.args)
        .map(|parameter| &parameter.parameter);
    let keyword = parameters.kwonlyargs.iter().map(|parameter| &parameter.parameter);
    let all = positional
        .chain(parameters.vararg.as_deref())
        .chain(keyword)
        .chain(parameters.kwarg.as_deref());
    all.map(|parameter| parameter.name.as_str())
}

/// Whether all that a method does is to raise `NotImplementedError`: what derives from its class has the code, here or in a program
/// that is not seen, and comes back (Python's documentation of the exception).
fn is_left_to_heirs(body: &[Stmt]) -> bool {
    let is_text = |statement: &Stmt| matches!(statement, Stmt::Expr(text) if text.value.is_string_literal_expr());
    let mut code = body.iter().filter(|statement| !is_text(statement));
    let (Some(Stmt::Raise(raise)), None) = (code.next(), code.next()) else {
        return false;
    };
    let raised = match raise.exc.as_deref() {
        Some(Expr::Call(call)) => Some(&*call.func),
        raised => raised,
    };
    matches!(raised, Some(Expr::Name(name)) if name.id.as_str() == "NotImplementedError")
}
