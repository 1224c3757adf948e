//! What the property tests and the fuzz targets (`fuzz/`) do with bytes: one function for each way by which something
//! hostile comes in. Each holds what must be true of any bytes at all, and panics where it is not.

use std::path::Path;
use std::sync::LazyLock;

use envrace::detect::{self, Extent, Options, Persona};
use envrace::facts::{FileFacts, Language, Node, Problem, Region, Span};
use envrace::finding::{Finding, RuleCode};
use envrace::frontend;
use envrace::input::{self, PassedOver, Source, Sources};
use envrace::knowledge::{Catalog, Target};
use envrace::model;
use envrace::report::{self, Base, Detail, Report, Summary};
use envrace::symptoms::Reader;
use envrace::triage::Ignores;

use super::choices::{self, Choices};

/// How many steps an analysis of made facts may take.
const STEPS: u64 = 200_000;

/// The name of the file that bytes of a language are said to be.
pub fn file_name(language: Language) -> &'static str {
    match language {
        Language::C => "x.c",
        Language::Python => "a/b.py",
        Language::Rust => "src/lib.rs",
    }
}

/// Bytes as a file of a language: decoded, lowered, analysed, reported.
pub fn frontend(language: Language, bytes: &[u8]) {
    let (source, problem) = input::read_bytes(bytes.to_vec(), file_name(language), language);
    let Some(source) = source else {
        assert!(problem.is_some(), "what is lost is said");
        return;
    };
    let (facts, problems) = lowered(&source);
    let again = frontend::lower(&source);
    assert_eq!(facts, again.0, "the same bytes are the same facts");
    let (_, findings) = analysed(vec![facts], &Sources::new([source.clone()]), STEPS);
    rendered(&findings, &problems, &Sources::new([source]));
}

/// A source after lowering, with all that holds of any facts.
pub fn lowered(source: &Source) -> (FileFacts, Vec<Problem>) {
    let shared = frontend::Shared::of(frontend::Share::of(source).into_iter().collect());
    let (facts, problems) = frontend::lower_in(source, &shared);
    assert!(
        !facts.functions.is_empty() || !problems.is_empty(),
        "there is a module, or a problem"
    );
    for problem in &problems {
        assert_eq!(problem.path, source.path);
        assert!(
            !problem.message.contains("internal error") && !problem.message.contains("parser failed"),
            "{problem:?}"
        );
    }
    in_range(&source.text, &facts);
    (facts, problems)
}

/// Every position lies in the text, on the boundary of a character.
fn in_range(text: &str, facts: &FileFacts) {
    let lines = text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u32 + 1;
    let check = |span: Span| {
        assert!(
            text.get(span.start as usize..span.end as usize).is_some(),
            "{span:?} of {}",
            text.len()
        );
        assert!(
            (1..=lines).contains(&span.line) && (1..=lines).contains(&span.end_line),
            "{span:?} of {lines} lines"
        );
        assert!(span.column >= 1 && span.end_column >= 1, "{span:?}");
    };
    for function in &facts.functions {
        check(function.span);
        for call in &function.calls {
            check(call.span);
            call.args
                .iter()
                .filter(|argument| argument.span != Span::default())
                .for_each(|argument| check(argument.span));
        }
        regions(&function.body, &check);
    }
    facts.directives.iter().for_each(|directive| check(directive.span));
}

fn regions(region: &Region, check: &dyn Fn(Span)) {
    if region.span != Span::default() {
        check(region.span);
    }
    for node in &region.nodes {
        if let Node::Region(inner) = node {
            regions(inner, check);
        }
    }
}

/// The findings in facts, and the problems of the analysis.
fn analysed(files: Vec<FileFacts>, sources: &Sources, steps: u64) -> (Vec<Problem>, Vec<Finding>) {
    let options = Options {
        target: Target::default(),
        persona: Persona::Auditor,
        preview: true,
        extent: Extent::Acts,
        steps,
    };
    let mut ignores = Ignores::collect(&files, sources);
    let analysis = detect::analyse(files, sources, &Catalog::builtin(), &options);
    for problem in &analysis.problems {
        assert!(!problem.message.contains("internal error"), "{problem:?}");
    }
    let mut findings = analysis.findings;
    ignores.apply(&mut findings);
    let _problems = ignores.problems(|_| true);
    (analysis.problems, findings)
}

/// Findings and problems in every format.
fn rendered(findings: &[Finding], problems: &[Problem], sources: &Sources) {
    let summary = Summary {
        files: 1,
        parsed: 1,
        passed_over: PassedOver::default(),
        ..Summary::default()
    };
    let (target, base) = (Target::default(), Base::default());
    for (detail, pictures) in [(Detail::Quiet, true), (Detail::Verbose, true), (Detail::Normal, false)] {
        let report = Report {
            findings,
            problems,
            summary: &summary,
            target: &target,
            sources,
            packages: &[],
            base: &base,
            detail,
            pictures,
        };
        for format in [
            report::human,
            report::concise,
            report::github,
            report::sarif,
            report::gitlab,
            report::json,
            report::jsonl,
        ] {
            let text = format(&report);
            let plain = anstream::adapter::strip_str(&text).to_string();
            let steers = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
            assert!(!plain.contains(steers), "{plain:?}");
        }
    }
}

/// Bytes as a path pattern and, behind the first line feed, a path; `*` is a hole.
pub fn path_pattern(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, path) = text.split_once('\n').unwrap_or((&text, "a/b.py"));
    let pattern = pattern.replace('*', "\u{0}");
    let matches = model::path_matches(&pattern, path);
    // A path is matched by itself, by its end, and by a hole before its end.
    assert!(model::path_matches(path, path) || path.contains('\u{0}'), "{path:?}");
    if !path.contains('\u{0}') {
        let end = path.rsplit('/').next().unwrap_or(path);
        assert!(
            model::path_matches(end, path) && model::path_matches(&format!("\u{0}{end}"), path),
            "{path:?}"
        );
    }
    // A hole in front takes nothing away.
    assert!(
        !matches || model::path_matches(&format!("\u{0}{pattern}"), path),
        "{pattern:?} {path:?}"
    );
}

/// Bytes as a user's file of entries, and as a configuration with entries in it.
pub fn catalog_loader(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for read in [
        Catalog::with_user(&text, "envrace.toml"),
        Catalog::builtin().with_file(&text, "own.toml"),
    ] {
        match read {
            Ok(catalog) => assert!(catalog.iter().count() > 0),
            Err(error) => {
                let lines = text.matches('\n').count() as u32 + 1;
                assert!(
                    (1..=lines).contains(&error.line) && error.column >= 1 && error.width >= 1,
                    "{error:?}"
                );
                assert!(!error.message.is_empty());
            }
        }
    }
}

/// Bytes as comments that speak to envrace, in each language.
pub fn suppression(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for (language, open, close) in [
        (Language::Python, "#", ""),
        (Language::C, "/*", "*/"),
        (Language::Rust, "//", ""),
    ] {
        let mut lines = String::new();
        for line in text.lines() {
            lines += &format!("x = 1; {open} envrace: {line} {close}\n{open} envrace:{line}{close}\n");
        }
        let source = Source {
            path: RACE_PATHS[0].to_owned(),
            language,
            text: lines,
        };
        let facts = lowered(&source).0;
        let sources = Sources::new([source]);
        let mut ignores = Ignores::collect(&[facts], &sources);
        let mut findings = RACE.clone();
        ignores.apply(&mut findings);
        for finding in &findings {
            assert!(
                finding
                    .suppressed
                    .as_ref()
                    .is_none_or(|by| !by.reason.trim().is_empty())
            );
        }
        for problem in ignores.problems(|rule| rule != RuleCode::ER003) {
            assert!(problem.line.is_some_and(|line| line >= 1));
        }
    }
}

/// Bytes as an archive: the first says of which kind it is, and its file is `path`, which is written.
pub fn archive(bytes: &[u8], folder: &Path) {
    const ENDINGS: [&str; 7] = ["tar", "tar.gz", "tar.xz", "tar.bz2", "zip", "whl", "crate"];
    let (kind, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let ending = ENDINGS[usize::from(*kind) % ENDINGS.len()];
    let path = folder.join(format!("a.{ending}"));
    std::fs::write(&path, bytes).expect("the folder is the test's");
    let contents = input::read_archive(&path);
    let mut last: Option<&str> = None;
    for member in &contents.members {
        assert!(
            !member.name.starts_with('/') && !member.name.split('/').any(|part| part == ".."),
            "{}",
            member.name
        );
        assert!(
            last.is_none_or(|last| last < member.name.as_str()),
            "each name once, in order"
        );
        last = Some(&member.name);
        assert!(member.bytes.len() as u64 <= input::MAX_BYTES);
    }
    assert!(contents.problems.iter().all(|problem| !problem.message.is_empty()));
    let left: Vec<_> = std::fs::read_dir(folder)
        .expect("it is there")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert_eq!(left, std::slice::from_ref(&path), "nothing is written");
    std::fs::remove_file(path).expect("it was written");
}

const RACE_PATHS: [&str; 2] = ["race.py", "other.py"];

/// The findings of a small race, with chains and two files.
static RACE: LazyLock<Vec<Finding>> = LazyLock::new(|| {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        language: Language::Python,
        text: text.to_owned(),
    };
    let all = [
        source(
            "other.py",
            "import os\n\ndef work(lock):\n    with lock:\n        if os.system('cc'):\n            os._exit(1)\n\ndef change(name):\n    os.environ[name] = '1'\n",
        ),
        source(
            "race.py",
            "import threading\nfrom other import work, change\n\nlock = threading.Lock()\nthread = threading.Thread(target=work, args=(lock,))\nthread.start()\nfor name in 'ab':\n    change(name)\nthread.join()\n",
        ),
    ];
    let facts = all.iter().map(|source| frontend::lower(source).0).collect();
    let (_, findings) = analysed(facts, &Sources::new(all), STEPS);
    assert!(!findings.is_empty(), "there is a race to be told of");
    findings
});

/// Bytes as places and words of findings, and as the sources that they are about, drawn for people.
pub fn human_renderer(bytes: &[u8]) {
    let choices = &mut Choices::new(bytes);
    let mut findings = RACE.clone();
    for finding in &mut findings {
        let place = |location: &mut envrace::finding::Location, choices: &mut Choices| {
            if choices.flag() {
                location.path = RACE_PATHS[choices.below(2)].to_owned();
                (location.line, location.column) = (choices.number(), choices.number());
                (location.end_line, location.end_column) = (choices.number(), choices.number());
            }
        };
        place(&mut finding.mutation.location, choices);
        for thread in &mut finding.overlap.threads {
            place(&mut thread.start, choices);
            place(&mut thread.created, choices);
        }
        if let Some(partner) = &mut finding.partner {
            place(&mut partner.location, choices);
        }
        for step in &mut finding.mutation.chain {
            (step.line, step.column) = (choices.number(), choices.number());
            step.note = choices.text();
        }
        if let Some(status) = &mut finding.status {
            status.line = choices.number();
        }
        for word in [
            &mut finding.message,
            &mut finding.help,
            &mut finding.mutation.function,
            &mut finding.mutation.api,
        ] {
            if choices.flag() {
                *word = choices.text();
            }
        }
        finding.interleaving = (0..choices.below(4)).map(|_| choices.text()).collect();
        finding.partners_omitted = choices.number();
    }
    let mut texts = [String::new(), String::new()];
    while let text = choices.text()
        && !text.is_empty()
    {
        texts[choices.below(2)] += &text;
    }
    let sources = RACE_PATHS.iter().zip(texts).map(|(path, text)| Source {
        path: (*path).to_owned(),
        language: Language::Python,
        text,
    });
    rendered(&findings, &[], &Sources::new(sources));
}

/// Bytes as facts of a tree.
pub fn facts_to_findings(bytes: &[u8]) {
    let choices = &mut Choices::new(bytes);
    let files = choices::files(choices);
    let sources = Sources::new(files.iter().map(|file| Source {
        path: file.path.clone(),
        language: file.language,
        text: choices::TEXT.to_owned(),
    }));
    let (problems, findings) = analysed(files.clone(), &sources, STEPS);
    let (_, again) = analysed(files, &sources, STEPS);
    assert_eq!(findings, again, "the same facts are the same findings");
    rendered(&findings, &problems, &sources);
}

/// Bytes as a log, or what strace wrote.
pub fn log(bytes: &[u8]) {
    let mut reader = Reader::default();
    for line in String::from_utf8_lossy(bytes).lines() {
        reader.line(line);
    }
    let _log = reader.finish();
}
