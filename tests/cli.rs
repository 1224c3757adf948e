//! Runs the command as users do. Every case is a file in tests/cli/: the folder it starts from, the arguments, and what
//! must come out. `[..]` stands for any text within a line, `...` for any lines.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// One case.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    args: Vec<String>,
    /// The folder to run in, below the case's own.
    #[serde(default)]
    cwd: String,
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Files as hexadecimal digits, for what is no text.
    #[serde(default)]
    bytes: BTreeMap<String, String>,
    #[serde(default)]
    folders: Vec<String>,
    #[serde(default)]
    links: BTreeMap<String, String>,
    #[serde(default)]
    pipes: Vec<String>,
    /// Files of the last commit; makes the folder a real repository, in which `staged` is added on top, and then `files`
    /// are written.
    #[serde(default)]
    committed: BTreeMap<String, String>,
    #[serde(default)]
    staged: BTreeMap<String, String>,
    /// Files that are removed again after that.
    #[serde(default)]
    removed: Vec<String>,
    /// Arguments of earlier runs; each has to end as it says.
    #[serde(default)]
    before: Vec<Before>,
    /// Files that are written after the earlier runs.
    #[serde(default)]
    then: BTreeMap<String, String>,
    exit: i32,
    /// Unchecked where absent.
    stdout: Option<String>,
    stderr: Option<String>,
    /// What must not occur in either.
    #[serde(default)]
    absent: Vec<String>,
    /// What files hold afterwards.
    #[serde(default)]
    left: BTreeMap<String, String>,
}

/// An earlier run.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    args: Vec<String>,
    exit: i32,
}

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("tests/cli is part of the repository")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    assert!(paths.len() > 20, "the cases are there");
    let failures: Vec<String> = paths.iter().filter_map(|path| run(path).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases failed\n{}",
        failures.len(),
        paths.len(),
        failures.join("\n")
    );
}

/// Same input, same bytes out, whatever the number of threads and however often.
#[test]
fn output_does_not_depend_on_threads() {
    let check = |folder: &str, jobs: &str| {
        Command::new(env!("CARGO_BIN_EXE_envrace"))
            .args(["check", folder, "--format", "json", "--jobs", jobs])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the command was built for this test")
            .stdout
    };
    for folder in ["fixtures/python", "fixtures/rust"] {
        let one = check(folder, "1");
        assert!(one.len() > 10_000, "{folder} holds findings");
        for jobs in ["2", "7"] {
            assert!(one == check(folder, jobs), "{folder} with {jobs} jobs");
        }
    }
}

fn run(path: &Path) -> Result<(), String> {
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let case: Case = toml::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
    let folder = tempfile::tempdir().map_err(|error| format!("{name}: {error}"))?;
    prepare(&case, folder.path()).map_err(|error| format!("{name}: {error}"))?;
    let command = |args: &[String]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_envrace"));
        command
            .args(args)
            .current_dir(folder.path().join(&case.cwd))
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .envs(&case.env);
        command
    };
    for before in &case.before {
        let output = command(&before.args)
            .output()
            .map_err(|error| format!("{name}: {error}"))?;
        if output.status.code() != Some(before.exit) {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "{name}: {:?} ended with {:?}\n{said}",
                before.args, output.status
            ));
        }
    }
    write(&case.then, folder.path()).map_err(|error| format!("{name}: {error}"))?;
    let mut child = command(&case.args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    let mut stdin = child.stdin.take().expect("it was asked to be piped");
    // A command that does not read its input closes it.
    let _ = stdin.write_all(case.stdin.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().map_err(|error| format!("{name}: {error}"))?;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let context = || format!("--- stdout\n{stdout}--- stderr\n{stderr}");
    if output.status.code() != Some(case.exit) {
        return Err(format!(
            "{name}: ended with {:?}, not {}\n{}",
            output.status.code(),
            case.exit,
            context()
        ));
    }
    for absent in &case.absent {
        if stdout.contains(absent.as_str()) || stderr.contains(absent.as_str()) {
            return Err(format!("{name}: `{absent}` occurs\n{}", context()));
        }
    }
    for (stream, actual, expected) in [("stdout", &stdout, &case.stdout), ("stderr", &stderr, &case.stderr)] {
        if let Some(expected) = expected {
            snapbox::Assert::new()
                .try_eq(
                    Some(&format!("{name} {stream}")),
                    actual.to_string().into(),
                    expected.as_str().into(),
                )
                .map_err(|error| format!("{name}: {error}\n{}", context()))?;
        }
    }
    for (path, expected) in &case.left {
        let actual =
            fs::read_to_string(folder.path().join(path)).map_err(|error| format!("{name}: {path}: {error}"))?;
        snapbox::Assert::new()
            .try_eq(Some(&format!("{name} {path}")), actual.into(), expected.as_str().into())
            .map_err(|error| format!("{name}: {error}\n{}", context()))?;
    }
    Ok(())
}

fn write(files: &BTreeMap<String, String>, root: &Path) -> std::io::Result<()> {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a name below the root has a parent"))?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// Runs git as nobody in particular.
fn git(root: &Path, args: &[&str]) -> std::io::Result<()> {
    let mut command = Command::new("git");
    command
        .args(args)
        .current_dir(root)
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "nobody");
        command.env(format!("GIT_{who}_EMAIL"), "nobody@example.org");
    }
    for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
        command.env_remove(name);
    }
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {said}");
    Ok(())
}

/// A repository with one commit, something staged, and something that is neither.
fn repository(case: &Case, root: &Path) -> std::io::Result<()> {
    git(root, &["init", "-q", "-b", "main"])?;
    write(&case.committed, root)?;
    git(root, &["add", "--all"])?;
    git(root, &["commit", "-q", "--allow-empty", "-m", "first"])?;
    write(&case.staged, root)?;
    git(root, &["add", "--all"])
}

/// Makes the folder that the case starts from; it is a repository, so that ignore files count.
fn prepare(case: &Case, root: &Path) -> std::io::Result<()> {
    if case.committed.is_empty() {
        fs::create_dir(root.join(".git"))?;
    } else {
        repository(case, root)?;
    }
    for folder in &case.folders {
        fs::create_dir_all(root.join(folder))?;
    }
    write(&case.files, root)?;
    for (name, digits) in &case.bytes {
        let digits: Vec<&str> = digits.split_whitespace().collect();
        let byte = |digits: &&str| u8::from_str_radix(digits, 16).expect("a case writes bytes as two digits each");
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a name below the root has a parent"))?;
        fs::write(path, digits.iter().map(byte).collect::<Vec<u8>>())?;
    }
    for (name, target) in &case.links {
        std::os::unix::fs::symlink(target, root.join(name))?;
    }
    for name in &case.removed {
        fs::remove_file(root.join(name))?;
    }
    for name in &case.pipes {
        nix::unistd::mkfifo(&root.join(name), nix::sys::stat::Mode::S_IRWXU)?;
    }
    Ok(())
}
