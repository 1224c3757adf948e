//! What ARCHITECTURE.md says must be absent, checked on the tokens of the sources: comments and test code do not count.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use envrace::knowledge::Catalog;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One token, flattened out of its groups.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// An identifier or keyword.
    Word(String),
    /// `::`.
    PathSeparator,
    /// The text of a string literal, between its quotes.
    Text(String),
    /// Any other token: a punctuation mark, a bracket, a number.
    Other(String),
}

/// A token and the line on which it stands.
type Placed = (Token, usize);

/// The code of one file of `src`, without its tests.
struct Code {
    /// Below `src`, with `/`.
    path: String,
    tokens: Vec<Placed>,
}

impl Code {
    /// The module of lib.rs that the file belongs to; empty for lib.rs and main.rs themselves.
    fn room(&self) -> &str {
        match self.path.split_once('/') {
            Some((room, _)) => room,
            None => match self.path.trim_end_matches(".rs") {
                "lib" | "main" => "",
                room => room,
            },
        }
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    fn word(&self, index: usize) -> Option<&str> {
        match self.tokens.get(index) {
            Some((Token::Word(word), _)) => Some(word),
            _ => None,
        }
    }

    fn is_path_separator(&self, index: usize) -> bool {
        matches!(self.tokens.get(index), Some((Token::PathSeparator, _)))
    }

    /// The words that follow `prefix::` anywhere in the file, also in a `use prefix::{a, b}`, with their lines.
    fn after(&self, prefix: &str) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        for index in 0..self.tokens.len() {
            if self.word(index) != Some(prefix) || !self.is_path_separator(index + 1) {
                continue;
            }
            let line = self.tokens[index].1;
            match &self.tokens.get(index + 2) {
                Some((Token::Word(word), _)) => found.push((word.clone(), line)),
                Some((Token::Other(open), _)) if open == "{" => {
                    found.extend(self.heads(index + 3).into_iter().map(|word| (word, line)));
                }
                _ => {}
            }
        }
        found
    }

    /// The first word of each element of a list in braces whose first element is at `start`.
    fn heads(&self, start: usize) -> Vec<String> {
        let mut heads = Vec::new();
        let mut depth = 0;
        let mut first = true;
        for (token, _) in &self.tokens[start..] {
            match token {
                Token::Other(text) if text == "{" => depth += 1,
                Token::Other(text) if text == "}" && depth == 0 => break,
                Token::Other(text) if text == "}" => depth -= 1,
                Token::Other(text) if text == "," && depth == 0 => first = true,
                Token::Word(word) if first && depth == 0 => {
                    heads.push(word.clone());
                    first = false;
                }
                _ => {}
            }
        }
        heads
    }

    /// Every word with its line.
    fn words(&self) -> impl Iterator<Item = (&str, usize)> {
        self.tokens.iter().filter_map(|(token, line)| match token {
            Token::Word(word) => Some((word.as_str(), *line)),
            _ => None,
        })
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file of `src` that is compiled into the program.
fn code() -> Vec<Code> {
    let mut files = Vec::new();
    let mut test_only = Vec::new();
    for entry in walkdir::WalkDir::new(root()).sort_by_file_name() {
        let entry = entry.expect("src can be listed");
        let path = entry
            .path()
            .strip_prefix(root())
            .expect("the walk stays below its root");
        let path = path.to_string_lossy().replace('\\', "/");
        if !path.ends_with(".rs") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("sources are UTF-8");
        let stream: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut tokens = Vec::new();
        let mut modules = Vec::new();
        flatten(stream, &mut tokens, &mut modules);
        let folder = module_folder(&path);
        test_only.extend(modules.into_iter().map(|module| format!("{folder}{module}")));
        files.push(Code { path, tokens });
    }
    let is_test = |path: &str| {
        test_only
            .iter()
            .any(|module| path == format!("{module}.rs") || path.starts_with(&format!("{module}/")))
    };
    files.retain(|file| !is_test(&file.path));
    assert!(files.len() > 100, "the sources were found");
    files
}

/// Where the modules that a file declares lie: `a/` for `a/mod.rs` and `a.rs`.
fn module_folder(path: &str) -> String {
    let stem = path.trim_end_matches(".rs");
    match stem.strip_suffix("mod").or_else(|| stem.strip_suffix("lib")) {
        Some(folder) => folder.to_owned(),
        None => format!("{stem}/"),
    }
}

/// Lays the tokens out in one row. Items under `#[cfg(test)]` and doc comments are left out; the names of modules that
/// stand under `#[cfg(test)]` with their code in another file go to `test_modules`.
fn flatten(stream: TokenStream, tokens: &mut Vec<Placed>, test_modules: &mut Vec<String>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut index = 0;
    while index < trees.len() {
        if let Some(attribute) = attribute(&trees, index) {
            if attribute == "cfg (test)" || attribute == "test" {
                index = skip_item(&trees, index + 2, test_modules);
                continue;
            }
            if attribute.starts_with("doc ") {
                index += 2;
                continue;
            }
        }
        index += place(&trees, index, tokens, test_modules);
    }
}

/// The text between the brackets of `#[…]` or `#![…]`'s second half at `index`.
fn attribute(trees: &[TokenTree], index: usize) -> Option<String> {
    match (&trees[index], trees.get(index + 1)) {
        (TokenTree::Punct(mark), Some(TokenTree::Group(group)))
            if (mark.as_char() == '#' || mark.as_char() == '!') && group.delimiter() == Delimiter::Bracket =>
        {
            Some(group.stream().to_string())
        }
        _ => None,
    }
}

/// The index past the item that begins at `index`: past its `;` or its braces.
fn skip_item(trees: &[TokenTree], mut index: usize, test_modules: &mut Vec<String>) -> usize {
    if let (Some(TokenTree::Ident(keyword)), Some(TokenTree::Ident(name)), Some(TokenTree::Punct(_))) =
        (trees.get(index), trees.get(index + 1), trees.get(index + 2))
        && keyword == "mod"
    {
        test_modules.push(name.to_string());
    }
    while let Some(tree) = trees.get(index) {
        index += 1;
        match tree {
            TokenTree::Punct(mark) if mark.as_char() == ';' => break,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            _ => {}
        }
    }
    index
}

/// Appends the tree at `index` and returns how many trees that took.
fn place(trees: &[TokenTree], index: usize, tokens: &mut Vec<Placed>, test_modules: &mut Vec<String>) -> usize {
    let tree = &trees[index];
    let line = tree.span().start().line;
    match tree {
        TokenTree::Ident(word) => tokens.push((Token::Word(word.to_string()), line)),
        TokenTree::Literal(literal) => tokens.push((literal_token(&literal.to_string()), line)),
        TokenTree::Punct(mark) => {
            let next = trees.get(index + 1);
            if mark.as_char() == ':' && matches!(next, Some(TokenTree::Punct(next)) if next.as_char() == ':') {
                tokens.push((Token::PathSeparator, line));
                return 2;
            }
            tokens.push((Token::Other(mark.to_string()), line));
        }
        TokenTree::Group(group) => {
            let (open, close) = match group.delimiter() {
                Delimiter::Brace => ("{", "}"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::None => ("", ""),
            };
            tokens.push((Token::Other(open.to_owned()), line));
            flatten(group.stream(), tokens, test_modules);
            tokens.push((Token::Other(close.to_owned()), line));
        }
    }
    1
}

fn literal_token(text: &str) -> Token {
    let quoted = text.trim_start_matches(['b', 'c', 'r', '#']);
    match quoted.strip_prefix('"') {
        Some(rest) => Token::Text(rest.trim_end_matches('#').trim_end_matches('"').to_owned()),
        None => Token::Other(text.to_owned()),
    }
}

/// The modules in the order in which lib.rs declares them.
fn rooms(files: &[Code]) -> Vec<String> {
    let map = files
        .iter()
        .find(|file| file.path == "lib.rs")
        .expect("the crate has a root");
    let declared = |index: usize| (map.word(index) == Some("mod")).then(|| map.word(index + 1)).flatten();
    let rooms: Vec<String> = (0..map.tokens.len()).filter_map(declared).map(str::to_owned).collect();
    assert!(rooms.len() > 8, "lib.rs is the map");
    rooms
}

fn none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// Complains about every one of `found` in files that lie in none of `allowed`.
fn only_in(allowed: &[&str], what: &str, found: impl Fn(&Code) -> Vec<usize>) {
    let mut violations = Vec::new();
    let mut seen = 0;
    for file in code() {
        let lines = found(&file);
        seen += lines.len();
        if !file.is_in(allowed) {
            violations.extend(lines.iter().map(|line| format!("src/{}:{line}: {what}", file.path)));
        }
    }
    none(&violations);
    assert!(
        seen > 0 || allowed.is_empty(),
        "nothing was found at all, so that the check checks nothing: {what}"
    );
}

fn words(file: &Code, wanted: impl Fn(&str) -> bool) -> Vec<usize> {
    file.words()
        .filter(|(word, _)| wanted(word))
        .map(|(_, line)| line)
        .collect()
}

#[test]
fn data_flows_down_the_map() {
    let files = code();
    let rooms = rooms(&files);
    let mut violations = Vec::new();
    let mut uses = 0;
    for file in &files {
        let Some(own) = rooms.iter().position(|room| room == file.room()) else {
            continue;
        };
        // `super` leads to the root of the crate from a room's top module.
        let is_top = file.path == format!("{}.rs", file.room()) || file.path == format!("{}/mod.rs", file.room());
        let upward = if is_top { file.after("super") } else { Vec::new() };
        for (word, line) in file.after("crate").into_iter().chain(upward) {
            let Some(used) = rooms.iter().position(|room| *room == word) else {
                continue;
            };
            uses += 1;
            if used > own {
                let own = &rooms[own];
                violations.push(format!(
                    "src/{}:{line}: {own} uses {word}, which stands below it in lib.rs",
                    file.path
                ));
            }
        }
    }
    assert!(uses > 100, "the uses were found");
    none(&violations);
}

#[test]
fn only_frontends_see_syntax_trees() {
    only_in(&["frontend/python/"], "ruff's parser", |file| {
        words(file, |word| word.starts_with("ruff_"))
    });
    only_in(&["frontend/c/"], "tree-sitter", |file| {
        words(file, |word| word.starts_with("tree_sitter"))
    });
    let of_crate = |name: &'static str| move |file: &Code| file.after(name).into_iter().map(|(_, line)| line).collect();
    only_in(&["frontend/rust/"], "syn", of_crate("syn"));
    only_in(&["frontend/rust/"], "proc_macro2", of_crate("proc_macro2"));
}

#[test]
fn only_one_renderer_draws() {
    only_in(&["report/human"], "ariadne", |file| {
        words(file, |word| word == "ariadne")
    });
}

#[test]
fn only_input_cli_and_confirm_open_files() {
    only_in(&["input/", "cli/", "confirm/"], "the file system", |file| {
        let in_std = file.after("std").into_iter().filter(|(word, _)| word == "fs");
        let opened = ["fs", "File", "OpenOptions"].iter().flat_map(|name| file.after(name));
        in_std.chain(opened).map(|(_, line)| line).collect()
    });
}

#[test]
fn only_confirm_and_cli_start_processes() {
    const STARTERS: [&str; 6] = ["fork", "vfork", "system", "popen", "clone", "syscall"];
    only_in(&["confirm/", "cli/"], "starts a process", |file| {
        let commands = file.after("process").into_iter().filter(|(word, _)| word == "Command");
        let calls = ["libc", "unistd"].iter().flat_map(|name| file.after(name));
        let calls = calls.filter(|(word, _)| {
            STARTERS.contains(&word.as_str()) || word.starts_with("exec") || word.starts_with("posix_spawn")
        });
        commands.chain(calls).map(|(_, line)| line).collect()
    });
}

#[test]
fn only_confirm_is_unsafe() {
    only_in(&["confirm/"], "unsafe", |file| words(file, |word| word == "unsafe"));
}

/// Last segments of API paths that are also words of a language's grammar, which frontends have to know: keywords,
/// Python 2's statements, attributes, `cfg` predicates, patterns, built-in types, and names of syntax-tree fields.
const GRAMMAR: [&str; 30] = [
    "Err",
    "Ok",
    "Some",
    "all",
    "any",
    "body",
    "bool",
    "build",
    "case",
    "default",
    "exec",
    "expect",
    "file",
    "format",
    "from",
    "is",
    "list",
    "main",
    "name",
    "path",
    "print",
    "register",
    "staticmethod",
    "str",
    "switch",
    "test",
    "type",
    "update",
    "warn",
    "with",
];

#[test]
fn frontends_know_no_api() {
    let catalog = Catalog::builtin();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (_, entry) in catalog.iter() {
        let path = entry.path.trim_end_matches("[]");
        let last = path.rsplit(['.', ':']).next().unwrap_or(path);
        names.extend([path.to_owned(), last.to_owned()]);
    }
    for known in [
        "setenv",
        "os.environ",
        "environ",
        "fork",
        "pthread_create",
        "set_var",
        "Popen",
        "ThreadPoolExecutor",
    ] {
        assert!(names.contains(known), "{known}");
    }
    let paths: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| name.contains(['.', ':']))
        .collect();
    let mut violations = Vec::new();
    for file in code().iter().filter(|file| file.room() == "frontend") {
        for (token, line) in &file.tokens {
            if let Token::Text(text) = token
                && !GRAMMAR.contains(&text.as_str())
                && (names.contains(text) || paths.iter().any(|path| text.contains(path)))
            {
                violations.push(format!("src/{}:{line}: \"{text}\" is an API of the catalog", file.path));
            }
        }
    }
    none(&violations);
}
