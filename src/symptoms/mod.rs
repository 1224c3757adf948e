//! What people and machines see of a race: an `execve` that fails, a status of 32512, an error in a log; and which findings
//! it fits.
//!
//! Pure: text and numbers in, meaning out. It stands apart from `confirm`, which makes races happen, since most who need
//! it have a log of a race that happened elsewhere.

mod errno;
mod failure;
mod fit;
mod libcs;
mod log;
mod meaning;
mod strace;

pub use errno::{Errno, Recurs};
pub use failure::{ExecFailure, Reported, Word};
pub use fit::{Fit, matches};
pub use libcs::{STATUS_127, Said, SystemEra, popen_says};
pub use log::{Log, Reader, Seen, Sign};
pub use meaning::{Code, Meaning, Section, code, meaning};
