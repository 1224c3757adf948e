//! Values as far as they are evident from one file: what a name, argument or stored thing may be.

use super::{CallIndex, FunctionIndex, LocalIndex, Name, Span};
use serde::{Deserialize, Serialize};

/// What an expression may be. Everything that matters not at all is [`Value::Unknown`].
///
/// Values are closed within a file: locals and calls name the function that they belong to, so a closure's captured
/// name is simply a local of another function.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Value {
    Unknown,
    /// `None`, `NULL`, `nullptr`, `()`.
    None,
    Bool(bool),
    Int(i64),
    /// A string, whole or with holes: `'%s/plugin.py' % path` is `[Hole(path), Literal("/plugin.py")]`.
    Text(Box<[Piece]>),
    /// A local or parameter of a function of this file.
    Local(FunctionIndex, LocalIndex),
    /// A name at the top of this file, or one that nothing in the file defines: the model decides (this module, a star
    /// import, linkage, a builtin). C: any identifier that is not local.
    Global(Name),
    /// An absolute path as an import or `use` makes it (`os.environ`, `std::env::set_var`, `.utils.run`), with the
    /// language's own separator. Attributes on it are folded in (`os.environ`, not `Attribute(os, environ)`).
    Path(Name),
    /// `base.name`, `base->name`, `base.method` as a callee.
    Attribute(Box<Value>, Name),
    /// `base[key]`.
    Item(Box<Value>, Box<Value>),
    /// Any element of an iterable or container.
    Element(Box<Value>),
    /// The result of a call in this file.
    Call(FunctionIndex, CallIndex),
    /// A function, lambda or closure of this file as a value.
    Function(FunctionIndex),
    /// `super()`, `super(C, self)`: the receiver seen as its bases.
    Super(FunctionIndex),
    /// One of several: a conditional expression, `a or b`, a match.
    OneOf(Box<[Value]>),
    /// A list, tuple, set or array literal; a comprehension has one element.
    List(Box<[Value]>),
    /// A mapping literal. A key of [`Value::Unknown`] stands for `**other`, with the other mapping as value.
    Map(Box<[(Value, Value)]>),
    /// A struct literal or designated initialiser.
    Record(Box<Record>),
    /// `&x`, `*x`, `x as T`, `x?`, parentheses: the same thing for our purposes are not wrapped at all; this one is an
    /// awaited future, whose value is the value of what it ran.
    Await(Box<Value>),
    /// `a + b` and the like on things that are no strings: only its operands are known.
    Combined(Box<[Value]>),
    /// A test of the system that the program runs on, and its outcome: `sys.platform == 'win32'`.
    Decided(bool),
}

impl Value {
    /// A literal string.
    pub fn text(literal: impl Into<String>) -> Value {
        Value::Text([Piece::Literal(literal.into())].into())
    }

    /// A struct literal of a type, where that is written, with these fields.
    pub fn record(ty: Option<TypeRef>, fields: Vec<(FieldKey, Value)>) -> Value {
        Value::Record(Box::new(Record { ty, fields }))
    }

    /// The string where it is wholly literal.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(pieces) => match &**pieces {
                [] => Some(""),
                [Piece::Literal(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A struct literal or designated initialiser.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The struct's type, where it is written.
    pub ty: Option<TypeRef>,
    pub fields: Vec<(FieldKey, Value)>,
}

/// A part of a string.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Piece {
    Literal(String),
    Hole(Value),
}

/// How a field of a record is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FieldKey {
    Name(Name),
    /// Positional initialiser, from 0.
    Index(u32),
}

/// A type as it is written, names resolved like paths.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TypeRef {
    /// C: `struct tag`, a typedef's name, or `fn` for a function pointer (then `args` are the parameters and, last, the
    /// result). Pointers and references are dropped. Python: a path or global name. Rust: an absolute path, `dyn T` as
    /// the trait's path, `fn` as in C.
    pub name: Name,
    pub args: Vec<TypeRef>,
    /// The name is one of this file's own top level (Python), so that the model resolves it like [`Value::Global`].
    pub local: bool,
}

/// An argument of a call, decorator or attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    /// The keyword, if it was passed by one. `**` with the mapping as value for `**kwargs`, `*` for `*args`.
    pub name: Option<Name>,
    pub value: Value,
    pub span: Span,
}

impl Argument {
    /// `*args` or `**kwargs`: several arguments, of which it is not known how many or which.
    pub fn is_starred(&self) -> bool {
        matches!(self.name.as_deref(), Some("*" | "**"))
    }
}

/// The test of a branch or loop, as far as it matters which branch two places share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    /// No test: `else`, `loop`, a `default:`.
    Always,
    /// The value is true, non-null, non-zero, non-empty. `if let Some(x) = v` is this too.
    Truthy(Value),
    Not(Box<Condition>),
    /// `a == b` (also `is`, one `case`, one match pattern that is a constant).
    Equal(Value, Value),
    /// `a < b`; other orders are written with `Not` and exchanged sides.
    Less(Value, Value),
    /// `a in b`.
    Contains(Value, Value),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Unknown,
}
