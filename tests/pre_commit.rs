//! The hooks, run by pre-commit itself on commits of a scratch repository: pip builds and installs the wheel into an
//! environment of the hook's own, as it does for a user. Skips loudly where pre-commit or a build tool cannot be fetched.
//!
//! The hook that builds with cargo is the same command built otherwise; it takes minutes and is run on request:
//! `cargo test --test pre_commit -- --ignored`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const RACY: &str = "\
import os
import threading


def work():
    os.system('cc')


thread = threading.Thread(target=work)
thread.start()
for name in os.listdir('.'):
    os.environ[name] = '1'
thread.join()
";

#[test]
fn the_wheels_hook() {
    hook("envrace");
}

#[test]
#[ignore = "builds all with cargo, unoptimised, into a folder of its own: two minutes"]
fn the_hook_that_builds_with_cargo() {
    hook("envrace-rust");
}

/// Commits, each with what the hook must say of it.
fn hook(id: &str) {
    let Some(bench) = Bench::new(id) else { return };
    // Nothing of the commit can race.
    bench.write("quiet.py", "print('hello')\n");
    bench.passes("a file without a race");
    // A race in a new file.
    bench.write("build.py", RACY);
    let said = bench.fails("a race");
    assert!(said.contains("build.py:12"), "{said}");
    assert!(said.contains("env-mutation-during-spawn"), "{said}");
    // The race is there, in a file that this commit does not touch.
    bench.git(&["commit", "--quiet", "--no-verify", "-m", "a race that stays"]);
    bench.write("quiet.py", "print('hello, world')\n");
    bench.passes("a commit that does not touch the race");
    // Excluded files stay so, though they are passed by name.
    bench.write("envrace.toml", "exclude = ['generated']\n");
    bench.write("generated/out.py", RACY);
    bench.passes("a commit whose sources are all excluded");
    // Nothing that the hook reads.
    bench.write("README", "words\n");
    bench.passes("a commit without sources");
}

/// A scratch repository with the hook installed from a copy of this one.
struct Bench {
    folder: tempfile::TempDir,
    tools: PathBuf,
}

impl Bench {
    fn new(id: &str) -> Option<Bench> {
        let tools = match tools() {
            Ok(tools) => tools,
            Err(cause) => {
                eprintln!("SKIPPED: pre-commit cannot be run here: {cause}");
                return None;
            }
        };
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let bench = Bench { folder, tools };
        bench.copy_this_repository();
        let commit = text(&bench.git_in("envrace", &["rev-parse", "HEAD"]));
        fs::create_dir(bench.path("project")).expect("the folder was just made");
        bench.git(&["init", "--quiet"]);
        let source = bench.path("envrace");
        bench.write(
            ".pre-commit-config.yaml",
            &format!(
                "repos:\n- repo: {}\n  rev: {}\n  hooks:\n  - id: {id}\n",
                source.display(),
                commit.trim()
            ),
        );
        let installed = bench.pre_commit(&["install", "--install-hooks"]);
        let said = both(&installed);
        if !installed.status.success() && (said.contains("No matching distribution") || said.contains("Connection")) {
            eprintln!("SKIPPED: the hook's build tools cannot be fetched:\n{said}");
            return None;
        }
        assert!(installed.status.success(), "{said}");
        Some(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What git would hold of the working tree, as a repository with one commit.
    fn copy_this_repository(&self) {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(own)
            .output()
            .expect("git was there a moment ago");
        for name in text(&listed).split('\0').filter(|name| !name.is_empty()) {
            let (from, to) = (own.join(name), self.path("envrace").join(name));
            fs::create_dir_all(to.parent().expect("a file lies in a folder")).expect("folders can be made");
            // A file that was deleted and not yet committed so is listed too.
            if from.is_file() {
                fs::copy(&from, &to).expect("the repository can be read");
            }
        }
        self.git_in("envrace", &["init", "--quiet"]);
        self.git_in("envrace", &["add", "--all"]);
        self.git_in("envrace", &["commit", "--quiet", "-m", "a copy"]);
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path("project").join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folders can be made");
        fs::write(path, content).expect("the folder is the test's own");
        self.git(&["add", name]);
    }

    fn passes(&self, what: &str) {
        let output = self.commit(what);
        assert!(output.status.success(), "{what}: {}", both(&output));
    }

    fn fails(&self, what: &str) -> String {
        let output = self.commit(what);
        assert!(!output.status.success(), "{what}: {}", both(&output));
        both(&output)
    }

    fn commit(&self, what: &str) -> Output {
        self.command("git")
            .args(["commit", "--quiet", "-m", what])
            .output()
            .expect("git was there a moment ago")
    }

    fn git(&self, args: &[&str]) {
        self.git_in("project", args);
    }

    fn git_in(&self, folder: &str, args: &[&str]) -> Output {
        let output = self.command("git").current_dir(self.path(folder)).args(args).output();
        let output = output.expect("git was there a moment ago");
        assert!(output.status.success(), "git {args:?}: {}", both(&output));
        output
    }

    fn pre_commit(&self, args: &[&str]) -> Output {
        self.command(&self.tools.join("pre-commit").to_string_lossy())
            .args(args)
            .output()
            .expect("it was just installed")
    }

    /// A command in the project, with nothing of the machine's own settings, building without optimisation.
    fn command(&self, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .current_dir(self.path("project"))
            .env("PATH", format!("{}:{path}", self.tools.display()))
            .env("PRE_COMMIT_HOME", self.path("home"))
            .env("MATURIN_PEP517_ARGS", "--profile dev")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_TARGET_DIR", build_folder())
            .env("CARGO_BUILD_BUILD_DIR", own_build_folder())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env_remove("GIT_DIR");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "test")
                .env(format!("GIT_{role}_EMAIL"), "test@example.org");
        }
        command
    }
}

/// What the hooks build lies here, away from what the tests run.
fn build_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("hook-build")
}

/// What is on the way to it lies where this test was built, so that dependencies are not compiled once more.
fn own_build_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("it lies in the target folder")
}

/// The folder of programs of a virtual environment with pre-commit, made once.
fn tools() -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pre-commit-4.0.1");
    let programs = venv.join("bin");
    if programs.join("pre-commit").is_file() {
        return Ok(programs);
    }
    attempt(Command::new("git").arg("--version"))?;
    attempt(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "pre-commit==4.0.1",
    ];
    attempt(Command::new(programs.join("python")).args(pip))?;
    Ok(programs)
}

fn attempt(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(both(&output)
            .lines()
            .last()
            .unwrap_or("it failed without a word")
            .to_owned())
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn both(output: &Output) -> String {
    text(output) + &String::from_utf8_lossy(&output.stderr)
}
