//! What the catalog says of this machine, held against this machine: six cells of the matrix, one of them on musl where
//! musl-gcc is installed, and a fixture from its analysis to its evidence. `envrace measure` does all cells and prints
//! them as a document.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use envrace::confirm::ConfirmOptions;
use envrace::confirm::matrix::{Agreement, Cell, Claim, Mark, Measured, Measurer, cells, measure_musl, musl_version};
use envrace::facts::Language;
use envrace::knowledge::{Catalog, Entry, LibcKind, MatchKind, Role, Target};
use serde_json::Value;

fn measurer() -> Measurer {
    Measurer::new(&ConfirmOptions {
        helper: Some(PathBuf::from(env!("CARGO_BIN_EXE_envrace"))),
        // Only a machine that does much else needs it: what is common fails in milliseconds.
        budget: Duration::from_secs(4),
        ..ConfirmOptions::default()
    })
}

/// The one cell of this name.
fn cell(language: Language, target: &Target, name: &str) -> Cell {
    let mut found = cells(language, target, name);
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found.remove(0)
}

fn measure(language: Language, name: &str) -> (Cell, Measured) {
    let measurer = measurer();
    let target = measurer
        .target()
        .expect("this machine's libc and interpreter are known");
    let cell = cell(language, &target, name);
    let measured = measurer.measure(&cell);
    (cell, measured)
}

/// What is said to be common on this machine is seen, and the controls are clean; whatever is said, nothing contradicts it.
fn assert_agrees(cell: &Cell, measured: &Measured) {
    if measured.agreement == Agreement::CannotRun {
        eprintln!("SKIPPED: {}", measured.note);
        return;
    }
    assert_ne!(measured.agreement, Agreement::Contradicts, "{cell:?}: {measured:?}");
    if (cell.claim, cell.mark) == (Claim::Memory, Mark::Common) {
        assert_eq!(measured.agreement, Agreement::Agrees, "{cell:?}: {measured:?}");
        assert!(
            measured.shown.failures > 0 && measured.shown.controls == Some(0),
            "{measured:?}"
        );
    }
}

#[test]
fn setenv_beside_system() {
    let (cell, measured) = measure(Language::C, "setenv(k, \"v\", 1); beside system(k);");
    assert_agrees(&cell, &measured);
}

#[test]
fn setenv_beside_getenv() {
    let (cell, measured) = measure(Language::C, "setenv(k, \"v\", 1); beside getenv(k);");
    assert_agrees(&cell, &measured);
}

#[test]
fn an_environment_of_its_own_in_python() {
    let name = "os.environ[k] = 'v' beside subprocess.run(['/bin/true'], env={'A': 'b'})";
    let (cell, measured) = measure(Language::Python, name);
    assert_eq!(cell.claim, Claim::Nothing);
    assert_agrees(&cell, &measured);
    assert_eq!(measured.shown.failures, 0, "{measured:?}");
}

#[test]
fn os_environ_beside_os_system() {
    let (cell, measured) = measure(Language::Python, "os.environ[k] = 'v' beside os.system(k)");
    assert_agrees(&cell, &measured);
}

#[test]
fn the_standard_library_beside_itself() {
    let name = "std::env::set_var(name, \"v\"); beside let _ = Command::new(\"/bin/true\").status();";
    let (cell, measured) = measure(Language::Rust, name);
    assert_ne!(cell.claim, Claim::Memory);
    assert_agrees(&cell, &measured);
    assert_eq!(measured.shown.failures, 0, "{measured:?}");
}

#[test]
fn setenv_beside_posix_spawn_on_musl() {
    let version = match musl_version() {
        Ok(version) => version,
        Err(reason) => return eprintln!("SKIPPED: {reason}"),
    };
    let minor: Vec<&str> = version.split('.').take(2).collect();
    let target = Target::parse(&format!("libc=musl-{}", minor.join("."))).expect("musl is known");
    let cell = cell(Language::C, &target, "setenv(k, \"v\", 1); beside posix_spawn(");
    assert_eq!(cell.claim, Claim::Memory);
    let measured = measure_musl(&cell, 20);
    assert_agrees(&cell, &measured);
    assert!(measured.shown.harms_memory(), "{measured:?}");
}

/// Which of Python's calls look at `TZ` whenever they are made, asked of this machine's interpreter and C library: after the
/// call, the hour of the epoch is that of the variable as it was set last.
#[test]
fn python_looks_at_tz_in_the_calls_that_the_catalog_names() {
    let script = "import datetime, os, platform, time\n\
                  calls = {'time.tzset': time.tzset, 'time.mktime': lambda: time.mktime(time.gmtime()),\n\
                  'time.localtime': time.localtime, 'time.ctime': time.ctime, 'time.strftime': lambda: time.strftime('%Z'),\n\
                  'datetime.datetime.now': datetime.datetime.now, 'datetime.date.today': datetime.date.today,\n\
                  'datetime.datetime.today': datetime.datetime.today,\n\
                  'datetime.datetime.fromtimestamp': lambda: datetime.datetime.fromtimestamp(0)}\n\
                  print(platform.libc_ver()[0])\n\
                  for name, call in calls.items():\n    \
                  os.environ['TZ'] = 'UTC0'\n    time.tzset()\n    os.environ['TZ'] = 'FAR-9'\n    call()\n    \
                  print(name, time.localtime(0).tm_hour == 9)\n";
    let asked = Command::new("python3").args(["-I", "-c", script]).output();
    let Ok(output) = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()) else {
        return eprintln!("SKIPPED: there is no python3");
    };
    let mut lines = output.lines();
    if lines.next() != Some("glibc") {
        return eprintln!("SKIPPED: python3 is not one of glibc");
    }
    let catalog = Catalog::builtin();
    let on_glibc = |entry: &Entry| entry.when.libc.is_none_or(|(kind, _)| kind == LibcKind::Glibc);
    let mut reading = Vec::new();
    for line in lines {
        let (name, looks) = line.split_once(' ').expect("a name and an answer");
        let entries = catalog.lookup(Language::Python, MatchKind::Call, name).iter();
        let mut reads = entries
            .map(|id| catalog.entry(*id))
            .filter(|entry| matches!(entry.role, Role::Read { .. }));
        assert_eq!(reads.any(on_glibc), looks == "True", "{name}");
        reading.extend((looks == "True").then_some(name));
    }
    assert_eq!(reading, ["time.tzset", "time.mktime"]);
}

/// The pattern of uWSGI 2.0.21's build, which calls `subprocess` without `env=`: what the analysis says of this machine's
/// interpreter is what its replay shows.
#[test]
fn subprocess_without_an_environment_is_what_the_interpreter_makes_of_it() {
    let measurer = measurer();
    if let Err(reason) = measurer.python() {
        return eprintln!("SKIPPED: {reason}");
    }
    let machine = measurer.machine();
    let runtime = machine.runtime.expect("there is an interpreter");
    let version = runtime.split(' ').nth(1).expect("CPython and a version");
    let spec = format!("libc={},python={version}", machine.libc.replace(' ', "-"));
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/python/racy/spawn_forms/shell.py");
    let output = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args([
            "confirm",
            "--isolated",
            "--no-keep",
            "--format",
            "json",
            "--budget",
            "4",
            "--target",
            &spec,
        ])
        .arg(fixture)
        .output()
        .expect("the program under test exists");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a JSON document");
    let findings = document["findings"].as_array().expect("a list");
    assert!(!findings.is_empty(), "{document}");
    for finding in findings {
        let (effect, verdict) = (&finding["effect"], &finding["confirmation"]["verdict"]);
        assert_eq!(effect == "memory", verdict == "confirmed", "{runtime}: {finding}");
        if version == "3.11.7" && machine.libc == "glibc 2.36" {
            assert_eq!(effect, "memory", "{finding}");
        }
    }
}

/// The cells of a language that a document's table must hold: as it writes them, with what the catalog says now.
fn said_now(language: Language, target: &str) -> Vec<(String, String, &'static str)> {
    let target = Target::parse(target).expect("the document names versions that exist");
    let written = |code: &str| format!("`{}`", code.replace('|', "/").trim_end_matches(';'));
    let cells = cells(language, &target, "");
    let row = |cell: &Cell| (written(cell.mutation), written(cell.partner), cell.claim.name());
    cells.iter().map(row).collect()
}

/// docs/knowledge.md holds every cell, with the verdict that the catalog gives today, and nothing in it contradicts one.
#[test]
fn the_document_of_the_whole_matrix_is_about_this_catalog() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/knowledge.md");
    let document = std::fs::read_to_string(path).expect("the document is part of the repository");
    assert!(
        !document.contains("CONTRADICTS"),
        "a measurement contradicts the catalog"
    );
    let mut sections = 0;
    for section in document.split("\n## ").skip(1) {
        let (heading, table) = section.split_once('\n').expect("a heading stands on a line of its own");
        let version = |word: &str| {
            let at = heading.find(word)? + word.len();
            let rest = heading[at..].trim_start();
            Some(rest.split([' ', ',']).next().unwrap_or(rest).to_owned())
        };
        let libc = match (version("glibc"), version("musl")) {
            (Some(glibc), _) => format!("libc=glibc-{glibc}"),
            (None, Some(musl)) => format!(
                "libc=musl-{}",
                musl.rsplit_once('.').map_or(musl.as_str(), |parts| parts.0)
            ),
            (None, None) => panic!("{heading} names no C library"),
        };
        let (language, target) = match heading.split(' ').next() {
            Some("C") => (Language::C, libc),
            Some("Rust") => (Language::Rust, libc),
            Some("CPython") => {
                let python = version("CPython").expect("an interpreter is named");
                (Language::Python, format!("{libc},python={python}"))
            }
            _ => panic!("{heading} begins with no language"),
        };
        let rows: Vec<(String, String, String)> = table
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                let mut cells = line.split(" | ").map(|cell| cell.trim_start_matches("| ").to_owned());
                let mut next = || cells.next().expect("a row has three cells");
                (next(), next(), next())
            })
            .collect();
        let now = said_now(language, &target);
        assert_eq!(
            rows.len(),
            now.len(),
            "{heading}: cells are missing; `envrace measure` makes the document"
        );
        for ((mutation, partner, says), (known_mutation, known_partner, claim)) in rows.iter().zip(&now) {
            assert_eq!((mutation, partner), (known_mutation, known_partner), "{heading}");
            assert_eq!(
                says, claim,
                "{heading}: {mutation} beside {partner} is judged otherwise now"
            );
        }
        sections += 1;
    }
    assert!(sections >= 3, "each language has a table");
}
