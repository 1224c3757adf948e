//! A process that survives envrace for a moment, to end what envrace would have ended.
//!
//! Whoever is killed with SIGKILL cleans up nothing. The kernel ends a direct child then, if it was asked to, but not the
//! child's own children, and a replay that hangs is a child with children. The guardian waits for the end of a pipe whose
//! other end envrace alone holds, and kills the group when it comes.

use std::ptr;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// Watches over one process group as long as this value lives.
pub struct Guardian {
    process: Pid,
    /// Its end of the pipe; closed by the kernel whatever ends this process.
    lifeline: libc::c_int,
}

impl Guardian {
    /// Starts the process; none where that is not possible, which leaves the group to the other measures.
    pub fn over(group: i32) -> Option<Guardian> {
        let mut pipe = [0; 2];
        // SAFETY: `pipe` has room for the two descriptors.
        if unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
            return None;
        }
        // SAFETY: the child makes system calls alone, which is all that is safe in a process that had threads, and
        // never returns.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: as above; it is the child of the fork.
            unsafe { guard(pipe[0], group) }
        }
        // SAFETY: the descriptors are ours, and neither is used after it is closed.
        unsafe {
            libc::close(pipe[0]);
            if pid < 0 {
                libc::close(pipe[1]);
                return None;
            }
        }
        Some(Guardian {
            process: Pid::from_raw(pid),
            lifeline: pipe[1],
        })
    }
}

impl Drop for Guardian {
    /// Ends the guardian before its pipe, so that it kills nothing: the group's number may be another's by then.
    fn drop(&mut self) {
        let _gone = kill(self.process, Signal::SIGKILL);
        // SAFETY: the descriptor is ours and used no more.
        unsafe {
            libc::close(self.lifeline);
        }
        let _reaped = waitpid(self.process, None);
    }
}

/// The guardian's life.
///
/// # Safety
/// To be called in the child of a fork: system calls only, and it never returns.
unsafe fn guard(lifeline: libc::c_int, group: i32) -> ! {
    let mut byte = 0u8;
    // SAFETY: system calls on descriptors and on a byte of this stack.
    unsafe {
        // Ctrl-C goes to the groups of the terminal; this one has yet to work then.
        libc::setpgid(0, 0);
        // Whoever reads envrace's output, or another guardian's pipe, must not wait for this process.
        libc::dup2(lifeline, 0);
        if libc::syscall(libc::SYS_close_range, 1, libc::c_uint::MAX, 0) != 0 {
            for descriptor in 1..1024 {
                libc::close(descriptor);
            }
        }
        while libc::read(0, ptr::from_mut(&mut byte).cast(), 1) < 0 && *libc::__errno_location() == libc::EINTR {}
        libc::kill(-group, libc::SIGKILL);
        libc::kill(group, libc::SIGKILL);
        libc::_exit(0)
    }
}
