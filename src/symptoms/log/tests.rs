use super::*;

fn log(text: &str) -> Log {
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(line);
    }
    reader.finish()
}

fn signs(text: &str) -> Vec<Sign> {
    log(text).seen.iter().map(|seen| seen.sign).collect()
}

#[test]
fn every_way_of_saying_it_is_recognised() {
    for (line, sign) in [
        ("return code = 32512", Sign::Status32512),
        ("*** error=32512 ***", Sign::Status32512),
        ("os.system() returned 32512.", Sign::Status32512),
        ("OSError: [Errno 14] Bad address: '/bin/sh'", Sign::Fault),
        ("Error: Bad address (os error 14)", Sign::Fault),
        (
            "Os { code: 14, kind: Uncategorized, message: \"Bad address\" }",
            Sign::Fault,
        ),
        ("make: /bin/sh: Bad address", Sign::Fault),
        ("posix_spawn failed: EFAULT", Sign::Fault),
        ("make: *** [Makefile:3: all] Error 127", Sign::Exit127),
        (
            "subprocess.CalledProcessError: Command 'x' returned non-zero exit status 127.",
            Sign::Exit127,
        ),
        ("sh: 1: gcc: not found", Sign::NotFound),
        ("OSError: [Errno 7] Argument list too long: '/bin/sh'", Sign::TooLong),
        (
            "execve(\"/bin/sh\", [\"sh\", \"-c\", \"cc\"], 0x1 /* 20 vars */) = -1 EFAULT (Bad address)",
            Sign::ExecFault,
        ),
        (
            "9 execve(\"/usr/bin/cc\", [\"cc\"], 0x1 /* 20 vars */) = -1 ENOENT (No such file or directory)",
            Sign::ExecError(2),
        ),
    ] {
        assert_eq!(signs(line), [sign], "{line}");
    }
}

#[test]
fn what_only_looks_like_it_is_passed_over() {
    for line in [
        "compiled 32512 bytes, 132512 in all"
            .replace("32512 bytes", "325120 bytes")
            .as_str(),
        "version 1.127 released",
        "127 files changed",
        "listening on 127.0.0.1, status ok",
        "read(3, 0x1, 10) = -1 EFAULT (Bad address)",
        "DEFAULT settings",
        "",
    ] {
        assert_eq!(signs(line), [], "{line}");
    }
}

#[test]
fn the_language_is_told_by_the_words() {
    let language = |line: &str| {
        log(line).seen[0].failures[0]
            .reported
            .and_then(|reported| reported.language)
    };
    assert_eq!(language("[Errno 14] Bad address"), Some(Language::Python));
    assert_eq!(language("Bad address (os error 14)"), Some(Language::Rust));
    assert_eq!(language("sh: Bad address"), None);
}

#[test]
fn split_calls_and_changing_counts_are_seen() {
    let text = "\
[pid 11] execve(\"/bin/sh\", [\"sh\", \"-c\", \"one\"], 0x1 /* 20 vars */ <unfinished ...>
[pid 10] futex(0x1, FUTEX_WAIT <unfinished ...>
[pid 11] <... execve resumed>) = -1 EFAULT (Bad address)
[pid 12] execve(\"/bin/sh\", [\"sh\", \"-c\", \"two\"], 0x1 /* 21 vars */) = 0
[pid 13] execve(\"/bin/sh\", [\"sh\", \"-c\", \"two\"], 0x1 /* 21 vars */) = 0
[pid 14] execve(\"/usr/bin/cc\", [\"cc\"], 0x1 /* 3 vars */) = 0
";
    let log = log(text);
    assert_eq!(
        log.seen
            .iter()
            .map(|seen| (seen.sign, seen.count, seen.first_line))
            .collect::<Vec<_>>(),
        [(Sign::ExecFault, 1, 3), (Sign::VariablesChange, 1, 4)]
    );
    assert_eq!(log.seen[1].variables, Some((20, 21, 1)));
    assert_eq!(log.seen[0].failures[0].arguments.len(), 3);
    assert_eq!(log.lines, 6);
}

#[test]
fn a_large_log_is_kept_small() {
    let mut reader = Reader::default();
    for number in 0..20_000u32 {
        reader.line(&format!(
            "{number} execve(\"/bin/p{number}\", [\"{}\"], 0x1 /* {number} vars */) = -1 EFAULT (Bad address)",
            "x".repeat(500)
        ));
    }
    assert!(reader.variables.len() <= PROGRAMS);
    let log = reader.finish();
    assert_eq!(log.seen[0].count, 20_000);
    assert!(log.seen[0].failures.len() <= DISTINCT && log.seen[0].sample.len() <= SAMPLE);
}
