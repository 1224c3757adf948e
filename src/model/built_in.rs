//! Python's own types: what is surely of one, and what their methods are called.

use crate::facts::{Language, Value};

use super::tree::{FuncId, local_of};
use super::values::Values;

/// Through how many variables and calls a value is followed to a literal.
const BUILT_IN_DEPTH: u32 = 4;

/// The methods of strings, lists, mappings, sets and open files, by CPython 3.11; sorted.
#[rustfmt::skip]
const METHODS: [&str; 92] = [
    "add", "append", "capitalize", "casefold", "center", "clear", "close", "copy", "count", "decode", "difference",
    "difference_update", "discard", "encode", "endswith", "expandtabs", "extend", "fileno", "find", "flush", "format",
    "format_map", "get", "hex", "index", "insert", "intersection", "intersection_update", "isalnum", "isalpha",
    "isascii", "isatty", "isdecimal", "isdigit", "isdisjoint", "isidentifier", "islower", "isnumeric", "isprintable",
    "isspace", "issubset", "issuperset", "istitle", "isupper", "items", "join", "keys", "ljust", "lower", "lstrip",
    "partition", "pop", "popitem", "read", "readable", "readinto", "readline", "readlines", "remove", "removeprefix",
    "removesuffix", "replace", "reverse", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "seek",
    "seekable", "setdefault", "sort", "split", "splitlines", "startswith", "strip", "swapcase", "symmetric_difference",
    "symmetric_difference_update", "tell", "title", "translate", "truncate", "union", "update", "upper", "values",
    "writable", "write", "writelines", "zfill",
];

/// Whether objects that most programs are full of have a method of this name: who calls it on something that is not known
/// calls it on one of these more often than not.
pub(super) fn has_built_in_method(name: &str) -> bool {
    METHODS.binary_search(&name).is_ok()
}

impl Values<'_> {
    /// Whether a value is surely of a type of Python's own, whose methods are those of no class in the tree: a literal, what a
    /// method of a string gives (which is never anything else), a variable that holds nothing but these.
    pub(super) fn is_built_in(&self, func: FuncId, value: &Value, depth: u32) -> bool {
        if self.tree.language(func) != Language::Python || depth > BUILT_IN_DEPTH {
            return false;
        }
        match value {
            Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Int(_) | Value::Bool(_) | Value::None => true,
            Value::Call(owner, call) => {
                let site = (self.closure(func, *owner), *call);
                // A call that passes is one of a string's methods, and so gives strings in turn.
                let Value::Attribute(text, _) = &self.tree.call(site).callee else {
                    return false;
                };
                matches!(**text, Value::Text(_) | Value::Call(..)) && self.is_built_in(site.0, text, depth + 1)
            }
            Value::Local(owner, index) => {
                let owner = self.closure(func, *owner);
                let stores = self.local_stores(owner, *index);
                let is_variable = local_of(self.tree.function(owner), *index).parameter.is_none();
                let entered = self.entered.contains_key(&(owner, *index));
                let mut values = stores.iter().map(|store| (store.function, store.value));
                is_variable
                    && !entered
                    && !stores.is_empty()
                    && values.all(|(home, value)| self.is_built_in(home, value, depth + 1))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_has_these_methods() {
        assert!(METHODS.is_sorted());
        let program = "import io, sys\n\
            kinds = (str, bytes, list, dict, set, io.TextIOWrapper, io.BufferedRandom)\n\
            print(*(name for name in sys.argv[1:] if not any(callable(getattr(kind, name, None)) for kind in kinds)))";
        let asked = std::process::Command::new("python3")
            .arg("-c")
            .arg(program)
            .args(METHODS)
            .output();
        let answer = asked.expect("python3 is there, as the README says").stdout;
        assert_eq!(String::from_utf8_lossy(&answer).trim(), "");
    }
}
