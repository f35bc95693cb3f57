//! Own keys that roll over, demanded authentication, and signed lists of metadata.

use crate::support::*;
use gatehouse_saml::idp::{
    Encryption, IdpDescription, KeyTransport, SignOptions, idp_metadata, sign_enveloped,
};
use gatehouse_saml::{DecryptionKey, MetadataError, Reason, read_idp_metadata, verify_bytes};

const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

fn authenticated(at: i64) -> String {
    let mut builder = response();
    builder.authn_instant = Some(at);
    issue(&builder)
}

fn encrypted_for(party: &Party) -> String {
    let mut builder = response();
    builder.encrypt = Some((party.certificate.clone(), Encryption::default(), KeyTransport::default()));
    issue(&builder)
}

fn key(party: &Party) -> DecryptionKey {
    DecryptionKey::from_signing_key(&party.key).unwrap()
}

#[test]
fn stale_authentication_other_contexts_and_retired_keys_are_refused() {
    let since = |p: &mut gatehouse_saml::Policy| p.authenticated_since = Some(NOW - 30 * SECOND);
    let without = signed_after(|xml| {
        let instant = cut(&xml, "AuthnInstant=\"", "Z\"").to_owned();
        swap(&xml, &instant, "")
    });
    all_refused(
        vec![
            attack(
                "forceAuthn: authenticated an hour ago",
                authenticated(NOW - 3600 * SECOND),
                Reason::AuthnNotFresh,
            )
            .under(since),
            attack(
                "forceAuthn: a moment beyond the skew",
                authenticated(NOW - 91 * SECOND),
                Reason::AuthnNotFresh,
            )
            .under(since),
            attack(
                "forceAuthn: authenticated in the future",
                authenticated(NOW + 120 * SECOND),
                Reason::IssuedInFuture,
            )
            .under(since),
            attack("forceAuthn: not said when", without, Reason::StructureInvalid).under(since),
            attack("another context than demanded", honest(), Reason::AuthnContextMismatch)
                .under(|p| p.authn_contexts = vec!["urn:oasis:names:tc:SAML:2.0:ac:classes:X509".to_owned()]),
            attack("encrypted for a retired key", encrypted_for(&SP_KEY), Reason::DecryptionFailed)
                .under(|p| p.decryption_keys = vec![key(&OTHER)]),
        ],
        6,
    );
}

#[test]
fn fresh_authentication_and_a_demanded_context_are_accepted() {
    let mut policy = policy();
    policy.authenticated_since = Some(NOW - 30 * SECOND);
    policy.authn_contexts = vec!["urn:other".to_owned(), PASSWORD.to_owned()];
    for at in [NOW - 5 * SECOND, NOW - 30 * SECOND, NOW - 89 * SECOND] {
        accepted(verify_bytes(authenticated(at).as_bytes(), &policy));
    }
    policy.authenticated_since = None;
    accepted(verify_bytes(authenticated(NOW - 3600 * SECOND).as_bytes(), &policy));
}

#[test]
fn any_key_of_the_overlap_decrypts_and_is_named() {
    let mut policy = policy();
    policy.decryption_keys = vec![key(&IDP_KEY), key(&SP_KEY), key(&OTHER)];
    for (at, party) in [&IDP_KEY, &SP_KEY, &OTHER].into_iter().enumerate() {
        let verified = accepted(verify_bytes(encrypted_for(party).as_bytes(), &policy));
        assert_eq!(verified.decrypted_with(), Some(at));
    }
    assert_eq!(accepted(verify_bytes(honest().as_bytes(), &policy)).decrypted_with(), None);
}

fn entity(id: &str) -> String {
    let text = idp_metadata(&IdpDescription {
        entity_id: id.to_owned(),
        sso_url: format!("{id}/sso"),
        slo_url: None,
        certificates: vec![IDP_KEY.certificate.clone()],
        passive_endpoint: None,
        want_authn_requests_signed: false,
    });
    text.replacen("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "", 1)
}

fn list(content: &str) -> String {
    format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_list\" \
         validUntil=\"2026-06-02T00:00:00Z\" cacheDuration=\"PT6H\">{content}</md:EntitiesDescriptor>"
    )
}

#[test]
fn one_of_many_providers_is_chosen_by_its_entity_id() {
    let (one, two) = ("https://one.example", "https://two.example");
    let nested = format!("<md:EntitiesDescriptor>{}</md:EntitiesDescriptor>", entity(two));
    let text = list(&format!("{}{nested}", entity(one)));
    let read = |wanted| read_idp_metadata(text.as_bytes(), wanted, None, NOW);
    assert_eq!(read(Some(two)).unwrap().sso_urls.values().next().unwrap(), "https://two.example/sso");
    let chosen = read(Some(one)).unwrap();
    assert_eq!(chosen.entity_id, one);
    assert_eq!(chosen.cache_duration, Some(6 * 3600 * SECOND));
    assert_eq!(chosen.valid_until, Some(NOW + 86_400 * SECOND));
    assert_eq!(read(None), Err(MetadataError::IdentityProviders(2)));
    let three = "https://three.example".to_owned();
    assert_eq!(read(Some(&three)), Err(MetadataError::NotThisEntity(three.clone())));
    // what stands in an extension is no entity of the list
    let hidden = format!("<md:Extensions>{}</md:Extensions>{}", entity(&three), entity(one));
    let text = list(&hidden);
    assert_eq!(
        read_idp_metadata(text.as_bytes(), Some(&three), None, NOW),
        Err(MetadataError::NotThisEntity(three))
    );
}

#[test]
fn with_a_pinned_key_metadata_must_be_signed_as_a_whole() {
    let (one, two) = ("https://one.example", "https://two.example");
    let plain = list(&entity(one));
    let signed = sign_enveloped(&plain, "_list", &OTHER.key, &SignOptions::default()).unwrap();
    let read = |text: &str| read_idp_metadata(text.as_bytes(), Some(one), Some(&OTHER.certificate), NOW);
    assert_eq!(read(&signed).unwrap().entity_id, one);
    assert_eq!(read(&plain), Err(MetadataError::NotSigned));
    let reason = |text: &str| match read(text) {
        Err(MetadataError::Malformed(refused)) => Some(refused.reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        reason(&swap(&signed, "https://one.example/sso", "https://evil.example/sso")),
        Some(Reason::DigestMismatch)
    );
    let by_another = sign_enveloped(&plain, "_list", &IDP_KEY.key, &SignOptions::default()).unwrap();
    assert_eq!(reason(&by_another), Some(Reason::SignatureWrongKey));
    // a genuine signature inside of another document: wrapping
    let wrapped = format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_outer\">{}{signed}</md:EntitiesDescriptor>",
        entity(two)
    );
    assert_eq!(
        read_idp_metadata(wrapped.as_bytes(), Some(two), Some(&OTHER.certificate), NOW),
        Err(MetadataError::NotSigned)
    );
}
