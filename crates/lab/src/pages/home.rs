use askama::Template;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use gatehouse_web::{HtmlResult, Page, PageContext, View};

use super::Here;
use crate::oauth::faults::OAuthFault;
use crate::people::{LAB_DOMAIN, PEOPLE, Person};
use crate::{Addresses, Lab, metadata};

#[derive(Template)]
#[template(path = "lab/home.html")]
pub(crate) struct Home {
    page: Page,
    workspace: String,
    addresses: Addresses,
    certificate: String,
    domain: &'static str,
    people: &'static [Person],
    claims: [(&'static str, &'static str, &'static str); 5],
    client_id: &'static str,
    client_secret: &'static str,
    oauth_faults: [OAuthFault; OAuthFault::ALL.len()],
}

/// What this is, and its values to copy.
pub(crate) async fn show(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
) -> HtmlResult<View<Home>> {
    let key = lab.key(&workspace).await?;
    Ok(View(Home {
        page: context.page("Lab identity provider", ""),
        addresses: lab.addresses(&workspace.id),
        workspace: workspace.name,
        certificate: key.certificate.to_base64(),
        domain: LAB_DOMAIN,
        people: &PEOPLE,
        claims: crate::issue::CLAIMS,
        client_id: crate::openid::LAB_CLIENT_ID,
        client_secret: crate::openid::LAB_CLIENT_SECRET,
        oauth_faults: OAuthFault::ALL,
    }))
}

/// The metadata document (SAML 2.0 metadata, appendix A for its media type).
pub(crate) async fn metadata(State(lab): State<Lab>, Here(workspace): Here) -> HtmlResult<impl IntoResponse> {
    let certificates =
        vec![lab.key(&workspace).await?.certificate, lab.second_key(&workspace).await?.certificate];
    let document = metadata::document(&lab.addresses(&workspace.id), certificates);
    Ok(([(CONTENT_TYPE, "application/samlmetadata+xml")], document))
}

/// The second signing certificate in PEM.
pub(crate) async fn second_certificate(
    State(lab): State<Lab>,
    Here(workspace): Here,
) -> HtmlResult<impl IntoResponse> {
    let key = lab.second_key(&workspace).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], key.certificate.to_pem()))
}

/// The signing certificate in PEM (RFC 7468 §5).
pub(crate) async fn certificate(
    State(lab): State<Lab>,
    Here(workspace): Here,
) -> HtmlResult<impl IntoResponse> {
    let key = lab.key(&workspace).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], key.certificate.to_pem()))
}
