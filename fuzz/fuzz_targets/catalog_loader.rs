#![no_main]

#[path = "../../tests/support/choices.rs"]
#[allow(dead_code)]
mod choices;
#[path = "../../tests/support/harness.rs"]
#[allow(dead_code)]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::catalog_loader(bytes));
