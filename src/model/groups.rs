//! Which files of a tree can have to do with each other at all.

use crate::facts::{FileFacts, FunctionKind, Language};

use super::extensions::INITIALISER;
use super::names::exports;

/// Splits the files of a tree by language, but for languages that call each other: C that Python imports, and Rust that
/// declares symbols or exports them beside C. The files of a group keep their order; no group is empty.
pub fn groups(files: Vec<FileFacts>) -> Vec<Vec<FileFacts>> {
    let of = |language: Language| files.iter().filter(move |file| file.language == language);
    let functions = |language: Language| of(language).flat_map(|file| &file.functions);
    let imported = functions(Language::C).any(|function| function.name.starts_with(INITIALISER));
    let linked = functions(Language::Rust)
        .any(|function| function.kind == FunctionKind::Declaration || function.attributes.iter().any(exports));
    let group = |language: Language| match language {
        Language::Python if imported => Language::C,
        Language::Rust if linked => Language::C,
        other => other,
    };
    let mut groups: [Vec<FileFacts>; 3] = Default::default();
    for file in files {
        groups[group(file.language) as usize].push(file);
    }
    groups.into_iter().filter(|group| !group.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend;
    use crate::input::Source;

    fn grouped(files: &[(&str, Language, &str)]) -> Vec<Vec<String>> {
        let facts = files.iter().map(|(path, language, text)| {
            frontend::lower(&Source {
                path: (*path).to_owned(),
                language: *language,
                text: (*text).to_owned(),
            })
            .0
        });
        let groups = groups(facts.collect());
        let names = |group: Vec<FileFacts>| group.into_iter().map(|file| file.path).collect();
        groups.into_iter().map(names).collect()
    }

    #[test]
    fn languages_that_do_not_call_each_other_are_apart() {
        let c = ("a.c", Language::C, "int f(void) { return 0; }");
        let python = ("b.py", Language::Python, "import a\n");
        let rust = ("c.rs", Language::Rust, "fn f() {}");
        assert_eq!(grouped(&[c, python, rust]), [["a.c"], ["b.py"], ["c.rs"]]);
        let module = ("a.c", Language::C, "PyMODINIT_FUNC PyInit_a(void) { return 0; }");
        assert_eq!(grouped(&[module, python, rust]), [vec!["a.c", "b.py"], vec!["c.rs"]]);
        let exports = ("c.rs", Language::Rust, "#[no_mangle] pub fn f() {}");
        assert_eq!(grouped(&[c, python, exports]), [vec!["a.c", "c.rs"], vec!["b.py"]]);
        let declares = ("c.rs", Language::Rust, "extern \"C\" { fn f() -> i32; }");
        assert_eq!(grouped(&[module, python, declares]), [vec!["a.c", "b.py", "c.rs"]]);
        assert!(grouped(&[]).is_empty());
    }
}
