//! Signatures of deliveries (Standard Webhooks 1.0, "Signature scheme").

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gatehouse_types::{Random, Secret};
use zeroize::Zeroizing;

/// What every secret begins with.
pub(crate) const PREFIX: &str = "whsec_";
/// Random bytes of a secret (the specification wants 24 to 64).
const SECRET_BYTES: usize = 32;

/// A new secret.
pub(crate) fn new_secret(random: &dyn Random) -> Secret {
    let mut bytes = Zeroizing::new([0_u8; SECRET_BYTES]);
    random.fill(&mut *bytes);
    Secret::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(*bytes)))
}

/// The value of `webhook-signature`: one signature for each secret, apart by a space.
pub(crate) fn signatures(secrets: &[Secret], id: &str, seconds: i64, body: &str) -> String {
    let signed = format!("{id}.{seconds}.{body}");
    let one = |secret: &Secret| {
        let key = secret.expose().strip_prefix(PREFIX).unwrap_or_default();
        let key = Zeroizing::new(BASE64_STANDARD.decode(key).unwrap_or_default());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(tag.as_ref()))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        // the example secret, id, timestamp and payload of the specification's reference libraries
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed =
            signatures(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_rolled_both_sign() {
        let two = [Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Secret::new("whsec_AAAA")];
        assert_eq!(signatures(&two, "msg", 1, "{}").split(' ').count(), 2);
    }
}
