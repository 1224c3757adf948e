use super::*;
use crate::finding::Effect::{Environment, Memory};
use crate::knowledge::entry::{ArgumentTest, MatchKind};

/// The entries of a match whose predicates an argument list of these (keyword, test that it satisfies) pairs meets;
/// whatever is not listed is absent.
fn site(language: Language, text: &str, given: &[(&str, &[ArgumentTest])]) -> Vec<EntryId> {
    let catalog = Catalog::builtin();
    let tests_of = |entry: &Entry| {
        entry.arguments.iter().all(|predicate| {
            let crate::knowledge::ArgumentRef::Of { keywords, positions } = &predicate.argument else {
                return false;
            };
            let names = |name: &str| {
                keywords.iter().any(|key| key == name)
                    || name.parse().is_ok_and(|position: u32| positions.contains(&position))
            };
            match given.iter().find(|(name, _)| names(name)) {
                Some((_, holds)) => predicate.any_of.iter().any(|test| holds.contains(test)),
                None => predicate.any_of.contains(&ArgumentTest::Absent),
            }
        })
    };
    let found: Vec<EntryId> = catalog
        .iter()
        .filter(|(_, entry)| entry.language == language && entry.text == text && tests_of(entry))
        .map(|(id, _)| id)
        .collect();
    assert!(!found.is_empty(), "no entry for {text} with {given:?}");
    found
}

fn python(text: &str) -> Vec<EntryId> {
    site(Language::Python, text, &[])
}

fn judged(mutation: &[EntryId], shape: Option<Shape>, partner: &[EntryId], target: &str) -> PairVerdict {
    let target = Target::parse(target).expect("the test's target is well-formed");
    pair_verdict_as(&Catalog::builtin(), mutation, shape, partner, &target).expect("the two are a pair")
}

const SET: &str = "store:os.environ[]";

#[test]
fn addition_beside_system_is_unsafe_save_on_new_glibc() {
    let verdict = judged(&python(SET), None, &python("call:os.system"), "");
    assert_eq!(
        (verdict.effect, verdict.musl_only, verdict.rare),
        (Memory, false, false)
    );
    assert_eq!(verdict.holds_for, ["glibc <2.41", "musl"]);
    assert!(
        verdict.why.contains("`os.system`") && verdict.why.contains("execve"),
        "{}",
        verdict.why
    );
    let new = judged(&python(SET), None, &python("call:os.system"), "libc=glibc-2.41");
    assert_eq!(
        (new.effect, new.holds_for.as_slice()),
        (Environment, ["glibc 2.41".to_owned()].as_slice())
    );
}

#[test]
fn overwrite_beside_system_is_unsafe_on_musl_alone() {
    let overwrite = Some(Shape::Overwrite);
    let verdict = judged(&python(SET), overwrite, &python("call:os.system"), "");
    assert_eq!((verdict.effect, verdict.musl_only), (Memory, true));
    assert_eq!(verdict.holds_for, ["musl"]);
    let musl = judged(&python(SET), overwrite, &python("call:os.system"), "libc=musl");
    assert_eq!(
        (musl.effect, musl.musl_only),
        (Memory, false),
        "where musl is the target it is no exception"
    );
    let old = judged(
        &python(SET),
        overwrite,
        &python("call:os.system"),
        "python=3.8,libc=glibc-2.36",
    );
    assert_eq!(old.effect, Memory, "3.8 frees the replaced string itself");
}

const SHELL: &[(&str, &[ArgumentTest])] = &[
    ("shell", &[ArgumentTest::True, ArgumentTest::Present, ArgumentTest::Own]),
    (
        "args",
        &[ArgumentTest::NoSlash, ArgumentTest::Present, ArgumentTest::Own],
    ),
];

#[test]
fn subprocess_through_a_shell_depends_on_the_interpreter() {
    let call = site(Language::Python, "call:subprocess.call", SHELL);
    let verdict = judged(&python(SET), None, &call, "");
    assert_eq!(verdict.effect, Memory);
    assert!(
        verdict.holds_for.contains(&"CPython 3.11.6 to 3.12".to_owned()),
        "{:?}",
        verdict.holds_for
    );
    let free = "CPython 3.13 and later, free-threaded".to_owned();
    assert!(verdict.holds_for.contains(&free), "{:?}", verdict.holds_for);
    assert!(
        !verdict.holds_for.contains(&"CPython 3.13 and later".to_owned()),
        "{:?}",
        verdict.holds_for
    );
    for (target, effect) in [
        ("python=3.8", Environment),
        ("python=3.11.2", Environment),
        ("python=3.11.5", Environment),
        ("python=3.11.6", Memory),
        ("python=3.11", Memory),
        ("python=3.13", Environment),
        ("python=3.14", Environment),
        ("python=3.13t", Memory),
        ("python=3.13t,libc=glibc-2.43", Memory),
        ("python=3.12,libc=glibc-2.43", Environment),
        ("python=3.13,libc=musl", Memory),
        ("python=3.13,libc=glibc-2.31", Memory),
    ] {
        assert_eq!(judged(&python(SET), None, &call, target).effect, effect, "{target}");
    }
}

#[test]
fn subprocess_off_the_fast_path_stays_unsafe() {
    let bare: &[(&str, &[ArgumentTest])] = &[(
        "args",
        &[ArgumentTest::NoSlash, ArgumentTest::Present, ArgumentTest::Own],
    )];
    let cwd: &[(&str, &[ArgumentTest])] = &[
        ("args", &[ArgumentTest::Slash, ArgumentTest::Present, ArgumentTest::Own]),
        ("cwd", &[ArgumentTest::Own, ArgumentTest::Present]),
    ];
    for given in [bare, cwd] {
        let run = site(Language::Python, "call:subprocess.run", given);
        assert_eq!(
            judged(&python(SET), None, &run, "python=3.13").effect,
            Memory,
            "{given:?}"
        );
    }
    let preexec: &[(&str, &[ArgumentTest])] = &[("preexec_fn", &[ArgumentTest::Own, ArgumentTest::Present])];
    let run = site(Language::Python, "call:subprocess.run", preexec);
    assert_eq!(
        judged(&python(SET), None, &run, "python=3.12").effect,
        Environment,
        "preexec_fn forks with the GIL held"
    );
}

#[test]
fn mapping_reads_cost_no_memory() {
    for read in ["call:os.environ.get", "load:os.environ[]", "call:os.environ.copy"] {
        assert_eq!(
            judged(&python(SET), None, &python(read), "").effect,
            Environment,
            "{read}"
        );
    }
}

#[test]
fn own_environment_is_no_pair() {
    let own: &[(&str, &[ArgumentTest])] = &[("env", &[ArgumentTest::Own, ArgumentTest::Present])];
    let run = site(Language::Python, "call:subprocess.run", own);
    assert_eq!(
        pair_verdict(&Catalog::builtin(), &python(SET), &run, &Target::default()),
        None
    );
}

#[test]
fn deletion_beside_system_is_unsafe_everywhere() {
    let verdict = judged(
        &python("delete:os.environ[]"),
        None,
        &python("call:os.system"),
        "libc=glibc-2.43",
    );
    assert_eq!(verdict.effect, Memory);
    assert!(verdict.why.contains("EFAULT"), "{}", verdict.why);
}

#[test]
fn two_python_writers_are_kept_apart_by_the_gil_and_by_glibc() {
    assert_eq!(
        judged(&python(SET), None, &python(SET), "").effect,
        Memory,
        "free-threaded on musl"
    );
    assert_eq!(
        judged(&python(SET), None, &python(SET), "python=3.12").effect,
        Environment
    );
    assert_eq!(
        judged(&python(SET), None, &python(SET), "python=3.13t,libc=glibc-2.36").effect,
        Environment
    );
    assert_eq!(
        judged(&python(SET), None, &python(SET), "python=3.13t,libc=musl").effect,
        Memory
    );
}

#[test]
fn every_match_kind_has_a_lookup() {
    let catalog = Catalog::builtin();
    assert!(
        !catalog
            .lookup(Language::Python, MatchKind::Call, "os.system")
            .is_empty()
    );
    assert!(catalog.lookup(Language::Python, MatchKind::Call, "os.systm").is_empty());
}

fn rust(text: &str) -> Vec<EntryId> {
    site(Language::Rust, text, &[])
}

#[test]
fn std_lock_guards_std_alone() {
    let set = rust("call:std::env::set_var");
    assert_eq!(
        judged(&set, None, &rust("call:std::process::Command::status"), "").effect,
        Environment
    );
    assert_eq!(judged(&set, None, &rust("call:std::env::var"), "").effect, Environment);
    let system = judged(&set, None, &rust("call:libc::system"), "");
    assert_eq!(
        (system.effect, system.holds_for.as_slice()),
        (Memory, ["glibc <2.41".to_owned(), "musl".to_owned()].as_slice())
    );
    assert_eq!(
        judged(&rust("call:libc::setenv"), None, &rust("call:std::env::var"), "").effect,
        Memory
    );
    assert_eq!(
        judged(&set, None, &rust("call:std::env::remove_var"), "").effect,
        Environment
    );
    let c_writer = judged(&set, None, &rust("call:libc::setenv"), "");
    assert_eq!(
        (c_writer.effect, c_writer.musl_only),
        (Memory, true),
        "glibc's writers share a lock"
    );
}

fn c(text: &str) -> Vec<EntryId> {
    site(Language::C, text, &[])
}

#[test]
fn the_measured_table_holds_for_c() {
    let (everywhere, old_or_musl): (&[&str], &[&str]) = (&["glibc", "musl"], &["glibc <2.41", "musl"]);
    for (mutation, partner, effect, holds_for, rare) in [
        ("call:setenv", "call:system", Memory, old_or_musl, false),
        ("call:setenv", "call:getenv", Memory, old_or_musl, false),
        ("call:setenv", "load:environ[]", Memory, old_or_musl, false),
        ("call:setenv", "call:fork", Memory, old_or_musl, true),
        ("call:setenv", "call:vfork", Memory, old_or_musl, false),
        ("call:unsetenv", "call:popen", Memory, everywhere, false),
        ("call:unsetenv", "call:getenv", Memory, &["musl"], false),
        ("call:unsetenv", "call:fork", Environment, everywhere, false),
        ("call:clearenv", "call:system", Memory, everywhere, false),
        ("call:clearenv", "call:fork", Environment, everywhere, false),
        ("call:clearenv", "call:getenv", Memory, old_or_musl, false),
        ("store:environ", "call:system", Memory, everywhere, false),
        ("store:environ", "call:setenv", Memory, everywhere, false),
        ("call:setenv", "call:putenv", Memory, &["musl"], false),
    ] {
        let verdict = judged(&c(mutation), None, &c(partner), "");
        let said: Vec<&str> = verdict.holds_for.iter().map(String::as_str).collect();
        assert_eq!(
            (verdict.effect, said.as_slice(), verdict.rare),
            (effect, holds_for, rare),
            "{mutation} x {partner}"
        );
    }
}

#[test]
fn what_is_no_mutation_or_partner_is_no_pair() {
    let catalog = Catalog::builtin();
    let target = Target::default();
    assert_eq!(
        pair_verdict(&catalog, &c("call:setenv"), &c("call:pthread_create"), &target),
        None
    );
    assert_eq!(
        pair_verdict(&catalog, &c("call:getenv"), &c("call:setenv"), &target),
        None,
        "the first is a read"
    );
    assert_eq!(pair_verdict(&catalog, &c("call:setenv"), &[], &target), None);
}

#[test]
fn the_reason_names_the_versions_own_cause() {
    let call = site(Language::Python, "call:subprocess.call", SHELL);
    let vfork = judged(&python(SET), None, &call, "python=3.12,libc=glibc-2.36");
    assert!(vfork.why.contains("drops the GIL around vfork"), "{}", vfork.why);
    let guarded = judged(&python(SET), None, &call, "python=3.11.2,libc=glibc-2.36");
    assert!(!guarded.why.contains("drops the GIL"), "{}", guarded.why);
    let default = judged(&python(SET), None, &call, "");
    assert!(default.why.contains("drops the GIL around vfork"), "{}", default.why);
    let mapping = judged(
        &python("delete:os.environ[]"),
        None,
        &python("call:os.environ.copy"),
        "",
    );
    assert!(mapping.why.contains("KeyError"), "{}", mapping.why);
}

/// A macOS or BSD target was not measured: it is judged, and not called safe.
#[test]
fn unmeasured_libcs_are_taken_to_be_unsafe() {
    for target in ["libc=macos", "libc=freebsd"] {
        let verdict = judged(&c("call:setenv"), None, &c("call:system"), target);
        assert_eq!((verdict.effect, verdict.musl_only), (Memory, false), "{target}");
    }
    assert_eq!(
        judged(&c("call:setenv"), None, &c("call:putenv"), "libc=macos").effect,
        Environment
    );
    assert_eq!(
        judged(&c("call:setenv"), None, &c("call:putenv"), "libc=freebsd").effect,
        Memory
    );
}

/// CPython uses vfork on Linux alone; elsewhere subprocess forks with the GIL held.
#[test]
fn subprocess_forks_elsewhere() {
    let call = site(Language::Python, "call:subprocess.call", SHELL);
    assert_eq!(
        judged(&python(SET), None, &call, "python=3.12,libc=macos").effect,
        Environment
    );
    let popen = python("call:os.popen");
    assert_eq!(
        judged(&python(SET), None, &popen, "python=3.12,libc=macos").effect,
        Environment
    );
    assert_eq!(
        judged(&python(SET), None, &popen, "python=3.12,libc=musl").effect,
        Memory
    );
}

mod rows;
