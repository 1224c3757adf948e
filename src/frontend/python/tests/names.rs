//! What names mean.

use super::{facts, function, module};
use crate::facts::Import;

#[test]
fn imports_bind_paths() {
    module(
        "import os as o\nfrom os import environ as e, system\nimport a.b.c\no.getenv\ne['A'] = 1\nsystem()\na.b.c.d()\n",
        "
        1: import os
        2: import os.environ
        2: import os.system
        3: import a.b.c
        4: whole load os.getenv
        5: subscript os.environ['A'] = 1
        6: call#0 os.system() discarded
        7: call#1 a.b.c.d() discarded
        ",
    );
}

#[test]
fn relative_and_star_imports_keep_their_dots() {
    let found =
        facts("from . import x\nfrom .m import y as z\nfrom ..p.q import *\nimport a.b\ndef f():\n    import json\n");
    let imports: Vec<(&str, Option<&str>, bool, bool)> = found
        .imports
        .iter()
        .map(
            |Import {
                 path,
                 name,
                 star,
                 exported,
                 ..
             }| (path.as_str(), name.as_deref(), *star, *exported),
        )
        .collect();
    assert_eq!(
        imports,
        [
            (".x", Some("x"), false, true),
            (".m.y", Some("z"), false, true),
            ("..p.q", None, true, true),
            ("a", Some("a"), false, true),
            ("a.b", None, false, true),
            ("json", Some("json"), false, false),
        ]
    );
}

#[test]
fn conditional_imports_are_one_of_their_paths() {
    module(
        "try:\n    import queue as q\nexcept ImportError:\n    import Queue as q\nq.put()\n",
        "
        try
          body
            2: import queue
          handler
            3: whole load ^ImportError
            4: import Queue
        5: call#0 <queue.put | Queue.put>() discarded
        ",
    );
    module(
        "try:\n    import ssl\nexcept ImportError:\n    ssl = None\nssl.x()\n",
        "
        try
          body
            2: import ssl
          handler
            3: whole load ^ImportError
            4: whole ^ssl = None
        5: call#0 <ssl.x | (^ssl).x>() discarded
        ",
    );
}

#[test]
fn function_level_imports_are_seen_only_there() {
    let text = "def f():\n    from os import system as run\n    run()\ndef g():\n    run()\n";
    function(text, "f", "2: import os.system\n3: call#0 os.system() discarded");
    function(text, "g", "5: call#0 ^run() discarded");
}

#[test]
fn global_and_nonlocal() {
    let text = "
x = 0
def f():
    global x
    y = 1
    x = 2
    def g():
        nonlocal y
        y = x
    z = x
";
    function(
        text,
        "f",
        "5: whole y = 1\n6: whole ^x = 2\n7: define Function f.g\n7: whole g = &f.g\n10: whole load ^x\n10: whole z = ^x",
    );
    function(text, "f.g", "9: whole load ^x\n9: whole y = ^x");
    let found = facts(text);
    assert_eq!(
        found.functions[1]
            .locals
            .iter()
            .map(|local| local.name.as_str())
            .collect::<Vec<_>>(),
        ["y", "g", "z"]
    );
    assert_eq!(found.functions[2].locals, [], "y is a local of f, not of g");
}

#[test]
fn what_a_function_declares_global_is_the_modules() {
    let text = "import a\ndef f():\n    global a, os\n    a = 1\n    import os\ndef g():\n    return a, os\n";
    function(
        text,
        "g",
        "7: whole load <a | ^a>\n7: whole load os\n7: return [<a | ^a>, os]",
    );
}

#[test]
fn closures_capture_locals_and_functions_skip_class_scopes() {
    let text = "
def f(a):
    class C:
        b = a
        def m(self):
            return a, b, C
    return C
";
    function(text, "f.C", "4: attribute (^f.C).b = a\n5: define Method f.C.m");
    function(
        text,
        "f.C.m",
        "6: whole load ^b\n6: whole load ^f.C\n6: return [a, ^b, ^f.C]",
    );
}

#[test]
fn class_attributes_belong_to_the_class() {
    let text = "
class A:
    x = 1
    y = x
    class B:
        z = y = 2
";
    function(
        text,
        "A",
        "3: attribute (^A).x = 1\n4: attribute load (^A).x\n4: attribute (^A).y = (^A).x\n5: define ClassBody A.B",
    );
    function(text, "A.B", "6: attribute ((^A).B).z = 2\n6: attribute ((^A).B).y = 2");
}

#[test]
fn comprehension_variables_are_locals_of_their_own() {
    let text = "def f(x):\n    a = [x for x in x]\n    return x\n";
    function(
        text,
        "f",
        "
        loop over x
          2: whole x = each(x)
        2: whole a = [x]
        3: return x
        ",
    );
    let found = facts(text);
    let names: Vec<&str> = found.functions[1]
        .locals
        .iter()
        .map(|local| local.name.as_str())
        .collect();
    assert_eq!(names, ["x", "a", "x"]);
}

#[test]
fn walrus_binds_in_the_function_even_from_a_comprehension() {
    let text = "def f(v):\n    [y := g(e) for e in v]\n    return y\n";
    function(
        text,
        "f",
        "
        loop over v
          2: whole e = each(v)
          2: call#0 ^g(e)
          2: whole y = #0
        3: return y
        ",
    );
}
