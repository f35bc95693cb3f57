//! Time-based codes (RFC 6238): six digits, thirty seconds, SHA-1, as every authenticator app knows them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatehouse_types::{Error, Random, Result, Secret};
use qrcode::QrCode;
use qrcode::render::svg;
use zeroize::Zeroizing;

/// The length of a secret, in bytes (RFC 4226 §4 recommends 160 bits).
const SECRET_LEN: usize = 20;
/// The name that apps show beside the account.
const ISSUER: &str = "Gatehouse";
/// The smallest side of the picture, in pixels.
const QR_SIDE: u32 = 220;

/// What an authenticator app needs to know.
#[derive(Debug)]
pub struct TotpOffer {
    /// The secret in Base32, for typing in.
    pub secret: Secret,
    /// The same as an `otpauth://` address.
    pub uri: Secret,
    /// The address as a QR code, an SVG.
    pub qr_svg: Secret,
}

impl TotpOffer {
    /// The picture as a `data:` address.
    pub fn qr_data(&self) -> Secret {
        Secret::new(format!("data:image/svg+xml;base64,{}", STANDARD.encode(self.qr_svg.expose())))
    }
}

/// A new secret.
pub(crate) fn new_secret(random: &dyn Random) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0u8; SECRET_LEN]);
    random.fill(&mut bytes);
    bytes
}

fn totp(secret: &[u8], account: &str) -> Result<totp_rs::Totp> {
    let bytes = <[u8; SECRET_LEN]>::try_from(secret).map_err(Error::internal)?;
    let builder = totp_rs::Builder::new()
        .with_secret(totp_rs::Secret::new_stack(bytes))
        .with_issuer(Some(ISSUER))
        .with_account_name(account);
    builder.build().map_err(|e| Error::internal(e.to_string()))
}

/// How an app learns the secret.
pub(crate) fn offer(secret: &[u8], account: &str) -> Result<TotpOffer> {
    let totp = totp(secret, account)?;
    let uri = Zeroizing::new(totp.to_url().map_err(|e| Error::internal(e.to_string()))?);
    let code = QrCode::new(uri.as_bytes()).map_err(|e| Error::internal(e.to_string()))?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(QR_SIDE, QR_SIDE).build();
    Ok(TotpOffer {
        secret: Secret::new(totp.secret().to_base32()),
        uri: Secret::new(uri.as_str()),
        qr_svg: Secret::new(picture),
    })
}

/// The step of a right code: the present one, the one before or the one after; compared in constant time.
pub(crate) fn step_of(secret: &[u8], code: &Secret, now: i64) -> Result<Option<i64>> {
    let digits: Zeroizing<String> =
        Zeroizing::new(code.expose().chars().filter(|c| !c.is_ascii_whitespace()).take(7).collect());
    let now = u64::try_from(now).map_err(Error::internal)?;
    let step = totp(secret, "account")?.check(&digits, now);
    Ok(step.and_then(|s| i64::try_from(s).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 6238 appendix B.
    const KEY: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_standard() {
        // the last six of the eight digits of appendix B, SHA-1
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(KEY, &Secret::new(code), time).unwrap(), Some(time / 30), "{time}");
        }
    }

    #[test]
    fn one_step_early_or_late_is_right_and_two_are_wrong() {
        let code = Secret::new("287 082");
        for (time, right) in [(0, true), (29, true), (59, true), (89, true), (90, false), (120, false)] {
            assert_eq!(step_of(KEY, &code, time).unwrap(), right.then_some(1), "{time}");
        }
        for odd in ["", "28708", "2870820", "+87082", "28708a", "٢٨٧٠٨٢"] {
            assert_eq!(step_of(KEY, &Secret::new(odd), 59).unwrap(), None, "{odd}");
        }
    }

    #[test]
    fn an_app_is_told_the_secret_as_text_and_as_a_picture() {
        let offer = offer(KEY, "ada@lab.test").unwrap();
        assert_eq!(offer.secret.expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = offer.uri.expose();
        assert!(uri.starts_with("otpauth://totp/Gatehouse:ada%40lab.test?"), "{uri}");
        assert!(uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") && uri.contains("issuer=Gatehouse"));
        assert!(offer.qr_svg.expose().contains("<svg") && !offer.qr_svg.expose().contains("style"));
        assert!(offer.qr_data().expose().starts_with("data:image/svg+xml;base64,"));
    }
}
