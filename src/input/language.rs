//! Which language a file is in: by its name, else by its first line.

use std::path::Path;

use crate::facts::Language;

/// The language by extension or by a well-known name (`SConstruct`, `SConscript`, `wscript`).
///
/// Type stubs (`.pyi`) are left out on purpose: nothing in them ever runs.
pub fn by_name(path: &Path) -> Option<Language> {
    let name = path.file_name()?.to_string_lossy();
    if matches!(&*name, "SConstruct" | "SConscript" | "wscript") {
        return Some(Language::Python);
    }
    match &*path.extension()?.to_string_lossy() {
        "c" | "h" => Some(Language::C),
        "py" | "pyw" => Some(Language::Python),
        "rs" => Some(Language::Rust),
        _ => None,
    }
}

/// The language by the `#!` line in `head`, the first bytes of a file without an extension.
pub fn by_shebang(head: &[u8]) -> Option<Language> {
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let interpreter = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or(word);
        ["python", "pypy"].iter().any(|known| {
            name.strip_prefix(known)
                .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 't')))
        })
    };
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let found = if first.rsplit('/').next() == Some("env") {
        // Options of `env` and assignments stand before the interpreter.
        words
            .find(|word| !word.starts_with('-') && !word.contains('='))
            .is_some_and(interpreter)
    } else {
        interpreter(first)
    };
    found.then_some(Language::Python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_language() {
        let cases = [
            ("a/b.c", Some(Language::C)),
            ("b.h", Some(Language::C)),
            ("setup.py", Some(Language::Python)),
            ("gui.pyw", Some(Language::Python)),
            ("lib.rs", Some(Language::Rust)),
            ("SConstruct", Some(Language::Python)),
            ("x/wscript", Some(Language::Python)),
            ("stub.pyi", None),
            ("a.cpp", None),
            ("README", None),
            ("py", None),
            (".py", None),
        ];
        for (name, expected) in cases {
            assert_eq!(by_name(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn shebangs_tell_the_language() {
        let python = Some(Language::Python);
        let cases: [(&[u8], Option<Language>); 11] = [
            (b"#!/usr/bin/env python3\nimport os\n", python),
            (b"#!/usr/bin/python2.7 -u\n", python),
            (b"#! /usr/bin/env -S FOO=1 python3 -X dev\n", python),
            (b"#!/opt/pypy3\r\n", python),
            (b"#!python", python),
            (b"#!/bin/sh\n# python\n", None),
            (b"#!/usr/bin/env python-config\n", None),
            (b"#!", None),
            (b"#!\n", None),
            (b"\x7fELF", None),
            (b"", None),
        ];
        for (head, expected) in cases {
            assert_eq!(by_shebang(head), expected, "{}", String::from_utf8_lossy(head));
        }
    }
}
