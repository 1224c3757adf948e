//! The page of `graph --format html` in a real browser, where there is one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| BROWSERS.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// The document after the browser has read it.
fn document(browser: &Path, page: &Path, home: &Path) -> String {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", home.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .env("HOME", home)
        .output()
        .expect("the browser can be started");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The picture of these paths below the repository's root.
fn graph(paths: &[&str], format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args(["graph", "--persona", "auditor", "--format", format])
        .args(paths)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command was built for this test");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("pictures are UTF-8")
}

/// Rules whose two sides are no two threads of one program: a child that was forked, tests, and unknown callers.
#[test]
fn every_rule_has_its_place_on_the_lanes() {
    let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
    let library = folder.path().join("library.py");
    let text = "import os\n\ndef configure(value):\n    os.environ['A'] = value\n";
    fs::write(&library, text).expect("files can be made");
    let library = library.to_str().expect("the path is text");
    let cases = [
        (
            "fixtures/python/racy/preexec",
            "ER005",
            "line 16 in the child of line 22",
        ),
        ("fixtures/rust/racy/tests_parallel", "ER006", "line 14 beside line 5"),
        (library, "ER007", "line 4 on any thread of its callers"),
    ];
    for (path, code, sides) in cases {
        let mermaid = graph(&[path], "mermaid");
        assert!(mermaid.contains(sides), "{mermaid}");
        let dot = graph(&[path], "dot");
        assert!(dot.contains("label=\"finding 1\\n"), "{dot}");
        let svg = graph(&[path], "svg");
        assert!(
            svg.contains("class=\"link l1\"") && svg.contains("finding 1</tspan>"),
            "{svg}"
        );
        let html = graph(&[path], "html");
        assert!(html.contains("class=\"link l1\"") && html.contains(code), "{html}");
        assert!(!html.contains("Further findings"), "{html}");
    }
}

#[test]
fn the_page_shows_findings_and_lanes_in_a_browser() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no browser ({}) on this machine", BROWSERS.join(", "));
        return;
    };
    let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
    let page = folder.path().join("page.html");
    let status = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args([
            "graph",
            "fixtures/python/racy/plugin_build",
            "--format",
            "html",
            "--output",
        ])
        .arg(&page)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("the command was built for this test");
    assert!(status.success());
    // What a browser makes of the page has every element closed; a text that had become markup would show.
    let written = fs::read_to_string(&page).expect("the page was written");
    let shown = document(&browser, &page, folder.path());
    for expected in [
        "Threads and the environment</h1>",
        "T1 compile_objects",
        "starts</tspan>",
        "joins</tspan>",
        "class=\"link l1\"",
        "id=\"f1\"",
        "env-mutation-during-spawn (ER001)",
        "LD_RUN_PATH",
    ] {
        assert!(shown.contains(expected), "no `{expected}` in {shown}");
    }
    for element in ["article", "section", "svg", "circle", "path", "pre"] {
        let count =
            |text: &str| text.matches(&format!("<{element} ")).count() + text.matches(&format!("<{element}>")).count();
        assert_eq!(count(&shown), count(&written), "{element}");
    }
}
