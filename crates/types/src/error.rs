use std::borrow::Cow;
use std::fmt;

use crate::DecisionId;

/// `Result` with our [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is; renderers map it to a status and a type name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value breaks a rule (400 `validation_error`).
    Validation,
    /// The request is not understood: not JSON, wrong content type (400 `invalid_request_error`).
    InvalidRequest,
    /// Nobody, or nobody we believe (401 `authentication_error`).
    Authentication,
    /// Somebody who may not (403 `authorization_error`).
    Authorization,
    /// May not until a single sign-on took place (403 `sso_required`).
    SsoRequired,
    /// No such thing, or none the caller may know of (404 `not_found`).
    NotFound,
    /// The path exists, the method does not (405 `method_not_allowed`).
    MethodNotAllowed,
    /// It clashes with what is there (409 `conflict`).
    Conflict,
    /// Too large (413 `payload_too_large`).
    PayloadTooLarge,
    /// Too many (429 `rate_limit_error`); the seconds to wait are in [`Error::retry_after`].
    RateLimited,
    /// Something of ours failed (500 `internal_error`).
    Internal,
    /// Not now (503 `service_unavailable`).
    Unavailable,
    /// The disk or the database is full; nothing was changed (507 `storage_full`).
    StorageFull,
    /// It took too long (504 `timeout_error`).
    Timeout,
    /// A customer's script failed (422 `script_error`).
    Script,
}

/// What is told of a call of a script that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The id of the run.
    pub run: String,
    /// Where in the script it failed.
    pub traceback: Option<String>,
}

/// A failure with a message that is safe to show and a cause that is not.
pub struct Error {
    kind: Kind,
    message: Cow<'static, str>,
    /// Which values break rules, and what of each; the first one leads.
    fields: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    decision: Option<DecisionId>,
    retry_after: Option<u32>,
    redirect_url: Option<String>,
    call: Option<Box<Call>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure of the given kind. The message is for the caller: what happened, what to do next.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            fields: Vec::new(),
            decision: None,
            retry_after: None,
            redirect_url: None,
            call: None,
            source: None,
        }
    }

    /// A value breaks a rule.
    pub fn validation(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Validation, message).on_field(field)
    }

    /// Values break rules, all told at once: field and message of each. `None` when there are none.
    pub fn validations(problems: Vec<(String, String)>) -> Option<Self> {
        let message = problems.iter().map(|(_, message)| message.as_str()).collect::<Vec<_>>().join(" ");
        let fields = problems.into_iter().map(|(field, message)| (field.into(), message.into())).collect();
        let error = Self { fields, ..Self::new(Kind::Validation, message) };
        (!error.fields.is_empty()).then_some(error)
    }

    /// The request itself is not understood.
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::InvalidRequest, message)
    }

    /// Nobody, or nobody we believe.
    pub fn authentication(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Authentication, message)
    }

    /// Somebody who may not.
    pub fn authorization(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Authorization, message)
    }

    /// No such thing. The same words for what does not exist and what the caller may not know of.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(Kind::NotFound, format!("{what} not found"))
    }

    /// It clashes with what is there.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// Too many attempts; try again after `seconds`.
    pub fn rate_limited(seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(Kind::RateLimited, format!("Too many attempts. Try again in {seconds} seconds."))
        }
    }

    /// Something of ours failed; the cause is logged, never shown.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Kind::Internal, "Something went wrong on our side. The request id helps us find it.")
        }
    }

    /// Not possible now, but later.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// The same failure about a named field.
    #[must_use]
    pub fn on_field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.fields = vec![(field.into(), self.message.clone())];
        self
    }

    /// The same failure with the id of its recorded reason.
    #[must_use]
    pub fn decided(mut self, decision: DecisionId) -> Self {
        self.decision = Some(decision);
        self
    }

    /// The same failure with the address where the caller goes next.
    #[must_use]
    pub fn with_redirect(mut self, url: impl Into<String>) -> Self {
        self.redirect_url = Some(url.into());
        self
    }

    /// The same failure as that of a call of a script.
    #[must_use]
    pub fn of_call(mut self, call: Call) -> Self {
        self.call = Some(Box::new(call));
        self
    }

    /// The same failure with the seconds to wait before trying again.
    #[must_use]
    pub fn retry_in(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same failure with its private cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The message that may be shown.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The field that breaks the rule, if one does.
    pub fn field(&self) -> Option<&str> {
        self.fields.first().map(|(field, _)| field.as_ref())
    }

    /// Every field that breaks a rule, with what is wrong about it.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(field, message)| (field.as_ref(), message.as_ref()))
    }

    /// The id of the recorded reason.
    pub fn decision(&self) -> Option<&DecisionId> {
        self.decision.as_ref()
    }

    /// Seconds to wait before trying again.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// Where the caller goes next.
    pub fn redirect_url(&self) -> Option<&str> {
        self.redirect_url.as_deref()
    }

    /// The call of a script that failed.
    pub fn call(&self) -> Option<&Call> {
        self.call.as_deref()
    }

    /// The private cause, for the log.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync)> {
        self.source.as_deref()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("field", &self.field())
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as &(dyn std::error::Error + 'static))
    }
}
