//! The frontend on small sources: what is expected stands beside them.

use proptest::prelude::*;

use super::{dump, lower};
use crate::facts::{FileFacts, FunctionKind, Language, Problem, ProblemKind, Visibility};
use crate::input::Source;

fn lowered(text: &str) -> (FileFacts, Vec<Problem>) {
    lower(&Source {
        path: "a.c".to_owned(),
        language: Language::C,
        text: text.to_owned(),
    })
}

fn facts(text: &str) -> FileFacts {
    let (facts, problems) = lowered(text);
    assert_eq!(problems, [], "the source reads as C");
    facts
}

/// The functions of that name as the dump shows them, without their heads, trimmed.
fn body(text: &str, name: &str) -> Vec<String> {
    let shown = dump::named(&facts(text), name);
    assert!(!shown.is_empty(), "{name} is found");
    shown.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

fn head(text: &str, name: &str) -> String {
    dump::named(&facts(text), name).lines().next().unwrap_or("").to_owned()
}

/// For reading by eye: `ENVRACE_DUMP=file cargo test dump_a_file -- --nocapture --ignored`.
#[test]
#[ignore = "shows the facts of a file that the varsment names"]
fn dump_a_file() {
    let path = std::env::var("ENVRACE_DUMP").expect("ENVRACE_DUMP names a file");
    let text = String::from_utf8_lossy(&std::fs::read(path).expect("the file can be read")).into_owned();
    let shown = dump::file(&lowered(&text).0);
    println!("{shown}");
    assert!(!shown.is_empty());
}

#[test]
fn calls_are_direct_or_thrown_away() {
    assert_eq!(
        body("void f(void) { g(1, \"a\" \"b\\n\"); (void)h(x); int y = k(); }", "f"),
        [
            "1: call @g(1, \"ab\\n\")",
            "1: load Whole @x",
            "1: call @h(@x)",
            "1: call @k() used",
            "1: Assign Whole y = call @k"
        ]
    );
}

#[test]
fn positions_count_characters_from_one() {
    let facts = facts("/* é */ void f(void) {\n\té(); g(\n1); }\n");
    let calls = &facts.functions[1].calls;
    let spans: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call.span.line,
                call.span.column,
                call.span.end_line,
                call.span.end_column,
            )
        })
        .collect();
    assert_eq!(spans, [(2, 2, 2, 5), (2, 7, 3, 3)]);
    let name = facts.functions[1].name_span;
    assert_eq!((name.line, name.column, name.start), (1, 14, 14));
}

#[test]
fn reads_and_stores_of_a_global_array_are_seen() {
    let text = "extern char **vars;
void f(char **x) {
  extern char **vars;
  for (char **p = vars; *p; p++) g(vars[1]);
  vars = x; vars[2] = 0; *vars = NULL; h(vars); if (*vars) k(&vars);
}";
    assert_eq!(
        body(text, "f"),
        [
            "4: load Whole @vars",
            "4: Assign Whole p = @vars",
            "loop p",
            "4: load Subscript @vars[1]",
            "4: call @g(@vars[1])",
            "5: Assign Whole @vars = x",
            "5: Assign Subscript @vars[2] = 0",
            "5: Assign Subscript @vars[0] = null",
            "5: load Whole @vars",
            "5: call @h(@vars)",
            "5: load Subscript @vars[0]",
            "branch",
            "arm @vars",
            "5: load Whole @vars",
            "5: call @k(@vars)",
        ]
    );
}

#[test]
fn an_inner_name_is_another_local() {
    let facts = facts("int f(int a) { { int a = 1; g(a); } return a; }");
    assert_eq!(facts.functions[1].locals.len(), 2);
    assert_eq!(
        body("int f(int a) { { int a = 1; g(a); } return a; }", "f"),
        ["1: Assign Whole a#1 = 1", "1: call @g(a#1)", "1: return a"]
    );
}

#[test]
fn a_tested_assignment_tests_the_local() {
    let text = "void f(void) { int p; if ((p = g()) == 0) a(); else if (p < 0) b(); else if (h()) c(); else d(); }";
    assert_eq!(
        body(text, "f"),
        [
            "1: call @g() used",
            "1: Assign Whole p = call @g",
            "branch all",
            "arm p == 0",
            "1: call @a()",
            "arm p < 0",
            "1: call @b()",
            "arm always",
            "1: call @h() used",
            "branch all",
            "arm call @h",
            "1: call @c()",
            "arm always",
            "1: call @d()",
        ]
    );
}

#[test]
fn what_may_not_run_stands_in_a_branch() {
    let text = "int f(int x) { a() && b(); return x ? c() : d; }";
    assert_eq!(
        body(text, "f"),
        [
            "1: call @a() used",
            "branch",
            "arm call @a",
            "1: call @b() used",
            "branch all",
            "arm x",
            "1: call @c() used",
            "arm always",
            "1: load Whole @d",
            "1: return one of(call @c, @d)",
        ]
    );
}

#[test]
fn a_case_without_break_falls_through() {
    let text = "void f(int x) { while (x) switch (x) { case 1: a(); case 2: case 3: b(); break; default: c(); } }";
    assert_eq!(
        body(text, "f"),
        [
            "loop x",
            "branch all",
            "arm x == 1",
            "1: call @a()",
            "1: call @b()",
            "arm any(x == 2; x == 3)",
            "1: call @b()",
            "arm always",
            "1: call @c()"
        ]
    );
}

#[test]
fn code_after_a_jump_is_unreached_up_to_a_label() {
    let text = "int f(void) { goto out; a(); out: b(); return 1; c(); }";
    assert_eq!(
        body(text, "f"),
        [
            "jump out",
            "unreached after goto",
            "1: call @a()",
            "label out",
            "1: call @b()",
            "1: return 1",
            "unreached after return",
            "1: call @c()"
        ]
    );
}

#[test]
fn conditionals_are_decided_by_the_target_or_left_open() {
    let text = "void f(void) {
#if 0
  a();
#elif defined(__linux__) && __GNUC__ >= 4
  b();
#else
  c();
#endif
#ifdef _WIN32
  d();
#else
  e();
#endif
#ifndef HAVE_X
  g();
#else
  h();
#endif
}";
    assert_eq!(
        body(text, "f"),
        [
            "unreached #if 0",
            "3: call @a()",
            "5: call @b()",
            "unreached #else of #if defined(__linux__) && __GNUC__ >= 4",
            "7: call @c()",
            "unreached #if defined(_WIN32)",
            "10: call @d()",
            "12: call @e()",
            "if-compiled !defined(HAVE_X)",
            "15: call @g()",
            "if-compiled defined(HAVE_X)",
            "17: call @h()",
        ]
    );
}

#[test]
fn conditionals_that_cut_blocks_keep_one_arm_alike() {
    let text = "void f(void) {
#ifdef A
  if (x()) {
#else
  if (y()) {
#endif
    z();
#ifndef A
    never();
  } else {
#else
  } else {
#endif
    w();
  }
}
void g(void) { after(); }";
    assert_eq!(
        body(text, "f"),
        [
            "if-compiled defined(A)",
            "3: call @x() used",
            "branch all",
            "arm call @x",
            "7: call @z()",
            "arm always",
            "14: call @w()"
        ]
    );
    assert_eq!(body(text, "g"), ["17: call @after()"]);
}

#[test]
fn prose_that_is_never_compiled_hides_nothing() {
    let text = "#if 0\nsome words: e.g. x->y='a b' that\nint f(void) { return 1; }\n#endif\nstatic int g(void) { return 2; }\nint h(void) { return 3; }";
    assert_eq!(body(text, "g"), ["5: return 2"]);
    assert_eq!(body(text, "h"), ["6: return 3"]);
}

#[test]
fn a_header_guard_is_no_condition() {
    let text = "#ifndef A_H\n#define A_H\nstatic int f(void) { return 1; }\n#endif\n";
    assert_eq!(body(text, "f"), ["3: return 1"]);
}

#[test]
fn macros_with_a_body_are_functions() {
    let text = "#define PUT(k, v) put((k), (v), 1)\n#define SAFE(x) do { drop(x); (x) = NULL; } while (0)\nvoid f(char *p) { PUT(\"a\", p); }";
    assert_eq!(body(text, "PUT"), ["1: call @put(k, v, 1) used", "1: return call @put"]);
    assert_eq!(body(text, "SAFE"), ["2: call @drop(x)", "2: Assign Whole x = null"]);
    assert_eq!(body(text, "f"), ["3: call @PUT(\"a\", p)"]);
    assert_eq!(
        facts(text)
            .functions
            .iter()
            .filter(|function| function.kind == FunctionKind::Macro)
            .count(),
        2
    );
}

#[test]
fn macros_that_stand_for_a_name_are_stores() {
    let text = "#define ours theirs\n#define KEY \"A\" \"B\"\n#define COUNT (-4)\n";
    assert_eq!(
        body(text, "<module>"),
        [
            "1: Assign Whole @ours = @theirs",
            "2: Assign Whole @KEY = \"AB\"",
            "3: Assign Whole @COUNT = -4"
        ]
    );
}

#[test]
fn a_name_that_a_macro_may_replace_stays() {
    let text = "#ifdef OTHER\n#define list (*get_list())\n#endif\nvoid f(void) { g(list); }";
    assert_eq!(body(text, "f"), ["4: load Whole @list", "4: call @g(@list)"]);
}

#[test]
fn a_macro_means_nothing_before_its_definition() {
    let text = "struct g { int total; } G;\n#define total (G.total)\nvoid f(void) { use(total); }";
    assert_eq!(
        body(text, "f"),
        ["3: load Attribute @G.total", "3: call @use(@G.total)"]
    );
}

#[test]
fn macros_that_open_functions() {
    let known =
        "#define CORE(NAME, doc) static int NAME(int argc, char **argv)\nCORE(first, \"(f {\") {\n  g(argv[0]);\n}";
    assert_eq!(
        head(known, "first"),
        "Function Private first fn(int,char **)->int line 2"
    );
    assert_eq!(body(known, "first"), ["3: call @g(argv[0])"]);
    let unknown = "CORE_FN(first,\n \"doc\", \"x\")\n{\n  g();\n}\nvoid second(void) { h(); }";
    assert_eq!(body(unknown, "first"), ["4: call @g()"]);
    assert_eq!(body(unknown, "second"), ["6: call @h()"]);
}

#[test]
fn macros_that_open_and_close_functions() {
    let known =
        "#define BEGINact static int act(int x) { int r = 0;\n#define ENDact return r; }\nBEGINact\n  g(x);\nENDact\n";
    assert_eq!(
        body(known, "act"),
        ["3: Assign Whole r = 0", "4: call @g(x)", "5: return r"]
    );
    let unknown = "BEGINact\n int k = 1;\nCODESTARTact\n  g(k);\nfinish:\nENDact\n\nBEGINobj(x)\nCODESTARTobj(x)\n  h();\nENDobj(x)\n";
    assert_eq!(
        body(unknown, "BEGINact"),
        [
            "2: Assign Whole k = 1",
            "3: load Whole @CODESTARTact",
            "4: call @g(k)",
            "label finish"
        ]
    );
    assert_eq!(
        body(unknown, "BEGINobj"),
        ["9: load Whole @x", "9: call @CODESTARTobj(@x)", "10: call @h()"]
    );
}

/// Of unnamed types alone the grammar would make calls.
#[test]
fn pointers_to_functions_are_declared() {
    let text =
        "T g(T a) {\n T (*f)(T, T) = h;\n T *(*k[2])(T) = {h};\n m(*f)(a);\n n(*a)(a) == 1;\n return (*f)(a, a); }";
    assert_eq!(
        body(text, "g"),
        [
            "2: load Whole @h",
            "2: Assign Whole f = @h",
            "3: load Whole @h",
            "3: Assign Whole k = [@h]",
            "4: call @m(f) used",
            "4: call call @m(a)",
            "5: call @n(a) used",
            "5: call call @n(a) used",
            "6: call f(a, a) used",
            "6: return call f"
        ]
    );
}

#[test]
fn macros_that_head_loops() {
    let unknown = "void f(void) { FOREACH(x, y) { g(); } h(); }";
    assert_eq!(
        body(unknown, "f"),
        [
            "loop call @FOREACH",
            "1: load Whole @x",
            "1: load Whole @y",
            "1: call @FOREACH(@x, @y) used",
            "1: call @g()",
            "1: call @h()"
        ]
    );
    let known = "#define EACH(p, l) for (p = l; p; p = p->next)\nvoid f(struct n *p) { EACH(p, head()) g(p); }";
    assert_eq!(
        body(known, "f"),
        [
            "2: call @head() used",
            "2: Assign Whole p = call @head",
            "loop p",
            "2: call @g(p)",
            "2: Assign Whole p = p.next"
        ]
    );
}

#[test]
fn decorations_do_not_hide_functions() {
    for text in [
        "static INLINE UNUSED int f(int UNUSED(a), char *b _U_) NORETURN FORMAT(1, 2) { g(); }",
        "ATTR(1, 2) static struct s *API f(void) { g(); }",
        "static void printflike(1, 2)\nf(const char *fmt, ...) { g(); }",
        "Datum\nf(FUNCTION_ARGS)\n{ g(); }",
        "int f(a, b) int a; char *b; { g(); }",
        "LIST(x)\nint f(void) { g(); }",
        "void (*f(int s, void (*h)(int)))(int) { g(); }",
        "MODULE_TYPE\nMODULE_NAME(\"x\")\nstatic void __attribute__((unused)) f(void) { g(); }",
    ] {
        let shown = dump::named(&facts(text), "f");
        assert!(shown.contains("call @g()"), "{text}\n{shown}");
    }
}

#[test]
fn arguments_that_are_no_expressions() {
    let text =
        "void f(void) { x = next_arg(ap, char *); y = arg(ap, struct s); cmp(a, <, b); g(k,, l); h((T (*)(int)) fn); }";
    let shown = body(text, "f").join("\n");
    for call in [
        "call @next_arg(@ap, 0)",
        "call @arg(@ap, 0)",
        "call @cmp(@a, 0, @b)",
        "call @g(@k, 0, @l)",
        "call @h(@fn)",
    ] {
        assert!(shown.contains(call), "{call}\n{shown}");
    }
}

#[test]
fn tables_name_their_type() {
    let text = "typedef struct { const char *name; int (*run)(int); } entry;
struct outer { int n; entry e; };
static const entry table[] = { { \"a\", run_a }, { .run = &run_b, .name = \"b\" }, ENTRY(\"c\", run_c), { 0 } };
struct outer one = { 1, { \"d\", run_d } };
entry flat[] = { \"e\", run_e, \"f\", run_f };";
    assert_eq!(
        body(text, "<module>"),
        [
            "3: Assign Whole @table = [entry{\"a\", @run_a}, entry{.run = @run_b, .name = \"b\"}, entry{\"c\", @run_c}, entry{0}]",
            "4: Assign Whole @one = struct outer{1, entry{\"d\", @run_d}}",
            "5: Assign Whole @flat = [entry{\"e\", @run_e}, entry{\"f\", @run_f}]",
        ]
    );
    let shown = dump::file(&facts(text));
    assert!(shown.contains("type entry {name: char, run: fn}"), "{shown}");
}

#[test]
fn calls_through_pointers() {
    let text = "void f(struct ops *o) { int (*p)(int) = c; (*p)(1); o->read = &d; o->read(2); (*o->write)(3); tab[4].go(5); send((struct m){ .cb = e }); }";
    let shown = body(text, "f").join("\n");
    for line in [
        "Assign Whole p = @c",
        "call p(1)",
        "Assign Attribute o.read = @d",
        "call o.read(2)",
        "call o.write(3)",
        "call @tab[4].go(5)",
        "call @send(struct m{.cb = @e})",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let facts = facts(text);
    let p = &facts.functions[1].locals[1];
    let ty = p.ty.as_ref().expect("p has a declared type");
    assert_eq!((ty.name.as_str(), ty.args.len()), ("fn", 2));
}

#[test]
fn signatures_are_normalised() {
    for (text, signature) in [
        ("int f(const int a, char *const argv[]) { }", "fn(int,char **)->int"),
        ("unsigned f(void) { }", "fn()->unsigned int"),
        ("const char *f(size_t n, ...) { }", "fn(size_t,...)->char *"),
        (
            "void f(void (*cb)(void *), struct s *x) { }",
            "fn(fn(void *)->void,struct s *)->void",
        ),
        ("static long int f(unsigned long int x) { }", "fn(unsigned long)->long"),
        ("int f(a, b) char *a; { }", "fn(char *,int)->int"),
    ] {
        assert_eq!(facts(text).functions[1].signature.as_deref(), Some(signature), "{text}");
    }
}

#[test]
fn attributes_come_from_definitions_and_prototypes() {
    let text = "static void a(void) __attribute__((constructor(101)));\nstatic void a(void) { }\n__attribute__((__destructor__)) void b(void) { }\nvoid c(int);";
    assert_eq!(head(text, "a"), "Function Private a fn()->void line 2 [constructor]");
    assert_eq!(head(text, "b"), "Function Public b fn()->void line 3 [destructor]");
    assert_eq!(head(text, "c"), "Declaration Public c fn(int)->void line 4");
    let facts = facts(text);
    assert_eq!(
        facts.functions.iter().filter(|function| function.name == "a").count(),
        1
    );
    assert!(
        facts
            .functions
            .iter()
            .any(|function| function.name == "a" && function.visibility == Visibility::Private)
    );
}

#[test]
fn cleanups_run_at_the_end_of_their_block() {
    let text = "int f(void) { __attribute__((cleanup(done))) int a = 1; int b __attribute__((cleanup(gone))) = 2; g(); return a; }";
    assert_eq!(
        body(text, "f"),
        [
            "1: Assign Whole a = 1",
            "1: Assign Whole b = 2",
            "1: call @g()",
            "1: call @gone(b)",
            "1: call @done(a)",
            "1: return a"
        ]
    );
}

#[test]
fn parallel_pragmas_stand_around_the_next_statement() {
    let text = "void f(void) {\n#pragma omp parallel for\n  for (;;) g();\n  h();\n#pragma omp barrier\n  k();\n}";
    assert_eq!(
        body(text, "f"),
        [
            "pragma omp parallel for",
            "loop always",
            "3: call @g()",
            "4: call @h()",
            "pragma omp barrier",
            "6: call @k()"
        ]
    );
}

#[test]
fn operands_of_sizeof_do_not_run() {
    assert_eq!(
        body("int f(void) { return sizeof(g()) + sizeof h; }", "f"),
        ["1: return combined(?, ?)"]
    );
}

#[test]
fn comments_to_envrace_are_directives() {
    let facts = facts("// envrace: ignore[a] why\nint x; /* envrace: ignore[b] so */\n/* other */");
    let found: Vec<_> = facts
        .directives
        .iter()
        .map(|one| (one.text.as_str(), one.span.line, one.own_line))
        .collect();
    assert_eq!(found, [("ignore[a] why", 1, true), ("ignore[b] so", 2, false)]);
}

#[test]
fn includes_are_imports() {
    let facts = facts(
        "#include \"a/b.h\"\n#include <c.h>\n#if defined(_WIN32) && !defined(__CYGWIN__)\n#include \"windows.h\"\n#else\n\
         #include \"here.h\"\n#endif\n#ifdef HAVE_D\n#include \"d.h\"\n#endif\n",
    );
    let paths: Vec<&str> = facts.imports.iter().map(|import| import.path.as_str()).collect();
    assert_eq!(paths, ["a/b.h", "c.h", "here.h", "d.h"]);
}

#[test]
fn errors_lose_only_themselves() {
    let (facts, problems) = lowered("void a(void) { g(); }\nvoid b(void) { ) ( @@ ; h(); }\nvoid c(void) { k(); }");
    assert_eq!(
        problems.iter().map(|problem| problem.kind).collect::<Vec<_>>(),
        [ProblemKind::Partial]
    );
    for (name, call) in [("a", "call @g()"), ("b", "call @h()"), ("c", "call @k()")] {
        let shown = dump::named(&facts, name);
        assert!(shown.contains(call), "{name}: {shown}");
    }
}

#[test]
fn a_missing_brace_loses_one_function() {
    let (facts, _) = lowered("void a(void) {\n  if (x) {\n    g();\n}\nvoid b(void) {\n  h();\n}\n");
    assert!(dump::named(&facts, "a").contains("call @g()"));
    assert!(dump::named(&facts, "b").contains("call @h()"));
}

#[test]
fn deep_nesting_is_a_limit_and_no_crash() {
    let n = 20_000;
    for (before, opening, inside, closing) in [
        ("int f(void) { return ", "(", "1", ")"),
        ("int f(void) ", "{", "g();", "}"),
        ("int f(int a) { ", "if (a) ", "g();", ""),
        ("int f(int a) { if (a) g();", "else if (h()) g();", "", ""),
        ("int f(int a) { return ", "g(", "1", ")"),
        ("int f(int a) { return ", "a ? g() : ", "0", ""),
        ("int f(int a) { return ", "a + ", "0", ""),
        ("int f(int a) { return ", "*", "a", ""),
        ("int ", "*", "x;", ""),
        ("int x[] = ", "{", "1", "}"),
        ("", "struct a {", "int b;", "} c;"),
        ("", "#if A\n", "", "#endif\n"),
        ("#define A(x) x x\n", "A(", "1", ")"),
    ] {
        let text = format!("{before}{}{inside}{};}}", opening.repeat(n), closing.repeat(n));
        let (facts, _) = lowered(&text);
        assert_eq!(facts.functions[0].name, "<module>");
    }
    let (_, problems) = lowered(&format!("int f(void) {}g();{}", "{".repeat(n), "}".repeat(n)));
    assert!(problems.iter().any(|problem| problem.kind == ProblemKind::Limit));
}

const REAL: &str = include_str!("samples/mixed.c");

/// What C is made of, and what breaks it.
fn soup() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "int ",
        "f",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ";",
        ",",
        "*",
        "&",
        "=",
        "==",
        "->",
        ".",
        "...",
        "\"a\"",
        "'c'",
        "1",
        "x ",
        "if ",
        "else ",
        "for ",
        "while ",
        "do ",
        "switch ",
        "case ",
        "default:",
        "return ",
        "goto ",
        "struct ",
        "typedef ",
        "static ",
        "\n#if A\n",
        "\n#else\n",
        "\n#elif B\n",
        "\n#endif\n",
        "\n#define M(a) a {\n",
        "\n#define N\n",
        "M(",
        "N ",
        "\n#pragma omp parallel\n",
        "__attribute__((cleanup(f)))",
        "/*",
        "*/",
        "//",
        "\\\n",
        "é",
        "\u{fffd}",
        "#",
        "##",
        "sizeof",
        "?",
        ":",
        "\nBEGINx\n",
        "\nENDx\n",
        "typeof(",
        "\n}\n",
        "\"",
        "'",
    ]);
    prop::collection::vec(token, 0..120).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_tokens_are_lowered(text in soup()) {
        let (facts, _) = lowered(&text);
        prop_assert!(dump::file(&facts).contains("<module>"));
    }

    #[test]
    fn any_part_of_real_code_is_lowered(start in 0..REAL.len(), length in 0..REAL.len()) {
        let text: String = REAL.chars().skip(start).take(length).collect();
        let (facts, _) = lowered(&text);
        for function in &facts.functions {
            prop_assert!(function.span.end as usize <= text.len());
            prop_assert!(function.span.start <= function.span.end);
        }
    }
}
