use super::*;

fn tables(language: Language, text: &str, target: &str) -> Vec<Table> {
    let target = Target::parse(target).expect("the test's target is well-formed");
    beside(&Catalog::builtin(), language, text, &target)
}

/// The effects of the row that names `other`, in the table of the call, each with its interpreters.
fn effects(tables: &[Table], call: &str, other: &str) -> Vec<(String, Vec<&'static str>)> {
    let table = tables
        .iter()
        .find(|table| table.calls.iter().any(|known| known == call) || (call.is_empty() && table.calls.is_empty()))
        .unwrap_or_else(|| {
            panic!(
                "no table for `{call}`: {:?}",
                tables.iter().map(|table| &table.calls).collect::<Vec<_>>()
            )
        });
    let row = table
        .rows
        .iter()
        .find(|row| row.others.iter().any(|(_, written)| written == other))
        .unwrap_or_else(|| panic!("no row for `{other}`"));
    let words = |line: &Line| {
        let cells = line.cells.iter();
        cells
            .map(|cell| match cell {
                Cell { rare: true, .. } => "rare",
                Cell { effect, .. } => effect.map_or("none", Effect::name),
            })
            .collect()
    };
    row.lines
        .iter()
        .map(|line| (line.interpreters.join("; "), words(line)))
        .collect()
}

#[test]
fn a_spawn_stands_beside_every_kind_of_mutation() {
    let system = tables(Language::Python, "call:os.system", "");
    assert_eq!(system[0].columns, ["glibc <2.41", "glibc >=2.41", "musl"]);
    for (other, expected) in [
        ("os.environ[k] = v (new name)", ["memory", "environment", "memory"]),
        (
            "os.environ[k] = v (existing name)",
            ["environment", "environment", "memory"],
        ),
        ("del os.environ[k]", ["memory", "memory", "memory"]),
        ("setenv (new name)", ["memory", "environment", "memory"]),
    ] {
        let found = effects(&system, "", other);
        assert_eq!(found, [(String::new(), expected.to_vec())], "{other}");
    }
}

/// What the issue was about: from 3.11.6 to 3.12 subprocess is no cure, and from 3.13 on it depends on the call.
#[test]
fn ways_to_call_differ() {
    let run = tables(Language::Python, "call:subprocess.run", "");
    let set = "os.environ[k] = v (new name)";
    let on = |call: &str, interpreter: &str| {
        let found = effects(&run, call, set);
        let line = found.iter().find(|(on, _)| on.split("; ").any(|on| on == interpreter));
        line.map(|(_, effects)| effects.clone())
            .unwrap_or_else(|| panic!("{call}: {found:?}"))
    };
    assert_eq!(
        on("shell = true", "CPython 3.11.6 to 3.12"),
        ["memory", "environment", "memory"]
    );
    assert_eq!(on("shell = true", "CPython 3.13 and later"), ["environment"; 3]);
    assert_eq!(
        on("shell = true", "CPython 3.13 and later, free-threaded"),
        ["memory"; 3]
    );
    assert_eq!(
        on("cwd = …", "CPython 3.11.6 and later"),
        ["memory", "environment", "memory"]
    );
    assert!(
        run.iter().all(|table| !table.calls.contains(&"env = …".to_owned())),
        "an environment of its own is no race"
    );
}

#[test]
fn a_mutation_stands_beside_every_kind_of_partner() {
    let set = tables(Language::Rust, "call:std::env::set_var", "libc=glibc-2.36");
    for (other, expected) in [
        ("std::process::Command::status", "environment"),
        ("libc::system", "memory"),
        ("std::env::var", "environment"),
        ("getenv", "memory"),
        ("libc::fork", "rare"),
    ] {
        assert_eq!(
            effects(&set, "new name", other),
            [(String::new(), vec![expected])],
            "{other}"
        );
    }
    assert_eq!(set.len(), 2, "a new name and an existing one");
    assert!(set[0].rows.iter().all(|row| !row.why.is_empty()));
}

/// Every cell is what the verdict on a target of that one combination says.
#[test]
fn cells_agree_with_the_verdict() {
    let catalog = Catalog::builtin();
    for target in [
        "libc=glibc-2.36,python=3.11.2",
        "libc=musl,python=3.13t",
        "libc=glibc-2.43,python=3.12",
    ] {
        let parsed = Target::parse(target).expect("the test's target is well-formed");
        let run = tables(Language::Python, "call:subprocess.call", target);
        let table = run
            .iter()
            .find(|table| table.calls.iter().any(|call| call == "shell = true"));
        let table = table.expect("a shell can be asked for");
        let set: Vec<EntryId> = catalog
            .iter()
            .filter(|(_, entry)| entry.text == "store:os.environ[]")
            .map(|(id, _)| id)
            .collect();
        let verdict = pair_verdict_as(&catalog, &set, Some(super::super::Shape::Add), &table.entries, &parsed);
        let row = table.rows.iter().find(|row| {
            row.others
                .iter()
                .any(|(_, written)| written.contains("os.environ[k] = v (new"))
        });
        let cell = row.expect("the row is there").lines[0].cells[0];
        assert_eq!(cell.effect, verdict.map(|verdict| verdict.effect), "{target}");
    }
}

#[test]
fn what_touches_no_environment_has_no_table() {
    assert!(tables(Language::Python, "call:threading.Thread", "").is_empty());
    assert!(tables(Language::C, "call:nothing", "").is_empty());
}
