//! The forms of C, called in the libc that this binary is linked to.
//!
//! Every call here may race with a mutation of the environment, on purpose: the process is a forked child that was made
//! to be crashed. The proofs below say why nothing *else* is wrong.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use super::super::pattern_native::{NativeMutation, NativePartner};
use super::super::symptom::Symptom;
use super::environment::{OVERWRITTEN, TOGGLED, refill};
use super::rust_forms;
use super::threads::{Scene, Shown};

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
    fn tzset();
    fn wordexp(words: *const c_char, result: *mut Wordexp, flags: c_int) -> c_int;
    fn wordfree(result: *mut Wordexp);
}

/// `wordexp_t` of wordexp.h.
#[repr(C)]
struct Wordexp {
    count: usize,
    words: *mut *mut c_char,
    offset: usize,
    /// musl and glibc have three members; room for more.
    reserved: [usize; 4],
}

/// One step of the mutator.
pub fn mutate(mutation: NativeMutation, scene: &Scene, step: usize) {
    let name = scene.names.steps[step].as_ptr();
    // SAFETY: all strings are NUL-terminated; those given to putenv live as long as the scene, which outlives the run's
    // threads, or are leaked.
    unsafe {
        match mutation {
            NativeMutation::SetenvAdd => _ = libc::setenv(name, c"n".as_ptr(), 1),
            NativeMutation::SetenvOverwrite => _ = libc::setenv(OVERWRITTEN.as_ptr(), name, 1),
            // On the heap, as programs have it: the array cannot grow in place over the string behind it.
            NativeMutation::PutenvAdd => _ = libc::putenv(libc::strdup(scene.names.entries[step].as_ptr())),
            NativeMutation::PutenvOverwrite => {
                _ = libc::putenv(overwriting(step).as_ptr().cast_mut());
            }
            NativeMutation::Unsetenv => _ = libc::unsetenv(name),
            NativeMutation::Clearenv => {
                libc::clearenv();
                refill(&scene.names, scene.size);
            }
            NativeMutation::EnvironStore => store_environ(),
            NativeMutation::SetenvToggle => {
                libc::setenv(TOGGLED.as_ptr(), c"t".as_ptr(), 1);
                libc::unsetenv(TOGGLED.as_ptr());
            }
            NativeMutation::EnvironElement => store_element(step),
            NativeMutation::SetVarAdd
            | NativeMutation::SetVarOverwrite
            | NativeMutation::SetVarToggle
            | NativeMutation::RemoveVar => {}
        }
    }
}

/// Whether each sentinel is there once, to be asked when the mutators have ended: two of them can lose what they did not
/// touch.
pub fn is_whole(scene: &Scene) -> bool {
    // SAFETY: no thread mutates any more, so the array ends with null and its entries with NUL.
    let entries: Vec<&CStr> = unsafe {
        let mut entries = Vec::new();
        let mut at = environ;
        while !at.is_null() && !(*at).is_null() {
            entries.push(CStr::from_ptr(*at));
            at = at.add(1);
        }
        entries
    };
    scene.names.sentinels.iter().all(|(name, _)| {
        let own = |entry: &&&CStr| {
            let rest = entry.to_bytes().strip_prefix(name.to_bytes());
            rest.is_some_and(|rest| rest.starts_with(b"="))
        };
        entries.iter().filter(own).count() == 1
    })
}

/// Puts a copy of the array in its place; the old one is kept, as by programs that make their own once.
///
/// # Safety
/// `environ` is null or an array that ends with null; only this thread stores it.
unsafe fn store_environ() {
    // SAFETY: the copy ends with null as the original does, and is leaked.
    unsafe {
        let mut entries = Vec::new();
        let mut at = environ;
        while !at.is_null() && !(*at).is_null() {
            entries.push(*at);
            at = at.add(1);
        }
        entries.push(ptr::null_mut());
        environ = entries.leak().as_mut_ptr();
    }
}

/// Puts another string in the place of the variable that is there to be overwritten.
///
/// # Safety
/// `environ` is null or an array that ends with null, of entries that end with NUL; only this thread changes it.
unsafe fn store_element(step: usize) {
    // SAFETY: as above; the new string is static.
    unsafe {
        let mut at = environ;
        while !at.is_null() && !(*at).is_null() {
            if CStr::from_ptr(*at).to_bytes().starts_with(b"ENVRACE_O=") {
                *at = overwriting(step).as_ptr().cast_mut();
                return;
            }
            at = at.add(1);
        }
    }
}

/// An entry for the variable that is there to be overwritten.
fn overwriting(step: usize) -> &'static CStr {
    if step.is_multiple_of(2) {
        c"ENVRACE_O=even"
    } else {
        c"ENVRACE_O=odd"
    }
}

/// One trial of the partner.
pub fn partner(partner: NativePartner, scene: &Scene) -> Shown {
    // SAFETY: each callee's own needs are met, see there.
    unsafe {
        match partner {
            NativePartner::System => system(scene),
            NativePartner::Popen => popen(scene),
            NativePartner::PosixSpawn => posix_spawn(scene, libc::posix_spawn),
            NativePartner::PosixSpawnp => posix_spawn(scene, libc::posix_spawnp),
            NativePartner::ForkExec => fork_exec(scene),
            NativePartner::VforkExec => vfork_exec(scene),
            NativePartner::Wordexp => word_expansion(),
            NativePartner::ForkWindow => fork_window(scene),
            NativePartner::Getenv => getenv(scene),
            NativePartner::EnvironWalk => environ_walk(),
            NativePartner::Localtime => {
                let now = 0;
                libc::localtime(&now);
                None
            }
            NativePartner::LocaltimeR => {
                let (now, mut time) = (0, std::mem::zeroed());
                libc::localtime_r(&now, &mut time);
                None
            }
            NativePartner::Strftime => {
                let (time, mut text): (libc::tm, _) = (std::mem::zeroed(), [0; 64]);
                libc::strftime(text.as_mut_ptr(), text.len(), c"%c %Z".as_ptr(), &time);
                None
            }
            NativePartner::Newlocale => {
                let locale = libc::newlocale(EVERY_CATEGORY, c"".as_ptr(), ptr::null_mut());
                if !locale.is_null() {
                    libc::freelocale(locale);
                }
                None
            }
            NativePartner::Mktime => {
                let mut time: libc::tm = std::mem::zeroed();
                libc::mktime(&mut time);
                None
            }
            NativePartner::Tzset => {
                tzset();
                None
            }
            NativePartner::Setlocale => {
                libc::setlocale(libc::LC_ALL, c"".as_ptr());
                None
            }
            NativePartner::Getaddrinfo => getaddrinfo(),
            NativePartner::Command
            | NativePartner::CommandEnv
            | NativePartner::CommandEnvClear
            | NativePartner::CommandPreExec
            | NativePartner::EnvVar
            | NativePartner::EnvVars
            | NativePartner::Mutation(_) => None,
        }
    }
}

#[cfg(target_env = "gnu")]
const EVERY_CATEGORY: i32 = libc::LC_ALL_MASK;

/// `LC_ALL_MASK` of musl's include/locale.h, which the libc crate does not have.
#[cfg(not(target_env = "gnu"))]
const EVERY_CATEGORY: i32 = 0x7fff_ffff;

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn alone(symptom: Option<Symptom>) -> Shown {
    symptom.map(|symptom| (symptom, None))
}

/// # Safety
/// None of its own: the command is NUL-terminated.
unsafe fn system(scene: &Scene) -> Shown {
    // SAFETY: errno is this thread's; a stale value must not pass for this call's.
    let (status, cause) = unsafe {
        *libc::__errno_location() = 0;
        let status = libc::system(scene.shell.as_ptr());
        (status, errno())
    };
    if status == -1 {
        return alone(Some(Symptom::of_errno(cause)));
    }
    let symptom = Symptom::of_status(status)?;
    let also = (symptom == Symptom::Status127 && cause == libc::EFAULT).then_some(Symptom::FaultToo);
    Some((symptom, also))
}

/// # Safety
/// None of its own: the command is NUL-terminated and the stream is closed once.
unsafe fn popen(scene: &Scene) -> Shown {
    // SAFETY: as above; fgetc and pclose get the stream that popen gave.
    unsafe {
        let stream = libc::popen(scene.shell.as_ptr(), c"r".as_ptr());
        if stream.is_null() {
            return alone(Some(Symptom::of_errno(errno())));
        }
        while libc::fgetc(stream) != libc::EOF {}
        match libc::pclose(stream) {
            -1 => alone(Some(Symptom::of_errno(errno()))),
            status => alone(Symptom::of_status(status)),
        }
    }
}

type PosixSpawn = unsafe extern "C" fn(
    *mut libc::pid_t,
    *const c_char,
    *const libc::posix_spawn_file_actions_t,
    *const libc::posix_spawnattr_t,
    *const *mut c_char,
    *const *mut c_char,
) -> c_int;

/// The checker's argument list, ending with null.
fn arguments(scene: &Scene) -> Vec<*mut c_char> {
    scene
        .check
        .iter()
        .map(|text| text.as_ptr().cast_mut())
        .chain([ptr::null_mut()])
        .collect()
}

/// # Safety
/// `spawn` is posix_spawn or posix_spawnp.
unsafe fn posix_spawn(scene: &Scene, spawn: PosixSpawn) -> Shown {
    let arguments = arguments(scene);
    let mut pid = 0;
    // SAFETY: path and arguments are NUL-terminated and the list ends with null; the array is the live one, as in the
    // programs that are replayed.
    let result = unsafe {
        spawn(
            &mut pid,
            scene.check[0].as_ptr(),
            ptr::null(),
            ptr::null(),
            arguments.as_ptr(),
            environ,
        )
    };
    match result {
        0 => wait_for(pid),
        errno => alone(Some(Symptom::of_errno(errno))),
    }
}

/// Waits for one child.
fn wait_for(pid: libc::pid_t) -> Shown {
    let mut status = 0;
    loop {
        // SAFETY: the kernel writes one int.
        match unsafe { libc::waitpid(pid, &mut status, 0) } {
            -1 if errno() == libc::EINTR => {}
            -1 => return alone(Some(Symptom::of_errno(errno()))),
            _ => return alone(Symptom::of_status(status)),
        }
    }
}

/// # Safety
/// None of its own: the child calls execv and _exit only.
unsafe fn fork_exec(scene: &Scene) -> Shown {
    let arguments = arguments(scene);
    // SAFETY: what the child calls is async-signal-safe, on memory made before the fork.
    let pid = unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::execv(scene.check[0].as_ptr(), arguments.as_ptr().cast());
            libc::_exit(127);
        }
        pid
    };
    if pid < 0 {
        alone(Some(Symptom::of_errno(errno())))
    } else {
        wait_for(pid)
    }
}

/// What the child of `vfork_exec` gets and gives.
struct Vforked {
    path: *const c_char,
    arguments: *const *const c_char,
    errno: c_int,
}

/// `vfork` and `execv`, by `clone` with vfork's flags: a function that returns twice is not for Rust, and the kernel and
/// the shared memory are the same.
///
/// # Safety
/// None of its own: the child calls execve and _exit only, on a stack of its own.
unsafe fn vfork_exec(scene: &Scene) -> Shown {
    extern "C" fn child(argument: *mut c_void) -> c_int {
        // SAFETY: the parent sleeps until this has become another program or ended, so that `argument` points to its
        // live local; execve reads NUL-terminated strings and lists that end with null.
        unsafe {
            let vforked = &mut *argument.cast::<Vforked>();
            libc::execve(vforked.path, vforked.arguments, environ.cast());
            vforked.errno = *libc::__errno_location();
            libc::_exit(127)
        }
    }
    let arguments = arguments(scene);
    let mut vforked = Vforked {
        path: scene.check[0].as_ptr(),
        arguments: arguments.as_ptr().cast(),
        errno: 0,
    };
    let mut stack = vec![0u128; 2048];
    // SAFETY: the stack grows down from its aligned end, is larger than the child needs, and outlives the child's use of
    // it, for CLONE_VFORK keeps this thread asleep until then.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).cast();
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        libc::clone(child, top, flags, ptr::from_mut(&mut vforked).cast())
    };
    if pid < 0 {
        return alone(Some(Symptom::of_errno(errno())));
    }
    let waited = wait_for(pid);
    // SAFETY: a plain read of a local that the child, gone by now, may have written through the pointer above.
    match unsafe { ptr::read_volatile(&vforked.errno) } {
        0 => waited,
        errno => alone(Some(Symptom::of_errno(errno))),
    }
}

/// # Safety
/// None of its own: the result is freed once, and only where wordexp has filled it.
unsafe fn word_expansion() -> Shown {
    // SAFETY: all zeros is a valid value, with more room than any libc's type needs.
    unsafe {
        let mut result: Wordexp = std::mem::zeroed();
        if wordexp(c"$(echo whole)".as_ptr(), &mut result, 0) != 0 {
            return alone(Some(Symptom::OtherStatus(1)));
        }
        let whole = result.count == 1 && CStr::from_ptr(*result.words) == c"whole";
        wordfree(&mut result);
        // An expansion to nothing is how glibc shows that its shell could not be started; the observer tells why.
        alone((!whole).then_some(Symptom::OtherStatus(2)))
    }
}

/// A child that mutates between fork and exec, with a bound on how long it may take.
///
/// # Safety
/// The child calls setenv, which is not async-signal-safe: that is the mistake that is replayed, in a child that the
/// kernel kills after the time given here.
unsafe fn fork_window(scene: &Scene) -> Shown {
    let patience = libc::itimerval {
        it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 },
        it_value: libc::timeval {
            tv_sec: 0,
            tv_usec: 400_000,
        },
    };
    // SAFETY: as above; setitimer reads one structure.
    let pid = unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::signal(libc::SIGALRM, libc::SIG_DFL);
            setitimer(0, &patience, ptr::null_mut());
            match scene.mutation {
                mutation if mutation.is_std() => rust_forms::mutate(mutation, scene, 0),
                NativeMutation::PutenvAdd | NativeMutation::PutenvOverwrite => {
                    _ = libc::putenv(c"ENVRACE_C=c".as_ptr().cast_mut());
                }
                NativeMutation::Unsetenv => _ = libc::unsetenv(OVERWRITTEN.as_ptr()),
                NativeMutation::Clearenv => _ = libc::clearenv(),
                _ => _ = libc::setenv(c"ENVRACE_C".as_ptr(), c"c".as_ptr(), 1),
            }
            libc::_exit(0);
        }
        pid
    };
    if pid < 0 {
        alone(Some(Symptom::of_errno(errno())))
    } else {
        wait_for(pid)
    }
}

unsafe extern "C" {
    fn setitimer(which: c_int, new: *const libc::itimerval, old: *mut libc::itimerval) -> c_int;
}

/// # Safety
/// A crash here is the evidence.
unsafe fn getenv(scene: &Scene) -> Shown {
    let (name, value) = scene.names.sentinels.last()?;
    // SAFETY: the name is NUL-terminated, and so is what getenv returns while nothing races.
    unsafe {
        let found = libc::getenv(name.as_ptr());
        let whole = !found.is_null() && CStr::from_ptr(found) == value.as_c_str();
        let gone = found.is_null() && scene.mutation == NativeMutation::Clearenv;
        alone((!whole && !gone).then_some(Symptom::WrongValue))
    }
}

/// # Safety
/// A crash here is the evidence.
unsafe fn environ_walk() -> Shown {
    // SAFETY: the array ends with null and its entries with NUL while nothing races; volatile, so that the walk is done.
    unsafe {
        let mut at = ptr::read_volatile(&raw const environ);
        let mut letters = 0usize;
        while !at.is_null() && !ptr::read_volatile(at).is_null() {
            letters += CStr::from_ptr(*at).count_bytes();
            at = at.add(1);
        }
        std::hint::black_box(letters);
    }
    None
}

/// # Safety
/// None of its own: the result is freed once.
unsafe fn getaddrinfo() -> Shown {
    // SAFETY: the strings are NUL-terminated and the list comes from getaddrinfo.
    unsafe {
        let mut result = ptr::null_mut();
        if libc::getaddrinfo(c"localhost".as_ptr(), ptr::null(), ptr::null(), &mut result) == 0 {
            libc::freeaddrinfo(result);
        }
    }
    None
}
