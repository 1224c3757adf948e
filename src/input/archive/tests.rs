use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;

use ::zip::ZipWriter;
use ::zip::write::SimpleFileOptions;

use super::*;

/// A folder for one archive.
struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Shelf {
        Shelf(tempfile::tempdir().expect("the test machine has a temporary folder"))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("the folder was just made");
        path
    }
}

/// A tar archive of raw headers, so that names can be what no tool would write.
fn tarred(members: &[(&[u8], u8, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, kind, content) in members {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = *kind;
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(content);
        out.resize(out.len().div_ceil(512) * 512, 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .expect("the name is new");
        writer.write_all(content).expect("a vector takes all");
    }
    writer.finish().expect("a vector takes all").into_inner()
}

fn names(contents: &Contents) -> Vec<&str> {
    contents.members.iter().map(|member| member.name.as_str()).collect()
}

fn problems(contents: &Contents) -> Vec<(&str, &str, &str)> {
    let told = contents.problems.iter();
    told.map(|problem| (problem.path.as_str(), problem.kind.name(), problem.message.as_str()))
        .collect()
}

#[test]
fn archives_are_known_by_their_names() {
    for name in ["a.tar.gz", "x/serde-1.0.0.crate", "w.WHL", "z.zip", "a.tar.bz2"] {
        assert!(is_archive(Path::new(name)), "{name}");
    }
    for name in ["a.gz.py", "tar", "crate.rs", "zip", ".zip"] {
        assert!(!is_archive(Path::new(name)), "{name}");
    }
}

#[test]
fn sources_are_taken_and_the_rest_is_passed_over() {
    let members: [(&[u8], u8, &[u8]); 7] = [
        (b"p-1/", b'5', b""),
        (b"p-1/b.py", b'0', b"import os\n"),
        (b"./p-1/a.c", b'0', b"int x;\n"),
        (b"p-1/tool", b'0', b"#!/usr/bin/python3\nprint()\n"),
        (b"p-1/README", b'0', b"words\n"),
        (b"p-1/link.py", b'2', b""),
        (b"p-1/inner.zip", b'0', b"PK"),
    ];
    let shelf = Shelf::new();
    let tar = tarred(&members);
    for (name, bytes) in [("p.tar", tar.clone()), ("p.tar.gz", gzipped(&tar))] {
        let contents = read(&shelf.put(name, &bytes));
        assert_eq!(names(&contents), ["p-1/a.c", "p-1/b.py", "p-1/tool"], "{name}");
        assert_eq!(contents.members[1].bytes, b"import os\n");
        assert_eq!(contents.members[2].bytes, b"#!/usr/bin/python3\nprint()\n");
        assert_eq!((contents.passed_over.symlinks, contents.passed_over.archives), (1, 1));
        assert_eq!(problems(&contents), []);
    }
}

/// `printf 'import os\n' > a.py; tar -c a.py | xz` and `… | bzip2`, since no encoder of either is at hand here.
#[test]
fn all_packings_of_registries_are_read() {
    let shelf = Shelf::new();
    for (ending, tool) in [("tar.xz", "xz"), ("tar.bz2", "bzip2"), ("tar.gz", "gzip")] {
        let plain = shelf.put("p.tar", &tarred(&[(b"a.py", b'0', b"import os\n")]));
        let packed = std::process::Command::new(tool).arg("-c").arg(&plain).output();
        let Ok(packed) = packed else {
            eprintln!("SKIPPED {ending}: {tool} is not installed");
            continue;
        };
        let contents = read(&shelf.put(&format!("p.{ending}"), &packed.stdout));
        assert_eq!(names(&contents), ["a.py"], "{ending}");
        assert_eq!(problems(&contents), [], "{ending}");
    }
    let contents = read(&shelf.put("p.whl", &zipped(&[("a/b.py", b"import os\n"), ("a/b.txt", b"")])));
    assert_eq!(names(&contents), ["a/b.py"]);
}

#[test]
fn long_names_come_from_both_extensions() {
    let long = format!("{}/x.py", "d".repeat(200));
    let pax = format!("path={long}\n");
    let pax = format!("{} {pax}", pax.len() + 4);
    let shelf = Shelf::new();
    let gnu: [(&[u8], u8, &[u8]); 2] = [(b"././@LongLink", b'L', long.as_bytes()), (b"cut", b'0', b"a = 1\n")];
    let posix: [(&[u8], u8, &[u8]); 2] = [(b"PaxHeader", b'x', pax.as_bytes()), (b"cut", b'0', b"a = 1\n")];
    for members in [gnu, posix] {
        let contents = read(&shelf.put("p.tar", &tarred(&members)));
        assert_eq!(names(&contents), [long.as_str()]);
    }
}

#[test]
fn names_that_climb_or_come_twice_are_told() {
    let members: [(&[u8], u8, &[u8]); 4] = [
        (b"../../etc/x.py", b'0', b"a = 1\n"),
        (b"/root/y.py", b'0', b"a = 1\n"),
        (b"p/z.py", b'0', b"hidden = 1\n"),
        (b"p/z.py", b'0', b"shown = 1\n"),
    ];
    let shelf = Shelf::new();
    let contents = read(&shelf.put("p.tar", &tarred(&members)));
    assert_eq!(names(&contents), ["etc/x.py", "p/z.py", "root/y.py"]);
    assert_eq!(contents.members[1].bytes, b"shown = 1\n");
    let climbs = "the name climbs out of the archive; the file is taken as if it did not";
    let twice = "the name occurs more than once; only the last is analysed, which is what unpacking leaves";
    assert_eq!(
        problems(&contents),
        [
            ("etc/x.py", "archive", climbs),
            ("root/y.py", "archive", climbs),
            ("p/z.py", "archive", twice)
        ]
    );
    // In a zip the same name twice: two of one length, one renamed in the bytes.
    let mut bytes = zipped(&[("p/z.py", b"hidden = 1\n"), ("p/y.py", b"shown = 1\n")]);
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, "p/y.py").collect();
    for at in places {
        bytes[at + 2] = b'z';
    }
    let contents = read(&shelf.put("p.zip", &bytes));
    assert_eq!(names(&contents), ["p/z.py"]);
    assert_eq!(problems(&contents), [("p/z.py", "archive", twice)]);
}

#[test]
fn what_is_cut_off_or_damaged_loses_nothing_before_it() {
    let noise: Vec<u8> = (0u32..200_000)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let members: [(&[u8], u8, &[u8]); 3] = [
        (b"a.py", b'0', b"a = 1\n"),
        (b"noise", b'0', &noise),
        (b"b.py", b'0', b""),
    ];
    let shelf = Shelf::new();
    let whole = gzipped(&tarred(&members));
    let contents = read(&shelf.put("p.tar.gz", &whole[..whole.len() / 2]));
    assert_eq!(names(&contents), ["a.py"]);
    let cut = "the archive ends too early; what follows is lost";
    assert_eq!(problems(&contents), [("", "io", cut)]);
    for (name, bytes) in [
        ("x.tar.gz", &b"no gzip"[..]),
        ("x.zip", b"no zip"),
        ("x.tar.xz", b""),
        ("x.tar", b"short"),
    ] {
        let contents = read(&shelf.put(name, bytes));
        assert!(contents.members.is_empty(), "{name}");
        assert_eq!(contents.problems.len(), 1, "{name}: {:?}", contents.problems);
        assert!(contents.problems[0].kind.loses_input(), "{name}");
    }
}

#[test]
fn encrypted_members_are_named() {
    let mut bytes = zipped(&[("a.py", b"a = 1\n"), ("b.py", b"b = 1\n"), ("c.txt", b"")]);
    // The flag of encryption (APPNOTE.TXT 4.4.4, bit 0), in the local header and in the directory's entry.
    for (signature, flags) in [(&b"PK\x03\x04"[..], 6), (b"PK\x01\x02", 8)] {
        let first = memchr::memmem::find(&bytes, signature).expect("a zip has one of each");
        bytes[first + flags] |= 1;
    }
    let shelf = Shelf::new();
    let contents = read(&shelf.put("p.zip", &bytes));
    assert_eq!(names(&contents), ["b.py"]);
    assert_eq!(
        problems(&contents),
        [("a.py", "io", "the archive is damaged: it is encrypted")]
    );
}

/// Limits of which each is met by the archives below.
const SMALL: Limits = Limits {
    expanded: 1 << 20,
    kept: 100,
    members: 5,
};

#[test]
fn bombs_end_at_the_limit() {
    let zeros = vec![0u8; 3 << 20];
    let members: [(&[u8], u8, &[u8]); 3] = [
        (b"a.py", b'0', b"a = 1\n"),
        (b"zeros", b'0', &zeros),
        (b"b.py", b'0', b""),
    ];
    let shelf = Shelf::new();
    let tar = read_within(&shelf.put("p.tar.gz", &gzipped(&tarred(&members))), SMALL);
    assert_eq!(names(&tar), ["a.py"]);
    let limit = ("", "limit", "expands to more than 1 MiB; what follows is lost");
    assert_eq!(problems(&tar), [limit]);
    let zip = zipped(&[("a.py", b"a = 1\n"), ("zeros.py", &zeros), ("b.py", b"")]);
    let zip = read_within(&shelf.put("p.zip", &zip), SMALL);
    assert_eq!(names(&zip), ["a.py"]);
    assert_eq!(problems(&zip), [limit]);
}

#[test]
fn numbers_and_sizes_of_members_have_limits() {
    let shelf = Shelf::new();
    let many: Vec<String> = (0..7).map(|number| format!("{number}.py")).collect();
    let small: Vec<(&[u8], u8, &[u8])> = many
        .iter()
        .map(|name| (name.as_bytes(), b'0', &b"a = 1\n"[..]))
        .collect();
    let contents = read_within(&shelf.put("p.tar", &tarred(&small)), SMALL);
    assert_eq!(names(&contents), ["0.py", "1.py", "2.py", "3.py", "4.py"]);
    assert_eq!(
        problems(&contents),
        [("", "limit", "more than 5 members; what follows is lost")]
    );
    let text = [b'#'; 60];
    let large: Vec<(&[u8], u8, &[u8])> = many[..3]
        .iter()
        .map(|name| (name.as_bytes(), b'0', &text[..]))
        .collect();
    let contents = read_within(&shelf.put("p.tar", &tarred(&large)), SMALL);
    assert_eq!(names(&contents), ["0.py"]);
    let limit = "more than 0 MiB of sources; this and what follows is lost";
    assert_eq!(problems(&contents), [("1.py", "limit", limit)]);
}

/// The end record says how many members there are, and a library may make room for as many.
#[test]
fn a_zip_that_claims_too_many_members_is_not_opened() {
    let mut bytes = zipped(&[("a.py", b"a = 1\n")]);
    let mut record = vec![0u8; 56];
    record[..4].copy_from_slice(b"PK\x06\x06");
    record[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    let end = bytes.len() - 22;
    bytes.splice(end..end, record);
    let shelf = Shelf::new();
    let contents = read(&shelf.put("p.zip", &bytes));
    assert!(contents.members.is_empty());
    assert_eq!(
        problems(&contents),
        [("", "limit", "claims more than 500000 members, so none is read")]
    );
}

#[test]
fn a_member_is_split_from_its_archive() {
    let shelf = Shelf::new();
    let path = shelf.put("p.zip", b"");
    let inner = PathBuf::from(format!("{}!a/b.py", path.display()));
    assert_eq!(split(&inner), Some((path.as_path(), "a/b.py")));
    assert_eq!(split(&path), None);
    assert_eq!(split(Path::new("none.zip!a.py")), None);
}
