//! What several integration tests share. Each test binary uses a part of it.
#![allow(dead_code)]

pub mod fixtures;
pub mod parallel;
pub mod processes;
