//! A small name server on loopback with records that can be set while it runs: for the lab and for tests.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, TXT};
use hickory_proto::rr::{RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::AbortHandle;

/// The most bytes one character-string of a TXT record holds (RFC 1035 §3.3).
const STRING_LEN: usize = 255;
/// The most bytes a UDP answer has when the asker names no size (RFC 1035 §4.2.1).
const UDP_LEN: u16 = 512;
/// Free UDP ports tried until the TCP port of the same number is free too.
const BIND_TRIES: usize = 20;

#[derive(Default)]
struct Entry {
    txt: Vec<String>,
    addresses: Vec<IpAddr>,
    fails: bool,
}

#[derive(Default)]
struct Zone {
    entries: Mutex<BTreeMap<String, Entry>>,
    asked: AtomicUsize,
}

/// A name server that knows what it is told, over UDP and TCP on the same free port of 127.0.0.1. Unknown names
/// do not exist (NXDOMAIN). It stops when dropped.
pub struct DnsStub {
    zone: Arc<Zone>,
    address: SocketAddr,
    tasks: [AbortHandle; 2],
}

impl DnsStub {
    /// Starts the server; answers from the moment this returns.
    ///
    /// # Errors
    /// When loopback has no free port.
    pub async fn start() -> io::Result<Self> {
        let (udp, tcp) = bind().await?;
        let address = udp.local_addr()?;
        let zone = Arc::new(Zone::default());
        let tasks = [
            tokio::spawn(serve_udp(udp, zone.clone())).abort_handle(),
            tokio::spawn(serve_tcp(tcp, zone.clone())).abort_handle(),
        ];
        Ok(Self { zone, address, tasks })
    }

    /// Where it listens; give it to [`crate::Dns::server`] or to `GATEHOUSE_DNS_SERVER`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the TXT records of a name, one for each text; long texts are cut into several character-strings.
    pub fn set_txt<'a>(&self, name: &str, records: impl IntoIterator<Item = &'a str>) {
        let records = records.into_iter().map(str::to_owned).collect();
        self.zone.lock().entry(key(name)).or_default().txt = records;
    }

    /// Sets the A and AAAA records of a name.
    pub fn set_addresses(&self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        self.zone.lock().entry(key(name)).or_default().addresses = addresses.into_iter().collect();
    }

    /// From now on questions about this name fail (SERVFAIL), until it is removed.
    pub fn fail(&self, name: &str) {
        self.zone.lock().entry(key(name)).or_default().fails = true;
    }

    /// Forgets a name and all its records.
    pub fn remove(&self, name: &str) {
        self.zone.lock().remove(&key(name));
    }

    /// How many questions it was asked.
    pub fn asked(&self) -> usize {
        self.zone.asked.load(Ordering::Relaxed)
    }
}

impl Drop for DnsStub {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[expect(clippy::disallowed_methods, reason = "this is the one door")]
async fn bind() -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..BIND_TRIES {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Zone>) {
    let mut buffer = [0u8; 4096];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let Ok(question) = Message::from_vec(&buffer[..length]) else { continue };
        let answer = zone.answer(&question);
        let Ok(mut bytes) = answer.to_vec() else { continue };
        let room = question.edns.as_ref().map_or(UDP_LEN, |edns| edns.max_payload().max(UDP_LEN));
        if bytes.len() > usize::from(room) {
            let Ok(cut) = answer.truncate().to_vec() else { continue };
            bytes = cut;
        }
        // an asker that went away needs no answer
        let _ = socket.send_to(&bytes, from).await;
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Zone>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let zone = zone.clone();
        // ends with the connection, whatever the reason
        tokio::spawn(async move { converse(stream, &zone).await.ok() });
    }
}

/// Questions and answers with their length before them (RFC 1035 §4.2.2), until the asker hangs up.
async fn converse(mut stream: TcpStream, zone: &Zone) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut buffer = vec![0u8; usize::from(length)];
        stream.read_exact(&mut buffer).await?;
        let question = Message::from_vec(&buffer).map_err(io::Error::other)?;
        let bytes = zone.answer(&question).to_vec().map_err(io::Error::other)?;
        stream.write_u16(u16::try_from(bytes.len()).map_err(io::Error::other)?).await?;
        stream.write_all(&bytes).await?;
    }
}

impl Zone {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, question: &Message) -> Message {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.add_queries(question.queries.iter().cloned());
        let Some(query) = question.queries.first() else {
            answer.metadata.response_code = ResponseCode::FormErr;
            return answer;
        };
        match self.lock().get(&key(&query.name().to_ascii())) {
            None => answer.metadata.response_code = ResponseCode::NXDomain,
            Some(entry) if entry.fails => answer.metadata.response_code = ResponseCode::ServFail,
            Some(entry) => {
                let record = |data| Record::from_rdata(query.name().clone(), 60, data);
                answer.add_answers(entry.records(query.query_type()).into_iter().map(record));
            }
        }
        answer
    }
}

impl Entry {
    fn records(&self, wanted: RecordType) -> Vec<RData> {
        let of_address = |address: &IpAddr| match (wanted, address) {
            (RecordType::A, IpAddr::V4(ip)) => Some(RData::A(A::from(*ip))),
            (RecordType::AAAA, IpAddr::V6(ip)) => Some(RData::AAAA(AAAA::from(*ip))),
            _ => None,
        };
        match wanted {
            RecordType::TXT => self.txt.iter().map(|text| RData::TXT(character_strings(text))).collect(),
            _ => self.addresses.iter().filter_map(of_address).collect(),
        }
    }
}

fn character_strings(text: &str) -> TXT {
    let strings: Vec<&[u8]> = text.as_bytes().chunks(STRING_LEN).collect();
    TXT::from_bytes(if strings.is_empty() { vec![b""] } else { strings })
}
