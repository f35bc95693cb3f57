//! Metadata of an identity provider, as an administrator uploads it.
#![no_main]

use gatehouse_saml::{Certificate, parse_idp_metadata};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(metadata) = parse_idp_metadata(data) else { return };
    assert!(format!("{metadata:?}").len() < 64 * data.len() + 64 * 1024, "what is kept is in proportion");
    let _ = Certificate::from_der(data);
});
