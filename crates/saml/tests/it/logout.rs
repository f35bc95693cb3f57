//! Single logout: honest messages of both kinds by both bindings, there and back.

use crate::support::*;
use crate::xmlsec::{Scratch, xmlsec1};
use gatehouse_saml::idp::{Encryption, KeyTransport, encrypt_element};
use gatehouse_saml::{
    InResponseTo, LogoutKind, LogoutMessage, LogoutRequest, LogoutResponse, LogoutStatus, NameId, Policy,
    Reason, SigningKey, VerifiedLogout, VerifiedLogoutRequest, VerifiedLogoutResponse, verify_logout,
};

pub(crate) const SLO: &str = "https://gate.example/saml/slo";

/// The service provider's policy for requests of the identity provider.
pub(crate) fn slo_policy() -> Policy {
    Policy { acs_urls: vec![SLO.to_owned()], in_response_to: InResponseTo::Unsolicited, ..policy() }
}

/// The policy that waits for an answer to [`REQUEST`].
pub(crate) fn waiting() -> Policy {
    Policy { in_response_to: InResponseTo::Expect(REQUEST.to_owned()), ..slo_policy() }
}

pub(crate) fn name() -> NameId {
    NameId {
        value: "ada@example.org".to_owned(),
        format: Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".to_owned()),
        name_qualifier: Some(IDP.to_owned()),
        sp_name_qualifier: Some(SP.to_owned()),
    }
}

pub(crate) fn logout_request() -> LogoutRequest {
    LogoutRequest {
        id: "_l1".to_owned(),
        issue_instant: NOW - 5 * SECOND,
        not_on_or_after: Some(NOW + 300 * SECOND),
        destination: SLO.to_owned(),
        issuer: IDP.to_owned(),
        name_id: name(),
        session_indexes: vec!["_s1".to_owned(), "_s2".to_owned()],
    }
}

pub(crate) fn logout_response() -> LogoutResponse {
    LogoutResponse {
        id: "_l2".to_owned(),
        issue_instant: NOW - 5 * SECOND,
        destination: SLO.to_owned(),
        issuer: IDP.to_owned(),
        in_response_to: REQUEST.to_owned(),
        status: LogoutStatus::Success,
    }
}

/// The raw query of a URL.
pub(crate) fn query(url: &str) -> String {
    url.split_once('?').unwrap().1.to_owned()
}

pub(crate) fn by_redirect(request: &LogoutRequest, key: &SigningKey) -> String {
    query(&request.redirect_url(Some("state & more"), key).unwrap())
}

pub(crate) fn posted(xml: &str) -> LogoutMessage {
    LogoutMessage::from_post(LogoutKind::Request, &base64(xml), None).unwrap()
}

pub(crate) fn request_of(message: &LogoutMessage, policy: &Policy) -> VerifiedLogoutRequest {
    let judgement = verify_logout(message, policy);
    match judgement.outcome {
        Ok(VerifiedLogout::Request(request)) => request,
        other => panic!("{other:?}\n{:#?}", judgement.checks),
    }
}

fn response_of(message: &LogoutMessage) -> VerifiedLogoutResponse {
    match verify_logout(message, &waiting()).outcome {
        Ok(VerifiedLogout::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_by_redirect_is_read_as_it_was_sent() {
    let query = by_redirect(&logout_request(), &IDP_KEY.key);
    let message = LogoutMessage::from_redirect(&query).unwrap();
    assert_eq!((message.kind(), message.relay_state()), (LogoutKind::Request, Some("state & more")));
    assert_eq!(message.peek().unwrap().issuer.as_deref(), Some(IDP));
    let read = request_of(&message, &slo_policy());
    assert_eq!((read.id(), read.name_id()), ("_l1", &name()));
    assert_eq!(read.session_indexes(), ["_s1", "_s2"]);
    assert_eq!(read.certificate_fingerprint(), IDP_KEY.certificate.fingerprint());
    assert!(read.replay_until() > NOW + 290 * SECOND, "remembered while it could come again");
}

#[test]
fn the_order_of_the_parameters_and_foreign_ones_do_not_matter() {
    let query = by_redirect(&logout_request(), &IDP_KEY.key);
    let mut parts: Vec<&str> = query.split('&').collect();
    parts.reverse();
    parts.push("tenant=1");
    let message = LogoutMessage::from_redirect(&parts.join("&")).unwrap();
    assert_eq!(request_of(&message, &slo_policy()).id(), "_l1");
}

#[test]
fn the_senders_own_way_of_encoding_counts() {
    let xml = logout_request().to_xml();
    let url = logout_request().redirect_url(None, &IDP_KEY.key).unwrap();
    let value = query(&url).split('&').next().unwrap().strip_prefix("SAMLRequest=").unwrap().to_owned();
    // lower-case digits, as .NET writes them, under a signature over exactly that
    let lower = value.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d");
    let signed = format!(
        "SAMLRequest={lower}&RelayState=a+b&SigAlg=http%3a%2f%2fwww.w3.org%2f2001%2f04%2fxmldsig-more%23rsa-sha512"
    );
    let signature =
        IDP_KEY.key.sign(gatehouse_saml::SignatureAlgorithm::RsaSha512, signed.as_bytes()).unwrap();
    let signature = base64(signature).replace('+', "%2b").replace('/', "%2f").replace('=', "%3d");
    let message = LogoutMessage::from_redirect(&format!("{signed}&Signature={signature}")).unwrap();
    assert_eq!(message.relay_state(), Some("a b"));
    assert_eq!(message.bytes(), xml.as_bytes());
    assert_eq!(request_of(&message, &slo_policy()).id(), "_l1");
}

#[test]
fn a_request_by_post_is_read_as_it_was_sent() {
    let field = logout_request().post_field(&IDP_KEY.key, &IDP_KEY.certificate).unwrap();
    let message = LogoutMessage::from_post(LogoutKind::Request, &field, Some("state")).unwrap();
    assert_eq!(message.relay_state(), Some("state"));
    assert_eq!(request_of(&message, &slo_policy()).name_id(), &name());
}

#[test]
fn what_the_standard_leaves_open_is_accepted() {
    let plain = LogoutRequest {
        not_on_or_after: None,
        session_indexes: Vec::new(),
        name_id: NameId { format: None, name_qualifier: None, sp_name_qualifier: None, ..name() },
        ..logout_request()
    };
    let asynchronous = "<samlp:Extensions><aslo:Asynchronous xmlns:aslo=\"urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo\"/></samlp:Extensions>";
    for xml in [
        plain.to_xml(),
        plain.to_xml().replace(" Reason=\"urn:oasis:names:tc:SAML:2.0:logout:user\"", ""),
        plain.to_xml().replace("</saml:Issuer>", &format!("</saml:Issuer>{asynchronous}")),
        plain.to_xml().replace("><", ">\n  <"),
        plain.to_xml().replace("ada@", "ada<!-- -->@"),
        plain.to_xml().replace("samlp:", "p:").replace("xmlns:samlp", "xmlns:p"),
    ] {
        let read = request_of(&posted(&sign(&xml, "_l1")), &slo_policy());
        assert_eq!(read.name_id().value, "ada@example.org");
        assert!(read.session_indexes().is_empty());
    }
}

#[test]
fn an_encrypted_name_is_decrypted() {
    let xml = swap(&logout_request().to_xml(), "<saml:NameID", "<saml:NameID ID=\"_n\"");
    let (cipher, transport) = (Encryption::Aes256Gcm, KeyTransport::OaepSha1);
    let sealed = encrypt_element(&xml, "_n", &SP_KEY.certificate, cipher, transport, true).unwrap();
    let sealed = sealed.replace("EncryptedAssertion", "EncryptedID");
    let message = posted(&sign(&sealed, "_l1"));
    assert_eq!(request_of(&message, &slo_policy()).name_id(), &name());
    let without = Policy { decryption_keys: Vec::new(), ..slo_policy() };
    let refused = verify_logout(&message, &without).outcome.unwrap_err();
    assert_eq!(refused.reason, Reason::DecryptionKeyMissing);
}

#[test]
fn a_response_says_how_far_the_logout_went() {
    let denied = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied".to_owned();
    for status in [LogoutStatus::Success, LogoutStatus::Partial, LogoutStatus::Failed(denied)] {
        let response = LogoutResponse { status: status.clone(), ..logout_response() };
        let url = response.redirect_url(None, &IDP_KEY.key).unwrap();
        let read = response_of(&LogoutMessage::from_redirect(&query(&url)).unwrap());
        assert_eq!((read.status(), read.in_response_to(), read.id()), (&status, REQUEST, "_l2"));
        let field = response.post_field(&IDP_KEY.key, &IDP_KEY.certificate).unwrap();
        let message = LogoutMessage::from_post(LogoutKind::Response, &field, None).unwrap();
        assert_eq!(response_of(&message).status(), &status);
    }
    let top = logout_response().to_xml().replace("status:Success\"/>", "status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:PartialLogout\"/></samlp:StatusCode>");
    let field = base64(sign(&top, "_l2"));
    let message = LogoutMessage::from_post(LogoutKind::Response, &field, None).unwrap();
    assert_eq!(response_of(&message).status(), &LogoutStatus::Partial, "whatever the first code");
}

const IDS: [&str; 4] = [
    "--id-attr:ID",
    "urn:oasis:names:tc:SAML:2.0:protocol:LogoutRequest",
    "--id-attr:ID",
    "urn:oasis:names:tc:SAML:2.0:protocol:LogoutResponse",
];

#[test]
fn posted_messages_and_xmlsec1_agree_both_ways() {
    let scratch = Scratch::new();
    let request = sign(&logout_request().to_xml(), "_l1");
    let response = sign(&logout_response().to_xml(), "_l2");
    for ours in [&request, &response] {
        let input = scratch.write("signed.xml", ours.as_bytes());
        let certificate = scratch.path("idp.crt");
        xmlsec1(&[&["--verify", "--pubkey-cert-pem", &certificate][..], &IDS, &[&input]].concat());
    }
    let pretty = logout_request().to_xml().replace("><", ">\n  <");
    let unsigned = insert_signature(&pretty, "_l1", &crate::xmlsec::sha256_template("_l1", ""));
    let input = scratch.write("unsigned.xml", unsigned.as_bytes());
    let key = scratch.idp_key();
    let theirs = xmlsec1(&[&["--sign", "--privkey-pem", &key][..], &IDS, &[&input]].concat());
    assert_eq!(request_of(&posted(&theirs), &slo_policy()).id(), "_l1");
    let changed = posted(&swap(&theirs, "ada@", "bob@"));
    assert_eq!(verify_logout(&changed, &slo_policy()).outcome.unwrap_err().reason, Reason::DigestMismatch);
}
