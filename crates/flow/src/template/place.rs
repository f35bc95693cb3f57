//! How a value is written in forms, addresses and headers.

use super::{Fault, Text, Values, text_of};

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3).
pub(super) fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A name or value of `application/x-www-form-urlencoded`.
pub(crate) fn form_component(text: &str) -> String {
    percent(text).replace("%20", "+")
}

/// The value of a header (RFC 9110 §5.5): no line breaks, no other controls.
pub(crate) fn header_value(text: &Text, values: &dyn Values) -> Result<String, Fault> {
    text.fill(values, |_, value| {
        let text = text_of(value);
        if text.chars().any(|character| character.is_control() && character != '\t') {
            return Err(Fault("the value has a line break or another control character".to_owned()));
        }
        Ok(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_means_something_is_encoded() {
        assert_eq!(percent("a/b?c#d%e é."), "a%2Fb%3Fc%23d%25e%20%C3%A9.");
        assert_eq!(form_component("a b&c=d+e"), "a+b%26c%3Dd%2Be");
    }
}
