//! Control structures.

use super::super::dump::dump_function;
use super::{facts, function, module};

#[test]
fn branches_are_flat_and_tests_come_first() {
    module(
        "if a() == 1:\n    b()\nelif not c < d:\n    pass\nelse:\n    e()\n",
        "
        1: call#0 ^a()
        3: whole load ^c
        3: whole load ^d
        branch exhaustive
          arm #0 == 1
            2: call#1 ^b() discarded
          arm not ^c < ^d
          arm always
            6: call#2 ^e() discarded
        ",
    );
}

#[test]
fn conditions() {
    module(
        "if __name__ == '__main__': pass\nif 'A' not in x and y is not None or 1 < z <= 2: pass\n",
        "
        1: whole load ^__name__
        branch
          arm ^__name__ == '__main__'
        2: whole load ^x
        2: whole load ^y
        2: whole load ^z
        branch
          arm ((not 'A' in ^x) and (not ^y == None)) or ((1 < ^z) and (not 2 < ^z))
        ",
    );
}

#[test]
fn loops() {
    module(
        "for x in xs():\n    if x: break\nelse:\n    a()\nwhile True:\n    b()\nelse:\n    c()\nwhile d():\n    continue\n",
        "
        1: call#0 ^xs()
        loop over #0
          1: whole ^x = each(#0)
          2: whole load ^x
          branch
            arm ^x
              break
        branch
          arm ?
            4: call#1 ^a() discarded
        loop while always
          6: call#2 ^b() discarded
        8: call#3 ^c() discarded
        loop while #4
          9: call#4 ^d()
          continue
        ",
    );
}

#[test]
fn with_items_nest() {
    function(
        "async def f(a):\n    async with a as b, c() as self.d, e():\n        g()\n",
        "f",
        "
        with a as b
          2: call#0 ^c()
          with #0
            2: attribute (^self).d = #0
            2: call#1 ^e()
            with #1
              3: call#2 ^g() discarded
        ",
    );
    module(
        "with a() as b:\n    pass\n",
        "1: call#0 ^a()\nwith #0\n  1: whole ^b = #0",
    );
}

#[test]
fn exceptions() {
    module(
        "try:\n    a()\nexcept (E, F) as e:\n    b()\nexcept:\n    raise\nelse:\n    c()\nfinally:\n    d()\n",
        "
        try
          body
            2: call#0 ^a() discarded
            8: call#1 ^c() discarded
          handler
            3: whole load ^E
            3: whole load ^F
            3: whole ^e = ?
            4: call#2 ^b() discarded
          handler
            6: raise
          finally
            10: call#3 ^d() discarded
        ",
    );
}

#[test]
fn what_never_runs_is_unreached() {
    function(
        "def f():\n    return a()\n    b()\n    raise E\n    c()\n",
        "f",
        "
        2: call#0 ^a()
        2: return #0
        unreached: after return
          3: call#1 ^b() discarded
          4: whole load ^E
          4: raise
          5: call#2 ^c() discarded
        ",
    );
    module(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    a()\nif 0:\n    b()\nelif 1:\n    c()\nelse:\n    d()\nwhile False:\n    e()\n",
        "
        1: import typing.TYPE_CHECKING
        2: whole load typing.TYPE_CHECKING
        branch
          arm typing.TYPE_CHECKING
            unreached: the test is false
              3: call#0 ^a() discarded
        branch exhaustive
          arm 0
            unreached: the test is false
              5: call#1 ^b() discarded
          arm always
            7: call#2 ^c() discarded
          arm always
            unreached: an earlier test is always true
              9: call#3 ^d() discarded
        unreached: the loop's test is false
          11: call#4 ^e() discarded
        ",
    );
}

#[test]
fn matches() {
    function(
        "def f(s):\n    match s:\n        case 1 | 'a': a()\n        case [x, *y] if x: b()\n        case C(z=w): c()\n        case _: d()\n",
        "f",
        "
        5: whole load ^C
        branch exhaustive
          arm (s == 1) or (s == 'a')
            3: call#0 ^a() discarded
          arm (?) and (x)
            4: whole x = s[0]
            4: whole y = [each(s)]
            4: call#1 ^b() discarded
          arm ?
            5: whole w = (s).z
            5: call#2 ^c() discarded
          arm always
            6: call#3 ^d() discarded
        ",
    );
}

#[test]
fn comprehensions_are_loops() {
    module(
        "x = [a(y) for z in b() if c(z) for y in d(z)]\n",
        "
        1: call#0 ^b()
        loop over #0
          1: whole z = each(#0)
          1: call#1 ^c(z)
          branch
            arm #1
              1: call#2 ^d(z)
              loop over #2
                1: whole y = each(#2)
                1: call#3 ^a(y)
        1: whole ^x = [#3]
        ",
    );
}

#[test]
fn assertions() {
    module(
        "assert a(), b()\n",
        "
        1: call#0 ^a()
        branch
          arm not #0
            1: call#1 ^b()
            1: raise
        ",
    );
}

/// Which arm of `if TEST: yes() else: no()` is reached: the first, the second, or either.
#[test]
fn tests_of_the_system_come_out_as_on_linux() {
    let cases = [
        ("sys.platform == 'win32'", Some(false)),
        ("'linux' == sys.platform", Some(true)),
        ("sys.platform != 'darwin'", Some(true)),
        ("sys.platform in ('win32', 'cygwin')", Some(false)),
        ("sys.platform not in ['linux', 'darwin']", Some(false)),
        ("sys.platform.startswith('lin')", Some(true)),
        ("sys.platform.startswith(('aix', 'sunos'))", Some(false)),
        ("sys.platform[:3] == 'win'", Some(false)),
        ("'linux' in sys.platform", Some(true)),
        ("os.name == 'nt'", Some(false)),
        ("name == 'posix'", Some(true)),
        ("platform.system().lower() == 'windows'", Some(false)),
        ("os.uname()[0] == 'Darwin'", Some(false)),
        ("os.uname().sysname == 'Linux'", Some(true)),
        ("not os.name == 'nt' and sys.platform == 'linux'", Some(true)),
        ("os.name == 'nt' and ready", Some(false)),
        // Python 2's name, other releases and other things of these names are left open.
        ("sys.platform == 'linux2'", None),
        ("platform.release() == '5'", None),
        ("os.name == 'nt' or ready", None),
        ("self.platform == 'win32'", None),
        ("sys.platform == wanted", None),
    ];
    for (test, expected) in cases {
        let text = format!("import os, sys, platform\nfrom os import name\nif {test}:\n    yes()\nelse:\n    no()\n");
        let dump = dump_function(&facts(&text), "<module>");
        let reached = |call: &str| {
            let at = dump.find(call).expect("both arms are there");
            let arm = dump[..at].rfind("arm ").expect("calls stand in arms");
            !dump[arm..at].contains("unreached")
        };
        let found = match (reached("yes()"), reached("no()")) {
            (true, true) => None,
            (yes, _) => Some(yes),
        };
        assert_eq!(found, expected, "{test}\n{dump}");
    }
}
