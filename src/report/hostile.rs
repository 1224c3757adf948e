//! Names, messages and sources come from others. Whatever is in them, every format stays what it is, and nothing in it
//! acts on a terminal, on a runner that reads the log, or on a page.

use proptest::prelude::*;
use serde_json::Value;

use super::graph;
use super::sample::{self, Sample};
use super::*;
use crate::detect::{EventKind, EventView, LaneView, ProgramView};
use crate::facts::Language;
use crate::finding::Location;
use crate::input::Source;

/// Pieces that mean something to some reader of some format.
const PIECES: [&str; 38] = [
    "\x1b[2J",
    "\x1b]0;t\x07",
    "\u{9b}31m",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{2028}",
    "\u{e0041}",
    "\0",
    "\x7f",
    "\r",
    "\n",
    "\t",
    "::set-output name=a::b",
    "\n::stop-commands::x",
    "##[add-mask]x",
    "##vso[task.setvariable]y",
    "%0A::error::z",
    "%",
    ",line=9",
    ":",
    "<script>alert(1)</script>",
    "\" onload=\"x",
    "' x='",
    "&amp;&#0;",
    "]]>",
    "<!--",
    "-->",
    "[a](http://x)",
    "{0}",
    "\\",
    "\"];x [",
    ";\nend\n",
    "#59;",
    "/../",
    "é",
    "\u{10ffff}",
    " ",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => "[a-z]{1,8}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..6).prop_map(|pieces| format!("a{}", pieces.concat()))
}

/// The sample with `words` wherever a text comes from outside, and its program for a picture.
fn with(words: &[String; 4]) -> (Sample, Vec<ProgramView>) {
    let [path, name, says, line] = words;
    let mut sample = sample::seed();
    let code = line.replace('\n', " ");
    let source = |path: &str, text: String| Source {
        path: path.to_owned(),
        language: Language::Python,
        text,
    };
    sample.sources = Sources::new([
        source(path, format!("import os\nif True:\n    {code}\n")),
        source("build.py", sample::BUILD.to_owned()),
    ]);
    let finding = &mut sample.findings[0];
    finding.message.clone_from(says);
    finding.help.clone_from(says);
    finding.mutation.location.path.clone_from(path);
    finding.mutation.function.clone_from(name);
    finding.mutation.code.clone_from(line);
    finding.mutation.chain[0].note.clone_from(says);
    finding.overlap.reason.clone_from(says);
    finding.overlap.ancestor.clone_from(name);
    finding.overlap.threads[0].entry.clone_from(name);
    finding.guards[0].name.clone_from(name);
    finding.interleaving[1].clone_from(says);
    finding.doubts[0].clone_from(says);
    finding.suppressed = None;
    sample.problems[0].path.clone_from(path);
    sample.problems[0].message.clone_from(says);
    let programs = vec![program(&sample, name)];
    (sample, programs)
}

fn program(sample: &Sample, name: &str) -> ProgramView {
    let finding = &sample.findings[0];
    let partner = finding.partner.as_ref().expect("the sample has a partner");
    let lane = |many: bool| LaneView {
        name: name.to_owned(),
        many,
        place: sample::place("build.py", 1, 1, 1),
    };
    let event = |lane: usize, kind: EventKind, place: &Location| EventView {
        lane,
        kind,
        label: name.to_owned(),
        variable: None,
        place: place.clone(),
        function: name.to_owned(),
        chain: finding.mutation.chain.clone(),
        repeated: false,
    };
    let start = &finding.overlap.threads[0].start;
    ProgramView {
        name: name.to_owned(),
        kind: "script",
        lanes: vec![lane(false), lane(true)],
        events: vec![
            event(0, EventKind::Start(1), start),
            event(1, EventKind::Spawn, &partner.location),
            event(0, EventKind::Mutation, &finding.mutation.location),
        ],
        hidden: 0,
    }
}

/// Nothing in it steers a terminal, and no line of it commands a runner.
fn harmless(what: &str, text: &str) {
    let bad = |c: char| {
        c != '\n'
            && (c.is_control()
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'))
    };
    if let Some(c) = text.chars().find(|c| bad(*c)) {
        panic!("{what} holds {c:?}: {text:?}");
    }
    for line in text.lines() {
        let ours = what == "github"
            && ["::error file=", "::notice file="]
                .iter()
                .any(|own| line.starts_with(own));
        assert!(ours || !line.trim_start().starts_with("::"), "{what}: {line:?}");
        let marks = line.match_indices("##").map(|(at, _)| &line[at..]);
        for rest in marks {
            let word = rest.trim_start_matches('#');
            let word = word.trim_start_matches(|c: char| c.is_alphanumeric());
            assert!(!word.starts_with('['), "{what}: {line:?}");
        }
    }
}

/// The markup without its texts and without the values of its attributes.
fn skeleton(markup: &str) -> String {
    let mut out = String::new();
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let mut quoted = false;
        let end = rest.find(|c: char| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let Some(end) = end else {
            out.push_str("unclosed");
            break;
        };
        for (number, part) in rest[..=end].split('"').enumerate() {
            out.push_str(if number % 2 == 0 { part } else { "" });
        }
        rest = &rest[end + 1..];
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_format_stays_well_formed(words in [text(), text(), text(), text()]) {
        let (sample, _) = with(&words);
        let report = sample.report();
        for (what, painted) in [("human", human(&report)), ("concise", concise(&report))] {
            harmless(what, &anstream::adapter::strip_str(&painted).to_string());
        }
        for (what, text) in [("json", json(&report)), ("sarif", sarif(&report)), ("gitlab", gitlab(&report))] {
            harmless(what, &text);
            let value: Result<Value, _> = serde_json::from_str(&text);
            prop_assert!(value.is_ok(), "{what}: {text}");
        }
        let document: Value = serde_json::from_str(&json(&report)).expect("it was read just now");
        prop_assert_eq!(document["findings"][0]["mutation"]["path"].as_str(), Some(words[0].as_str()));
        let lines = jsonl(&report);
        harmless("jsonl", &lines);
        prop_assert_eq!(lines.lines().count(), 3);
        prop_assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", lines);
        let annotations = anstream::adapter::strip_str(&github(&report)).to_string();
        harmless("github", &annotations);
        let lines: Vec<&str> = annotations.lines().collect();
        prop_assert_eq!(lines.len(), 3, "{}", annotations);
        prop_assert!(lines[0].starts_with("::error file=") && lines[1].starts_with("::notice file="), "{}", annotations);
    }

    #[test]
    fn every_picture_stays_well_formed(words in [text(), text(), text(), text()]) {
        let (sample, programs) = with(&words);
        let plain = ["p.py", "f", "says", "x"].map(str::to_owned);
        let (quiet, quiet_programs) = with(&plain);
        let (hostile, benign) = (sample.graph(&programs), quiet.graph(&quiet_programs));
        for (what, text, expected) in [
            ("svg", graph::svg(&hostile), graph::svg(&benign)),
            ("html", graph::html(&hostile), graph::html(&benign)),
        ] {
            harmless(what, &text);
            prop_assert_eq!(skeleton(&text), skeleton(&expected), "{}", what);
        }
        let drawn = graph::mermaid(&hostile);
        harmless("mermaid", &drawn);
        prop_assert_eq!(drawn.lines().count(), graph::mermaid(&benign).lines().count(), "{}", drawn);
        for line in drawn.lines().filter(|line| line.contains(':')) {
            let (_, says) = line.split_once(": ").unwrap_or_default();
            // What is left beside letters and digits are entity codes.
            prop_assert!(!says.contains(['<', '>', '"', '\\', '%', '{', ':']), "{}", line);
        }
        let drawn = graph::dot(&hostile);
        harmless("dot", &drawn);
        prop_assert_eq!(unquoted(&drawn), unquoted(&graph::dot(&benign)));
        let listed = graph::roots(&hostile);
        harmless("roots", &listed);
        prop_assert_eq!(listed.lines().count(), 2);
    }
}

/// Graphviz's text without what stands in its strings.
fn unquoted(text: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            '"' if !escaped => quoted = !quoted,
            c if !quoted => out.push(c),
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    out
}
