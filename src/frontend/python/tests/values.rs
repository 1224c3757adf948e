//! What expressions may be.

use super::super::dump;
use super::{facts, module};
use crate::facts::{Event, Node};

/// The value that the last statement of `text`, `x = …`, stores.
#[track_caller]
fn stored(text: &str, expected: &str) {
    let facts = facts(text);
    let store = facts.functions[0].body.nodes.iter().rev().find_map(|node| match node {
        Node::Event(Event::Store { value, .. }) => Some(dump::value(&facts, value)),
        _ => None,
    });
    assert_eq!(store.as_deref(), Some(expected), "{text}");
}

#[test]
fn percent_formats() {
    stored("x = '%s/plugin.py' % path", "'{^path}/plugin.py'");
    stored("x = '%s-%5d%%' % (a, 1)", "'{^a}-{1}%'");
    stored("x = '%(a)s %(b)s' % {'a': 'A', 'b': b}", "'A {^b}'");
    stored("x = '%(a)s' % d", "'{^d['a']}'");
    stored("x = '%s %s' % t", "'{^t[0]} {^t[1]}'");
    stored("x = '%*d.%s' % (w, n, s)", "'{^n}.{^s}'");
    stored("x = '%s' % [1]", "'{[1]}'");
    stored("x = '%s' % (a,)", "'{^a}'");
    stored("x = 5 % y", "combined(5, ^y)");
    stored("x = '%' % ()", "'{?}'");
}

#[test]
fn format_calls() {
    stored("x = '{}/{}'.format(a, 'b')", "'{^a}/b'");
    stored("x = '{1}{0}{n}'.format(a, b, n=c)", "'{^b}{^a}{^c}'");
    stored("x = '{0.y}{0[k]}{0[1]}'.format(a)", "'{(^a).y}{^a['k']}{^a[1]}'");
    stored("x = '{{}}{:>{w}}'.format('a', w=1)", "'{}{'a'}'");
    stored("x = '{}'.format(*a)", "'{?}'");
}

#[test]
fn f_strings_and_sums() {
    stored("x = f'{a}/{b!r}:{c:>{d}}' 'e' f'{{}}'", "'{^a}/{^b}:{^c}e{}'");
    stored("x = f'{\"a\"}b'", "'ab'");
    stored("x = 'a' + b + 'c'", "'a{^b}c'");
    stored("x = a + b + 'c'", "'{^a}{^b}c'");
    stored("x = a + b", "combined(^a, ^b)");
    stored("x = b'A' + c", "'A{^c}'");
}

#[test]
fn alternatives() {
    stored("x = a if c else b", "<^a | ^b>");
    stored("x = a or b or a", "<^a | ^b>");
    stored("x = a and {}", "<^a | {}>");
}

#[test]
fn literals() {
    stored("x = [1, -2, None, True, ...]", "[1, -2, None, True, ?]");
    stored("x = {'a': 1, **b}", "{'a': 1, ?: ^b}");
    stored("x = {k: v for k, v in d}", "{k: v}");
    stored("x = {1, *a}", "[1, each(^a)]");
    stored("x = 123456789012345678901234567890", "?");
}

#[test]
fn chains_and_items() {
    stored("import os\nx = os.environ['A'][0].b", "(os.environ['A'][0]).b");
    stored("x = a.b[1:2]", "(^a).b");
    stored("import os\nx = (os if a else b).environ", "<os.environ | (^b).environ>");
}

#[test]
fn loads_are_reads_that_are_no_callees() {
    module(
        "import os\nf(os.environ, os.a.b(), k['x'], os.environ['y'])\n'A' in os.environ\n",
        "
        1: import os
        2: whole load os.environ
        2: call#0 os.a.b()
        2: subscript load ^k['x']
        2: subscript load os.environ['y']
        2: call#1 ^f(os.environ, #0, ^k['x'], os.environ['y']) discarded
        3: whole load os.environ
        ",
    );
}

#[test]
fn subscripts_of_locals_are_loads_too() {
    super::function(
        "import os\ndef f():\n    env = os.environ\n    'A' in env\n    return env['X']\n",
        "f",
        "
        3: whole load os.environ
        3: whole env = os.environ
        4: whole load env
        5: subscript load env['X']
        5: return env['X']
        ",
    );
}

#[test]
fn unpacking() {
    module(
        "(a, b) = v\nc, *d, e = v\nf, g = 1, h\ni = j = 2\nfor (k, l) in v: pass\n",
        "
        1: whole load ^v
        1: whole ^a = ^v[0]
        1: whole ^b = ^v[1]
        2: whole load ^v
        2: whole ^c = ^v[0]
        2: whole ^d = [each(^v)]
        2: whole ^e = each(^v)
        3: whole load ^h
        3: whole ^f = 1
        3: whole ^g = ^h
        4: whole ^i = 2
        4: whole ^j = 2
        5: whole load ^v
        loop over ^v
          5: whole ^k = each(^v)[0]
          5: whole ^l = each(^v)[1]
        ",
    );
}

#[test]
fn arguments_and_the_order_of_evaluation() {
    module(
        "a.b(c(), *d, k=e(), **f).g(h()).y[i()] = j()\n",
        "
        1: call#0 ^j()
        1: call#1 ^c()
        1: whole load ^d
        1: call#2 ^e()
        1: whole load ^f
        1: call#3 (^a).b(#1, *=^d, k=#2, **=^f)
        1: call#4 ^h()
        1: call#5 (#3).g(#4)
        1: call#6 ^i()
        1: subscript (#5).y[#6] = #0
        ",
    );
}

#[test]
fn stores_of_all_forms() {
    module(
        "import os\nos.environ = a.x = {}\nos.environ['a'] += 'b'\ndel os.environ['a'], a.x\nos.environ[:] = b\n",
        "
        1: import os
        2: whole os.environ = {}
        2: attribute (^a).x = {}
        3: subscript os.environ['a'] <- '{os.environ['a']}b'
        4: subscript del os.environ['a']
        4: attribute del (^a).x
        5: whole load ^b
        5: subscript os.environ[?] = ^b
        ",
    );
}

#[test]
fn a_call_in_a_chain_is_on_the_line_of_its_name() {
    let facts = facts("x = (a\n    .b()\n    .c(\n        1))\n");
    let spans: Vec<(u32, u32, u32, u32)> = facts.functions[0]
        .calls
        .iter()
        .map(|call| (call.span.line, call.span.column, call.span.start, call.span.end))
        .collect();
    assert_eq!(spans, [(2, 6, 5, 15), (3, 6, 5, 34)]);
}

#[test]
fn calls_of_later_operands_are_conditional() {
    module(
        "a() and b()\nx = c() if d() else e\n",
        "
        1: call#0 ^a()
        branch
          arm #0
            1: call#1 ^b()
        2: call#2 ^d()
        branch exhaustive
          arm #2
            2: call#3 ^c()
          arm always
            2: whole load ^e
        2: whole ^x = <#3 | ^e>
        ",
    );
}
