//! A program that could not be started, as a tracer, a log or an error message tells it.

use crate::facts::Language;
use crate::finding::FailureForm;

/// Linux' number of the error that a race on the environment makes `execve` fail with.
pub const EFAULT: i32 = 14;

/// One argument, whole or only its beginning (strace cuts strings).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// More followed.
    pub cut: bool,
}

impl Word {
    /// An argument that is known whole.
    pub fn whole(text: impl Into<String>) -> Word {
        Word {
            text: text.into(),
            cut: false,
        }
    }
}

/// What the caller was told, where the failure is known from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reported {
    pub form: FailureForm,
    /// The language whose way of saying it that is (`[Errno 14]`: Python).
    pub language: Option<Language>,
}

/// A program that could not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecFailure {
    /// The path that `execve` was given.
    pub program: Option<String>,
    /// Its argument list from `argv[0]` on, as far as known; empty where it is not.
    pub arguments: Vec<Word>,
    /// The error's number.
    pub errno: i32,
    /// For a failure that is known from what its caller said.
    pub reported: Option<Reported>,
}

impl ExecFailure {
    /// A failing `execve` as a tracer sees it: `program` is its path, `arguments` its argument list, both whole.
    pub fn traced(program: &str, arguments: &[String], errno: i32) -> ExecFailure {
        ExecFailure {
            program: Some(program.to_owned()),
            arguments: arguments.iter().map(Word::whole).collect(),
            errno,
            reported: None,
        }
    }

    /// A failure of which only its caller's words are known.
    pub fn told(errno: i32, form: FailureForm, language: Option<Language>) -> ExecFailure {
        ExecFailure {
            program: None,
            arguments: Vec::new(),
            errno,
            reported: Some(Reported { form, language }),
        }
    }

    /// The command line where it is a shell's (`["sh", "-c", command]`, also `["sh", "-c", "--", command]` as newer glibc writes
    /// it), which means system, popen or a shell that was asked for.
    pub fn shell_command(&self) -> Option<&Word> {
        let (name, rest) = self.arguments.split_first()?;
        let shell = matches!(base(&name.text), "sh" | "bash" | "dash");
        match rest {
            [flag, dashes, command] if shell && flag.text == "-c" && dashes.text == "--" => Some(command),
            // What follows the command are the shell's own parameters.
            [flag, command, ..] if shell && flag.text == "-c" => Some(command),
            _ => None,
        }
    }
}

/// The last component of a path.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(arguments: &[&str]) -> Option<String> {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let failure = ExecFailure::traced("/bin/sh", &arguments, EFAULT);
        failure.shell_command().map(|word| word.text.clone())
    }

    #[test]
    fn a_shell_with_a_command_is_told_from_a_script() {
        assert_eq!(command(&["sh", "-c", "cc -c a.c"]).as_deref(), Some("cc -c a.c"));
        assert_eq!(command(&["sh", "-c", "--", "cc"]).as_deref(), Some("cc"), "newer glibc");
        assert_eq!(command(&["/bin/sh", "-c", "cc", "$0"]).as_deref(), Some("cc"));
        assert_eq!(command(&["sh", "build.sh"]), None);
        assert_eq!(command(&["cc", "-c", "a.c"]), None);
        assert_eq!(command(&[]), None);
    }
}
