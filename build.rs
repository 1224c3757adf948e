//! Says which program this is: facts and answers that another one made must not be taken for its own. And compiles the
//! small program that a replay starts a thousand times (src/confirm/checker.rs).

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::process::Command;

/// What facts come of.
const FRONTENDS: [&str; 4] = ["src/facts", "src/frontend", "src/input/decode.rs", "Cargo.lock"];

/// What findings come of.
const PROGRAM: [&str; 3] = ["src", "rules", "Cargo.lock"];

fn main() {
    print("ENVRACE_FRONTENDS", &FRONTENDS);
    print("ENVRACE_PROGRAM", &PROGRAM);
    environ_check();
}

/// Gives the program a number of these sources under a name.
fn print(name: &str, sources: &[&str]) {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    for source in sources {
        println!("cargo::rerun-if-changed={source}");
        hash(Path::new(source), &mut hasher);
    }
    println!("cargo::rustc-env={name}={:016x}", hasher.finish());
}

/// The source of the small program.
const CHECK: &str = "src/confirm/environ_check.c";

/// Leaves the small program in `OUT_DIR/environ_check`, or an empty file where the target has none or the compiler cannot
/// make one: envrace then does without.
fn environ_check() {
    println!("cargo::rerun-if-changed={CHECK}");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let out = Path::new(&variable("OUT_DIR")).join("environ_check");
    let known = ["x86_64", "aarch64"].contains(&variable("CARGO_CFG_TARGET_ARCH").as_str());
    let made = known && variable("CARGO_CFG_TARGET_OS") == "linux" && compile(&out);
    if !made {
        fs::write(&out, []).expect("cargo's own folder can be written to");
    }
}

fn compile(out: &Path) -> bool {
    // It keeps GNU's linker from filling pages up; zig's, which needs no telling, takes it for an error.
    const IN_ONE_PIECE: &str = "-Wl,-z,noseparate-code";
    compile_with(&[IN_ONE_PIECE], out) || compile_with(&[], out)
}

fn compile_with(flags: &[&str], out: &Path) -> bool {
    let mut build = cc::Build::new();
    build.cargo_metadata(false).pic(false).warnings(false).debug(false);
    let Ok(compiler) = build.try_get_compiler() else {
        return false;
    };
    let mut command: Command = compiler.to_command();
    // No C library, nothing that a loader would have to do, and no instruction that needs either.
    command.args([
        "-Os",
        "-ffreestanding",
        "-fno-builtin",
        "-fno-stack-protector",
        "-fno-pic",
        "-no-pie",
    ]);
    command.args(["-fno-asynchronous-unwind-tables", "-static", "-nostdlib", "-s"]);
    command.args(["-Wl,--build-id=none", "-Wl,-z,noexecstack"]).args(flags);
    command.arg("-o").arg(out).arg(CHECK);
    let ended = command.output();
    ended.is_ok_and(|ended| ended.status.success()) && fs::read(out).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF"))
}

fn hash(path: &Path, hasher: &mut DefaultHasher) {
    if let Ok(entries) = fs::read_dir(path) {
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().for_each(|path| hash(path, hasher));
    } else if let Ok(bytes) = fs::read(path) {
        path.hash(hasher);
        bytes.hash(hasher);
    }
}
