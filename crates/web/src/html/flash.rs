use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::parts::Tone;
use crate::browser::csrf::Csrf;

/// How long a message waits for its page, in seconds.
pub(crate) const MAX_AGE: u32 = 60;
/// The longest message, in characters.
const MAX_TEXT: usize = 400;

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashKind {
    /// It worked.
    Success,
    /// Good to know.
    Notice,
    /// It did not work.
    Failure,
}

impl FlashKind {
    const ALL: [(Self, char); 3] = [(Self::Success, 's'), (Self::Notice, 'n'), (Self::Failure, 'f')];

    /// The tone it is shown in.
    pub const fn tone(self) -> Tone {
        match self {
            Self::Success => Tone::Good,
            Self::Notice => Tone::Info,
            Self::Failure => Tone::Bad,
        }
    }

    /// The icon beside it.
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Success => "check",
            Self::Notice => "info",
            Self::Failure => "warn",
        }
    }
}

/// A message shown once, on the page after a redirect or on a form shown again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// How it is meant.
    pub kind: FlashKind,
    /// What it says, in plain text.
    pub text: String,
}

impl Flash {
    /// It worked.
    pub fn success(text: impl Into<String>) -> Self {
        Self { kind: FlashKind::Success, text: text.into() }
    }

    /// Good to know.
    pub fn notice(text: impl Into<String>) -> Self {
        Self { kind: FlashKind::Notice, text: text.into() }
    }

    /// It did not work.
    pub fn failure(text: impl Into<String>) -> Self {
        Self { kind: FlashKind::Failure, text: text.into() }
    }
}

/// 303 to a path of ours, after a form that worked.
#[derive(Clone, Debug)]
pub struct SeeOther {
    location: String,
    flash: Option<Flash>,
}

impl SeeOther {
    /// To this path.
    pub fn to(path: impl Into<String>) -> Self {
        Self { location: path.into(), flash: None }
    }

    /// With a message for the page there.
    #[must_use]
    pub fn saying(mut self, flash: Flash) -> Self {
        self.flash = Some(flash);
        self
    }
}

impl IntoResponse for SeeOther {
    fn into_response(self) -> Response {
        let location = HeaderValue::from_str(&self.location).unwrap_or(HeaderValue::from_static("/"));
        let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
        if let Some(flash) = self.flash {
            response.extensions_mut().insert(flash);
        }
        response
    }
}

/// The cookie's value: signed, so that nobody else puts words into our mouth.
pub(crate) fn write(flash: &Flash, csrf: &Csrf) -> String {
    let mark = FlashKind::ALL.iter().find(|(k, _)| *k == flash.kind).map_or('n', |(_, c)| *c);
    let text: String = std::iter::once(mark).chain(flash.text.chars().take(MAX_TEXT)).collect();
    format!("{}.{}", URL_SAFE_NO_PAD.encode(&text), csrf.sign(&message(&text)))
}

pub(crate) fn read(cookie: &str, csrf: &Csrf) -> Option<Flash> {
    let (text, signature) = cookie.split_once('.')?;
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    if !csrf.verify_signed(&message(&text), signature) {
        return None;
    }
    let mark = text.chars().next()?;
    let kind = FlashKind::ALL.iter().find(|(_, c)| *c == mark)?.0;
    Some(Flash { kind, text: text.get(1..)?.to_owned() })
}

fn message(text: &str) -> Vec<u8> {
    [b"flash\0", text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_through_as_it_was_and_only_from_us() {
        let csrf = Csrf::new([1; 32]);
        let flash = Flash::success("Gespeichert: „ja“");
        let cookie = write(&flash, &csrf);
        assert_eq!(read(&cookie, &csrf), Some(flash));
        assert_eq!(read(&cookie, &Csrf::new([2; 32])), None);
        assert_eq!(read(&cookie.replace('.', "A."), &csrf), None);
        assert_eq!(read("", &csrf), None);
    }
}
