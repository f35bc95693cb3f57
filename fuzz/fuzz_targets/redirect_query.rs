//! A request over the HTTP-Redirect binding: query string, base64, inflation, signature, XML.
#![no_main]

use gatehouse_fuzz::{REQUEST, SP_KEY};
use gatehouse_saml::AuthnRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    if let Ok(received) = AuthnRequest::from_redirect_query(data, Some(&SP_KEY.certificate))
        && received.signature_verified
    {
        assert_eq!(received.id, REQUEST, "only we can sign, and we signed one request");
    }
    if let Ok(received) = AuthnRequest::from_redirect_query(data, None) {
        assert!(!received.signature_verified, "nothing was verified");
    }
});
