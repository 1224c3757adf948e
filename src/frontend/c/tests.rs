//! The frontend on small sources.

use super::{dump, lower};
use crate::facts::Language;
use crate::input::Source;

fn facts(text: &str) -> crate::facts::FileFacts {
    let source = Source {
        path: "a.c".to_owned(),
        language: Language::C,
        text: text.to_owned(),
    };
    lower(&source).0
}

/// For reading by eye: `ENVRACE_DUMP=file cargo test -- dump_a_file --nocapture --ignored`.
#[test]
#[ignore = "shows the facts of a file that the environment names"]
fn dump_a_file() {
    let path = std::env::var("ENVRACE_DUMP").expect("ENVRACE_DUMP names a file");
    let text = String::from_utf8_lossy(&std::fs::read(path).expect("the file can be read")).into_owned();
    let shown = dump::file(&facts(&text));
    println!("{shown}");
    assert!(!shown.is_empty());
}
