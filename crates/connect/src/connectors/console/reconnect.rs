//! The page of a reconnect link: one button, or the new secrets.

use axum::extract::State;
use axum::http::header::REFERRER_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Result, Secret};
use gatehouse_web::{
    FieldErrors, Flash, HtmlResult, Page, PageContext, Path, RedirectAway, SeeOther, VerifiedForm, View, When,
};

use super::errors_of;
use super::form::Entered;
use crate::Connect;
use crate::connectors::model::fields::spoken;
use crate::connectors::service::links::{PATH, Reconnected};

struct Asked {
    name: String,
    label: String,
    lines: bool,
    error: String,
}

#[derive(askama::Template)]
#[template(path = "connectors/reconnect.html")]
struct ReconnectPage {
    page: Page,
    action: String,
    name: String,
    product: String,
    until: When,
    asked: Vec<Asked>,
    errors: FieldErrors,
}

async fn view(
    connect: &Connect,
    actor: &Actor,
    context: &PageContext,
    token: &str,
    errors: FieldErrors,
) -> Result<Response> {
    let (link, ready, asked) = connect.by_reconnect_link(actor, token).await?;
    let mut page = context.page("Connect anew", "");
    page.title = format!("Connect {} anew", ready.connector.name);
    let asked = asked.into_iter().map(|field| {
        let name = format!("field-{}", spoken(field.key.as_str()));
        Asked {
            error: errors.of(&name).to_owned(),
            lines: field.kind == gatehouse_catalogue::FieldType::Multiline,
            label: field.label,
            name,
        }
    });
    let view = ReconnectPage {
        page,
        action: format!("{PATH}/{token}"),
        name: ready.connector.name.clone(),
        product: ready.known.name.clone(),
        until: link.expires_at.into(),
        asked: asked.collect(),
        errors,
    };
    Ok(secret(View(view)))
}

/// The address is the key: other sites and search engines learn nothing of it.
fn secret(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}

/// The page.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(token): Path<String>,
    context: PageContext,
) -> HtmlResult<Response> {
    Ok(view(&connect, &actor, &context, &token, FieldErrors::none()).await?)
}

/// Uses the link up.
pub(super) async fn finish(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(token): Path<String>,
    context: PageContext,
    VerifiedForm(entered): VerifiedForm<Entered>,
) -> HtmlResult<Response> {
    let (_, ready, asked) = connect.by_reconnect_link(&actor, &token).await?;
    let given = asked.iter().filter_map(|field| {
        let text = entered.get(&format!("field-{}", spoken(field.key.as_str())))?;
        Some((field.key.to_string(), Secret::new(text.trim())))
    });
    match connect.use_reconnect_link(&actor, &token, given.collect()).await {
        Ok(Reconnected::Consent(url)) => {
            Ok(RedirectAway { url: url.into(), towards: ready.known.name.clone() }.into_response())
        }
        Ok(Reconnected::Kept(view)) => {
            let text = format!("{} has its new values.", view.connector.name);
            Ok(SeeOther::to("/").saying(Flash::success(text)).into_response())
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let page = view(&connect, &actor, &context, &token, errors).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
