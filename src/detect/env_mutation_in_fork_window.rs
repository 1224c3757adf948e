//! A mutation between fork and exec in the child of a process that had threads.
//!
//! ## Why
//!
//! The child of `fork` has one thread and a copy of every lock as it was. `setenv`, `putenv`, `unsetenv`, `clearenv` take the
//! C library's environment lock and allocate; Python's and Rust's forms take more. If another thread held one of these at the
//! moment of the fork, nobody will ever release it in the child, which hangs for ever. After `vfork` the mutation also
//! changes the parent's own environment.
//!
//! ## Example
//!
//! ```c
//! pthread_create(&t, NULL, worker, NULL);
//! if (fork() == 0) {
//!     setenv("LANG", "C", 1);     /* may hang */
//!     execv("/bin/tool", argv);
//! }
//! ```
//!
//! ## Instead
//!
//! Make the child's environment before the fork and hand it to `execve` (or `env=`, `Command::env`); a bare `environ = p` in
//! the child takes no lock and is safe.
//!
//! ## How sure
//!
//! An error where a thread is evidently alive at the fork that may change the environment itself, and so hold the C library's lock
//! on it; a warning where that is a guess, or no thread is seen to (glibc's and musl's allocators take their locks around fork, so
//! that they are free in the child, but POSIX promises neither); a note in Python, whose forks and changes of `os.environ` both hold the
//! GIL: there it takes a thread of C code in the C library's environment functions, or a build without the GIL.

use crate::finding::{Confidence, RuleCode, Severity};
use crate::model::PairKind;

use super::describe::Describe;
use super::{Case, Draft, Rule};

pub const RULE: Rule = Rule {
    code: RuleCode::ER005,
    preview: false,
    text: include_str!("env_mutation_in_fork_window.rs"),
    judge,
};

fn judge(describe: &Describe<'_, '_>, case: &Case<'_>) -> Option<Draft> {
    if case.pair.kind != PairKind::ForkWindow || !describe.takes_a_lock(&case.pair.mutation) {
        return None;
    }
    let severity = match describe.confidence(case).0 {
        _ if describe.forks_under_gil(case) => Severity::Note,
        _ if case.pair.no_holder => Severity::Warning,
        Confidence::Low => Severity::Warning,
        Confidence::Medium | Confidence::High => Severity::Error,
    };
    let mutation = describe.api(&case.pair.mutation);
    let fork = describe.api(&case.pair.partner);
    Some(Draft {
        severity,
        message: format!(
            "{mutation} runs between fork and exec in the child of a process that has threads: it may wait for ever for a \
             lock that another thread held at the fork"
        ),
        help: describe.advice(&case.pair.partner, case).unwrap_or_else(|| {
            "make the child's environment before the fork and hand it over (execve with an envp of its own, env=, \
             Command::env)"
                .to_owned()
        }),
        interleaving: [
            "another thread is inside the C library's environment functions or its allocator, and holds their lock"
                .to_owned(),
            format!(
                "{fork} at {} copies the locked lock into the child",
                describe.place(&case.pair.partner)
            ),
            format!(
                "{mutation} at {} waits in the child for a thread that is not there",
                describe.place(&case.pair.mutation)
            ),
        ],
    })
}
