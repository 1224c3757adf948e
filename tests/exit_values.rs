//! What `envrace explain 32512` and its like claim, where this machine can show it without luck: the limits of execve, and
//! what this C library's system and popen say of a shell that could not be started.

#![cfg(target_os = "linux")]

use std::ffi::CString;
use std::io::Error;
use std::process::Command;

use envrace::knowledge::{Libc, Target};
use envrace::symptoms::{STATUS_127, SystemEra, popen_says};

const EFAULT: i32 = 14;
const E2BIG: i32 = 7;
const ENOMEM: i32 = 12;

/// The C library that this test is linked to.
fn libc_here() -> Option<Libc> {
    let said = envrace::confirm::libc().ok()?;
    let target = Target::parse(&format!("libc={said}")).ok()?;
    target.libcs.first().copied()
}

/// The longest string that execve does not take, its NUL not counted: 32 pages with it (Linux' MAX_ARG_STRLEN).
fn too_long() -> usize {
    // SAFETY: sysconf has no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    32 * usize::try_from(page).expect("a page has a size")
}

/// A command line of so many characters that does nothing.
fn command(length: usize) -> CString {
    CString::new(format!(": {}", "x".repeat(length - 2))).expect("it holds no NUL")
}

/// What system returns, and errno after it.
fn system(command: &CString) -> (i32, Option<i32>) {
    // SAFETY: the argument is a string that outlives the call; no thread of this test changes the environment.
    let status = unsafe { libc::system(command.as_ptr()) };
    (status, Error::last_os_error().raw_os_error())
}

#[test]
fn a_command_of_32_pages_is_too_long_every_time() {
    let Some(libc) = libc_here() else {
        eprintln!("the C library of this machine is not known: nothing to compare with");
        return;
    };
    let said = SystemEra::of(libc).says(E2BIG);
    for _ in 0..3 {
        let (value, errno) = system(&command(too_long()));
        assert_eq!(value, said.value, "{libc}");
        if said.errno_tells {
            assert_eq!(errno, Some(E2BIG), "{libc}");
        }
    }
    assert_eq!(system(&command(too_long() - 1)).0, 0, "one less will do");
}

#[test]
fn a_shell_that_ran_says_127_and_126() {
    let status = |text: &str| system(&CString::new(text).expect("it holds no NUL")).0;
    assert_eq!(status("exec 2>/dev/null; /nowhere/program"), STATUS_127);
    assert_eq!(status("exit 127"), STATUS_127);
    assert_eq!(status("exec 2>/dev/null; /etc/passwd"), 126 << 8);
    assert_eq!(status("kill -14 $$"), 14, "killed by SIGALRM");
}

#[test]
fn popen_hides_the_error_where_it_is_said_to() {
    let Some(libc) = libc_here() else {
        eprintln!("the C library of this machine is not known: nothing to compare with");
        return;
    };
    // SAFETY: both arguments are strings that outlive the call.
    let stream = unsafe { libc::popen(command(too_long()).as_ptr(), c"r".as_ptr()) };
    let errno = Error::last_os_error().raw_os_error();
    let says = popen_says(libc);
    if !says.starts_with("NULL") {
        eprintln!("{libc} forks before it knows: not looked at here");
        return;
    }
    assert!(stream.is_null());
    let expected = if says.contains("ENOMEM") { ENOMEM } else { E2BIG };
    assert_eq!(errno, Some(expected), "{libc}");
}

#[test]
fn posix_spawn_returns_the_number() {
    let argv = [c"true".as_ptr().cast_mut(), std::ptr::null_mut()];
    // An address that no process maps.
    let nowhere = std::ptr::without_provenance_mut(8);
    let envp = [nowhere, std::ptr::null_mut()];
    let mut pid = 0;
    // SAFETY: path and argv are well formed; the kernel alone looks at envp, and says EFAULT.
    let returned = unsafe {
        libc::posix_spawn(
            &mut pid,
            c"/bin/true".as_ptr(),
            std::ptr::null(),
            std::ptr::null(),
            argv.as_ptr(),
            envp.as_ptr(),
        )
    };
    assert_eq!(returned, EFAULT);
}

#[test]
fn rust_and_python_tell_the_error() {
    let long = "x".repeat(too_long());
    let error = Command::new("/bin/true")
        .arg(&long)
        .status()
        .expect_err("the argument is too long");
    assert_eq!(error.raw_os_error(), Some(E2BIG));
    assert!(error.to_string().ends_with("(os error 7)"), "{error}");
    let script = format!(
        "import subprocess\ntry:\n    subprocess.run(['/bin/true', 'x' * {}])\nexcept OSError as error:\n    print(error)",
        too_long()
    );
    let Ok(output) = Command::new("python3").args(["-c", &script]).output() else {
        eprintln!("there is no python3: what it says was not looked at");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("[Errno 7] Argument list too long"), "{said}");
}
