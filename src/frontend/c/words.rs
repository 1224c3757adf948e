//! C's words by the part that they play in a declaration or statement.

/// Words that begin or form a type.
const TYPES: &[&str] = &[
    "void",
    "char",
    "short",
    "int",
    "long",
    "float",
    "double",
    "signed",
    "unsigned",
    "_Bool",
    "bool",
    "struct",
    "union",
    "enum",
    "_Complex",
    "__int128",
    "__signed__",
];

/// Words that qualify a declaration.
const QUALIFIERS: &[&str] = &[
    "static",
    "extern",
    "inline",
    "__inline",
    "__inline__",
    "register",
    "auto",
    "typedef",
    "const",
    "volatile",
    "restrict",
    "__restrict",
    "__restrict__",
    "__const",
    "__volatile__",
    "__volatile",
    "_Noreturn",
    "_Thread_local",
    "__thread",
    "__extension__",
    "_Atomic",
    "__forceinline",
];

/// Words that begin a statement.
const STATEMENTS: &[&str] = &[
    "if", "else", "for", "while", "do", "switch", "case", "default", "return", "break", "continue", "goto",
];

/// Words that are followed by parentheses and are no calls.
const OPERATORS: &[&str] = &[
    "sizeof",
    "typeof",
    "__typeof__",
    "__typeof",
    "_Alignof",
    "__alignof__",
    "_Alignas",
    "_Static_assert",
    "static_assert",
    "_Generic",
    "offsetof",
    "__builtin_offsetof",
    "defined",
];

/// Words that attach attributes or assembler.
const ATTACHED: &[&str] = &["__attribute__", "__attribute", "__declspec", "asm", "__asm__", "__asm"];

pub(super) fn is_type(word: &str) -> bool {
    TYPES.contains(&word)
}

pub(super) fn is_qualifier(word: &str) -> bool {
    QUALIFIERS.contains(&word)
}

pub(super) fn is_statement(word: &str) -> bool {
    STATEMENTS.contains(&word)
}

pub(super) fn is_attached(word: &str) -> bool {
    ATTACHED.contains(&word)
}

/// Whether the word has a meaning of its own in C (or GNU C), so that it names nothing.
pub(super) fn is_keyword(word: &str) -> bool {
    // All of them are made of these letters; most identifiers are told apart by their first byte or length.
    if word.len() > 17 || word.len() < 2 {
        return false;
    }
    is_statement(word) || is_type(word) || is_qualifier(word) || is_attached(word) || OPERATORS.contains(&word)
}

/// Whether a name looks like a macro that decorates a declaration: no lower-case letter, or two leading underscores.
pub(super) fn is_decoration(word: &str) -> bool {
    word.starts_with("__") || !word.bytes().any(|byte| byte.is_ascii_lowercase())
}
