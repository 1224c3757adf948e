//! The state of lowering one file: functions under construction, visible locals, and what dies when.
//!
//! Everything that the other files of this folder do goes through the small steps here: open a function, a region, a
//! scope or a statement, add an event, bind a local, close again.

use std::cell::RefCell;
use std::collections::HashSet;

use syn::Expr;

use crate::facts::{
    Argument, Call, CallIndex, Event, Function, FunctionIndex, FunctionKind, Import, Local, LocalIndex, Node,
    ParameterKind, Region, RegionKind, Span, TypeDecl, TypeRef, Value, Visibility,
};

use super::names::{ScopeIndex, Scopes, Target};

/// Where lowering stands in one file.
pub(super) struct Lowering<'a> {
    text: &'a str,
    /// Byte offset of each line's start; empty where the text is not ASCII and columns are no bytes.
    ascii_lines: Vec<u32>,
    pub functions: Vec<Function>,
    states: Vec<State>,
    pub types: Vec<TypeDecl>,
    pub imports: Vec<Import>,
    pub scopes: Scopes,
    pub scope: ScopeIndex,
    pub function: FunctionIndex,
    /// Locals by name, innermost last.
    visible: Vec<(String, FunctionIndex, LocalIndex)>,
    /// A nested `fn` sees none of the locals below.
    barrier: usize,
    pub self_type: Option<TypeRef>,
    /// The type that is expected of the call of `Default::default` that comes next.
    pub expected: Option<TypeRef>,
    /// Type parameters with their first bound.
    pub generics: Vec<(String, Option<TypeRef>)>,
    /// What the attributes of the modules around say, which is said of every function inside.
    pub around: Vec<crate::facts::Attribute>,
    pub test_only: bool,
    /// Why the item being lowered is not compiled.
    pub off: Option<String>,
    /// Locals of outer functions that closures have named so far.
    captured: RefCell<Vec<Value>>,
    /// Lines of macros that were too deep to be read.
    pub deep_lines: Vec<u32>,
}

/// What is only known while a function is being lowered.
#[derive(Default)]
struct State {
    /// The nodes of the regions that are open, outermost first.
    nodes: Vec<Vec<Node>>,
    /// Temporaries of the statements that are open.
    temporaries: Vec<Vec<Value>>,
    /// What dies at the end of the scopes that are open.
    dying: Vec<Vec<Value>>,
    /// Locals that hold something whose end may matter.
    droppable: HashSet<u32>,
    /// Locals that were moved away by name.
    moved: HashSet<u32>,
    /// The loops and labelled blocks that are open.
    loops: Vec<LoopState>,
}

/// What a `break` can leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopKind {
    Loop,
    /// Left by a `break` with its label only.
    LabelledBlock,
}

/// A loop that `break` may leave with a value.
struct LoopState {
    kind: LoopKind,
    label: Option<String>,
    /// Scopes open around it.
    depth: usize,
    values: Vec<Value>,
}

/// The head of a function to be opened.
pub(super) struct Head {
    pub name: String,
    pub qualified: String,
    pub kind: FunctionKind,
    pub visibility: Visibility,
    pub is_async: bool,
    pub span: Span,
    pub name_span: Span,
    pub parent: Option<FunctionIndex>,
}

/// What [`Lowering::open_function`] leaves behind, to return to.
pub(super) struct Outer {
    function: FunctionIndex,
    visible: usize,
    barrier: usize,
}

impl<'a> Lowering<'a> {
    /// Starts on a file whose module is `module`, with the module-level function open.
    pub(super) fn new(text: &'a str, module: &str) -> Lowering<'a> {
        let ascii_lines = if text.is_ascii() {
            std::iter::once(0)
                .chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1))
                .collect()
        } else {
            Vec::new()
        };
        let mut scopes = Scopes::default();
        let scope = scopes.add_module(module.to_owned());
        let mut lowering = Lowering {
            text,
            ascii_lines,
            functions: Vec::new(),
            states: Vec::new(),
            types: Vec::new(),
            imports: Vec::new(),
            scopes,
            scope,
            function: FunctionIndex(0),
            visible: Vec::new(),
            barrier: 0,
            self_type: None,
            expected: None,
            generics: Vec::new(),
            around: Vec::new(),
            test_only: false,
            off: None,
            captured: RefCell::default(),
            deep_lines: Vec::new(),
        };
        // Where the code of the whole file ends is no fact that anybody asks for: a comment there changes none.
        let span = super::scan::span_of(text, 0, 0);
        lowering.open_function(Head {
            name: "<module>".to_owned(),
            qualified: module.to_owned(),
            kind: FunctionKind::Module,
            visibility: Visibility::Public,
            is_async: false,
            span,
            name_span: Span::default(),
            parent: None,
        });
        lowering.open_statement();
        lowering.open_scope();
        lowering
    }

    /// The span from the start of `start` to the end of `end`.
    pub(super) fn span(&self, start: proc_macro2::Span, end: proc_macro2::Span) -> Span {
        let (from, to) = (start.start(), end.end());
        let (start_byte, end_byte) = if self.ascii_lines.is_empty() {
            (start.byte_range().start as u32, end.byte_range().end as u32)
        } else {
            let byte = |at: proc_macro2::LineColumn| {
                let line = self.ascii_lines.get(at.line.saturating_sub(1)).copied().unwrap_or(0);
                (line + at.column as u32).min(self.text.len() as u32)
            };
            (byte(from), byte(to))
        };
        Span {
            start: start_byte,
            end: end_byte.max(start_byte),
            line: from.line as u32,
            column: from.column as u32 + 1,
            end_line: to.line as u32,
            end_column: to.column as u32 + 1,
        }
    }

    fn state(&mut self) -> &mut State {
        &mut self.states[self.function.0 as usize]
    }

    /// The function being lowered.
    pub(super) fn current(&mut self) -> &mut Function {
        &mut self.functions[self.function.0 as usize]
    }

    /// Opens a function and makes it the current one.
    pub(super) fn open_function(&mut self, head: Head) -> Outer {
        let outer = Outer {
            function: self.function,
            visible: self.visible.len(),
            barrier: self.barrier,
        };
        if head.kind != FunctionKind::Closure {
            self.barrier = self.visible.len();
        }
        self.function = FunctionIndex(self.functions.len() as u32);
        self.functions.push(Function {
            name: head.name.into(),
            qualified: head.qualified,
            kind: head.kind,
            visibility: head.visibility,
            owner: None,
            parent: head.parent,
            locals: Vec::new(),
            calls: Vec::new(),
            body: Region::seq(head.span),
            attributes: Vec::new(),
            is_async: head.is_async,
            is_generator: false,
            returns: None,
            signature: None,
            test_only: self.test_only,
            span: head.span,
            name_span: head.name_span,
        });
        self.states.push(State {
            nodes: vec![Vec::new()],
            ..State::default()
        });
        outer
    }

    /// Closes the current function and returns to the one around it.
    pub(super) fn close_function(&mut self, outer: Outer) -> FunctionIndex {
        let closed = self.function;
        let state = std::mem::take(self.state());
        let nodes = state.nodes.into_iter().next().unwrap_or_default();
        let off = self.off.clone();
        let body = &mut self.current().body;
        body.nodes = match off {
            Some(reason) if !nodes.is_empty() => vec![Node::Region(Box::new(Region {
                kind: RegionKind::Unreached { reason },
                nodes,
                span: body.span,
            }))],
            _ => nodes,
        };
        self.visible.truncate(outer.visible);
        self.barrier = outer.barrier;
        self.function = outer.function;
        closed
    }

    /// Runs `work` in the module-level function: initialisers run there wherever they are written.
    pub(super) fn in_module_code(&mut self, work: impl FnOnce(&mut Self)) {
        let (function, barrier) = (self.function, self.barrier);
        self.function = FunctionIndex(0);
        self.barrier = self.visible.len();
        self.open_statement();
        work(self);
        self.drop_temporaries_silently();
        self.barrier = barrier;
        self.function = function;
    }

    fn drop_temporaries_silently(&mut self) {
        self.state().temporaries.pop();
    }

    /// Notes that something on `line` was too deep to be read.
    pub(super) fn too_deep(&mut self, line: u32) {
        if self.deep_lines.len() < 20 {
            self.deep_lines.push(line);
        }
    }

    /// Ends the module-level function.
    pub(super) fn finish_module(&mut self) {
        self.function = FunctionIndex(0);
        let nodes = self.state().nodes.pop().unwrap_or_default();
        self.current().body.nodes = nodes;
    }

    /// Adds an event to the open region.
    pub(super) fn event(&mut self, event: Event) {
        self.node(Node::Event(event));
    }

    /// Adds a node to the open region.
    pub(super) fn node(&mut self, node: Node) {
        if let Some(nodes) = self.state().nodes.last_mut() {
            nodes.push(node);
        }
    }

    /// Opens a list of nodes.
    pub(super) fn open_nodes(&mut self) {
        self.state().nodes.push(Vec::new());
    }

    /// Closes the innermost list of nodes.
    pub(super) fn close_nodes(&mut self) -> Vec<Node> {
        self.state().nodes.pop().unwrap_or_default()
    }

    /// Adds a region with `nodes`.
    pub(super) fn region(&mut self, kind: RegionKind, nodes: Vec<Node>, span: Span) {
        self.node(Node::Region(Box::new(Region { kind, nodes, span })));
    }

    /// Opens a scope of names.
    pub(super) fn open_scope(&mut self) -> usize {
        self.state().dying.push(Vec::new());
        self.visible.len()
    }

    /// Closes a scope: its locals die in reverse order, at the last character of `span`.
    pub(super) fn close_scope(&mut self, visible: usize, span: Span) {
        let dying = self.state().dying.pop().unwrap_or_default();
        for value in dying.into_iter().rev() {
            self.drop_at(value, span);
        }
        self.visible.truncate(visible);
    }

    /// Opens a statement: temporaries made from here on die at its end.
    pub(super) fn open_statement(&mut self) {
        self.state().temporaries.push(Vec::new());
    }

    /// Closes a statement, with its temporaries in reverse order.
    pub(super) fn close_statement(&mut self, span: Span) {
        let values = self.state().temporaries.pop().unwrap_or_default();
        for value in values.into_iter().rev() {
            self.event(Event::Drop {
                value,
                span: at_end(span),
            });
        }
    }

    /// Makes the temporaries so far live as long as the scope does (`let x = &call();`).
    pub(super) fn extend_temporaries(&mut self) {
        let state = self.state();
        let values = state.temporaries.last_mut().map(std::mem::take).unwrap_or_default();
        if let Some(dying) = state.dying.last_mut() {
            dying.extend(values);
        }
    }

    /// A new local of the current function.
    pub(super) fn add_local(
        &mut self,
        name: &str,
        ty: Option<TypeRef>,
        parameter: Option<ParameterKind>,
    ) -> LocalIndex {
        let locals = &mut self.current().locals;
        let index = LocalIndex(locals.len() as u32);
        locals.push(Local {
            name: name.into(),
            parameter,
            default: None,
            ty: ty.map(Box::new),
            kept: false,
            fixed: false,
        });
        index
    }

    /// Makes `local` visible by its name from here on, until the open scope closes.
    pub(super) fn show(&mut self, name: &str, local: LocalIndex) {
        let function = self.function;
        self.visible.push((name.to_owned(), function, local));
        if let Some(dying) = self.state().dying.last_mut() {
            dying.push(Value::Local(function, local));
        }
    }

    /// The local that `name` means here.
    pub(super) fn local(&self, name: &str) -> Option<(FunctionIndex, LocalIndex)> {
        self.visible[self.barrier..]
            .iter()
            .rev()
            .find(|(visible, ..)| visible == name)
            .map(|(_, function, local)| (*function, *local))
    }

    /// Notes that `local` of the current function holds something whose end may matter.
    pub(super) fn mark_droppable(&mut self, local: LocalIndex) {
        self.state().droppable.insert(local.0);
    }

    /// Whether the value's end may matter: the result of a call, a record, or a local that holds one.
    pub(super) fn is_droppable(&self, value: &Value) -> bool {
        match value {
            Value::Call(..) | Value::Await(_) | Value::Record(..) => true,
            Value::Item(base, _) | Value::Attribute(base, _) => {
                !matches!(**base, Value::Local(..)) && self.is_droppable(base)
            }
            Value::OneOf(values) | Value::List(values) => values.iter().any(|value| self.is_droppable(value)),
            Value::Local(function, local) => self.states[function.0 as usize].droppable.contains(&local.0),
            _ => false,
        }
    }

    /// Notes that a local was moved away by its name.
    pub(super) fn mark_moved(&mut self, value: &Value) {
        if let Value::Local(function, local) = value {
            self.states[function.0 as usize].moved.insert(local.0);
        }
    }

    /// How many names closures have captured so far, for [`Lowering::move_captures`].
    pub(super) fn captures(&self) -> usize {
        self.captured.borrow().len()
    }

    /// Whatever was captured since `before` is moved into the closure that just closed.
    pub(super) fn move_captures(&mut self, before: usize) {
        let captured = self.captured.borrow()[before..].to_vec();
        captured.iter().for_each(|value| self.mark_moved(value));
    }

    /// Adds a call, its event, and its result as a temporary.
    pub(super) fn call(&mut self, callee: Value, args: Vec<Argument>, span: Span) -> Value {
        let value = self.silent_call(callee, args, span);
        if let Some(temporaries) = self.state().temporaries.last_mut() {
            temporaries.push(value.clone());
        }
        value
    }

    /// Adds a call and its event; nobody watches when its result dies.
    pub(super) fn silent_call(&mut self, callee: Value, args: Vec<Argument>, span: Span) -> Value {
        let calls = &mut self.current().calls;
        let index = CallIndex(calls.len() as u32);
        calls.push(Call {
            callee,
            args,
            span,
            discarded: false,
        });
        self.event(Event::Call(index));
        Value::Call(self.function, index)
    }

    /// The call's result is thrown away.
    pub(super) fn discard(&mut self, value: &Value) {
        if let Value::Call(function, call) = value
            && *function == self.function
        {
            self.current().calls[call.0 as usize].discarded = true;
        }
    }

    /// Takes a call's result off the list of temporaries: somebody owns it now.
    pub(super) fn keep(&mut self, value: &Value) {
        for temporaries in self.state().temporaries.iter_mut().rev() {
            if let Some(at) = temporaries.iter().rposition(|temporary| temporary == value) {
                temporaries.remove(at);
                return;
            }
        }
    }

    /// Opens a loop or labelled block, that `break` can leave.
    pub(super) fn open_loop(&mut self, label: Option<&syn::Label>, kind: LoopKind) {
        let state = self.state();
        state.loops.push(LoopState {
            kind,
            label: label.map(|label| label.name.ident.to_string()),
            depth: state.dying.len(),
            values: Vec::new(),
        });
    }

    /// Closes a loop and returns what `break` gave to it.
    pub(super) fn close_loop(&mut self) -> Vec<Value> {
        self.state().loops.pop().map(|state| state.values).unwrap_or_default()
    }

    fn loop_state(&mut self, label: Option<&syn::Lifetime>) -> Option<&mut LoopState> {
        let name = label.map(|label| label.ident.to_string());
        let mut loops = self.state().loops.iter_mut().rev();
        match name {
            Some(name) => loops.find(|state| state.label.as_ref() == Some(&name)),
            None => loops.find(|state| state.kind == LoopKind::Loop),
        }
    }

    /// A `break` gives `value` to its loop.
    pub(super) fn give(&mut self, label: Option<&syn::Lifetime>, value: Value) {
        if let Some(state) = self.loop_state(label) {
            state.values.push(value);
        }
    }

    /// How many scopes are open around the loop that a `break` or `continue` speaks of.
    pub(super) fn loop_depth(&mut self, label: Option<&syn::Lifetime>) -> usize {
        self.loop_state(label).map_or(0, |state| state.depth)
    }

    /// What dies in all open scopes but the outermost `depth`, where control leaves them early.
    pub(super) fn drop_scopes(&mut self, depth: usize, span: Span) {
        let state = self.state();
        let dying: Vec<Value> = state.dying.iter().skip(depth).flatten().cloned().collect();
        for value in dying.into_iter().rev() {
            self.drop_at(value, span);
        }
    }

    pub(super) fn drop_at(&mut self, value: Value, span: Span) {
        if let Value::Local(_, index) = &value {
            let state = self.state();
            if !state.droppable.contains(&index.0) || state.moved.contains(&index.0) {
                return;
            }
        }
        self.event(Event::Drop {
            value,
            span: at_end(span),
        });
    }

    /// Closes a scope that control never reaches the end of.
    pub(super) fn leave_scope(&mut self, visible: usize) {
        self.state().dying.pop();
        self.visible.truncate(visible);
    }

    /// What a path expression is: a local, an absolute path, a link name, or a name that the model must find.
    pub(super) fn path_value(&self, segments: &[String], leading_colon: bool) -> Value {
        let [name] = segments else {
            return match self.resolve_type_path(segments, leading_colon) {
                Some(Target::Link(link)) => Value::Global(link.into()),
                Some(Target::Path(path)) => Value::Path(path.into()),
                None => Value::Path(segments.join("::").into()),
            };
        };
        if !leading_colon {
            if let Some((function, local)) = self.local(name) {
                let value = Value::Local(function, local);
                if function != self.function {
                    self.captured.borrow_mut().push(value.clone());
                }
                return value;
            }
            if name == "Self"
                && let Some(ty) = &self.self_type
            {
                return Value::Path(ty.name.clone());
            }
            if name == "None" && self.scopes.value_named(self.scope, name).is_none() {
                return Value::None;
            }
        }
        match self.scopes.value_named(self.scope, name) {
            Some(Target::Link(link)) => Value::Global(link.into()),
            Some(Target::Path(path)) => Value::Path(path.into()),
            None => Value::Global(name.into()),
        }
    }

    /// Resolves a path of several names, or of one as a type.
    pub(super) fn resolve_type_path(&self, segments: &[String], leading_colon: bool) -> Option<Target> {
        if !leading_colon {
            let first = segments.first()?;
            let rest = segments[1..].iter();
            let with = |base: &str| {
                let path = rest
                    .clone()
                    .fold(base.to_owned(), |path, name| super::names::join(&path, name));
                Some(Target::Path(path))
            };
            if first == "Self" {
                return with(&self.self_type.as_ref()?.name);
            }
            if let Some((_, bound)) = self.generics.iter().rev().find(|(name, _)| name == first) {
                return with(&bound.as_ref()?.name);
            }
        }
        self.scopes.resolve(self.scope, segments, leading_colon)
    }

    /// The path of an attribute: imported names resolved, built-in ones as they stand.
    pub(super) fn attribute_path(&self, segments: &[String]) -> String {
        let resolved = match segments {
            [name] => self
                .scopes
                .macro_named(self.scope, name)
                .map(|path| match path.strip_suffix('!') {
                    Some(path) => path.to_owned(),
                    None => path,
                }),
            _ => match self.scopes.resolve(self.scope, segments, false) {
                Some(Target::Path(path)) => Some(path),
                _ => None,
            },
        };
        resolved.unwrap_or_else(|| segments.join("::"))
    }

    /// The span of an expression.
    pub(super) fn expr_span(&self, expr: &Expr) -> Span {
        self.span(super::extents::first_token(expr), super::extents::last_token(expr))
    }

    /// The qualified name of the function being lowered.
    pub(super) fn qualified(&self) -> &str {
        &self.functions[self.function.0 as usize].qualified
    }
}

/// The last character of `span`, where what dies at its end dies.
pub(super) fn at_end(span: Span) -> Span {
    Span {
        start: span.end.saturating_sub(1).max(span.start),
        end: span.end,
        line: span.end_line,
        column: span.end_column.saturating_sub(1).max(1),
        end_line: span.end_line,
        end_column: span.end_column,
    }
}
