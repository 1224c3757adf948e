//! Sources that somebody hostile wrote, through the whole command: nesting of 100,000 levels, lines without an end, calls
//! without a bottom, encodings that say one thing and are another.

mod support;

use std::io::{Seek, Write};
use std::process::Stdio;

use support::hostile::{CHECK, Ended, RACE, check, folder_of, run, run_with};

/// How deep what a recursive reader goes down into first.
const DEEP: usize = 100_000;

/// How deep everything else: no deeper makes a difference, and all of it is read without optimisation here.
const DEEP_ENOUGH: usize = 10_000;

/// What nests to the full depth.
const DEEPEST: [&str; 16] = [
    "parens.c",
    "blocks.c",
    "attribute.c",
    "comments.c",
    "macro.c",
    "conditions.c",
    "parens.py",
    "fields.py",
    "decorators.py",
    "splices.py",
    "parens.rs",
    "blocks.rs",
    "attribute.rs",
    "comments.rs",
    "macros.rs",
    "generics.rs",
];

/// A file: its name, what it begins with, what is repeated, what stands in the middle, what is repeated then, its end.
type Nest = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const NESTS: &[Nest] = &[
    ("parens.c", "int f(void) { return ", "(", "1", ")", "; }"),
    ("blocks.c", "void f(void) ", "{", "g();", "}", ""),
    ("ifs.c", "void f(int a) { ", "if (a) ", "g();", "", "}"),
    (
        "elses.c",
        "void f(int a) { if (a) g();",
        "else if (a) g();",
        "",
        "",
        "}",
    ),
    ("calls.c", "int f(int a) { return ", "g(", "1", ")", "; }"),
    ("members.c", "int f(struct s *a) { return a", "->a", "", "", "; }"),
    ("casts.c", "int f(int a) { return ", "(int)", "a", "", "; }"),
    ("choices.c", "int f(int a) { return ", "a ? g() : ", "0", "", "; }"),
    ("sums.c", "int f(int a) { return ", "a + ", "0", "", "; }"),
    ("stars.c", "int ", "*", "x", "", ";"),
    ("arrays.c", "int x", "[1]", "", "", ";"),
    ("lists.c", "int x[] = ", "{", "1", "}", ";"),
    ("records.c", "", "struct a {", "int b;", "} c;", ""),
    ("attributes.c", "int f(void) ", "__attribute__((cold)) ", "", "", ";"),
    ("attribute.c", "int f(void) __attribute__", "(", "cold", ")", ";"),
    ("conditions.c", "", "#if A\n", "int x;\n", "#endif\n", ""),
    ("defined.c", "#if ", "(", "1", ")", "\nint x;\n#endif\n"),
    ("macro.c", "#define A(x) x x\nint x = ", "A(", "1", ")", ";"),
    ("comments.c", "", "/*", "", "*/", "int x;"),
    ("splices.c", "int x", "\\\n", "", "", ";"),
    ("strings.c", "char *s = ", "\"a\" ", "", "", ";"),
    ("cases.c", "void f(int a) { switch (a) {", "case 1: ", "g();", "", "} }"),
    (
        "switches.c",
        "void f(int a) { ",
        "switch (a) { case 1: ",
        "g();",
        "}",
        "}",
    ),
    ("loops.c", "void f(void) { ", "for (;;) ", "g();", "", "}"),
    ("dos.c", "void f(void) { ", "do ", "g();", " while (1);", "}"),
    ("labels.c", "void f(void) { ", "a: ", ";", "", "}"),
    ("typedefs.c", "typedef int ", "(", "f", ")(void)", ";"),
    ("statements.c", "int f(void) { return ", "({", "1;", "})", "; }"),
    ("includes.c", "", "#include \"includes.c\"\n", "", "", ""),
    ("parens.py", "x = ", "(", "1", ")", ""),
    ("fields.py", "x = ", "f'{", "1", "}'", ""),
    ("members.py", "x = a", ".b", "", "", ""),
    ("items.py", "x = a", "[0]", "", "", ""),
    ("chains.py", "x = a", ".b()", "", "", ""),
    ("nots.py", "x = ", "not ", "1", "", ""),
    ("lambdas.py", "x = ", "lambda: ", "1", "", ""),
    ("decorators.py", "", "@a\n", "def f(): pass", "", ""),
    ("elifs.py", "if a:\n    b()\n", "elif a:\n    b()\n", "", "", ""),
    ("splices.py", "x = 1 + ", "\\\n", "2", "", ""),
    ("loops.py", "x = [1 ", "for a in b ", "", "", "]"),
    ("stars.py", "f(", "*", "a", "", ")"),
    ("matches.py", "match a:\n    case ", "[", "", "]", ": b()"),
    ("ticks.py", "x = ", "`", "1", "`", ""),
    ("quotes.py", "x = ", "'''", "", "", ""),
    ("lists.py", "def f(", "a, ", "", "", "): pass"),
    ("parens.rs", "fn f() { ", "(", "1", ")", "; }"),
    ("blocks.rs", "fn f() ", "{", "", "}", ""),
    ("modules.rs", "", "mod a {", "fn f() {}", "}", ""),
    ("generics.rs", "fn f(x: ", "Vec<", "u8", ">", ") {}"),
    ("references.rs", "fn f(x: ", "&", "u8", "", ") {}"),
    ("tuples.rs", "fn f(x: ", "(", "u8", ")", ") {}"),
    ("functions.rs", "fn f(x: ", "&dyn Fn(", "u8", ")", ") {}"),
    ("attributes.rs", "", "#[a]\n", "fn f() {}", "", ""),
    ("attribute.rs", "#[cfg(", "not(", "a", ")", ")] fn f() {}"),
    ("comments.rs", "", "/*", "", "*/", "fn f() {}"),
    ("macros.rs", "fn f() { ", "m!(", "1", ")", "; }"),
    ("definition.rs", "macro_rules! m { () => { ", "{", "", "}", " } }"),
    ("elses.rs", "fn f() { if a {} ", "else if a {} ", "", "", "}"),
    ("closures.rs", "fn f() { let x = ", "|| ", "1", "", "; }"),
    ("members.rs", "fn f() { x", ".y", "", "", "; }"),
    ("chains.rs", "fn f() { x", ".y()", "", "", "; }"),
    ("questions.rs", "fn f() { x()", "?", "", "", "; }"),
    ("uses.rs", "use a::", "{a::", "b", "}", ";"),
    ("paths.rs", "use a", "::a", "", "", ";"),
    ("patterns.rs", "fn f() { let ", "(", "x", ",)", " = y; }"),
    ("ranges.rs", "fn f() { ", "..", "", "", "; }"),
    ("hashes.rs", "fn f() { r", "#", "\"\"", "#", "; }"),
    ("matches.rs", "fn f() { ", "match a { _ => ", "1", "}", " }"),
    ("items.rs", "", "fn f() { ", "", "}", ""),
];

fn nested((name, before, open, middle, close, after): &Nest) -> String {
    let deep = if DEEPEST.contains(name) { DEEP } else { DEEP_ENOUGH };
    format!("{before}{}{middle}{}{after}\n", open.repeat(deep), close.repeat(deep))
}

/// Looks at all files at once; where that fails, at each alone, to say which one it is.
#[track_caller]
fn survives(files: &[(String, String)]) -> Ended {
    let with_race = |files: &[(String, String)]| {
        let race = [("race.py".to_owned(), RACE.to_owned())];
        folder_of(files.iter().cloned().chain(race))
    };
    let all = with_race(files);
    let args = CHECK;
    let ended = run(all.path(), &args);
    if ended.status.code().is_some() {
        let ended = ended.in_order();
        assert_eq!(ended.findings_in("race.py"), 1, "what stands beside is found");
        return ended;
    }
    for file in files {
        let alone = with_race(std::slice::from_ref(file));
        let ended = run(alone.path(), &args);
        assert!(
            ended.status.code().is_some(),
            "{}: {:?} {}",
            file.0,
            ended.status,
            ended.stderr
        );
    }
    panic!("{:?}, and none of the files alone does that", ended.status);
}

#[test]
fn nesting_has_no_bottom() {
    let files: Vec<_> = NESTS.iter().map(|nest| (nest.0.to_owned(), nested(nest))).collect();
    let ended = survives(&files);
    // What is refused is said; a list or a chain that is long and not deep may be understood.
    for deep in [
        "blocks.c",
        "ifs.c",
        "parens.py",
        "fields.py",
        "parens.rs",
        "blocks.rs",
        "generics.rs",
    ] {
        let kinds = ended.problems_of(deep);
        assert!(kinds.iter().any(|kind| kind == "limit"), "{deep}: {kinds:?}");
    }
}

/// Programs in which the analysis itself would go down without end.
#[test]
fn calls_and_values_have_no_bottom() {
    const MANY: usize = 5_000;
    let each = |one: &dyn Fn(usize) -> String| (0..MANY).map(one).collect::<String>();
    let files = [
        ("calls.py", each(&|n| format!("def f{n}():\n    f{}()\n", n + 1))),
        (
            "calls.c",
            each(&|n| format!("void c{}(void);\nvoid c{n}(void) {{ c{}(); }}\n", n + 1, n + 1)),
        ),
        ("calls.rs", each(&|n| format!("fn f{n}() {{ f{}(); }}\n", n + 1))),
        (
            "cycle.py",
            each(&|n| format!("def g{n}():\n    g{}()\n", (n + 1) % MANY)),
        ),
        ("names.py", each(&|n| format!("x{} = x{n}\n", n + 1))),
        (
            "classes.py",
            format!(
                "class A0: pass\n{}",
                each(&|n| format!("class A{}(A{n}): pass\n", n + 1))
            ),
        ),
        (
            "types.c",
            format!("typedef int t0;\n{}", each(&|n| format!("typedef t{n} t{};\n", n + 1))),
        ),
        (
            "records.c",
            format!(
                "struct s0;\n{}",
                each(&|n| format!("struct s{} {{ struct s{n} *a; }};\n", n + 1))
            ),
        ),
        (
            "macros.c",
            each(&|n| format!("#define M{n} M{} M{}\n", n + 1, n + 1)) + "int x = M0;\n",
        ),
        (
            "names.h",
            each(&|n| format!("#define N{n} N{}\n", n + 1)) + &format!("#define N{MANY} {{ f(\n"),
        ),
        ("uses.c", "#include \"names.h\"\nvoid f(void) N0\n".to_owned()),
        (
            "returns.py",
            each(&|n| format!("def r{n}():\n    return r{}\n", n + 1)) + "r0()()()()\n",
        ),
        (
            "wraps.py",
            each(&|n| format!("def w{}(f):\n    return w{n}(f)\n", n + 1)) + &format!("w{MANY}(print)\n"),
        ),
        ("uses.rs", each(&|n| format!("use self::u{n} as u{};\n", n + 1))),
        ("aliases.rs", each(&|n| format!("type T{} = T{n};\n", n + 1))),
        (
            "imports.py",
            each(&|n| format!("from imports import i{n} as i{}\n", n + 1)),
        ),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text));
    survives(&files);
}

/// The analysis has an allowance; what is over it is said, and what was found before is kept.
#[test]
fn an_analysis_without_end_is_ended() {
    // Every function calls all that follow, on threads that are all alive.
    let mut text = "import os, threading\n".to_owned();
    for n in 0..300 {
        text += &format!("def f{n}():\n    os.environ['A{n}'] = os.environ.get('B{n}')\n    os.system('x')\n");
        let calls = (n + 1..300)
            .step_by(7)
            .map(|m| format!("    threading.Thread(target=f{m}).start()\n    f{m}()\n"));
        text += &calls.collect::<String>();
    }
    text += "f0()\n";
    let folder = folder_of([("many.py", text.as_str())]);
    let args = |steps: &'static str| ["check", "--no-cache", "--format", "json", "--max-steps", steps];
    let some = run(folder.path(), &args("30000")).in_order();
    assert_eq!(some.problems_of("many.py"), ["limit"], "{}", some.stdout);
    let document = some.json();
    let problem = &document["problems"][0];
    let message = problem["message"].as_str().expect("a problem says what it is");
    assert!(
        message.contains("after 30000 steps") && message.contains("--max-steps"),
        "{message}"
    );
    assert!(problem["line"].is_u64(), "{problem}");
    // The same steps lead to the same place, whatever the number of threads.
    let again = run(folder.path(), &[&args("30000")[..], &["-j", "1"]].concat());
    assert_eq!(again.stdout, some.stdout);
    let none = run(folder.path(), &args("1"));
    assert_eq!(none.status.code(), Some(3), "{}", none.stdout);
}

/// A line of 100 MB is no source; one of a quarter of a megabyte is.
#[test]
fn lines_without_an_end() {
    let long = |one: &str| one.repeat(256 * 1024 / one.len());
    let files = [
        ("calls.py", format!("x = [{}]\n", long("f(a, 'é'), "))),
        ("text.py", format!("x = '{}'\n", long("é"))),
        ("names.py", format!("{} = 1\n", long("ab"))),
        ("stores.py", format!("import os;{}\n", long("os.environ['A'] = 'b'; "))),
        ("calls.c", format!("void f(void) {{ {} }}\n", long("g(a, \"é\"); "))),
        ("text.c", format!("char *x = \"{}\";\n", long("é"))),
        ("names.c", format!("int {};\n", long("ab"))),
        ("macro.c", format!("#define A {}\nint x;\n", long("{ g(); } "))),
        ("calls.rs", format!("fn f() {{ {} }}\n", long("g(a, \"é\"); "))),
        ("text.rs", format!("const X: &str = \"{}\";\n", long("é"))),
        ("names.rs", format!("fn {}() {{}}\n", long("ab"))),
    ];
    survives(&files.map(|(name, text)| (name.to_owned(), text)));
    let folder = folder_of([("race.py", RACE)]);
    let mut line = tempfile::tempfile().expect("a temporary file can be made");
    for _ in 0..100 {
        line.write_all(&vec![b'x'; 1024 * 1024])
            .expect("there is room for 100 MB");
    }
    line.rewind().expect("files can be read again");
    let args = ["check", "-", "--language", "python", "--format", "json"];
    let ended = run_with(folder.path(), &args, Stdio::from(line)).in_order();
    assert_eq!(ended.problems_of("<stdin>"), ["too-large"], "{}", ended.stdout);
}

/// Bytes in front of the race, behind which it must be found, or what is said instead.
#[test]
fn encodings_say_what_they_are() {
    let race = |head: &str, tail: &[u8]| [head.as_bytes(), RACE.as_bytes(), b"# ", tail, b"\n"].concat();
    let utf_16 = |order: fn(u16) -> [u8; 2]| {
        [0xfeff]
            .into_iter()
            .chain(RACE.encode_utf16())
            .flat_map(order)
            .collect::<Vec<u8>>()
    };
    let found: &[&str] = &[];
    let said: &[&str] = &["encoding"];
    let cases: Vec<(&str, Vec<u8>, bool, &[&str])> = vec![
        ("plain.py", race("", b""), true, found),
        (
            "utf8.py",
            race("# -*- coding: utf-8 -*-\n", "é".as_bytes()),
            true,
            found,
        ),
        (
            "utf_8.py",
            race("#!/usr/bin/python\n# vim: set fileencoding=UTF_8 :\n", "é".as_bytes()),
            true,
            found,
        ),
        ("latin.py", race("# coding=latin-1\n", b"\xe9"), true, found),
        (
            "emacs.py",
            race("# -*- coding: iso-8859-15-unix -*-\n", b"\xa4"),
            true,
            found,
        ),
        ("cp1252.py", race("#coding:cp1252\n", b"\x80"), true, found),
        ("koi8.py", race("# encoding: koi8-r\n", b"\xc1"), true, found),
        ("mark.py", race("\u{feff}", "é".as_bytes()), true, found),
        (
            "mark_utf8.py",
            race("\u{feff}# coding: utf-8\n", "é".as_bytes()),
            true,
            found,
        ),
        // CPython refuses it, so that it is no matter how it is read.
        (
            "mark_latin.py",
            race("\u{feff}# coding: latin-1\n", "é".as_bytes()),
            true,
            found,
        ),
        ("late.py", race("\n\n# coding: latin-1\n", b"\xe9"), true, said),
        ("undeclared.py", race("", b"\xe9"), true, said),
        ("surrogate.py", race("", b"\xed\xa0\x80"), true, said),
        ("overlong.py", race("", b"\xc0\xaf"), true, said),
        ("beyond.py", race("", b"\xf4\x90\x80\x80"), true, said),
        ("japanese.py", race("# coding: shift_jis\n", b"\x83\x5c"), true, said),
        ("ascii_only.py", race("# coding: euc-jp\n", b""), true, found),
        ("hidden.py", race("# coding: utf-7\n", b"+AGEAYg-"), true, said),
        (
            "escaped.py",
            race("# coding: unicode_escape\n", b"\\u000aimport os"),
            true,
            said,
        ),
        ("unknown.py", race("# coding: no-such-thing\n", b""), true, said),
        ("empty_name.py", race("# coding:\n", b""), true, found),
        ("utf16le.py", utf_16(u16::to_le_bytes), false, said),
        ("utf16be.py", utf_16(u16::to_be_bytes), false, said),
        ("nul.py", race("\0", b""), false, &["binary"]),
        ("cr.py", RACE.replace('\n', "\r").into_bytes(), true, found),
        ("crlf.py", RACE.replace('\n', "\r\n").into_bytes(), true, found),
        (
            "mixed.py",
            RACE.replacen('\n', "\r", 3).replacen('\n', "\r\n", 3).into_bytes(),
            true,
            found,
        ),
        ("feed.py", race("\x0c", b""), true, found),
        ("no_end.py", RACE.trim_end().as_bytes().to_vec(), true, found),
        ("empty.py", Vec::new(), false, found),
        ("latin.c", b"/* \xe9 */ int x;\n".to_vec(), false, found),
        ("utf16.c", utf_16(u16::to_le_bytes), false, said),
        ("latin.rs", b"// \xe9\nfn f() {}\n".to_vec(), false, said),
        ("mark.rs", "\u{feff}fn f() {}\n".as_bytes().to_vec(), false, found),
        ("surrogate.rs", b"// \xed\xbf\xbf\nfn f() {}\n".to_vec(), false, said),
        ("cr.rs", b"fn f() {\r g(); }\r".to_vec(), false, found),
    ];
    let folder = folder_of(cases.iter().map(|(name, bytes, _, _)| (name, bytes)));
    let ended = check(folder.path());
    for (name, _, race, problems) in cases {
        assert_eq!(ended.problems_of(name), problems, "{name}");
        assert_eq!(ended.findings_in(name), usize::from(race), "{name}");
    }
}
