//! Functions, classes, types and directives.

use super::super::dump::{dump, type_ref};
use super::{facts, function, module, same};
use crate::facts::{FunctionKind, Visibility};

#[track_caller]
fn whole(text: &str, expected: &str) {
    same(&dump(&facts(text)), expected, text);
}

#[test]
fn parameters_defaults_and_decorators() {
    whole(
        "import t\n@t.fixture(scope='x')\n@plain\ndef f(a, /, b=g(), *c, d: int = 1, **e) -> 'T': pass\n",
        "
        <module>():
          1: import t
          2: call#0 t.fixture(scope='x')
          3: whole load ^plain
          4: call#2 ^g()
          2: define Function f
        f(a, b=#2, *c, keyword d: int=1, **e) -> T:
          @t.fixture(scope='x')
          @^plain()
        ",
    );
}

#[test]
fn methods_and_receivers() {
    let text = "
class C(Base, metaclass=M):
    def m(self, a):
        super().m(a)
        self.x = lambda: self
    @staticmethod
    def s(a): pass
    @classmethod
    def _c(cls): pass
";
    whole(
        text,
        "
        <module>():
          2: whole load ^Base
          2: whole load ^M
          2: define ClassBody C
        C():
          3: define Method C.m
          6: whole load ^staticmethod
          6: define Method C.s
          8: whole load ^classmethod
          8: define Method C._c
        C.m(receiver self, a):
          4: call#0 ^super()
          4: call#1 (super(C.m)).m(a) discarded
          5: define Closure C.m.<lambda>
          5: attribute (self).x = &C.m.<lambda>
        C.m.<lambda>():
          5: return self
        C.s(a):
          @^staticmethod()
        C._c(receiver cls):
          @^classmethod()
        ",
    );
    let found = facts(text);
    assert_eq!(found.types.len(), 1);
    assert_eq!(found.types[0].methods.len(), 3);
    assert_eq!(found.types[0].bases.len(), 1, "a metaclass is no base");
    let visible: Vec<(&str, Visibility)> = found
        .functions
        .iter()
        .map(|function| (function.qualified.as_str(), function.visibility))
        .collect();
    assert_eq!(visible[2], ("C.m", Visibility::Public));
    assert_eq!(visible[3], ("C.m.<lambda>", Visibility::Private));
    assert_eq!(visible[5], ("C._c", Visibility::Private));
}

#[test]
fn nested_functions_have_a_parent_and_are_stored() {
    let text = "def f():\n    def g(): pass\n    return g\n";
    function(text, "f", "2: define Function f.g\n2: whole g = &f.g\n3: return g");
    let found = facts(text);
    assert_eq!(found.functions[1].parent, None);
    assert_eq!(found.functions[2].parent.map(|parent| parent.0), Some(1));
    assert_eq!(found.functions[2].kind, FunctionKind::Function);
}

#[test]
fn generators_and_coroutines() {
    whole(
        "def g():\n    x = yield 1\n    yield from h()\nasync def c():\n    await d()\n    return await e\n",
        "
        <module>():
          1: define Function g
          4: define Function c
        g() generator:
          2: yield 1
          2: whole x = ?
          3: call#0 ^h()
          3: yield each(#0)
        async c():
          5: call#0 ^d()
          5: await #0
          6: whole load ^e
          6: await ^e
          6: return await(^e)
        ",
    );
}

#[test]
fn annotations_are_types() {
    let text = "
from typing import Optional, Union
import concurrent.futures as cf
class Env: pass
def f(a: 'Executor', b: Optional['Env'], c: Union[cf.Executor, None], d: list[Env], e: Env | None, g: 'cf.Executor'): pass
";
    let found = facts(text);
    let function = found
        .functions
        .iter()
        .find(|function| function.name == "f")
        .expect("f is defined");
    let types: Vec<String> = function
        .locals
        .iter()
        .filter_map(|local| local.ty.as_deref())
        .map(type_ref)
        .collect();
    assert_eq!(
        types,
        [
            "Executor",
            "typing.Optional[^Env]",
            "typing.Union[concurrent.futures.Executor, None]",
            "list[^Env]",
            "typing.Union[^Env, None]",
            "concurrent.futures.Executor",
        ]
    );
}

#[test]
fn annotated_names_fields_and_locals() {
    let text = "
class C:
    a: int
    b: 'C' = None
    def m(self, p):
        self.c: str = p
        self.d: list
        e: C = p
        p.f: int = 1
";
    let found = facts(text);
    let fields: Vec<(&str, Option<String>)> = found.types[0]
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.ty.as_ref().map(type_ref)))
        .collect();
    let expected = [("a", "int"), ("b", "^C"), ("c", "str"), ("d", "list")];
    assert_eq!(fields, expected.map(|(name, ty)| (name, Some(ty.to_string()))));
    let locals: Vec<(&str, Option<String>)> = found.functions[2]
        .locals
        .iter()
        .map(|local| (local.name.as_str(), local.ty.as_deref().map(type_ref)))
        .collect();
    assert_eq!(locals, [("self", None), ("p", None), ("e", Some("^C".to_string()))]);
    function(text, "C", "4: attribute (^C).b = None\n5: define Method C.m");
    function(
        text,
        "C.m",
        "6: attribute (self).c = p\n8: whole e = p\n9: attribute (p).f = 1",
    );
}

#[test]
fn calls_in_annotations_are_events() {
    module(
        "x: A(b()) = c\n",
        "1: call#0 ^b()\n1: call#1 ^A(#0)\n1: whole load ^c\n1: whole ^x = ^c",
    );
}

#[test]
fn directives_come_from_comments_alone() {
    let found = facts(
        "x = '# envrace: no'\n  # envrace: ignore[a] why \ny()  #envrace: b\n'''\n# envrace: no\n'''\n# other envrace: no\n",
    );
    let directives: Vec<(&str, u32, bool)> = found
        .directives
        .iter()
        .map(|directive| (directive.text.as_str(), directive.span.line, directive.own_line))
        .collect();
    assert_eq!(directives, [("ignore[a] why", 2, true), ("b", 3, false)]);
}
