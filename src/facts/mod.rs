//! The waist of the hourglass: what every frontend delivers and the model consumes, for C, Python and Rust alike.
//!
//! Types only: no logic beyond constructors and accessors, no syntax-tree types, no API names. Everything here can be
//! serialised, so that the facts of a file can be cached by its content hash. `os.environ[k] = v` is a subscript
//! store on the path `os.environ` here and nothing more; the catalog (`knowledge`) gives it a meaning.
//!
//! Names are resolved as far as the language resolves them *inside one file*: imports and `use` become absolute paths,
//! lexical scopes become locals. What a local may hold, which file a path leads to and which function a call reaches
//! is the model's work, by the rules of no language in particular.

use serde::{Deserialize, Serialize};

mod name;
mod value;

pub use name::Name;
pub use value::{Argument, Condition, FieldKey, Piece, Record, TypeRef, Value};

/// The languages that a frontend exists for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    C,
    Python,
    Rust,
}

impl Language {
    /// The language's name as it stands in messages and JSON: `c`, `python`, `rust`.
    pub fn name(self) -> &'static str {
        match self {
            Language::C => "c",
            Language::Python => "python",
            Language::Rust => "rust",
        }
    }
}

/// Index of a function in [`FileFacts::functions`]; 0 is the module-level code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionIndex(pub u32);

/// Index of a local in [`Function::locals`]; parameters come first, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalIndex(pub u32);

/// Index of a call in [`Function::calls`], in source order of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallIndex(pub u32);

/// Index of a type in [`FileFacts::types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TypeIndex(pub u32);

/// A piece of source text.
///
/// `start` and `end` are byte offsets into the file as it was read (before any decoding that changes lengths), lines
/// and columns count from 1, columns in Unicode scalar values. `end_column` is the column just past the last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Span {
    pub start: u32,
    pub end: u32,
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// Everything that is known of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Path relative to the project's root, with `/` and without `./`.
    pub path: String,
    pub language: Language,
    /// The file's own module path where the file alone tells it. Rust: `crate::a::b` from the path below `src`. Python
    /// and C: empty, since there the model decides by who imports or links it.
    pub module: String,
    /// `functions[0]` is the module-level code and always exists (C: initialisers of file-scope variables).
    pub functions: Vec<Function>,
    pub types: Vec<TypeDecl>,
    pub imports: Vec<Import>,
    /// C: variables at file scope that no other file can mean (`static`).
    pub statics: Vec<String>,
    /// Comments whose text begins with `envrace:`, without the comment marker.
    pub directives: Vec<Directive>,
}

/// A name that comes from elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Import {
    /// Absolute path (`os.environ`, `std::env`), or relative with its leading dots (`.utils`, `..a.b`) in Python, or the
    /// text between the quotes of a C `#include "x.h"`.
    pub path: Name,
    /// The name that it is bound to here. `None` where a whole module is executed or included without a name.
    pub name: Option<Name>,
    /// `from m import *`, `use m::*`.
    pub star: bool,
    /// Visible to others (`pub use`; always true in Python). C: included whatever the build's options are.
    pub exported: bool,
    /// C: only other systems have what is included.
    pub elsewhere: bool,
    pub span: Span,
}

/// A comment that speaks to envrace: `# envrace: ignore[rule] reason`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Directive {
    /// The text after `envrace:`, trimmed.
    pub text: String,
    pub span: Span,
    /// Nothing but white space stands before it on its line, so that it speaks of the next line of code.
    pub own_line: bool,
}

/// What kind of thing a [`TypeDecl`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TypeKind {
    /// A Python class, a C struct or union, a Rust struct or enum.
    Class,
    /// A Rust trait.
    Trait,
    /// A Rust `impl` block: adds methods to the type of the same `name`; `bases` holds the trait, if any.
    Impl,
    /// A C typedef or Rust type alias: `fields` is empty, `target` says what for.
    Alias,
}

/// A class, struct, trait, impl block or alias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeDecl {
    /// Python: the qualified name within the module (`Outer.Inner`). C: `struct tag`, `union tag` or the typedef's name.
    /// Rust: the absolute path (`crate::a::Type`).
    pub name: Name,
    pub kind: TypeKind,
    /// Base classes as values (they resolve like any name), or the implemented trait.
    pub bases: Vec<Value>,
    pub methods: Vec<FunctionIndex>,
    pub fields: Vec<Field>,
    /// What an alias stands for.
    pub target: Option<TypeRef>,
    pub attributes: Vec<Attribute>,
    /// Python: what runs where the class stands.
    pub body: Option<FunctionIndex>,
    pub span: Span,
}

/// A field of a struct or an annotated attribute of a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    pub name: Name,
    pub ty: Option<TypeRef>,
    pub span: Span,
}

/// A decorator or Rust attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// What it names: a [`Value::Path`] for `#[tokio::main]`, any value for a Python decorator.
    pub value: Value,
    /// The arguments, where it was called or has a token list that parses as such.
    pub args: Vec<Argument>,
    pub span: Span,
}

/// Who can see a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Visibility {
    /// Exported: external linkage in C, `pub` in Rust, no leading underscore in Python.
    Public,
    /// `static` in C, no `pub` in Rust, leading underscore in Python, any nested function.
    Private,
}

/// What sort of code a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FunctionKind {
    /// The code at the top of the file.
    Module,
    /// A Python class body: it runs where the class statement stands.
    ClassBody,
    Function,
    Method,
    /// A lambda, closure, or `async` block.
    Closure,
    /// A function-like macro with a body (C), called like a function.
    Macro,
    /// A declaration without a body whose definition may be in another file (C prototype, Rust `extern "C"` item).
    Declaration,
}

/// A function, method, closure, macro with a body, or the module-level code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// The bare name; `<module>` for module-level code, `<lambda>` or `<closure>` where there is none.
    pub name: Name,
    /// Python: dotted within the module (`Class.method`, `outer.inner`). C: the linkage name. Rust: absolute path
    /// (`crate::a::Type::method`; closures: the enclosing function's plus `::<closure>`).
    pub qualified: String,
    pub kind: FunctionKind,
    pub visibility: Visibility,
    /// The type whose method it is.
    pub owner: Option<TypeIndex>,
    /// The function in which it is lexically nested (never `functions[0]` for a plain top-level function).
    pub parent: Option<FunctionIndex>,
    /// Parameters first (see [`Local::parameter`]), then every other local name, in order of first appearance.
    pub locals: Vec<Local>,
    /// Among them, without arguments and without an event, the places of Python's bare decorators (`@app.before_request`).
    pub calls: Vec<Call>,
    pub body: Region,
    pub attributes: Vec<Attribute>,
    /// `async def`, `async fn`, `async` block: calling it runs nothing until the result is awaited or started.
    pub is_async: bool,
    /// Holds a `yield` of its own.
    pub is_generator: bool,
    /// Return type, or the C function's own signature where it is a function pointer type.
    pub returns: Option<TypeRef>,
    /// C: the normalised signature, `fn(int,char **)->int`, by which indirect calls through an unknown pointer match.
    pub signature: Option<Name>,
    /// Compiled into test builds only (`#[cfg(test)]`, `#[test]` modules).
    pub test_only: bool,
    pub span: Span,
    pub name_span: Span,
}

/// How an argument reaches a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ParameterKind {
    Normal,
    /// `self`, `cls`, `&self`: filled by the receiver of a method call.
    Receiver,
    KeywordOnly,
    /// `*args`, C's `...`.
    VarPositional,
    /// `**kwargs`.
    VarKeyword,
}

/// A parameter or another name that lives in a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Local {
    pub name: Name,
    pub parameter: Option<ParameterKind>,
    /// A parameter's default.
    pub default: Option<Box<Value>>,
    /// The type that is written or evident (annotation, declaration, `let x: T`).
    pub ty: Option<Box<TypeRef>>,
    /// C: `static`, so that it keeps what it holds from call to call.
    pub kept: bool,
    /// Rust: bound without `mut`, so that it is what is stored into it, and nobody changes that.
    pub fixed: bool,
}

/// One call expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// A method call has the callee `Attribute(receiver, name)`.
    pub callee: Value,
    pub args: Vec<Argument>,
    /// The whole expression, from the callee's first character to the closing parenthesis. For a call in a chain of
    /// methods `line` is the line of the method's name, so that reports point at the name and not at the chain's top.
    pub span: Span,
    /// The result is thrown away (an expression statement).
    pub discarded: bool,
}

/// What part of a place a store or load touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AccessForm {
    /// A plain name or the whole object: `x = v`, `environ = v`, `*p = v`.
    Whole,
    /// `a.b = v`: the target is [`Value::Attribute`].
    Attribute,
    /// `a[k] = v`: the target is [`Value::Item`].
    Subscript,
}

/// What happens to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StoreKind {
    Assign,
    /// `a[k] += v`: reads the old value first, so the name exists already.
    Augmented,
    /// `del a[k]`.
    Delete,
}

/// One thing that a function does, in source order of evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Call(CallIndex),
    Store {
        target: Value,
        form: AccessForm,
        kind: StoreKind,
        value: Box<Value>,
        span: Span,
    },
    /// A read of a path, attribute or subscript that is not itself a callee. Plain locals are not listed.
    Load {
        value: Value,
        form: AccessForm,
        span: Span,
    },
    /// A coroutine or future is driven to its end here.
    Await {
        value: Value,
        span: Span,
    },
    /// The local's value (or a temporary) dies here: Rust's scope end or end of statement. Not emitted for a local that
    /// was moved away by name. `drop(x)` is a plain call.
    Drop {
        value: Value,
        span: Span,
    },
    Return {
        value: Value,
        span: Span,
    },
    /// `yield v`; in a context manager's generator, the with-block runs here.
    Yield {
        value: Value,
        span: Span,
    },
    Raise {
        span: Span,
    },
    Break,
    Continue,
    /// Control goes on at the label of this name, which stands further down in the function (C's `goto`). A jump backwards
    /// is not listed.
    Jump {
        label: String,
    },
    /// What jumps lead to.
    Label {
        name: String,
    },
    /// A module is executed for its effects where it has not been before (Python `import`); the path as in [`Import`].
    Import {
        path: Name,
        span: Span,
    },
    /// A function, lambda or class is defined here; a class body runs here.
    Define {
        function: FunctionIndex,
        span: Span,
    },
}

/// An event or a nested region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Node {
    Event(Event),
    Region(Box<Region>),
}

/// A stretch of code with a control structure of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Region {
    pub kind: RegionKind,
    pub nodes: Vec<Node>,
    pub span: Span,
}

/// The control structures, alike for all languages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RegionKind {
    /// One after the other.
    Seq,
    /// May run any number of times. The loop's own condition or iterator is evaluated before or inside; a `for x in xs`
    /// has a store of `Element(xs)` to `x` as its first node.
    Loop {
        /// What is iterated over, for `for x in xs`.
        over: Option<Value>,
        /// `while cond`; [`Condition::Always`] for `loop` and `for (;;)`.
        test: Condition,
        /// The body runs at least once (`do … while`).
        at_least_once: bool,
    },
    /// `if`/`match`/`switch`: every child is a [`RegionKind::Arm`], of which at most one runs.
    Branch {
        /// One arm surely runs (there is an `else` or the match is exhaustive).
        exhaustive: bool,
    },
    /// One arm of a branch. Calls inside the test stand before the branch.
    Arm {
        test: Condition,
    },
    /// Every child is one of `TryBody`, `Handler`, `Finally`, in this order.
    Try,
    TryBody,
    Handler,
    Finally,
    /// A with-block: `manager` is entered before the first node and left after the last, however the block ends.
    Scope {
        manager: Value,
        /// Where the value of entering goes (`as x`).
        bound: Option<LocalIndex>,
        manager_span: Span,
    },
    /// A parallel region written as a pragma (`#pragma omp parallel`): the text after `#pragma `.
    Pragma {
        text: String,
    },
    /// Code that is compiled out or can never run: `#if 0`, a `cfg` that is off on the chosen target, code after an
    /// unconditional exit.
    Unreached {
        reason: String,
    },
    /// Compiled or not, depending on a condition left open (`#ifdef HAVE_X`): the text of the condition.
    Conditional {
        text: String,
    },
}

/// What a frontend could not understand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Problem {
    pub path: String,
    pub kind: ProblemKind,
    pub message: String,
    /// The line from 1, where one is known.
    pub line: Option<u32>,
}

/// A file was given up after a time.
pub const OUT_OF_TIME: &str = "the file took too much work to parse";

/// The machine had no thread to spare.
pub const NO_THREAD: &str = "no thread could be started";

impl Problem {
    /// Whether it tells of the machine and not of the files: another run over the same bytes may not meet it.
    pub fn is_of_the_machine(&self) -> bool {
        self.kind == ProblemKind::Io || [OUT_OF_TIME, NO_THREAD].iter().any(|what| self.message.contains(what))
    }
}

/// Kinds of problems, from whole files lost to mere notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// A syntax error was recovered from; facts hold what stands around it.
    Partial,
    /// Nothing could be made of the file.
    Parse,
    /// The file could not be read.
    Io,
    /// The file is larger than the limit.
    TooLarge,
    /// The file holds NUL bytes or no text.
    Binary,
    /// The bytes are not in the encoding that they claim.
    Encoding,
    /// A limit of nesting, time or count was met.
    Limit,
    /// A suppression comment that is malformed or silences nothing.
    Directive,
    /// A member of an archive is not as it should be, and was read all the same.
    Archive,
}

impl ProblemKind {
    /// All of them, in the order in which they stand above.
    pub const ALL: [ProblemKind; 9] = [
        ProblemKind::Partial,
        ProblemKind::Parse,
        ProblemKind::Io,
        ProblemKind::TooLarge,
        ProblemKind::Binary,
        ProblemKind::Encoding,
        ProblemKind::Limit,
        ProblemKind::Directive,
        ProblemKind::Archive,
    ];

    /// The kind as it stands in JSON and reports.
    pub fn name(self) -> &'static str {
        match self {
            ProblemKind::Partial => "partial",
            ProblemKind::Parse => "parse",
            ProblemKind::Io => "io",
            ProblemKind::TooLarge => "too-large",
            ProblemKind::Binary => "binary",
            ProblemKind::Encoding => "encoding",
            ProblemKind::Limit => "limit",
            ProblemKind::Directive => "directive",
            ProblemKind::Archive => "archive",
        }
    }

    /// Whether a file, member or function was lost whole (exit code 3).
    pub fn loses_input(self) -> bool {
        !matches!(
            self,
            ProblemKind::Partial | ProblemKind::Directive | ProblemKind::Archive
        )
    }
}

impl Region {
    /// An empty sequence at `span`.
    pub fn seq(span: Span) -> Region {
        Region {
            kind: RegionKind::Seq,
            nodes: Vec::new(),
            span,
        }
    }
}

impl Function {
    /// The parameters: the locals in front that have a [`ParameterKind`].
    pub fn parameters(&self) -> impl Iterator<Item = (LocalIndex, &Local)> {
        self.locals
            .iter()
            .enumerate()
            .take_while(|(_, local)| local.parameter.is_some())
            .map(|(index, local)| (LocalIndex(index as u32), local))
    }
}

impl FileFacts {
    /// The function at `index`.
    pub fn function(&self, index: FunctionIndex) -> &Function {
        &self.functions[index.0 as usize]
    }

    /// The call `call` of the function `function`.
    pub fn call(&self, function: FunctionIndex, call: CallIndex) -> &Call {
        &self.function(function).calls[call.0 as usize]
    }
}
