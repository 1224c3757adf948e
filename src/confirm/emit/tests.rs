use super::*;
use crate::confirm::pattern_python::{Given, PythonMutation, PythonPartner, Subprocess, SubprocessFunction};
use crate::confirm::testing::{finding, site};

const MUTATIONS: [NativeMutation; 13] = [
    NativeMutation::SetenvAdd,
    NativeMutation::SetenvOverwrite,
    NativeMutation::PutenvAdd,
    NativeMutation::PutenvOverwrite,
    NativeMutation::Unsetenv,
    NativeMutation::Clearenv,
    NativeMutation::SetenvToggle,
    NativeMutation::EnvironStore,
    NativeMutation::EnvironElement,
    NativeMutation::SetVarAdd,
    NativeMutation::SetVarOverwrite,
    NativeMutation::SetVarToggle,
    NativeMutation::RemoveVar,
];

const PARTNERS: [NativePartner; 26] = [
    NativePartner::System,
    NativePartner::Popen,
    NativePartner::PosixSpawn,
    NativePartner::PosixSpawnp,
    NativePartner::ForkExec,
    NativePartner::VforkExec,
    NativePartner::Wordexp,
    NativePartner::Getenv,
    NativePartner::EnvironWalk,
    NativePartner::Localtime,
    NativePartner::LocaltimeR,
    NativePartner::Strftime,
    NativePartner::Newlocale,
    NativePartner::Mktime,
    NativePartner::Tzset,
    NativePartner::Setlocale,
    NativePartner::Getaddrinfo,
    NativePartner::Command,
    NativePartner::CommandEnv,
    NativePartner::CommandEnvClear,
    NativePartner::CommandPreExec,
    NativePartner::EnvVar,
    NativePartner::EnvVars,
    NativePartner::ForkWindow,
    NativePartner::Mutation(NativeMutation::SetenvAdd),
    NativePartner::Mutation(NativeMutation::RemoveVar),
];

/// Gaps that nobody filled.
fn gaps(text: &str) -> bool {
    text.split('@')
        .skip(1)
        .any(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase()))
}

#[test]
fn every_native_pattern_has_a_program() {
    for mutation in MUTATIONS {
        for partner in PARTNERS {
            let rust = rust::program("a pattern", mutation, partner).expect("Rust has every form");
            assert!(!gaps(&rust), "{mutation} beside {partner}");
            let foreign = match partner {
                NativePartner::Mutation(other) => other.is_std(),
                _ => partner.is_std(),
            };
            let c = c::program("a pattern", mutation, partner);
            assert_eq!(c.is_none(), mutation.is_std() || foreign, "{mutation} beside {partner}");
            assert!(!c.is_some_and(|text| gaps(&text)), "{mutation} beside {partner}");
        }
    }
}

#[test]
fn a_gap_is_filled_once_and_other_signs_stay() {
    assert_eq!(fill("a @X@ b@c @Y@", &[("X", "@Y@"), ("Y", "y")]), "a @Y@ b@c y");
}

#[test]
fn the_language_is_that_of_the_finding_and_of_what_only_rust_has() {
    let native = |language: &str, mutation: &str, partner: &str| {
        let mut found = finding(site(&[mutation], Some("add"), ""), site(&[partner], None, ""));
        found.mutation.language = language.to_owned();
        found.partner.as_mut().expect("made above").language = language.to_owned();
        reproducers(&[found]).0.remove(0).language
    };
    assert_eq!(native("c", "call:setenv", "call:system"), ProgramLanguage::C);
    assert_eq!(
        native("rust", "call:libc::setenv", "call:libc::system"),
        ProgramLanguage::Rust
    );
    assert_eq!(
        native("rust", "call:std::env::set_var", "call:libc::system"),
        ProgramLanguage::Rust
    );
}

#[test]
fn findings_of_one_pattern_share_a_reproducer_and_the_rest_is_named() {
    let store = || site(&["store:os.environ[]"], Some("add"), "");
    let (made, without) = reproducers(&[
        finding(store(), site(&["call:os.system"], None, "")),
        finding(store(), site(&["call:strange.start"], None, "")),
        finding(store(), site(&["call:os.system"], None, "")),
    ]);
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].findings, [0, 2]);
    assert_eq!(made[0].slug(), "os-environ-k-v-beside-os-system");
    assert_eq!(without.len(), 1);
    assert_eq!(without[0].0, 1);
}

#[test]
fn keywords_of_a_call_come_back_in_its_reproducer() {
    let form = Subprocess {
        function: SubprocessFunction::Run,
        shell: false,
        bare: true,
        cwd: true,
        keep_fds: false,
        preexec: false,
        session: false,
        pass_fds: false,
        env: Given::Nothing,
    };
    let text = python::program("p", PythonMutation::PutenvAdd, PythonPartner::Subprocess(form));
    assert!(
        text.contains("subprocess.run([\"sh\", \"-c\", CHECK], cwd=\"/\").returncode"),
        "{text}"
    );
    assert!(text.contains("os.putenv(\"NEW_%04d\" % n, \"n\")") && !gaps(&text));
    assert!(text.contains("import subprocess\n") && !text.contains("import locale\n"));
}

#[test]
fn hostile_text_of_a_finding_stays_in_its_line() {
    let mut found = finding(
        site(&["store:os.environ[]"], Some("add"), ""),
        site(&["call:os.system"], None, ""),
    );
    found.mutation.location.path = "a`\n# b\u{1b}[2J.py".to_owned();
    found.message = "one\n## two".to_owned();
    let (made, _) = reproducers(&[found]);
    let readme = &made[0].files[0].text;
    assert!(
        !readme.contains('\u{1b}') && !readme.contains("\n# b") && !readme.contains("\n## two"),
        "{readme}"
    );
}

#[test]
fn only_an_empty_directory_or_an_earlier_reproducer_is_written_to() {
    let of = |partner: &str| {
        let store = site(&["store:os.environ[]"], Some("add"), "");
        reproducers(&[finding(store, site(&[partner], None, ""))]).0.remove(0)
    };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let directory = folder.path().join("new/repro");
    write_reproducer(&of("call:os.system"), &directory).expect("an absent directory is made");
    std::fs::write(directory.join("notes.txt"), "mine").expect("the directory is ours");
    std::fs::write(directory.join("trace.txt"), "old").expect("the directory is ours");
    write_reproducer(&of("call:os.popen"), &directory).expect("an earlier reproducer is replaced");
    let program = std::fs::read_to_string(directory.join("repro.py")).expect("it was written");
    assert!(program.contains("os.popen"), "{program}");
    assert!(directory.join("notes.txt").exists() && !directory.join("trace.txt").exists());
    let foreign = folder.path().join("foreign");
    std::fs::create_dir(&foreign).expect("the folder is ours");
    std::fs::write(foreign.join("README.md"), "# Mine\n").expect("the folder is ours");
    assert!(matches!(
        write_reproducer(&of("call:os.system"), &foreign),
        Err(EmitError::Foreign(_))
    ));
    assert_eq!(std::fs::read_dir(&foreign).expect("it is there").count(), 1);
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("the folder is ours");
    assert!(matches!(
        write_reproducer(&of("call:os.system"), &file),
        Err(EmitError::NoDirectory(_))
    ));
}

/// Every form of each side, beside one of the other: what is written of a pattern depends on one side at a time but for
/// the cases that follow.
fn native_patterns() -> Vec<(NativeMutation, NativePartner)> {
    let mut patterns: Vec<_> = PARTNERS
        .iter()
        .map(|partner| (NativeMutation::SetenvAdd, *partner))
        .collect();
    patterns.extend(MUTATIONS.iter().map(|mutation| (*mutation, NativePartner::System)));
    for partner in [
        NativePartner::ForkWindow,
        NativePartner::Getenv,
        NativePartner::PosixSpawn,
    ] {
        patterns.extend(
            [
                NativeMutation::Clearenv,
                NativeMutation::Unsetenv,
                NativeMutation::EnvironStore,
            ]
            .map(|m| (m, partner)),
        );
    }
    patterns.push((NativeMutation::RemoveVar, NativePartner::EnvVar));
    patterns.push((
        NativeMutation::EnvironStore,
        NativePartner::Mutation(NativeMutation::EnvironStore),
    ));
    patterns
}

/// Runs a compiler; `None` where there is none.
fn compile(program: &str, arguments: &[&str], folder: &std::path::Path) -> Option<String> {
    let output = std::process::Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output();
    let Ok(output) = output else {
        eprintln!("SKIPPED: {program} is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { String::new() } else { said })
}

#[test]
fn programs_in_c_compile_without_a_warning() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut arguments = vec!["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    for (number, (mutation, partner)) in native_patterns().into_iter().enumerate() {
        if let Some(text) = c::program("a pattern", mutation, partner) {
            let name = format!("p{number}.c");
            std::fs::write(folder.path().join(&name), text).expect("the folder is ours");
            arguments.push(name);
        }
    }
    assert!(arguments.len() > 25);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    assert_eq!(compile("cc", &arguments, folder.path()).unwrap_or_default(), "");
}

#[test]
fn programs_in_rust_compile_without_a_warning() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut modules = String::from("#![deny(warnings)]\n");
    for (number, (mutation, partner)) in native_patterns().into_iter().enumerate() {
        let text = rust::program("a pattern", mutation, partner).expect("Rust has every form");
        let path = folder.path().join(format!("p{number}.rs"));
        std::fs::write(path, text).expect("the folder is ours");
        modules.push_str(&format!("mod p{number};\n"));
    }
    std::fs::write(folder.path().join("all.rs"), modules).expect("the folder is ours");
    let arguments = [
        "--edition",
        "2021",
        "--crate-type",
        "lib",
        "--emit",
        "metadata",
        "all.rs",
    ];
    assert_eq!(compile("rustc", &arguments, folder.path()).unwrap_or_default(), "");
}

#[test]
fn programs_in_python_compile() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let form = |function| {
        PythonPartner::Subprocess(Subprocess {
            function,
            shell: function == SubprocessFunction::Call,
            bare: false,
            cwd: true,
            keep_fds: true,
            preexec: true,
            session: true,
            pass_fds: true,
            env: Given::Copy,
        })
    };
    let partners = [
        PythonPartner::System,
        PythonPartner::Popen,
        form(SubprocessFunction::Call),
        form(SubprocessFunction::CheckOutput),
        form(SubprocessFunction::Popen),
        form(SubprocessFunction::GetOutput),
        PythonPartner::PosixSpawn {
            bare: true,
            env: Given::Live,
        },
        PythonPartner::SpawnV { bare: false },
        PythonPartner::SpawnV { bare: true },
        PythonPartner::ForkExec,
        PythonPartner::ForkWindow { preexec: true },
        PythonPartner::ForkWindow { preexec: false },
        PythonPartner::Iterate,
        PythonPartner::Setlocale,
    ];
    let mutations = [
        PythonMutation::StoreAdd,
        PythonMutation::Clear,
        PythonMutation::PopItem,
        PythonMutation::UpdateAdd,
    ];
    let mut names = Vec::new();
    for (number, partner) in partners.into_iter().enumerate() {
        let text = python::program("a pattern", mutations[number % mutations.len()], partner);
        assert!(!gaps(&text), "{partner}");
        let name = format!("p{number}.py");
        std::fs::write(folder.path().join(&name), text).expect("the folder is ours");
        names.push(name);
    }
    let mut arguments = vec!["-W", "error", "-m", "py_compile"];
    arguments.extend(names.iter().map(String::as_str));
    assert_eq!(compile("python3", &arguments, folder.path()).unwrap_or_default(), "");
}
