//! What is known while a file is lowered: the function at hand, its names in their blocks, the nodes gathered so far.

use std::collections::{HashMap, HashSet};

use tree_sitter::Node as Syntax;

use crate::facts::{
    Call, CallIndex, Event, Function, FunctionIndex, FunctionKind, Local, LocalIndex, Node, Region, RegionKind, Span,
    TypeDecl, Value, Visibility,
};

use super::arms::{Arms, Presence};
use super::preprocess::Pragma;
use super::text::{Lines, Written};
use super::types::CType;

/// How deep expressions and statements may nest before they are passed over.
const DEPTH: u32 = 150;

/// How many nodes of a file may be copied for arms of a `switch` that fall through.
const COPIES: usize = 20_000;

/// What a `break` leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaks {
    Loop,
    /// A `switch`, or `do { … } while (0)`: leaving it is going on.
    Through,
}

/// Whether expressions run or are initialisers that the compiler evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evaluation {
    Run,
    Constant,
}

/// A function that is being lowered.
#[derive(Default)]
pub(super) struct Builder {
    pub index: u32,
    pub locals: Vec<Local>,
    pub calls: Vec<Call>,
    pub nodes: Vec<Node>,
    pub breaks: Vec<Breaks>,
    /// The labels that stand above.
    pub labels: HashSet<String>,
    /// Arms of conditionals that are entered.
    pub entered: Vec<u32>,
    /// Calls that a block's end makes, for every open block.
    pub cleanups: Vec<Vec<(Value, Value, Span)>>,
}

/// The names of the open blocks.
#[derive(Default)]
pub(super) struct Names {
    /// What a name means, innermost last; `None` is a global that hides a local.
    known: HashMap<String, Vec<Option<(FunctionIndex, LocalIndex)>>>,
    declared: Vec<String>,
    blocks: Vec<usize>,
}

impl Names {
    pub fn enter(&mut self) {
        self.blocks.push(self.declared.len());
    }

    pub fn leave(&mut self) {
        let keep = self.blocks.pop().unwrap_or(0);
        for name in self.declared.drain(keep..) {
            if let Some(meanings) = self.known.get_mut(&name) {
                meanings.pop();
            }
        }
    }

    pub fn declare(&mut self, name: &str, meaning: Option<(FunctionIndex, LocalIndex)>) {
        self.known.entry(name.to_owned()).or_default().push(meaning);
        self.declared.push(name.to_owned());
    }

    pub fn find(&self, name: &str) -> Option<(FunctionIndex, LocalIndex)> {
        self.known.get(name)?.last().copied()?
    }
}

/// The state of lowering one file.
pub(super) struct Lowering<'a> {
    pub lines: &'a Lines,
    pub arms: &'a Arms,
    pub pragmas: &'a [Pragma],
    /// The text whose tree is being lowered.
    pub written: &'a Written,
    pub functions: Vec<Function>,
    pub types: Vec<TypeDecl>,
    /// Fields of structs by the struct's name, and what typedefs stand for.
    pub fields: HashMap<String, Vec<(String, CType)>>,
    pub aliases: HashMap<String, CType>,
    /// Variables at file scope that are `static`.
    pub statics: Vec<String>,
    pub current: Builder,
    pub names: Names,
    pub evaluation: Evaluation,
    /// Functions that are declared without a body.
    pub prototypes: Vec<Function>,
    /// How many more nodes may be copied for arms that fall through.
    pub copies_left: usize,
    depth: u32,
    /// The line where nesting was first too deep.
    pub too_deep: Option<u32>,
}

impl<'a> Lowering<'a> {
    pub fn new(lines: &'a Lines, arms: &'a Arms, pragmas: &'a [Pragma], written: &'a Written) -> Lowering<'a> {
        // Where the code of the whole file ends is no fact that anybody asks for: a comment there changes none.
        let start = lines.span(0, 0);
        Lowering {
            lines,
            arms,
            pragmas,
            written,
            functions: vec![empty_function("<module>", FunctionKind::Module, start)],
            types: Vec::new(),
            fields: HashMap::new(),
            aliases: HashMap::new(),
            statics: Vec::new(),
            current: Builder::default(),
            names: Names::default(),
            evaluation: Evaluation::Constant,
            prototypes: Vec::new(),
            copies_left: COPIES,
            depth: 0,
            too_deep: None,
        }
    }

    /// The text of a syntax node.
    pub fn text(&self, node: Syntax) -> &'a str {
        let written: &'a Written = self.written;
        written.text.get(node.byte_range()).unwrap_or("")
    }

    /// The place of a syntax node in the file.
    pub fn span(&self, node: Syntax) -> Span {
        let (start, end) = self.written.place(node.start_byte(), node.end_byte());
        self.lines.span(start, end)
    }

    /// The file offset where a syntax node begins.
    pub fn offset(&self, node: Syntax) -> u32 {
        self.written.place(node.start_byte(), node.start_byte() + 1).0
    }

    /// Runs `work` one level deeper; gives `fallback` where that is too deep.
    pub fn deeper<T>(&mut self, node: Syntax, fallback: T, work: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= DEPTH {
            if self.too_deep.is_none() {
                self.too_deep = Some(self.span(node).line);
            }
            return fallback;
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    pub fn index(&self) -> FunctionIndex {
        FunctionIndex(self.current.index)
    }

    pub fn emit(&mut self, event: Event) {
        if self.evaluation == Evaluation::Run {
            self.current.nodes.push(Node::Event(event));
        }
    }

    /// Runs `work` and takes the nodes that it gathered.
    pub fn gather<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, Vec<Node>) {
        let before = std::mem::take(&mut self.current.nodes);
        let result = work(self);
        (result, std::mem::replace(&mut self.current.nodes, before))
    }

    pub fn push_region(&mut self, kind: RegionKind, nodes: Vec<Node>, span: Span) {
        self.current
            .nodes
            .push(Node::Region(Box::new(Region { kind, nodes, span })));
    }

    /// Records a call and its event.
    pub fn push_call(&mut self, call: Call) -> Value {
        let index = CallIndex(self.current.calls.len() as u32);
        self.current.calls.push(call);
        self.emit(Event::Call(index));
        Value::Call(self.index(), index)
    }

    pub fn add_local(&mut self, local: Local) -> LocalIndex {
        let index = LocalIndex(self.current.locals.len() as u32);
        let meaning = Some((self.index(), index));
        self.names.declare(&local.name, meaning);
        self.current.locals.push(local);
        index
    }

    /// The kind of region that an arm makes; `None` for one that is always compiled.
    pub fn arm_region(&self, arm: u32) -> Option<(RegionKind, Span)> {
        let arm = &self.arms.all[arm as usize];
        let kind = match &arm.presence {
            Presence::Always => return None,
            Presence::Never(reason) => RegionKind::Unreached { reason: reason.clone() },
            Presence::When(text) => RegionKind::Conditional { text: text.clone() },
        };
        Some((kind, self.lines.span(arm.start, arm.end)))
    }

    /// Whether a place is compiled out on every target.
    pub fn is_compiled_out(&self, at: u32) -> bool {
        let arms = self.arms.path(at);
        arms.iter()
            .any(|arm| matches!(self.arms.all[*arm as usize].presence, Presence::Never(_)))
    }

    /// Begins a function; what was being lowered is returned, to be given back to `end_function`.
    pub fn begin_function(&mut self, function: Function) -> Builder {
        let index = self.functions.len() as u32;
        self.functions.push(function);
        self.names.enter();
        std::mem::replace(
            &mut self.current,
            Builder {
                index,
                ..Builder::default()
            },
        )
    }

    /// Ends the function at hand and goes back to `outer`.
    pub fn end_function(&mut self, outer: Builder) {
        self.names.leave();
        let done = std::mem::replace(&mut self.current, outer);
        let function = &mut self.functions[done.index as usize];
        function.locals = done.locals;
        function.calls = done.calls;
        function.body.nodes = done.nodes;
    }
}

/// A function with nothing in it yet.
pub(super) fn empty_function(name: &str, kind: FunctionKind, span: Span) -> Function {
    Function {
        name: name.into(),
        qualified: name.to_owned(),
        kind,
        visibility: Visibility::Public,
        owner: None,
        parent: None,
        locals: Vec::new(),
        calls: Vec::new(),
        body: Region::seq(span),
        attributes: Vec::new(),
        is_async: false,
        is_generator: false,
        returns: None,
        signature: None,
        test_only: false,
        span,
        name_span: span,
    }
}

/// The children of a node that mean something: named, and no comments.
pub(super) fn children(node: Syntax<'_>) -> Vec<Syntax<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}
