//! Tests of the whole folder: tiny sources, with what is expected beside them.

use super::dump::{dump_function, type_text};
use super::*;

fn lowered(path: &str, text: &str) -> (FileFacts, Vec<Problem>) {
    lower(&Source {
        path: path.to_owned(),
        language: Language::Rust,
        text: text.to_owned(),
    })
}

/// The events of `crate::f` in `src/lib.rs`.
fn events(text: &str) -> String {
    let (facts, problems) = lowered("src/lib.rs", text);
    assert_eq!(problems, []);
    dump_function(&facts, "crate::f")
}

#[track_caller]
fn assert_events(text: &str, expected: &str) {
    let lines = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let indent = expected
        .lines()
        .find(|line| !line.trim().is_empty())
        .map_or(0, |line| line.len() - line.trim_start().len());
    let expected: Vec<&str> = expected.lines().map(|line| line.get(indent..).unwrap_or("")).collect();
    assert_eq!(lines(&events(text)), lines(&expected.join("\n")));
}

#[test]
fn modules_follow_the_path() {
    for (path, module) in [
        ("src/lib.rs", "crate"),
        ("src/main.rs", "crate"),
        ("src/a.rs", "crate::a"),
        ("src/a/mod.rs", "crate::a"),
        ("crates/x/src/a/b.rs", "crate::a::b"),
        ("src/bin/x.rs", "crate"),
        ("src/bin/x/main.rs", "crate"),
        ("src/bin/x/y.rs", "crate::x::y"),
        ("src/tests/x.rs", "crate::tests::x"),
        ("tests/t.rs", "crate"),
        ("crates/x/tests/common/mod.rs", "crate::common"),
        ("examples/e.rs", "crate"),
        ("benches/b.rs", "crate"),
        ("build.rs", "crate"),
        ("x.crate!x-1.0.0/src/a.rs", "crate::a"),
        ("util.rs", "crate::util"),
    ] {
        assert_eq!(module_path(path, ""), module, "{path}");
    }
    assert_eq!(module_path("single.rs", "fn main() {}"), "crate");
}

#[test]
fn paths_become_absolute() {
    assert_events(
        "use std::env; use std::sync::{self, Mutex as M}; use nix::unistd;
         mod inner { pub fn g() {} pub mod deep { pub fn h() {} } pub use self::deep::h as k; }
         fn own() {}
         fn f() {
             env::set_var(1);
             M::new(2);
             sync::Arc::new(3);
             unistd::fork();
             inner::g();
             inner::k();
             own();
             unknown();
             Vec::new();
             ::libc::getenv();
             <Foo as inner::T>::run();
             crate::inner::g();
         }",
        "
        5 c0: std::env::set_var(1) discarded
        5 drop c0
        6 c1: std::sync::Mutex::new(2) discarded
        6 drop c1
        7 c2: std::sync::Arc::new(3) discarded
        7 drop c2
        8 c3: nix::unistd::fork() discarded
        8 drop c3
        9 c4: crate::inner::g() discarded
        9 drop c4
        10 c5: crate::inner::deep::h() discarded
        10 drop c5
        11 c6: crate::own() discarded
        11 drop c6
        12 c7: ~unknown() discarded
        12 drop c7
        13 c8: Vec::new() discarded
        13 drop c8
        14 c9: libc::getenv() discarded
        14 drop c9
        15 c10: crate::inner::T::run() discarded
        15 drop c10
        16 c11: crate::inner::g() discarded
        16 drop c11
        ",
    );
}

#[test]
fn super_self_globs_and_block_items() {
    let (facts, problems) = lowered(
        "src/a.rs",
        "fn top() {} enum Kind { One }
         mod tests {
             use super::*;
             fn t() { use std::thread::spawn as go; go(top); super::top(); self::u(); Kind::One; fn own() {} own(); }
             fn u() { use super::Kind::*; let k = One; }
         }",
    );
    assert_eq!(problems, []);
    let text = dump_function(&facts, "crate::a::tests::t");
    assert!(text.contains("std::thread::spawn(crate::a::top)"), "{text}");
    assert!(text.contains("crate::a::top() discarded"), "{text}");
    assert!(text.contains("crate::a::tests::u() discarded"), "{text}");
    assert!(text.contains("load crate::a::Kind::One"), "{text}");
    assert!(text.contains("crate::a::tests::t::own() discarded"), "{text}");
    assert!(dump_function(&facts, "crate::a::tests::u").contains("k = crate::a::Kind::One"));
}

#[test]
fn imports_are_listed() {
    let (facts, _) = lowered(
        "src/a.rs",
        "pub use std::env as e; use super::b::{self, c::*}; extern crate libc;
         mod m; #[path = \"x/y.rs\"] mod n; #[cfg(windows)] mod w; #[cfg(test)] mod t;
         mod inner { pub use super::q; }",
    );
    let imports: Vec<(&str, Option<&str>, bool, bool)> = facts
        .imports
        .iter()
        .map(|import| {
            (
                import.path.as_str(),
                import.name.as_deref(),
                import.star,
                import.exported,
            )
        })
        .collect();
    assert_eq!(
        imports,
        [
            ("std::env", Some("e"), false, true),
            ("crate::b", Some("b"), false, false),
            ("crate::b::c", None, true, false),
            ("libc", Some("libc"), false, false),
            ("crate::a::m", Some("m"), false, false),
            ("file:x/y.rs", Some("n"), false, false),
            ("unreached:crate::a::w", Some("w"), false, false),
            ("test:crate::a::t", None, false, false),
            ("crate::a::t", Some("t"), false, false),
            ("crate::a::q", Some("inner::q"), false, true),
        ]
    );
}

#[test]
fn methods_know_their_type() {
    let (facts, _) = lowered(
        "src/lib.rs",
        "use std::sync::{Arc, Mutex};
         struct S { a: Arc<Mutex<S>>, b: Box<dyn Run>, c: fn(u8) -> bool }
         enum E { One(S), Two { x: u8 } }
         trait Run { fn run(&self) { self.go(); } fn go(&self); }
         impl Run for S { fn go(&self) { Self::make(); } }
         impl S { pub fn make() -> Self { S { a: x, b: y, c: z } } fn with<F: FnOnce(u8) -> S>(f: F, g: impl Run) {} }",
    );
    let fields = |name: &str| {
        let decl = facts
            .types
            .iter()
            .find(|decl| decl.name == name)
            .expect("declared above");
        let texts = decl.fields.iter().map(|field| {
            format!(
                "{}: {}",
                field.name,
                field.ty.as_ref().map(type_text).unwrap_or_default()
            )
        });
        texts.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        fields("crate::S"),
        "a: std::sync::Arc[std::sync::Mutex[crate::S]]; b: Box[crate::Run]; c: fn[u8, bool]"
    );
    assert_eq!(fields("crate::E"), "One.0: crate::S; Two.x: u8");
    let implementation = &facts.types[3];
    assert_eq!(implementation.bases, [crate::facts::Value::Path("crate::Run".into())]);
    let go = facts.function(implementation.methods[0]);
    assert_eq!(go.qualified, "crate::S::go");
    assert_eq!(facts.types[go.owner.expect("a method").0 as usize].name, "crate::S");
    assert!(dump_function(&facts, "crate::S::go").contains("crate::S::make()"));
    let with = facts
        .functions
        .iter()
        .find(|f| f.name == "with")
        .expect("declared above");
    let types: Vec<String> = with
        .parameters()
        .map(|(_, local)| type_text(local.ty.as_ref().expect("bound")))
        .collect();
    assert_eq!(types, ["fn[u8, crate::S]", "crate::Run"]);
}

#[test]
fn foreign_functions_go_by_their_link_name() {
    let (facts, _) = lowered(
        "src/lib.rs",
        "mod sys { extern \"C\" { pub fn setenv(k: *const u8); #[link_name = \"putenv\"] pub fn put(k: *const u8); } }
         use sys::put;
         fn f() { unsafe { sys::setenv(p); put(q); } }
         #[no_mangle] pub extern \"C\" fn out() {}",
    );
    let text = dump_function(&facts, "crate::f");
    assert!(text.contains("~setenv(~p)") && text.contains("~putenv(~q)"), "{text}");
    let declared: Vec<&str> = facts
        .functions
        .iter()
        .filter(|function| function.kind == crate::facts::FunctionKind::Declaration)
        .map(|function| function.qualified.as_str())
        .collect();
    assert_eq!(declared, ["setenv", "putenv"]);
    let out = facts
        .functions
        .iter()
        .find(|function| function.name == "out")
        .expect("defined above");
    assert_eq!(out.attributes[0].value, crate::facts::Value::Path("no_mangle".into()));
}

#[test]
fn guards_die_at_the_end_of_their_block() {
    assert_events(
        "fn f() {
             let a = m.lock().unwrap();
             let b = n.lock().unwrap();
             let _ = o.lock();
             let _c = p.lock();
             m.lock().unwrap().push(1);
             let n = q.lock().unwrap().len();
             drop(b);
         }",
        "
        2 load ~m
        2 c0: ~m.lock()
        2 c1: c0.unwrap()
        2 a = c1
        3 load ~n
        3 c2: ~n.lock()
        3 c3: c2.unwrap()
        3 b = c3
        4 load ~o
        4 c4: ~o.lock() discarded
        4 drop c4
        5 load ~p
        5 c5: ~p.lock()
        5 _c = c5
        6 load ~m
        6 c6: ~m.lock()
        6 c7: c6.unwrap()
        6 c8: c7.push(1) discarded
        6 drop c8
        6 drop c7
        6 drop c6
        7 load ~q
        7 c9: ~q.lock()
        7 c10: c9.unwrap()
        7 c11: c10.len()
        7 n = c11
        7 drop c9
        8 c12: ~drop(b) discarded
        8 drop c12
        9 drop n
        9 drop _c
        9 drop a
        ",
    );
}

#[test]
fn moved_locals_do_not_die_here() {
    assert_events(
        "fn f(x: S, y: &S, n: u8) -> R {
             let g = x.make();
             let h = x.make();
             let i = x.make();
             let j = move || h.run();
             give(i);
             R { g }
         }",
        "
        2 c0: x.make()
        2 g = c0
        3 c1: x.make()
        3 h = c1
        4 c2: x.make()
        4 i = c2
        5 define f2
        5 j = f2
        6 c3: ~give(i) discarded
        6 drop c3
        8 drop x
        8 return R {g: g}
        ",
    );
}

#[test]
fn scrutinees_live_as_long_as_their_statement() {
    assert_events(
        "fn f() {
             if m.lock().unwrap().is_empty() { a(); }
             if let Some(x) = m.lock().unwrap().get(0) { b(x); }
             match m.lock() { Ok(g) => c(), Err(_) => {} }
         }",
        "
        2 load ~m
        2 c0: ~m.lock()
        2 c1: c0.unwrap()
        2 c2: c1.is_empty()
        2 drop c1
        2 drop c0
        branch
          arm c2
            2 c3: ~a() discarded
            2 drop c3
        3 load ~m
        3 c4: ~m.lock()
        3 c5: c4.unwrap()
        3 c6: c5.get(0)
        3 x = c6
        branch
          arm c6
            3 c7: ~b(x) discarded
            3 drop c7
        3 drop c5
        3 drop c4
        4 load ~m
        4 c8: ~m.lock()
        branch exhaustive
          arm c8
            4 g = c8
            4 c9: ~c()
            4 drop g
          arm !c8
        5 return c9
        ",
    );
}

#[test]
fn leaving_early_drops_what_is_open() {
    assert_events(
        "fn f() {
             let a = x();
             loop {
                 let b = y();
                 if z { break; }
                 return;
                 late();
             }
         }",
        "
        2 c0: ~x()
        2 a = c0
        loop always
          4 c1: ~y()
          4 b = c1
          5 load ~z
          branch
            arm ~z
              5 drop b
              break
          6 drop b
          6 drop a
          6 return none
          unreached after an unconditional exit
            7 c2: ~late() discarded
            7 drop c2
        9 drop a
        ",
    );
}

#[test]
fn patterns_take_values_apart() {
    assert_events(
        "enum M { Run(u8), Stop { why: u8 }, End }
         fn f(v: V) {
             let (tx, rx) = channel();
             for h in v.handles { h.join(); }
             match v.m {
                 M::Run(g) => g(),
                 M::Stop { why } if why => {}
                 M::End | M::Last => {}
                 3 => {}
                 other => {}
             }
             let Some(q) = v.q else { return };
         }",
        "
        3 c0: ~channel()
        3 tx = c0[0]
        3 rx = c0[1]
        4 load v.handles
        for v.handles
          4 h = each(v.handles)
          4 c1: h.join() discarded
          4 drop c1
        5 load v.m
        branch exhaustive
          arm v.m == crate::M::Run
            6 g = v.m.Run.0
            6 c2: g()
          arm (v.m == crate::M::Stop && why)
            7 why = v.m.Stop.why
          arm (v.m == crate::M::End || v.m == crate::M::Last)
          arm v.m == 3
          arm always
            10 other = v.m
        12 load v.q
        branch
          arm !v.q
            12 drop rx
            12 drop tx
            12 drop v
            12 return none
        12 q = v.q
        13 drop rx
        13 drop tx
        13 drop v
        ",
    );
}

#[test]
fn values_keep_text_and_records() {
    assert_events(
        "const DIR: &str = \"d\";
         fn f(x: &str) {
             let a = format!(\"{}/{x}/{0:?}{{}}\", x);
             let b = concat!(\"a\", \"b\");
             let c = if x { 1 } else { 2 };
             let d = vec![x, a];
             let e = P { x, y: -1 };
             let g = DIR;
             let h = x.await?;
             e.y = 5;
             d[0] += 1;
             *x = 7;
         }",
        "
        3 c0: ~format!(\"{}/{x}/{0:?}{{}}\", x)
        3 a = \"{x}/{x}/{x}{}\"
        4 b = \"ab\"
        branch exhaustive
          arm x
          arm always
        5 c = (1 | 2)
        6 d = [x, a]
        7 e = P {x: x, y: -1}
        8 load crate::DIR
        8 g = crate::DIR
        9 await x
        9 h = await x
        10 e.y = 5
        11 d[0] op= 1
        12 x = 7
        13 drop h
        13 drop e
        ",
    );
}

#[test]
fn method_calls_point_at_the_name() {
    let (facts, _) = lowered(
        "src/lib.rs",
        "fn f() {\n    Command::new(\"é\")\n        .arg(1)\n        .spawn();\n}",
    );
    let calls = &facts.functions[1].calls;
    let places: Vec<(u32, u32)> = calls.iter().map(|call| (call.span.line, call.span.column)).collect();
    assert_eq!(places, [(2, 5), (3, 10), (4, 10)]);
    assert!(calls.iter().all(|call| call.span.start == calls[0].span.start));
}

#[test]
fn macros_are_read() {
    assert_events(
        "fn f() {
             println!(\"{}\", a());
             assert!(matches!(b(), Some(1)));
             anyhow::bail!(\"x\");
             json!({ \"k\": c(), \"l\": [d()] });
             tokio::select! {
                 v = e() => g(v),
                 _ = h(), if i() => {}
             }
             info!(target: \"t\", %x, key = j(), \"m\");
         }",
        "
        2 c0: ~a()
        2 c1: ~println!(\"{}\", c0)
        3 c2: ~b()
        3 c3: ~assert!(?)
        3 drop c2
        4 c4: anyhow::bail!(\"x\")
        5 c5: ~c()
        5 c6: ~d()
        5 c7: ~json!(c5, [c6])
        7 c8: ~e()
        8 c9: ~h()
        branch
          arm ?
            7 await c8
        branch
          arm ?
            8 await c9
        branch exhaustive
          arm ?
            7 await c8
            7 v = await c8
            7 c10: ~g(v)
          arm ?
            8 await c9
            8 c11: ~i()
        6 c12: tokio::select!()
        10 load ~x
        10 c13: ~j()
        10 c14: ~info!(\"t\", ~x, key=c13, \"m\")
        ",
    );
}

#[test]
fn items_inside_macros_and_definitions() {
    let (facts, problems) = lowered(
        "src/lib.rs",
        "lazy_static! { static ref A: Mutex<u8> = Mutex::new(0); }
         thread_local! { static B: Cell<u8> = Cell::new(1) }
         cfg_if! { if #[cfg(windows)] { fn g() { win(); } } else { fn g() { nix(); } } }
         macro_rules! set { ($k:expr, $v:expr) => { std::env::set_var($k, $v) }; }
         fn f() { A.lock(); set!(\"a\", B); g(); }",
    );
    assert_eq!(problems, []);
    let module = dump_function(&facts, "crate");
    assert!(
        module.contains("crate::A = c0") && module.contains("crate::B = c1"),
        "{module}"
    );
    assert!(facts.functions[0].locals.iter().any(|local| local.name == "crate::A"));
    assert!(dump_function(&facts, "crate::g").contains("~nix()"));
    assert!(dump_function(&facts, "crate::set!").contains("std::env::set_var(k, v)"));
    let text = dump_function(&facts, "crate::f");
    assert!(text.contains("crate::A.lock()"), "{text}");
    assert!(text.contains("crate::set!(\"a\", crate::B)"), "{text}");
    assert!(text.contains("crate::g()"), "{text}");
}

#[test]
fn what_cfg_takes_away_is_unreached() {
    let (facts, _) = lowered(
        "src/lib.rs",
        "#[cfg(windows)] use win::call; #[cfg(unix)] use nix::call;
         #[cfg(target_os = \"macos\")] fn mac() { a(); }
         #[cfg(test)] mod tests { #[test] #[serial(env)] fn t() {} }
         #[cfg(all(not(windows), any(unix, feature = \"x\")))] fn f() {
             if cfg!(windows) { b(); } else { c(); }
             #[cfg(windows)] d();
             #[cfg(feature = \"x\")] e();
             call();
         }",
    );
    assert_eq!(
        dump_function(&facts, "crate::mac").lines().next(),
        Some("unreached cfg(target_os = \"macos\")")
    );
    let test = facts
        .functions
        .iter()
        .find(|function| function.name == "t")
        .expect("defined above");
    assert!(test.test_only);
    let attributes: Vec<&crate::facts::Value> = test.attributes.iter().map(|attribute| &attribute.value).collect();
    assert_eq!(attributes[0], &crate::facts::Value::Path("test".into()));
    assert_eq!(
        test.attributes[1].args[0].value,
        crate::facts::Value::Global("env".into())
    );
    let text = dump_function(&facts, "crate::f");
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.contains("drop"))
        .collect();
    assert_eq!(
        lines,
        [
            "branch exhaustive",
            "arm !always",
            "unreached the condition is false on the target",
            "5 c0: ~b() discarded",
            "arm always",
            "5 c1: ~c() discarded",
            "unreached cfg(windows)",
            "6 c2: ~d() discarded",
            "conditional feature = \"x\"",
            "7 c3: ~e() discarded",
            "8 c4: nix::call() discarded",
        ]
    );
}

#[test]
fn closures_and_async_are_functions() {
    assert_events(
        "async fn f(m: Arc) {
             let a = 1;
             spawn(move || use_it(m, a));
             let t = async { g().await };
             t.await;
         }",
        "
        2 a = 1
        3 define f2
        3 c0: ~spawn(f2) discarded
        3 drop c0
        4 define f3
        4 t = f3
        5 await t
        ",
    );
    let (facts, _) = lowered("src/lib.rs", "fn f() { let a = 1; let c = |b| a + b; async { x() }; }");
    let closure = &facts.functions[2];
    assert_eq!(closure.qualified, "crate::f::<closure>");
    assert_eq!(closure.parent, Some(crate::facts::FunctionIndex(1)));
    assert!(facts.functions[3].is_async);
}

#[test]
fn one_bad_item_does_not_lose_the_file() {
    let (facts, problems) = lowered(
        "src/lib.rs",
        "#![cfg(unix)]\nfn a() { x(); }\nfn bad() { let = ; }\nimpl S {\n  fn b(&self) {}\n  fn worse(&self) { ) }\n}\nfn c() { y(); }\n",
    );
    let names: Vec<&str> = facts.functions.iter().map(|function| function.name.as_str()).collect();
    assert!(names.contains(&"a"), "{names:?} {problems:?}");
    assert!(
        problems.iter().all(|problem| problem.kind == ProblemKind::Partial),
        "{problems:?}"
    );
    let (facts, problems) = lowered(
        "src/lib.rs",
        "fn a() {}\nfn bad() { let = ; }\nimpl S {\n fn b() {}\n fn worse() { let = ; }\n}\nfn c() { y(); }",
    );
    let names: Vec<&str> = facts.functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["<module>", "a", "b", "c"]);
    assert_eq!(
        problems.iter().map(|problem| problem.line).collect::<Vec<_>>(),
        [Some(2), Some(5)]
    );
    assert_eq!(facts.functions[3].calls[0].span.line, 7);
    let (_, problems) = lowered("src/lib.rs", "this is no rust");
    assert_eq!(problems[0].kind, ProblemKind::Parse);
}

#[test]
fn deep_nesting_is_a_limit_and_no_overflow() {
    let n = 100_000;
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{", "", "}"),
        ("!", "x", ""),
        ("-", "1", ""),
        ("a+", "a", ""),
        ("x.", "y", ""),
        ("if a {} else ", "{}", ""),
    ] {
        let text = format!(
            "fn good() {{}} fn f() {{ {}{middle}{}; }}",
            open.repeat(n),
            close.repeat(n)
        );
        let (facts, problems) = lowered("src/lib.rs", &text);
        assert!(
            problems.iter().any(|problem| problem.kind == ProblemKind::Limit),
            "{open}: {problems:?}"
        );
        assert!(facts.functions.iter().any(|function| function.name == "good"), "{open}");
    }
}

#[test]
fn what_the_limit_lets_through_fits_the_stack() {
    // The chains of which a level takes the fewest tokens, so that the most levels pass.
    for (open, middle, close, tokens) in [
        ("(", "1", ")", 1),
        ("!", "x", "", 1),
        ("&", "x", "", 1),
        ("a+", "a", "", 2),
        ("x.", "y", "", 2),
        ("x?", "", "", 2),
        ("f(", "", ")", 2),
        ("if a {} else ", "{}", "", 3),
        ("|x|", "x", "", 3),
        ("return ", "1", "", 1),
        ("{", "", "}", 1),
    ] {
        let n = (recovery::DEPTH_LIMIT - 100) / tokens;
        let text = format!("fn f() {{ {}{middle}{}; }}", open.repeat(n), close.repeat(n));
        let (facts, _) = lowered("src/lib.rs", &text);
        assert!(!facts.functions.is_empty(), "{open}");
    }
}

#[test]
fn directives_are_found_in_comments_only() {
    let text = "// envrace: ignore[x] a\nlet a = \"// envrace: no\"; /* envrace: b */\nlet r = r#\"\n// envrace: no\"#; let c = '\"'; // envrace: c\n/// envrace: no\n/* /* envrace: no */ */ let l: &'a str;";
    let (facts, _) = lowered("src/lib.rs", text);
    let found: Vec<(&str, u32, bool)> = facts
        .directives
        .iter()
        .map(|directive| (directive.text.as_str(), directive.span.line, directive.own_line))
        .collect();
    assert_eq!(found, [("ignore[x] a", 1, true), ("b", 2, false), ("c", 4, false)]);
}

#[test]
fn a_mark_and_a_shebang_keep_positions() {
    let (facts, problems) = lowered("src/lib.rs", "\u{feff}#!/usr/bin/env run\nfn f() { g(); }");
    assert_eq!(problems, []);
    let call = &facts.functions[1].calls[0];
    assert_eq!((call.span.start, call.span.line, call.span.column), (31, 2, 10));
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn soup() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "fn",
            "f",
            "(",
            ")",
            "{",
            "}",
            "[",
            "]",
            "let",
            "x",
            "=",
            ";",
            ",",
            "::",
            "use",
            "self",
            "super",
            "crate",
            "*",
            "&",
            "'a",
            "'c'",
            "\"s\"",
            "r#\"t\"#",
            "//c\n",
            "/*d*/",
            "if",
            "else",
            "match",
            "=>",
            "|",
            "||",
            "move",
            "async",
            ".",
            ".await",
            "?",
            "!",
            "#",
            "#[cfg(windows)]",
            "impl",
            "trait",
            "for",
            "in",
            "loop",
            "while",
            "break",
            "return",
            "1",
            "1.0",
            "..",
            "-",
            "<",
            ">",
            "struct",
            "enum",
            "mod",
            "macro_rules!",
            "$",
            "$x:expr",
            "é",
            "unsafe",
            "extern",
            "\"C\"",
            "static",
            "const",
            ":",
            "_",
            "\"",
            "/*",
            "'",
            "\\",
            "\r",
            "\n",
            "format!(\"{x}\")",
            "vec![",
            "matches!(",
        ]);
        prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.join(" "))
    }

    /// Every span lies in the text and on character boundaries.
    fn check(text: &str) {
        let (facts, _) = lowered("src/lib.rs", text);
        for call in facts.functions.iter().flat_map(|function| &function.calls) {
            let range = call.span.start as usize..call.span.end as usize;
            assert!(text.get(range).is_some(), "{:?}", call.span);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn soup_does_not_panic(text in soup()) {
            check(&text);
            check(&format!("fn f() {{ {text} }}"));
        }

        #[test]
        fn cut_files_do_not_panic(from in 0usize..4000, length in 0usize..4000) {
            let text = include_str!("macros.rs");
            let cut: String = text.chars().skip(from).take(length).collect();
            check(&cut);
        }

        #[test]
        fn any_text_is_covered_by_tokens(text in "\\PC*|[rbc'\"#/*\\\\ a\n]{0,40}") {
            let tokens = scan::tokens(&text);
            let mut at = 0;
            for token in &tokens {
                prop_assert!(token.start >= at && token.end > token.start && token.end <= text.len());
                prop_assert!(text[at..token.start].trim().is_empty());
                prop_assert!(text.is_char_boundary(token.end));
                at = token.end;
            }
            prop_assert!(text[at..].trim().is_empty());
        }

        #[test]
        fn tokens_agree_with_the_real_lexer(text in "[rbc'\"#/*\\\\ a1\n({})]{0,30}") {
            // Where the text is Rust to proc_macro2, the lexer sees as many brackets outside of literals and comments.
            fn brackets(stream: proc_macro2::TokenStream) -> usize {
                stream.into_iter().map(|tree| match tree {
                    // A doc comment becomes an attribute in brackets that stand nowhere.
                    proc_macro2::TokenTree::Group(group) if group.span_open().start() != group.span_close().start() => {
                        1 + brackets(group.stream())
                    }
                    _ => 0,
                }).sum()
            }
            // Doc comments become attributes, whose brackets stand nowhere in the text.
            prop_assume!(!["///", "/**", "//!", "/*!"].iter().any(|doc| text.contains(doc)));
            if let Ok(stream) = text.parse::<proc_macro2::TokenStream>() {
                let ours = scan::tokens(&text).iter().filter(|token| token.kind == scan::Kind::Open).count();
                prop_assert_eq!(ours, brackets(stream));
            }
        }
    }
}
