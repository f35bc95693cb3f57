//! A name server whose answers change from one question to the next, as an attacker's does.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

/// What a name answers, one entry a look-up; the last one stays. An entry holds addresses, `->other` for an alias with
/// the other name's records beside it, or `=>other` for an alias alone.
pub(crate) type Rounds = &'static [&'static [&'static str]];

/// The name server; it ends with the test.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<BTreeMap<(String, u16), usize>>>,
}

struct Zone {
    names: BTreeMap<&'static str, Rounds>,
    asked: Arc<Mutex<BTreeMap<(String, u16), usize>>>,
}

impl NameServer {
    pub(crate) async fn start(names: impl IntoIterator<Item = (&'static str, Rounds)>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (socket.local_addr().unwrap(), Arc::default());
        let zone = Zone { names: names.into_iter().collect(), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            let mut buffer = [0u8; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..length]).unwrap();
                socket.send_to(&zone.answer(&question).to_vec().unwrap(), from).await.unwrap();
            }
        });
        Self { address, asked }
    }

    /// How often the IPv4 addresses of a name were asked for.
    pub(crate) fn asked(&self, name: &str) -> usize {
        self.asked
            .lock()
            .unwrap()
            .get(&(name.to_owned(), u16::from(RecordType::A)))
            .copied()
            .unwrap_or_default()
    }
}

impl Zone {
    fn answer(&self, question: &Message) -> Message {
        let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.add_queries(question.queries.iter().cloned());
        let query = question.queries.first().unwrap();
        let name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
        match self.records(&name, query.query_type()) {
            Some(records) => {
                answer.add_answers(records);
            }
            None => answer.metadata.response_code = ResponseCode::NXDomain,
        }
        answer
    }

    fn records(&self, name: &str, wanted: RecordType) -> Option<Vec<Record>> {
        let rounds = self.names.get(name)?;
        let mut asked = self.asked.lock().unwrap();
        let round = asked.entry((name.to_owned(), wanted.into())).or_default();
        let answer = rounds[(*round).min(rounds.len() - 1)];
        *round += 1;
        drop(asked);
        let of = |data| Record::from_rdata(absolute(name), 0, data);
        let mut records = Vec::new();
        for word in answer {
            if let Some(other) = word.strip_prefix("->") {
                records.push(of(RData::CNAME(CNAME(absolute(other)))));
                records.extend(self.records(other, wanted)?);
            } else if let Some(other) = word.strip_prefix("=>") {
                records.push(of(RData::CNAME(CNAME(absolute(other)))));
            } else {
                match (wanted, word.parse().unwrap()) {
                    (RecordType::A, IpAddr::V4(ip)) => records.push(of(RData::A(A::from(ip)))),
                    (RecordType::AAAA, IpAddr::V6(ip)) => records.push(of(RData::AAAA(AAAA::from(ip)))),
                    _ => {}
                }
            }
        }
        Some(records)
    }
}

fn absolute(name: &str) -> Name {
    let mut name = Name::from_ascii(name).unwrap();
    name.set_fqdn(true);
    name
}
