//! What a finding claims is what happens: the racy fixtures of ER001 and ER002 run under the observer with an active
//! hold, and the effect is seen; their safe twins run as long, and nothing is.
//!
//! The chosen few of [`CHOSEN`] always run; all of them with
//! `cargo test --profile fast --test soundness -- --ignored --nocapture`, which prints the table of docs/soundness.md; with
//! `ENVRACE_THEMES=c/fork_exec,python/flag_done` its rows for these alone.

mod support;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use envrace::confirm::{Subject, Witness, WitnessError, witness};
use support::fixtures::{Theme, themes};
use support::parallel;

/// What a fixture is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// `execve` fails with EFAULT: it was given an array that was freed meanwhile.
    Fault,
    /// A thread read an array that was freed: it crashed, or it was held behind its load of the array's address and the
    /// array's memory was used for something else.
    FreedRead,
    /// The array moved while a child or a thread was about to read it.
    Moved,
    /// The array's entries changed where they are while a child was about to be started with them.
    InPlace,
}

impl Claim {
    fn words(self) -> &'static str {
        match self {
            Claim::Fault => "EFAULT",
            Claim::FreedRead => "freed array read",
            Claim::Moved => "array moved",
            Claim::InPlace => "changed in place",
        }
    }

    fn is_seen(self, witness: &Witness) -> bool {
        let crashed = matches!(witness.signal, Some(libc::SIGSEGV | libc::SIGBUS | libc::SIGABRT));
        match self {
            Claim::Fault => witness.faults > 0,
            Claim::FreedRead => crashed || witness.reads.reused > 0,
            Claim::Moved => crashed || witness.faults + witness.spawns.moved + witness.reads.moved > 0,
            Claim::InPlace => witness.in_place > 0,
        }
    }
}

/// Anything that a race could show: a safe program must show none of it.
fn shows_anything(witness: &Witness) -> bool {
    let changed = witness.spawns.moved + witness.reads.moved + witness.in_place;
    witness.faults + changed > 0 || witness.signal.is_some() || witness.hung
}

/// Themes that claim something else than the rule's usual effect, and why.
///
/// A deletion harms a spawn when it meets the kernel between its two passes over the array, inside `execve`, where
/// nothing can be held; what can be held is the child before it, and then the change is seen. How often the harm itself
/// comes about is in docs/soundness.md.
const INSTEAD: [(&str, Claim, &str); 11] = [
    (
        "c/array_back",
        Claim::InPlace,
        "an entry is replaced in the array itself",
    ),
    (
        "c/handed_array",
        Claim::InPlace,
        "an entry is taken out of the array itself",
    ),
    (
        "c/macro_function",
        Claim::InPlace,
        "one variable comes and goes: the array shrinks and grows where it is",
    ),
    (
        "python/augmented",
        Claim::InPlace,
        "an overwriting, which is unsafe on musl alone",
    ),
    (
        "python/context_class",
        Claim::InPlace,
        "one variable comes and goes: the array shrinks and grows where it is",
    ),
    ("python/context_generator", Claim::InPlace, "a deletion"),
    (
        "python/context_super",
        Claim::InPlace,
        "one variable comes and goes: the array shrinks and grows where it is",
    ),
    ("rust/decoy_lock", Claim::InPlace, "a deletion"),
    ("rust/drop_derived", Claim::InPlace, "a deletion"),
    ("rust/drop_mutates", Claim::InPlace, "a deletion"),
    (
        "rust/raii_guard",
        Claim::InPlace,
        "one variable comes and goes: the array shrinks and grows where it is",
    ),
];

/// Themes whose skip files speak of the other tests alone: those build with rustc and want status 0.
const RUN_HERE: [&str; 4] = [
    "python/silent_exit",
    "rust/ffi_c",
    "rust/library_by_name",
    "rust/workspace",
];

/// Themes whose child shares the interpreter's memory in some releases of CPython only: those that start it with vfork
/// and without the GIL.
const VFORK: [&str; 5] = [
    "python/handed_mapping",
    "python/keywords_through",
    "python/property_cached",
    "python/spawn_forms",
    "python/subprocess_env",
];

/// One theme for each way in which a mutation meets a spawn or a read.
const CHOSEN: [&str; 20] = [
    "c/direct_popen",
    "c/direct_system",
    "c/environ_assign",
    "c/environ_walk",
    "c/fork_exec",
    "c/getenv_setenv",
    "c/hidden_reads",
    "c/lock_late",
    "c/macro_function",
    "c/posix_spawn",
    "c/vfork_exec",
    "python/context_generator",
    "python/hidden_read",
    "python/subprocess_env",
    "python/thread_target",
    "rust/c_getenv",
    "rust/c_setenv",
    "rust/drop_mutates",
    "rust/resolver",
    "rust/spawn_system",
];

/// Runs of each program, and how many of them must show what is claimed.
const RUNS: usize = 10;
const ENOUGH: usize = 8;
/// A run starts the program with so many environment sizes at most, each of one variable more, until it shows what is
/// claimed: whether an addition moves the array depends on its size.
const SIZES: usize = 8;
/// The longest that a child or a thread is held.
const HOLD: Duration = Duration::from_millis(5);
/// A hanging program is killed after this time. Far above what any of them needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Folders with the compiled programs, and what is on this machine.
struct Bench {
    folder: tempfile::TempDir,
    /// The interpreter, and whether its children share its memory without the GIL.
    python: Option<(PathBuf, bool)>,
    cc: bool,
    rustc: bool,
    /// The libc frees the array that an addition leaves.
    frees: bool,
}

/// One program of a theme, ready to run.
#[derive(Debug, Clone)]
struct Program {
    name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: PathBuf,
    /// Started with a locale.
    locale: bool,
}

/// A racy program, its twins, and what is claimed.
struct Row {
    theme: String,
    racy: Program,
    twins: Vec<Program>,
    claim: Claim,
}

/// What the runs of a row showed.
#[derive(Debug, Default)]
struct Result {
    seen: usize,
    runs: usize,
    starts: usize,
    twin_seen: usize,
    twin_starts: usize,
    crashes: usize,
    faults: u64,
}

fn answers(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        eprintln!("SKIPPED: there is no {program} on this machine, so its fixtures were not run");
    }
    there
}

/// What a command printed.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The interpreter behind `python3`, and whether it is one that starts children with vfork and without the GIL.
fn interpreter() -> Option<(PathBuf, bool)> {
    let script = "import sys; print(sys.executable); print(sys.version_info[:2] in [(3, 11), (3, 12)])";
    let said = said(Command::new("python3").args(["-c", script]));
    let (program, vfork) = match said.as_deref().and_then(|said| said.split_once('\n')) {
        Some((program, vfork)) => (PathBuf::from(program), vfork == "True"),
        None => {
            eprintln!("SKIPPED: there is no python3 on this machine, so its fixtures were not run");
            return None;
        }
    };
    if !vfork {
        eprintln!("SKIPPED: this python3 starts children in a way of its own, so {VFORK:?} were not run");
    }
    Some((program, vfork))
}

/// glibc before 2.41 frees the array that an addition leaves.
fn libc_frees() -> bool {
    let version = said(Command::new("getconf").arg("GNU_LIBC_VERSION")).unwrap_or_default();
    let minor = version
        .strip_prefix("glibc 2.")
        .and_then(|minor| minor.parse::<u32>().ok());
    minor.is_some_and(|minor| minor < 41)
}

impl Bench {
    fn new() -> Bench {
        Bench {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            python: interpreter(),
            cc: answers("cc"),
            rustc: answers("rustc"),
            frees: libc_frees(),
        }
    }

    fn can_run(&self, theme: &Theme) -> bool {
        match theme.language.as_str() {
            "python" => match self.python {
                Some((_, vfork)) => vfork || !VFORK.contains(&name_of(theme).as_str()),
                None => false,
            },
            "c" => self.cc,
            _ => self.rustc,
        }
    }

    /// The programs of a theme, which is the racy one or its twin, compiled where they have to be.
    fn programs(&self, theme: &Theme, racy: &Theme) -> Vec<Program> {
        if theme.language == "python" {
            let (interpreter, _) = self.python.as_ref().expect("the theme can run");
            let programs = theme.python_programs();
            let locale = reads(racy);
            return programs
                .into_iter()
                .map(|path| Program {
                    name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                    program: interpreter.clone(),
                    arguments: vec!["-B".into(), path.into_os_string()],
                    folder: theme.folder.clone(),
                    locale,
                })
                .collect();
        }
        let output = self
            .folder
            .path()
            .join(format!("{}-{}-{}", theme.language, theme.side, theme.name));
        let program = if theme.language == "c" {
            compile_c(theme, &output);
            output
        } else {
            compile_rust(theme, &output)
        };
        vec![Program {
            name: String::new(),
            program,
            arguments: Vec::new(),
            folder: theme.folder.clone(),
            locale: false,
        }]
    }

    /// The claim of a theme on this machine.
    fn claim(&self, theme: &Theme) -> Claim {
        let name = name_of(theme);
        if let Some((_, claim, _)) = INSTEAD.iter().find(|(instead, _, _)| *instead == name) {
            return *claim;
        }
        match (self.frees, reads(theme)) {
            (false, _) => Claim::Moved,
            (true, true) => Claim::FreedRead,
            (true, false) => Claim::Fault,
        }
    }

    /// The rows of the themes that are wanted and can run here.
    fn rows(&self, wanted: &dyn Fn(&str) -> bool) -> Vec<Row> {
        let all = themes();
        let mut rows = Vec::new();
        for racy in claimed(&all).filter(|theme| wanted(&name_of(theme)) && self.can_run(theme)) {
            let twin = all
                .iter()
                .find(|theme| theme.side == "safe" && (&theme.language, &theme.name) == (&racy.language, &racy.name))
                .unwrap_or_else(|| panic!("{} has no safe twin", name_of(racy)));
            let twins = self.programs(twin, racy);
            for program in self.programs(racy, racy) {
                let same: Vec<Program> = twins.iter().filter(|twin| twin.name == program.name).cloned().collect();
                rows.push(Row {
                    theme: name_of(racy),
                    twins: if same.is_empty() { twins.clone() } else { same },
                    claim: self.claim(racy),
                    racy: program,
                });
            }
        }
        rows
    }
}

/// Whether a racy theme claims that a read goes wrong.
fn reads(racy: &Theme) -> bool {
    racy.markers().iter().any(|marker| marker.code == "ER002")
}

/// `c/direct_system`.
fn name_of(theme: &Theme) -> String {
    format!("{}/{}", theme.language, theme.name)
}

/// Why a theme's programs cannot run on a machine with a compiler and an interpreter alone: a file of the theme or of its
/// twin says so.
fn cannot_run(all: &[Theme], theme: &Theme) -> Option<String> {
    if RUN_HERE.contains(&name_of(theme).as_str()) {
        return None;
    }
    let same = |other: &&Theme| (&other.language, &other.name) == (&theme.language, &theme.name);
    let reason = |theme: &Theme| theme.skipped("COMPILE.skip").or_else(|| theme.skipped("RUN.skip"));
    all.iter().filter(same).find_map(reason)
}

/// The racy themes with a finding of ER001 or ER002.
fn racy_themes(all: &[Theme]) -> impl Iterator<Item = &Theme> {
    all.iter().filter(|theme| {
        let demands = |code: &str| {
            theme
                .markers()
                .iter()
                .any(|marker| marker.demanded && marker.code == code)
        };
        theme.side == "racy" && (demands("ER001") || demands("ER002"))
    })
}

/// Those of them whose programs can run.
fn claimed(all: &[Theme]) -> impl Iterator<Item = &Theme> {
    racy_themes(all).filter(|theme| cannot_run(all, theme).is_none())
}

fn run_compiler(command: &mut Command, theme: &Theme) {
    let output = command.output().expect("the compiler was there a moment ago");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{said}", theme.folder.display());
}

fn files_with(theme: &Theme, extension: &str) -> Vec<String> {
    let files = theme.files().into_iter().map(|(path, _)| path);
    files.filter(|path| path.ends_with(extension)).collect()
}

fn compile_c(theme: &Theme, output: &Path) {
    let mut command = Command::new("cc");
    command.arg("-pthread").current_dir(&theme.folder);
    if let Some(flags) = theme.skipped("COMPILE.flags") {
        command.args(flags.split_whitespace());
    }
    run_compiler(command.args(files_with(theme, ".c")).arg("-o").arg(output), theme);
}

/// The name in a package's manifest.
fn package(theme: &Theme) -> String {
    let manifest = std::fs::read_to_string(theme.folder.join("Cargo.toml")).expect("a package has a manifest");
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = "));
    name.expect("a package has a name").trim_matches('"').to_owned()
}

/// Compiles with rustc, with the C files of the theme where it has any; what has several crates with cargo, from a copy, for
/// cargo writes beside the sources. Returns the program.
fn compile_rust(theme: &Theme, output: &Path) -> PathBuf {
    let of_package = theme.folder.join("src/lib.rs").exists() && theme.folder.join("src/main.rs").exists();
    if of_package || theme.folder.join("app").exists() {
        for (path, text) in theme.files() {
            let file = output.join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(output)).expect("the folder is ours");
            std::fs::write(file, text).expect("the folder is ours");
        }
        let mut command = Command::new(env!("CARGO"));
        // The target folder of the test's own build is locked and not wanted.
        command
            .env("CARGO_TARGET_DIR", output.join("target"))
            .current_dir(output);
        run_compiler(command.args(["build", "--offline", "--quiet"]), theme);
        let program = if of_package { package(theme) } else { "app".to_owned() };
        return output.join("target/debug").join(program);
    }
    let main = ["main.rs", "src/main.rs"].iter().map(|path| theme.folder.join(path));
    let main = main
        .into_iter()
        .find(|path| path.exists())
        .expect("a Rust theme has a main file");
    let mut command = Command::new("rustc");
    command
        .args(["--edition", "2021", "-A", "warnings"])
        .arg(main)
        .arg("-o")
        .arg(output);
    for (number, source) in files_with(theme, ".c").iter().enumerate() {
        let object = output.with_extension(format!("{number}.o"));
        let mut compile = Command::new("cc");
        compile
            .args(["-c", source])
            .current_dir(&theme.folder)
            .arg("-o")
            .arg(&object);
        run_compiler(&mut compile, theme);
        command.arg("-C").arg(format!("link-arg={}", object.display()));
    }
    run_compiler(&mut command, theme);
    output.to_owned()
}

/// Starts a program once, with so many more variables.
fn start(program: &Program, size: usize) -> std::result::Result<Witness, WitnessError> {
    // No locale, as in a container or under cron: CPython then sets LC_CTYPE itself when it starts (PEP 538), so that the
    // array is no longer the kernel's, which nobody ever frees, when the program's own code begins.
    let mut environment: Vec<(OsString, OsString)> = vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
    // A read is only met by a thread that is held behind its load of the array's address, which takes an array that is the
    // kernel's until the first thread starts.
    if program.locale {
        environment.push(("LC_ALL".into(), "C".into()));
    }
    environment.extend((0..size).map(|number| (format!("SIZE_{number}").into(), "x".into())));
    let subject = Subject {
        program: program.program.clone(),
        arguments: program.arguments.clone(),
        environment,
        folder: program.folder.clone(),
        hold: HOLD,
        patience: PATIENCE,
    };
    witness(Path::new(env!("CARGO_BIN_EXE_envrace")), &subject)
}

/// Runs a row's programs; stops early where the outcome is certain, unless `all`.
fn run(row: &Row, all: bool) -> std::result::Result<Result, String> {
    let mut result = Result::default();
    let failed = |program: &Program, error: WitnessError| format!("{} {}: {error}", row.theme, program.name);
    while result.runs < RUNS && (all || result.seen < ENOUGH) {
        result.runs += 1;
        let begun = Instant::now();
        for size in 0..SIZES {
            let witness = start(&row.racy, size).map_err(|error| failed(&row.racy, error))?;
            result.starts += 1;
            result.faults += witness.faults;
            result.crashes += usize::from(witness.signal.is_some());
            if row.claim.is_seen(&witness) {
                result.seen += 1;
                break;
            }
        }
        let took = begun.elapsed();
        let begun = Instant::now();
        let mut showed = false;
        let mut size = 0;
        while size == 0 || begun.elapsed() < took {
            for twin in &row.twins {
                let witness = start(twin, size % SIZES).map_err(|error| failed(twin, error))?;
                result.twin_starts += 1;
                if shows_anything(&witness) {
                    showed = true;
                    eprintln!("{} {}: the safe twin shows {witness:?}", row.theme, twin.name);
                }
            }
            size += 1;
        }
        result.twin_seen += usize::from(showed);
    }
    Ok(result)
}

/// Whether anything can be observed here; says so where it cannot.
fn can_observe() -> bool {
    let nothing = Program {
        name: "true".to_owned(),
        program: PathBuf::from("/bin/true"),
        arguments: Vec::new(),
        folder: PathBuf::from("/"),
        locale: false,
    };
    match start(&nothing, 0) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("SKIPPED: {error}, so no fixture was run");
            false
        }
    }
}

/// Runs the wanted rows and returns what is wrong, with the lines of the table.
fn check(wanted: &dyn Fn(&str) -> bool, all: bool) -> (Vec<String>, Vec<String>) {
    let bench = Bench::new();
    let rows = bench.rows(wanted);
    assert!(!rows.is_empty() || !(bench.cc || bench.rustc || bench.python.is_some()));
    let lines = Mutex::new(Vec::new());
    let failures = parallel::failures(&rows, |row| {
        let result = match run(row, all) {
            Ok(result) => result,
            Err(error) => return Some(error),
        };
        let name = format!("{} {}", row.theme, row.racy.name);
        let line = format!(
            "| {} | {} | {} of {} | {} | {} | {} | {} of {} | {} |",
            name.trim().trim_end_matches(" main.py"),
            row.claim.words(),
            result.seen,
            result.runs,
            result.starts,
            result.faults,
            result.crashes,
            result.twin_seen,
            result.runs,
            result.twin_starts,
        );
        // As they come, for the whole takes its time.
        eprintln!("{line}");
        lines.lock().expect("nothing panics with the lock held").push(line);
        let wrong = result.seen < ENOUGH || result.twin_seen > 0;
        wrong.then(|| format!("{name}: {:?}, {result:?}", row.claim))
    });
    let mut lines = lines.into_inner().expect("all threads have ended");
    lines.sort();
    (failures, lines)
}

#[test]
fn the_chosen_racy_fixtures_show_what_is_claimed_and_their_twins_nothing() {
    if !can_observe() {
        return;
    }
    let (failures, _) = check(&|theme| CHOSEN.contains(&theme), false);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
#[ignore = "runs every fixture ten times, a quarter of an hour: the table of docs/soundness.md"]
fn every_racy_fixture_shows_what_is_claimed_and_its_twin_nothing() {
    if !can_observe() {
        return;
    }
    let themes = std::env::var("ENVRACE_THEMES").ok();
    let is_wanted = |name: &str| {
        themes
            .as_ref()
            .is_none_or(|themes| themes.split(',').any(|theme| theme == name))
    };
    let (failures, lines) = check(&is_wanted, true);
    println!("| fixture | claimed | seen | starts | EFAULT | crashes | twin | starts |");
    println!("|---|---|---|---|---|---|---|---|\n{}", lines.join("\n"));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_theme_is_checked_or_says_why_it_cannot_run() {
    let all = themes();
    let checked: BTreeSet<String> = claimed(&all).map(name_of).collect();
    assert!(checked.len() > 120, "only {} themes are checked", checked.len());
    for name in CHOSEN
        .iter()
        .chain(INSTEAD.iter().map(|(name, _, _)| name))
        .chain(&VFORK)
        .chain(&RUN_HERE)
    {
        assert!(checked.contains(*name), "{name} is no racy theme of ER001 or ER002");
    }
}

#[test]
fn the_page_has_a_row_for_every_checked_theme_and_names_those_that_cannot_run() {
    let page = include_str!("../docs/soundness.md");
    let (above, table) = page.split_once("\n## The runs\n").expect("the table has a heading");
    let (_, not_run) = above.split_once("\n## Not run\n").expect("the others have a heading");
    let after = |text: &str, opening: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(opening));
        let names = lines.filter_map(|line| line.split([' ', '`']).next());
        names.filter(|name| name.contains('/')).map(str::to_owned).collect()
    };
    let all = themes();
    let checked: BTreeSet<String> = claimed(&all).map(name_of).collect();
    let skipped: BTreeSet<String> = racy_themes(&all)
        .map(name_of)
        .filter(|name| !checked.contains(name))
        .collect();
    let compare = |what: &str, page: BTreeSet<String>, fixtures: BTreeSet<String>| {
        let missing: Vec<_> = fixtures.difference(&page).collect();
        let stale: Vec<_> = page.difference(&fixtures).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "{what}: missing {missing:?}, too many {stale:?}"
        );
    };
    compare("the table", after(table, "| "), checked);
    compare("what is not run", after(not_run, "* `"), skipped);
}
