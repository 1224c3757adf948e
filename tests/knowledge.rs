//! What the rules files say of an API is what `check` makes of it: every example's racy program has a finding at that
//! API, its safe twin none; and whoever mutates, spawns, reads, starts or locks has an example, or a reason why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use envrace::detect::{Options, Persona, analyse};
use envrace::facts::Language;
use envrace::finding::Finding;
use envrace::frontend::lower;
use envrace::input::{Source, Sources};
use envrace::knowledge::{Catalog, Entry, EntryId, Example, Role, Target};
use rayon::prelude::*;

/// The target that an entry's example is judged for: all versions that there are, and where the entry asks for a libc or
/// interpreter by name, as if all of them had been named.
fn target(entry: &Entry) -> Target {
    Target {
        libc_named: entry.when.named,
        python_named: entry.when.named,
        ..Target::default()
    }
}

fn findings(text: &str, entry: &Entry, catalog: &Catalog) -> Vec<Finding> {
    let path = match entry.language {
        Language::C => "main.c",
        Language::Python => "main.py",
        Language::Rust => "src/main.rs",
    };
    let source = Source {
        path: path.to_owned(),
        language: entry.language,
        text: text.to_owned(),
    };
    let facts = vec![lower(&source).0];
    let options = Options {
        target: target(entry),
        persona: Persona::Regular,
        preview: false,
        extent: envrace::model::Extent::Pairs,
        steps: envrace::model::STEPS,
    };
    analyse(facts, &Sources::new(vec![source]), catalog, &options).findings
}

/// Whether one side of the finding is a site of this entry.
fn is_at(finding: &Finding, entry: &Entry) -> bool {
    let sides = [Some(&finding.mutation), finding.partner.as_ref()];
    sides
        .into_iter()
        .flatten()
        .any(|site| site.entries.contains(&entry.text))
}

/// Whether it is one side of a pair.
fn is_access(role: &Role) -> bool {
    matches!(
        role,
        Role::Mutation { .. } | Role::Spawn { .. } | Role::Read { .. } | Role::Fork { .. } | Role::Exec { .. }
    )
}

/// What is wrong with one example, if anything is.
fn wrong(entry: &Entry, example: &Example, catalog: &Catalog) -> Option<String> {
    let racy = findings(&example.racy, entry, catalog);
    if racy.is_empty() {
        return Some(format!("no finding in the racy program\n{}", example.racy));
    }
    if is_access(&entry.role) && !racy.iter().any(|finding| is_at(finding, entry)) {
        return Some(format!("no finding at the API in the racy program\n{}", example.racy));
    }
    let safe = findings(&example.safe, entry, catalog);
    let found = safe.first()?;
    Some(format!(
        "a finding in the safe program: {}\n{}",
        found.message, example.safe
    ))
}

/// The entries with their examples; entries of one table that differ in their arguments alone share them.
fn with_examples(catalog: &Catalog) -> Vec<(EntryId, Vec<Example>)> {
    let mut seen = BTreeSet::new();
    let all = catalog.iter().map(|(id, _)| (id, catalog.examples(id)));
    all.filter(|(id, examples)| {
        let entry = catalog.entry(*id);
        let key = format!("{:?} {} {} {examples:?}", entry.language, entry.text, entry.source);
        !examples.is_empty() && seen.insert(key)
    })
    .collect()
}

#[test]
fn every_example_is_what_it_says() {
    let catalog = Catalog::builtin();
    let examples = with_examples(&catalog);
    let failures: Vec<String> = examples
        .par_iter()
        .flat_map_iter(|(id, examples)| {
            let entry = catalog.entry(*id);
            // Accesses of one API differ by version and arguments, and only one entry's say is asked for. Those of
            // threads and locks work together.
            let alone = match is_access(&entry.role) {
                true => catalog.alone(*id),
                false => catalog.clone(),
            };
            examples
                .iter()
                .filter_map(move |example| {
                    let wrong = wrong(entry, example, &alone)?;
                    Some(format!("{} ({}, {}): {wrong}", entry.text, entry.effect, entry.source))
                })
                .collect::<Vec<String>>()
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} fail\n\n{}",
        failures.len(),
        examples.len(),
        failures.join("\n")
    );
}

/// What mutates, spawns, reads, starts a thread or takes a lock is worth nothing as an entry unless `check` finds it.
#[test]
fn whoever_mutates_spawns_reads_starts_or_locks_has_an_example() {
    let catalog = Catalog::builtin();
    let wanted = ["mutation", "spawn", "read", "start", "lock"];
    let without: Vec<String> = catalog
        .iter()
        .filter(|(_, entry)| wanted.contains(&entry.effect.as_str()) && !shows_nothing(entry))
        .filter(|(id, _)| catalog.examples(*id).is_empty())
        .map(|(_, entry)| format!("{} ({}, {})", entry.text, entry.effect, entry.source))
        .collect();
    assert!(
        without.is_empty(),
        "{} without an example:\n{}",
        without.len(),
        without.join("\n")
    );
}

/// A process of its own has an environment of its own: no program can show a pair.
fn shows_nothing(entry: &Entry) -> bool {
    matches!(entry.role, Role::Start { process: true, .. })
}

/// The part of rules/README.md between two lines.
const COUNTS: (&str, &str) = (
    "<!-- counts: written by tests/knowledge.rs -->\n",
    "<!-- end of counts -->",
);

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/README.md")
}

/// Entries by effect and file: one for each match and each alternative of its arguments.
fn counts() -> String {
    let catalog = Catalog::builtin();
    let mut table: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (_, entry) in catalog.iter() {
        table.entry(&entry.effect).or_default()[column(entry.language)] += 1;
    }
    let mut total = [0; 3];
    let mut text = String::from("| effect | `c.toml` | `python.toml` | `rust.toml` |\n|---|---|---|---|\n");
    for (effect, row) in &table {
        text += &format!("| {effect} | {} | {} | {} |\n", row[0], row[1], row[2]);
        (0..3).for_each(|at| total[at] += row[at]);
    }
    text + &format!("| **all** | **{}** | **{}** | **{}** |\n", total[0], total[1], total[2])
}

fn column(language: Language) -> usize {
    match language {
        Language::C => 0,
        Language::Python => 1,
        Language::Rust => 2,
    }
}

/// `ENVRACE_BLESS=1 cargo test` writes the table anew.
#[test]
fn the_readme_counts_the_entries() {
    let text = fs::read_to_string(readme()).expect("rules/README.md is part of the repository");
    let (before, rest) = text.split_once(COUNTS.0).expect("the counts have a place");
    let (written, after) = rest.split_once(COUNTS.1).expect("the counts have an end");
    if std::env::var_os("ENVRACE_BLESS").is_some() {
        let new = format!("{before}{}{}{}{after}", COUNTS.0, counts(), COUNTS.1);
        fs::write(readme(), new).expect("rules/README.md can be written");
    } else {
        assert_eq!(written, counts(), "run with ENVRACE_BLESS=1");
    }
}

/// The tables of what is known of each library, as they were established: file, language, the columns of name and group.
const KNOWN: [(&str, Language, &str, &str); 4] = [
    ("c_glibc.tsv", Language::C, "function", "header"),
    ("c_libs.tsv", Language::C, "function", "library"),
    ("python.tsv", Language::Python, "form", "module"),
    ("rust.tsv", Language::Rust, "item", "crate"),
];

/// The folder of those tables, which is no part of the repository.
fn known_tables() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let near = root.ancestors().skip(1).take(2);
    near.map(|folder| folder.join("shared/kb"))
        .find(|folder| folder.is_dir())
}

/// The words that a path, a form or a sentence is made of.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    parts.filter(|part| !part.is_empty()).map(str::to_lowercase)
}

/// Every row of the tables has an entry, by the words of its name, or is named in what is left out.
#[test]
fn what_is_known_has_an_entry_or_a_reason() {
    let Some(folder) = known_tables() else {
        eprintln!("SKIPPED: the tables of what is known are not here (../shared/kb)");
        return;
    };
    let text = fs::read_to_string(readme()).expect("rules/README.md is part of the repository");
    let (_, left_out) = text.split_once("## What is left out").expect("there is such a section");
    let left_out: BTreeSet<&str> = left_out.split('`').skip(1).step_by(2).collect();
    let mut missing = Vec::new();
    for (file, language, name, group) in KNOWN {
        let matched = |text: &str| text.split_once(':').map_or(String::new(), |(_, path)| path.to_owned());
        let catalog = Catalog::builtin();
        let entries = catalog.iter().filter(|(_, entry)| entry.language == language);
        let known: BTreeSet<String> = entries
            .flat_map(|(_, entry)| words(&matched(&entry.text)).collect::<Vec<_>>())
            .collect();
        let table = fs::read_to_string(folder.join(file)).expect("the table can be read");
        let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<&str>>());
        let header = lines.next().expect("a table has a header");
        let at = |wanted: &str| {
            header
                .iter()
                .position(|column| *column == wanted)
                .expect("the column is there")
        };
        let (name, group) = (at(name), at(group));
        for row in lines {
            let covered = left_out.contains(row[name]) || left_out.contains(row[group]) || {
                // The last word of a path is what is called; a sentence is covered by any of its names.
                let names = row[name]
                    .split([' ', '/', ',', '(', ')', '|', '[', ']'])
                    .filter(|part| !part.is_empty());
                names
                    .filter_map(|part| words(part).last())
                    .any(|word| known.contains(&word))
            };
            if !covered {
                missing.push(format!("{file}: {} ({})", row[name], row[group]));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} without entry or reason:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

/// A source says where, not who.
#[test]
fn every_source_can_be_looked_up() {
    for (_, entry) in Catalog::builtin().iter() {
        let vague = ["author knowledge", "unverified", "own manuals"]
            .iter()
            .find(|word| entry.source.contains(*word));
        assert_eq!(vague, None, "{}: {}", entry.text, entry.source);
    }
}
