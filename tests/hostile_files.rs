//! Files that are none, that change while they are read, that lead in circles, or that are a great many.

mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::stat::{Mode, SFlag, mknod};

use support::hostile::{RACE, check, folder_of, run, write};

#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = folder_of([("race.py", RACE)]);
    let at = |name: &str| folder.path().join(name);
    nix::unistd::mkfifo(&at("pipe.py"), Mode::S_IRWXU).expect("pipes can be made");
    let _listens = UnixListener::bind(at("socket.py")).expect("sockets can be made");
    fs::create_dir(at("folder.py")).expect("folders can be made");
    symlink("/dev/zero", at("zero.py")).expect("links can be made");
    symlink("loop.py", at("loop.py")).expect("links can be made");
    symlink("..", at("folder.py/up")).expect("links can be made");
    symlink("/proc/self/mem", at("memory.c")).expect("links can be made");
    // The null device by another name, where we may make one.
    let device = mknod(
        &at("device.py"),
        SFlag::S_IFCHR,
        Mode::S_IRWXU,
        nix::sys::stat::makedev(1, 5),
    )
    .is_ok();
    let ended = check(folder.path());
    assert_eq!(ended.findings_in("race.py"), 1);
    for name in ["pipe.py", "socket.py"] {
        assert_eq!(ended.problems_of(name), ["io"], "{name}");
    }
    if device {
        assert_eq!(ended.problems_of("device.py"), ["io"]);
    } else {
        eprintln!("SKIPPED: no device can be made here");
    }
    // Links are not followed, and counted.
    assert_eq!(
        ended.json()["problems"].as_array().map(Vec::len),
        Some(2 + usize::from(device))
    );
    for name in ["pipe.py", "socket.py", "zero.py", "loop.py", "/dev/zero", "/dev/null"] {
        let ended = run(folder.path(), &["check", name, "--format", "json"]);
        assert_eq!(ended.status.code(), Some(2), "{name}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("error: "), "{name}: {}", ended.stderr);
    }
}

#[test]
fn names_that_are_no_text_are_names() {
    let folder = folder_of([
        (OsStr::from_bytes(b"\xe9.py"), RACE),
        (OsStr::from_bytes(b"\xe8.py"), "x = 1\n"),
    ]);
    write(folder.path().join(OsStr::from_bytes(b"a\xff/b\xfe.py")), RACE);
    write(folder.path().join("line\nbreak\r.py"), RACE);
    write(folder.path().join("-rf.py"), RACE);
    let ended = check(folder.path());
    assert_eq!(ended.json()["summary"]["files"], 5);
    assert_eq!(ended.json()["summary"]["parsed"], 5);
    for name in ["a\u{fffd}/b\u{fffd}.py", "line\nbreak\r.py", "-rf.py"] {
        assert_eq!(ended.findings_in(name), 1, "{name:?}: {}", ended.stdout);
    }
    // Of two that read alike neither hides the other.
    assert_eq!(ended.findings_in("\u{fffd}.py"), 1, "{}", ended.stdout);
}

#[test]
fn a_path_may_be_longer_than_a_path_can_be() {
    use nix::fcntl::{OFlag, open, openat};
    use nix::sys::stat::mkdirat;
    let folder = folder_of([("race.py", RACE)]);
    let name = "a".repeat(250);
    let mut below = open(folder.path(), OFlag::O_DIRECTORY, Mode::empty()).expect("it is there");
    for _ in 0..20 {
        mkdirat(&below, name.as_str(), Mode::S_IRWXU).expect("folders can be made");
        below = openat(&below, name.as_str(), OFlag::O_DIRECTORY, Mode::empty()).expect("it was made");
    }
    let ended = check(folder.path());
    assert_eq!(ended.findings_in("race.py"), 1);
    let problems = ended.json()["problems"].clone();
    assert_eq!(problems[0]["kind"], "io", "{problems}");
    assert!(
        problems[0]["message"]
            .as_str()
            .is_some_and(|message| message.contains("name too long")),
        "{problems}"
    );
    drop(below);
    // The standard library cannot remove it either.
    let removed = std::process::Command::new("rm")
        .arg("-rf")
        .arg(folder.path().join(&name))
        .status();
    assert!(removed.is_ok_and(|status| status.success()));
}

#[test]
fn what_may_not_be_read_is_said() {
    let folder = folder_of([("race.py", RACE), ("closed/a.py", RACE), ("shut.py", RACE)]);
    let close = |name: &str| fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o000));
    close("shut.py").and_then(|()| close("closed")).expect("they are ours");
    let readable = File::open(folder.path().join("shut.py")).is_ok();
    let ended = check(folder.path());
    fs::set_permissions(folder.path().join("closed"), fs::Permissions::from_mode(0o700)).expect("it is ours");
    if readable {
        eprintln!("SKIPPED: whoever runs this test may read everything");
        return;
    }
    assert_eq!(ended.problems_of("shut.py"), ["io"]);
    assert_eq!(ended.problems_of("closed"), ["io"]);
    assert_eq!(ended.findings_in("race.py"), 1);
    assert_eq!(ended.status.code(), Some(3));
}

#[test]
fn files_may_change_and_vanish_meanwhile() {
    let folder = folder_of((0..60).map(|number| (format!("a{number}.py"), RACE)));
    write(folder.path().join("stays.py"), RACE);
    let stop = AtomicBool::new(false);
    let restless = |folder: &Path| {
        let mut round = 0_usize;
        while !stop.load(Ordering::Relaxed) {
            round += 1;
            let path = folder.join(format!("a{}.py", round % 60));
            // Each may have been taken away by an earlier round: none of it has to succeed.
            let _done = match round % 7 {
                0 => fs::remove_file(&path),
                1 => fs::write(&path, "x = 1\n".repeat(round % 50_000)),
                2 => File::create(&path).map(drop),
                3 => fs::rename(&path, folder.join("a0.py")),
                4 => fs::create_dir(&path),
                5 => fs::remove_dir(&path),
                _ => symlink("stays.py", &path),
            };
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| restless(folder.path()));
        for _ in 0..8 {
            let ended = check(folder.path());
            assert_eq!(ended.findings_in("stays.py"), 1, "{}", ended.stdout);
            let document = ended.json();
            for problem in document["problems"].as_array().expect("a report lists its problems") {
                assert_ne!(problem["path"], "stays.py", "{problem}");
                assert_eq!(problem["kind"], "io", "{problem}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn ten_thousand_tiny_files() {
    let name = |number: usize| format!("d{}/f{number}.{}", number % 100, ["py", "c", "rs", "h"][number % 4]);
    let folder = folder_of((0..10_000).map(|number| (name(number), if number % 8 == 0 { "" } else { "\n" })));
    write(folder.path().join("race.py"), RACE);
    let ended = check(folder.path());
    assert_eq!(ended.findings_in("race.py"), 1);
    let summary = ended.json()["summary"].clone();
    assert_eq!(
        (&summary["files"], &summary["parsed"]),
        (&10_001.into(), &10_001.into()),
        "{summary}"
    );
}
