//! Process 1 of a sandbox after the program was started: reaps, and ends with its supervisor.
//!
//! That the control socket is closed is the one signal that always comes: the parent-death signal is cleared by a
//! change of user and fires for threads. When process 1 ends, the kernel kills everything in its namespace.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::fd::AsFd;

use super::channel::Channel;
use super::{At, Step, syscalls};
use crate::orders::Report;

pub(super) struct Watch {
    children: SignalFd,
}

impl Watch {
    pub(super) fn prepare() -> Step<Self> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGCHLD);
        mask.thread_block().at("signals")?;
        let children =
            SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).at("signals")?;
        Ok(Self { children })
    }

    /// Waits for the program's end or the supervisor's, and then ends: with it everything of the sandbox.
    pub(super) fn until_the_end(self, channel: &mut Channel, program: Pid) -> Step<std::convert::Infallible> {
        loop {
            let (closed, died) = self.wait(channel).at("watch")?;
            if died {
                while let Ok(Some(_)) = self.children.read_signal() {}
                if let Some(report) = reap(program) {
                    let _ = channel.report(&report, None);
                    std::process::exit(0)
                }
            }
            if closed {
                std::process::exit(0)
            }
        }
    }

    fn wait(&self, channel: &Channel) -> nix::Result<(bool, bool)> {
        let mut watched = [
            PollFd::new(channel.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => return Ok((false, false)),
            Err(error) => return Err(error),
        }
        let ready = |entry: &PollFd| entry.revents().is_some_and(|events| !events.is_empty());
        // The supervisor says nothing after its orders: whatever comes is its end.
        Ok((ready(&watched[0]), ready(&watched[1])))
    }
}

/// Collects the dead; answers when the program itself is among them.
fn reap(program: Pid) -> Option<Report> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == program => {
                return Some(Report::Exited { code: Some(code), signal: None });
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => {
                return Some(Report::Exited { code: None, signal: Some(signal as i32) });
            }
            Ok(WaitStatus::StillAlive) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// The program starts with the signals as a shell would hand them over.
pub(super) fn default_signals() -> Step<()> {
    SigSet::empty().thread_set_mask().at("signals")?;
    syscalls::default_broken_pipe().at("signals")
}
