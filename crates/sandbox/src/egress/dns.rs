//! As much of DNS as a stub resolver asks for (RFC 1035 §4.1): one question, one answer.

use std::net::Ipv4Addr;

const HEADER: usize = 12;
const A: u16 = 1;
const INTERNET: u16 = 1;
/// Seconds for which an answer may be kept.
const LIFETIME: u32 = 30;
/// The longest name, in characters.
const NAME_MAX: usize = 253;

/// A question that can be answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    id: [u8; 2],
    /// The question as it was asked; it is repeated in the answer.
    asked: Vec<u8>,
    pub name: String,
    /// Whether the IPv4 address is asked for; everything else is answered with nothing.
    pub wants_address: bool,
}

/// Reads a question; `None` when it is none, and then there is no answer.
pub(super) fn read(packet: &[u8]) -> Option<Question> {
    let header = packet.get(..HEADER)?;
    let is_question = header[2] & 0b1111_1000 == 0;
    let questions = u16::from_be_bytes([header[4], header[5]]);
    if !is_question || questions != 1 {
        return None;
    }
    let (mut name, mut at) = (String::new(), HEADER);
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        // Longer is a pointer, which a question does not need.
        if length > 63 {
            return None;
        }
        let label = packet.get(at..at + length)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !label.iter().all(plain) {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(std::str::from_utf8(label).ok()?);
        at += length;
        if name.len() > NAME_MAX {
            return None;
        }
    }
    let rest = packet.get(at..at + 4)?;
    let (kind, class) = (u16::from_be_bytes([rest[0], rest[1]]), u16::from_be_bytes([rest[2], rest[3]]));
    Some(Question {
        id: [header[0], header[1]],
        asked: packet.get(HEADER..at + 4)?.to_vec(),
        name,
        wants_address: kind == A && class == INTERNET,
    })
}

impl Question {
    fn answered(&self, code: u8, answers: u16) -> Vec<u8> {
        // An answer, recursion desired and available.
        let mut packet = vec![self.id[0], self.id[1], 0x81, 0x80 | code, 0, 1];
        packet.extend_from_slice(&answers.to_be_bytes());
        packet.extend_from_slice(&[0; 4]);
        packet.extend_from_slice(&self.asked);
        packet
    }

    /// The name exists and has nothing of the kind that was asked for.
    pub(super) fn nothing(&self) -> Vec<u8> {
        self.answered(0, 0)
    }

    /// There is no such name.
    pub(super) fn unknown(&self) -> Vec<u8> {
        const NO_SUCH_NAME: u8 = 3;
        self.answered(NO_SUCH_NAME, 0)
    }

    /// The name has this address.
    pub(super) fn address(&self, address: Ipv4Addr) -> Vec<u8> {
        let mut packet = self.answered(0, 1);
        packet.extend_from_slice(&[0xc0, HEADER as u8]);
        packet.extend_from_slice(&A.to_be_bytes());
        packet.extend_from_slice(&INTERNET.to_be_bytes());
        packet.extend_from_slice(&LIFETIME.to_be_bytes());
        packet.extend_from_slice(&4u16.to_be_bytes());
        packet.extend_from_slice(&address.octets());
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(kind: u8) -> Vec<u8> {
        let mut packet = vec![0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
        packet.extend_from_slice(b"\x03api\x07example\x03com\x00");
        packet.extend_from_slice(&[0, kind, 0, 1]);
        packet
    }

    #[test]
    fn a_question_is_read_and_answered() {
        let question = read(&asking(1)).unwrap();
        assert_eq!((question.name.as_str(), question.wants_address), ("api.example.com", true));
        let answer = question.address(Ipv4Addr::new(198, 18, 0, 1));
        assert_eq!(&answer[..8], [0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 1]);
        assert_eq!(&answer[12..33], &asking(1)[12..]);
        assert_eq!(&answer[33..], [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 198, 18, 0, 1]);
        assert!(!read(&asking(28)).unwrap().wants_address);
        assert_eq!(question.unknown()[3], 0x83);
    }

    #[test]
    fn what_is_no_question_is_not_read_at_any_length() {
        let whole = asking(1);
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), None, "{length}");
        }
        let mut answer = whole.clone();
        answer[2] = 0x81;
        assert_eq!(read(&answer), None);
        let mut pointer = whole.clone();
        pointer[12] = 0xc0;
        assert_eq!(read(&pointer), None);
        let mut strange = whole;
        strange[14] = b'/';
        assert_eq!(read(&strange), None);
    }

    #[test]
    fn any_byte_may_be_anything() {
        let whole = asking(1);
        for at in 0..whole.len() {
            for byte in 0..=u8::MAX {
                let mut packet = whole.clone();
                packet[at] = byte;
                let Some(question) = read(&packet) else { continue };
                assert!(question.name.len() <= NAME_MAX && question.unknown().starts_with(&packet[..2]));
            }
        }
    }
}
