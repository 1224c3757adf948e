//! C's words by the part that they play in a declaration or statement.

/// The part that a word plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It names something.
    Name,
    /// It begins or forms a type.
    Type,
    /// It qualifies a declaration.
    Qualifier,
    /// It begins a statement.
    Statement,
    /// It is followed by parentheses and is no call.
    Operator,
    /// It attaches attributes or assembler.
    Attached,
}

/// The part of a word in C or GNU C.
pub(super) fn part(word: &str) -> Part {
    match word {
        "void" | "char" | "short" | "int" | "long" | "float" | "double" | "signed" | "unsigned" | "_Bool" | "bool"
        | "struct" | "union" | "enum" | "_Complex" | "__int128" | "__signed__" => Part::Type,
        "static" | "extern" | "inline" | "__inline" | "__inline__" | "register" | "auto" | "typedef" | "const"
        | "volatile" | "restrict" | "__restrict" | "__restrict__" | "__const" | "__volatile__" | "__volatile"
        | "_Noreturn" | "_Thread_local" | "__thread" | "__extension__" | "_Atomic" | "__forceinline" => Part::Qualifier,
        "if" | "else" | "for" | "while" | "do" | "switch" | "case" | "default" | "return" | "break" | "continue"
        | "goto" => Part::Statement,
        "sizeof" | "typeof" | "__typeof__" | "__typeof" | "_Alignof" | "__alignof__" | "_Alignas"
        | "_Static_assert" | "static_assert" | "_Generic" | "offsetof" | "__builtin_offsetof" | "defined" => {
            Part::Operator
        }
        "__attribute__" | "__attribute" | "__declspec" | "asm" | "__asm__" | "__asm" => Part::Attached,
        _ => Part::Name,
    }
}

pub(super) fn is_type(word: &str) -> bool {
    part(word) == Part::Type
}

pub(super) fn is_qualifier(word: &str) -> bool {
    part(word) == Part::Qualifier
}

pub(super) fn is_statement(word: &str) -> bool {
    part(word) == Part::Statement
}

pub(super) fn is_attached(word: &str) -> bool {
    part(word) == Part::Attached
}

/// Whether the word has a meaning of its own, so that it names nothing.
pub(super) fn is_keyword(word: &str) -> bool {
    part(word) != Part::Name
}

/// Whether a name looks like a macro that decorates a declaration: no lower-case letter, or two leading underscores.
pub(super) fn is_decoration(word: &str) -> bool {
    word.starts_with("__") || !word.bytes().any(|byte| byte.is_ascii_lowercase())
}
