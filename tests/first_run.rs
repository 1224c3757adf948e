//! docs/first-run.md is a newcomer's first session: the files that it shows are written, the commands that it shows are
//! run in their order, and what it says that they print is what they print. `[..]` stands for any text within a line.
//! `ENVRACE_BLESS=1 cargo test --test first_run` writes the outputs anew.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn a_newcomers_first_commands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/first-run.md");
    let document = fs::read_to_string(&path).expect("the document is part of the repository");
    let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
    fs::create_dir(folder.path().join(".git")).expect("the folder was just made");
    let played = play(&document, folder.path());
    if std::env::var_os("ENVRACE_BLESS").is_some() {
        fs::write(&path, &played).expect("the repository can be written");
    }
    assert!(document.matches("\n$ ").count() >= 10, "ten commands are shown");
    let document = fs::read_to_string(&path).expect("it was just read");
    snapbox::Assert::new().eq(played, document);
}

/// The document with its outputs as they are now.
fn play(document: &str, folder: &Path) -> String {
    let mut played = String::new();
    let mut lines = document.lines();
    let mut file = None;
    while let Some(line) = lines.next() {
        played.push_str(line);
        played.push('\n');
        // `name.py`: begins the text of a file.
        if let Some(name) = line.strip_prefix('`').and_then(|rest| rest.strip_suffix("`:")) {
            file = Some(name.to_owned());
            continue;
        }
        let Some(kind) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if kind == "console" {
            for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
                played.push_str(&format!("$ {command}\n{}", run(command, folder)));
            }
        } else {
            let text = block.join("\n") + "\n";
            if let Some(name) = file.take() {
                fs::write(folder.join(name), &text).expect("the folder is the test's own");
            }
            played.push_str(&text);
        }
        played.push_str("```\n");
    }
    played
}

/// What a command prints to both streams, and how it ended where that is not with 0.
fn run(command: &str, folder: &Path) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_envrace"));
    let path = format!(
        "{}:{}",
        binary.parent().expect("a program lies in a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("{{ {command}; }} 2>&1"))
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("there is a shell");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => {}
        Some(code) => text.push_str(&format!("(ends with {code})\n")),
        None => text.push_str("(ends by a signal)\n"),
    }
    text
}
