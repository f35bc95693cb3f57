//! A posted message: decoding, bounds, tree, and the whole judgement, of both protocols.
#![no_main]

use gatehouse_fuzz::{SAML, WSFED, insist_on_honesty};
use gatehouse_saml::{Certificate, Message, decode_post_binding, verify, verify_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = decode_post_binding(text);
        let _ = Certificate::from_pem_or_base64(text);
    }
    match Message::parse(data) {
        Ok(message) => {
            let _ = message.peek();
            for policy in [&*SAML, &*WSFED] {
                let judgement = verify(&message, policy);
                assert!(!judgement.checks.is_empty());
                if let Ok(verified) = judgement.outcome {
                    assert!(judgement.checks.iter().all(|c| c.ok));
                    insist_on_honesty(&verified);
                }
            }
        }
        Err(_) => assert!(verify_bytes(data, &SAML).outcome.is_err()),
    }
});
