//! Reports as other programs read them: SARIF against the official schema, files written whole, hostile file names through
//! the whole command, and a command that is stopped or no longer listened to.

mod support;

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::hostile::RACE;

fn envrace(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args(args)
        .current_dir(folder)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the command was built for this test")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("reports are UTF-8")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A repository that holds one race, in the file of that name.
fn repository(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
    fs::create_dir(folder.path().join(".git")).expect("folders can be made");
    fs::write(folder.path().join(name), RACE).expect("the name is one that this system can have");
    folder
}

/// Every error that the official schema has with a log; none and a word where the schema is not at hand.
fn schema_errors(log: &Value) -> Vec<String> {
    let path = root().join("../shared/schemas/sarif-schema-2.1.0.json");
    let Ok(schema) = fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no SARIF schema at {}", path.display());
        return Vec::new();
    };
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("the schema is one");
    validator
        .iter_errors(log)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect()
}

#[test]
fn sarif_is_valid_for_every_fixture() {
    let folders = ["fixtures/python", "fixtures/rust", "fixtures/c/racy"];
    let arguments = ["check", "--persona", "auditor", "--format", "sarif"];
    let output = envrace(&root(), &[&arguments[..], &folders[..]].concat());
    let log: Value = serde_json::from_str(&text(&output)).expect("the log is JSON");
    let results = log["runs"][0]["results"].as_array().expect("a run has results");
    assert!(results.len() > 200, "the fixtures hold findings: {}", results.len());
    assert_eq!(schema_errors(&log), Vec::<String>::new());
    for result in results {
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(place["uriBaseId"], "%SRCROOT%");
        assert!(
            place["uri"].as_str().is_some_and(|uri| uri.starts_with("fixtures/")),
            "{place}"
        );
        let flows = result["codeFlows"][0]["threadFlows"].as_array().map_or(0, Vec::len);
        let alone = result["ruleId"] == "ER007";
        assert!(alone || flows >= 1, "{result}");
        // A race has two threads; what happens in a fork window happens in one, beside another.
        let window = result["ruleId"] == "ER005";
        assert!(alone || window || flows >= 2, "{result}");
    }
}

#[test]
fn json_is_what_the_committed_schema_says_for_every_fixture() {
    let path = root().join("schemas/report.schema.json");
    let schema = fs::read_to_string(path).expect("the schema is part of the repository");
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let output = envrace(
        &root(),
        &["check", "--persona", "auditor", "--format", "json", "fixtures"],
    );
    let document: Value = serde_json::from_str(&text(&output)).expect("the report is JSON");
    let findings = document["findings"].as_array().map_or(0, Vec::len);
    assert!(findings > 200, "the fixtures hold findings: {findings}");
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

/// What a person reads fits 80 columns. Only lines of source, drawn as they are, and single words may be longer, and the
/// last line, which scripts take for one.
#[test]
fn prose_fits_eighty_columns_for_every_fixture() {
    let output = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .current_dir(root())
        .env("COLUMNS", "80")
        .args([
            "check",
            "--color",
            "never",
            "--persona",
            "auditor",
            "fixtures/python",
            "fixtures/c",
        ])
        .output()
        .expect("the command was built for this test");
    let report = text(&output);
    let drawn = |line: &str| line.contains(['│', '╰', '┬']);
    let one_word = |line: &str| line.split_whitespace().count() == 1;
    let (body, _summary) = report
        .trim_end()
        .rsplit_once('\n')
        .expect("there is more than a summary");
    let wide: Vec<&str> = body
        .lines()
        .filter(|line| line.chars().count() > 80 && !drawn(line) && !one_word(line))
        .collect();
    assert_eq!(wide, Vec::<&str>::new());
    assert!(report.lines().count() > 5000, "the fixtures hold findings");
}

#[test]
fn the_validator_finds_what_is_wrong() {
    let log = serde_json::json!({"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]});
    if root().join("../shared/schemas").exists() {
        assert!(schema_errors(&log).iter().any(|error| error.contains("name")));
    }
}

#[test]
fn paths_are_those_of_the_repository_wherever_the_command_runs() {
    let folder = repository("race.py");
    let sub = folder.path().join("sub");
    fs::create_dir(&sub).expect("folders can be made");
    let uri = |output: &Output| {
        let log: Value = serde_json::from_str(&text(output)).expect("the log is JSON");
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone()
    };
    assert_eq!(uri(&envrace(folder.path(), &["check", "--format", "sarif"])), "race.py");
    assert_eq!(uri(&envrace(&sub, &["check", "..", "--format", "sarif"])), "race.py");
    let issues: Value = serde_json::from_str(&text(&envrace(&sub, &["check", "..", "--format", "gitlab"])))
        .expect("the report is JSON");
    assert_eq!(issues[0]["location"]["path"], "race.py");
    let annotations = text(&envrace(&sub, &["check", "..", "--format", "github"]));
    assert!(
        annotations.starts_with("::error file=race.py,line=11,"),
        "{annotations}"
    );
}

#[test]
fn several_reports_come_of_one_run() {
    let folder = repository("race.py");
    fs::write(folder.path().join("old.sarif"), "old").expect("files can be made");
    let args = [
        "check",
        "--format",
        "concise",
        "--output",
        "sarif=old.sarif",
        "--output",
        "jsonl=out.jsonl",
        "--output",
        "human=out.txt",
    ];
    let output = envrace(folder.path(), &args);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).starts_with("race.py:11:9: error[env-mutation-during-spawn]"));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("the report was written");
    let log: Value = serde_json::from_str(&read("old.sarif")).expect("the log is JSON");
    assert_eq!(log["version"], "2.1.0");
    assert!(read("out.jsonl").starts_with("{\"type\":\"finding\","));
    assert!(!read("out.txt").contains('\x1b') && read("out.txt").contains("1 finding (1 error)"));
    let left = fs::read_dir(folder.path()).expect("the folder is there").count();
    assert_eq!(left, 5, "no temporary file is left");
}

/// What `--fix` may do stands in the log, and what silences a finding with its reason.
#[test]
fn sarif_with_fixes_and_silenced_findings_is_valid() {
    let log_of = |text: &str| {
        let folder = repository("race.py");
        fs::write(folder.path().join("race.py"), text).expect("files can be made");
        let log = parsed(&self::text(&envrace(folder.path(), &["check", "--format", "sarif"])));
        assert_eq!(schema_errors(&log), Vec::<String>::new());
        log["runs"][0]["results"][0].clone()
    };
    let fixable = log_of(
        "import os, subprocess, threading\n\ndef job(directory):\n    os.environ['OUT'] = directory\n    \
         subprocess.call(['make'])\n\nthreads = [threading.Thread(target=job, args=(d,)) for d in ('a', 'b')]\n\
         for t in threads:\n    t.start()\nfor t in threads:\n    t.join()\n",
    );
    let replaced = &fixable["fixes"][0]["artifactChanges"][0]["replacements"];
    assert_eq!(replaced.as_array().map(Vec::len), Some(2), "{fixable}");
    let ignore = "# envrace: ignore[ER001] the {child} needs none\n        os.environ[name]";
    let silenced = log_of(&RACE.replace("os.environ[name]", ignore));
    assert_eq!(silenced.get("fixes"), None, "{silenced}");
    assert_eq!(silenced["suppressions"][0]["justification"], "the {child} needs none");
    assert_eq!(silenced["suppressions"][0]["kind"], "inSource");
}

/// What a file name may do to a report.
const NAMES: [&str; 4] = [
    "::set-output name=x::y\n::stop-commands::z.py",
    "a\x1b[2J\u{202e}##[add-mask]b##vso[c]\r%0A,line=1.py",
    "<script>alert(1)<!-- \" onload=\"x' &amp; ]]>.py",
    "{0} [x](http:y) \\\"];end;#.py",
];

#[test]
fn hostile_file_names_stay_names() {
    for name in NAMES {
        // A slash cannot be in a name.
        let folder = repository(name);
        for format in ["human", "concise", "json", "jsonl", "sarif", "github", "gitlab"] {
            let shown = text(&envrace(folder.path(), &["check", "--format", format]));
            unarmed(format, &shown);
            match format {
                "json" => assert_eq!(
                    parsed(&shown)["findings"][0]["mutation"]["path"],
                    Value::from(name),
                    "{shown}"
                ),
                "sarif" => {
                    let log = parsed(&shown);
                    assert_eq!(schema_errors(&log), Vec::<String>::new(), "{shown}");
                    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
                    let uri = place["artifactLocation"]["uri"].as_str().unwrap_or_default();
                    assert!(
                        uri.is_ascii() && !uri.contains([' ', '<', '"', '\\', ':', '#']),
                        "{uri}"
                    );
                }
                "gitlab" => assert_eq!(parsed(&shown)[0]["location"]["path"], Value::from(name)),
                "jsonl" => assert_eq!(
                    shown.lines().filter(|line| parsed(line)["type"] == "finding").count(),
                    1
                ),
                "github" => assert_eq!(shown.lines().count(), 2, "{shown}"),
                _ => assert!(shown.contains("env-mutation-during-spawn"), "{shown}"),
            }
        }
        for format in ["mermaid", "dot", "svg", "html"] {
            let shown = text(&envrace(folder.path(), &["graph", "--format", format]));
            unarmed(format, &shown);
            let markup = ["svg", "html"].contains(&format);
            assert!(
                !markup || !shown.contains("<script") && !shown.contains("<!-- "),
                "{shown}"
            );
        }
        unarmed("roots", &text(&envrace(folder.path(), &["graph", "--roots"])));
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("the report is JSON")
}

fn unarmed(format: &str, shown: &str) {
    let steers = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    assert!(!shown.contains(steers), "{format}: {shown:?}");
    assert!(!shown.contains("##[") && !shown.contains("##vso["), "{format}: {shown}");
    for line in shown.lines().map(str::trim_start).filter(|line| line.starts_with("::")) {
        assert!(
            format == "github" && line.starts_with("::error file="),
            "{format}: {line}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args(["check", "fixtures/python", "--format", "json"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command was built for this test");
    let mut begin = [0; 1];
    let mut stdout = child.stdout.take().expect("it was asked to be piped");
    stdout.read_exact(&mut begin).expect("there is a report");
    drop(stdout);
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(
        output.status.code(),
        Some(1),
        "the findings are there, whoever reads them"
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn an_interrupt_ends_it_without_a_word() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_envrace"));
    command
        .args(["check", "-", "--language", "python"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    support::processes::interruptible(&mut command);
    let mut child = command.spawn().expect("the command was built for this test");
    // It waits for its input, which does not come.
    let stdin = child.stdin.take();
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("process numbers are small"));
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).expect("the child is ours");
    let output = child.wait_with_output().expect("the command ends");
    drop(stdin);
    assert_eq!(output.status.signal(), Some(nix::libc::SIGINT), "{output:?}");
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
}
