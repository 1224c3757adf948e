//! The same bytes out for the same input: whatever the number of threads, the order in which the files were made or named,
//! and the folder that the command runs in. The input is every fixture at once, so that programs of three languages lie side
//! by side in one tree.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

/// All fixtures below one folder, their files made in the order of the names or against it.
fn tree(backwards: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut files: Vec<(String, String)> = Vec::new();
    for theme in support::fixtures::themes() {
        let below = format!("{}/{}/{}", theme.language, theme.side, theme.name);
        files.extend(
            theme
                .files()
                .into_iter()
                .map(|(path, text)| (format!("{below}/{path}"), text)),
        );
    }
    if backwards {
        files.reverse();
    }
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it lies below a theme")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    }
    folder
}

/// The JSON of `check` with these arguments, run in a folder.
fn check(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args(["check", "--no-config", "--format", "json"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the command runs");
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{:?} {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// What findings and problems say; the rest of the document names the run.
fn findings(text: &str) -> serde_json::Value {
    let document: serde_json::Value = serde_json::from_str(text).expect("the document is JSON");
    let findings = document["findings"].clone();
    assert!(findings.as_array().is_some_and(|list| list.len() > 100), "{text}");
    findings
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let tree = tree(false);
    let one = check(tree.path(), &["-j", "1", "."]);
    findings(&one);
    for jobs in ["2", "7"] {
        assert_eq!(check(tree.path(), &["-j", jobs, "."]), one, "-j {jobs}");
    }
}

#[test]
fn the_order_in_which_files_were_made_changes_nothing() {
    let (forwards, backwards) = (tree(false), tree(true));
    assert_eq!(check(forwards.path(), &["."]), check(backwards.path(), &["."]));
}

#[test]
fn the_order_in_which_paths_are_named_changes_nothing() {
    let tree = tree(false);
    let one = check(tree.path(), &["c", "python", "rust"]);
    findings(&one);
    assert_eq!(check(tree.path(), &["rust", "c", "python"]), one);
    assert_eq!(
        check(tree.path(), &["python", "rust", "c", "c"]),
        one,
        "a path named twice"
    );
}

#[test]
fn the_working_directory_changes_the_paths_alone() {
    let tree = tree(false);
    let inside = findings(&check(tree.path(), &["."]));
    let above = tree.path().parent().expect("a temporary folder lies in another");
    let name = tree.path().file_name().and_then(|name| name.to_str()).expect("UTF-8");
    let outside = check(above, &[name]);
    assert_eq!(findings(&outside.replace(&format!("{name}/"), "")), inside);
}

/// Pairs arise at the nearest common ancestor, so that two programs in one tree never pair by accident, however alike their
/// files are called.
#[test]
fn programs_side_by_side_do_not_pair() {
    let tree = tree(false);
    let findings = findings(&check(tree.path(), &["."]));
    let theme = |site: &serde_json::Value| -> String {
        let path = site["path"].as_str().expect("a site has a path");
        path.split('/').take(3).collect::<Vec<_>>().join("/")
    };
    for finding in findings.as_array().expect("checked before") {
        let (mutation, partner) = (theme(&finding["mutation"]), theme(&finding["partner"]));
        assert_eq!(mutation, partner, "{finding:#}");
        // Among hundreds of calls of one name fewer arguments are looked at, so that a note may come of what is not known.
        assert!(
            mutation.contains("/racy/") || finding["severity"] == "note",
            "{finding:#}"
        );
    }
}
