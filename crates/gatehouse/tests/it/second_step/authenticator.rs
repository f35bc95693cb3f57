//! A browser with an authenticator, written anew from WebAuthn Level 3 (§6 and §5.8.1) and RFC 9052: nothing is shared
//! with the library that the server judges with.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

/// What of it a test turns.
#[derive(Clone, Debug)]
pub(super) struct Authenticator {
    /// Where the page is, as the browser sees it.
    pub(super) origin: String,
    /// The flags UP, UV, BE and BS.
    pub(super) present: bool,
    pub(super) verified: bool,
    pub(super) synced: bool,
    /// The signature counter; `None` for one that does not count.
    pub(super) counter: Option<u32>,
    /// Whether the page stands in a frame of another site.
    pub(super) framed: bool,
    pub(super) key: Option<Key>,
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    id: Vec<u8>,
    pkcs8: Vec<u8>,
    handle: Vec<u8>,
}

/// An unsigned or negative number's head (RFC 8949 §3).
fn head(major: u8, value: usize) -> Vec<u8> {
    match value {
        0..24 => vec![major << 5 | u8::try_from(value).unwrap()],
        24..256 => vec![major << 5 | 24, u8::try_from(value).unwrap()],
        _ => [vec![major << 5 | 25], u16::try_from(value).unwrap().to_be_bytes().to_vec()].concat(),
    }
}

fn text(text: &str) -> Vec<u8> {
    [head(3, text.len()), text.as_bytes().to_vec()].concat()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len()), bytes.to_vec()].concat()
}

/// A P-256 key as COSE (RFC 9053 §7.1.1): kty EC2, alg ES256, crv P-256, x, y.
fn cose(point: &[u8]) -> Vec<u8> {
    assert_eq!((point.len(), point[0]), (65, 4), "an uncompressed point");
    let numbers = [[1, 2], [3, 0x26], [0x20, 1]].concat();
    [vec![0xa5], numbers, vec![0x21], bytes(&point[1..33]), vec![0x22], bytes(&point[33..])].concat()
}

fn encoded(bytes: &[u8]) -> String {
    BASE64URL.encode(bytes)
}

pub(super) fn decoded(value: &Value) -> Vec<u8> {
    BASE64URL.decode(value.as_str().unwrap_or_else(|| panic!("no base64url: {value}"))).unwrap()
}

impl Authenticator {
    pub(super) fn at(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            present: true,
            verified: true,
            synced: false,
            counter: Some(0),
            framed: false,
            key: None,
        }
    }

    /// The base64url id of its key.
    pub(super) fn id(&self) -> String {
        encoded(&self.key.as_ref().unwrap().id)
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let mut data = json!({
            "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": self.framed,
        });
        if self.framed {
            data["topOrigin"] = "https://elsewhere.example".into();
        }
        data.to_string().into_bytes()
    }

    /// §6.1; counts on.
    fn data(&mut self, rp_id: &str, attested: Option<Vec<u8>>) -> Vec<u8> {
        self.counter = self.counter.map(|c| c + 1);
        let mut flags = u8::from(self.present) | u8::from(self.verified) << 2;
        if self.synced {
            flags |= 0b0001_1000;
        }
        flags |= u8::from(attested.is_some()) << 6;
        let counter = self.counter.unwrap_or(0).to_be_bytes();
        let hash = digest(&SHA256, rp_id.as_bytes());
        [hash.as_ref(), &[flags], &counter, &attested.unwrap_or_default()].concat()
    }

    /// `navigator.credentials.create()`: a new key in the place of the last one.
    pub(super) fn create(&mut self, options: &Value) -> Value {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let mut id = [0; 20];
        fill(&mut id).unwrap();
        let key =
            Key { id: id.to_vec(), pkcs8: pkcs8.as_ref().to_vec(), handle: decoded(&options["user"]["id"]) };
        self.key = Some(key);
        self.create_again(options)
    }

    /// The same with the key that it has.
    pub(super) fn create_again(&mut self, options: &Value) -> Value {
        let key = self.key.clone().unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.pkcs8).unwrap();
        let length = u16::try_from(key.id.len()).unwrap().to_be_bytes();
        let attested = [&[0; 16], &length[..], &key.id, &cose(pair.public_key().as_ref())].concat();
        let data = self.data(options["rp"]["id"].as_str().unwrap(), Some(attested));
        let object = [
            vec![0xa3],
            [text("fmt"), text("none")].concat(),
            [text("attStmt"), vec![0xa0]].concat(),
            [text("authData"), bytes(&data)].concat(),
        ];
        json!({
            "id": self.id(), "rawId": self.id(), "type": "public-key", "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(&self.client_data("webauthn.create", options)),
                "attestationObject": encoded(&object.concat()),
                "transports": ["usb"],
            },
        })
    }

    /// `navigator.credentials.get()`.
    pub(super) fn get(&mut self, options: &Value) -> Value {
        let key = self.key.clone().unwrap();
        let client = self.client_data("webauthn.get", options);
        let data = self.data(options["rpId"].as_str().unwrap(), None);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.pkcs8).unwrap();
        let signed = [&data, digest(&SHA256, &client).as_ref()].concat();
        let signature = pair.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": self.id(), "rawId": self.id(), "type": "public-key", "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(&client), "authenticatorData": encoded(&data),
                "signature": encoded(signature.as_ref()), "userHandle": encoded(&key.handle),
            },
        })
    }
}
