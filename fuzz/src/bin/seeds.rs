//! Writes the seeds anew, from the builders of the lab identity provider: `cargo run --bin seeds` in this folder.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatehouse_fuzz::{ACS, IDP, IDP_KEY, NOW, REALM, REPLY, REQUEST, SLO, SP, SP_KEY, honest};
use gatehouse_saml::idp::{
    Encryption, IdpDescription, KeyTransport, RstrBuilder, Sign, TokenKind, idp_metadata,
};
use gatehouse_saml::{AuthnRequest, LogoutRequest, LogoutResponse, LogoutStatus, NameId, NameIdPolicy};
use std::path::PathBuf;

fn write(target: &str, name: &str, bytes: impl AsRef<[u8]>) {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    std::fs::create_dir_all(&dir).expect("the folder of seeds");
    std::fs::write(dir.join(name), bytes).expect("a seed");
}

fn main() {
    let (key, certificate) = (&IDP_KEY.key, &IDP_KEY.certificate);
    let mut builder = honest(IDP, ACS, SP);
    builder.in_response_to = Some(REQUEST.to_owned());
    for (name, sign) in [("assertion", Sign::Assertion), ("response", Sign::Response), ("both", Sign::Both)] {
        builder.sign = sign;
        write("response", name, builder.issue(key, certificate).expect("a response"));
    }
    builder.sign = Sign::Assertion;
    write("response", "unsigned", builder.unsigned());
    let signed = builder.issue(key, certificate).expect("a response");
    let start = signed.find("<saml:Assertion").expect("an assertion");
    let end = signed.rfind("</samlp:Response>").expect("the end");
    write("encrypted_response", "plaintext", &signed[start..end]);
    for (name, encryption) in [("gcm", Encryption::Aes256Gcm), ("cbc", Encryption::Aes128Cbc)] {
        builder.encrypt = Some((SP_KEY.certificate.clone(), encryption, KeyTransport::OaepSha1));
        write("encrypted_response", name, builder.issue(key, certificate).expect("a response"));
    }
    for (name, kind) in [("wsfed-saml11", TokenKind::Saml11), ("wsfed-saml2", TokenKind::Saml20)] {
        let rstr = RstrBuilder { response: honest(IDP, REPLY, REALM), kind, collection: false };
        write("response", name, rstr.issue(key, certificate).expect("a token"));
    }
    let request = AuthnRequest {
        id: REQUEST.to_owned(),
        issue_instant: NOW,
        destination: "https://idp.example/sso".to_owned(),
        acs_url: ACS.to_owned(),
        issuer: SP.to_owned(),
        force_authn: true,
        is_passive: false,
        name_id_policy: Some(NameIdPolicy { format: None, allow_create: true }),
        authn_contexts: Vec::new(),
    };
    for (name, signing) in [("signed", Some(&SP_KEY.key)), ("unsigned", None)] {
        let url = request.redirect_url(Some("/back"), signing).expect("a URL");
        write("redirect_query", name, url.split_once('?').expect("a query").1);
    }
    logout();
    let description = IdpDescription {
        entity_id: IDP.to_owned(),
        sso_url: "https://idp.example/sso".to_owned(),
        slo_url: Some("https://idp.example/slo".to_owned()),
        certificates: vec![certificate.clone(), SP_KEY.certificate.clone()],
        passive_endpoint: Some("https://idp.example/wsfed".to_owned()),
        want_authn_requests_signed: true,
    };
    write("idp_metadata", "both-roles", idp_metadata(&description));
    write(
        "cookie",
        "all",
        "__Host-gatehouse_session=abc; __Host-gatehouse_csrf=def; __Host-gatehouse_flash=c0Zpbg.AAAA",
    );
    write(
        "cookie",
        "http",
        "gatehouse_session=abc; gatehouse_attempt=x; gatehouse_csrf=def; gatehouse_flash=c0Zpbg.AAAA",
    );
    write("cookie", "path", "/settings/sso?tab=test#x%2F%5c");
    write("configuration", "example", include_str!("../../../gatehouse.example.toml"));
    let variables = "listen = \"0.0.0.0:80\"\n--- environment\nGATEHOUSE_PUBLIC_URL=https://g.example\n\
         GATEHOUSE_DATABASE_URL=postgres://u:p@h/d\nGATEHOUSE_EGRESS_ALLOW=10.0.0.0/8\nGATEHOUSE_LOG=info,sqlx=warn\n";
    write("configuration", "environment", variables);
}

fn logout() {
    let (key, certificate) = (&IDP_KEY.key, &IDP_KEY.certificate);
    let request = LogoutRequest {
        id: "_l1".to_owned(),
        issue_instant: NOW - 5_000_000,
        not_on_or_after: Some(NOW + 300_000_000),
        destination: SLO.to_owned(),
        issuer: IDP.to_owned(),
        name_id: NameId {
            value: "ada@example.org".to_owned(),
            format: None,
            name_qualifier: Some(IDP.to_owned()),
            sp_name_qualifier: None,
        },
        session_indexes: vec!["_s1".to_owned(), "_s2".to_owned()],
    };
    let response = LogoutResponse {
        id: "_l2".to_owned(),
        issue_instant: NOW - 5_000_000,
        destination: SLO.to_owned(),
        issuer: IDP.to_owned(),
        in_response_to: REQUEST.to_owned(),
        status: LogoutStatus::Success,
    };
    let query = |url: String| url.split_once('?').expect("a query").1.to_owned();
    write("logout", "request-redirect", query(request.redirect_url(Some("s"), key).expect("a URL")));
    write("logout", "response-redirect", query(response.redirect_url(None, key).expect("a URL")));
    for (name, field) in [
        ("request", request.post_field(key, certificate)),
        ("response", response.post_field(key, certificate)),
    ] {
        let field = field.expect("a signed message");
        write("logout", &format!("{name}-xml"), STANDARD.decode(&field).expect("base64"));
        write("logout", &format!("{name}-field"), field);
    }
}
