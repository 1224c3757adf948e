//! The program that envrace was made for: the build script of uWSGI, whose compiler threads call `os.system` while the
//! main thread runs the plugins' scripts, some of which change `os.environ`.
//!
//! The packages are fetched once, by exact version, with pip; where that fails, the tests say so and pass. All lines that
//! are named here were read in the packages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex};

use serde_json::Value;

/// Plugin scripts of 2.0.20 with a line that may add a variable.
const ADDING: [(&str, u64); 6] = [
    ("plugins/python/uwsgiplugin.py", 65),
    ("plugins/php/uwsgiplugin.py", 22),
    ("plugins/rack/uwsgiplugin.py", 49),
    ("plugins/ruby19/uwsgiplugin.py", 43),
    ("plugins/jvm/uwsgiplugin.py", 71),
    ("plugins/pyuwsgi/uwsgiplugin.py", 4),
];

/// `os.environ[k] += v` only overwrites.
const OVERWRITING: (&str, u64) = ("plugins/jvm/uwsgiplugin.py", 69);

/// The same of 2.0.21.
const ADDING_21: [(&str, u64); 6] = [
    ("plugins/python/uwsgiplugin.py", 67),
    ("plugins/php/uwsgiplugin.py", 22),
    ("plugins/rack/uwsgiplugin.py", 49),
    ("plugins/ruby19/uwsgiplugin.py", 43),
    ("plugins/jvm/uwsgiplugin.py", 72),
    ("plugins/pyuwsgi/uwsgiplugin.py", 4),
];
const OVERWRITING_21: (&str, u64) = ("plugins/jvm/uwsgiplugin.py", 70);

/// Stores of the main script that come too early to meet a compiler, and so may be of low confidence at most.
const EARLY: [u64; 2] = [344, 660];

/// The last line of the part of `build_uwsgi` that waits for the compilers.
const AFTER_JOIN: usize = 600;

#[test]
fn every_plugin_that_adds_a_variable_beside_the_compilers_is_an_error() {
    let Some(document) = findings_of_2_0_20() else { return };
    for site in ADDING {
        let finding = the_finding(document, site);
        assert_eq!(finding["code"], "ER001", "{site:?}");
        assert_eq!(finding["effect"], "memory", "{site:?}");
        assert_eq!(finding["severity"], "error", "{site:?}");
        assert_eq!(finding["partner"]["api"], "os.system", "{site:?}");
        has_the_way(finding);
    }
    let overwrite = the_finding(document, OVERWRITING);
    assert_eq!(overwrite["code"], "ER001");
    assert_eq!(overwrite["effect"], "memory");
    assert_eq!(overwrite["severity"], "warning");
    assert_eq!(texts(&overwrite["holds_for"]), ["musl"]);
    has_the_way(overwrite);
}

#[test]
fn no_other_python_of_the_package_is_more_than_a_note() {
    let Some(document) = findings_of_2_0_20() else { return };
    let expected: BTreeSet<(&str, u64)> = ADDING.into_iter().chain([OVERWRITING]).collect();
    for finding in findings(document) {
        let site = site(finding);
        // The C sources are another program.
        let other = finding["mutation"]["language"] != "python";
        if other || finding["severity"] == "note" || expected.contains(&site) {
            continue;
        }
        let early = site.0 == "uwsgiconfig.py" && EARLY.contains(&site.1);
        let quiet = finding["severity"] != "error" && finding["confidence"] == "low";
        assert!(
            early && quiet,
            "{} {}: {}",
            finding["code"],
            finding["severity"],
            finding["message"]
        );
    }
}

#[test]
fn every_quiet_place_can_say_why() {
    let Some(package) = package("2.0.20") else { return };
    // A file stands for the repository that it lies in, and the cache lies in envrace's own.
    let copy = tempfile::tempdir().expect("a temporary folder can be made");
    copy_python(&package, copy.path());
    let tree = copy.path();
    let waits = why(tree, "uwsgiconfig.py:344");
    assert!(waits.contains("first waits to receive"), "{waits}");
    let before = why(tree, "uwsgiconfig.py:660");
    assert!(
        before.contains("before the thread of thread_compiler starts"),
        "{before}"
    );
    // Python 3 rejects this file for its tabs; the store is known all the same.
    let alone = why(tree, "contrib/runuwsgi.py:30");
    assert!(alone.contains("os.environ[k] = v"), "{alone}");
    // The program that this file is starts no thread; another one of the tree does.
    assert!(alone.contains("no way that was followed leads to both"), "{alone}");
}

#[test]
fn a_store_after_the_join_is_quiet_until_the_join_goes() {
    let Some(tree) = package("2.0.20") else { return };
    let copy = tempfile::tempdir().expect("a temporary folder can be made");
    copy_python(&tree, copy.path());
    let script = copy.path().join("uwsgiconfig.py");
    let text = fs::read_to_string(&script).expect("the script is text");
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[AFTER_JOIN - 1].trim(),
        "t.join()",
        "the join is where it was read"
    );
    lines.insert(AFTER_JOIN, "    os.environ['X'] = '1'");
    let added = ("uwsgiconfig.py", AFTER_JOIN as u64 + 1);

    fs::write(&script, lines.join("\n")).expect("the copy can be written");
    let document = check(copy.path(), &[]);
    let there: Vec<&Value> = findings(&document).filter(|finding| site(finding) == added).collect();
    assert!(there.is_empty(), "{there:?}");
    the_finding(&document, ADDING[0]);

    lines[AFTER_JOIN - 1] = "            pass";
    fs::write(&script, lines.join("\n")).expect("the copy can be written");
    let document = check(copy.path(), &[]);
    let finding = the_finding(&document, added);
    assert_eq!(finding["partner"]["path"], "uwsgiconfig.py");
    assert_eq!(finding["partner"]["line"], 120);
}

#[test]
fn subprocess_is_unsafe_on_some_versions_only() {
    let Some(tree) = package("2.0.21") else { return };
    let document = check(&tree, &[]);
    for site in ADDING_21 {
        let finding = the_finding(&document, site);
        assert_eq!(finding["code"], "ER001", "{site:?}");
        assert_eq!(finding["effect"], "memory", "{site:?}");
        assert_eq!(finding["severity"], "error", "{site:?}");
        assert_eq!(finding["partner"]["api"], "subprocess.call", "{site:?}");
        has_the_way(finding);
        holds_for_3_11_6_to_3_12(finding);
    }
    let overwrite = the_finding(&document, OVERWRITING_21);
    assert_eq!(overwrite["severity"], "warning");
    has_the_way(overwrite);
}

/// subprocess was the package's cure for os.system. It cures 3.11.2, where vfork keeps the GIL, and 3.13, where a shell
/// goes through posix_spawn; without a GIL nothing is cured.
#[test]
fn subprocess_by_version_is_what_was_measured() {
    let Some(tree) = package("2.0.21") else { return };
    for (python, effect) in [("3.11.2", "environment"), ("3.13", "environment"), ("3.13t", "memory")] {
        let document = check(&tree, &["--target", &format!("python={python}")]);
        for site in ADDING_21 {
            let finding = the_finding(&document, site);
            assert_eq!(finding["effect"], effect, "{site:?} on {python}");
            assert_eq!(finding["partner"]["line"], 120, "{site:?} on {python}");
        }
    }
}

#[test]
fn subprocess_of_python_3_8_leaves_the_variables_to_chance() {
    let Some(tree) = package("2.0.21") else { return };
    let document = check(&tree, &["--target", "python=3.8"]);
    for site in ADDING_21.into_iter().chain([OVERWRITING_21]) {
        let finding = the_finding(&document, site);
        assert_eq!(finding["code"], "ER004", "{site:?}");
        assert_eq!(finding["effect"], "environment", "{site:?}");
        assert_eq!(finding["partner"]["line"], 120, "{site:?}");
    }
}

#[test]
fn threads_and_folders_do_not_change_the_findings() {
    let Some(tree) = package("2.0.20") else { return };
    let one = run(
        &tree,
        &[
            "check",
            "--no-config",
            "--exit-zero",
            "--format",
            "json",
            "--jobs",
            "1",
            ".",
        ],
    );
    let two = run(
        &tree,
        &[
            "check",
            "--no-config",
            "--exit-zero",
            "--format",
            "json",
            "--jobs",
            "2",
            ".",
        ],
    );
    assert!(!one.stdout.is_empty());
    assert_eq!(one.stdout, two.stdout, "--jobs changes the output");

    let name = tree
        .file_name()
        .and_then(|name| name.to_str())
        .expect("the folder has a plain name");
    let parent = tree.parent().expect("the package lies in a folder");
    let outside = run(
        parent,
        &["check", "--no-config", "--exit-zero", "--format", "json", name],
    );
    let inside: Vec<Value> = findings(&parse(&one)).map(without_paths).collect();
    let outside: Vec<Value> = findings(&parse(&outside)).map(without_paths).collect();
    assert!(!inside.is_empty());
    assert_eq!(inside, outside);
}

/// Straight from the file that the registry hands out, nothing unpacked: the same findings under other names.
#[test]
fn the_sdist_itself_gives_the_same_findings() {
    let (Some(document), Some(tree)) = (findings_of_2_0_20(), package("2.0.20")) else {
        return;
    };
    let folder = tree.parent().expect("the package lies in a folder");
    let output = run(
        folder,
        &["check", "--no-config", "--format", "json", "uWSGI-2.0.20.tar.gz"],
    );
    assert_eq!(output.status.code(), Some(1), "there are findings");
    let packed = parse(&output);
    for (path, line) in ADDING {
        let inside = format!("uWSGI-2.0.20.tar.gz!uwsgi-2.0.20/{path}");
        has_the_packed_way(the_finding(&packed, (&inside, line)));
    }
    // Fingerprints hold the path in the project, which begins with the sdist's own folder here.
    let told = |document: &Value| -> Vec<Value> {
        let mut bare: Vec<Value> = findings(document).map(without_paths).collect();
        bare.iter_mut().for_each(|finding| drop(finding["fingerprint"].take()));
        bare
    };
    assert_eq!(told(document), told(&packed));
    let package = &packed["packages"][0];
    assert_eq!(package["path"], "uWSGI-2.0.20.tar.gz");
    assert_eq!(package["verdict"], "findings");
    assert_eq!(package["files"], packed["summary"]["files"]);
}

fn has_the_packed_way(finding: &Value) {
    assert_eq!(
        finding["partner"]["path"],
        "uWSGI-2.0.20.tar.gz!uwsgi-2.0.20/uwsgiconfig.py"
    );
    assert_eq!(finding["partner"]["line"], 120);
    assert_eq!(finding["status"]["kind"], "silent-exit");
}

/// What every finding about a plugin has in common: the compilers, their start, the way to the plugin, the lost status.
fn has_the_way(finding: &Value) {
    let partner = &finding["partner"];
    assert_eq!(partner["path"], "uwsgiconfig.py");
    assert_eq!(partner["line"], 120);
    assert_eq!(partner["function"], "thread_compiler");
    let threads = list(&finding["overlap"]["threads"]);
    assert_eq!(threads.len(), 1, "{threads:?}");
    assert_eq!(threads[0]["entry"], "thread_compiler");
    for place in ["created", "start"] {
        let place = &threads[0][place];
        assert_eq!(place["path"], "uwsgiconfig.py");
        assert!(matches!(place["line"].as_u64(), Some(282..=284)), "{place}");
    }
    let steps = list(&finding["mutation"]["chain"]);
    let runs = |step: &Value| {
        step["path"] == "uwsgiconfig.py"
            && step["function"] == "build_uwsgi"
            && matches!(step["line"].as_u64(), Some(471 | 474))
    };
    assert!(steps.iter().any(runs), "{steps:?}");
    assert_eq!(finding["status"]["kind"], "silent-exit");
    assert_eq!(finding["status"]["line"], 122);
}

/// From 3.13 on, `shell=True` takes the fast path, which is safe unless the build is free-threaded.
fn holds_for_3_11_6_to_3_12(finding: &Value) {
    let holds = texts(&finding["holds_for"]);
    assert!(holds.iter().any(|text| text.contains("3.11.6 to 3.12")), "{holds:?}");
    assert!(holds.iter().any(|text| text.contains("free-threaded")), "{holds:?}");
    let safe = holds
        .iter()
        .find(|text| text.contains("3.13") && !text.contains("free-threaded"));
    assert_eq!(safe, None, "{holds:?}");
}

/// The only finding whose mutation is at `place`.
fn the_finding<'d>(document: &'d Value, place: (&str, u64)) -> &'d Value {
    let there: Vec<&Value> = findings(document).filter(|finding| site(finding) == place).collect();
    assert_eq!(
        there.len(),
        1,
        "{place:?} of {:?}",
        findings(document).map(site).collect::<Vec<_>>()
    );
    there[0]
}

fn findings(document: &Value) -> impl Iterator<Item = &Value> {
    list(&document["findings"]).iter()
}

fn site(finding: &Value) -> (&str, u64) {
    let mutation = &finding["mutation"];
    let path = mutation["path"].as_str().expect("every site has a path");
    (path, mutation["line"].as_u64().expect("every site has a line"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().filter_map(Value::as_str).collect()
}

/// What a finding says that no working directory may change.
fn without_paths(finding: &Value) -> Value {
    let places = |site: &Value| serde_json::json!([site["line"], site["column"], site["api"], site["code"]]);
    serde_json::json!({
        "code": finding["code"],
        "effect": finding["effect"],
        "severity": finding["severity"],
        "confidence": finding["confidence"],
        "holds_for": finding["holds_for"],
        "fingerprint": finding["fingerprint"],
        "mutation": places(&finding["mutation"]),
        "partner": places(&finding["partner"]),
    })
}

/// The whole package, analysed once for all tests that look at it as it is.
fn findings_of_2_0_20() -> Option<&'static Value> {
    static DOCUMENT: LazyLock<Option<Value>> = LazyLock::new(|| Some(check(&package("2.0.20")?, &[])));
    DOCUMENT.as_ref()
}

fn check(tree: &Path, more: &[&str]) -> Value {
    let fixed = ["check", "--no-config", "--exit-zero", "--format", "json"];
    let output = run(tree, &[&fixed, more, &["."]].concat());
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    parse(&output)
}

fn why(tree: &Path, place: &str) -> String {
    let output = run(tree, &["why", "--no-config", place]);
    // The lines may be wrapped.
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_envrace"));
    command
        .args(args)
        .current_dir(folder)
        .output()
        .expect("the binary was built for this test")
}

fn parse(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The unpacked package of that version; `None`, with a loud word, where it cannot be had.
fn package(version: &str) -> Option<PathBuf> {
    static FETCHING: Mutex<()> = Mutex::new(());
    // A test that failed while it fetched has left nothing behind that another could trip over.
    let _alone = FETCHING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let tree = cache.join(format!("uWSGI-{version}"));
    if tree.is_dir() && cache.join(format!("uWSGI-{version}.tar.gz")).is_file() {
        return Some(tree);
    }
    match fetch(version, cache, &tree) {
        Ok(()) => Some(tree),
        Err(cause) => {
            eprintln!("SKIPPED: uWSGI {version} cannot be fetched: {cause}");
            None
        }
    }
}

/// Downloads and unpacks the package; `tree` is there afterwards, whole, and what was downloaded beside it.
fn fetch(version: &str, cache: &Path, tree: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir_in(cache).map_err(|error| error.to_string())?;
    let requirement = format!("uWSGI=={version}");
    python(
        folder.path(),
        &[
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            ":all:",
            &requirement,
        ],
    )?;
    let sdist = only_entry(folder.path())?;
    let packed = sdist.to_str().ok_or("a name that is no text")?;
    python(folder.path(), &["-m", "tarfile", "-e", packed, "unpacked"])?;
    let unpacked = only_entry(&folder.path().join("unpacked"))?;
    let moved = |from: &Path, to: &Path| fs::rename(from, to).map_err(|error| error.to_string());
    if !tree.is_dir() {
        moved(&unpacked, tree)?;
    }
    moved(&sdist, &cache.join(format!("uWSGI-{version}.tar.gz")))
}

fn python(folder: &Path, args: &[&str]) -> Result<(), String> {
    let output = Command::new("python3").args(args).current_dir(folder).output();
    let output = output.map_err(|error| format!("python3: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said
        .lines()
        .last()
        .unwrap_or("python3 failed without a word")
        .to_owned())
}

fn only_entry(folder: &Path) -> Result<PathBuf, String> {
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    match &paths[..] {
        [only] => Ok(only.clone()),
        others => Err(format!("{} entries where one was expected", others.len())),
    }
}

/// Copies the Python part of the package; the C sources have no share in what is asked of a copy.
fn copy_python(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.expect("the package can be listed");
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|extension| extension == "py") {
            let target = to.join(entry.path().strip_prefix(from).expect("the walk stays below its root"));
            let folder = target.parent().expect("a file lies in a folder");
            fs::create_dir_all(folder).expect("the copy can be made");
            fs::copy(entry.path(), &target).expect("the copy can be made");
        }
    }
}
