//! Hostile input: nothing panics, nothing overflows, and what is refused is said.

use super::super::dump::dump_function;
use super::lower;
use crate::facts::{FileFacts, Function, Node, ProblemKind, Span, Value};
use proptest::prelude::*;

/// Lowers `deep` between two calls; both must be found whatever becomes of it.
#[track_caller]
fn survives(deep: &str) -> Vec<ProblemKind> {
    let (facts, problems) = lower(&format!("before()\n{deep}\nafter()\n"));
    let dumped = dump_function(&facts, "<module>");
    assert!(dumped.contains("^before()"), "{}", &deep[..40.min(deep.len())]);
    assert!(dumped.contains("^after()"), "{}", &deep[..40.min(deep.len())]);
    problems.iter().map(|problem| problem.kind).collect()
}

#[test]
fn deep_expressions_are_refused() {
    const DEEP: usize = 100_000;
    let wrap = |open: &str, close: &str| format!("x = {}1{}", open.repeat(DEEP), close.repeat(DEEP));
    for deep in [
        wrap("(", ")"),
        wrap("[", "]"),
        wrap("{1: ", "}"),
        wrap("f(", ")"),
        wrap("-", ""),
        wrap("not ", ""),
        wrap("lambda: ", ""),
        wrap("lambda a, b: ", ""),
        wrap("1 if 1 else ", ""),
        wrap("", ".a"),
        wrap("", "()"),
        wrap("", "[0]"),
        wrap("", " + 1"),
        wrap("", " ** 1"),
        wrap("", " if 1 else 1"),
        wrap("1 + ", ""),
        wrap("await ", ""),
        wrap("x := ", ""),
    ] {
        assert_eq!(survives(&deep), [ProblemKind::Limit], "{}", &deep[..40]);
    }
}

#[test]
fn deep_nonsense_does_not_overflow() {
    const DEEP: usize = 100_000;
    for word in [
        "(",
        "[",
        "{",
        ")",
        "f'{",
        "f\"{'",
        "lambda ",
        "if ",
        "class A: ",
        "match ",
        "@",
        "*",
        "print ",
        "exec ",
        "`",
        "a:",
    ] {
        lower(&word.repeat(DEEP));
        lower(&format!("{}\nafter()\n", word.repeat(1_000)));
    }
    for broken in [
        "f'{\n\"\"\"'",
        "f'''{'''",
        "f'{'\n'''",
        "rf'\\{x}'",
        "f\"{f'''{\n",
        "f\"{f'''{'",
    ] {
        lower(&format!("{broken}\nx = {}1", "-".repeat(DEEP)));
        lower(&broken.repeat(2_000));
    }
    let mut fields = "f'{".repeat(5_000);
    fields.push('1');
    fields.push_str(&"}'".repeat(5_000));
    lower(&fields);
}

#[test]
fn deep_blocks_are_refused() {
    let mut text = String::new();
    for level in 0..3_000 {
        text += &format!("{}if a:\n", " ".repeat(level));
    }
    text += &format!("{}b()", " ".repeat(3_000));
    assert_eq!(survives(&text), [ProblemKind::Limit]);
}

#[test]
fn what_is_deep_but_legal_is_understood() {
    let sum = format!("x = 'a'{}", " + f()".repeat(1_400));
    assert_eq!(survives(&sum), []);
    let (facts, _) = lower(&sum);
    assert_eq!(facts.functions[0].calls.len(), 1_400);
    let brackets = format!("x = {}f(){}", "(".repeat(190), ")".repeat(190));
    assert_eq!(survives(&brackets), []);
    let calls = format!("x = a{}", ".b()".repeat(900));
    assert_eq!(survives(&calls), []);
    for deep in ["not ", "-", "lambda: ", "1 if 1 else ", "1 + ", "x or "] {
        let count = 2_900 / deep.split_whitespace().count().max(deep.len().min(2));
        assert_eq!(survives(&format!("x = {}1", deep.repeat(count))), [], "{deep}");
    }
    let headers: String = (0..99).map(|level| format!("{}if a:\n", " ".repeat(level))).collect();
    assert_eq!(survives(&format!("{headers}{}x = 1", " ".repeat(99))), []);
    let lists = format!("x = [{}]", "-1, f(2), ".repeat(20_000));
    assert_eq!(survives(&lists), []);
}

#[test]
fn values_stay_shallow() {
    fn depth(value: &Value) -> usize {
        match value {
            Value::Attribute(base, _) | Value::Element(base) | Value::Await(base) => 1 + depth(base),
            Value::Item(base, key) => 1 + depth(base).max(depth(key)),
            Value::List(values) | Value::OneOf(values) | Value::Combined(values) => {
                1 + values.iter().map(depth).max().unwrap_or(0)
            }
            Value::Map(items) => {
                1 + items
                    .iter()
                    .map(|(key, value)| depth(key).max(depth(value)))
                    .max()
                    .unwrap_or(0)
            }
            _ => 0,
        }
    }
    for text in [
        format!("x = {}1{}", "[".repeat(150), "]".repeat(150)),
        format!("x = a{}", ".b".repeat(1_000)),
        format!("x = a{}", "[0]".repeat(1_000)),
        format!("x = {}1", "1 - (".repeat(100)),
    ] {
        let (facts, _) = lower(&text);
        for node in &facts.functions[0].body.nodes {
            let value = match node {
                Node::Event(crate::facts::Event::Store { value, .. }) => value,
                Node::Event(crate::facts::Event::Load { value, .. }) => value,
                _ => continue,
            };
            assert!(depth(value) < 60, "{}", depth(value));
        }
    }
}

/// Every span lies in the text, on character boundaries, its lines and columns as counted by hand.
fn check_spans(text: &str, facts: &FileFacts) {
    let check = |span: Span| {
        assert!(
            span.start <= span.end && text.get(span.start as usize..span.end as usize).is_some(),
            "{span:?}"
        );
        assert!(
            span.line >= 1 && span.column >= 1 && span.end_line >= 1 && span.end_column >= 1,
            "{span:?}"
        );
    };
    for function in &facts.functions {
        let Function { span, name_span, .. } = function;
        if *name_span != Span::default() {
            check(*name_span);
        }
        check(*span);
        function.calls.iter().for_each(|call| check(call.span));
        let mut open: Vec<&Node> = function.body.nodes.iter().collect();
        while let Some(node) = open.pop() {
            if let Node::Region(region) = node {
                check(region.span);
                open.extend(&region.nodes);
            }
        }
    }
}

const WORDS: [&str; 72] = [
    "def",
    "class",
    "if",
    "elif",
    "else",
    "for",
    "while",
    "try",
    "except",
    "finally",
    "with",
    "as",
    "lambda",
    "return",
    "yield",
    "await",
    "async",
    "import",
    "from",
    "global",
    "nonlocal",
    "del",
    "raise",
    "assert",
    "match",
    "case",
    "in",
    "not",
    "and",
    "or",
    "is",
    "pass",
    "break",
    "print",
    "exec",
    "x",
    "os",
    "environ",
    "é",
    "1",
    "0777",
    "10L",
    "'s'",
    "'%s %(a)d'",
    "f'{x}'",
    "f\"{",
    "ur'x'",
    "\"\"\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "=",
    ":=",
    "+",
    "%",
    "*",
    "**",
    "->",
    "@",
    "`",
    "<>",
    ">>",
    ";",
    "\\",
    "# envrace: x",
    "\u{feff}",
];

const BREAKS: [&str; 10] = [
    "\n",
    "\n    ",
    "\n        ",
    "\n\t",
    "\r\n",
    " ",
    " ",
    " ",
    "\r",
    "\n  \t",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn soups_of_words_do_not_panic(soup in prop::collection::vec((0..WORDS.len(), 0..BREAKS.len()), 0..60)) {
        let text: String = soup.iter().flat_map(|(word, gap)| [WORDS[*word], BREAKS[*gap]]).collect();
        let (facts, problems) = lower(&text);
        check_spans(&text, &facts);
        prop_assert!(problems.len() <= 2);
    }

    #[test]
    fn any_text_does_not_panic(text in "\\PC{0,80}") {
        let (facts, _) = lower(&text);
        check_spans(&text, &facts);
    }

    #[test]
    fn truncated_and_mangled_code_does_not_panic(cut in 0..CODE.len(), from in 0..CODE.len(), length in 0..40usize) {
        let mut cut = cut;
        while !CODE.is_char_boundary(cut) {
            cut -= 1;
        }
        let (facts, _) = lower(&CODE[..cut]);
        check_spans(&CODE[..cut], &facts);
        let characters: Vec<char> = CODE.chars().collect();
        let from = from.min(characters.len());
        let to = (from + length).min(characters.len());
        let mangled: String = characters[..from].iter().chain(&characters[to..]).collect();
        let (facts, _) = lower(&mangled);
        check_spans(&mangled, &facts);
    }
}

/// Code with a bit of everything.
const CODE: &str = r#"import os, sys as s
from threading import Thread
@decorated(1)
class A(Base, metaclass=M):
    """Döc."""
    x: "int" = 1
    async def m(self, a, /, b=2, *args, c: str = 'é', **kw) -> None:
        async with a as (b, c), d() as self.e:
            await f(*args, **kw)
        return [y async for y in z if y if not y]
    def g(self):
        try:
            yield self.x['k'][1:2].y
        except (E, F) as e:
            raise X from e
        else:
            del a[0], b.c
        finally:
            print("%s %(n)s" % {'n': f"{a!r:>{w}} {b['c']}"})
	tabbed = lambda q, *r: (q, [*r], {**s})
def f(n):
    global G
    while (n := n - 1) > 0:
        if n == 1: continue
        elif n in (2, 3): break
        else: G[n] += '{0}/{n}'.format(n, n=n)
    match n:
        case [1, *rest] | {'k': rest, **more}: pass
        case A(x=1) as z if z: pass
        case _: exec code in ns
    print >>s.stderr, `n`, 0777
if __name__ == '__main__':
    t = Thread(target=f); t.start(); os.environ["A"] = 'b' + str(1); t.join()
"#;
