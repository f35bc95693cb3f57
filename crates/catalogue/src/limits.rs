//! Bounds on what a connector type may hold.

/// Largest file of one connector type, in bytes.
pub const FILE_BYTES: usize = 512 * 1024;
/// Longest slug or key, in bytes.
pub const NAME_BYTES: usize = 64;
/// Longest name or label shown to people, in characters.
pub const LABEL_CHARS: usize = 120;
/// Longest one-line description or help, in characters.
pub const LINE_CHARS: usize = 400;
/// Longest text of one guide step, in characters.
pub const GUIDE_CHARS: usize = 4000;
/// Longest template or URL, in bytes.
pub const TEMPLATE_BYTES: usize = 2048;
/// Longest template of a request body, in bytes.
pub const BODY_TEMPLATE_BYTES: usize = 16 * 1024;
/// Longest JSON pointer, in bytes.
pub const POINTER_BYTES: usize = 256;
/// Most authentication types of a connector.
pub const AUTH_TYPES: usize = 8;
/// Most fields of a connector or of an authentication type.
pub const FIELDS: usize = 24;
/// Most actions of a connector.
pub const ACTIONS: usize = 500;
/// Most parameters of an action.
pub const PARAMETERS: usize = 64;
/// Most steps of a guide.
pub const GUIDE_STEPS: usize = 30;
/// Longest value of a field on one line, in bytes.
pub const VALUE_BYTES: usize = 4096;
/// Longest value of a field of several lines (private keys), in bytes.
pub const MULTILINE_BYTES: usize = 32 * 1024;

/// Longest address of a request, in bytes.
pub const REQUEST_URL_BYTES: usize = 16 * 1024;
/// Longest header of a request, in bytes.
pub const REQUEST_HEADER_BYTES: usize = 8 * 1024;
/// Largest body of a request, in bytes.
pub const REQUEST_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Deepest nesting of a value that an action is given, in lists and objects.
pub const VALUE_DEPTH: usize = 32;
/// Largest index in a pointer that makes a list in a body.
pub const LIST_INDEX: usize = 99;
/// Most things that are told to be wrong with the values of one request.
pub const VALUE_PROBLEMS: usize = 20;
/// Most pages that are fetched one after the other.
pub const PAGES: u32 = 1000;
/// Longest mark or address of a next page, in bytes.
pub const PAGE_MARK_BYTES: usize = 8 * 1024;
/// Longest `Link` header that is read, in bytes.
pub const LINK_BYTES: usize = 16 * 1024;

/// Largest OpenAPI document, in bytes.
pub const DOCUMENT_BYTES: usize = 8 * 1024 * 1024;
/// Most places of an OpenAPI document that are gone through: one that is referred to often counts each time.
pub const STEPS: usize = 500_000;
/// Most references that lead to each other, and deepest nesting of `allOf`.
pub const REFERENCE_DEPTH: usize = 16;
/// Most paths of an OpenAPI document that are looked at.
pub const PATHS: usize = 10_000;
/// Most servers of an OpenAPI document that actions name beside the first.
pub const SERVERS: usize = 8;
/// Most members (parameters of an operation, properties of a schema, security schemes) that are looked at in one place.
pub const MEMBERS: usize = 250;
/// Most choices that are kept of an enumeration.
pub const CHOICES: usize = 200;
/// Most default scopes of an imported OAuth 2.0 definition.
pub const SCOPES: usize = 50;
/// Most things that are told to be left out of an import.
pub const LEFT_OUT: usize = 500;
/// Longest `$ref`, in bytes.
pub const REFERENCE_BYTES: usize = 1024;
/// Longest name of a member in a told JSON pointer, in bytes; the rest is cut off.
pub const TOLD_NAME_BYTES: usize = 120;
