//! Our end of a sandbox's network.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{
    HardwareAddress, IpAddress, IpCidr, IpEndpoint, IpListenEndpoint, IpProtocol, Ipv4Packet, TcpPacket,
};
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, mpsc};

use super::connection::Connection;
use super::device::Queues;
use super::dns::{self, Question};
use super::names::Names;
use super::{PACKET_MAX, RESOLVER, Refusal, Rules, Stream};

/// Connections of one sandbox at a time, with those that are just being opened.
const CONNECTIONS_MAX: usize = 128;
/// Names of one sandbox that are looked up at a time.
const QUESTIONS_MAX: usize = 64;
/// Bytes that wait in each direction of a connection.
const BUFFER: usize = 64 * 1024;
/// How long opening a connection outside may take.
const DIAL_WITHIN: Duration = Duration::from_secs(20);
/// How long a name may be looked up.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(10);
/// How long the sandbox's own kernel may leave us without an answer.
const SILENCE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(120);
const KEEP_ALIVE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(30);
/// Packets that are taken in before others get their turn.
const BATCH: usize = 64;

/// A connection as the sandbox tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Flow {
    from_port: u16,
    to: Ipv4Addr,
    to_port: u16,
}

enum Event {
    Dialed { flow: Flow, opening: Vec<u8>, host: String, result: Result<Box<dyn Stream>, Refusal> },
    LookedUp { question: Question, asker: udp::UdpMetadata, known: bool },
}

struct Gateway {
    tunnel: AsyncFd<OwnedFd>,
    device: Queues,
    interface: Interface,
    sockets: SocketSet<'static>,
    resolver: SocketHandle,
    names: Names,
    opening: HashSet<Flow>,
    looking_up: usize,
    connections: HashMap<SocketHandle, (Flow, Connection)>,
    events: mpsc::UnboundedSender<Event>,
    wake: Arc<Notify>,
    began: std::time::Instant,
    rules: Rules,
}

/// Serves a sandbox's network until it is gone.
pub(crate) async fn run(tunnel: OwnedFd, rules: Rules) -> std::io::Result<()> {
    // Bounded by CONNECTIONS_MAX and QUESTIONS_MAX: each event answers something that was counted.
    let (events, mut happened) = mpsc::unbounded_channel();
    let mut gateway = Gateway::new(registered(tunnel)?, events, rules)?;
    let wake = gateway.wake.clone();
    loop {
        let now = gateway.now();
        let pause = gateway.interface.poll_delay(now, &gateway.sockets);
        let pause =
            pause.map_or(Duration::from_secs(60), |pause| Duration::from_micros(pause.total_micros()));
        tokio::select! {
            ready = gateway.tunnel.readable() => {
                let mut ready = ready?;
                let packets = read_packets(ready.get_inner())?;
                if packets.len() < BATCH {
                    ready.clear_ready();
                }
                drop(ready);
                packets.into_iter().for_each(|packet| gateway.take_packet(packet));
            }
            Some(event) = happened.recv() => gateway.take_event(event),
            () = wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
        gateway.advance();
    }
}

#[allow(unsafe_code, reason = "a descriptor is registered with the runtime")]
fn registered(tunnel: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the registration owns the descriptor, which so stays open and the same until it is dropped.
    Ok(unsafe { AsyncFd::register(tunnel)? })
}

/// What is there to be read, up to a batch.
fn read_packets(tunnel: &OwnedFd) -> std::io::Result<Vec<Vec<u8>>> {
    let mut packets = Vec::new();
    let mut buffer = [0u8; PACKET_MAX + 64];
    while packets.len() < BATCH {
        match nix::unistd::read(tunnel, &mut buffer) {
            Ok(0) | Err(nix::errno::Errno::EAGAIN) => break,
            Ok(length) => packets.push(buffer[..length].to_vec()),
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(packets)
}

impl Gateway {
    fn new(
        tunnel: AsyncFd<OwnedFd>,
        events: mpsc::UnboundedSender<Event>,
        rules: Rules,
    ) -> std::io::Result<Self> {
        let mut device = Queues::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            // There is room for two; this is the first.
            let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(RESOLVER), 30));
        });
        // Whatever address the sandbox calls is answered by us.
        interface.set_any_ip(true);
        interface.routes_mut().add_default_ipv4_route(RESOLVER).map_err(std::io::Error::other)?;
        let mut sockets = SocketSet::new(Vec::new());
        let packets = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 32], vec![0; 32 * 1024]);
        let mut resolver = udp::Socket::new(packets(), packets());
        let place = IpListenEndpoint { addr: Some(IpAddress::Ipv4(RESOLVER)), port: 53 };
        resolver.bind(place).map_err(std::io::Error::other)?;
        let resolver = sockets.add(resolver);
        Ok(Self {
            tunnel,
            device,
            interface,
            sockets,
            resolver,
            names: Names::default(),
            opening: HashSet::new(),
            looking_up: 0,
            connections: HashMap::new(),
            events,
            wake: Arc::new(Notify::new()),
            began: std::time::Instant::now(),
            rules,
        })
    }

    fn now(&self) -> Instant {
        Instant::from_micros(i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX))
    }

    /// A packet that opens a connection waits until it is open outside; all others go to the stack.
    fn take_packet(&mut self, packet: Vec<u8>) {
        if let Some(flow) = opening(&packet).filter(|flow| !self.is_open(*flow)) {
            // Sent again while we are busy with it, or asked for now. What is refused goes to the stack, which answers
            // that nothing listens there.
            if self.opening.contains(&flow) || self.ask_for(flow, &packet) {
                return;
            }
        }
        self.device.from_sandbox.push_back(packet);
    }

    fn is_open(&self, flow: Flow) -> bool {
        self.connections.values().any(|(known, _)| *known == flow)
    }

    /// Opens a connection outside; `false` when it is refused at once.
    fn ask_for(&mut self, flow: Flow, packet: &[u8]) -> bool {
        let host = match self.names.name_of(flow.to) {
            Some(name) => name.to_owned(),
            None if Names::is_ours(flow.to) || flow.to == RESOLVER => return false,
            None => flow.to.to_string(),
        };
        let busy = self.opening.len() + self.connections.len() >= CONNECTIONS_MAX;
        let too_many = busy.then(|| format!("{CONNECTIONS_MAX} connections are open at a time at most"));
        if let Some(reason) = too_many.or_else(|| self.rules.refusal(&host)) {
            self.rules.report(&host, flow.to_port, Some(reason));
            return false;
        }
        self.opening.insert(flow);
        let (events, dial, opening) = (self.events.clone(), self.rules.dial.clone(), packet.to_vec());
        tokio::spawn(async move {
            let dialed = tokio::time::timeout(DIAL_WITHIN, dial.dial(&host, flow.to_port)).await;
            let late = || Err(Refusal(format!("no answer within {} s", DIAL_WITHIN.as_secs())));
            let result = dialed.unwrap_or_else(|_| late());
            let _ = events.send(Event::Dialed { flow, opening, host, result });
        });
        true
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Dialed { flow, opening, host, result } => {
                self.opening.remove(&flow);
                match result {
                    Ok(stream) => {
                        self.rules.report(&host, flow.to_port, None);
                        self.admit(flow, opening, stream);
                    }
                    Err(Refusal(reason)) => {
                        self.rules.report(&host, flow.to_port, Some(reason));
                        self.device.from_sandbox.push_back(opening);
                    }
                }
            }
            Event::LookedUp { question, asker, known } => {
                self.looking_up -= 1;
                let answer = if known {
                    question.address(self.names.address_of(&question.name))
                } else {
                    self.rules.report(&question.name, 0, Some("there is no such name".to_owned()));
                    question.unknown()
                };
                self.answer(&answer, asker);
            }
        }
    }

    /// Lets the stack accept one connection that is open outside.
    fn admit(&mut self, flow: Flow, opening: Vec<u8>, stream: Box<dyn Stream>) {
        let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(SILENCE));
        // The kernel inside answers these by itself: so a connection that only waits is not taken for dead.
        socket.set_keep_alive(Some(KEEP_ALIVE));
        if socket.listen((IpAddress::Ipv4(flow.to), flow.to_port)).is_err() {
            return;
        }
        let handle = self.sockets.add(socket);
        self.device.from_sandbox.push_back(opening);
        self.poll();
        // A packet that the stack does not accept must not leave a socket behind that takes another.
        if self.sockets.get::<tcp::Socket>(handle).is_listening() {
            self.sockets.remove(handle);
            return;
        }
        self.connections.insert(handle, (flow, Connection::new(stream, &self.wake)));
    }

    fn poll(&mut self) {
        let now = self.now();
        let _ = self.interface.poll(now, &mut self.device, &mut self.sockets);
    }

    /// Moves everything on, as far as it goes.
    fn advance(&mut self) {
        self.poll();
        self.serve_names();
        let (sockets, mut over) = (&mut self.sockets, Vec::new());
        for (handle, (_, connection)) in &mut self.connections {
            if !connection.advance(sockets.get_mut::<tcp::Socket>(*handle)) {
                over.push(*handle);
            }
        }
        self.poll();
        for handle in over {
            self.connections.remove(&handle);
            self.sockets.remove(handle);
        }
        for packet in self.device.to_sandbox.drain(..) {
            // A packet that the sandbox does not take is lost, as on any network.
            let _ = nix::unistd::write(self.tunnel.get_ref(), &packet);
        }
    }

    fn serve_names(&mut self) {
        loop {
            let socket = self.sockets.get_mut::<udp::Socket>(self.resolver);
            let Ok((packet, asker)) = socket.recv() else { return };
            let Some(question) = dns::read(packet) else { continue };
            if let Some(reason) = self.rules.refusal(&question.name) {
                if question.wants_address {
                    self.rules.report(&question.name, 0, Some(reason));
                }
                self.answer(&question.unknown(), asker);
            } else if !question.wants_address {
                self.answer(&question.nothing(), asker);
            } else if self.looking_up < QUESTIONS_MAX {
                self.looking_up += 1;
                self.look_up(question, asker);
            }
        }
    }

    fn look_up(&self, question: Question, asker: udp::UdpMetadata) {
        let (events, dial) = (self.events.clone(), self.rules.dial.clone());
        tokio::spawn(async move {
            let known = tokio::time::timeout(LOOK_UP_WITHIN, dial.knows(&question.name)).await;
            let _ = events.send(Event::LookedUp { question, asker, known: known.unwrap_or(false) });
        });
    }

    fn answer(&mut self, answer: &[u8], asker: udp::UdpMetadata) {
        let to = udp::UdpMetadata {
            endpoint: IpEndpoint { ..asker.endpoint },
            local_address: Some(IpAddress::Ipv4(RESOLVER)),
            meta: asker.meta,
        };
        // A full queue loses an answer; whoever asked asks again.
        let _ = self.sockets.get_mut::<udp::Socket>(self.resolver).send_slice(answer, to);
    }
}

/// The flow that a packet opens, if it opens one.
fn opening(packet: &[u8]) -> Option<Flow> {
    let outer = Ipv4Packet::new_checked(packet).ok()?;
    if outer.version() != 4 || outer.next_header() != IpProtocol::Tcp || outer.frag_offset() != 0 {
        return None;
    }
    let inner = TcpPacket::new_checked(outer.payload()).ok()?;
    let flow = Flow { from_port: inner.src_port(), to: outer.dst_addr(), to_port: inner.dst_port() };
    (inner.syn() && !inner.ack()).then_some(flow)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first packet of a connection from port 1 to 192.0.2.7, port 80.
    fn first() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 198, 19, 255, 2, 192, 0, 2, 7];
        packet.extend_from_slice(&[0, 1, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
        packet
    }

    #[test]
    fn a_packet_that_opens_a_connection_is_known_and_others_are_not() {
        let flow = Flow { from_port: 1, to: Ipv4Addr::new(192, 0, 2, 7), to_port: 80 };
        assert_eq!(opening(&first()), Some(flow));
        let mut answer = first();
        answer[33] = 0x12;
        assert_eq!(opening(&answer), None);
        let mut six = first();
        six[0] = 0x65;
        assert_eq!(opening(&six), None);
    }

    #[test]
    fn any_byte_may_be_anything_and_any_end_missing() {
        for length in 0..first().len() {
            assert_eq!(opening(&first()[..length]), None, "{length}");
        }
        for at in 0..first().len() {
            for byte in 0..=u8::MAX {
                let mut packet = first();
                packet[at] = byte;
                let found = opening(&packet);
                assert!(found.is_none_or(|flow| at >= 16 || flow.to == Ipv4Addr::new(192, 0, 2, 7)));
            }
        }
    }
}
