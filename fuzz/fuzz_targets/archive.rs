#![no_main]

use std::sync::LazyLock;

#[path = "../../tests/support/choices.rs"]
#[allow(dead_code)]
mod choices;
#[path = "../../tests/support/harness.rs"]
#[allow(dead_code)]
mod harness;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder can be made"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::archive(bytes, FOLDER.path()));
