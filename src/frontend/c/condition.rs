//! Preprocessor conditions: what is decided by the target (Linux, a C compiler like GCC) and what is left open.

use super::lex::{Kind, Token, lex};

/// Names that are defined on the target, with their values.
const DEFINED: &[(&str, i64)] = &[
    ("__linux__", 1),
    ("__linux", 1),
    ("linux", 1),
    ("__gnu_linux__", 1),
    ("__unix__", 1),
    ("__unix", 1),
    ("unix", 1),
    ("__GNUC__", 12),
    ("__ELF__", 1),
    ("__STDC__", 1),
    ("__STDC_HOSTED__", 1),
    ("__STDC_VERSION__", 201_710),
];

/// Names that other systems and compilers define.
const UNDEFINED: &[&str] = &[
    "__cplusplus",
    "__OBJC__",
    "_WIN32",
    "_WIN64",
    "WIN32",
    "_WINDOWS",
    "__WIN32__",
    "__WIN32",
    "__WINDOWS__",
    "WINDOWS",
    "WINDOWS32",
    "_WIN32_WCE",
    "__NT__",
    "__MINGW32__",
    "__MINGW64__",
    "_MSC_VER",
    "__BORLANDC__",
    "__WATCOMC__",
    "__TURBOC__",
    "__CYGWIN__",
    "__CYGWIN32__",
    "__MSYS__",
    "__APPLE__",
    "__MACH__",
    "__MACOSX__",
    "macintosh",
    "__FreeBSD__",
    "__FreeBSD_kernel__",
    "__NetBSD__",
    "__OpenBSD__",
    "__DragonFly__",
    "__bsdi__",
    "__sun",
    "__sun__",
    "sun",
    "__SVR4",
    "_AIX",
    "__hpux",
    "hpux",
    "__sgi",
    "__osf__",
    "__ultrix",
    "__QNX__",
    "__HAIKU__",
    "__BEOS__",
    "VMS",
    "__VMS",
    "vms",
    "__OS2__",
    "__EMX__",
    "OS2",
    "__DJGPP__",
    "MSDOS",
    "__MSDOS__",
    "AMIGA",
    "_AMIGA",
    "__amigaos__",
    "__riscos__",
    "NETWARE",
    "__SYMBIAN32__",
    "__MVS__",
    "__TANDEM",
    "__minix",
    "__ANDROID__",
    "ANDROID",
    "__BIONIC__",
    "__EMSCRIPTEN__",
    "EMSCRIPTEN",
];

/// Functions that glibc and musl have alike, and of which programs ask before they write one themselves or do without: what
/// a configure script makes of them (`AC_CHECK_FUNCS` of Autoconf, `check_symbol_exists` of CMake).
const FUNCTIONS: &[&str] = &[
    "CLEARENV",
    "DLOPEN",
    "EXECVP",
    "FORK",
    "GETADDRINFO",
    "GETENV",
    "GMTIME_R",
    "LOCALTIME_R",
    "MKTIME",
    "POPEN",
    "POSIX_SPAWN",
    "POSIX_SPAWNP",
    "PUTENV",
    "SETENV",
    "SETLOCALE",
    "STRFTIME",
    "SYSTEM",
    "TZSET",
    "UNSETENV",
    "WAITPID",
];

/// How deep a condition may nest before it is left open.
const DEPTH: u32 = 64;

/// The value of a name as far as the target decides it.
fn name_value(name: &str) -> Option<i64> {
    if let Some((_, value)) = DEFINED.iter().find(|(known, _)| *known == name) {
        return Some(*value);
    }
    if has_function(name) {
        return Some(1);
    }
    (UNDEFINED.contains(&name) || says_windows(name)).then_some(0)
}

/// `HAVE_SETENV`, `HAVE_DECL_SETENV`: the target's libc has the function.
fn has_function(name: &str) -> bool {
    let asked = name.strip_prefix("HAVE_");
    let function = asked.map(|asked| asked.strip_prefix("DECL_").unwrap_or(asked));
    function.is_some_and(|function| FUNCTIONS.contains(&function))
}

/// A project's own name for a build on Windows: `HAVE_WIN32`, `G_OS_WIN32`, `PLATFORM_WINDOWS`. Names that deny it
/// (`NOT_WIN32`) or speak of an emulation's headers and options on other systems stay open.
fn says_windows(name: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let system = |word: &&str| matches!(*word, "WIN32" | "WIN64" | "WINNT" | "MINGW32" | "MINGW64");
    let platform = |pair: &[&str]| matches!(pair, ["OS" | "PLATFORM" | "TARGET" | "SYSTEM" | "ON" | "IS", "WINDOWS"]);
    let denied = words.iter().any(|word| matches!(*word, "NOT" | "NO" | "NON" | "WINE"));
    !denied && (words.iter().any(system) || words.windows(2).any(platform))
}

/// Whether a name is defined, as far as the target decides it.
fn is_defined(name: &str) -> Option<bool> {
    name_value(name).map(|value| value != 0)
}

/// Evaluates the condition in `tokens` over `text`; `None` where it is left open.
fn evaluate(text: &str, tokens: &[Token]) -> Option<bool> {
    let mut reader = Reader { text, tokens, at: 0 };
    let value = reader.binary(0, DEPTH)?;
    Some(value != 0)
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<Kind> {
        self.tokens.get(self.at).map(|token| token.kind)
    }

    fn word(&self) -> &str {
        self.tokens
            .get(self.at)
            .map_or("", |token| &self.text[token.start as usize..token.end as usize])
    }

    fn accept(&mut self, mark: u8) -> bool {
        let found = self.peek() == Some(Kind::Mark(mark));
        self.at += usize::from(found);
        found
    }

    /// The operator at this place with its level, loosest first; two-byte operators stand as two marks that touch.
    fn operator(&self) -> Option<(&'static str, u8)> {
        let first = self.tokens.get(self.at)?;
        let Kind::Mark(mark) = first.kind else { return None };
        let second = self
            .tokens
            .get(self.at + 1)
            .filter(|token| token.start == first.end)
            .and_then(|token| match token.kind {
                Kind::Mark(mark) => Some(mark),
                _ => None,
            });
        Some(match (mark, second) {
            (b'|', Some(b'|')) => ("||", 1),
            (b'&', Some(b'&')) => ("&&", 2),
            (b'=', Some(b'=')) => ("==", 3),
            (b'!', Some(b'=')) => ("!=", 3),
            (b'<', Some(b'=')) => ("<=", 4),
            (b'>', Some(b'=')) => (">=", 4),
            (b'<', Some(b'<')) => ("<<", 5),
            (b'>', Some(b'>')) => (">>", 5),
            (b'<', _) => ("<", 4),
            (b'>', _) => (">", 4),
            (b'+', _) => ("+", 6),
            (b'-', _) => ("-", 6),
            (b'*', _) => ("*", 7),
            _ => return None,
        })
    }

    fn binary(&mut self, level: u8, depth: u32) -> Option<i64> {
        let mut left = self.unary(depth.checked_sub(1)?);
        while let Some((operator, found)) = self.operator() {
            if found <= level {
                break;
            }
            self.at += operator.len();
            let right = self.binary(found, depth - 1);
            left = apply(operator, left, right);
        }
        left
    }

    fn unary(&mut self, depth: u32) -> Option<i64> {
        let mut negated = false;
        while self.accept(b'!') {
            negated = !negated;
        }
        let value = self.primary(depth);
        match negated {
            true => value.map(|value| i64::from(value == 0)),
            false => value,
        }
    }

    fn primary(&mut self, depth: u32) -> Option<i64> {
        if self.accept(b'(') {
            let value = self.binary(0, depth);
            self.accept(b')');
            return value;
        }
        match self.peek()? {
            Kind::Number => {
                let digits = self.word().trim_end_matches(['l', 'L', 'u', 'U']).to_owned();
                self.at += 1;
                super::literal::integer(&digits)
            }
            Kind::Word if self.word() == "defined" => {
                self.at += 1;
                let parenthesised = self.accept(b'(');
                let value = is_defined(self.word()).map(i64::from);
                self.at += 1;
                if parenthesised {
                    self.accept(b')');
                }
                value
            }
            Kind::Word => {
                let value = name_value(self.word());
                self.at += 1;
                if self.accept(b'(') {
                    // A function-like macro or `__has_include(...)`: never decided here.
                    let mut open = 1;
                    while open > 0 && self.at < self.tokens.len() {
                        open += i32::from(self.tokens[self.at].is(b'(')) - i32::from(self.tokens[self.at].is(b')'));
                        self.at += 1;
                    }
                    return None;
                }
                value
            }
            _ => {
                self.at += 1;
                None
            }
        }
    }
}

fn apply(operator: &str, left: Option<i64>, right: Option<i64>) -> Option<i64> {
    match operator {
        "&&" => match (left, right) {
            (Some(0), _) | (_, Some(0)) => Some(0),
            (Some(_), Some(_)) => Some(1),
            _ => None,
        },
        "||" => match (left, right) {
            (Some(0), Some(0)) => Some(0),
            (Some(value), _) | (_, Some(value)) if value != 0 => Some(1),
            _ => None,
        },
        _ => {
            let (left, right) = (left?, right?);
            Some(match operator {
                "==" => i64::from(left == right),
                "!=" => i64::from(left != right),
                "<" => i64::from(left < right),
                "<=" => i64::from(left <= right),
                ">" => i64::from(left > right),
                ">=" => i64::from(left >= right),
                "+" => left.wrapping_add(right),
                "-" => left.wrapping_sub(right),
                "*" => left.wrapping_mul(right),
                _ => return None,
            })
        }
    }
}

/// The condition of an `#if`, `#ifdef` or `#ifndef` as an expression, and its value where the target decides it.
pub(super) fn understand(text: &str, form: &str) -> (String, Option<bool>) {
    let name = text.split(' ').next().unwrap_or("");
    match form {
        "ifdef" => (format!("defined({name})"), is_defined(name)),
        "ifndef" => (format!("!defined({name})"), is_defined(name).map(|defined| !defined)),
        _ => {
            let tokens = lex(text, 0, text.len(), None);
            (plain_defined(text, &tokens), evaluate(text, &tokens))
        }
    }
}

/// `defined X` and `defined (X)` alone are written like `#ifdef`, so that equal conditions have equal texts.
fn plain_defined(text: &str, tokens: &[Token]) -> String {
    let words: Vec<&str> = tokens
        .iter()
        .map(|token| &text[token.start as usize..token.end as usize])
        .filter(|word| !matches!(*word, "(" | ")"))
        .take(4)
        .collect();
    match words.as_slice() {
        ["defined", name] => format!("defined({name})"),
        ["!", "defined", name] => format!("!defined({name})"),
        _ => text.to_owned(),
    }
}

pub(super) fn negated(condition: &str) -> String {
    let simple = condition
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'(' | b')'));
    match condition.strip_prefix('!') {
        Some(inner) if inner.starts_with("defined(") && !inner.contains(' ') => inner.to_owned(),
        _ if simple => format!("!{condition}"),
        _ => format!("!({condition})"),
    }
}
