//! System calls of a tracer: starting a tracee, resuming it, and reading its memory.

use std::ffi::{CString, c_void};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use super::{ObserveError, Target};

/// AUDIT_ARCH_* of linux/audit.h: the filter must not take another architecture's call numbers for ours.
#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: Option<u32> = Some(0xC000_003E);
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: Option<u32> = Some(0xC000_00B7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const AUDIT_ARCH: Option<u32> = None;

/// How a stopped tracee goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Until the next event; with a signal to deliver, or 0.
    Continue(i32),
    /// Until the end of the system call at whose entry it stands.
    ToSyscallExit,
    /// It stays stopped, as the job control signal that it got wants it.
    StayStopped,
}

/// Whether a stopped tracee stands at the entry or the end of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syscall {
    /// At the entry: number and arguments.
    Entry(u64, [u64; 6]),
    /// At the end: what it returns, a negative errno where it failed.
    Exit(i64),
    Neither,
}

/// The seccomp program: `execve` and `execveat` stop for the tracer, all else is allowed.
fn filter(architecture: u32) -> [libc::sock_filter; 7] {
    // Offsets into struct seccomp_data of linux/seccomp.h.
    const NUMBER: u32 = 0;
    const ARCHITECTURE: u32 = 4;
    let load = |offset| libc::sock_filter {
        code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        jt: 0,
        jf: 0,
        k: offset,
    };
    let equal = |k, jt, jf| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt,
        jf,
        k,
    };
    let give = |k| libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k,
    };
    [
        load(ARCHITECTURE),
        equal(architecture, 0, 3),
        load(NUMBER),
        equal(libc::SYS_execve as u32, 2, 0),
        equal(libc::SYS_execveat as u32, 1, 0),
        give(libc::SECCOMP_RET_ALLOW),
        give(libc::SECCOMP_RET_TRACE),
    ]
}

/// Starts the target as a tracee of the calling thread, stopped nowhere yet.
///
/// # Errors
/// Where the system has no such tracing, forbids it, or cannot fork.
pub fn start(target: &Target) -> Result<i32, ObserveError> {
    let architecture = AUDIT_ARCH.ok_or(ObserveError::Unsupported)?;
    let program = filter(architecture);
    let arguments = pointers(&target.arguments);
    let environment = pointers(&target.environment);
    let mut gate = [0; 2];
    // SAFETY: `gate` has room for the two descriptors.
    if unsafe { libc::pipe2(gate.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(ObserveError::Start(io::Error::last_os_error()));
    }
    // SAFETY: the child calls async-signal-safe functions only, on memory that was prepared before the fork, and ends in
    // execve or _exit.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: as above.
        unsafe { become_target(gate, &program, target, &arguments, &environment) }
    }
    // SAFETY: the descriptors are ours and used no more after they are closed; `seize` takes no pointer.
    unsafe {
        libc::close(gate[0]);
        if pid < 0 {
            let error = io::Error::last_os_error();
            libc::close(gate[1]);
            return Err(ObserveError::Start(error));
        }
        let seized = seize(pid);
        if seized.is_ok() {
            if FORWARDS.load(Ordering::SeqCst) {
                TARGET.store(pid, Ordering::SeqCst);
            }
            libc::write(gate[1], ptr::from_ref(&1u8).cast(), 1);
        } else {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, ptr::null_mut(), 0);
        }
        libc::close(gate[1]);
        seized.map(|()| pid).map_err(ObserveError::Forbidden)
    }
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// Signals that somebody sends to this process and means for the target.
const FORWARDED: [libc::c_int; 6] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// Whether signals are forwarded, the target that gets them (0 where there is none), and whether somebody has told this
/// process to stop when there was none.
static FORWARDS: AtomicBool = AtomicBool::new(false);
static TARGET: AtomicI32 = AtomicI32::new(0);
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Makes this process stand in for the next target that it starts: what it is sent goes to the target, which decides. What
/// the terminal sends (Ctrl-C) goes to the target anyway. When the target has ended, and processes that it left behind have
/// not, a signal ends the observation.
pub fn forward_signals() {
    FORWARDS.store(true, Ordering::SeqCst);
    for signal in FORWARDED {
        // SAFETY: all zeros is a valid sigaction; the handler uses atomics and kill alone, which are async-signal-safe.
        // Not SA_RESTART: the loop's wait must end. What is ignored (nohup) stays so, for us and for the target.
        unsafe {
            let mut held: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, ptr::null(), &mut held) == 0 && held.sa_sigaction != libc::SIG_IGN {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_signal as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO;
                libc::sigaction(signal, &action, ptr::null_mut());
            }
        }
    }
}

/// Ends what [`forward_signals`] began.
pub fn leave_signals() {
    FORWARDS.store(false, Ordering::SeqCst);
    for signal in FORWARDED {
        // SAFETY: as above; the default action runs no code of ours.
        unsafe {
            let mut held: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, ptr::null(), &mut held) == 0 && held.sa_sigaction != libc::SIG_IGN {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
}

/// Notes that there is no target any more.
pub fn target_ended() {
    TARGET.store(0, Ordering::SeqCst);
}

extern "C" fn on_signal(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo to a handler with SA_SIGINFO; kill takes numbers.
    unsafe {
        let from_terminal = (*info).si_code > 0;
        match TARGET.load(Ordering::SeqCst) {
            0 => STOPPED.store(true, Ordering::SeqCst),
            _ if from_terminal => {}
            target => {
                libc::kill(target, signal);
            }
        }
    }
}

/// The child's half of `start`: waits for its tracer, limits itself, becomes the target.
///
/// # Safety
/// To be called between fork and exec only. Pointers in `arguments` and `environment` are valid and end with null.
unsafe fn become_target(
    gate: [i32; 2],
    program: &[libc::sock_filter],
    target: &Target,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
) -> ! {
    let filter = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    let mut go = 0u8;
    // SAFETY: system calls on values that live on this stack or were made before the fork.
    unsafe {
        libc::close(gate[1]);
        // Rust ignores SIGPIPE, and ignoring is inherited through exec.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        if libc::read(gate[0], ptr::from_mut(&mut go).cast(), 1) == 1
            && (!target.silent || silence())
            && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, ptr::from_ref(&filter)) == 0
        {
            libc::execve(target.program.as_ptr(), arguments.as_ptr(), environment.as_ptr());
        }
        libc::_exit(127)
    }
}

/// Sends this process's output nowhere. Async-signal-safe.
fn silence() -> bool {
    // SAFETY: system calls on a constant string and on descriptors.
    unsafe {
        let nowhere = libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        nowhere >= 0 && libc::dup2(nowhere, libc::STDOUT_FILENO) >= 0 && libc::dup2(nowhere, libc::STDERR_FILENO) >= 0
    }
}

/// Makes a process a tracee, and all that it will start.
fn seize(pid: i32) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_EXITKILL;
    // SAFETY: PTRACE_SEIZE takes its options by value.
    match unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0usize, options as usize) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Lets a stopped tracee go on; one that is gone already is no error.
pub fn resume(pid: i32, how: Resume) {
    let (request, signal) = match how {
        Resume::Continue(signal) => (libc::PTRACE_CONT, signal),
        Resume::ToSyscallExit => (libc::PTRACE_SYSCALL, 0),
        Resume::StayStopped => (libc::PTRACE_LISTEN, 0),
    };
    // SAFETY: these requests take a signal number by value.
    unsafe {
        libc::ptrace(request, pid, 0usize, signal as usize);
    }
}

/// What `PTRACE_GET_SYSCALL_INFO` fills in: `struct ptrace_syscall_info` of linux/ptrace.h, whose union of 64-bit words is
/// an array here. The libc crate has it for glibc alone.
#[repr(C)]
#[derive(Default)]
#[allow(dead_code, reason = "the kernel's layout")]
struct SyscallInfo {
    op: u8,
    reserved: u8,
    flags: u16,
    arch: u32,
    instruction_pointer: u64,
    stack_pointer: u64,
    /// At an entry, the call's number and its arguments; at an exit, its result, as the bits of a signed number.
    words: [u64; 8],
}

impl SyscallInfo {
    const REQUEST: u16 = 0x420e;
    const ENTRY: u8 = 1;
    const EXIT: u8 = 2;
    /// As an entry, and then what the filter returned.
    const SECCOMP: u8 = 3;
}

/// The system call at which a tracee stands. Needs Linux 5.3, and works alike on every architecture.
pub fn syscall(pid: i32) -> Syscall {
    let mut info = SyscallInfo::default();
    // SAFETY: the kernel writes at most the size that it is told, and any bits are a value of every field.
    let size = unsafe {
        let room = size_of::<SyscallInfo>();
        libc::ptrace(SyscallInfo::REQUEST.into(), pid, room, ptr::from_mut(&mut info))
    };
    if size <= 0 {
        return Syscall::Neither;
    }
    let [number, arguments @ .., _] = info.words;
    match info.op {
        SyscallInfo::SECCOMP | SyscallInfo::ENTRY => Syscall::Entry(number, arguments),
        SyscallInfo::EXIT => Syscall::Exit(number.cast_signed()),
        _ => Syscall::Neither,
    }
}

/// The number that belongs to the event at which a tracee stands: after an exec, the former thread id.
pub fn event_message(pid: i32) -> i32 {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the kernel writes one unsigned long.
    unsafe {
        libc::ptrace(libc::PTRACE_GETEVENTMSG, pid, 0usize, ptr::from_mut(&mut message));
    }
    i32::try_from(message).unwrap_or(0)
}

/// Reads a tracee's memory; as many bytes as could be read, perhaps none.
pub fn read(pid: i32, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; length];
    let local = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: length,
    };
    let remote = libc::iovec {
        iov_base: address as *mut c_void,
        iov_len: length,
    };
    // SAFETY: the kernel writes at most `length` bytes to `bytes`, and checks the other process's addresses itself.
    let taken = unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) };
    bytes.truncate(usize::try_from(taken).unwrap_or(0));
    bytes
}

/// Reads up to `length` bytes without crossing into a page that may not exist: a read that fails is tried again up to
/// the end of its first page.
pub fn read_near(pid: i32, address: u64, length: usize) -> Vec<u8> {
    const PAGE: u64 = 4096;
    let bytes = read(pid, address, length);
    if !bytes.is_empty() {
        return bytes;
    }
    let rest = (PAGE - address % PAGE) as usize;
    if rest < length { read(pid, address, rest) } else { bytes }
}

/// Waits for a change of a tracee of this thread: pid and raw status. `None` where none is left; `Some(None)` where
/// `wait` is [`Wait::Look`] and nothing has happened. `None` also where this process was told to stop after its target had
/// ended.
pub fn wait(how: Wait) -> Option<Option<(i32, i32)>> {
    // Children of other threads are none of our business.
    const NOT_OTHER_THREADS: i32 = 0x2000_0000;
    let look = if how == Wait::Look { libc::WNOHANG } else { 0 };
    let mut status = 0;
    loop {
        // SAFETY: the kernel writes one int.
        let pid = unsafe { libc::waitpid(-1, &mut status, libc::__WALL | NOT_OTHER_THREADS | look) };
        match pid {
            0 => return Some(None),
            -1 if STOPPED.load(Ordering::SeqCst) => return None,
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            -1 => return None,
            pid => return Some(Some((pid, status))),
        }
    }
}

/// Whether to wait for a change or to look for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    Sleep,
    Look,
}
