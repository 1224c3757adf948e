//! Arguments in, exit code out.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// The analysis makes and drops millions of small things; glibc's allocator takes a sixth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Replays call this program again; those calls are no part of its command line.
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if let Some(code) = envrace::confirm::hidden_main(&arguments) {
        return code;
    }
    ExitCode::from(envrace::cli::run(std::env::args_os()).code())
}
