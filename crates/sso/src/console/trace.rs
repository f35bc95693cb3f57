//! One attempt: its checks, what was expected and found, the message, and the links that show it to others.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::REFERRER_POLICY;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Anybody, Visitor};
use gatehouse_types::{Actor, Kind, Result, SsoAttemptId, Timestamp, TraceShareId};
use gatehouse_web::{
    Choice, Confirm, Flash, HtmlError, HtmlResult, Page, PageContext, Path, SeeOther, Tone, VerifiedForm,
    View, When,
};
use serde::Deserialize;

use super::attempts::{began, outcome};
use super::{ATTEMPTS_PATH, Nothing, PATH, frame};
use crate::Sso;
use crate::model::{Comparison, Share, Trace, TraceCheck};

/// A trace as templates show it.
pub(super) struct TraceView {
    outcome: &'static str,
    tone: Tone,
    at: When,
    began: &'static str,
    reason: String,
    failed: Option<TraceCheck>,
    checks: Vec<TraceCheck>,
    compared: Vec<Comparison>,
    /// Names and RFC 3339 times.
    times: Vec<(String, String)>,
    clock: String,
    used: String,
    algorithms: Vec<String>,
    name_id_format: String,
    attribute_names: Vec<String>,
    encrypted: bool,
    message: String,
}

fn clock_words(difference: Option<i64>) -> String {
    match difference {
        None => String::new(),
        Some(0) => "The provider's clock and ours agree to the second.".to_owned(),
        Some(d) if d > 0 => format!("The provider's clock is at least {d} seconds ahead of ours."),
        Some(d) => format!(
            "The response was {} seconds old when it arrived, by the provider's clock: the way it took, or a clock that is behind.",
            -d
        ),
    }
}

impl From<&Trace> for TraceView {
    fn from(trace: &Trace) -> Self {
        let a = &trace.attempt;
        let (words, tone) = outcome(a.success, a.flow);
        let facts = a.facts.clone().unwrap_or_default().found;
        Self {
            outcome: words,
            tone,
            at: a.at.into(),
            began: began(a.flow),
            reason: a.reason.clone().unwrap_or_default(),
            failed: trace.checks.iter().find(|c| !c.ok).cloned(),
            checks: trace.checks.clone(),
            compared: trace.compared.clone(),
            times: trace.times.iter().map(|m| (m.what.clone(), m.at.to_string())).collect(),
            clock: clock_words(trace.clock_difference),
            used: trace.used_certificate.clone().unwrap_or_default(),
            algorithms: facts.algorithms,
            name_id_format: facts.name_id_format.unwrap_or_default(),
            attribute_names: facts.attribute_names,
            encrypted: facts.encrypted,
            message: trace.message.clone().unwrap_or_default(),
        }
    }
}

/// A link as the page lists it.
pub(super) struct ShareRow {
    /// Where it is taken back.
    revoke: String,
    dialog: String,
    status: &'static str,
    tone: Tone,
    created: When,
    expires: When,
    opened: i64,
    last: Option<When>,
    live: bool,
}

impl ShareRow {
    fn of(share: &Share, now: Timestamp) -> Self {
        let (status, tone) = match share.life.status(now) {
            "active" => ("Active", Tone::Good),
            "revoked" => ("Revoked", Tone::Neutral),
            _ => ("Expired", Tone::Neutral),
        };
        Self {
            revoke: format!("{ATTEMPTS_PATH}/{}/shares/{}/revoke", share.attempt_id, share.id),
            dialog: format!("{}-revoke", share.id),
            status,
            tone,
            created: share.life.created_at.into(),
            expires: share.life.expires_at.into(),
            opened: share.life.opened,
            last: share.life.last_used_at.map(When::from),
            live: share.life.status(now) == "active",
        }
    }
}

#[derive(askama::Template)]
#[template(path = "sso/attempt.html")]
pub(super) struct AttemptPage {
    page: Page,
    here: String,
    trace: TraceView,
    who: String,
    subject: String,
    decision: String,
    request: String,
    ip: String,
    browser: String,
    expires: When,
    has_message: bool,
    revealed: bool,
    /// The address of a link that was just made; told this once.
    url: String,
    shares: Vec<ShareRow>,
    days: Vec<Choice>,
}

async fn view(
    sso: &Sso,
    actor: &Actor,
    context: &PageContext,
    trace: &Trace,
    revealed: bool,
    url: String,
) -> Result<AttemptPage> {
    let now = sso.0.store.now();
    let a = &trace.attempt;
    let shares = sso.trace_shares(actor, None, &a.id).await?;
    let mut page = frame(context).under("Single Sign On", PATH).under("Sign-in attempts", ATTEMPTS_PATH);
    "Sign-in attempt".clone_into(&mut page.title);
    Ok(AttemptPage {
        page,
        here: format!("{ATTEMPTS_PATH}/{}", a.id),
        trace: trace.into(),
        who: a.email.clone().unwrap_or_default(),
        subject: a.subject.clone().unwrap_or_default(),
        decision: a.decision_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        request: a.request_id.clone(),
        ip: a.ip.clone().unwrap_or_default(),
        browser: a.browser.clone().unwrap_or_default(),
        expires: a.expires_at.into(),
        has_message: a.has_message,
        revealed,
        url,
        shares: shares.iter().map(|s| ShareRow::of(s, now)).collect(),
        days: [("1", "1 day"), ("3", "3 days"), ("7", "7 days"), ("14", "14 days")]
            .map(|(value, label)| Choice::new(value, label))
            .into(),
    })
}

/// The attempt, without the person's data of its message.
pub(super) async fn show(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(id): Path<SsoAttemptId>,
    context: PageContext,
) -> HtmlResult<View<AttemptPage>> {
    let trace = sso.trace(&actor, None, &id).await?;
    Ok(View(view(&sso, &actor, &context, &trace, false, String::new()).await?))
}

/// The attempt with what its message says of the person.
pub(super) async fn reveal(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(id): Path<SsoAttemptId>,
    context: PageContext,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<View<AttemptPage>> {
    let trace = sso.reveal_trace(&actor, None, &id).await?;
    Ok(View(view(&sso, &actor, &context, &trace, true, String::new()).await?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShareForm {
    expires_in_days: String,
}

/// Makes a link, and shows its address this once.
pub(super) async fn share(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(id): Path<SsoAttemptId>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<ShareForm>,
) -> HtmlResult<Response> {
    let days = form.expires_in_days.parse().unwrap_or(0);
    match sso.share_trace(&actor, None, &id, Some(days)).await {
        Ok(made) => {
            let trace = sso.trace(&actor, None, &id).await?;
            let url = made.url.expose().to_owned();
            Ok(View(view(&sso, &actor, &context, &trace, false, url).await?).into_response())
        }
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::Conflict) => {
            let flash = Flash::failure(e.message().to_owned());
            Ok(SeeOther::to(format!("{ATTEMPTS_PATH}/{id}")).saying(flash).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

/// The question before a link is taken back, without JavaScript.
pub(super) async fn ask_revoke(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path((id, share)): Path<(SsoAttemptId, TraceShareId)>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    sso.trace_shares(&actor, None, &id).await?;
    let mut page = frame(&context);
    "Revoke this link?".clone_into(&mut page.title);
    let here = format!("{ATTEMPTS_PATH}/{id}");
    Ok(Confirm {
        page,
        text: "Whoever has it sees nothing any more.".to_owned(),
        action: format!("{here}/shares/{share}/revoke"),
        fields: Vec::new(),
        confirm: "Revoke".to_owned(),
        cancel: here,
        danger: true,
    })
}

/// Takes a link back.
pub(super) async fn revoke(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path((id, share)): Path<(SsoAttemptId, TraceShareId)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    sso.revoke_share(&actor, None, &id, &share).await?;
    let flash = Flash::success("The link was revoked. It shows nothing any more.");
    Ok(SeeOther::to(format!("{ATTEMPTS_PATH}/{id}#shares")).saying(flash))
}

#[derive(askama::Template)]
#[template(path = "sso/shared_trace.html")]
struct SharedPage {
    page: Page,
    trace: TraceView,
    decision: String,
    expires: When,
}

/// What a link shows to whoever has it. No menu, no cookie, nobody's name; search engines and other sites learn nothing
/// of the address.
pub(super) async fn shared(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    axum::extract::Path(token): axum::extract::Path<String>,
) -> Response {
    let mut response = match sso.shared_trace(&actor, &token).await {
        Ok((trace, share)) => View(SharedPage {
            page: Page::bare("A sign-in, check by check"),
            decision: trace.attempt.decision_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            trace: (&trace).into(),
            expires: share.life.expires_at.into(),
        })
        .into_response(),
        Err(e) => HtmlError(e).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}
