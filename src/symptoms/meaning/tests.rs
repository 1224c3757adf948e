use super::*;

fn glibc(minor: u32) -> Libc {
    Libc {
        kind: LibcKind::Glibc,
        version: (2, minor),
    }
}

const MUSL: Libc = Libc {
    kind: LibcKind::Musl,
    version: (1, 2),
};

fn read(text: &str, libc: Libc) -> Meaning {
    meaning(code(text).expect("it is a code"), &[libc], true)
}

/// The labels of the first section.
fn labels(meaning: &Meaning) -> Vec<&str> {
    meaning.sections[0]
        .lines
        .iter()
        .map(|(label, _)| label.as_str())
        .collect()
}

#[test]
fn codes_are_numbers_and_names() {
    assert_eq!(code("32512"), Some(Code::Number(32512)));
    assert_eq!(code("0x7f00"), Some(Code::Number(32512)));
    assert_eq!(code("-1"), Some(Code::Number(-1)));
    assert!(matches!(code("efault"), Some(Code::Errno(errno)) if errno.number == 14));
    for other in ["EWHATEVER", "os.system", "", "-", "99999999999"] {
        assert_eq!(code(other), None, "{other}");
    }
}

#[test]
fn the_causes_of_32512_are_told_apart_by_errno() {
    let now = read("32512", glibc(36));
    assert_eq!(
        labels(&now),
        [
            "errno unchanged",
            "EFAULT 14",
            "E2BIG 7",
            "ENOENT 2, EACCES 13, ENOEXEC 8, ELOOP 40",
            "ENOMEM 12",
            "EAGAIN 11",
        ]
    );
    let new = read("32512", glibc(41));
    assert!(!labels(&new).contains(&"EAGAIN 11"), "-1 from 2.41 on");
    let musl = read("32512", MUSL);
    assert_eq!(labels(&musl), ["errno unchanged"], "the shell ran");
    assert!(now.next.iter().any(|step| step.contains("every time")));
    assert!(
        now.sections[0].title.contains("this machine (glibc 2.36)"),
        "{:?}",
        now.sections[0]
    );
}

#[test]
fn minus_one_is_musl_and_new_glibc() {
    assert_eq!(labels(&read("-1", glibc(41))), ["ENOMEM 12", "EAGAIN 11", "ECHILD 10"]);
    assert!(labels(&read("-1", MUSL)).contains(&"EFAULT 14"));
    assert_eq!(labels(&read("-1", glibc(36))), ["ECHILD 10"]);
}

#[test]
fn raw_numbers_look_like_signals_from_2_29_to_2_31() {
    let old = read("14", glibc(31));
    assert_eq!(labels(&old), ["signal", "this very number"]);
    assert!(old.sections[0].lines[0].1.contains("SIGALRM"));
    let now = read("14", glibc(36));
    assert_eq!(labels(&now), ["signal"]);
    assert!(
        now.sections.iter().any(|section| section.title.contains("EFAULT")),
        "{now:?}"
    );
    assert!(now.sections.iter().any(|section| {
        section.title.contains("elsewhere")
            && section.lines
                == [(
                    "glibc 2.29 to 2.31".to_owned(),
                    "the shell was not started: EFAULT".to_owned(),
                )]
    }));
}

#[test]
fn errors_say_how_each_api_tells_them() {
    let fault = read("EFAULT", glibc(36));
    let line = |label: &str| {
        let all = fault.sections.iter().flat_map(|section| &section.lines);
        all.filter(|(known, _)| known == label)
            .map(|(_, text)| text.as_str())
            .collect::<Vec<_>>()
    };
    assert!(line("popen")[0].contains("ENOMEM"), "up to 2.37");
    assert!(line("Python")[0].contains("[Errno 14] Bad address"));
    assert!(line("Rust")[0].contains("Bad address (os error 14)"));
    assert_eq!(
        line("glibc 2.29 to 2.31"),
        ["14: the error's number where a status should be"]
    );
    assert!(
        read("EFAULT", glibc(38)).sections[0]
            .lines
            .iter()
            .any(|(label, text)| label == "popen" && text.contains("EFAULT"))
    );
    assert!(fault.summary.contains("at random"));
    assert!(
        read("E2BIG", glibc(36)).summary.contains("every time")
            && read("7", glibc(36))
                .sections
                .iter()
                .any(|section| section.title.contains("E2BIG"))
    );
}

#[test]
fn exit_codes_of_shells_are_read() {
    assert!(
        read("32256", glibc(36)).sections[0].lines[0]
            .1
            .contains("could not execute")
    );
    let segv = read("139", glibc(36));
    assert!(
        segv.sections
            .iter()
            .any(|section| section.lines.iter().any(|(_, text)| text.contains("SIGSEGV")))
    );
    assert!(read("-11", glibc(36)).summary.contains("SIGSEGV"));
    let found = read("127", glibc(36));
    assert!(
        found
            .sections
            .iter()
            .any(|section| section.lines[0].1.contains("no such command"))
    );
}
