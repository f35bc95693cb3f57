//! Single logout: requests and responses, by query string and by form field, and their judgement.
#![no_main]

use base64::Engine as _;
use gatehouse_fuzz::{SAML, SLO};
use gatehouse_saml::{InResponseTo, LogoutKind, LogoutMessage, Policy, VerifiedLogout, verify_logout};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static UNASKED: LazyLock<Policy> = LazyLock::new(|| Policy {
    acs_urls: vec![SLO.to_owned()],
    in_response_to: InResponseTo::Unsolicited,
    ..SAML.clone()
});
static WAITING: LazyLock<Policy> =
    LazyLock::new(|| Policy { acs_urls: vec![SLO.to_owned()], ..SAML.clone() });

fn judge(message: &LogoutMessage) {
    let _ = message.peek();
    for policy in [&*UNASKED, &*WAITING] {
        match verify_logout(message, policy).outcome {
            Ok(VerifiedLogout::Request(request)) => {
                assert_eq!((request.id(), request.name_id().value.as_str()), ("_l1", "ada@example.org"));
                assert_eq!(request.session_indexes(), ["_s1", "_s2"]);
            }
            Ok(VerifiedLogout::Response(response)) => assert_eq!(response.id(), "_l2"),
            Err(_) => {}
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(message) = LogoutMessage::from_redirect(text) {
        judge(&message);
    }
    let field = base64::engine::general_purpose::STANDARD.encode(data);
    for kind in [LogoutKind::Request, LogoutKind::Response] {
        for field in [field.as_str(), text] {
            if let Ok(message) = LogoutMessage::from_post(kind, field, Some("state")) {
                judge(&message);
            }
        }
    }
});
