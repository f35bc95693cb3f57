//! The page of one's own second steps.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Actor, Error, FactorId, Kind, Secret};
use gatehouse_web::{
    Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, Query, SeeOther, VerifiedForm, View,
    When,
};
use serde::Deserialize;

use crate::api::caller::Visitor;
use crate::api::factors::plain;
use crate::console::passkeys::given;
use crate::console::sign_in::{Back, local};
use crate::model::FactorKind;
use crate::service::factors::confirmed_one;
use crate::{Ceremony, Identity, Proof};

/// Where the page is.
pub(super) const PATH: &str = "/account/second-step";

#[derive(askama::Template)]
#[template(path = "identity/factors.html")]
struct FactorsPage {
    page: Page,
    factors: Vec<Row>,
    has_totp: bool,
    codes_left: i64,
    offers_passkeys: bool,
    address: String,
}

struct Row {
    id: String,
    kind: &'static str,
    name: String,
    created: When,
    used: Option<When>,
}

#[derive(askama::Template)]
#[template(path = "identity/totp.html")]
struct TotpPage {
    page: Page,
    secret: String,
    qr: String,
    errors: FieldErrors,
}

/// The codes on paper, shown once.
#[derive(askama::Template)]
#[template(path = "identity/recovery_codes.html")]
pub(super) struct RecoveryCodesPage {
    pub(super) page: Page,
    pub(super) codes: Vec<String>,
    pub(super) next: String,
}

#[derive(askama::Template)]
#[template(path = "identity/confirm_it_is_you.html")]
struct ProofPage {
    page: Page,
    return_to: String,
    has_totp: bool,
    passkey: Option<Ceremony>,
    errors: FieldErrors,
}

/// A form that says everything by its address.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

#[derive(Deserialize)]
pub(crate) struct CodeForm {
    code: Secret,
    secret: Secret,
    qr: Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProofForm {
    #[serde(default)]
    return_to: String,
    password: Option<Secret>,
    code: Option<Secret>,
    challenge: Option<Secret>,
    passkey: Option<Secret>,
}

pub(super) fn frame(context: &PageContext, title: &str) -> Page {
    let page = context.page(title, "account").under("Your account", "/account");
    if title == TITLE { page } else { page.under(TITLE, PATH) }
}

const TITLE: &str = "Second steps";

fn kind(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Totp => "Authenticator app",
        FactorKind::RecoveryCode => "Recovery code",
        FactorKind::Passkey => "Passkey",
    }
}

/// What one has, and what one can add.
pub(crate) async fn show(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    let own = identity.own_factors(&actor).await?;
    let has_totp = own.factors.iter().any(|f| f.kind == FactorKind::Totp);
    let rows = own.factors.into_iter().map(|f| Row {
        id: f.id.to_string(),
        kind: kind(f.kind),
        name: f.name,
        created: When::from(f.created_at),
        used: f.last_used_at.map(When::from),
    });
    let page = frame(&context, TITLE);
    let view = FactorsPage {
        page,
        factors: rows.collect(),
        has_totp,
        codes_left: own.recovery_codes_left,
        offers_passkeys: identity.offers_passkeys(),
        address: identity.address(""),
    };
    Ok(View(view).into_response())
}

/// To the page that asks for the password again, when the last proof is too old.
pub(super) async fn stale(identity: &Identity, actor: &Actor) -> HtmlResult<Option<Response>> {
    if identity.own_factors(actor).await?.is_proven {
        return Ok(None);
    }
    let to = format!("/account/confirm?{}", super::query(&[("returnTo", PATH)]));
    Ok(Some(SeeOther::to(to).into_response()))
}

/// Back to the page with what stands against it.
pub(super) fn told(e: Error) -> HtmlResult<Response> {
    match e.kind() {
        Kind::Conflict | Kind::NotFound => {
            Ok(SeeOther::to(PATH).saying(Flash::failure(e.message().to_owned())).into_response())
        }
        _ => Err(e.into()),
    }
}

/// A new authenticator app: its secret, and the field for the first code.
pub(crate) async fn begin_totp(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    if let Some(first) = stale(&identity, &actor).await? {
        return Ok(first);
    }
    match identity.begin_totp(&actor).await {
        Ok(offer) => {
            let page = frame(&context, "Set up an authenticator app");
            let (secret, qr) = (offer.secret.expose().to_owned(), offer.qr_data().expose().to_owned());
            Ok(View(TotpPage { page, secret, qr, errors: FieldErrors::default() }).into_response())
        }
        Err(e) => told(e),
    }
}

/// The first code of the app.
pub(crate) async fn confirm_totp(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<CodeForm>,
) -> HtmlResult<Response> {
    if let Some(first) = stale(&identity, &actor).await? {
        return Ok(first);
    }
    match identity.confirm_totp(&actor, &form.code).await {
        Ok(done) if done.recovery_codes.is_empty() => {
            Ok(SeeOther::to(PATH).saying(Flash::success("The authenticator app is set up.")).into_response())
        }
        Ok(done) => Ok(shown_once(&context, &done.recovery_codes)),
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::RateLimited) => {
            let page = frame(&context, "Set up an authenticator app");
            let (secret, qr) = (form.secret.expose().to_owned(), form.qr.expose().to_owned());
            // shown again as this browser sent it; a picture from elsewhere is not shown
            let qr = if qr.starts_with("data:image/svg+xml;base64,") { qr } else { String::new() };
            let errors = FieldErrors::from(&e.on_field("code"));
            Ok((StatusCode::BAD_REQUEST, View(TotpPage { page, secret, qr, errors })).into_response())
        }
        Err(e) => told(e),
    }
}

pub(super) fn shown_once(context: &PageContext, codes: &[Secret]) -> Response {
    let page = frame(context, "Your recovery codes");
    View(RecoveryCodesPage { page, codes: plain(codes), next: PATH.to_owned() }).into_response()
}

/// New codes on paper.
pub(crate) async fn renew_recovery_codes(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    if let Some(first) = stale(&identity, &actor).await? {
        return Ok(first);
    }
    match identity.renew_recovery_codes(&actor).await {
        Ok(codes) => Ok(shown_once(&context, &codes)),
        Err(e) => told(e),
    }
}

/// The question before one is taken away.
pub(crate) async fn ask_remove(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<String>,
) -> HtmlResult<Response> {
    let own = identity.own_factors(&actor).await?;
    let factor = confirmed_one(&own.factors, &id)?;
    let last =
        if own.factors.len() == 1 { " It is your only one: your password alone will do then." } else { "" };
    let confirm = Confirm {
        page: frame(&context, "Take this second step away?"),
        text: format!("\"{}\" will not sign you in any more.{last}", factor.name),
        action: format!("{PATH}/{id}/remove"),
        fields: Vec::new(),
        confirm: "Take away".to_owned(),
        cancel: PATH.to_owned(),
        danger: true,
    };
    Ok(confirm.into_response())
}

/// Takes one away.
pub(crate) async fn remove(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    if let Some(first) = stale(&identity, &actor).await? {
        return Ok(first);
    }
    let id: FactorId = id.parse().map_err(|_| Error::not_found("Second step"))?;
    match identity.remove_factor(&actor, &id).await {
        Ok(()) => {
            Ok(SeeOther::to(PATH).saying(Flash::success("The second step is taken away.")).into_response())
        }
        Err(e) => told(e),
    }
}

/// Asks who one is, again.
pub(crate) async fn ask_proof(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Query(back): Query<Back>,
) -> HtmlResult<Response> {
    let return_to = local(back.return_to.as_deref().unwrap_or(PATH));
    proof_page(&identity, &actor, &context, return_to, FieldErrors::default()).await
}

async fn proof_page(
    identity: &Identity,
    actor: &Actor,
    context: &PageContext,
    return_to: String,
    errors: FieldErrors,
) -> HtmlResult<Response> {
    let own = identity.own_factors(actor).await?;
    let has = |kind| own.factors.iter().any(|f| f.kind == kind);
    let has_totp = has(FactorKind::Totp);
    let passkey = match has(FactorKind::Passkey) && identity.offers_passkeys() {
        true => Some(identity.proof_passkey(actor).await?),
        false => None,
    };
    let page = context.page("Confirm that it is you", "account").under("Your account", "/account");
    Ok(View(ProofPage { page, return_to, has_totp, passkey, errors }).into_response())
}

/// Proves it.
pub(crate) async fn prove(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<ProofForm>,
) -> HtmlResult<Response> {
    let return_to = local(&form.return_to);
    let (field, proof) = match (form.password, form.code, form.passkey) {
        (None, Some(code), _) => ("code", Ok(Proof::Code(code))),
        (None, None, Some(passkey)) => {
            let challenge = form.challenge.unwrap_or_else(|| Secret::new(""));
            let proof = |passkey| Proof::Passkey { challenge, passkey: Box::new(passkey) };
            ("passkey", given(&passkey).map(proof))
        }
        (password, ..) => ("password", Ok(Proof::Password(password.unwrap_or_else(|| Secret::new(""))))),
    };
    let proven = match proof {
        Ok(proof) => identity.reauthenticate(&actor, proof).await,
        Err(e) => Err(e),
    };
    match proven {
        Ok(()) => {
            let words = "Thank you. Go on with what you wanted to change.";
            Ok(SeeOther::to(return_to).saying(Flash::success(words)).into_response())
        }
        Err(e) if matches!(e.kind(), Kind::Authentication | Kind::RateLimited | Kind::Validation) => {
            let errors = FieldErrors::from(&e.on_field(field));
            let mut shown = proof_page(&identity, &actor, &context, return_to, errors).await?;
            *shown.status_mut() = StatusCode::UNAUTHORIZED;
            Ok(shown)
        }
        Err(e) => Err(e.into()),
    }
}
