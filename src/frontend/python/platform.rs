//! Tests of the system that a program runs on, as they come out on Linux: `sys.platform == 'win32'`, `os.name == 'nt'`,
//! `platform.system() == 'Darwin'`. C's `__APPLE__` and Rust's `cfg(target_os)` are decided in the same way.

use super::builder::Lowerer;
use super::conditions::constant_truth;
use crate::facts::Value;
use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprCall, Number, UnaryOp};

/// How a test of the system may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Equal,
    Among,
}

impl<'a> Lowerer<'a, '_> {
    /// What a test always is: by what is written down ([`constant_truth`]), or since the system decides it.
    pub(super) fn truth(&self, test: &Expr) -> Option<bool> {
        constant_truth(test).or_else(|| self.on_target(test))
    }

    /// The outcome of a test of the system; none for any other test.
    pub(super) fn on_target(&self, test: &Expr) -> Option<bool> {
        match test {
            Expr::UnaryOp(unary) if unary.op == UnaryOp::Not => self.on_target(&unary.operand).map(|truth| !truth),
            Expr::BoolOp(boolean) => {
                let deciding = boolean.op == BoolOp::Or;
                let truths: Vec<Option<bool>> = boolean.values.iter().map(|value| self.on_target(value)).collect();
                match truths.contains(&Some(deciding)) {
                    true => Some(deciding),
                    false => truths.iter().all(Option::is_some).then_some(!deciding),
                }
            }
            Expr::Compare(compare) => {
                let ([operator], [right]) = (&*compare.ops, &*compare.comparators) else {
                    return None;
                };
                let (asked, wanted) = match operator {
                    CmpOp::Eq | CmpOp::Is => (Asked::Equal, true),
                    CmpOp::NotEq | CmpOp::IsNot => (Asked::Equal, false),
                    CmpOp::In => (Asked::Among, true),
                    CmpOp::NotIn => (Asked::Among, false),
                    _ => return None,
                };
                let found = match (self.system_text(&compare.left), asked) {
                    (Some(text), Asked::Equal) => is_one(&text, &[literal(right)?])?,
                    (Some(text), Asked::Among) => is_one(&text, &literals(right)?)?,
                    // `'linux' in sys.platform`, `'nt' == os.name`
                    (None, asked) => {
                        let text = self.system_text(right)?;
                        let part = literal(&compare.left)?;
                        match asked {
                            Asked::Equal => is_one(&text, &[part])?,
                            Asked::Among => text.contains(part),
                        }
                    }
                };
                Some(found == wanted)
            }
            Expr::Call(call) => {
                let Expr::Attribute(method) = &*call.func else {
                    return None;
                };
                let [argument] = &*call.arguments.args else { return None };
                if method.attr.as_str() != "startswith" {
                    return None;
                }
                let text = self.system_text(&method.value)?;
                let starts = literals(argument).or_else(|| Some(vec![literal(argument)?]))?;
                Some(starts.iter().any(|start| text.starts_with(start)))
            }
            _ => None,
        }
    }

    /// The text that an expression about the system is on Linux. CPython Python/sysmodule.c (`PLATFORM`, `linux` since 3.3),
    /// Lib/os.py, Lib/platform.py `system`.
    fn system_text(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Name(_) => system_of(&self.path_of(expression)?),
            Expr::Attribute(attribute) => match &*attribute.value {
                Expr::Call(call) if attribute.attr.as_str() == "sysname" => self.called(call, "os.uname", "Linux"),
                _ => system_of(&self.path_of(expression)?),
            },
            Expr::Call(call) => {
                if let Some(text) = self.called(call, "platform.system", "Linux") {
                    return Some(text);
                }
                let Expr::Attribute(method) = &*call.func else {
                    return None;
                };
                match method.attr.as_str() {
                    "lower" | "casefold" => self.system_text(&method.value).map(|text| text.to_lowercase()),
                    "upper" => self.system_text(&method.value).map(|text| text.to_uppercase()),
                    _ => None,
                }
            }
            // `sys.platform[:3]`, `os.uname()[0]`
            Expr::Subscript(subscript) => match &*subscript.slice {
                Expr::Slice(slice) if slice.lower.is_none() && slice.step.is_none() => {
                    let text = self.system_text(&subscript.value)?;
                    let length = number(slice.upper.as_deref()?)?;
                    Some(text.chars().take(length).collect())
                }
                index if number(index) == Some(0) => match &*subscript.value {
                    Expr::Call(call) => self.called(call, "os.uname", "Linux"),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// What a call gives, where it is one of this function.
    fn called(&self, call: &ExprCall, function: &str, gives: &str) -> Option<String> {
        let path = self.path_of(&call.func)?;
        (call.arguments.is_empty() && path == function).then(|| gives.to_owned())
    }

    /// The path of something imported.
    fn path_of(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Name(name) => match self.resolve(name.id.as_str()) {
                Value::Path(path) => Some(path.to_string()),
                _ => None,
            },
            Expr::Attribute(attribute) => Some(format!("{}.{}", self.path_of(&attribute.value)?, attribute.attr)),
            _ => None,
        }
    }
}

fn system_of(path: &str) -> Option<String> {
    match path {
        "sys.platform" => Some("linux".to_owned()),
        "os.name" => Some("posix".to_owned()),
        _ => None,
    }
}

/// Whether the text is one of these. Python 2 says `linux2`, so that a name which goes on like this one's is left open.
fn is_one(text: &str, of: &[&str]) -> Option<bool> {
    if of.contains(&text) {
        return Some(true);
    }
    (!of.iter().any(|other| other.starts_with(text))).then_some(false)
}

fn literal(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::StringLiteral(text) => Some(text.value.to_str()),
        _ => None,
    }
}

/// The texts of a tuple, list or set of literals.
fn literals(expression: &Expr) -> Option<Vec<&str>> {
    let elements = match expression {
        Expr::Tuple(tuple) => &tuple.elts,
        Expr::List(list) => &list.elts,
        Expr::Set(set) => &set.elts,
        _ => return None,
    };
    elements.iter().map(literal).collect()
}

fn number(expression: &Expr) -> Option<usize> {
    match expression {
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(number) => number.as_i64().and_then(|number| usize::try_from(number).ok()),
            _ => None,
        },
        _ => None,
    }
}
