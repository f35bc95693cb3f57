//! What an init process reports over the control socket.

use tokio::net::unix::OwnedReadHalf;

use crate::orders::Report;

/// The most that one report may take, in bytes.
const REPORT_MAX: usize = 64 * 1024;

/// The reading side of the control socket. Reading can be given up and taken up again at any byte.
pub(crate) struct Reports {
    socket: OwnedReadHalf,
    pending: Vec<u8>,
    closed: bool,
}

impl Reports {
    pub(crate) fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, pending: Vec::new(), closed: false }
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

    fn take_in(&mut self) {
        let mut buffer = [0u8; 4096];
        while !self.closed {
            match self.socket.try_read(&mut buffer) {
                Ok(0) => self.closed = true,
                Ok(read) => self.pending.extend_from_slice(&buffer[..read]),
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
