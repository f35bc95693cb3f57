//! Whatever arrives: no panic, and no acceptance of anything but what was signed.

use crate::support::*;
use gatehouse_saml::{
    AuthnRequest, Certificate, Message, Policy, SigningKey, VerifiedAssertion, decode_post_binding,
    parse_idp_metadata, verify_bytes,
};
use proptest::prelude::*;
use std::sync::LazyLock;

static POLICY: LazyLock<Policy> = LazyLock::new(policy);
static WSFED: LazyLock<Policy> = LazyLock::new(wsfed_policy);
static MESSAGES: LazyLock<Vec<(String, bool, VerifiedAssertion)>> = LazyLock::new(|| {
    let mut encrypted = response();
    encrypted.encrypt = Some((
        SP_KEY.certificate.clone(),
        gatehouse_saml::idp::Encryption::Aes256Gcm,
        gatehouse_saml::idp::KeyTransport::OaepSha1,
    ));
    let judged = |message: String, wsfed: bool| {
        let policy: &Policy = if wsfed { &WSFED } else { &POLICY };
        let verified = accepted(verify_bytes(message.as_bytes(), policy));
        (message, wsfed, verified)
    };
    vec![
        judged(honest(), false),
        judged(honest_response_signed(), false),
        judged(issue(&encrypted), false),
        judged(issue_rstr(&rstr()), true),
    ]
});

/// What an acceptance is about, without what only the unsigned envelope says.
fn claims(verified: &VerifiedAssertion) -> impl PartialEq + std::fmt::Debug {
    (
        verified.assertion_id().to_owned(),
        verified.issuer().to_owned(),
        verified.name_id().clone(),
        verified.attributes().clone(),
        (verified.session_index().map(str::to_owned), verified.not_on_or_after()),
        verified.in_response_to().map(str::to_owned),
    )
}

/// A change of a few bytes anywhere.
#[derive(Debug, Clone)]
enum Change {
    Set(u8),
    Remove(usize),
    Insert(String),
    Copy(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let pieces = prop::sample::select(vec![
        "<",
        ">",
        "/",
        "\"",
        "&",
        "&amp;",
        "<!--",
        "-->",
        "<!-- -->",
        "<![CDATA[",
        "]]>",
        "<?x?>",
        " ",
        "\0",
        "ID=\"_x\"",
        "<saml:Assertion/>",
        "</saml:Assertion>",
        "xmlns:saml=\"urn:x\"",
        "ä",
        "<a>",
        "</a>",
        "xml:id=\"_r1-a\"",
    ]);
    prop_oneof![
        any::<u8>().prop_map(Change::Set),
        (1usize..200).prop_map(Change::Remove),
        pieces.prop_map(|p: &str| Change::Insert(p.to_owned())),
        (any::<usize>(), 1usize..400).prop_map(|(from, length)| Change::Copy(from, length)),
    ]
}

/// Pieces that markup is made of, and any character.
fn part() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<",
        "</",
        "/>",
        ">",
        "=",
        "\"",
        "'",
        "&",
        ";",
        "#",
        "<!",
        "--",
        "[CDATA[",
        "]]>",
        "<?",
        "?>",
        "xml",
        "xmlns",
        ":",
        " ",
        "a",
        "%",
        "version",
        "-----BEGIN ",
        "-----END ",
        "-----",
        "AAAA",
        "SAMLRequest",
        "&SigAlg=",
        "&Signature=",
        "Response",
    ]);
    prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

fn apply(bytes: &mut Vec<u8>, at: usize, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let at = at % bytes.len();
    match change {
        Change::Set(b) => bytes[at] = *b,
        Change::Remove(n) => {
            let end = (at + n).min(bytes.len());
            bytes.drain(at..end);
        }
        Change::Insert(text) => {
            bytes.splice(at..at, text.bytes());
        }
        Change::Copy(from, length) => {
            let from = from % bytes.len();
            let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Message::parse(&bytes).map(|m| m.peek());
        prop_assert!(verify_bytes(&bytes, &POLICY).outcome.is_err());
        prop_assert!(verify_bytes(&bytes, &WSFED).outcome.is_err());
        let _ = parse_idp_metadata(&bytes);
        let _ = Certificate::from_der(&bytes);
    }

    #[test]
    fn arbitrary_text_never_panics(parts in prop::collection::vec(part(), 0..60)) {
        let text = parts.concat();
        prop_assert!(verify_bytes(text.as_bytes(), &POLICY).outcome.is_err());
        let _ = decode_post_binding(&text);
        let _ = AuthnRequest::from_redirect_query(&text, Some(&SP_KEY.certificate));
        let _ = AuthnRequest::from_redirect_query(&format!("SAMLRequest={text}"), None);
        let _ = Certificate::from_pem_or_base64(&text);
        let _ = SigningKey::from_pem(&text);
    }

    #[test]
    fn a_changed_message_never_says_anything_else(
        which in 0usize..4,
        changes in prop::collection::vec((any::<usize>(), change()), 1..4),
    ) {
        let (message, wsfed, honest) = &MESSAGES[which];
        let policy: &Policy = if *wsfed { &WSFED } else { &POLICY };
        let mut bytes = message.clone().into_bytes();
        for (at, change) in &changes {
            apply(&mut bytes, *at, change);
        }
        if let Ok(verified) = verify_bytes(&bytes, policy).outcome {
            prop_assert_eq!(claims(&verified), claims(honest));
        }
    }
}

/// Every third byte of the signed assertion, one after the other: a change is refused, or it is one that the
/// canonical form does not see and changes no claim.
#[test]
fn no_single_changed_byte_changes_a_claim() {
    let message = honest();
    let before = accepted(verify_bytes(message.as_bytes(), &POLICY));
    let start = message.find("<saml:Assertion").unwrap();
    for at in (start..message.len()).step_by(3) {
        let mut bytes = message.clone().into_bytes();
        bytes[at] ^= 1;
        if let Ok(verified) = verify_bytes(&bytes, &POLICY).outcome {
            assert_eq!(claims(&verified), claims(&before), "at {at}");
        }
    }
}
