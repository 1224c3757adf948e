//! After `check --fix` nothing is found at that place, and what is left still compiles.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const PYTHON: &str = "import os\nimport subprocess\nimport threading\n\ndef job(directory):\n    \
    os.environ[\"OUT\"] = directory\n    os.environ[\"MODE\"] = f\"as-{directory}\"\n    \
    done = subprocess.run(\n        [\"make\", directory],\n        check=True,\n    )\n    return done.returncode\n\n\
    threads = [threading.Thread(target=job, args=(d,)) for d in (\"a\", \"b\")]\n\
    for t in threads:\n    t.start()\nfor t in threads:\n    t.join()\n";

const RUST: &str = "use std::process::Command;\n\nfn job(dir: &str) {\n    // SAFETY: the other thread is careful\n    \
    unsafe { std::env::set_var(\"OUT\", dir) };\n    \
    let status = Command::new(\"make\")\n        .arg(\"all\")\n        .status();\n    println!(\"{status:?}\");\n}\n\n\
    fn main() {\n    let a = std::thread::spawn(|| job(\"a\"));\n    let b = std::thread::spawn(|| job(\"b\"));\n    \
    a.join().unwrap();\n    b.join().unwrap();\n}\n";

/// A project with one file, after `check` with these flags: the exit code and what the file holds.
fn check(folder: &Path, flags: &[&str]) -> i32 {
    let output = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args(["check", "--format", "concise"])
        .args(flags)
        .current_dir(folder)
        .output()
        .expect("the command was built for this test");
    output.status.code().expect("it ends by itself")
}

fn fixed(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
    fs::create_dir(folder.path().join(".git")).expect("folders can be made");
    fs::write(folder.path().join(name), text).expect("files can be written");
    assert_eq!(check(folder.path(), &[]), 1, "{name} holds a race");
    assert_eq!(check(folder.path(), &["--fix"]), 0, "{name} has none any more");
    assert_eq!(check(folder.path(), &["--persona", "pedantic", "--fail-on", "note"]), 0);
    let after = fs::read_to_string(folder.path().join(name)).expect("the file is there");
    assert_ne!(after, text);
    (folder, after)
}

#[test]
fn python_still_compiles() {
    let (folder, after) = fixed("job.py", PYTHON);
    assert!(after.contains("check=True, env={**os.environ, \"OUT\": directory, \"MODE\": f\"as-{directory}\"},"));
    let compiled = Command::new("python3")
        .args(["-m", "py_compile", "job.py"])
        .current_dir(folder.path())
        .status();
    assert!(compiled.is_ok_and(|status| status.success()), "{after}");
}

#[test]
fn rust_still_compiles() {
    let (folder, after) = fixed("main.rs", RUST);
    assert!(
        after.contains("Command::new(\"make\").env(\"OUT\", dir)\n        .arg"),
        "{after}"
    );
    assert!(!after.contains("SAFETY"), "{after}");
    let compiled = Command::new("rustc")
        .args(["--edition", "2024", "--emit=metadata", "main.rs"])
        .current_dir(folder.path())
        .status();
    assert!(compiled.is_ok_and(|status| status.success()), "{after}");
}

/// Marks and line ends are the file's own.
#[test]
fn bytes_that_are_not_changed_stay() {
    let text = format!("\u{feff}{}", PYTHON.replace('\n', "\r\n"));
    let (folder, after) = fixed("job.py", &text);
    assert!(after.starts_with("\u{feff}import os\r\n"));
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
    let names = fs::read_dir(folder.path()).expect("the folder is there").count();
    assert_eq!(names, 2, "nothing is left behind beside .git and the file");
}

/// What a consumer of the SARIF log does to the file is what `--fix` does.
#[test]
fn sarif_holds_the_change_that_is_made() {
    for (name, text) in [("job.py", PYTHON), ("main.rs", RUST)] {
        // Columns count characters, not bytes.
        let text = &text.replace("\"make\"", "\"mäke\"");
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        fs::create_dir(folder.path().join(".git")).expect("folders can be made");
        fs::write(folder.path().join(name), text).expect("files can be written");
        let report = Command::new(env!("CARGO_BIN_EXE_envrace"))
            .args(["check", "--format", "sarif"])
            .current_dir(folder.path())
            .output()
            .expect("the command was built for this test");
        let log: Value = serde_json::from_slice(&report.stdout).expect("the log is JSON");
        let results = log["runs"][0]["results"].as_array().expect("a run has results");
        let fix = results
            .iter()
            .find_map(|result| result["fixes"].get(0))
            .expect("one is fixable");
        let change = &fix["artifactChanges"][0];
        assert_eq!(change["artifactLocation"]["uri"], name);
        let applied = apply(
            text,
            change["replacements"].as_array().expect("a change has replacements"),
        );
        assert_eq!(check(folder.path(), &["--fix"]), 0);
        let after = fs::read_to_string(folder.path().join(name)).expect("the file is there");
        assert_eq!(applied, after);
    }
}

/// The text after these replacements, whose regions are all those of the text before them.
fn apply(text: &str, replacements: &[Value]) -> String {
    let offset = |line: &Value, column: &Value| {
        let number = |value: &Value| value.as_u64().expect("regions are whole") as usize - 1;
        let start: usize = text.split_inclusive('\n').take(number(line)).map(str::len).sum();
        let within: usize = text[start..].chars().take(number(column)).map(char::len_utf8).sum();
        start + within
    };
    let mut after = text.to_owned();
    for replacement in replacements.iter().rev() {
        let region = &replacement["deletedRegion"];
        let range =
            offset(&region["startLine"], &region["startColumn"])..offset(&region["endLine"], &region["endColumn"]);
        let inserted = replacement["insertedContent"]["text"].as_str().expect("it is text");
        after.replace_range(range, inserted);
    }
    after
}
