//! What several integration tests share. Each test binary uses a part of it.
#![allow(dead_code)]

pub mod choices;
pub mod finding;
pub mod fixtures;
pub mod harness;
pub mod hostile;
pub mod mutate;
pub mod parallel;
pub mod processes;
