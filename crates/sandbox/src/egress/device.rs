//! Packets on their way between the TUN device and the TCP/IP stack.

use std::collections::VecDeque;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use super::PACKET_MAX;

/// Packets that wait to be written to the device; what comes on top is lost, as on any network.
const WAITING_MAX: usize = 1024;

#[derive(Default)]
pub(super) struct Queues {
    pub from_sandbox: VecDeque<Vec<u8>>,
    pub to_sandbox: VecDeque<Vec<u8>>,
}

pub(super) struct Received(Vec<u8>);

pub(super) struct Sending<'a>(&'a mut VecDeque<Vec<u8>>);

impl Device for Queues {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let packet = self.from_sandbox.pop_front()?;
        Some((Received(packet), Sending(&mut self.to_sandbox)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        (self.to_sandbox.len() < WAITING_MAX).then_some(Sending(&mut self.to_sandbox))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = PACKET_MAX;
        capabilities
    }
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut packet = vec![0; length];
        let result = fill(&mut packet);
        self.0.push_back(packet);
        result
    }
}
