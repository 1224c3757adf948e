//! The C and Rust fixtures are programs: a compiler accepts them.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::fixtures::{Theme, themes};
use support::parallel;

/// The themes of a language that are to be compiled.
fn compiled(language: &str) -> Vec<Theme> {
    let found: Vec<Theme> = themes()
        .into_iter()
        .filter(|theme| theme.language == language && theme.skipped("COMPILE.skip").is_none())
        .collect();
    assert!(found.len() > 50, "only {} {language} fixtures found", found.len());
    found
}

/// Whether the compiler can be started; says so where it cannot.
fn there_is(compiler: &str) -> bool {
    let there = Command::new(compiler).arg("--version").output().is_ok();
    if !there {
        eprintln!("SKIPPED: there is no {compiler} on this machine, so its fixtures were not compiled");
    }
    there
}

/// What the compiler says against a program, if it refuses it.
fn refused(command: &mut Command, program: &Path) -> Option<String> {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Some(format!("{}: {error}", program.display())),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    (!output.status.success()).then(|| format!("{}:\n{said}", program.display()))
}

#[test]
fn c_fixtures_compile() {
    if !there_is("cc") {
        return;
    }
    let failures = parallel::failures(&compiled("c"), |theme| {
        let mut command = Command::new("cc");
        command.args(["-pthread", "-fsyntax-only"]).current_dir(&theme.folder);
        if let Some(flags) = theme.skipped("COMPILE.flags") {
            command.args(flags.split_whitespace());
        }
        command.args(
            theme
                .files()
                .iter()
                .map(|(path, _)| path)
                .filter(|path| path.ends_with(".c")),
        );
        refused(&mut command, &theme.folder)
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn rust_fixtures_compile() {
    if !there_is("rustc") {
        return;
    }
    let output = tempfile::tempdir().expect("a temporary folder can be made");
    let failures = parallel::failures(&compiled("rust"), |theme| {
        let mut command = Command::new("rustc");
        command.args(["--edition", "2021", "--emit", "metadata"]);
        let main = ["main.rs", "src/main.rs"]
            .iter()
            .map(|path| theme.folder.join(path))
            .find(|path| path.exists());
        let source: PathBuf = main.unwrap_or_else(|| {
            command.arg("--test");
            theme.folder.join("src/lib.rs")
        });
        command
            .arg("-o")
            .arg(output.path().join(format!("{}-{}", theme.side, theme.name)));
        command.arg(source);
        refused(&mut command, &theme.folder)
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
