//! Which findings a failure fits.

use crate::finding::{Effect, FailureForm, Finding, PartnerKind, Spawned};

use super::failure::{EFAULT, ExecFailure, base};

/// How well a failure fits a finding, best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fit {
    /// Nothing that is known speaks against it.
    Possible,
    /// Both start a shell, or both a program of their own, and more is not known.
    Kind,
    /// The program or the command line is the same, as far as the code names it.
    Program,
}

/// Whether the failure can be this finding's: its partner is a spawn that the failure's program and arguments fit, and
/// the finding's effect explains the error. Of all errors only EFAULT is one that such a race makes; every other gives
/// `None`.
pub fn matches(finding: &Finding, failure: &ExecFailure) -> Option<Fit> {
    let partner = finding.partner.as_ref()?;
    let explains = failure.errno == EFAULT && finding.effect == Effect::Memory;
    if !explains || finding.partner_kind != PartnerKind::Spawn {
        return None;
    }
    let spoken = failure.reported.and_then(|reported| reported.language);
    if spoken.is_some_and(|language| language.name() != partner.language) {
        return None;
    }
    let Some(spawned) = &partner.spawns else {
        return Some(Fit::Possible);
    };
    if failure
        .reported
        .is_some_and(|reported| reported.form != spawned.failure)
    {
        return None;
    }
    if failure.arguments.is_empty() && failure.program.is_none() {
        // A status of 127 is a shell's: no other spawn gives one.
        return Some(match failure.reported {
            Some(reported) if reported.form == FailureForm::Status => Fit::Kind,
            _ => Fit::Possible,
        });
    }
    by_words(spawned, failure)
}

fn by_words(spawned: &Spawned, failure: &ExecFailure) -> Option<Fit> {
    let shell = failure.shell_command();
    let Some(known) = spawned.command.as_deref() else {
        return kind(spawned.shell, shell.is_some());
    };
    match shell {
        // A program that is itself a shell is started with `-c` too.
        Some(command) if spawned.shell => fits(known, &command.text, command.cut).then_some(Fit::Program),
        None if spawned.shell => None,
        _ => named(known, failure).then_some(Fit::Program),
    }
}

/// A program of its own may turn out to be a shell; a shell is always one.
fn kind(spawns_shell: bool, is_shell: bool) -> Option<Fit> {
    match (spawns_shell, is_shell) {
        (true, false) => None,
        (false, true) => Some(Fit::Possible),
        _ => Some(Fit::Kind),
    }
}

/// Whether the failure's path or `argv[0]` is the program that the code names. A name without a slash is looked up in
/// PATH, so that only the last component can be compared.
fn named(known: &str, failure: &ExecFailure) -> bool {
    let first = failure.arguments.first();
    let names = failure
        .program
        .as_deref()
        .map(|path| (path, false))
        .into_iter()
        .chain(first.map(|word| (word.text.as_str(), word.cut)));
    names.into_iter().any(|(name, cut)| {
        if known.contains('/') {
            fits(known, name, cut)
        } else {
            fits(known, base(name), cut)
        }
    })
}

/// Whether a pattern (`*` stands for any text) can be `text`, or, where that is `cut`, a text that begins with it.
fn fits(pattern: &str, text: &str, cut: bool) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or("");
    if cut && first.len() > text.len() {
        return first.starts_with(text);
    }
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    for (index, piece) in pieces.iter().enumerate() {
        let last = index + 1 == pieces.len();
        if last && !cut {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            // What is missing may stand in the part that was cut off.
            None => return cut,
        }
    }
    rest.is_empty() || cut && !pieces.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Language;
    use crate::report::sample;
    use crate::symptoms::Word;

    fn finding(shell: bool, command: Option<&str>) -> Finding {
        let mut finding = sample::builder().build();
        let partner = finding.partner.as_mut().expect("the sample has a partner");
        partner.spawns = Some(Spawned {
            shell,
            command: command.map(str::to_owned),
            failure: if shell { FailureForm::Status } else { FailureForm::Error },
        });
        finding
    }

    fn traced(program: &str, arguments: &[&str]) -> ExecFailure {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        ExecFailure::traced(program, &arguments, EFAULT)
    }

    #[test]
    fn a_shell_fits_what_starts_a_shell() {
        let shell = traced("/bin/sh", &["sh", "-c", "cc -c a.c"]);
        assert_eq!(matches(&finding(true, None), &shell), Some(Fit::Kind));
        assert_eq!(matches(&finding(true, Some("cc -c *")), &shell), Some(Fit::Program));
        assert_eq!(matches(&finding(true, Some("ld *")), &shell), None);
        assert_eq!(matches(&finding(false, Some("cc")), &shell), None);
        assert_eq!(matches(&finding(false, None), &shell), Some(Fit::Possible));
    }

    #[test]
    fn a_program_fits_by_its_name() {
        let cc = traced("/usr/bin/cc", &["cc", "-c", "a.c"]);
        for (known, expected) in [
            ("cc", Some(Fit::Program)),
            ("/usr/bin/cc", Some(Fit::Program)),
            ("/opt/bin/cc", None),
            ("c*", Some(Fit::Program)),
            ("ld", None),
        ] {
            assert_eq!(matches(&finding(false, Some(known)), &cc), expected, "{known}");
        }
        assert_eq!(matches(&finding(true, None), &cc), None, "system starts a shell");
    }

    #[test]
    fn only_the_error_that_a_race_makes_fits() {
        let mut shell = traced("/bin/sh", &["sh", "-c", "cc"]);
        let mut harmless = finding(true, None);
        harmless.effect = Effect::Environment;
        assert_eq!(matches(&harmless, &shell), None);
        shell.errno = 7;
        assert_eq!(matches(&finding(true, None), &shell), None);
    }

    #[test]
    fn what_the_caller_was_told_tells_apart() {
        let status = ExecFailure::told(EFAULT, FailureForm::Status, None);
        let python = ExecFailure::told(EFAULT, FailureForm::Error, Some(Language::Python));
        let rust = ExecFailure::told(EFAULT, FailureForm::Error, Some(Language::Rust));
        assert_eq!(matches(&finding(true, Some("cc")), &status), Some(Fit::Kind));
        assert_eq!(matches(&finding(false, Some("cc")), &status), None);
        assert_eq!(matches(&finding(false, Some("cc")), &python), Some(Fit::Possible));
        assert_eq!(matches(&finding(true, Some("cc")), &python), None);
        assert_eq!(
            matches(&finding(false, Some("cc")), &rust),
            None,
            "the sample is Python"
        );
    }

    #[test]
    fn cut_arguments_fit_by_what_is_left() {
        for (pattern, text, cut, expected) in [
            ("cc -c *", "cc -c lib/a.c", false, true),
            ("cc -c *.c", "cc -c lib/a.o", false, false),
            ("* -c *.c", "gcc -c lib/a.c", false, true),
            ("cc -c *.c", "cc -c lib/a", true, true),
            ("cc -c a.c", "cc -c", true, true),
            ("cc -c a.c", "cc -o", true, false),
            ("cc", "cc -o", true, false),
            ("cc", "cc -o", false, false),
            ("*", "anything", false, true),
        ] {
            assert_eq!(fits(pattern, text, cut), expected, "{pattern} {text} {cut}");
        }
        let mut shell = traced("/bin/sh", &["sh", "-c"]);
        shell.arguments.push(Word {
            text: "gcc -pthread -O2 -c co".to_owned(),
            cut: true,
        });
        assert_eq!(
            matches(&finding(true, Some("gcc -pthread -O2 -c * -o *")), &shell),
            Some(Fit::Program)
        );
    }
}
