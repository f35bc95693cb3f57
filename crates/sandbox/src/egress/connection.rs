//! One connection: its socket on the side of the sandbox, and the stream outside.

use std::sync::Arc;
use std::time::Duration;

use smoltcp::socket::tcp::{Socket, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use super::Stream;

/// Bytes that are read at a time, and pieces that wait in each direction.
const PIECE: usize = 16 * 1024;
const WAITING: usize = 4;
/// How long what was sent may take to be written outside after the sandbox is done.
const LAST_WORDS: Duration = Duration::from_secs(30);

enum Heard {
    Bytes(Vec<u8>),
    End,
    Broken,
}

pub(super) struct Connection {
    outward: Option<mpsc::Sender<Vec<u8>>>,
    inward: mpsc::Receiver<Heard>,
    /// What was heard and does not fit into the socket yet.
    rest: Vec<u8>,
    heard_end: bool,
    reading: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Connection {
    /// Takes over a stream; `wake` is told whenever there is something to move.
    pub(super) fn new(stream: Box<dyn Stream>, wake: &Arc<Notify>) -> Self {
        let (reading, writing) = tokio::io::split(stream);
        let (outward, to_write) = mpsc::channel(WAITING);
        let (heard, inward) = mpsc::channel(WAITING);
        let reading = tokio::spawn(read(reading, heard, wake.clone())).abort_handle();
        tokio::spawn(write(writing, to_write, wake.clone()));
        Self { outward: Some(outward), inward, rest: Vec::new(), heard_end: false, reading }
    }

    /// Moves what can be moved in both directions. `false` when the connection is over.
    pub(super) fn advance(&mut self, socket: &mut Socket<'_>) -> bool {
        self.send_outward(socket);
        self.bring_inward(socket);
        !matches!(socket.state(), State::Closed | State::TimeWait)
    }

    fn send_outward(&mut self, socket: &mut Socket<'_>) {
        let Some(outward) = &self.outward else { return };
        while socket.can_recv() {
            let Ok(place) = outward.try_reserve() else {
                if outward.is_closed() {
                    socket.abort();
                }
                return;
            };
            let taken = socket.recv(|data| {
                let length = data.len().min(PIECE);
                (length, data[..length].to_vec())
            });
            match taken {
                Ok(bytes) => place.send(bytes),
                Err(_) => break,
            }
        }
        let finished = [State::CloseWait, State::LastAck, State::Closing, State::TimeWait, State::Closed];
        if !socket.can_recv() && finished.contains(&socket.state()) {
            self.outward = None;
        }
    }

    fn bring_inward(&mut self, socket: &mut Socket<'_>) {
        loop {
            if !self.rest.is_empty() {
                if !socket.can_send() {
                    return;
                }
                let Ok(sent) = socket.send_slice(&self.rest) else { return };
                self.rest.drain(..sent);
                continue;
            }
            if self.heard_end || !socket.may_send() {
                return;
            }
            match self.inward.try_recv() {
                Ok(Heard::Bytes(bytes)) => self.rest = bytes,
                Ok(Heard::End) => {
                    self.heard_end = true;
                    socket.close();
                }
                Ok(Heard::Broken) | Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.heard_end = true;
                    socket.abort();
                }
                Err(mpsc::error::TryRecvError::Empty) => return,
            }
        }
    }
}

async fn read(mut from: ReadHalf<Box<dyn Stream>>, heard: mpsc::Sender<Heard>, wake: Arc<Notify>) {
    loop {
        let mut piece = vec![0; PIECE];
        let (told, last) = match from.read(&mut piece).await {
            Ok(0) => (Heard::End, true),
            Ok(length) => {
                piece.truncate(length);
                (Heard::Bytes(piece), false)
            }
            Err(_) => (Heard::Broken, true),
        };
        if heard.send(told).await.is_err() || last {
            return wake.notify_one();
        }
        wake.notify_one();
    }
}

async fn write(mut to: WriteHalf<Box<dyn Stream>>, mut pieces: mpsc::Receiver<Vec<u8>>, wake: Arc<Notify>) {
    while let Some(piece) = pieces.recv().await {
        wake.notify_one();
        let written = match pieces.is_closed() {
            false => to.write_all(&piece).await,
            true => match tokio::time::timeout(LAST_WORDS, to.write_all(&piece)).await {
                Ok(written) => written,
                Err(_) => return,
            },
        };
        if written.is_err() {
            drop(pieces);
            return wake.notify_one();
        }
    }
    let _ = tokio::time::timeout(LAST_WORDS, to.shutdown()).await;
}
