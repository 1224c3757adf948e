//! The languages' own types: what is surely of one, and what their methods are called.

use crate::facts::{Language, LocalIndex, Value};

use super::tree::{FuncId, StoreRef, local_of};
use super::values::Values;

/// Through how many variables and calls a value is followed to a literal.
const BUILT_IN_DEPTH: u32 = 4;

/// Types that are called to make a value of theirs, never `None` (CPython Python/bltinmodule.c); sorted.
const TYPES: [&str; 12] = [
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "set",
    "str",
    "tuple",
];

/// Whether a call of this name makes a value of a type of Python's own.
pub(super) fn makes_built_in(path: &str) -> bool {
    let name = path.strip_prefix("builtins.");
    name.is_some_and(|name| TYPES.binary_search(&name).is_ok())
}

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

/// Methods of what Python's library makes for programs of all kinds: sockets, databases, futures, queues, events, loggers, patterns,
/// paths, processes, connections and parsers of arguments; sorted. What a class of anybody's would be likely to have as well (`run`,
/// `start`) is none of them.
#[rustfmt::skip]
const LIBRARY_METHODS: [&str; 46] = [
    "accept", "add_argument", "bind", "cancel", "commit", "communicate", "connect", "cursor", "debug", "done", "error",
    "exception", "execute", "executemany", "exists", "fetchall", "fetchone", "findall", "finditer", "fullmatch",
    "getresponse", "group", "groups", "info", "is_set", "kill", "listen", "log", "match", "mkdir", "parse_args", "poll",
    "put", "recv", "request", "resolve", "result", "rollback", "search", "send", "sendall", "set", "sub", "unlink",
    "wait", "warning",
];

/// Methods of what Rust programs are full of: strings, collections, options, channels, locks, atomics, files, commands and
/// sockets; sorted (Rust library/core, alloc and std).
#[rustfmt::skip]
const RUST_METHODS: [&str; 45] = [
    "append", "args", "clear", "contains", "drain", "entry", "extend", "fetch_add", "find", "flush", "get", "get_mut",
    "insert", "is_empty", "iter", "join", "kill", "last", "len", "lines", "load", "lock", "next", "output", "parse", "pop",
    "push", "read", "recv", "remove", "replace", "retain", "send", "set", "sort", "spawn", "split", "status", "store",
    "take", "trim", "try_recv", "wait", "write", "write_all",
];

/// Whether objects that most programs are full of have a method of this name: who calls it on something that is not known
/// calls it on one of these more often than not.
pub(super) fn has_built_in_method(language: Language, name: &str) -> bool {
    let known = |methods: &[&str]| methods.binary_search(&name).is_ok();
    match language {
        Language::Python => known(&METHODS) || known(&LIBRARY_METHODS),
        Language::Rust => known(&RUST_METHODS),
        Language::C => false,
    }
}

impl<'t> Values<'t> {
    /// What is stored into a variable of Python's that is nothing else: no parameter, and not bound by a with-block.
    pub(super) fn stored_alone(&self, owner: FuncId, index: LocalIndex) -> &[StoreRef<'t>] {
        let is_parameter = local_of(self.tree.function(owner), index).parameter.is_some();
        match is_parameter || self.entered.contains_key(&(owner, index)) {
            true => &[],
            false => self.local_stores(owner, index),
        }
    }

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
                let stores = self.stored_alone(self.closure(func, *owner), *index);
                let is_one = |store: &StoreRef<'_>| self.is_built_in(store.function, store.value, depth + 1);
                !stores.is_empty() && stores.iter().all(is_one)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of these methods that none of the kinds has, as the interpreter says.
    fn unknown_to_python(kinds: &str, methods: &[&str]) -> String {
        assert!(methods.is_sorted());
        let program = format!(
            "import argparse, concurrent.futures, http.client, io, logging, pathlib, queue, re, socket, sqlite3, subprocess, sys\n\
             import threading\n\
             kinds = ({kinds})\n\
             print(*(name for name in sys.argv[1:] if not any(callable(getattr(kind, name, None)) for kind in kinds)))"
        );
        let asked = std::process::Command::new("python3")
            .arg("-c")
            .arg(program)
            .args(methods)
            .output();
        let answer = asked.expect("python3 is there, as the README says");
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8_lossy(&answer.stdout).trim().to_owned()
    }

    #[test]
    fn the_interpreter_has_these_methods() {
        let kinds = "str, bytes, list, dict, set, io.TextIOWrapper, io.BufferedRandom";
        assert_eq!(unknown_to_python(kinds, &METHODS), "");
        let kinds = "socket.socket, sqlite3.Connection, sqlite3.Cursor, concurrent.futures.Future, queue.Queue, \
            threading.Event, logging.Logger, re.Pattern, re.Match, pathlib.Path, subprocess.Popen, \
            http.client.HTTPConnection, argparse.ArgumentParser";
        assert_eq!(unknown_to_python(kinds, &LIBRARY_METHODS), "");
    }

    #[test]
    fn the_interpreter_calls_these_types() {
        assert!(TYPES.is_sorted());
        let calls = TYPES.map(|name| format!("isinstance({name}(), {name})")).join(" and ");
        let asked = std::process::Command::new("python3")
            .arg("-c")
            .arg(format!("print({calls})"))
            .output();
        let answer = asked.expect("python3 is there, as the README says");
        assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "True");
        assert!(makes_built_in("builtins.str") && !makes_built_in("builtins.print") && !makes_built_in("str"));
    }

    /// The names before the colons, where what stands behind them compiles.
    macro_rules! compiles {
        ($($name:ident: $method:expr),* $(,)?) => {
            [$({ let _ = $method; stringify!($name) }),*]
        };
    }

    #[test]
    #[rustfmt::skip]
    fn the_library_has_these_methods() {
        use std::collections::{BTreeMap, VecDeque};
        use std::io::{Read, Write};
        use std::net::TcpStream;
        use std::process::{Child, Command};
        use std::sync::atomic::AtomicU8;
        use std::sync::mpsc::{Receiver, Sender};
        use std::sync::{Mutex, RwLock};
        type Map = BTreeMap<u8, u8>;
        let names = compiles![
            append: Vec::<u8>::append, args: Command::args::<[&str; 0], &str>, clear: Vec::<u8>::clear,
            contains: <[u8]>::contains, drain: Vec::<u8>::drain::<std::ops::RangeFull>, entry: Map::entry,
            extend: <Vec<u8> as Extend<u8>>::extend::<Vec<u8>>, fetch_add: AtomicU8::fetch_add, find: str::find::<char>,
            flush: <TcpStream as Write>::flush, get: Map::get::<u8>, get_mut: Map::get_mut::<u8>, insert: Map::insert,
            is_empty: str::is_empty, iter: Map::iter, join: std::thread::JoinHandle::<u8>::join, kill: Child::kill,
            last: <[u8]>::last, len: str::len, lines: str::lines, load: AtomicU8::load, lock: Mutex::<u8>::lock,
            next: <std::vec::IntoIter<u8> as Iterator>::next, output: Command::output, parse: str::parse::<u8>,
            pop: Vec::<u8>::pop, push: Vec::<u8>::push, read: RwLock::<u8>::read, recv: Receiver::<u8>::recv,
            remove: Vec::<u8>::remove, replace: str::replace::<char>, retain: VecDeque::<u8>::retain::<fn(&u8) -> bool>,
            send: Sender::<u8>::send, set: std::cell::Cell::<u8>::set, sort: <[u8]>::sort, spawn: Command::spawn,
            split: str::split::<char>, status: Command::status, store: AtomicU8::store, take: Option::<u8>::take,
            trim: str::trim, try_recv: Receiver::<u8>::try_recv, wait: Child::wait, write: RwLock::<u8>::write,
            write_all: <TcpStream as Write>::write_all,
        ];
        let _ = <TcpStream as Read>::read;
        assert!(RUST_METHODS.is_sorted());
        assert_eq!(names, RUST_METHODS);
    }
}
