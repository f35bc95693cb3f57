//! Rule 14: WS-Federation.

use crate::support::*;
use gatehouse_saml::Reason;
use gatehouse_saml::idp::{Encryption, KeyTransport, TokenKind};

/// The honest token with one change made before signing.
fn token(name: &'static str, from: &str, to: &str, reason: Reason) -> Attack {
    let message = sign(&swap(&rstr().unsigned(), from, to), "_t1-a");
    attack(name, message, reason).under(|p| *p = wsfed_policy())
}

fn whole(name: &'static str, message: String, reason: Reason) -> Attack {
    attack(name, message, reason).under(|p| *p = wsfed_policy())
}

#[test]
fn hostile_tokens_are_refused_for_their_own_reason() {
    let good = issue_rstr(&rstr());
    let requested = cut(&good, "<t:RequestedSecurityToken>", "</t:RequestedSecurityToken>").to_owned();
    let assertion = cut(&good, "<saml:Assertion", "</saml:Assertion>").to_owned();
    let signature = cut(&good, "<ds:Signature ", "</ds:Signature>").to_owned();
    let mut collection = rstr();
    collection.collection = true;
    let collection = issue_rstr(&collection);
    let one =
        cut(&collection, "<t:RequestSecurityTokenResponse>", "</t:RequestSecurityTokenResponse>").to_owned();
    let authn = cut(&rstr().unsigned(), "<saml:AuthenticationStatement", "</saml:AuthenticationStatement>")
        .to_owned();
    let mut unsigned_encrypted = rstr();
    unsigned_encrypted.response.fault = Some(gatehouse_saml::idp::Fault::Unsigned);
    unsigned_encrypted.response.encrypt =
        Some((SP_KEY.certificate.clone(), Encryption::Aes256Gcm, KeyTransport::OaepSha1));
    let mut saml20 = rstr();
    saml20.kind = TokenKind::Saml20;
    let evil = assertion.replace(&signature, "").replace("_t1-a", "_evil").replace("ada@", "admin@");
    let restriction = format!(
        "<saml:AudienceRestrictionCondition><saml:Audience>{REALM}</saml:Audience></saml:AudienceRestrictionCondition>"
    );
    let confirmation = "urn:oasis:names:tc:SAML:1.0:cm:bearer";
    all_refused(
        vec![
            whole("saml where ws-federation is spoken", honest(), Reason::UnexpectedRoot),
            whole("unsigned", rstr().unsigned(), Reason::SignatureMissing),
            whole("encrypted but unsigned", issue_rstr(&unsigned_encrypted), Reason::SignatureMissing),
            whole(
                "tampered",
                swap(
                    &good,
                    ">ada@example.org</saml:NameIdentifier>",
                    ">bob@example.org</saml:NameIdentifier>",
                ),
                Reason::DigestMismatch,
            ),
            whole(
                "two tokens",
                swap(&good, &requested, &format!("{requested}{requested}")),
                Reason::MultipleAssertions,
            ),
            whole(
                "two assertions in a token",
                swap(&good, &assertion, &format!("{evil}{assertion}")),
                Reason::MultipleAssertions,
            ),
            whole("no token", swap(&good, &requested, ""), Reason::AssertionMissing),
            whole("empty token", swap(&good, &assertion, ""), Reason::AssertionMissing),
            whole(
                "binary token",
                swap(&good, &assertion, "<x:BinarySecurityToken xmlns:x=\"urn:x\"/>"),
                Reason::AssertionMissing,
            ),
            whole(
                "assertion outside the token",
                swap(&good, "<t:Lifetime>", &format!("{evil}<t:Lifetime>")),
                Reason::MisplacedElement,
            ),
            whole(
                "signed assertion inside a forged one",
                swap(
                    &good,
                    &assertion,
                    &evil.replace(
                        "</saml:Assertion>",
                        &format!("<saml:Advice>{assertion}</saml:Advice></saml:Assertion>"),
                    ),
                ),
                Reason::MisplacedElement,
            ),
            whole(
                "signature of the response itself",
                swap(&good, "<t:Lifetime>", &format!("{signature}<t:Lifetime>")),
                Reason::SignatureMisplaced,
            ),
            whole("two responses", swap(&collection, &one, &format!("{one}{one}")), Reason::ResponseCount),
            whole("no response", swap(&collection, &one, ""), Reason::ResponseCount),
            whole(
                "same AssertionID twice",
                swap(&good, "<t:Lifetime>", "<t:Lifetime Id=\"_t1-a\">"),
                Reason::DuplicateId,
            ),
            token("version 1.0", "MinorVersion=\"1\"", "MinorVersion=\"0\"", Reason::VersionUnsupported),
            token(
                "wrong issuer",
                &format!("Issuer=\"{IDP}\""),
                "Issuer=\"https://evil.example\"",
                Reason::IssuerMismatch,
            ),
            token(
                "wrong realm",
                &format!("<saml:Audience>{REALM}"),
                "<saml:Audience>urn:other",
                Reason::AudienceMismatch,
            ),
            token("no audience", &restriction, "", Reason::AudienceMissing),
            token(
                "mixed audiences",
                &restriction,
                &format!("{restriction}{}", restriction.replace(REALM, "urn:other")),
                Reason::AudienceMismatch,
            ),
            token(
                "unknown condition",
                &restriction,
                &format!("{restriction}<saml:Condition></saml:Condition>"),
                Reason::ConditionUnknown,
            ),
            token("no authentication statement", &authn, "", Reason::AuthnStatementMissing),
            token(
                "holder of key",
                confirmation,
                "urn:oasis:names:tc:SAML:1.0:cm:holder-of-key",
                Reason::BearerConfirmationMissing,
            ),
            token(
                "confirmation without method",
                &format!("<saml:ConfirmationMethod>{confirmation}</saml:ConfirmationMethod>"),
                "",
                Reason::BearerConfirmationMissing,
            ),
            token(
                "differing subjects",
                ">ada@example.org</saml:NameIdentifier>",
                ">bob@example.org</saml:NameIdentifier>",
                Reason::SubjectMismatch,
            ),
            token(
                "differing formats",
                "nameid-format:emailAddress",
                "nameid-format:persistent",
                Reason::SubjectMismatch,
            ),
            token(
                "empty name",
                ">ada@example.org</saml:NameIdentifier>",
                "></saml:NameIdentifier>",
                Reason::NameIdEmpty,
            ),
            token(
                "expired",
                "NotOnOrAfter=\"2026-06-01T00:04:55Z\"",
                "NotOnOrAfter=\"2026-05-31T23:58:00Z\"",
                Reason::AssertionExpired,
            ),
            token(
                "not yet valid",
                "NotBefore=\"2026-05-31T23:59:55Z\"",
                "NotBefore=\"2026-06-01T00:02:00Z\"",
                Reason::AssertionNotYetValid,
            ),
            token(
                "without end",
                " NotOnOrAfter=\"2026-06-01T00:04:55Z\"",
                "",
                Reason::AssertionWithoutExpiry,
            ),
            token(
                "issued in the future",
                "IssueInstant=\"2026-05-31T23:59:55Z\"",
                "IssueInstant=\"2026-06-01T00:02:00Z\"",
                Reason::IssuedInFuture,
            ),
            whole(
                "saml 2.0 token for another reply url",
                sign(
                    &swap(
                        &saml20.unsigned(),
                        &format!("Recipient=\"{REPLY}\""),
                        "Recipient=\"https://evil.example\"",
                    ),
                    "_t1-a",
                ),
                Reason::RecipientMismatch,
            ),
        ],
        32,
    );
}

/// The unsigned parts around a token are not believed: other times and another address change nothing.
#[test]
fn unsigned_parts_of_the_response_are_not_trusted() {
    let good = issue_rstr(&rstr());
    let changed = swap(&good, &format!("<wsa:Address>{REALM}"), "<wsa:Address>urn:other")
        .replace("</wsu:Expires>", "Z</wsu:Expires>");
    accepted(gatehouse_saml::verify_bytes(changed.as_bytes(), &wsfed_policy()));
}
