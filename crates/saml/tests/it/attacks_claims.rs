//! Rules 9 and 11 to 13: well-signed messages that say the wrong thing.

use crate::support::*;
use gatehouse_saml::idp::Sign;
use gatehouse_saml::{InResponseTo, Reason};

const PAST: &str = "2026-05-31T23:00:00Z";
const FUTURE: &str = "2026-06-01T01:00:00Z";

/// The honest message with one change made before signing.
fn claim(name: &'static str, from: &str, to: &str, reason: Reason) -> Attack {
    attack(name, signed_with(from, to), reason)
}

/// The honest message with a piece replaced before signing.
fn piece(name: &'static str, from: &str, until: &str, to: &str, reason: Reason) -> Attack {
    let message = signed_after(|xml| {
        let old = cut(&xml, from, until).to_owned();
        swap(&xml, &old, to)
    });
    attack(name, message, reason)
}

/// The honest message with an attribute's value replaced, in the last element before which `within` stands.
fn value(name: &'static str, within: &str, attribute: &str, new: Option<&str>, reason: Reason) -> Attack {
    let message = signed_after(|xml| {
        let tag = cut(&xml, within, ">").to_owned();
        let old = cut(&tag, &format!(" {attribute}=\""), "\"").to_owned();
        let old = format!(
            "{old}{}",
            tag[tag.find(&old).unwrap() + old.len()..].split_inclusive('"').next().unwrap()
        );
        let new = new.map(|v| format!(" {attribute}=\"{v}\"")).unwrap_or_default();
        swap(&xml, &tag, &tag.replacen(&old, &new, 1))
    });
    attack(name, message, reason)
}

#[test]
fn wrong_heads_are_refused_for_their_own_reason() {
    let signed_response = |change: &dyn Fn(String) -> String| sign(&change(response().unsigned()), "_r1");
    let without_destination = signed_response(&|x| x.replacen(&format!(" Destination=\"{ACS}\""), "", 1));
    let issuer = format!("<saml:Issuer>{IDP}</saml:Issuer>");
    let honest = honest();
    let refusal = swap(&honest, "status:Success", "status:Requester");
    let mut both = response();
    both.sign = Sign::Response;
    both.destination = Some("https://gate.example/saml/acs/".to_owned());
    all_refused(
        vec![
            value(
                "response version 1.1",
                "<samlp:Response",
                "Version",
                Some("1.1"),
                Reason::VersionUnsupported,
            ),
            value(
                "response version 2.0 with a blank",
                "<samlp:Response",
                "Version",
                Some("2.0 "),
                Reason::VersionUnsupported,
            ),
            value("response without version", "<samlp:Response", "Version", None, Reason::StructureInvalid),
            claim("status responder", "status:Success", "status:Responder", Reason::StatusNotSuccess),
            claim("status empty", "urn:oasis:names:tc:SAML:2.0:status:Success", "", Reason::StatusNotSuccess),
            piece("no status", "<samlp:Status>", "</samlp:Status>", "", Reason::StructureInvalid),
            attack(
                "success without assertion",
                swap(&honest, cut(&honest, "<saml:Assertion", "</saml:Assertion>"), ""),
                Reason::AssertionMissing,
            ),
            attack(
                "refusal without assertion",
                swap(&refusal, cut(&refusal, "<saml:Assertion", "</saml:Assertion>"), ""),
                Reason::StatusNotSuccess,
            ),
            claim(
                "response of another issuer",
                &issuer,
                "<saml:Issuer>https://evil.example</saml:Issuer>",
                Reason::ResponseIssuerMismatch,
            ),
            claim(
                "two issuers of the response",
                &issuer,
                &format!("{issuer}{issuer}"),
                Reason::StructureInvalid,
            ),
            value(
                "wrong destination",
                "<samlp:Response",
                "Destination",
                Some("https://evil.example"),
                Reason::DestinationMismatch,
            ),
            value(
                "empty destination",
                "<samlp:Response",
                "Destination",
                Some(""),
                Reason::DestinationMismatch,
            ),
            attack(
                "destination with a slash more, response signed",
                issue(&both),
                Reason::DestinationMismatch,
            ),
            attack("no destination, response signed", without_destination, Reason::DestinationMissing),
            value(
                "response issued in the future",
                "<samlp:Response",
                "IssueInstant",
                Some(FUTURE),
                Reason::IssuedInFuture,
            ),
            value(
                "response issued at no time",
                "<samlp:Response",
                "IssueInstant",
                Some("yesterday"),
                Reason::TimeMalformed,
            ),
            value(
                "response without IssueInstant",
                "<samlp:Response",
                "IssueInstant",
                None,
                Reason::StructureInvalid,
            ),
            value(
                "response answers another request",
                "<samlp:Response",
                "InResponseTo",
                Some("_x"),
                Reason::InResponseToMismatch,
            ),
        ],
        18,
    );
}

#[test]
fn wrong_subjects_are_refused_for_their_own_reason() {
    let name = "<saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">ada@example.org</saml:NameID>";
    let data = "<saml:SubjectConfirmationData";
    all_refused(
        vec![
            value(
                "assertion version 1.0",
                "<saml:Assertion",
                "Version",
                Some("1.0"),
                Reason::VersionUnsupported,
            ),
            value(
                "assertion issued in the future",
                "<saml:Assertion",
                "IssueInstant",
                Some(FUTURE),
                Reason::IssuedInFuture,
            ),
            attack(
                "assertion without ID in a signed response",
                sign(&response().unsigned().replace(" ID=\"_r1-a\"", ""), "_r1"),
                Reason::StructureInvalid,
            ),
            attack(
                "assertion with empty ID in a signed response",
                sign(&response().unsigned().replace(" ID=\"_r1-a\"", " ID=\"\""), "_r1"),
                Reason::StructureInvalid,
            ),
            attack(
                "assertion of another issuer",
                signed_after(|xml| {
                    let at = xml.rfind(IDP).unwrap();
                    format!("{}https://evil.example{}", &xml[..at], &xml[at + IDP.len()..])
                }),
                Reason::IssuerMismatch,
            ),
            piece("no subject", "<saml:Subject>", "</saml:Subject>", "", Reason::SubjectMissing),
            claim("no name", name, "", Reason::NameIdMissing),
            claim("two names", name, &format!("{name}{name}"), Reason::NameIdMultiple),
            claim("empty name", "ada@example.org</saml:NameID>", "</saml:NameID>", Reason::NameIdEmpty),
            claim("blank name", "ada@example.org</saml:NameID>", " \n\t </saml:NameID>", Reason::NameIdEmpty),
            claim(
                "name of a comment",
                "ada@example.org</saml:NameID>",
                "<!--ada--></saml:NameID>",
                Reason::NameIdEmpty,
            ),
            claim(
                "element in the name",
                "ada@example.org</saml:NameID>",
                "ada<x></x></saml:NameID>",
                Reason::StructureInvalid,
            ),
            claim("second name in the confirmation", data, &format!("{name}{data}"), Reason::NameIdMultiple),
            claim(
                "name only in the confirmation",
                &format!("{name}<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">"),
                &format!("<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">{name}"),
                Reason::NameIdMissing,
            ),
            claim("holder of key", "cm:bearer", "cm:holder-of-key", Reason::BearerConfirmationMissing),
            claim("sender vouches", "cm:bearer", "cm:sender-vouches", Reason::BearerConfirmationMissing),
            piece(
                "no confirmation",
                "<saml:SubjectConfirmation ",
                "</saml:SubjectConfirmation>",
                "",
                Reason::BearerConfirmationMissing,
            ),
            piece("confirmation without data", data, "/>", "", Reason::RecipientMissing),
            value(
                "wrong recipient",
                data,
                "Recipient",
                Some("https://evil.example"),
                Reason::RecipientMismatch,
            ),
            value(
                "recipient in other case",
                data,
                "Recipient",
                Some("https://gate.example/SAML/acs"),
                Reason::RecipientMismatch,
            ),
            value("no recipient", data, "Recipient", None, Reason::RecipientMissing),
            value("confirmation over", data, "NotOnOrAfter", Some(PAST), Reason::ConfirmationExpired),
            value(
                "confirmation over for exactly the skew",
                data,
                "NotOnOrAfter",
                Some("2026-05-31T23:59:00Z"),
                Reason::ConfirmationExpired,
            ),
            value("confirmation without end", data, "NotOnOrAfter", None, Reason::ConfirmationWithoutExpiry),
            value("confirmation ends at no time", data, "NotOnOrAfter", Some("never"), Reason::TimeMalformed),
            claim(
                "confirmation with NotBefore",
                data,
                &format!("{data} NotBefore=\"{PAST}\""),
                Reason::ConfirmationNotBefore,
            ),
            value(
                "confirmation of another request",
                data,
                "InResponseTo",
                Some("_x"),
                Reason::InResponseToMismatch,
            ),
            value("confirmation of no request", data, "InResponseTo", None, Reason::InResponseToMissing),
            attack(
                "unsolicited when a request was made",
                {
                    let mut unsolicited = response();
                    unsolicited.in_response_to = None;
                    issue(&unsolicited)
                },
                Reason::InResponseToMissing,
            ),
            attack("answer where no request was made", honest(), Reason::InResponseToUnexpected)
                .under(|p| p.in_response_to = InResponseTo::Unsolicited),
        ],
        30,
    );
}

#[test]
fn wrong_conditions_and_statements_are_refused_for_their_own_reason() {
    let conditions = "<saml:Conditions ";
    let restriction =
        format!("<saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction>");
    let other = "<saml:AudienceRestriction><saml:Audience>https://other.example</saml:Audience></saml:AudienceRestriction>";
    let authn = "<saml:AuthnStatement ";
    all_refused(
        vec![
            piece("no conditions", conditions, "</saml:Conditions>", "", Reason::ConditionsMissing),
            value("expired", conditions, "NotOnOrAfter", Some(PAST), Reason::AssertionExpired),
            value("not yet valid", conditions, "NotBefore", Some(FUTURE), Reason::AssertionNotYetValid),
            value(
                "not yet valid by a second more than the skew",
                conditions,
                "NotBefore",
                Some("2026-06-01T00:01:01Z"),
                Reason::AssertionNotYetValid,
            ),
            value(
                "condition ends at no time",
                conditions,
                "NotOnOrAfter",
                Some("2026-02-30T00:00:00Z"),
                Reason::TimeMalformed,
            ),
            claim(
                "unknown condition",
                &restriction,
                &format!(
                    "{restriction}<saml:Condition xmlns:x=\"urn:x\" x:type=\"Delegation\"></saml:Condition>"
                ),
                Reason::ConditionUnknown,
            ),
            claim(
                "condition of another namespace",
                &restriction,
                &format!("{restriction}<x:OneTimeUse xmlns:x=\"urn:x\"></x:OneTimeUse>"),
                Reason::ConditionUnknown,
            ),
            claim("wrong audience", &restriction, other, Reason::AudienceMismatch),
            claim(
                "audience with a slash more",
                &format!("{SP}</saml:Audience>"),
                &format!("{SP}/</saml:Audience>"),
                Reason::AudienceMismatch,
            ),
            claim(
                "audience that begins with ours",
                &format!("{SP}</saml:Audience>"),
                &format!("{SP}.evil.example</saml:Audience>"),
                Reason::AudienceMismatch,
            ),
            claim("no audience restriction", &restriction, "", Reason::AudienceMissing),
            claim(
                "empty audience restriction",
                &restriction,
                "<saml:AudienceRestriction></saml:AudienceRestriction>",
                Reason::AudienceMismatch,
            ),
            claim(
                "one restriction with us and one without",
                &restriction,
                &format!("{restriction}{other}"),
                Reason::AudienceMismatch,
            ),
            claim(
                "second conditions",
                conditions,
                &format!("<saml:Conditions></saml:Conditions>{conditions}"),
                Reason::StructureInvalid,
            ),
            piece(
                "no authentication statement",
                authn,
                "</saml:AuthnStatement>",
                "",
                Reason::AuthnStatementMissing,
            ),
            claim(
                "session over",
                authn,
                &format!("{authn}SessionNotOnOrAfter=\"{PAST}\" "),
                Reason::SessionExpired,
            ),
            claim(
                "attribute without name",
                "Name=\"email\"",
                "FriendlyName=\"email\"",
                Reason::StructureInvalid,
            ),
        ],
        17,
    );
}
