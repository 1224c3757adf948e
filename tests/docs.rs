//! The documents: pages that are made from the rules are what the rules say now, and every command that a document shows
//! is one that exists. `ENVRACE_BLESS=1 cargo test --test docs` writes the pages anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn envrace(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args(args)
        .output()
        .expect("the command was built for this test");
    assert!(output.status.success(), "{args:?}");
    String::from_utf8(output.stdout).expect("manuals are text")
}

/// Compares a page with what it should be, or writes it where that is asked for.
fn same(path: &Path, expected: &str) {
    if std::env::var_os("ENVRACE_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a page lies in a folder")).expect("folders can be made");
        fs::write(path, expected).expect("the repository can be written");
    }
    let there = fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == expected,
        "{} has drifted; ENVRACE_BLESS=1 cargo test --test docs writes it anew",
        path.display()
    );
}

#[test]
fn every_rule_has_its_page() {
    let folder = root().join("docs/rules");
    let mut index = String::from(
        "# Rules\n\nMade from the rules' own manuals, which `envrace explain NAME` prints.\n\n| code | name | what |\n|---|---|---|\n",
    );
    let rules = envrace(&["rules"]);
    let mut pages = vec![folder.join("README.md")];
    for line in rules.lines() {
        let (code, rest) = line.split_once(' ').expect("a line is code, name, summary");
        let (name, summary) = rest.trim().split_once(' ').expect("a line is code, name, summary");
        let manual = envrace(&["explain", code]);
        let body = manual.split_once("\n\n").expect("a title stands above the manual").1;
        let page = folder.join(format!("{name}.md"));
        same(&page, &format!("# {name} ({code})\n\n{}\n", body.trim_end()));
        pages.push(page);
        index.push_str(&format!("| {code} | [{name}]({name}.md) | {} |\n", summary.trim()));
    }
    assert!(pages.len() > 7, "all rules are listed");
    same(&folder.join("README.md"), &index);
    for entry in fs::read_dir(&folder).expect("the folder was just looked at") {
        let path = entry.expect("the folder can be listed").path();
        assert!(pages.contains(&path), "{} is of no rule", path.display());
    }
}

#[test]
fn every_api_is_on_the_list() {
    let table = envrace(&["apis", "--no-config", "--format", "markdown"]);
    let counted = table.lines().filter(|line| line.contains("| `")).count();
    let page = format!(
        "# Known APIs\n\nMade from rules/*.toml by `envrace apis --format markdown`: {counted} matches of functions, methods, \
         attributes and pragmas with\nwhat each does (the words are those of rules/README.md). `envrace explain NAME` says \
         what one does beside each change of the environment, by\nversion, and from which source that is known; \
         `envrace apis --format json` has the sources of all.\n\n{}\n",
        table.trim_end()
    );
    same(&root().join("docs/apis.md"), &page);
}

/// Fenced lines that begin with `envrace`, in documents and in what CI systems read.
#[test]
fn shown_commands_exist() {
    let mut files: Vec<PathBuf> = vec![
        root().join("README.md"),
        root().join("action.yml"),
        root().join(".pre-commit-hooks.yaml"),
    ];
    for entry in walkdir::WalkDir::new(root().join("docs")) {
        let path = entry.expect("docs is part of the repository").into_path();
        files.extend(Some(path).filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("it was just listed");
        // First steps show mistakes on purpose; a test of their own runs them.
        if file.ends_with("first-run.md") {
            continue;
        }
        for line in text.lines() {
            let line = line
                .trim()
                .trim_start_matches("$ ")
                .trim_start_matches("- ")
                .trim_start_matches("entry: ");
            let Some(words) = command(line) else { continue };
            seen += 1;
            if let Err(error) = envrace::cli::Cli::try_parse_from(&words) {
                // `--help` and `--version` come as errors too.
                assert!(!error.use_stderr(), "{}: {line}\n{error}", file.display());
            }
        }
    }
    assert!(seen > 10, "documents show commands");
}

/// The words of a shown command; none where the line is prose, or holds what only a reader can fill in.
fn command(line: &str) -> Option<Vec<String>> {
    let line = line.split(" #").next().unwrap_or(line);
    let rest = line
        .strip_prefix("envrace ")
        .or_else(|| line.strip_prefix("cargo run --release -- "))?;
    let first = rest.split(' ').next()?;
    let is_command = first.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if !is_command || rest.ends_with(['.', ',', ':', ';', '|']) || rest.contains(['`', '…', '|', '>', '<']) {
        return None;
    }
    let words = rest.split_whitespace().filter(|word| !word.contains('$'));
    let words = words.map(|word| word.trim_matches(['"', '\'']).to_owned());
    Some(std::iter::once("envrace".to_owned()).chain(words).collect())
}
