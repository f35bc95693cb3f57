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
