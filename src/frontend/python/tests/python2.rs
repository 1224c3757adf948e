//! Files that Python 3 rejects.

use super::super::dump::dump_function;
use super::{lower, same};
use crate::facts::ProblemKind;

/// Asserts what `qualified` does, and that the file has one problem: recovered from, first at `line`.
#[track_caller]
fn partial(text: &str, qualified: &str, line: u32, expected: &str) {
    let (facts, problems) = lower(text);
    same(&dump_function(&facts, qualified), expected, text);
    let problems: Vec<_> = problems.iter().map(|problem| (problem.kind, problem.line)).collect();
    assert_eq!(problems, [(ProblemKind::Partial, Some(line))]);
}

#[test]
fn statements() {
    partial(
        "import os\nprint os.getcwd(), 'a %s' % f(),\nexec code in ns, g()\nraise E, 'x' % h(), tb\n",
        "<module>",
        2,
        "
        1: import os
        2: call#0 os.getcwd()
        2: call#1 ^f()
        2: call#2 ^print(#0, 'a {#1}') discarded
        3: whole load ^code
        3: whole load ^ns
        3: call#3 ^g()
        3: call#4 ^exec(^code, ^ns, #3) discarded
        4: whole load ^E
        4: call#5 ^h()
        4: whole load ^tb
        4: raise
        ",
    );
}

#[test]
fn expressions() {
    partial(
        "x = `f()` + 0777L\ny = ur'a' <> b\nprint >>e(), g()\n",
        "<module>",
        1,
        "
        1: call#0 ^f()
        1: call#1 ^repr(#0)
        1: whole ^x = combined(#1, 511)
        2: whole load ^b
        2: whole ^y = ?
        3: call#2 ^e()
        3: call#3 ^g()
        3: call#4 ^print(#3, file=#2) discarded
        ",
    );
}

#[test]
fn what_python_3_reads_differently() {
    super::module(
        "exec(c()) in ns\nexec(c()) in ns, d\nprint >>f, g()\n",
        "
        1: call#0 ^c()
        1: whole load ^ns
        1: call#1 ^exec(#0, ^ns) discarded
        2: call#2 ^c()
        2: whole load ^ns
        2: whole load ^d
        2: call#3 ^exec(#2, ^ns, ^d) discarded
        3: whole load ^f
        3: call#4 ^g()
        3: call#5 ^print(#4, file=^f) discarded
        ",
    );
}

#[test]
fn handlers_bind_the_name_after_the_comma() {
    super::function(
        "def f():\n    try: pass\n    except (A, B), e:\n        g(e)\n    except C, D:\n        pass\n",
        "f",
        "
        try
          body
          handler
            3: whole load ^A
            3: whole load ^B
            3: whole e = ?
            4: call#0 ^g(e) discarded
          handler
            5: whole load ^C
            5: whole load ^D
        ",
    );
}

#[test]
fn tabs_are_eight_columns_wide() {
    let text = "
import os
class C:
    def m(self):
        if self.a:
            os.environ['A'] = '1'
\tos.environ['B'] = '2'
        os.environ['C'] = '3'
    def n(self):
\tif self.a:
\t    f()
        g()
";
    partial(
        text,
        "C.m",
        7,
        "
        5: attribute load (self).a
        branch
          arm (self).a
            6: subscript os.environ['A'] = '1'
        7: subscript os.environ['B'] = '2'
        8: subscript os.environ['C'] = '3'
        ",
    );
    partial(
        text,
        "C.n",
        7,
        "10: attribute load (self).a\nbranch\n  arm (self).a\n    11: call#0 ^f() discarded\n12: call#1 ^g() discarded",
    );
    let (facts, _) = lower(text);
    let call = &facts.functions[3].calls[0];
    assert_eq!(
        (call.span.line, call.span.column, call.span.end_column),
        (11, 6, 9),
        "columns are the original's"
    );
}

#[test]
fn one_broken_line_costs_only_itself() {
    partial(
        "a()\nb(1, 2\ndef f():\n    c()\nd()\n",
        "f",
        2,
        "4: call#0 ^c() discarded",
    );
    partial(
        "a()\nx = = 1\nb()\n",
        "<module>",
        2,
        "1: call#0 ^a() discarded\n2: whole ^x = 1\n3: call#1 ^b() discarded",
    );
    partial(
        "import os\nx = os.\ny()\n",
        "<module>",
        2,
        "
        1: import os
        2: whole load os
        2: whole ^x = os
        3: call#0 ^y() discarded
        ",
    );
}
