//! What `system` and `popen` say where the shell could not be started, by C library and version.
//!
//! Read in glibc's sources at every tag from 2.28 to 2.42 (sysdeps/posix/system.c, libio/iopopen.c) and in musl's
//! (src/process/system.c, src/stdio/popen.c). A test runs both on the machine at hand.

use crate::knowledge::{Libc, LibcKind};

const ENOMEM: i32 = 12;
const EAGAIN: i32 = 11;
/// `127 << 8`: the wait status of a child that ended with 127.
pub const STATUS_127: i32 = 32512;

/// Versions whose `system` behaves alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemEra {
    /// A forked child calls execve, and ends with 127 where that fails.
    ForkedShell,
    /// The error's number is returned as if it were a status (bug 25715).
    RawNumber,
    MinusOne,
    /// As POSIX has it (bug 27053).
    Status,
    /// The same, but for a child that could not be made at all (bug 32450).
    StatusOrMinusOne,
    Musl,
    /// Not read: what POSIX demands.
    Posix,
}

/// What `system` returns, and whether errno tells the error then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    pub value: i32,
    pub errno_tells: bool,
}

impl SystemEra {
    /// All, glibc's first, by age.
    pub const ALL: [SystemEra; 7] = [
        SystemEra::ForkedShell,
        SystemEra::RawNumber,
        SystemEra::MinusOne,
        SystemEra::Status,
        SystemEra::StatusOrMinusOne,
        SystemEra::Musl,
        SystemEra::Posix,
    ];

    /// Of a C library.
    pub fn of(libc: Libc) -> SystemEra {
        match libc.kind {
            LibcKind::Glibc if libc.version < (2, 29) => SystemEra::ForkedShell,
            LibcKind::Glibc if libc.version < (2, 32) => SystemEra::RawNumber,
            LibcKind::Glibc if libc.version < (2, 33) => SystemEra::MinusOne,
            LibcKind::Glibc if libc.version < (2, 41) => SystemEra::Status,
            LibcKind::Glibc => SystemEra::StatusOrMinusOne,
            LibcKind::Musl => SystemEra::Musl,
            LibcKind::Macos | LibcKind::Bsd => SystemEra::Posix,
        }
    }

    /// The versions in words.
    pub fn versions(self) -> &'static str {
        match self {
            SystemEra::ForkedShell => "glibc up to 2.28",
            SystemEra::RawNumber => "glibc 2.29 to 2.31",
            SystemEra::MinusOne => "glibc 2.32",
            SystemEra::Status => "glibc 2.33 to 2.40",
            SystemEra::StatusOrMinusOne => "glibc 2.41 and later",
            SystemEra::Musl => "musl",
            SystemEra::Posix => "macOS, the BSDs (not measured)",
        }
    }

    /// What `system` says where starting the shell failed with `errno`.
    pub fn says(self, errno: i32) -> Said {
        let no_child = errno == EAGAIN || errno == ENOMEM;
        let (value, errno_tells) = match self {
            SystemEra::ForkedShell | SystemEra::Posix if no_child => (-1, true),
            SystemEra::ForkedShell | SystemEra::Posix => (STATUS_127, false),
            SystemEra::RawNumber => (errno, false),
            SystemEra::MinusOne | SystemEra::Musl => (-1, true),
            SystemEra::StatusOrMinusOne if no_child => (-1, true),
            SystemEra::Status | SystemEra::StatusOrMinusOne => (STATUS_127, true),
        };
        Said { value, errno_tells }
    }
}

/// What `popen` says where starting the shell failed with EFAULT.
pub fn popen_says(libc: Libc) -> &'static str {
    match libc.kind {
        LibcKind::Glibc if libc.version < (2, 29) => "a stream; pclose then returns 32512",
        LibcKind::Glibc if libc.version < (2, 38) => "NULL with errno ENOMEM, whatever was the matter (bug 29016)",
        LibcKind::Glibc | LibcKind::Musl => "NULL with errno EFAULT",
        LibcKind::Macos | LibcKind::Bsd => "a stream; pclose then returns 32512 (not measured)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glibc(minor: u32) -> Libc {
        Libc {
            kind: LibcKind::Glibc,
            version: (2, minor),
        }
    }

    #[test]
    fn each_version_says_it_in_its_own_way() {
        let musl = Libc {
            kind: LibcKind::Musl,
            version: (1, 2),
        };
        for (libc, fault, no_memory) in [
            (glibc(28), (STATUS_127, false), (-1, true)),
            (glibc(29), (14, false), (12, false)),
            (glibc(31), (14, false), (12, false)),
            (glibc(32), (-1, true), (-1, true)),
            (glibc(33), (STATUS_127, true), (STATUS_127, true)),
            (glibc(40), (STATUS_127, true), (STATUS_127, true)),
            (glibc(41), (STATUS_127, true), (-1, true)),
            (musl, (-1, true), (-1, true)),
        ] {
            let era = SystemEra::of(libc);
            for (errno, (value, errno_tells)) in [(14, fault), (12, no_memory)] {
                assert_eq!(era.says(errno), Said { value, errno_tells }, "{libc} {errno}");
            }
        }
        for (libc, says) in [
            (glibc(28), "32512"),
            (glibc(37), "ENOMEM"),
            (glibc(38), "EFAULT"),
            (musl, "EFAULT"),
        ] {
            assert!(popen_says(libc).contains(says), "{libc}");
        }
    }
}
