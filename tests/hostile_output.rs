//! What somebody hostile wrote into names, sources, logs and configurations acts on nothing that shows it: no terminal, no
//! runner that reads logs, no page. Every format of every command, through the program itself.

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::hostile::{Ended, folder_of, run, run_with};

/// What it may try, without a slash.
const TRICKS: [&str; 3] = [
    "::set-output name=x::y\n::stop-commands::z##[add-mask]b##vso[c]\r%0A,line=1%25",
    "a\x1b[2J\x1b]0;t\x07\u{9b}31m\u{202e}\u{2066}\u{200b}\u{e0041}\u{2028}c",
    "<script>alert(1)<!-- \" onload=\"x' &amp; ]]>{0} [x](y) \\\"];end;#59; `x` $(y)",
];

/// A race that has the trick wherever a source can have it: the variable's name, a comment and a string of the line, a
/// directive, a name that only Unicode allows.
fn source(trick: &str) -> String {
    let quoted: String = trick.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    let line = trick.replace(['\n', '\r'], " ");
    format!(
        "import os, threading\n\ndef work():\n    os.system('cc')  # {line}\n\nthread = threading.Thread(target=work)  # {line}\nthread.start()\n\
         os.environ['A{quoted}'] = 'b'  # {line}\n# envrace: {line}\n# envrace: ignore[{line}] {line}\n"
    )
}

/// Nothing in it steers a terminal, and no line of it commands a runner.
#[track_caller]
fn harmless(what: &str, shown: &str) {
    let steers = |c: char| {
        c != '\n'
            && (c.is_control()
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'))
    };
    if let Some(at) = shown.find(steers) {
        let begin = shown[..at].char_indices().rev().nth(60).map_or(0, |(at, _)| at);
        panic!("{what}: {:?} in {:?}", shown[at..].chars().next(), &shown[begin..at]);
    }
    for line in shown.lines() {
        let ours = what.contains("github")
            && ["error", "warning", "notice"]
                .iter()
                .any(|level| line.starts_with(&format!("::{level} file=")));
        assert!(ours || !line.trim_start().starts_with("::"), "{what}: {line}");
        for (at, _) in line.match_indices("##") {
            let word = line[at..].trim_start_matches('#');
            assert!(
                !word.trim_start_matches(char::is_alphanumeric).starts_with('['),
                "{what}: {line}"
            );
        }
    }
}

#[track_caller]
fn both_harmless(what: &str, ended: &Ended) {
    harmless(what, &ended.stdout);
    harmless(&format!("{what} (errors)"), &ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{what}: {}", ended.stderr);
}

/// A folder whose every part has the trick.
fn scene(trick: &str) -> tempfile::TempDir {
    let inner = folder_of([
        (format!("{trick}.py"), source(trick)),
        (format!("{trick}/{trick}.c"), format!("void f(void) {{ (; // {trick}\n")),
        (format!("{trick}.rs"), format!("// {trick}\nfn f( {{")),
        (format!("{trick}.h"), "\0".to_owned()),
    ]);
    fs::create_dir(inner.path().join(".git")).expect("folders can be made");
    inner
}

#[test]
fn every_report_of_every_trick() {
    for trick in TRICKS {
        let folder = scene(trick);
        for format in ["human", "concise", "json", "jsonl", "sarif", "github", "gitlab"] {
            let ways = [&["-v"][..], &["--no-ignores", "--persona", "auditor"]];
            let ways = if format == "human" { &ways[..] } else { &ways[1..] };
            for more in ways.iter().copied() {
                let args = [&["check", "--format", format], more].concat();
                let ended = run(folder.path(), &args).in_order();
                both_harmless(&format!("{args:?}"), &ended);
                let documents: Vec<Value> = match format {
                    "json" | "sarif" | "gitlab" => vec![serde_json::from_str(&ended.stdout).expect("it is JSON")],
                    "jsonl" => ended
                        .stdout
                        .lines()
                        .map(|line| serde_json::from_str(line).expect("it is JSON"))
                        .collect(),
                    _ => Vec::new(),
                };
                if format == "json" {
                    assert_eq!(ended.findings_in(&format!("{trick}.py")), 1, "{}", ended.stdout);
                }
                assert!(format != "jsonl" || documents.len() > 2);
            }
        }
        for format in ["mermaid", "dot", "svg", "html"] {
            let ended = run(folder.path(), &["graph", "--format", format]).in_order();
            both_harmless(format, &ended);
            let markup = format == "svg" || format == "html";
            assert!(
                !markup || !ended.stdout.contains("<script>alert") && !ended.stdout.contains("<!-- \""),
                "{}",
                ended.stdout
            );
        }
        both_harmless("roots", &run(folder.path(), &["graph", "--roots"]).in_order());
    }
}

#[test]
fn every_other_command_of_every_trick() {
    for trick in TRICKS {
        let folder = scene(trick);
        let file = format!("{trick}.py");
        let place = format!("{file}:8");
        let report = run(folder.path(), &["check", "--format", "json"]).in_order();
        fs::write(folder.path().join("report.json"), &report.stdout).expect("files can be written");
        let tricky = |args: &[&str]| both_harmless(&format!("{args:?}"), &run(folder.path(), args));
        tricky(&["why", &place]);
        tricky(&["why", &format!("{file}:0")]);
        tricky(&["why", &format!("{trick}:{trick}")]);
        tricky(&["check", &file]);
        tricky(&["check", "--isolated", &file, &format!("{trick}.h")]);
        tricky(&["check", &format!("no{trick}")]);
        tricky(&["check", "--target", trick]);
        tricky(&["check", "--config", trick]);
        tricky(&["check", "--since", trick]);
        tricky(&["check", "--stdin-filename", &file, "-"]);
        tricky(&["check", "--format", trick]);
        tricky(&["check", "--output", &format!("json={trick}/{trick}/x")]);
        tricky(&["check", "--diff", "--unsafe-fixes"]);
        tricky(&["confirm", "--list"]);
        tricky(&["confirm", "--list", "--format", "json"]);
        tricky(&["confirm", "--list", "--report", "report.json", "--format", "json"]);
        tricky(&["confirm", "--list", "--rule", trick]);
        tricky(&["confirm", "--sweep", trick]);
        tricky(&["explain", trick]);
        tricky(&["explain", trick, "--format", "json"]);
        tricky(&["apis", "--effect", trick]);
        tricky(&["man", trick]);
        tricky(&["target", trick]);
        tricky(&["baseline", "--output", &format!("{trick}.json")]);
        tricky(&["check", "--baseline", &format!("{trick}.json")]);
        tricky(&[trick]);
    }
}

#[test]
fn logs_and_standard_input() {
    for trick in TRICKS {
        let folder = scene(trick);
        let log = format!(
            "{trick} return code = 32512\n{trick}\n[pid 1] execve(\"{trick}\", [\"{trick}\"], 0x7ffd /* 20 vars */) = -1 EFAULT (Bad address)\n\
             OSError: [Errno 14] Bad address: '{trick}'\n"
        );
        for args in [
            &["explain", "-"][..],
            &["explain", "-", "--format", "json"],
            &["explain", "-", "--in", "."],
            &["explain", "-", "--in", ".", "--format", "json"],
        ] {
            both_harmless(
                &format!("{args:?}"),
                &run_with(folder.path(), args, input(log.as_bytes())),
            );
        }
        let name = format!("{trick}.py");
        for format in ["human", "json", "sarif", "github"] {
            let args = [
                "check",
                "-",
                "--language",
                "python",
                "--stdin-filename",
                &name,
                "--format",
                format,
            ];
            both_harmless(
                &format!("{args:?}"),
                &run_with(folder.path(), &args, input(source(trick).as_bytes())),
            );
        }
    }
}

fn input(bytes: &[u8]) -> Stdio {
    use std::io::Seek;
    let mut file = tempfile::tempfile().expect("a temporary file can be made");
    file.write_all(bytes).expect("files can be written");
    file.rewind().expect("files can be read again");
    Stdio::from(file)
}

#[test]
fn configurations_and_archives() {
    for trick in TRICKS {
        let folder = scene(trick);
        let quoted = toml::Value::String(trick.to_owned()).to_string();
        for config in [
            format!("{quoted} = 1\n"),
            format!("exclude = [{quoted}]\n"),
            format!("fail-on = {quoted}\n"),
            format!("[rules]\n{quoted} = \"off\"\n"),
            format!("[[api]]\nmatch = {quoted}\n"),
            format!("[[api]]\nmatch = \"call:x\"\nlanguage = \"c\"\neffect = {quoted}\n"),
            format!("[[api]]\nmatch = \"call:x\"\nlanguage = \"c\"\neffect = \"spawn\"\nsource = {quoted}\n"),
            format!("x = {trick}\n"),
        ] {
            fs::write(folder.path().join("envrace.toml"), &config).expect("files can be written");
            for args in [&["check"][..], &["config"]] {
                both_harmless(&format!("{args:?} {config}"), &run(folder.path(), args));
            }
        }
        fs::remove_file(folder.path().join("envrace.toml")).expect("it was written");
        let archive = folder.path().join(format!("{}.tar", trick.replace('\n', "")));
        archive_of(&archive, trick);
        for format in ["human", "json", "github"] {
            let name = archive.to_string_lossy().into_owned();
            let ended = run(folder.path(), &["check", "--format", format, &name]).in_order();
            both_harmless(&format!("archive {format}"), &ended);
            assert_eq!(
                ended.status.code(),
                Some(1),
                "{format}: the race in it is found: {}",
                ended.stdout
            );
        }
    }
}

/// An archive with the race under a tricky name, one that climbs, and one that occurs twice.
fn archive_of(path: &Path, trick: &str) {
    let mut builder = tar::Builder::new(fs::File::create(path).expect("files can be made"));
    let text = source(trick);
    for name in [
        format!("a/{trick}.py"),
        format!("../{trick}.c"),
        format!("{trick}.c"),
        format!("{trick}.c"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder
            .append(&header, text.as_bytes())
            .expect("archives can be written");
    }
    builder.finish().expect("archives can be written");
}
