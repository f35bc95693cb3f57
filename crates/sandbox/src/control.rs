//! What an init process reports over the control socket.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

use crate::orders::Report;

/// The most that one report may take, in bytes.
const REPORT_MAX: usize = 64 * 1024;

/// The reading side of the control socket. Reading can be given up and taken up again at any byte.
pub(crate) struct Reports {
    socket: OwnedReadHalf,
    pending: Vec<u8>,
    closed: bool,
    /// What was handed over and not fetched yet.
    handed: Option<OwnedFd>,
}

impl Reports {
    pub(crate) fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, pending: Vec::new(), closed: false, handed: None }
    }

    /// The next report; pending for ever when nothing can come any more.
    pub(crate) async fn next(&mut self) -> Option<Report> {
        loop {
            if let Some(report) = self.cut() {
                return Some(report);
            }
            if self.closed {
                return std::future::pending().await;
            }
            if self.socket.readable().await.is_err() {
                self.closed = true;
                continue;
            }
            self.take_in();
        }
    }

    /// What came already and was not read yet.
    pub(crate) fn rest(&mut self) -> Option<Report> {
        self.take_in();
        self.cut()
    }

    /// The descriptor that came with a report.
    pub(crate) fn handed(&mut self) -> Option<OwnedFd> {
        self.handed.take()
    }

    fn take_in(&mut self) {
        let mut buffer = [0u8; 4096];
        while !self.closed {
            let socket: &UnixStream = self.socket.as_ref();
            let received = socket.try_io(Interest::READABLE, || receive(socket.as_raw_fd(), &mut buffer));
            match received {
                Ok((0, _)) => self.closed = true,
                Ok((read, handed)) => {
                    self.pending.extend_from_slice(&buffer[..read]);
                    self.handed = handed.or(self.handed.take());
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => self.closed = true,
            }
            if self.pending.len() > REPORT_MAX {
                self.closed = true;
            }
        }
    }

    fn cut(&mut self) -> Option<Report> {
        let length = u32::from_le_bytes(self.pending.get(..4)?.try_into().ok()?) as usize;
        let end = length.checked_add(4)?;
        let report = serde_json::from_slice(self.pending.get(4..end)?).ok();
        self.pending.drain(..end);
        report
    }
}

fn receive(socket: std::os::fd::RawFd, buffer: &mut [u8]) -> std::io::Result<(usize, Option<OwnedFd>)> {
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<()>(socket, &mut parts, Some(&mut space), flags)?;
    let mut handed = None;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = control {
            for descriptor in descriptors {
                handed = Some(own(descriptor));
            }
        }
    }
    Ok((message.bytes, handed))
}

#[allow(unsafe_code, reason = "the kernel hands descriptors over as numbers")]
fn own(descriptor: std::os::fd::RawFd) -> OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: the descriptor has just been received and is of nobody else.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}
