//! Child processes with bounds: time, processor, memory, output; and nothing left behind.
//!
//! A replay provokes crashes and hangs on purpose, so whatever it starts lives in a process group of its own, which is
//! killed on every path: at its normal end, when a bound is passed, when envrace itself is told to stop, and, by a
//! [`Guardian`], when envrace is killed.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, killpg, raise, sigaction};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::guardian::Guardian;

/// What a child may use.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Wall time, after which its group is killed.
    pub wall: Duration,
    /// Bytes of standard output, after which its group is killed; standard error is cut instead.
    pub output: usize,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Exited(i32),
    Signalled(i32),
    TimedOut,
    TooMuchOutput,
}

/// What a bounded child did.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub end: End,
    pub stdout: String,
    /// The first few kilobytes.
    pub stderr: String,
}

/// Bytes of standard error that are kept.
const STDERR_KEPT: usize = 4096;
/// Address space of a child in bytes: an interpreter with threads reserves much and uses little.
const ADDRESS_SPACE: u64 = 8 << 30;
/// A file that a child writes, in bytes; replays write none.
const FILE_SIZE: u64 = 1 << 20;

/// Runs a program to its end or to its bounds.
///
/// # Arguments
/// `environment` is the whole environment of the child. Standard input is empty.
///
/// # Errors
/// Where the program cannot be started.
pub fn run_bounded(
    program: &Path,
    arguments: &[OsString],
    environment: &[(OsString, OsString)],
    bounds: Bounds,
) -> io::Result<Outcome> {
    run_bounded_in(Path::new("/"), program, arguments, environment, bounds)
}

/// The same in a folder that matters to the program.
///
/// # Errors
/// As [`run_bounded`].
pub fn run_bounded_in(
    folder: &Path,
    program: &Path,
    arguments: &[OsString],
    environment: &[(OsString, OsString)],
    bounds: Bounds,
) -> io::Result<Outcome> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let seconds = bounds.wall.as_secs() + 2;
    // SAFETY: the closure runs in the forked child before exec and calls only setrlimit and prctl, which are
    // async-signal-safe system calls, on values that it owns.
    unsafe {
        command.pre_exec(move || limit_this_process(seconds));
    }
    let mut child = command.spawn()?;
    let group = Group::enter(child.id());
    let guardian = Guardian::over(group.id);
    let outcome = watch(&mut child, &group, bounds);
    drop(group);
    drop(guardian);
    let _reaped = child.wait();
    outcome
}

/// Sets the bounds that the kernel watches. Called between fork and exec: system calls only.
fn limit_this_process(seconds: u64) -> io::Result<()> {
    let limits = [
        (libc::RLIMIT_CORE, 0),
        (libc::RLIMIT_CPU, seconds),
        (libc::RLIMIT_FSIZE, FILE_SIZE),
        (libc::RLIMIT_AS, ADDRESS_SPACE),
        (libc::RLIMIT_NOFILE, 256),
    ];
    for (resource, value) in limits {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: both calls get a valid pointer to a local that outlives them.
        unsafe {
            if libc::getrlimit(resource, &mut limit) == 0 {
                limit.rlim_cur = limit.rlim_max.min(value);
                libc::setrlimit(resource, &limit);
            }
        }
    }
    // SAFETY: takes no pointer. The child is killed where envrace itself dies without a chance to clean up.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    Ok(())
}

/// Reads the child's output until it ends or passes a bound.
fn watch(child: &mut Child, group: &Group, bounds: Bounds) -> io::Result<Outcome> {
    let deadline = Instant::now() + bounds.wall;
    let mut stdout = child.stdout.take().map(Stream::new).transpose()?;
    let mut stderr = child.stderr.take().map(Stream::new).transpose()?;
    let pid = Pid::from_raw(group.id);
    let mut forced = None;
    let end = loop {
        wait_for_output(stdout.as_ref(), stderr.as_ref());
        pump(&mut stdout);
        pump(&mut stderr);
        if forced.is_none() && stdout.as_ref().is_some_and(|stream| stream.bytes.len() > bounds.output) {
            forced = Some(End::TooMuchOutput);
        } else if forced.is_none() && Instant::now() > deadline {
            forced = Some(End::TimedOut);
        }
        if forced.is_some() {
            group.kill();
        }
        // WNOWAIT keeps the zombie, so that the group's id cannot be taken by others before the group is killed.
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        match waitid(Id::Pid(pid), flags) {
            Ok(WaitStatus::Exited(_, code)) => break End::Exited(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => break End::Signalled(signal as i32),
            Err(nix::errno::Errno::ECHILD) => break End::Exited(0),
            _ => {}
        }
    };
    group.kill();
    pump(&mut stdout);
    pump(&mut stderr);
    let text = |stream: Option<Stream>| {
        stream.map_or(String::new(), |stream| {
            String::from_utf8_lossy(&stream.bytes).into_owned()
        })
    };
    let mut stderr = text(stderr);
    stderr.truncate(stderr.floor_char_boundary(STDERR_KEPT));
    Ok(Outcome {
        end: forced.unwrap_or(end),
        stdout: text(stdout),
        stderr,
    })
}

/// A pipe from the child, read without waiting.
struct Stream {
    source: Box<dyn Readable>,
    bytes: Vec<u8>,
    open: bool,
}

trait Readable: Read + AsFd {}
impl<T: Read + AsFd> Readable for T {}

impl Stream {
    fn new(source: impl Read + AsFd + AsRawFd + 'static) -> io::Result<Stream> {
        fcntl(&source, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Stream {
            source: Box::new(source),
            bytes: Vec::new(),
            open: true,
        })
    }
}

/// Sleeps until there is output, or for a moment.
fn wait_for_output(stdout: Option<&Stream>, stderr: Option<&Stream>) {
    let mut watched: Vec<PollFd<'_>> = [stdout, stderr]
        .into_iter()
        .flatten()
        .filter(|stream| stream.open)
        .map(|stream| PollFd::new(stream.source.as_fd(), PollFlags::POLLIN))
        .collect();
    // Both closed: the end is near, so look often.
    let moment: u16 = if watched.is_empty() { 1 } else { 20 };
    let _ready = poll(&mut watched, PollTimeout::from(moment));
}

/// Takes what can be read now. More than a bound is noticed by the caller after each call.
fn pump(stream: &mut Option<Stream>) {
    const MOST: usize = 1 << 20;
    let Some(stream) = stream else { return };
    let mut buffer = [0u8; 16384];
    let mut taken = 0;
    while stream.open && taken < MOST {
        match stream.source.read(&mut buffer) {
            Ok(0) => stream.open = false,
            Ok(count) => {
                taken += count;
                if stream.bytes.len() < 4 * MOST {
                    stream.bytes.extend_from_slice(&buffer[..count]);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => stream.open = false,
        }
    }
}

/// The groups that are alive now, for the signal handler; 0 is a free slot.
static GROUPS: [AtomicI32; 64] = [const { AtomicI32::new(0) }; 64];

/// A process group that is killed when this value goes.
pub struct Group {
    id: i32,
    slot: Option<usize>,
}

impl Group {
    /// Takes charge of the group led by this process.
    pub fn enter(leader: u32) -> Group {
        let id = i32::try_from(leader).expect("process ids are positive 32-bit numbers");
        let slot = GROUPS
            .iter()
            .position(|slot| slot.compare_exchange(0, id, Ordering::SeqCst, Ordering::SeqCst).is_ok());
        Group { id, slot }
    }

    /// Kills every process in it.
    pub fn kill(&self) {
        let _gone = killpg(Pid::from_raw(self.id), Signal::SIGKILL);
        // A child that was started a moment ago may not lead its group yet.
        let _gone = kill(Pid::from_raw(self.id), Signal::SIGKILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        if let Some(slot) = self.slot {
            GROUPS[slot].store(0, Ordering::SeqCst);
        }
    }
}

/// Makes Ctrl-C, SIGTERM and SIGHUP kill every live group before envrace ends by that signal.
pub fn clean_up_on_signals() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::SA_RESETHAND, SigSet::empty());
        // SAFETY: the handler uses atomics, kill and raise only, all async-signal-safe.
        let _set = unsafe { sigaction(signal, &action) };
    }
}

extern "C" fn on_signal(signal: libc::c_int) {
    for slot in &GROUPS {
        let id = slot.load(Ordering::SeqCst);
        if id > 0 {
            let _gone = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
    // SA_RESETHAND has restored the default action, so this ends the process as the signal would have.
    if let Ok(signal) = Signal::try_from(signal) {
        let _ended = raise(signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, wall: Duration, output: usize) -> Outcome {
        let arguments = [OsString::from("-c"), OsString::from(script)];
        let environment = [(OsString::from("PATH"), OsString::from("/usr/bin:/bin"))];
        run_bounded(Path::new("/bin/sh"), &arguments, &environment, Bounds { wall, output }).expect("/bin/sh exists")
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn both_streams_and_the_exit_code_arrive() {
        let outcome = shell("echo out; echo err >&2; exit 3", LONG, 1000);
        assert_eq!(outcome.end, End::Exited(3));
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("out\n", "err\n"));
    }

    #[test]
    fn a_hang_is_ended_and_its_children_with_it() {
        let outcome = shell("sleep 600 & echo $!; wait", Duration::from_millis(300), 1000);
        assert_eq!(outcome.end, End::TimedOut);
        let pid: i32 = outcome.stdout.trim().parse().expect("the shell printed the pid");
        assert!(gone(pid), "the shell's child {pid} is still there");
    }

    #[test]
    fn a_child_left_in_the_background_is_ended_too() {
        let outcome = shell("sleep 600 >/dev/null 2>&1 & echo $!", LONG, 1000);
        assert_eq!(outcome.end, End::Exited(0));
        let pid: i32 = outcome.stdout.trim().parse().expect("the shell printed the pid");
        assert!(gone(pid), "the shell's child {pid} is still there");
    }

    #[test]
    fn endless_output_is_ended() {
        let outcome = shell("while :; do echo yes yes yes yes; done", LONG, 10_000);
        assert_eq!(outcome.end, End::TooMuchOutput);
    }

    #[test]
    fn a_crash_leaves_its_signal() {
        assert_eq!(shell("kill -SEGV $$", LONG, 10).end, End::Signalled(11));
    }

    /// Waits for a killed process to leave; a zombie that nobody reaps counts as gone.
    fn gone(pid: i32) -> bool {
        (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) => stat
                    .rsplit(')')
                    .next()
                    .is_some_and(|rest| rest.trim_start().starts_with('Z')),
                Err(_) => true,
            }
        })
    }
}
