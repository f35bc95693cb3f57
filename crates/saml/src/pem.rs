//! PEM (RFC 7468), read generously and written strictly.

use crate::limits;
use zeroize::Zeroizing;

/// What was found in a text that should be PEM.
pub(crate) struct Block {
    /// The label, `CERTIFICATE` for example; `None` when only the base64 body was given.
    pub(crate) label: Option<String>,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// Why a text is no PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Empty,
    TooLarge,
    NotBase64,
    Several,
}

/// Reads one PEM block with or without its BEGIN and END lines, with any white space and with text around it.
pub(crate) fn read(text: &str) -> Result<Block, Problem> {
    if text.len() > limits::PEM_BYTES {
        return Err(Problem::TooLarge);
    }
    let (label, body) = match text.split_once("-----BEGIN ") {
        None => (None, text),
        Some((_, after)) => {
            let (label, rest) = after.split_once("-----").ok_or(Problem::NotBase64)?;
            let (body, tail) = rest.split_once("-----END ").ok_or(Problem::NotBase64)?;
            if tail.contains("-----BEGIN ") {
                return Err(Problem::Several);
            }
            (Some(label.trim().to_owned()), body)
        }
    };
    let packed: Zeroizing<Vec<u8>> =
        Zeroizing::new(body.bytes().filter(|c| !c.is_ascii_whitespace()).collect());
    if packed.is_empty() {
        return Err(Problem::Empty);
    }
    let der = crate::xml::decode_base64(&packed).ok_or(Problem::NotBase64)?;
    Ok(Block { label, der: Zeroizing::new(der) })
}

/// Writes one PEM block with lines of 64 characters.
pub(crate) fn write(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(crate::xml::encode_base64(der));
    let mut out = String::with_capacity(body.len() * 66 / 64 + 80);
    out.push_str("-----BEGIN ");
    out.push_str(label);
    out.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}
