//! Misbehaviour on demand.

use crate::error::Reason;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $code:literal => $reason:ident,)*) => {
        /// What the lab's identity provider can be told to do wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)*];

            /// A stable snake_case name.
            pub const fn code(self) -> &'static str {
                match self { $(Fault::$name => $code,)* }
            }

            /// The reason a response with this fault is refused for (in SAML 2.0, when a request was made).
            pub const fn expected_reason(self) -> Reason {
                match self { $(Fault::$name => Reason::$reason,)* }
            }

            /// The reason a WS-Federation answer with this fault is refused for; `None` when there is no such thing in
            /// that protocol.
            pub const fn expected_token_reason(self) -> Option<Reason> {
                match self {
                    Fault::Expired => Some(Reason::AssertionExpired),
                    Fault::WrongIssuer => Some(Reason::IssuerMismatch),
                    Fault::WrongDestination | Fault::WrongInResponseTo | Fault::Denied => None,
                    other => Some(other.expected_reason()),
                }
            }

            /// The fault of that name.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|f| f.code() == code)
            }
        }
    };
}

faults! {
    /// No signature at all.
    Unsigned = "unsigned" => SignatureMissing,
    /// A signature value with a changed bit, naming the right certificate.
    WrongSignature = "wrong_signature" => SignatureInvalid,
    /// A name changed after signing.
    Tampered = "tampered" => DigestMismatch,
    /// Signed with another key, whose certificate it names.
    OtherCertificate = "other_certificate" => SignatureWrongKey,
    /// Issued two hours ago.
    Expired = "expired" => ConfirmationExpired,
    /// Issued in two hours.
    FutureClock = "future_clock" => IssuedInFuture,
    /// For another audience.
    WrongAudience = "wrong_audience" => AudienceMismatch,
    /// For another recipient.
    WrongRecipient = "wrong_recipient" => RecipientMismatch,
    /// Addressed to another destination.
    WrongDestination = "wrong_destination" => DestinationMismatch,
    /// Of another issuer.
    WrongIssuer = "wrong_issuer" => ResponseIssuerMismatch,
    /// An answer to another request.
    WrongInResponseTo = "wrong_in_response_to" => InResponseToMismatch,
    /// A failure status.
    Denied = "denied" => StatusNotSuccess,
    /// A second, forged assertion beside the signed one.
    Wrapped = "wrapped" => MultipleAssertions,
}
