//! The state of lowering one file: the functions so far, the open scopes, and the nodes of the open region.

use super::positions::Positions;
use super::scopes::{self, Binding, Search};
use crate::facts::{
    AccessForm, Argument, Call, CallIndex, Event, FileFacts, Function, FunctionIndex, Import, Language, Local,
    LocalIndex, Node, Region, RegionKind, Span, StoreKind, TypeDecl, TypeIndex, Value,
};
use ruff_python_ast::{ModModule, Stmt};
use ruff_text_size::TextRange;
use std::collections::{HashMap, HashSet};

/// What kind of scope a [`Frame`] is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FrameKind {
    Module,
    Function,
    /// A class body; the value is the class itself, whose attributes its names become.
    Class {
        class: Value,
        index: TypeIndex,
    },
    /// A comprehension: it has names of its own, but its code belongs to the function around it.
    Comprehension,
}

/// An open scope.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub kind: FrameKind,
    /// The function that events go to.
    pub function: FunctionIndex,
    /// The dotted name in front of what is defined here, with its dot; empty in the module.
    pub prefix: String,
    pub names: HashMap<&'a str, Vec<Binding>>,
    pub locals: HashMap<&'a str, LocalIndex>,
    /// Names that mean other locals until the blocks end in which they were stored anew, with what they mean after that.
    pub renamed: Vec<(&'a str, LocalIndex)>,
    /// The class whose method this is, or whose method it is nested in.
    pub receiver_of: Option<TypeIndex>,
    /// Of a class body: the functions that it calls itself, by their names.
    pub called: HashSet<&'a str>,
}

/// Lowers one file.
pub(super) struct Lowerer<'a, 'p> {
    pub positions: &'p Positions<'p>,
    pub functions: Vec<Function>,
    pub types: Vec<TypeDecl>,
    /// The fields that each type has, for a quick look.
    pub field_names: HashSet<(TypeIndex, String)>,
    pub imports: Vec<Import>,
    pub frames: Vec<Frame<'a>>,
    /// The nodes of the region that is open.
    pub nodes: Vec<Node>,
    /// How many expressions are open, by which values are kept shallow.
    pub depth: usize,
    pub search: Search,
    /// `from m import *` stands somewhere, so that unknown names may come from it.
    pub star: bool,
}

impl<'a, 'p> Lowerer<'a, 'p> {
    /// A lowerer for `text`, which is what was parsed.
    pub(super) fn new(text: &'a str, positions: &'p Positions<'p>) -> Lowerer<'a, 'p> {
        let search = Search {
            expressions: text.contains(":="),
            nested_globals: memchr::memmem::find(text.as_bytes(), b"global").is_some(),
        };
        Lowerer {
            positions,
            functions: vec![super::module_function(positions.beginning())],
            types: Vec::new(),
            field_names: HashSet::new(),
            imports: Vec::new(),
            frames: Vec::new(),
            nodes: Vec::new(),
            depth: 0,
            search,
            star: false,
        }
    }

    /// Lowers the whole module; path and directives are left to the caller.
    pub(super) fn module(mut self, module: &'a ModModule) -> FileFacts {
        let mut bindings = scopes::bindings(&module.body, self.search);
        self.star = bindings.star;
        // Only the module asks its functions what they declare global.
        self.search.nested_globals = false;
        bindings.found.append(&mut bindings.declared_global);
        self.frames.push(Frame {
            kind: FrameKind::Module,
            function: FunctionIndex(0),
            prefix: String::new(),
            names: scopes::by_name(&bindings.found),
            locals: HashMap::new(),
            receiver_of: None,
            renamed: Vec::new(),
            called: HashSet::new(),
        });
        self.block(&module.body);
        self.functions[0].body.nodes = std::mem::take(&mut self.nodes);
        FileFacts {
            path: String::new(),
            language: Language::Python,
            module: String::new(),
            functions: self.functions,
            types: self.types,
            imports: self.imports,
            statics: Vec::new(),
            directives: Vec::new(),
        }
    }

    /// The innermost open scope.
    pub(super) fn frame(&self) -> &Frame<'a> {
        self.frames
            .last()
            .expect("the module's frame is open while the module is lowered")
    }

    /// The function whose code is being read.
    pub(super) fn current(&self) -> FunctionIndex {
        self.frame().function
    }

    /// The function whose code is being read, to be changed.
    pub(super) fn function_mut(&mut self) -> &mut Function {
        let index = self.current().0 as usize;
        &mut self.functions[index]
    }

    pub(super) fn span(&self, range: TextRange) -> Span {
        self.positions.span(range)
    }

    /// Adds an event to the open region.
    pub(super) fn event(&mut self, event: Event) {
        self.nodes.push(Node::Event(event));
    }

    /// What `lower` adds, instead of adding it to the open region.
    pub(super) fn collect(&mut self, lower: impl FnOnce(&mut Self)) -> Vec<Node> {
        let outer = std::mem::take(&mut self.nodes);
        lower(self);
        std::mem::replace(&mut self.nodes, outer)
    }

    /// Adds a region that holds what `lower` adds.
    pub(super) fn region(&mut self, kind: RegionKind, range: TextRange, lower: impl FnOnce(&mut Self)) {
        let nodes = self.collect(lower);
        self.push_region(kind, range, nodes);
    }

    /// Adds a region with `nodes`.
    pub(super) fn push_region(&mut self, kind: RegionKind, range: TextRange, nodes: Vec<Node>) {
        let span = self.span(range);
        self.nodes.push(Node::Region(Box::new(Region { kind, nodes, span })));
    }

    /// A new local of the current function.
    pub(super) fn new_local(&mut self, name: &str) -> LocalIndex {
        let locals = &mut self.function_mut().locals;
        locals.push(Local {
            name: name.into(),
            parameter: None,
            default: None,
            ty: None,
            kept: false,
            fixed: false,
        });
        LocalIndex(locals.len() as u32 - 1)
    }

    /// Records a call without an event: a bare decorator is called with what it decorates, by a rule of its own.
    pub(super) fn place_of_call(&mut self, callee: Value, args: Vec<Argument>, span: Span) -> CallIndex {
        let calls = &mut self.function_mut().calls;
        calls.push(Call {
            callee,
            args,
            span,
            discarded: false,
        });
        CallIndex(calls.len() as u32 - 1)
    }

    /// Records a call and its event.
    pub(super) fn new_call(&mut self, callee: Value, args: Vec<Argument>, span: Span) -> (FunctionIndex, CallIndex) {
        let function = self.current();
        let index = self.place_of_call(callee, args, span);
        self.event(Event::Call(index));
        (function, index)
    }

    /// Adds a store.
    pub(super) fn new_store(&mut self, target: Value, value: Value, kind: StoreKind, span: Span) {
        let form = match &target {
            Value::Attribute(..) => AccessForm::Attribute,
            Value::Item(..) => AccessForm::Subscript,
            _ => AccessForm::Whole,
        };
        self.event(Event::Store {
            target,
            form,
            kind,
            value: Box::new(value),
            span,
        });
    }

    /// Opens the scope of `function`, lowers `body` in it and closes it. `locals` are its parameters by name.
    ///
    /// Returns the nodes of the body.
    pub(super) fn in_scope(
        &mut self,
        frame: Frame<'a>,
        statements: &'a [Stmt],
        body: impl FnOnce(&mut Self),
    ) -> Vec<Node> {
        let mut frame = frame;
        let bindings = scopes::bindings(statements, self.search);
        let parameters: Vec<(&'a str, Binding)> = frame.locals.keys().map(|name| (*name, Binding::Assigned)).collect();
        let is_function = frame.kind == FrameKind::Function;
        frame.names = scopes::by_name(&bindings.found);
        for (name, binding) in parameters {
            frame.names.entry(name).or_insert_with(|| vec![binding]);
        }
        self.frames.push(frame);
        if is_function {
            for (name, _) in &bindings.found {
                self.declare(name);
            }
        }
        let depth = std::mem::take(&mut self.depth);
        let nodes = self.collect(body);
        self.depth = depth;
        self.frames.pop();
        nodes
    }

    /// Makes a local for `name` in the innermost scope, a function's, unless it is none or is there already.
    fn declare(&mut self, name: &'a str) {
        let frame = self.frame();
        if frame.locals.contains_key(name) {
            return;
        }
        let Some(known) = frame.names.get(name) else { return };
        let elsewhere = known
            .iter()
            .any(|binding| matches!(binding, Binding::Global | Binding::Nonlocal));
        let only_class = matches!(known.as_slice(), [Binding::Class]);
        let only_imported = known.iter().all(|binding| matches!(binding, Binding::Import(_)));
        if elsewhere || only_class || only_imported {
            return;
        }
        let local = self.new_local(name);
        if let Some(frame) = self.frames.last_mut() {
            frame.locals.insert(name, local);
        }
    }
}
