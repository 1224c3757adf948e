//! Errors with which starting a program fails, and what causes each.

/// How often an error comes back when the same thing is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurs {
    /// Every time, so that it can be found by looking.
    Always,
    /// Only sometimes: a race.
    AtRandom,
    /// As long as the machine or the user is short of something.
    WhileShort,
}

impl Recurs {
    /// A few words.
    pub fn words(self) -> &'static str {
        match self {
            Recurs::Always => "every time",
            Recurs::AtRandom => "at random",
            Recurs::WhileShort => "while something is short",
        }
    }
}

/// One error, with its number on Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno {
    pub name: &'static str,
    pub number: i32,
    /// As strerror words it.
    pub text: &'static str,
    pub recurs: Recurs,
    /// What makes starting a program fail with it.
    pub cause: &'static str,
    /// What to do about it.
    pub next: &'static str,
}

/// The errors of execve(2), and those of making a child at all. Sources: Linux fs/exec.c, execve(2), fork(2).
pub const ERRNOS: [Errno; 19] = [
    Errno {
        name: "EFAULT",
        number: 14,
        text: "Bad address",
        recurs: Recurs::AtRandom,
        cause: "execve met a pointer that led nowhere in the arguments or the environment: another thread changed the \
                environment while the kernel copied it. A buffer given to putenv and freed since, or a corrupt \
                environ, looks the same",
        next: "`envrace check` finds the change and the spawn; `envrace confirm` replays the pair; \
               `strace -f -e trace=execve -o log CMD` shows the failing execve, and `envrace explain - < log` reads it",
    },
    Errno {
        name: "E2BIG",
        number: 7,
        text: "Argument list too long",
        recurs: Recurs::Always,
        cause: "one argument or one variable of more than 131,072 bytes (32 pages), its final NUL counted (a command line of \
                131,072 characters, of which 131,071 would do), or all of them together too long (a quarter of the \
                stack limit, 2 MiB by default). One variable that is too long makes every later start fail",
        next: "pass the list in a file or through a pipe; look for a variable that grows (`env | wc -c`)",
    },
    Errno {
        name: "ENOENT",
        number: 2,
        text: "No such file or directory",
        recurs: Recurs::Always,
        cause: "the program is not there, or its interpreter (the `#!` line, the dynamic loader) is not",
        next: "look for the program and for what its first line names; in a chroot or a small container /bin/sh may \
               be missing",
    },
    Errno {
        name: "EACCES",
        number: 13,
        text: "Permission denied",
        recurs: Recurs::Always,
        cause: "the file may not be executed, a folder on the way may not be entered, or the file system is mounted noexec",
        next: "look at the modes of the file and of every folder above it, and at the mount's options",
    },
    Errno {
        name: "ENOEXEC",
        number: 8,
        text: "Exec format error",
        recurs: Recurs::Always,
        cause: "the file is no program: for another processor, empty, or a script without `#!`",
        next: "look at it with `file`",
    },
    Errno {
        name: "ELOOP",
        number: 40,
        text: "Too many levels of symbolic links",
        recurs: Recurs::Always,
        cause: "links lead in a circle, or interpreters name each other",
        next: "follow the links with `namei -l`",
    },
    Errno {
        name: "ENOMEM",
        number: 12,
        text: "Cannot allocate memory",
        recurs: Recurs::WhileShort,
        cause: "no memory for the child. From glibc 2.29 to 2.37 popen says ENOMEM whatever was the matter, EFAULT too",
        next: "where popen says it, trace execve for the true error; else look at the memory limits",
    },
    Errno {
        name: "EAGAIN",
        number: 11,
        text: "Resource temporarily unavailable",
        recurs: Recurs::WhileShort,
        cause: "too many processes or threads, of the user or in the container",
        next: "look at `ulimit -u` and at the container's pids limit",
    },
    Errno {
        name: "ECHILD",
        number: 10,
        text: "No child processes",
        recurs: Recurs::Always,
        cause: "the child's status is gone: SIGCHLD is ignored, or another thread waited for any child",
        next: "look for signal(SIGCHLD, SIG_IGN) and for wait() or waitpid(-1, …) elsewhere in the program",
    },
    Errno {
        name: "EPERM",
        number: 1,
        text: "Operation not permitted",
        recurs: Recurs::Always,
        cause: "a security policy, or a set-user-ID program where that is forbidden",
        next: "look at seccomp, AppArmor or SELinux, and at no_new_privs",
    },
    Errno {
        name: "EINTR",
        number: 4,
        text: "Interrupted system call",
        recurs: Recurs::AtRandom,
        cause: "a signal came while the parent waited",
        next: "wait again",
    },
    Errno {
        name: "EIO",
        number: 5,
        text: "Input/output error",
        recurs: Recurs::Always,
        cause: "the file cannot be read from its disk",
        next: "look at the kernel's log",
    },
    Errno {
        name: "ENOTDIR",
        number: 20,
        text: "Not a directory",
        recurs: Recurs::Always,
        cause: "something on the path is no folder",
        next: "look at the path",
    },
    Errno {
        name: "EINVAL",
        number: 22,
        text: "Invalid argument",
        recurs: Recurs::Always,
        cause: "a program with more than one interpreter, or an argument of the call itself that cannot be",
        next: "look at the call's arguments",
    },
    Errno {
        name: "ENFILE",
        number: 23,
        text: "Too many open files in system",
        recurs: Recurs::WhileShort,
        cause: "the machine has no file descriptors left",
        next: "look at /proc/sys/fs/file-nr",
    },
    Errno {
        name: "EMFILE",
        number: 24,
        text: "Too many open files",
        recurs: Recurs::WhileShort,
        cause: "the process has no file descriptors left",
        next: "look at `ulimit -n`, and for descriptors that are never closed",
    },
    Errno {
        name: "ETXTBSY",
        number: 26,
        text: "Text file busy",
        recurs: Recurs::AtRandom,
        cause: "the program's file is open for writing, by this process or by a child that another thread forked \
                before it was closed",
        next: "close the file in every process before it is run; it is a race of its own, and none on the environment",
    },
    Errno {
        name: "ENAMETOOLONG",
        number: 36,
        text: "File name too long",
        recurs: Recurs::Always,
        cause: "a path of more than 4,095 bytes, or a component of more than 255",
        next: "look at the path",
    },
    Errno {
        name: "ENOSYS",
        number: 38,
        text: "Function not implemented",
        recurs: Recurs::Always,
        cause: "the kernel, or its seccomp filter, does not know the system call",
        next: "look at the container's seccomp profile",
    },
];

/// The error of this name (`EFAULT`, in any case) .
pub fn by_name(name: &str) -> Option<&'static Errno> {
    ERRNOS.iter().find(|errno| errno.name.eq_ignore_ascii_case(name))
}

/// The error of this number on Linux.
pub fn by_number(number: i32) -> Option<&'static Errno> {
    ERRNOS.iter().find(|errno| errno.number == number)
}

/// Linux' signals by number, where x86 and ARM agree.
const SIGNALS: [&str; 15] = [
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV",
    "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM",
];

/// The name of a signal.
pub fn signal(number: i32) -> Option<&'static str> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    SIGNALS.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers and texts are those of the machine that runs the tests.
    #[cfg(target_os = "linux")]
    #[test]
    fn numbers_and_texts_are_the_systems() {
        use nix::errno::Errno as System;
        for errno in &ERRNOS {
            let system = System::from_raw(errno.number);
            assert_eq!(format!("{system:?}"), errno.name);
            let said = std::io::Error::from_raw_os_error(errno.number).to_string();
            assert!(said.starts_with(errno.text), "{said} is not {}", errno.text);
        }
        for (index, name) in SIGNALS.iter().enumerate() {
            let system = nix::sys::signal::Signal::try_from(index as i32 + 1).expect("it is a signal of Linux");
            assert_eq!(system.as_str(), *name);
        }
    }
}
