//! Bounds of a message, checked by one linear pass before any tree is built.
//!
//! Honest messages stay far below all of them: the largest seen in the wild is a sign-in of a person in
//! some thousand groups, near 300 KiB. The bounds keep every later step (tree, canonical form, digest)
//! linear in the size of the message, whatever it holds.

/// Largest XML message, in bytes.
pub const MESSAGE_BYTES: usize = 1024 * 1024;
/// Largest base64 form of a message, in bytes: 4/3 of the message and an eighth more for line breaks.
pub const ENCODED_BYTES: usize = MESSAGE_BYTES / 3 * 4 + MESSAGE_BYTES / 8;
/// Deepest nesting of elements.
pub const DEPTH: usize = 64;
/// Most elements, comments and CDATA sections in a message.
pub const ELEMENTS: usize = 20_000;
/// Most attributes of one element, namespace declarations not counted.
pub const ATTRIBUTES_PER_ELEMENT: usize = 64;
/// Most attributes in a message.
pub const ATTRIBUTES: usize = 40_000;
/// Most namespace declarations of one element.
pub const NAMESPACES_PER_ELEMENT: usize = 32;
/// Most namespace declarations from the root down to any one element: the tree looks prefixes up one by one.
pub const NAMESPACES_IN_SCOPE: usize = 40;
/// Most namespace declarations in a message.
pub const NAMESPACES: usize = 12_000;
/// Longest element or attribute name, in bytes.
pub const NAME_BYTES: usize = 1024;
/// Largest canonical form of a signed element, in bytes. Canonical XML repeats namespace declarations, so a
/// small hostile message could otherwise have a canonical form of gigabytes.
pub const CANONICAL_BYTES: usize = 4 * MESSAGE_BYTES;
/// Most prefixes in one `InclusiveNamespaces` list.
pub const INCLUSIVE_PREFIXES: usize = 32;
/// Largest inflated request of the HTTP-Redirect binding, in bytes.
pub const REDIRECT_REQUEST_BYTES: usize = 64 * 1024;
/// Longest query string of the HTTP-Redirect binding, in bytes.
pub const REDIRECT_QUERY_BYTES: usize = 64 * 1024;
/// Longest relay state, in bytes. The bindings say 80 (SAML bindings §3.4.3); practice is longer.
pub const RELAY_STATE_BYTES: usize = 1024;
/// Largest logout message, in bytes.
pub const LOGOUT_BYTES: usize = 64 * 1024;
/// How long after its issue a logout message counts, in microseconds, clock skew aside: it travels through one browser.
pub const LOGOUT_AGE_MICROS: i64 = 5 * 60 * 1_000_000;
/// Most sessions that one logout request names.
pub const SESSION_INDEXES: usize = 64;
/// Largest metadata document, in bytes; the other bounds of a message hold for metadata too.
pub const METADATA_BYTES: usize = MESSAGE_BYTES;
/// Largest certificate or key given as text, in bytes.
pub const PEM_BYTES: usize = 64 * 1024;
/// Smallest RSA key that is believed, in bits.
pub const RSA_BITS: u32 = 2048;
/// Most pinned certificates of a connection: the current one and the one before or after it.
pub const CERTIFICATES: usize = 2;
/// Most pinned certificates of a WS-Federation connection: a token service of many tenants publishes a handful of keys
/// ahead in its metadata, and signs with any of them.
pub const TOKEN_SERVICE_CERTIFICATES: usize = 8;
