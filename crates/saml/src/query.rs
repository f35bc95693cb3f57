//! The query of the HTTP-Redirect binding as it was received: its signature is over exactly these characters, in the
//! binding's order, whatever the query's order (bindings §3.4.4.1).

use crate::certificate::Verifies;
use crate::redirect::decode_component;
use crate::xml;

/// The parameters, still encoded.
#[derive(Default)]
pub(crate) struct RawQuery<'q> {
    pub(crate) request: Option<&'q str>,
    pub(crate) response: Option<&'q str>,
    pub(crate) encoding: Option<&'q str>,
    pub(crate) relay_state: Option<&'q str>,
    pub(crate) algorithm: Option<&'q str>,
    pub(crate) signature: Option<&'q str>,
}

impl<'q> RawQuery<'q> {
    /// Reads them; refused with the name of one that is there twice.
    pub(crate) fn read(query: &'q str) -> Result<Self, &'static str> {
        let mut raw = Self::default();
        for part in query.split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (place, name) = match name {
                "SAMLRequest" => (&mut raw.request, "SAMLRequest"),
                "SAMLResponse" => (&mut raw.response, "SAMLResponse"),
                "SAMLEncoding" => (&mut raw.encoding, "SAMLEncoding"),
                "RelayState" => (&mut raw.relay_state, "RelayState"),
                "SigAlg" => (&mut raw.algorithm, "SigAlg"),
                "Signature" => (&mut raw.signature, "Signature"),
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(name);
            }
        }
        Ok(raw)
    }

    /// What is signed of a message under its parameter.
    pub(crate) fn signed(&self, parameter: &str, message: &str) -> String {
        let mut signed = format!("{parameter}={message}");
        for (name, value) in [("RelayState", self.relay_state), ("SigAlg", self.algorithm)] {
            if let Some(value) = value {
                signed.push_str(&format!("&{name}={value}"));
            }
        }
        signed
    }
}

/// RSA with SHA-2 and nothing else: other algorithms have no identifier in this binding that anybody uses.
pub(crate) fn rsa_sha2(algorithm: &str) -> Option<Verifies> {
    match algorithm {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Some(Verifies::RsaSha256),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Some(Verifies::RsaSha384),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Some(Verifies::RsaSha512),
        _ => None,
    }
}

/// The bytes of a parameter: percent-encoded base64, in which some break lines.
pub(crate) fn bytes_of(value: &str) -> Option<Vec<u8>> {
    let text = decode_component(value)?;
    let packed: Vec<u8> = text.bytes().filter(|c| !c.is_ascii_whitespace()).collect();
    xml::decode_base64(&packed)
}
