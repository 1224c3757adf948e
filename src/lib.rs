//! envrace finds places where the process environment is changed while another thread may be starting a process or
//! reading the environment, explains each with both call chains, and confirms the pattern by replaying it.
//!
//! The modules below stand in the order in which data flows; a module uses only modules above it, plus the types in
//! [`facts`] and [`finding`]. `cli` is the exception at the end: it is what the user asked, and drives all the others.
//! ARCHITECTURE.md has the map and the rules of absence; tests/architecture.rs checks them.

#![deny(unsafe_code)]

pub mod facts;
pub mod finding;
pub mod input;
pub mod frontend;
pub mod knowledge;
pub mod model;
pub mod detect;
pub mod triage;
pub mod report;
pub mod symptoms;
// Replays call what cannot be called safely; each block says its proof.
#[allow(unsafe_code)]
pub mod confirm;
pub mod cli;
