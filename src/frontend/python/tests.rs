//! What the facts of tiny sources are.

use super::dump::{dump, dump_function};
use crate::facts::{FileFacts, Language, Problem, ProblemKind};
use crate::input::Source;

pub(super) fn lower(text: &str) -> (FileFacts, Vec<Problem>) {
    super::lower(&Source {
        path: "a.py".into(),
        language: Language::Python,
        text: text.into(),
    })
}

/// The module's events, where no problem is expected.
fn module(text: &str) -> String {
    function(text, "<module>")
}

/// The events of one function, where no problem is expected.
fn function(text: &str, qualified: &str) -> String {
    let (facts, problems) = lower(text);
    assert_eq!(problems, [], "{text}");
    dump_function(&facts, qualified)
}

#[test]
#[ignore = "prints the facts of the file named by DUMP, for reading"]
fn dump_file() {
    let path = std::env::var("DUMP").expect("DUMP names a file");
    let text = String::from_utf8_lossy(&std::fs::read(path).expect("it can be read")).into_owned();
    let (facts, problems) = lower(&text);
    println!("{}\n{problems:#?}", dump(&facts));
}

#[test]
fn partial_files_keep_their_facts() {
    let (facts, problems) = lower("import os\nprint os.getcwd()\nos.environ['A'] = 'b'\n");
    assert_eq!(
        dump_function(&facts, "<module>"),
        "1: import os\n2: call#0 os.getcwd()\n2: call#1 ^print(#0) discarded\n3: subscript os.environ['A'] = 'b'\n"
    );
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].kind, problems[0].line), (ProblemKind::Partial, Some(2)));
}
