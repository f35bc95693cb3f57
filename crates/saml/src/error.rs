//! Why a message is refused.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The closed list of reasons for refusing a message. The codes are stable: they appear in the audit
        /// log, in `gatehouse saml inspect` and in administrators' alert rules.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the policy's rules.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The stable snake_case code.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)* }
            }
        }
    };
}

reasons! {
    /// The form field is not base64.
    NotBase64 = "not_base64",
    /// Larger than [`crate::limits::MESSAGE_BYTES`].
    MessageTooLarge = "message_too_large",
    /// Not UTF-8, or declared in another encoding (rule 1).
    NotUtf8 = "not_utf8",
    /// Not XML 1.0 (rule 1).
    XmlVersionUnsupported = "xml_version_unsupported",
    /// A document type declaration (rule 1).
    DoctypeForbidden = "doctype_forbidden",
    /// A reference to an entity that XML does not predefine (rule 1).
    EntityForbidden = "entity_forbidden",
    /// A processing instruction: nothing in SAML needs one.
    ProcessingInstructionForbidden = "processing_instruction_forbidden",
    /// Nested deeper than [`crate::limits::DEPTH`].
    TooDeep = "too_deep",
    /// More elements than [`crate::limits::ELEMENTS`].
    TooManyElements = "too_many_elements",
    /// Too many attributes on one element or in all.
    TooManyAttributes = "too_many_attributes",
    /// Too many namespace declarations on one element, in scope, or in all.
    TooManyNamespaces = "too_many_namespaces",
    /// Not well-formed XML.
    NotWellFormed = "not_well_formed",
    /// The root is no response of the protocol (rule 2).
    UnexpectedRoot = "unexpected_root",
    /// A collection with no or more than one response (rule 2).
    ResponseCount = "response_count",
    /// No assertion where one belongs (rule 3).
    AssertionMissing = "assertion_missing",
    /// More than one assertion (rule 3).
    MultipleAssertions = "multiple_assertions",
    /// An assertion, response or encrypted data outside its place (rule 3).
    MisplacedElement = "misplaced_element",
    /// Two elements with the same ID (rule 4).
    DuplicateId = "duplicate_id",
    /// Neither response nor assertion is signed (rule 5).
    SignatureMissing = "signature_missing",
    /// A signature that is no direct child of the response or the assertion (rule 5).
    SignatureMisplaced = "signature_misplaced",
    /// Two signatures of one element (rule 5).
    SignatureMultiple = "signature_multiple",
    /// The signature has other parts than the profile allows (rule 6).
    SignatureMalformed = "signature_malformed",
    /// Not exactly one reference (rule 6).
    ReferenceCount = "reference_count",
    /// The reference does not point at the signature's parent (rule 7).
    ReferenceMismatch = "reference_mismatch",
    /// Other transforms than enveloped-signature and exclusive canonicalization (rule 7).
    TransformForbidden = "transform_forbidden",
    /// Another canonicalization than the exclusive one without comments (rules 6 and 7).
    CanonicalizationForbidden = "canonicalization_forbidden",
    /// A canonical form beyond [`crate::limits::CANONICAL_BYTES`].
    CanonicalFormTooLarge = "canonical_form_too_large",
    /// A signature algorithm outside rule 8.
    AlgorithmForbidden = "algorithm_forbidden",
    /// A digest algorithm outside rule 8.
    DigestAlgorithmForbidden = "digest_algorithm_forbidden",
    /// SHA-1 in signature or digest, and the connection does not allow it (rule 8).
    Sha1Forbidden = "sha1_forbidden",
    /// The connection has no certificate, or more than the limits allow.
    CertificateCount = "certificate_count",
    /// Every usable pinned certificate is past its end date (rule 8).
    CertificateExpired = "certificate_expired",
    /// The pinned certificate is not valid yet.
    CertificateNotYetValid = "certificate_not_yet_valid",
    /// The pinned key is too small or of an unsupported kind (rule 8).
    KeyForbidden = "key_forbidden",
    /// No pinned certificate verifies the signature.
    SignatureWrongKey = "signature_wrong_key",
    /// Signed in the name of a pinned certificate, but the signature value is wrong.
    SignatureInvalid = "signature_invalid",
    /// The signed element was changed after signing.
    DigestMismatch = "digest_mismatch",
    /// The assertion is encrypted and no decryption key is configured.
    DecryptionKeyMissing = "decryption_key_missing",
    /// An encryption algorithm outside rule 10.
    EncryptionAlgorithmForbidden = "encryption_algorithm_forbidden",
    /// A cipher reference: nothing is fetched (rule 10).
    CipherReferenceForbidden = "cipher_reference_forbidden",
    /// The encrypted data has other parts than the profile allows.
    EncryptionMalformed = "encryption_malformed",
    /// Decryption failed, whatever the cause (rule 10).
    DecryptionFailed = "decryption_failed",
    /// Required parts or attributes are missing or contradict the schema.
    StructureInvalid = "structure_invalid",
    /// Not the version of the protocol (rule 11).
    VersionUnsupported = "version_unsupported",
    /// The identity provider reports a failure (rule 11).
    StatusNotSuccess = "status_not_success",
    /// The response is of another issuer (rule 11).
    ResponseIssuerMismatch = "response_issuer_mismatch",
    /// The assertion is of another issuer (rules 11 and 14).
    IssuerMismatch = "issuer_mismatch",
    /// The response is signed and says no destination (rule 11).
    DestinationMissing = "destination_missing",
    /// The response is addressed elsewhere (rule 11).
    DestinationMismatch = "destination_mismatch",
    /// A time is not an `xs:dateTime` in UTC.
    TimeMalformed = "time_malformed",
    /// Issued in the future (rule 13).
    IssuedInFuture = "issued_in_future",
    /// No subject.
    SubjectMissing = "subject_missing",
    /// No NameID (rule 13).
    NameIdMissing = "name_id_missing",
    /// More than one NameID (rule 13).
    NameIdMultiple = "name_id_multiple",
    /// An empty NameID (rule 13).
    NameIdEmpty = "name_id_empty",
    /// No bearer confirmation (rule 12).
    BearerConfirmationMissing = "bearer_confirmation_missing",
    /// The confirmation names no recipient (rule 12).
    RecipientMissing = "recipient_missing",
    /// The confirmation is for another recipient (rule 12).
    RecipientMismatch = "recipient_mismatch",
    /// The confirmation has no end (rule 12).
    ConfirmationWithoutExpiry = "confirmation_without_expiry",
    /// The confirmation is past its end (rule 12).
    ConfirmationExpired = "confirmation_expired",
    /// The confirmation has a NotBefore, which the profile forbids (rule 12).
    ConfirmationNotBefore = "confirmation_not_before",
    /// The answer is to another request (rule 12).
    InResponseToMismatch = "in_response_to_mismatch",
    /// A request was made, and the answer names none (rule 12).
    InResponseToMissing = "in_response_to_missing",
    /// The answer names a request where none was made (rule 12).
    InResponseToUnexpected = "in_response_to_unexpected",
    /// No Conditions (rule 13).
    ConditionsMissing = "conditions_missing",
    /// The assertion says no end of its validity.
    AssertionWithoutExpiry = "assertion_without_expiry",
    /// The assertion is past its end (rule 13).
    AssertionExpired = "assertion_expired",
    /// The assertion is not valid yet (rule 13).
    AssertionNotYetValid = "assertion_not_yet_valid",
    /// A condition this engine does not know (rule 13).
    ConditionUnknown = "condition_unknown",
    /// No audience restriction (rule 13).
    AudienceMissing = "audience_missing",
    /// The assertion is for another audience (rule 13).
    AudienceMismatch = "audience_mismatch",
    /// No authentication statement (rules 13 and 14).
    AuthnStatementMissing = "authn_statement_missing",
    /// The person authenticated before the request, which demanded that it happen anew.
    AuthnNotFresh = "authn_not_fresh",
    /// The person authenticated in another way than the request demanded.
    AuthnContextMismatch = "authn_context_mismatch",
    /// The identity provider's session is over already.
    SessionExpired = "session_expired",
    /// Statements name different subjects (rule 14).
    SubjectMismatch = "subject_mismatch",
    /// A query of the HTTP-Redirect binding with a parameter missing, twice or wrongly encoded.
    RedirectMalformed = "redirect_malformed",
    /// The logout message is too old or past its end.
    LogoutExpired = "logout_expired",
    /// A logout request names more sessions than [`crate::limits::SESSION_INDEXES`].
    TooManySessionIndexes = "too_many_session_indexes",
    /// Deeper fault of this engine or its cryptography; never caused by input alone.
    Internal = "internal",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A refusal: the stable reason, and a sentence for the administrator that says what was found, what was
/// expected and what to do. The sentence may quote the message, never a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Rejection {
    /// The stable reason.
    pub reason: Reason,
    /// For the administrator.
    pub detail: String,
}

impl Rejection {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Quotes text of a message for a detail: shortened, control characters made visible.
pub(crate) fn quote(text: &str) -> String {
    const SHOWN: usize = 200;
    let mut out = String::with_capacity(text.len().min(SHOWN) + 2);
    out.push('“');
    for (n, c) in text.chars().enumerate() {
        if n == SHOWN {
            out.push('…');
            break;
        }
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out.push('”');
    out
}

/// Quotes a list of expected values.
pub(crate) fn quote_any(values: &[String]) -> String {
    values.iter().map(|v| quote(v)).collect::<Vec<_>>().join(" or ")
}
