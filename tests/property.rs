//! Whatever bytes come in, nothing fails and nothing is said that cannot be: every way in, with damaged copies of real
//! input that are the same each time. `fuzz/` does the same with bytes that a fuzzer chooses, and what it ever found stands
//! in tests/fuzz_found and is tried here first.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use envrace::facts::Language;
use support::harness;
use support::mutate::{Chance, damaged};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder whose names end so, in order.
fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let walk = walkdir::WalkDir::new(root().join(folder)).sort_by_file_name();
    let paths = walk.into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let wanted = paths.filter(|entry| entry.file_name().to_string_lossy().ends_with(ending));
    wanted
        .map(|entry| fs::read(entry.path()).expect("the file is there"))
        .collect()
}

/// Tries what a fuzzer found, then `cases` damaged copies of the seeds.
fn survives(target: &str, seeds: &[Vec<u8>], cases: usize, check: impl Fn(&[u8])) {
    assert!(!seeds.is_empty(), "{target} has nothing to begin with");
    let found = root().join("tests/fuzz_found").join(target);
    for entry in fs::read_dir(&found).into_iter().flatten().flatten() {
        eprintln!("{}", entry.path().display());
        check(&fs::read(entry.path()).expect("the file is there"));
    }
    for case in 0..cases {
        let mut chance = Chance::new(case as u64 + 1);
        let (seed, other) = (&seeds[chance.below(seeds.len())], &seeds[chance.below(seeds.len())]);
        // Large files say no more than small ones, and cost more.
        let start = chance.below(seed.len().saturating_sub(3000));
        let piece = &seed[start..seed.len().min(start + 3000)];
        let bytes = damaged(piece, other, &mut chance);
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&bytes)));
        if let Err(panic) = checked {
            eprintln!("{target}, case {case}: {:?}", String::from_utf8_lossy(&bytes));
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn c() {
    survives("frontend_c", &files("fixtures/c", ".c"), 120, |bytes| {
        harness::frontend(Language::C, bytes)
    });
}

#[test]
fn python() {
    survives("frontend_python", &files("fixtures/python", ".py"), 120, |bytes| {
        harness::frontend(Language::Python, bytes)
    });
}

#[test]
fn rust() {
    survives("frontend_rust", &files("fixtures/rust", ".rs"), 120, |bytes| {
        harness::frontend(Language::Rust, bytes)
    });
}

#[test]
fn path_patterns() {
    let seeds = [
        "*/plugin.py\nplugins/a/plugin.py",
        "a/*/b/*.py\na/x/b/y.py",
        "./x.py\nx.py",
        "*\n",
        "/*/*/*\na//b/../c.py",
    ];
    survives(
        "path_pattern",
        &seeds.map(|seed| seed.as_bytes().to_vec()),
        5000,
        harness::path_pattern,
    );
}

#[test]
fn catalogs() {
    let mut seeds = files("rules", ".toml");
    seeds.push(b"[[api]]\nmatch = \"call:x\"\nlanguage = \"c\"\neffect = \"spawn\"\nsource = \"mine\"\n".to_vec());
    survives("catalog_loader", &seeds, 250, harness::catalog_loader);
}

#[test]
fn suppressions() {
    let seeds = [
        "ignore[env-mutation-during-spawn] why",
        "ignore[ER001, er002]: why not",
        "ignore[]",
        "ignore[x",
        "ignor[ER001] é */ */",
    ];
    survives(
        "suppression",
        &seeds.map(|seed| seed.as_bytes().to_vec()),
        100,
        harness::suppression,
    );
}

#[test]
fn archives() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let check = |bytes: &[u8]| harness::archive(bytes, folder.path());
    survives("archive", &archive_seeds(), 1500, check);
}

/// An archive of each kind that is written here, behind the byte that says which.
fn archive_seeds() -> Vec<Vec<u8>> {
    use std::io::Write;
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in [
        ("a/x.py", "import os\n"),
        ("a/y.c", "int x;\n"),
        ("a/run", "#!/usr/bin/python3\n"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, name, text.as_bytes())
            .expect("archives can be written");
    }
    let tar = tar.into_inner().expect("archives can be written");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&tar).expect("what is in memory can be written");
    let gz = packed.finish().expect("what is in memory can be written");
    let mut packed = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packed.write_all(&tar).expect("what is in memory can be written");
    let bz2 = packed.finish().expect("what is in memory can be written");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for name in ["a/x.py", "../b.c"] {
        zip.start_file(name, options).expect("archives can be written");
        zip.write_all(b"import os\n").expect("archives can be written");
    }
    let zip = zip.finish().expect("archives can be written").into_inner();
    let marked = |kind: u8, bytes: Vec<u8>| [vec![kind], bytes].concat();
    vec![marked(0, tar), marked(1, gz), marked(3, bz2), marked(4, zip)]
}

#[test]
fn drawings() {
    let seeds: Vec<Vec<u8>> = files("fixtures/python/racy", ".py").into_iter().take(20).collect();
    survives("human_renderer", &seeds, 40, harness::human_renderer);
}

#[test]
fn facts() {
    let mut chance = Chance::new(7);
    let seeds: Vec<Vec<u8>> = (0..40)
        .map(|_| (0..3000).map(|_| chance.next() as u8).collect())
        .collect();
    survives("facts_to_findings", &seeds, 120, harness::facts_to_findings);
}

#[test]
fn logs() {
    let seeds = [
        "make: *** [a] Error 127\nsh: 1: cc: not found\n",
        "[pid 11] execve(\"/bin/sh\", [\"sh\", \"-c\", \"gcc -c b.c\"...], 0x7ffd /* 20 vars */ <unfinished ...>\n[pid 11] <... execve resumed>) = -1 EFAULT (Bad address)\n",
        "OSError: [Errno 14] Bad address: '/bin/sh'\nreturn code = 32512\n",
    ];
    survives("log", &seeds.map(|seed| seed.as_bytes().to_vec()), 2000, harness::log);
}

/// Every target that a fuzzer may run is one that is tried here, and has its folder's name.
#[test]
fn the_targets_are_these() {
    let mut names: Vec<String> = files_of(&root().join("fuzz/fuzz_targets"));
    names.sort();
    let known = [
        "archive.rs",
        "catalog_loader.rs",
        "facts_to_findings.rs",
        "frontend_c.rs",
        "frontend_python.rs",
        "frontend_rust.rs",
        "human_renderer.rs",
        "log.rs",
        "path_pattern.rs",
        "suppression.rs",
    ];
    assert_eq!(names, known);
    for folder in files_of(&root().join("tests/fuzz_found")) {
        assert!(known.contains(&format!("{folder}.rs").as_str()), "{folder}");
    }
}

fn files_of(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
