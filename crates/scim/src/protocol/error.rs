use std::borrow::Cow;
use std::fmt;

/// The URN of error messages.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// What exactly is wrong, for programs (RFC 7644 §3.12, table 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimType {
    /// The filter is not understood.
    InvalidFilter,
    /// A value that must be unique is taken.
    Uniqueness,
    /// The attribute cannot be changed.
    Mutability,
    /// The request is not understood.
    InvalidSyntax,
    /// The path of a PATCH is not understood.
    InvalidPath,
    /// The path of a PATCH names nothing that is there.
    NoTarget,
    /// A value is missing or does not fit its attribute.
    InvalidValue,
    /// More is asked for than is answered at once.
    TooMany,
}

impl ScimType {
    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::TooMany => "tooMany",
        }
    }
}

/// A refusal in SCIM's own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimError {
    /// The HTTP status.
    pub status: u16,
    /// What exactly is wrong, where the RFC has a name for it.
    pub scim_type: Option<ScimType>,
    /// What happened and what to do next.
    pub detail: Cow<'static, str>,
}

impl ScimError {
    /// A refusal with a status alone.
    pub fn new(status: u16, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    /// A 400 of a kind.
    pub fn bad(kind: ScimType, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 400, scim_type: Some(kind), detail: detail.into() }
    }

    /// A value that does not fit.
    pub fn invalid_value(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::bad(ScimType::InvalidValue, detail)
    }

    /// A body or parameter that is not understood.
    pub fn invalid_syntax(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::bad(ScimType::InvalidSyntax, detail)
    }

    /// A resource that is not there.
    pub fn not_found(what: &str, id: &str) -> Self {
        let shown: String = id.chars().take(80).collect();
        Self::new(404, format!("{what} {shown} not found"))
    }
}

impl fmt::Display for ScimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ScimError {}
