//! The socket to the supervisor, from the side of the init process.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use super::{At, Failure, Step, syscalls};
use crate::orders::{ORDERS_MAX, Orders, Report};

pub(super) struct Channel {
    socket: UnixStream,
}

impl Channel {
    /// Takes the socket away from descriptor 0, and closes everything else that may have been inherited.
    pub(super) fn take_standard_input() -> nix::Result<Self> {
        syscalls::close_from(3)?;
        let descriptor = syscalls::move_standard_input()?;
        Ok(Self { socket: UnixStream::from(descriptor) })
    }

    /// The orders, and the descriptor of the worker's conversation if one comes along.
    pub(super) fn orders(&mut self) -> Step<(Orders, Option<OwnedFd>)> {
        let mut length = [0u8; 4];
        let rpc = self.receive_first(&mut length).at("orders")?;
        let length = u32::from_le_bytes(length) as usize;
        if length > ORDERS_MAX {
            return Err(Failure { step: "orders", message: format!("{length} bytes are too many") });
        }
        let mut body = zeroize::Zeroizing::new(vec![0u8; length]);
        self.socket.read_exact(&mut body).at("orders")?;
        Ok((serde_json::from_slice(&body).at("orders")?, rpc))
    }

    fn receive_first(&mut self, length: &mut [u8; 4]) -> std::io::Result<Option<OwnedFd>> {
        let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
        let mut parts = [IoSliceMut::new(length)];
        let message = recvmsg::<()>(
            self.socket.as_raw_fd(),
            &mut parts,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_WAITALL,
        )?;
        if message.bytes != 4 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let mut found = None;
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(descriptors) = control {
                for descriptor in descriptors {
                    found = Some(syscalls::own_high(descriptor)?);
                }
            }
        }
        Ok(found)
    }

    /// Tells the supervisor something; `along` is handed over with it.
    pub(super) fn report(&mut self, report: &Report, along: Option<&OwnedFd>) -> std::io::Result<()> {
        let body = serde_json::to_vec(report)?;
        let mut frame = (body.len() as u32).to_le_bytes().to_vec();
        frame.extend_from_slice(&body);
        let descriptors: Vec<_> = along.iter().map(|descriptor| descriptor.as_raw_fd()).collect();
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let control = if descriptors.is_empty() { &[][..] } else { &rights[..] };
        let first = sendmsg::<()>(
            self.socket.as_raw_fd(),
            &[IoSlice::new(&frame)],
            control,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        self.socket.write_all(&frame[first..])
    }

    pub(super) fn report_failure(&mut self, failure: &Failure) {
        let report = Report::Failed { step: failure.step.to_owned(), message: failure.message.clone() };
        // If nobody listens any more, the exit status has to do.
        let _ = self.report(&report, None);
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
