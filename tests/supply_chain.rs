//! What is compiled into the program, by cargo's own account of it: nothing of the tests' oracle, licences that allow it,
//! nothing that needs a newer Rust than ours, and a reason for each. `cargo deny` (deny.toml) asks the advisories as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn parsed(name: &str) -> toml::Table {
    read(name).parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// One crate that is compiled.
struct Package {
    name: String,
    license: String,
    /// The oldest Rust that it says it compiles with, as its second number (`1.85` is 85).
    rust: Option<u64>,
    /// It is part of the program; else only of tests or of a build.
    shipped: bool,
}

/// All crates of this machine's build.
fn packages() -> Vec<Package> {
    let host = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc built this test");
    let host = String::from_utf8(host.stdout).expect("rustc speaks UTF-8");
    let host = host
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc says its host");
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--locked",
            "--filter-platform",
            host,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Value = serde_json::from_slice(&output.stdout).expect("metadata are JSON");
    let shipped = shipped(&all["resolve"]);
    let list = all["packages"].as_array().expect("there are packages");
    list.iter()
        .map(|package| {
            let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
            Package {
                name: text("name"),
                license: text("license"),
                rust: minor(&text("rust_version")),
                shipped: shipped.contains(package["id"].as_str().unwrap_or_default()),
            }
        })
        .collect()
}

/// The identities of all packages that normal dependencies lead to.
fn shipped(resolve: &Value) -> BTreeSet<String> {
    let nodes: BTreeMap<&str, &Value> = resolve["nodes"]
        .as_array()
        .expect("there is a graph")
        .iter()
        .map(|node| (node["id"].as_str().unwrap_or_default(), node))
        .collect();
    let mut found = BTreeSet::new();
    let mut open = vec![resolve["root"].as_str().expect("the graph has a root")];
    while let Some(id) = open.pop() {
        if !found.insert(id.to_owned()) {
            continue;
        }
        for dependency in nodes[id]["deps"].as_array().into_iter().flatten() {
            let kinds = dependency["dep_kinds"].as_array().expect("each has kinds");
            if kinds.iter().any(|kind| kind["kind"].is_null()) {
                open.extend(dependency["pkg"].as_str());
            }
        }
    }
    found
}

fn minor(version: &str) -> Option<u64> {
    version.split('.').nth(1)?.parse().ok()
}

/// Whether an SPDX expression can be met with these licences. `AND` binds closer than `OR`; older crates write `/` for `OR`.
fn allows(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (met, rest) = either(&words, allowed);
    assert!(rest.is_empty(), "{expression}");
    met
}

fn either<'w>(words: &'w [&'w str], allowed: &BTreeSet<String>) -> (bool, &'w [&'w str]) {
    let (mut met, mut rest) = both(words, allowed);
    while let ["OR", after @ ..] = rest {
        let (other, after) = both(after, allowed);
        (met, rest) = (met | other, after);
    }
    (met, rest)
}

fn both<'w>(words: &'w [&'w str], allowed: &BTreeSet<String>) -> (bool, &'w [&'w str]) {
    let (mut met, mut rest) = one(words, allowed);
    while let ["AND", after @ ..] = rest {
        let (other, after) = one(after, allowed);
        (met, rest) = (met & other, after);
    }
    (met, rest)
}

fn one<'w>(words: &'w [&'w str], allowed: &BTreeSet<String>) -> (bool, &'w [&'w str]) {
    match words {
        ["(", inner @ ..] => match either(inner, allowed) {
            (met, [")", rest @ ..]) => (met, rest),
            (_, rest) => panic!("a bracket is open: {rest:?}"),
        },
        [name, "WITH", exception, rest @ ..] => (allowed.contains(&format!("{name} WITH {exception}")), rest),
        [name, rest @ ..] => (allowed.contains(*name), rest),
        [] => (false, words),
    }
}

fn strings(value: &toml::Value) -> BTreeSet<String> {
    let list = value.as_array().expect("it is a list");
    list.iter()
        .map(|item| item.as_str().expect("of strings").to_owned())
        .collect()
}

#[test]
fn the_program_holds_nothing_of_the_oracle() {
    let packages = packages();
    let named = |shipped: bool| -> BTreeSet<&str> {
        let those = packages.iter().filter(|package| package.shipped == shipped);
        those.map(|package| package.name.as_str()).collect()
    };
    let (program, rest) = (named(true), named(false));
    assert!(program.contains("envrace") && program.contains("syn"), "{program:?}");
    assert!(
        rest.contains("rustpython-parser") && rest.contains("unic-common"),
        "{rest:?}"
    );
    let foreign = |name: &&&str| {
        ["rustpython", "unic-", "malachite"]
            .iter()
            .any(|known| name.starts_with(known))
    };
    assert_eq!(program.iter().find(foreign), None);
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let deny = parsed("deny.toml");
    let allowed = strings(&deny["licenses"]["allow"]);
    let mut excepted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for exception in deny["licenses"]["exceptions"].as_array().expect("it is a list") {
        let name = exception["crate"].as_str().expect("of a crate").to_owned();
        excepted.insert(name, strings(&exception["allow"]));
    }
    for package in packages() {
        let usual = allows(&package.license, &allowed);
        let special = excepted
            .get(&package.name)
            .is_some_and(|also| allows(&package.license, also));
        assert!(usual || special, "{}: {}", package.name, package.license);
        // An exception is for tests; what is handed out has none, and one that nobody needs is no longer there.
        assert!(
            usual || !package.shipped,
            "{} is in the program: {}",
            package.name,
            package.license
        );
        excepted.remove(&package.name);
    }
    assert_eq!(excepted.keys().next(), None, "nothing of that name is compiled");
}

#[test]
fn licences_are_read_as_they_are_meant() {
    let allowed: BTreeSet<String> = ["MIT", "Unicode-3.0"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND Unicode-3.0", true),
        ("GPL-3.0 OR MIT AND Zlib", false),
        ("GPL-2.0 WITH Classpath-exception-2.0 OR GPL-3.0", false),
        ("", false),
    ] {
        assert_eq!(allows(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_advisory_that_is_ignored_has_its_reason() {
    let deny = parsed("deny.toml");
    let lock = parsed("Cargo.lock");
    let locked: BTreeSet<&str> = lock["package"]
        .as_array()
        .expect("the lock lists packages")
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let shipped: BTreeSet<String> = packages()
        .into_iter()
        .filter(|package| package.shipped)
        .map(|package| package.name)
        .collect();
    let mut excused = BTreeSet::new();
    for ignored in deny["advisories"]["ignore"].as_array().expect("it is a list") {
        let id = ignored["id"].as_str().expect("each has a number");
        let reason = ignored["reason"].as_str().expect("and a reason");
        assert!(id.starts_with("RUSTSEC-"), "{id}");
        let (name, why) = reason.split_once(": ").expect("which begins with the crate");
        assert!(locked.contains(name), "{id}: {name} is not compiled any more");
        assert!(!shipped.contains(name), "{id}: {name} is in the program");
        assert!(why.contains("dev-only"), "{id}: {why}");
        excused.insert(name.to_owned());
    }
    let unic: Vec<&str> = locked
        .iter()
        .copied()
        .filter(|name| name.starts_with("unic-"))
        .collect();
    assert_eq!(unic.len(), 6, "{unic:?}");
    for name in unic {
        assert!(excused.contains(name), "{name} is not listed");
    }
}

/// The names in the first column of ARCHITECTURE.md's table of dependencies, and whether only tests use them.
fn explained() -> BTreeMap<String, bool> {
    let text = read("ARCHITECTURE.md");
    let (_, section) = text.split_once("## Dependencies\n").expect("there is such a section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let mut found = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [names, why] = cells[..] else { panic!("{row}") };
        let dev = names.starts_with("dev:");
        for name in names.split('`').skip(1).step_by(2) {
            assert!(why.len() > 5, "{name} has no reason");
            found.insert(name.to_owned(), dev);
        }
    }
    found
}

#[test]
fn every_dependency_is_named_with_why() {
    let manifest = parsed("Cargo.toml");
    let names = |table: &str, dev: bool| {
        let table = manifest[table].as_table().expect("it is a table");
        table.keys().map(move |name| (name.clone(), dev)).collect::<Vec<_>>()
    };
    let declared: BTreeMap<String, bool> = names("dependencies", false)
        .into_iter()
        .chain(names("build-dependencies", false))
        .chain(names("dev-dependencies", true))
        .collect();
    assert_eq!(explained(), declared);
}

#[test]
fn the_oldest_rust_is_stated_and_enough() {
    let manifest = parsed("Cargo.toml");
    let stated = manifest["package"]["rust-version"].as_str().expect("it is stated");
    let oldest = minor(stated).expect("it is a version");
    for name in ["README.md", "CONTRIBUTING.md"] {
        assert!(read(name).contains(&format!("Rust {stated}")), "{name}");
    }
    for package in packages() {
        let needed = package.rust.unwrap_or(0);
        assert!(needed <= oldest, "{} needs Rust 1.{needed}", package.name);
    }
    // Cargo refuses to build with an older one; a build with this very one is the proof that it is enough.
    let rustc = Command::new("rustc").arg("-V").output().expect("rustc built this test");
    let rustc = String::from_utf8(rustc.stdout).expect("rustc speaks UTF-8");
    let at_hand = rustc
        .split_whitespace()
        .nth(1)
        .and_then(minor)
        .expect("it says its version");
    assert!(at_hand >= oldest, "{rustc}");
    if at_hand > oldest {
        eprintln!("NOT SHOWN HERE: that Rust {stated} is enough; this is {rustc}");
    }
}

/// The compiler itself holds that no code outside `confirm` is unsafe, and that each block there says its proof.
#[test]
fn unsafe_code_is_allowed_in_one_module_only() {
    let library = read("src/lib.rs");
    assert!(library.contains("#![deny(unsafe_code)]"), "{library}");
    assert!(read("src/main.rs").contains("#![forbid(unsafe_code)]"));
    let allowed: Vec<PathBuf> = walkdir::WalkDir::new(root().join("src"))
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .filter(|entry| fs::read_to_string(entry.path()).is_ok_and(|text| text.contains("allow(unsafe_code)")))
        .map(|entry| entry.into_path())
        .collect();
    assert_eq!(allowed, [root().join("src/lib.rs")]);
    assert!(library.contains("#[allow(unsafe_code)]\npub mod confirm;"), "{library}");
    let lints = parsed("Cargo.toml");
    let lint = &lints["lints"]["clippy"]["undocumented_unsafe_blocks"];
    assert_eq!(lint.as_str(), Some("deny"));
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml").exists());
}
