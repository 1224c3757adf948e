//! What the catalog says of this machine, held against this machine: six cells of the matrix, one of them on musl where
//! musl-gcc is installed, and a fixture from its analysis to its evidence. `envrace measure` does all cells and prints
//! them as a document.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use envrace::confirm::ConfirmOptions;
use envrace::confirm::matrix::{Agreement, Cell, Claim, Mark, Measured, Measurer, cells, measure_musl, musl_version};
use envrace::facts::Language;
use envrace::knowledge::Target;
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
