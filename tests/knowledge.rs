//! What the rules files say of an API is what `check` makes of it: every example's racy program has a finding at that
//! API, its safe twin none; and whoever mutates, spawns, reads, starts or locks has an example, or a reason why not.

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
    let mut seen = std::collections::BTreeSet::new();
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
