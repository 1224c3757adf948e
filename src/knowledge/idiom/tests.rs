use std::collections::BTreeSet;

use super::*;
use crate::knowledge::Catalog;
use crate::knowledge::catalog::BUILTIN;
use crate::knowledge::load::{Origin, Whose, rules};

/// The tables of a language's built-in file that tell this, each with its names.
fn tables(language: Language, idiom: Idiom) -> Vec<Vec<String>> {
    let file = BUILTIN.iter().find(|(_, of, _)| *of == language);
    let (file, _, text) = *file.expect("every language has a file");
    let whose = Whose::Builtin(language);
    let read = rules(text, Origin { file, whose }).expect("a test reads every built-in rules file");
    let tables = read.idioms.into_iter().filter(|table| table.idiom == idiom);
    tables.map(|table| table.names).collect()
}

/// What the interpreter prints for a program that is handed these arguments.
fn printed(program: &str, arguments: &[String]) -> String {
    let asked = std::process::Command::new("python3")
        .arg("-c")
        .arg(program)
        .args(arguments)
        .output();
    let answer = asked.expect("python3 is there, as the README says");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    String::from_utf8_lossy(&answer.stdout).trim().to_owned()
}

/// Those of these methods that none of the kinds has, as the interpreter says.
fn unknown_to_python(kinds: &str, methods: &[String]) -> String {
    let program = format!(
        "import argparse, collections, concurrent.futures, http.client, io, logging, os, pathlib, queue, re, socket, sqlite3, subprocess\n\
         import sys, threading, unittest\n\
         kinds = ({kinds},)\n\
         print(*(name for name in sys.argv[1:] if not any(callable(getattr(kind, name, None)) for kind in kinds)))"
    );
    printed(&program, methods)
}

#[test]
fn the_interpreter_has_these_methods() {
    let [own, library] = &tables(Language::Python, Idiom::Everyday)[..] else {
        panic!("those of the language's own types and those of its library");
    };
    assert!(own.len() > 80 && library.len() > 40);
    let kinds = "str, bytes, list, dict, set, io.TextIOWrapper, io.BufferedRandom";
    assert_eq!(unknown_to_python(kinds, own), "");
    let kinds = "socket.socket, sqlite3.Connection, sqlite3.Cursor, concurrent.futures.Future, queue.Queue, \
        threading.Event, logging.Logger, re.Pattern, re.Match, pathlib.Path, subprocess.Popen, \
        http.client.HTTPConnection, argparse.ArgumentParser";
    assert_eq!(unknown_to_python(kinds, library), "");
}

/// What the interpreter does with a container that is asked by these, or that loses something by them.
#[test]
fn the_interpreter_takes_out_or_looks_at() {
    let takes = tables(Language::Python, Idiom::TakesOut).concat();
    let looks = tables(Language::Python, Idiom::LooksAt).concat();
    assert!(takes.len() > 4 && looks.len() > 4);
    let program = "import collections, sys\n\
        for name in sys.argv[1:]:\n\
        \x20   sizes = set()\n\
        \x20   for kind in (lambda: [0], lambda: {0: 0}, lambda: {0}, lambda: collections.deque([0]), lambda: (0,)):\n\
        \x20       for given in ((), (0,)):\n\
        \x20           container = kind()\n\
        \x20           try: getattr(container, name)(*given)\n\
        \x20           except (AttributeError, TypeError, IndexError): continue\n\
        \x20           sizes.add(len(container))\n\
        \x20   print(name, *sorted(sizes))";
    let all = [&takes[..], &looks].concat();
    let told = printed(program, &all);
    let sizes = takes
        .iter()
        .map(|name| (name, "0"))
        .chain(looks.iter().map(|name| (name, "1")));
    let expected: Vec<String> = sizes.map(|(name, size)| format!("{name} {size}")).collect();
    assert_eq!(told.lines().collect::<Vec<&str>>(), expected);
}

#[test]
fn the_interpreter_calls_these_types() {
    let types = tables(Language::Python, Idiom::MakesValue).concat();
    assert!(types.len() > 10);
    let made = types.iter().map(|path| {
        let name = path.strip_prefix("builtins.").expect("a type of the language's own");
        format!("isinstance({name}(), {name})")
    });
    let program = format!("print({})", made.collect::<Vec<String>>().join(" and "));
    assert_eq!(printed(&program, &[]), "True");
    let makes = |path| Catalog::builtin().tells(Language::Python, path, Idiom::MakesValue);
    assert!(makes("builtins.str") && !makes("builtins.print") && !makes("str"));
}

/// The names before the colons, where what stands behind them compiles.
macro_rules! compiles {
    ($($name:ident: $method:expr),* $(,)?) => {
        BTreeSet::from([$({ let _ = $method; stringify!($name).to_owned() }),*])
    };
}

/// The names of a Rust idiom.
fn of_rust(idiom: Idiom) -> BTreeSet<String> {
    tables(Language::Rust, idiom).concat().into_iter().collect()
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
    assert_eq!(names, of_rust(Idiom::Everyday));
}

/// What copies, asks and calls back does so, whatever the type is.
#[test]
fn the_library_speaks_these_idioms() {
    use std::path::{Path, PathBuf};
    let copies = compiles![
        as_deref: Option::<String>::as_deref, as_deref_mut: Option::<String>::as_deref_mut, as_mut: Option::<u8>::as_mut,
        as_ref: Option::<u8>::as_ref, clone: <u8 as Clone>::clone, cloned: Option::<&u8>::cloned,
        copied: Option::<&u8>::copied,
    ];
    assert_eq!(copies, of_rust(Idiom::Copies));
    let copies_text = compiles![
        as_ref: <String as AsRef<Path>>::as_ref, as_str: String::as_str, clone: <String as Clone>::clone,
        into: <&str as Into<PathBuf>>::into, to_owned: <str as ToOwned>::to_owned, to_path_buf: Path::to_path_buf,
        to_string: <str as ToString>::to_string,
    ];
    assert_eq!(copies_text, of_rust(Idiom::CopiesText));
    let (some, none) = std::hint::black_box((Some(1), None::<u8>));
    let called = || panic!("not here");
    let nothing = compiles![
        get_or_insert_with: some.clone().get_or_insert_with(called), map_err: Ok::<u8, u8>(1).map_err(|_| called()),
        ok_or_else: some.ok_or_else(called), or_else: some.or_else(|| Some(called())),
        unwrap_or_else: some.unwrap_or_else(called),
    ];
    assert_eq!(nothing, of_rust(Idiom::IfNothing));
    let something = compiles![
        and_then: none.and_then(u8::checked_neg), is_some_and: none.is_some_and(|_| called() > 0),
        map: none.map(|_| called()), then: false.then(called),
    ];
    assert_eq!(something, of_rust(Idiom::IfSomething));
    assert_eq!(compiles![is_none: none.is_none()], of_rust(Idiom::IsNothing));
    assert_eq!(compiles![is_some: none.is_some()], of_rust(Idiom::IsSomething));
    assert_eq!(compiles![is_empty: str::is_empty], of_rust(Idiom::IsEmpty));
    let begins = compiles![starts_with: Path::new("a").starts_with("a"), strip_prefix: "ab".strip_prefix("a")];
    assert_eq!(begins, of_rust(Idiom::BeginsWith));
}
