//! The measured verdicts, row by row. The rows are named after the tables of the measurements: "add new key" beside the
//! four kinds of partner, and so on. U: memory is unsafe; E: no use after free, but execve fails or the child's environment is
//! torn; N: only which value is seen; S: a known mechanism protects.

use super::*;

/// What a cell of the measurements comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    /// Memory: a crash, foreign data, or EFAULT from a shrinking array (E beside a spawn on shared memory).
    Unsafe,
    /// As above, and so seldom that the confidence is low.
    Rare,
    /// A torn or chance environment (N, S, and E in a forked copy).
    Chance,
}

use self::Said::{Chance, Rare, Unsafe};

fn said(verdict: &PairVerdict) -> Said {
    match (verdict.effect, verdict.rare) {
        (Memory, false) => Unsafe,
        (Memory, true) => Rare,
        _ => Chance,
    }
}

const LIBCS: [&str; 4] = ["glibc-2.36", "glibc-2.40", "glibc-2.41", "musl"];

/// One row of the table for C: the mutation beside a spawn on shared memory, fork and exec, and a reader.
#[track_caller]
fn c_row(row: &str, mutation: &str, shape: Option<Shape>, libc: &str, cells: [Said; 3]) {
    let shared = ["call:system", "call:popen", "call:posix_spawn", "call:vfork"];
    // musl's wordexp forks; it was measured beside each of these mutations, and none showed in about a thousand trials.
    let (shared, copied) = match libc {
        "musl" => (shared.to_vec(), vec!["call:fork", "call:wordexp"]),
        _ => ([&shared[..], &["call:wordexp"]].concat(), vec!["call:fork"]),
    };
    let readers = vec!["call:getenv", "call:tzset", "call:setlocale", "load:environ"];
    let partners = [shared, copied, readers];
    for (partners, wanted) in partners.iter().zip(cells) {
        for partner in partners {
            let given: &[(&str, &[ArgumentTest])] = &[("1", &[ArgumentTest::Empty]), ("5", &[ArgumentTest::Live])];
            let entries = site(Language::C, partner, given);
            let target = format!("libc={libc}");
            let verdict = judged(&c(mutation), shape, &entries, &target);
            assert_eq!(said(&verdict), wanted, "row `{row}`, {libc}, beside {partner}");
        }
    }
}

#[test]
fn add_new_key() {
    for libc in ["glibc-2.31", "glibc-2.36", "glibc-2.40"] {
        c_row(
            "add new key, glibc<2.41",
            "call:setenv",
            None,
            libc,
            [Unsafe, Rare, Unsafe],
        );
        c_row(
            "add new key, glibc<2.41",
            "call:putenv",
            None,
            libc,
            [Unsafe, Rare, Unsafe],
        );
    }
    for libc in ["glibc-2.41", "glibc-2.43"] {
        c_row(
            "add new key, glibc>=2.41",
            "call:setenv",
            None,
            libc,
            [Chance, Chance, Chance],
        );
    }
    c_row("add new key, musl", "call:setenv", None, "musl", [Unsafe, Rare, Unsafe]);
}

#[test]
fn overwrite() {
    let overwrite = Some(Shape::Overwrite);
    for libc in ["glibc-2.36", "glibc-2.41"] {
        c_row(
            "overwrite, glibc",
            "call:setenv",
            overwrite,
            libc,
            [Chance, Chance, Chance],
        );
    }
    c_row(
        "overwrite, musl",
        "call:setenv",
        overwrite,
        "musl",
        [Unsafe, Chance, Unsafe],
    );
}

#[test]
fn unsetenv() {
    for libc in ["glibc-2.36", "glibc-2.41", "glibc-2.43"] {
        c_row(
            "unsetenv, glibc any",
            "call:unsetenv",
            None,
            libc,
            [Unsafe, Chance, Chance],
        );
    }
    c_row(
        "unsetenv, musl",
        "call:unsetenv",
        None,
        "musl",
        [Unsafe, Chance, Unsafe],
    );
}

#[test]
fn clearenv_and_rebuild() {
    for libc in ["glibc-2.36", "musl"] {
        c_row(
            "clearenv/rebuild",
            "call:clearenv",
            None,
            libc,
            [Unsafe, Chance, Unsafe],
        );
    }
    // getenv of 2.43 saw NULLs and nothing worse.
    c_row(
        "clearenv/rebuild",
        "call:clearenv",
        None,
        "glibc-2.41",
        [Unsafe, Chance, Chance],
    );
}

#[test]
fn environ_replaced_and_the_old_array_freed() {
    for libc in LIBCS {
        c_row(
            "environ=new; free(old)",
            "store:environ",
            None,
            libc,
            [Unsafe, Chance, Unsafe],
        );
    }
}

/// "localtime_r: reads TZ only the first time; localhost: no per-call getenv": no crash was seen in four runs.
#[test]
fn readers_that_remember() {
    for reader in ["call:localtime_r", "call:getaddrinfo"] {
        let verdict = judged(&c("call:setenv"), None, &c(reader), "libc=glibc-2.36");
        assert_eq!(said(&verdict), Rare, "{reader}");
    }
    // musl asks on every call.
    let verdict = judged(&c("call:setenv"), None, &c("call:localtime_r"), "libc=musl");
    assert_eq!(said(&verdict), Unsafe);
}

/// Python's mutators beside a spawn, by version; the libc is the measured one unless said.
#[track_caller]
fn python_row(row: &str, mutation: &str, spawn: &[EntryId], cells: &[(&str, Said)]) {
    for (target, wanted) in cells {
        let verdict = judged(&python(mutation), None, spawn, target);
        assert_eq!(said(&verdict), *wanted, "row `{row}`: {mutation}, {target}");
    }
}

const DELETE: &str = "delete:os.environ[]";

#[test]
fn os_system() {
    let spawn = python("call:os.system");
    for python in [
        "3.8", "3.9", "3.10", "3.11.2", "3.11.7", "3.12", "3.13", "3.14", "3.13t",
    ] {
        let old = format!("python={python},libc=glibc-2.36");
        let new = format!("python={python},libc=glibc-2.41");
        python_row("os.system", SET, &spawn, &[(&old, Unsafe), (&new, Chance)]);
        python_row(
            "os.system, E on del/unset",
            DELETE,
            &spawn,
            &[(&old, Unsafe), (&new, Unsafe)],
        );
    }
}

const ABSOLUTE: &[(&str, &[ArgumentTest])] =
    &[("args", &[ArgumentTest::Slash, ArgumentTest::Present, ArgumentTest::Own])];
const BARE: &[(&str, &[ArgumentTest])] = &[(
    "args",
    &[ArgumentTest::NoSlash, ArgumentTest::Present, ArgumentTest::Own],
)];

/// 0 of 3,317 in 3.8, 0 of 6,019 in 3.10, 0 of 5,410 in 3.11.2; 21 of 5,072 in 3.11.7, 19 of 5,136 in 3.12.1.
#[test]
fn subprocess_without_env() {
    let absolute = site(Language::Python, "call:subprocess.run", ABSOLUTE);
    let versions = [
        ("python=3.8,libc=glibc-2.36", Chance),
        ("python=3.9,libc=glibc-2.36", Chance),
        ("python=3.10,libc=glibc-2.36", Chance),
        ("python=3.11.2,libc=glibc-2.36", Chance),
        ("python=3.11.7,libc=glibc-2.36", Unsafe),
        ("python=3.12,libc=glibc-2.36", Unsafe),
        ("python=3.13,libc=glibc-2.36", Chance),
        ("python=3.14,libc=glibc-2.36", Chance),
        ("python=3.12,libc=glibc-2.41", Chance),
    ];
    python_row("subprocess env=None", SET, &absolute, &versions);
    python_row(
        "E on del/unset",
        DELETE,
        &absolute,
        &[("python=3.12,libc=glibc-2.41", Unsafe)],
    );
    // "3.13.0 is only fast-path safe": a bare name 9 of 2,047, cwd 7 of 2,258, a new session 5 of 2,125.
    let off = [
        BARE,
        &[ABSOLUTE[0], ("cwd", &[ArgumentTest::Own, ArgumentTest::Present])],
        &[
            ABSOLUTE[0],
            ("start_new_session", &[ArgumentTest::True, ArgumentTest::Own]),
        ],
        &[ABSOLUTE[0], ("pass_fds", &[ArgumentTest::Own, ArgumentTest::Present])],
    ];
    for given in off {
        let spawn = site(Language::Python, "call:subprocess.run", given);
        let versions = [
            ("python=3.13,libc=glibc-2.36", Unsafe),
            ("python=3.14,libc=glibc-2.36", Unsafe),
        ];
        python_row("3.13+ U unless fast path", SET, &spawn, &versions);
        python_row(
            "3.13.5 on 2.41: set+del",
            DELETE,
            &spawn,
            &[("python=3.13,libc=glibc-2.41", Unsafe)],
        );
    }
}

#[test]
fn os_popen_goes_through_a_shell() {
    let versions = [
        ("python=3.11.2,libc=glibc-2.36", Chance),
        ("python=3.11.7,libc=glibc-2.36", Unsafe),
        ("python=3.12,libc=glibc-2.36", Unsafe),
        ("python=3.13,libc=glibc-2.36", Chance),
        ("python=3.13t,libc=glibc-2.36", Unsafe),
    ];
    python_row("os.popen env=None", SET, &python("call:os.popen"), &versions);
}

#[test]
fn a_copy_costs_no_memory() {
    let live: &[(&str, &[ArgumentTest])] = &[("env", &[ArgumentTest::Live, ArgumentTest::Present])];
    let spawn = site(Language::Python, "call:os.posix_spawn", live);
    for version in ["3.8", "3.11.7", "3.13", "3.13t"] {
        let target = format!("python={version}");
        python_row("os.posix_spawn(os.environ)", DELETE, &spawn, &[(&target, Chance)]);
        python_row(
            "os.environ.copy()",
            DELETE,
            &python("call:os.environ.copy"),
            &[(&target, Chance)],
        );
    }
}

/// "S vs Python mutators (GIL held at fork); rare vs native": GLib.setenv stands for native code.
#[test]
fn forks_of_python() {
    for spawn in ["call:os.fork", "call:os.spawnv"] {
        let spawn = python(spawn);
        for version in ["3.8", "3.11.7", "3.13"] {
            let target = format!("python={version},libc=glibc-2.36");
            python_row("os.fork+exec, spawnv", SET, &spawn, &[(&target, Chance)]);
            python_row(
                "rare vs native",
                "call:gi.repository.GLib.setenv",
                &spawn,
                &[(&target, Rare)],
            );
        }
    }
    let preexec: &[(&str, &[ArgumentTest])] = &[BARE[0], ("preexec_fn", &[ArgumentTest::Own, ArgumentTest::Present])];
    let spawn = site(Language::Python, "call:subprocess.run", preexec);
    python_row("preexec_fn", SET, &spawn, &[("python=3.12,libc=glibc-2.36", Chance)]);
}

/// "U: interpreter crash, any glibc": 10 of 10 on 2.36 and on 2.41, a Python-level mutator 0 of 10.
#[test]
fn native_setenv_beside_the_fast_path() {
    let spawn = site(Language::Python, "call:subprocess.run", ABSOLUTE);
    let native = "call:gi.repository.GLib.setenv";
    for target in [
        "python=3.13,libc=glibc-2.36",
        "python=3.13,libc=glibc-2.41",
        "python=3.14,libc=glibc-2.43",
    ] {
        python_row("native setenv + fast path", native, &spawn, &[(target, Unsafe)]);
        python_row("a Python-level mutator", SET, &spawn, &[(target, Chance)]);
    }
}

#[test]
fn free_threaded() {
    for given in [ABSOLUTE, BARE] {
        let spawn = site(Language::Python, "call:subprocess.run", given);
        python_row(
            "free-threaded 3.13t",
            SET,
            &spawn,
            &[("python=3.13t,libc=glibc-2.36", Unsafe)],
        );
    }
    python_row(
        "os.system",
        SET,
        &python("call:os.system"),
        &[("python=3.13t,libc=glibc-2.36", Unsafe)],
    );
}

#[test]
fn rust_and_c() {
    let on = |mutation: &str, partner: &str, libc: &str| {
        let target = format!("libc={libc}");
        said(&judged(&rust(mutation), None, &rust(partner), &target))
    };
    for libc in LIBCS {
        for partner in [
            "call:std::process::Command::status",
            "call:std::env::var",
            "call:std::env::vars",
        ] {
            assert_eq!(
                on("call:std::env::set_var", partner, libc),
                Chance,
                "set_var vs std: {partner}, {libc}"
            );
        }
    }
    for libc in ["glibc-2.36", "musl"] {
        assert_eq!(on("call:std::env::set_var", "call:libc::system", libc), Unsafe);
        for partner in [
            "call:std::process::Command::status",
            "call:std::env::var",
            "call:std::env::vars",
        ] {
            assert_eq!(
                on("call:libc::setenv", partner, libc),
                Unsafe,
                "C setenv vs std: {partner}, {libc}"
            );
        }
    }
    // "U on unset, else N" where old arrays are kept.
    assert_eq!(
        on("call:libc::setenv", "call:std::process::Command::status", "glibc-2.41"),
        Chance
    );
    assert_eq!(
        on(
            "call:libc::unsetenv",
            "call:std::process::Command::status",
            "glibc-2.41"
        ),
        Unsafe
    );
    assert_eq!(on("call:std::env::set_var", "call:libc::system", "glibc-2.41"), Chance);
}

/// macOS and the BSDs were not measured: an addition, a deletion and a rebuilding are taken to be unsafe.
#[test]
fn what_was_not_measured() {
    for libc in ["macos", "freebsd"] {
        for mutation in ["call:setenv", "call:unsetenv", "call:clearenv"] {
            let verdict = judged(&c(mutation), None, &c("call:system"), &format!("libc={libc}"));
            assert_eq!(said(&verdict), Unsafe, "{mutation} on {libc}");
        }
    }
}
