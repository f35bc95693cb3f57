//! The small words of a connector type, each checked when it is read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::{NAME_BYTES, POINTER_BYTES, TEMPLATE_BYTES};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $valid:path, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                if $valid(&text) { Ok(Self(text)) } else { Err(format!(concat!("{:?} is not ", $expected), text)) }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

word!(
    /// An id: small letters, digits and single hyphens between them.
    Slug,
    is_slug,
    "an id of small letters, digits and single hyphens (at most 64)"
);
word!(
    /// The name of a field or variable: a small letter, then small letters, digits and underscores.
    Key,
    is_key,
    "a key of small letters, digits and underscores that begins with a letter (at most 64)"
);
word!(
    /// A place in a JSON document (RFC 6901); the empty text is the whole document.
    Pointer,
    is_pointer,
    "a JSON pointer: empty, or begun with a slash (RFC 6901)"
);
word!(
    /// A complete address with the scheme https, for people to open.
    HttpsUrl,
    is_https,
    "a URL that begins with https:// and names a host"
);

impl Slug {
    /// A word of the program.
    pub(crate) fn fixed(word: &'static str) -> Self {
        debug_assert!(is_slug(word), "{word}");
        Self(word.to_owned())
    }
}

impl Key {
    /// A word of the program.
    pub(crate) fn fixed(word: &'static str) -> Self {
        debug_assert!(is_key(word), "{word}");
        Self(word.to_owned())
    }
}

impl Pointer {
    /// The member of the document with a name.
    pub(crate) fn member(name: &str) -> Self {
        Self(format!("/{}", name.replace('~', "~0").replace('/', "~1")))
    }
}

fn is_slug(text: &str) -> bool {
    text.len() <= NAME_BYTES
        && text.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

pub(crate) fn is_key(text: &str) -> bool {
    text.len() <= NAME_BYTES
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_pointer(text: &str) -> bool {
    text.len() <= POINTER_BYTES
        && (text.is_empty() || text.starts_with('/'))
        && text.split('~').skip(1).all(|after| after.starts_with('0') || after.starts_with('1'))
}

fn is_https(text: &str) -> bool {
    text.len() <= TEMPLATE_BYTES
        && text.starts_with("https://")
        && url::Url::parse(text).is_ok_and(|url| url.host().is_some() && url.username().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_keys_and_pointers_are_narrow() {
        for good in ["a", "act-365", "x"] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "-a", "a--b", "A", "a_b", "a/b", "../a"] {
            assert!(!is_slug(bad), "{bad}");
        }
        assert!(is_key("client_id") && !is_key("1a") && !is_key("Client") && !is_key(""));
        assert!(is_pointer("") && is_pointer("/a~1b/0") && !is_pointer("a") && !is_pointer("/a~2"));
        assert!(is_https("https://a.example/x") && !is_https("http://a.example") && !is_https("https://"));
    }
}
