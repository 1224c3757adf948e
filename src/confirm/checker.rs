//! The checking child as a program of its own: small, and in memory alone.
//!
//! The hidden command `__environ-check` of our own binary does the same, but a dynamically linked binary of this size
//! takes about 200 page faults to start, and a replay with its controls starts more than a thousand. So build.rs compiles
//! `environ_check.c` where it can, and what it made is run from a file that has no name on any disk.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{environ_check, machine};

/// What build.rs made; empty where it could make nothing.
const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/environ_check"));

/// The program, ready to run; its memory goes with this value.
#[derive(Debug)]
pub struct Checker {
    file: File,
}

impl Checker {
    /// Makes the file and asks it whether it works: a kernel may forbid to run what is on no disk
    /// (`vm.memfd_noexec`), a container may have a /proc of others. `None` where anything stands against it.
    pub fn new() -> Option<Checker> {
        if PROGRAM.is_empty() {
            return None;
        }
        let mut file = File::from(nameless()?);
        file.write_all(PROGRAM).ok()?;
        let sealed = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(sealed)).ok()?;
        let checker = Checker { file };
        machine::answers(&checker.program(), environ_check::NAME)
            .is_ok()
            .then_some(checker)
    }

    /// What to start: a path that is valid as long as this process and this value live, also for a child that has closed
    /// all its descriptors.
    pub fn program(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }
}

/// A file in memory that may be run. Kernels before Linux 6.3 do not know the flag for that, and need none.
fn nameless() -> Option<OwnedFd> {
    // include/uapi/linux/memfd.h; the crates have no name for it.
    const MFD_EXEC: u32 = 0x10;
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let runnable = flags | MFdFlags::from_bits_retain(MFD_EXEC);
    [runnable, flags]
        .into_iter()
        .find_map(|flags| memfd_create(c"envrace-environ-check", flags).ok())
}

#[cfg(test)]
mod tests {
    use std::ffi::{CStr, CString};
    use std::os::unix::ffi::OsStrExt;
    use std::ptr;

    use super::*;

    /// Starts the program with these entries as its environment, which need not be a sound one, and waits for its exit
    /// code.
    fn exit_code(checker: &Checker, entries: &[&[u8]], count: usize, emptied: bool) -> i32 {
        let text = |bytes: &[u8]| CString::new(bytes).expect("without NUL");
        let path = text(checker.program().as_os_str().as_bytes());
        let mut words = vec![
            path.clone(),
            text(environ_check::NAME.as_bytes()),
            text(count.to_string().as_bytes()),
        ];
        words.extend(emptied.then(|| text(b"emptied")));
        let entries: Vec<CString> = entries.iter().map(|entry| text(entry)).collect();
        let list = |texts: &[CString]| -> Vec<*mut libc::c_char> {
            let pointers = texts.iter().map(|text| CStr::as_ptr(text).cast_mut());
            pointers.chain([ptr::null_mut()]).collect()
        };
        let (words, entries) = (list(&words), list(&entries));
        let (mut pid, mut status) = (0, 0);
        // SAFETY: the path and all texts are NUL-terminated and outlive the call, both lists end with null; waitpid
        // writes one int.
        unsafe {
            let started = libc::posix_spawn(
                &mut pid,
                path.as_ptr(),
                ptr::null(),
                ptr::null(),
                words.as_ptr(),
                entries.as_ptr(),
            );
            assert_eq!(started, 0, "{:?}", checker.program());
            assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
        }
        assert!(libc::WIFEXITED(status), "{status}");
        libc::WEXITSTATUS(status)
    }

    /// Each environment is judged by the program as it is by `environ_check::judge`.
    #[test]
    fn the_small_program_and_our_own_agree() {
        let Some(checker) = Checker::new() else {
            let known = cfg!(all(
                target_os = "linux",
                any(target_arch = "x86_64", target_arch = "aarch64")
            ));
            assert!(
                !known || !PROGRAM.is_empty(),
                "build.rs could not compile environ_check.c"
            );
            eprintln!("skipped: the small program cannot be run here");
            return;
        };
        let whole: [&[u8]; 3] = [
            b"PATH=/bin:\xff",
            b"ENVRACE_S00=sentinel-00",
            b"ENVRACE_S01=sentinel-01",
        ];
        let many: Vec<String> = (0..3000).map(|index| format!("ENVRACE_N{index:04}=n")).collect();
        let many: Vec<&[u8]> = many.iter().map(String::as_bytes).collect();
        let again = [&many[..], &[b"ENVRACE_N0007=m"]].concat();
        let environments: Vec<(Vec<&[u8]>, usize)> = vec![
            (vec![], 0),
            (vec![], 1),
            (whole.to_vec(), 2),
            (whole.to_vec(), 1),
            (whole.to_vec(), 3),
            (whole[..1].to_vec(), 2),
            (whole[..2].to_vec(), 2),
            (vec![b"ENVRACE_S00=other"], 1),
            (vec![b"ENVRACE_S00=sentinel-01"], 1),
            (vec![b"ENVRACE_S00=sentinel-000"], 1),
            (vec![b"ENVRACE_S0=sentinel-0"], 1),
            (vec![b"ENVRACE_S000=sentinel-000"], 1),
            (vec![b"ENVRACE_S100=sentinel-100"], 1),
            (vec![b"ENVRACE_S99999999999999999999=sentinel-99999999999999999999"], 1),
            (vec![whole[1], whole[2], whole[1]], 2),
            (vec![b"ENVRACE_S00=sentinel-00", b"ENVRACE_S00=other"], 1),
            (vec![b"PATH=1", b"PATH=2"], 0),
            (vec![b"PATH=1", b"PATHS=2"], 0),
            (vec![b"", whole[1], b"", b""], 1),
            (vec![b"\x01\x02x"], 0),
            (vec![b"FOREIGN=1"], 0),
            (vec![b"A=\xff"], 0),
            (vec![b"ENVRACE_N0001=\xff"], 0),
            (vec![b"ENVRACE_N0001=\xc3\xa9"], 0),
            (vec![b"ENVRACE_N0001=a b"], 0),
            (vec![b"ENVRACE_\xff=n"], 0),
            (vec![b"ENVRACE_N0001"], 0),
            (
                vec![
                    b"ENVRACE_=",
                    b"ENVRACE_O==",
                    b"_=x",
                    b"PWD=",
                    b"LANG=C",
                    b"LC_ALL=C",
                    b"LC_CTYPE=C",
                ],
                0,
            ),
            (vec![b"=", b"LD_LIBRARY_PATH=/lib"], 0),
            (vec![b"LD_LIBRARY_PATH=/lib"], 0),
            (vec![b"LD_LIBRARY_PATH"], 0),
            (many.clone(), 0),
            (again, 0),
            (many, 1),
        ];
        let mut codes = std::collections::BTreeSet::new();
        for (entries, count) in &environments {
            for emptied in [false, true] {
                let mut block = entries.join(&0u8);
                block.push(0);
                let expected = i32::from(environ_check::judge(&block, *count, emptied));
                let found = exit_code(&checker, entries, *count, emptied);
                assert_eq!(
                    found,
                    expected,
                    "{:?} {count} {emptied}",
                    String::from_utf8_lossy(&block)
                );
                codes.insert(found);
            }
        }
        assert_eq!(Vec::from_iter(codes), [0, 77, 78, 79]);
    }

    #[test]
    fn nobody_can_change_the_program() {
        if let Some(mut checker) = Checker::new() {
            assert!(checker.file.write_all(b"other").is_err());
            assert!(checker.file.set_len(0).is_err());
        }
    }
}
