use std::ops::Range;

use roxmltree::{Attribute, Node};

use super::indent::indent;
use crate::xml::{self, ns};

/// What stands in the place of a person's data.
const MASK: &str = "•••";
/// Characters of a long value that are left at its beginning.
const LEFT: usize = 12;

/// Elements whose text is about the machines alone.
const PLAIN_TEXTS: [&str; 7] = [
    "Issuer",
    "Audience",
    "AuthnContextClassRef",
    "AuthnContextDeclRef",
    "AuthenticatingAuthority",
    "ConfirmationMethod",
    "DigestValue",
];
/// Elements whose text is long, of no use to a reader, and not to be carried away.
const LONG_TEXTS: [&str; 4] = ["SignatureValue", "CipherValue", "X509Certificate", "Modulus"];
/// Attributes whose values are about the machines alone.
const PLAIN_ATTRIBUTES: [&str; 31] = [
    "ID",
    "Id",
    "Version",
    "MajorVersion",
    "MinorVersion",
    "AssertionID",
    "ResponseID",
    "IssueInstant",
    "Destination",
    "InResponseTo",
    "Recipient",
    "Issuer",
    "NotBefore",
    "NotOnOrAfter",
    "AuthnInstant",
    "SessionNotOnOrAfter",
    "AuthenticationInstant",
    "AuthenticationMethod",
    "Algorithm",
    "URI",
    "Method",
    "Format",
    "Name",
    "NameFormat",
    "FriendlyName",
    "AttributeName",
    "AttributeNamespace",
    "Type",
    "PrefixList",
    "Encoding",
    "Consent",
];

/// The text of a message for reading, indented: signature values, ciphertexts and certificates are shortened. Unless
/// `reveal` is set, every text and value that is not known to be about machines is masked: names, attribute values,
/// session indexes, addresses, comments. `None` for what is no well-formed message within the bounds.
pub fn redact(bytes: &[u8], reveal: bool) -> Option<String> {
    let document = xml::parse(bytes).ok()?;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for node in document.root().descendants() {
        if node.is_comment() && !reveal {
            edits.push((node.range(), String::new()));
        }
        if node.is_text()
            && let Some(shown) = text(node, reveal)
        {
            edits.push((node.range(), shown));
        }
        if node.is_element() && !reveal {
            let masked = node.attributes().filter(|a| !is_plain(node, *a));
            edits.extend(masked.map(|a| (a.range_value(), MASK.to_owned())));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    Some(indent(&replaced(document.input_text(), &edits)))
}

/// What is shown in place of a text; `None` for the text itself.
fn text(node: Node<'_, '_>, reveal: bool) -> Option<String> {
    let text = node.text().unwrap_or_default();
    if text.trim().is_empty() {
        return None;
    }
    let element = node.parent_element()?;
    let name = element.tag_name().name();
    let of_xml_security = matches!(element.tag_name().namespace(), Some(ns::DS | ns::XENC | ns::XENC11));
    if of_xml_security && LONG_TEXTS.contains(&name) {
        let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let start: String = packed.chars().filter(char::is_ascii_alphanumeric).take(LEFT).collect();
        return Some(format!("{start}… ({} characters)", packed.len()));
    }
    let known = matches!(element.tag_name().namespace(), Some(ns::SAML | ns::SAML1 | ns::DS));
    if reveal || (known && PLAIN_TEXTS.contains(&name)) { None } else { Some(MASK.to_owned()) }
}

fn is_plain(node: Node<'_, '_>, attribute: Attribute<'_, '_>) -> bool {
    match attribute.namespace() {
        None if attribute.name() == "Value" => xml::is(node, ns::SAMLP, "StatusCode"),
        None => PLAIN_ATTRIBUTES.contains(&attribute.name()),
        // xsi:type says what kind of value an attribute has
        Some(namespace) => namespace.ends_with("XMLSchema-instance") && attribute.name() == "type",
    }
}

fn replaced(source: &str, edits: &[(Range<usize>, String)]) -> String {
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    for (range, text) in edits {
        // an edit within another one has nothing left to do
        if range.start < at {
            continue;
        }
        out.push_str(source.get(at..range.start).unwrap_or_default());
        out.push_str(text);
        at = range.end;
    }
    out.push_str(source.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"<?xml version="1.0"?><p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Odd="Ada > Co"><!-- for Ada --><a:Issuer>https://idp.test</a:Issuer><d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#"><d:SignatureValue>QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=
QUJD</d:SignatureValue></d:Signature><p:Status><p:StatusCode Value="urn:ok"/><p:StatusMessage>Ada is ill</p:StatusMessage></p:Status><a:Assertion><a:Subject><a:NameID Format="urn:f">Ada<!-- x --> L.</a:NameID></a:Subject><a:AuthnStatement SessionIndex="Ada-1"/><a:AttributeStatement><a:Attribute Name="mail"><a:AttributeValue>Ada&amp;Co</a:AttributeValue><a:AttributeValue><![CDATA[Ada]]><b>Ada</b></a:AttributeValue></a:Attribute></a:AttributeStatement></a:Assertion></p:Response>"#;

    #[test]
    fn nothing_of_the_person_is_left_and_the_machines_are_readable() {
        let shown = redact(MESSAGE.as_bytes(), false).unwrap();
        assert!(!shown.contains("Ada"), "{shown}");
        for kept in [
            "<a:Issuer>https://idp.test</a:Issuer>",
            "ID=\"_1\"",
            "Value=\"urn:ok\"",
            "Name=\"mail\"",
            "Format=\"urn:f\"",
        ] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
        assert!(
            shown.contains("<d:SignatureValue>QUJDREVGR0hJ… (40 characters)</d:SignatureValue>"),
            "{shown}"
        );
        assert!(shown.contains("\n    <a:Subject>\n"), "{shown}");
    }

    #[test]
    fn what_is_revealed_is_the_person_and_never_the_signature() {
        let shown = redact(MESSAGE.as_bytes(), true).unwrap();
        assert!(shown.contains("Ada&amp;Co") && shown.contains("SessionIndex=\"Ada-1\""), "{shown}");
        assert!(!shown.contains("UVWXYZ") && !shown.contains("VVldYWVo"), "{shown}");
    }

    #[test]
    fn what_is_no_message_is_not_shown() {
        assert_eq!(redact(b"Ada <b", false), None);
        assert_eq!(redact(b"<!DOCTYPE a [<!ENTITY b 'Ada'>]><a>&b;</a>", true), None);
    }
}
