//! The README of a reproducer: what it shows, how to run it, and why it fails.

use std::fmt::Write;

use crate::finding::{Evidence, Finding, Site, Verdict};
use crate::report::sanitise_line;

use super::super::pattern::Pattern;
use super::super::pattern_native::NativePartner;
use super::super::pattern_python::PythonPartner;
use super::ProgramLanguage;
use super::directory::MARK;

/// Findings that are listed.
const MOST: usize = 20;

/// The text. `findings` are those of the pattern, at least one.
pub fn text(pattern: &Pattern, language: ProgramLanguage, findings: &[&Finding]) -> String {
    let mut out = format!("# {pattern}\n\n{MARK}\n\n");
    let source = language.source();
    // Writing into a string cannot fail, here and below.
    let _ = writeln!(
        out,
        "`{source}` is a small {} program in which one thread does the first while eight others do the second. It was\n\
         written by `envrace confirm --emit` (envrace {}) and stands alone. It holds the *pattern* of what was found and\n\
         no line of the program in which it was found.\n",
        language.name(),
        env!("CARGO_PKG_VERSION"),
    );
    out.push_str(&running(language));
    out.push_str(symptoms(pattern));
    if let Some(finding) = findings.first() {
        why(&mut out, finding);
    }
    places(&mut out, findings);
    if let Some(evidence) = findings.iter().find_map(|finding| finding.confirmation.as_ref()) {
        measured(&mut out, evidence);
    }
    out
}

fn running(language: ProgramLanguage) -> String {
    let needs = match language {
        ProgramLanguage::C => "a C compiler (`CC`, `cc` by default)",
        ProgramLanguage::Python => "Python 3.8 or later (`PYTHON`, `python3` by default)",
        ProgramLanguage::Rust => "rustc 1.77 or later (`RUSTC`, `rustc` by default)",
    };
    format!(
        "## Run it\n\n\
         ```sh\n\
         ./run.sh            # or: make run\n\
         ./run.sh control    # or: make control; the same without the changes, in which nothing may fail\n\
         ./run.sh 60         # for up to 60 seconds instead of 20\n\
         ```\n\n\
         It needs a POSIX shell and {needs}.\n\
         strace only adds a line where it is installed. It ends by itself, at the first failure or when its time is over,\n\
         writes to no other folder, and clears its own environment, so that yours does not matter.\n\n\
         | status | meaning |\n|---|---|\n\
         | 0 | reproduced: a run failed (`control`: none did) |\n\
         | 1 | not reproduced: no run failed in its time (`control`: one did) |\n\
         | 2 | it could not be built or run |\n\n"
    )
}

/// What is printed when it fails, and what that means.
fn symptoms(pattern: &Pattern) -> &'static str {
    let (hides, spawns) = (pattern.hides_errno(), pattern.spawns());
    match pattern {
        Pattern::Native {
            partner: NativePartner::ForkWindow,
            ..
        }
        | Pattern::Python {
            partner: PythonPartner::ForkWindow { .. },
            ..
        } => FORK_WINDOW,
        Pattern::Native {
            partner: NativePartner::Mutation(_),
            ..
        } => MUTATIONS,
        Pattern::Python {
            partner: PythonPartner::System,
            ..
        } => OS_SYSTEM,
        Pattern::Native {
            partner: NativePartner::System,
            ..
        } => SYSTEM,
        _ if hides => HIDDEN,
        _ if spawns => SPAWN,
        _ => READ,
    }
}

const OS_SYSTEM: &str = "\
A failure reads like this; the numbers differ from run to run:

```text
[thread 5][os.system failure] ouch! return code = 32512
302 successful runs before failure
```

32512 is 127 << 8: the child ended with 127, because `execve` of `/bin/sh` was refused. Here it cannot mean that the
command was not found, since the command uses a shell's builtins alone. The errno is EFAULT (14): the array of
variables was gone when the kernel read it.

";

const SYSTEM: &str = "\
A failure reads like this; the numbers differ from run to run:

```text
[thread 5][system failure] ouch! return code = 32512, errno = 14 (Bad address)
302 successful runs before failure
```

32512 is 127 << 8: the child ended with 127, because `execve` of `/bin/sh` was refused (musl's `system` returns -1
instead). Here it cannot mean that the command was not found, since the command uses a shell's builtins alone. EFAULT
(14): the array of variables was gone when the kernel read it.

";

const SPAWN: &str = "\
A failed run prints a line with `ouch!`: EFAULT (14, Bad address) where the array of variables was gone when the kernel
read it, return code 32512 (127 << 8) where a child met that, 77 where a child lacked variables that were always
set. The last line counts the runs before it.

";

const HIDDEN: &str = "\
A failed run prints a line with `ouch!`. The function does not pass on what `execve` said: glibc 2.36's `popen` says
ENOMEM for EFAULT, and `wordexp` gives an empty result. That nothing fails in the control is what tells the cause;
strace shows the errno itself. The last line counts the runs before the failure.

";

const READ: &str = "\
A failure is mostly a crash: the reader follows the old array, which is freed. The program says so, since each round is a
process of its own. A line with `ouch!` says that a reader got a wrong value. The last line counts the runs before it,
each of which is many reads.

";

const FORK_WINDOW: &str = "\
A failure is a child that waits for ever for a lock which another thread held at the time of `fork`; it is ended after a
second, and the program says so. The last line counts the runs before it.

";

const MUTATIONS: &str = "\
A failure is a crash, or a variable that nobody touched and that is lost or doubled when both have ended. The last line
counts the runs before it.

";

fn why(out: &mut String, finding: &Finding) {
    let _ = writeln!(out, "## Why\n\n{}\n", sentence(&finding.message));
    for (number, step) in (1..).zip(&finding.interleaving) {
        let _ = writeln!(out, "{number}. {}", sanitise_line(step));
    }
    if !finding.interleaving.is_empty() {
        out.push('\n');
    }
    if !finding.holds_for.is_empty() {
        let versions = finding.holds_for.iter().map(|text| sanitise_line(text));
        let _ = writeln!(out, "This holds for {}.\n", versions.collect::<Vec<_>>().join(", "));
    }
    let _ = writeln!(out, "**Instead**: {}\n", sentence(&finding.help));
}

fn places(out: &mut String, findings: &[&Finding]) {
    out.push_str("## Where it was found\n\n");
    for finding in findings.iter().take(MOST) {
        let partner = finding.partner.as_ref().map_or(String::new(), |partner| {
            format!(", beside {} at {}", code(&partner.api), place(partner))
        });
        let fingerprint: String = finding.fingerprint.chars().take(16).collect();
        let _ = writeln!(
            out,
            "* {} at {}{partner} ({}, fingerprint {fingerprint}): {}",
            code(&finding.mutation.api),
            place(&finding.mutation),
            finding.code.code(),
            sanitise_line(&finding.overlap.reason),
        );
    }
    if findings.len() > MOST {
        let _ = writeln!(out, "* and {} more", findings.len() - MOST);
    }
    out.push('\n');
}

fn place(site: &Site) -> String {
    code(&format!("{}:{}", site.location.path, site.location.line))
}

/// What confirm measured.
fn measured(out: &mut String, evidence: &Evidence) {
    if evidence.verdict == Verdict::CannotRun {
        return;
    }
    let machine = &evidence.machine;
    let runtime = machine
        .runtime
        .as_ref()
        .map_or(String::new(), |name| format!("{name}, "));
    let _ = writeln!(
        out,
        "## What `envrace confirm` saw\n\n{}: {} of {} runs failed on {runtime}{}, {}, {} cores.\n",
        evidence.verdict.name(),
        evidence.failures,
        evidence.trials,
        machine.libc,
        machine.kernel,
        machine.cores,
    );
}

/// A code span, whatever the text holds.
fn code(text: &str) -> String {
    format!("`{}`", sanitise_line(text).replace('`', "'"))
}

/// A fragment as a sentence.
fn sentence(text: &str) -> String {
    let text = sanitise_line(text);
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with('.') { "" } else { "." };
    // A name must keep its case.
    let named = text
        .split([' ', '(', '['])
        .next()
        .is_some_and(|word| word.contains(['.', '_', '`', ':']));
    if named {
        format!("{text}{end}")
    } else {
        format!("{first}{}{end}", chars.as_str())
    }
}
