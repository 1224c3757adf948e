use super::*;
use crate::knowledge::entry::Role;

#[test]
fn every_builtin_rules_file_is_read_whole() {
    for (file, language, text) in BUILTIN {
        let whose = Whose::Builtin(language);
        let found = rules(text, Origin { file, whose }).map(|rules| rules.entries);
        let found = found.unwrap_or_else(|error| panic!("{error}: {:?} column {}", error.help, error.column));
        assert!(found.len() > 50, "{file} holds the language's APIs");
        assert!(
            found.iter().all(|entry| !entry.source.is_empty()),
            "every entry of {file} says where it is from"
        );
    }
}

/// A misspelt guard would guard nothing and nobody would notice.
#[test]
fn builtin_guards_are_known_ones() {
    let known = ["gil", "std-env", "libc-env", "temp-env", "figment-jail"];
    for (_, entry) in Catalog::builtin().iter() {
        let stray = entry.hold.iter().find(|guard| !known.contains(&guard.as_str()));
        assert_eq!(stray, None, "{}", entry.text);
    }
}

#[test]
fn every_python_mutation_of_the_array_holds_what_the_interpreter_holds() {
    for (_, entry) in Catalog::builtin().iter() {
        let mutates = matches!(entry.role, Role::Mutation { .. });
        if mutates && entry.language == Language::Python && entry.path.starts_with("os.") {
            assert_eq!(entry.hold, ["gil", "libc-env"], "{}", entry.text);
        }
    }
}

#[test]
fn entries_are_found_by_path_and_by_method_name() {
    let catalog = Catalog::builtin();
    let system = catalog.lookup(Language::Python, MatchKind::Call, "os.system");
    let system: Vec<&Entry> = system.iter().map(|&id| catalog.entry(id)).collect();
    assert!(system.iter().all(|entry| entry.text == "call:os.system"), "{system:?}");
    let spawns = system.iter().filter(|entry| matches!(entry.role, Role::Spawn { .. }));
    assert_eq!(spawns.count(), 1);
    assert!(catalog.lookup(Language::C, MatchKind::Call, "os.system").is_empty());
    assert!(
        catalog
            .lookup(Language::Python, MatchKind::Store, "os.system")
            .is_empty()
    );
    let stores = catalog.lookup(Language::Python, MatchKind::Store, "os.environ");
    let (elements, whole): (Vec<EntryId>, Vec<EntryId>) =
        stores.iter().partition(|&&id| catalog.entry(id).is_subscript());
    assert!(
        elements
            .iter()
            .all(|&id| matches!(catalog.entry(id).role, Role::Mutation { .. }))
    );
    assert!(whole.iter().all(|&id| catalog.entry(id).role == Role::Inert));
    assert!(
        !catalog
            .lookup_any(Language::Python, MatchKind::Call, "append")
            .is_empty()
    );
    assert!(catalog.lookup(Language::Python, MatchKind::Call, "*.append").is_empty());
}

const USER: &str = r#"
[target]
python = "3.12"

[[api]]
language = "python"
match = "call:os.system"
effect = "inert"
source = "our own wrapper"

[[api]]
language = "c"
match = "call:my_setenv"
effect = "mutation"
shape = "add"
source = "src/env.c"
"#;

#[test]
fn a_users_entry_replaces_the_builtin_one_for_its_match() {
    let catalog = Catalog::with_user(USER, "envrace.toml").expect("it is well-formed");
    let system = catalog.lookup(Language::Python, MatchKind::Call, "os.system");
    let entry = catalog.entry(system[0]);
    assert_eq!((system.len(), &entry.role, entry.user), (1, &Role::Inert, true));
    assert_eq!(catalog.lookup(Language::C, MatchKind::Call, "my_setenv").len(), 1);
    assert!(
        !catalog
            .lookup(Language::Python, MatchKind::Call, "os.putenv")
            .is_empty(),
        "the rest stays"
    );
}

#[test]
fn a_users_mistake_names_the_file() {
    let error = Catalog::with_user("[[api]]\nlanguage = 'perl'\n", "envrace.toml").expect_err("no such language");
    assert_eq!(
        (error.file.as_str(), error.to_string().starts_with("envrace.toml:")),
        ("envrace.toml", true)
    );
    let none = Catalog::with_user("[[api]]\nmatch='call:f'\neffect='inert'\nsource='s'\n", "e.toml").expect_err("none");
    assert_eq!(none.message, "`language` is missing");
}

/// The examples are programs: a racy one differs from its safe twin, neither is empty, and nothing of a frame is left.
#[test]
fn examples_come_in_pairs() {
    let catalog = Catalog::builtin();
    let examples: Vec<(&str, Example)> = catalog
        .iter()
        .flat_map(|(id, entry)| {
            catalog
                .examples(id)
                .into_iter()
                .map(|example| (entry.text.as_str(), example))
        })
        .collect();
    assert!(examples.len() >= 3, "one for each language at least");
    for (text, example) in examples {
        assert!(!example.racy.trim().is_empty() && !example.safe.trim().is_empty() && example.racy != example.safe);
        for program in [&example.racy, &example.safe] {
            let left = ["$top", "$use", "$undo", "$api", "$name", "$module"].map(|mark| program.contains(mark));
            assert!(!left.contains(&true), "{text}: {program}");
        }
    }
}

#[test]
fn a_users_file_joins_what_is_there() {
    let configured = Catalog::with_user(USER, "envrace.toml").expect("it is well-formed");
    let more = "[[api]]\nlanguage = 'c'\nmatch = 'call:my_setenv'\neffect = 'lock'\nof = '0'\nsource = 'src/env.c'\n";
    let both = configured.with_file(more, "own.toml").expect("it is well-formed");
    assert_eq!(
        both.lookup(Language::C, MatchKind::Call, "my_setenv").len(),
        2,
        "the user's own do not replace each other"
    );
    let error = configured
        .with_file("[[api]]\nlanguage = 'c'\n", "own.toml")
        .expect_err("a match is missing");
    assert_eq!(error.file, "own.toml");
}
