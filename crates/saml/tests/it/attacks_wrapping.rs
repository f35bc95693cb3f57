//! Rules 3 to 5 and 9: signature wrapping in the known variants (XSW 1 to 8 of Somorovsky et al.) and others.

use crate::support::*;
use gatehouse_saml::Reason;

struct Parts {
    /// The honest message, its assertion signed.
    whole: String,
    /// The signed assertion.
    assertion: String,
    /// Its signature.
    signature: String,
    /// A forged assertion with another ID.
    evil: String,
}

fn parts() -> Parts {
    let whole = honest();
    let assertion = cut(&whole, "<saml:Assertion", "</saml:Assertion>").to_owned();
    let signature = cut(&whole, "<ds:Signature ", "</ds:Signature>").to_owned();
    let mut forged = response();
    forged.assertion_id = "_evil".to_owned();
    forged.name_id = "admin@example.org".to_owned();
    Parts { whole, assertion, signature, evil: forged.assertion() }
}

#[test]
fn wrapped_signatures_are_refused_for_their_own_reason() {
    let p = parts();
    let unsigned_assertion = p.assertion.replace(&p.signature, "");
    let in_place = |new: &str| swap(&p.whole, &p.assertion, new);
    let evil_with = |inner: &str| swap(&p.evil, "</saml:Issuer>", &format!("</saml:Issuer>{inner}"));
    let object = |content: &str| {
        p.signature.replace("</ds:Signature>", &format!("<ds:Object>{content}</ds:Object></ds:Signature>"))
    };

    let signed_response = honest_response_signed();
    let response_signature = cut(&signed_response, "<ds:Signature ", "</ds:Signature>").to_owned();
    let response_body = signed_response.replace(&response_signature, "");
    let evil_response = swap(&response_body, "ada@example.org", "admin@example.org").replace("_r1", "_evil");
    let in_evil_response =
        |inner: &str| swap(&evil_response, "</saml:Issuer>", &format!("</saml:Issuer>{inner}"));

    all_refused(
        vec![
            attack(
                "xsw1: signature of the original response, which sits in its object",
                in_evil_response(&response_signature.replace(
                    "</ds:Signature>",
                    &format!("<ds:Object>{response_body}</ds:Object></ds:Signature>"),
                )),
                Reason::MisplacedElement,
            ),
            attack(
                "xsw2: original response beside its signature",
                in_evil_response(&format!("{response_body}{response_signature}")),
                Reason::MisplacedElement,
            ),
            attack(
                "xsw3: forged assertion before the signed one",
                in_place(&format!("{}{}", p.evil, p.assertion)),
                Reason::MultipleAssertions,
            ),
            attack(
                "xsw3 turned: forged assertion behind the signed one",
                in_place(&format!("{}{}", p.assertion, p.evil)),
                Reason::MultipleAssertions,
            ),
            attack(
                "xsw4: signed assertion inside the forged one",
                in_place(&swap(&p.evil, "</saml:Assertion>", &format!("{}</saml:Assertion>", p.assertion))),
                Reason::MisplacedElement,
            ),
            attack(
                "xsw5: forged assertion with the signature, original at the end",
                in_place(&format!("{}{}", evil_with(&p.signature), unsigned_assertion)),
                Reason::MultipleAssertions,
            ),
            attack(
                "xsw6: original assertion inside the signature of the forged one",
                in_place(&evil_with(
                    &p.signature.replace("</ds:Signature>", &format!("{unsigned_assertion}</ds:Signature>")),
                )),
                Reason::MisplacedElement,
            ),
            attack(
                "xsw7: forged assertion in extensions",
                swap(
                    &p.whole,
                    "<samlp:Status>",
                    &format!("<samlp:Extensions>{}</samlp:Extensions><samlp:Status>", p.evil),
                ),
                Reason::MisplacedElement,
            ),
            attack(
                "xsw7 turned: signed assertion in extensions",
                swap(
                    &in_place(&p.evil),
                    "<samlp:Status>",
                    &format!("<samlp:Extensions>{}</samlp:Extensions><samlp:Status>", p.assertion),
                ),
                Reason::MisplacedElement,
            ),
            attack(
                "xsw8: original assertion in the object of the forged one's signature",
                in_place(&evil_with(&object(&unsigned_assertion))),
                Reason::MisplacedElement,
            ),
            attack(
                "signed assertion in the advice of the forged one",
                in_place(&swap(
                    &p.evil,
                    "<saml:AuthnStatement",
                    &format!("<saml:Advice>{}</saml:Advice><saml:AuthnStatement", p.assertion),
                )),
                Reason::MisplacedElement,
            ),
            attack(
                "signed assertion in an attribute of the forged one",
                in_place(&swap(
                    &p.evil,
                    "<saml:AttributeValue>",
                    &format!("<saml:AttributeValue>{}", p.assertion),
                )),
                Reason::MisplacedElement,
            ),
            attack(
                "assertion of another namespace as a decoy",
                swap(&p.whole, "<samlp:Status>", "<Assertion xmlns=\"urn:decoy\"/><samlp:Status>"),
                Reason::MisplacedElement,
            ),
            attack(
                "response of another namespace as a decoy",
                swap(&p.whole, "<samlp:Status>", "<Response xmlns=\"urn:decoy\"/><samlp:Status>"),
                Reason::MisplacedElement,
            ),
            attack(
                "assertion one level too deep",
                in_place(&format!("<samlp:Extensions>{}</samlp:Extensions>", p.assertion)),
                Reason::AssertionMissing,
            ),
            attack("assertion removed", in_place(""), Reason::AssertionMissing),
            attack("assertion removed, signature left", in_place(&p.signature), Reason::AssertionMissing),
            attack(
                "two signed assertions",
                in_place(&format!("{}{}", p.assertion, p.assertion.replace("_r1-a", "_r1-b"))),
                Reason::MultipleAssertions,
            ),
            attack(
                "signature moved to the forged assertion",
                in_place(&evil_with(&p.signature)),
                Reason::ReferenceMismatch,
            ),
            attack(
                "signature of the assertion moved to the response",
                insert_signature(&p.whole.replace(&p.signature, ""), "_r1", &p.signature),
                Reason::ReferenceMismatch,
            ),
            attack(
                "signature in the status",
                swap(
                    &p.whole.replace(&p.signature, ""),
                    "<samlp:Status>",
                    &format!("<samlp:Status>{}", p.signature),
                ),
                Reason::SignatureMisplaced,
            ),
            attack(
                "signature in the subject",
                swap(
                    &p.whole.replace(&p.signature, ""),
                    "<saml:Subject>",
                    &format!("<saml:Subject>{}", p.signature),
                ),
                Reason::SignatureMisplaced,
            ),
            attack(
                "second signature on the assertion",
                swap(&p.whole, &p.signature, &format!("{}{}", p.signature, p.signature)),
                Reason::SignatureMultiple,
            ),
            attack(
                "signature in the signature",
                swap(&p.whole, "<ds:KeyInfo>", &format!("<ds:KeyInfo>{}", p.signature)),
                Reason::SignatureMisplaced,
            ),
            attack(
                "object in the signature",
                swap(&p.whole, &p.signature, &object("x")),
                Reason::SignatureMalformed,
            ),
            attack(
                "manifest in the signature",
                swap(&p.whole, &p.signature, &object("<ds:Manifest></ds:Manifest>")),
                Reason::SignatureMalformed,
            ),
            attack("signature removed", p.whole.replace(&p.signature, ""), Reason::SignatureMissing),
            attack(
                "signature of another namespace",
                swap(&p.whole, &p.signature, &p.signature.replace("2000/09/xmldsig#\"", "2000/09/xmldsig\"")),
                Reason::SignatureMissing,
            ),
            attack("name changed", swap(&p.whole, "ada@", "bob@"), Reason::DigestMismatch),
            attack(
                "name cut by a comment and changed",
                swap(&p.whole, "ada@", "a<!---->d@"),
                Reason::DigestMismatch,
            ),
            attack(
                "attribute added",
                swap(
                    &p.whole,
                    "<saml:AttributeValue>staff",
                    "<saml:AttributeValue>root</saml:AttributeValue><saml:AttributeValue>staff",
                ),
                Reason::DigestMismatch,
            ),
            attack(
                "good signature of the assertion, bad one of the response",
                {
                    let mut both = response();
                    both.sign = gatehouse_saml::idp::Sign::Both;
                    swap(&issue(&both), " Destination=", " Consent=\"urn:x\" Destination=")
                },
                Reason::DigestMismatch,
            ),
        ],
        32,
    );
}

/// A comment inside a signed name does not shorten it: the whole name is read (CVE-2017-11427 and kin).
#[test]
fn comments_and_cdata_do_not_split_a_value() {
    let message = signed_with("ada@example.org</saml:NameID>", "ada@example.org.evil.example</saml:NameID>");
    let split = swap(&message, "ada@example.org.evil.example<", "ada@example.org<!-- x -->.evil.example<");
    let verified = accepted(gatehouse_saml::verify_bytes(split.as_bytes(), &policy()));
    assert_eq!(verified.name_id().value, "ada@example.org.evil.example");

    let split = swap(&message, ">staff<", "><!--a-->st<![CDATA[aff]]><!--b--><");
    let verified = accepted(gatehouse_saml::verify_bytes(split.as_bytes(), &policy()));
    assert_eq!(verified.attributes()["groups"], ["staff", "admins"]);
}
