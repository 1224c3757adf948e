//! A mutation may run while another thread starts a process with the live environment.
//!
//! ## Why
//!
//! `system()`, `popen()`, `posix_spawn()` and `vfork` + `exec` run `execve` in a child that still shares the parent's memory,
//! and hand it the live `environ` array. Adding a variable moves that array and, up to glibc 2.40 and in musl, frees the old
//! one; deleting one shortens it while the kernel is copying. `execve` then fails with EFAULT (`system` returns 32512, Python
//! raises `[Errno 14] Bad address`), or the child gets foreign data. Languages on top do not help where they let go of their
//! lock around the spawn: CPython's `os.system` always does, its `subprocess` from 3.11.6 to 3.12 and later off a fast path.
//!
//! ## Example
//!
//! ```python
//! threading.Thread(target=lambda: os.system("cc -c a.c")).start()
//! os.environ["LD_RUN_PATH"] = "/opt/lib"      # the compiler may fail to start
//! ```
//!
//! ## Instead
//!
//! Hand the variable to the child alone (`env=`, `Command::env`, an `envp` made beforehand), change the environment before
//! the first thread starts or after the last one was joined, or hold one lock around every mutation and every spawn.
//!
//! ## How sure
//!
//! An error where the overlap is evident and a supported version fails. A warning where only musl is unsafe, where a guess
//! was needed, or where nothing can have moved `environ` to the heap before and the mutation runs once: the kernel's own
//! array is never freed, so a first addition alone is harmless.

use crate::finding::{Confidence, Effect, RuleCode, Severity};
use crate::model::{AccessKind, PairKind};

use super::describe::Describe;
use super::{Case, Draft, Rule};

pub const RULE: Rule = Rule {
    code: RuleCode::ER001,
    preview: false,
    text: include_str!("env_mutation_during_spawn.rs"),
    judge,
};

fn judge(describe: &Describe<'_, '_>, case: &Case<'_>) -> Option<Draft> {
    if case.pair.kind != PairKind::Race || case.partner != AccessKind::Spawn || case.verdict.effect != Effect::Memory {
        return None;
    }
    let harmless_first = describe.array(case).is_some_and(|array| !array.heap);
    let sure = describe.confidence(case).0 > Confidence::Low;
    let severity = if sure && !case.verdict.musl_only && !harmless_first {
        Severity::Error
    } else {
        Severity::Warning
    };
    let mutation = describe.api(&case.pair.mutation);
    let partner = describe.api(&case.pair.partner);
    Some(Draft {
        severity,
        message: format!(
            "{mutation} may run while another thread is in {partner}: {}",
            case.verdict.why
        ),
        help: describe.help(case),
        interleaving: [
            format!(
                "{} reaches {partner} at {}: the address of the environ array goes to the child",
                describe.who(&case.pair.partner),
                describe.place(&case.pair.partner)
            ),
            format!(
                "{} runs {mutation} at {}: {}",
                describe.who(&case.pair.mutation),
                describe.place(&case.pair.mutation),
                describe.what_changes(case)
            ),
            format!("execve in the child reads the old address: {}", describe.symptom(case)),
        ],
    })
}
