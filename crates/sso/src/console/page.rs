//! The page itself: the form of the connection, and what stands around it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, ConnectionId, Error, Kind, Timestamp};
use gatehouse_web::{
    Choice, FieldErrors, Flash, HtmlResult, Page, PageContext, Query, SeeOther, Step, Tab, VerifiedForm,
    View, When,
};
use serde::Deserialize;

use super::certificates::{self, Row};
use super::domains::{self, DomainForm, DomainRow};
use super::form::{SsoForm, errors_of};
use super::form_oidc::OidcView;
use super::form_wsfed::WsfedView;
use super::people::{People, people};
use super::presets::{self, Labels};
use super::roles::RolesForm;
use super::{PATH, checklist, frame};
use crate::model::{Connection, ConnectionStatus, Draft, Protocol, Provider};
use crate::rules::start_path;
use crate::service::page::{PageState, Saved};
use crate::{MAX_CERTIFICATES, Sso};

/// Certificates and client secrets that end within this many days are warned about, as the first mail does.
const ENDING_DAYS: i64 = 30;

#[derive(askama::Template)]
#[template(path = "sso/page.html")]
pub(super) struct SsoPage {
    page: Page,
    tabs: Vec<Tab>,
    /// Whether the form is shown; else the empty state.
    open: bool,
    form: SsoForm,
    errors: FieldErrors,
    protocols: Vec<Choice>,
    providers: Vec<Choice>,
    roles: Vec<Choice>,
    bindings: Vec<Choice>,
    /// Whether the values are fetched from the provider's metadata.
    fetched: bool,
    labels: Labels,
    certificates: Vec<Row>,
    max_certificates: usize,
    /// Whether WS-Federation is chosen, and what stands around its fields.
    is_wsfed: bool,
    wsfed: WsfedView,
    /// The same of OpenID Connect.
    is_oidc: bool,
    oidc: OidcView,
    /// The protocol of the connection that a save would replace; empty when it stays.
    replaced: &'static str,
    /// How many people signed in through the connection lately, when it is active.
    lately: i64,
    drafts: Vec<Waiting>,
    others: Vec<Other>,
    provider: Provider,
    acs: String,
    idp_acs: String,
    slo: String,
    entity: String,
    enabled: Option<When>,
    in_force: bool,
    /// Where people of the provider begin; empty while nobody can.
    start: String,
    configured: bool,
    steps: Vec<Step>,
    domains: Vec<DomainRow>,
    methods: Vec<Choice>,
    domain: DomainForm,
    role_form: RolesForm,
    /// The pinned certificate of which the last one ends soon.
    ending: Option<When>,
    /// When the client secret ends, if that is soon or past.
    secret_ending: Option<When>,
    people: People,
}

/// A change that waits.
struct Waiting {
    path: String,
    at: When,
    changes: String,
}

/// A connection that the page does not show.
struct Other {
    id: String,
    name: String,
    protocol: &'static str,
    status: String,
}

/// What a form that is shown again brings along.
#[derive(Default)]
pub(super) struct Again {
    pub(super) form: Option<SsoForm>,
    pub(super) errors: FieldErrors,
    pub(super) domain: DomainForm,
    pub(super) emails: Option<Vec<String>>,
    pub(super) roles: Option<RolesForm>,
}

/// The two tabs of a workspace that has a connection.
pub(super) fn tabs(enable: bool) -> Vec<Tab> {
    let tab = |label: &str, href: String, current| Tab { label: label.to_owned(), href, current };
    vec![
        tab("Enable SSO", format!("{PATH}?tab=enable"), enable),
        tab("Disable SSO", format!("{PATH}/disable"), !enable),
    ]
}

fn view(
    sso: &Sso,
    actor: &Actor,
    context: &PageContext,
    state: &PageState,
    open: bool,
    again: Again,
) -> SsoPage {
    let connection = state.connection.as_ref().map(|v| &v.connection);
    let form = again.form.unwrap_or_else(|| SsoForm::of(connection)).tidied();
    let (protocol, provider) = (form.protocol(), form.provider());
    let active = connection.filter(|c| c.status == ConnectionStatus::Active);
    let mut people = people(actor, &state.settings, &state.members);
    if let Some(typed) = again.emails {
        people.typed = typed.into_iter().filter(|t| !t.trim().is_empty()).collect();
    }
    SsoPage {
        page: frame(context),
        tabs: if connection.is_some() { tabs(true) } else { Vec::new() },
        open: open || connection.is_some(),
        protocols: presets::protocols(),
        providers: presets::providers(protocol),
        roles: presets::roles(),
        bindings: presets::bindings(),
        fetched: connection.is_some_and(|c| c.config.saml().is_some() && c.metadata.is_some()),
        labels: presets::labels(provider),
        certificates: certificates::rows(&form, connection, &again.errors, sso.0.store.now()),
        max_certificates: MAX_CERTIFICATES,
        is_wsfed: protocol == Protocol::Wsfed,
        wsfed: WsfedView::of(sso, state, provider, sso.0.store.now()),
        is_oidc: protocol == Protocol::Oidc,
        oidc: OidcView::of(sso, state, &form),
        replaced: connection
            .map(|c| c.config.protocol())
            .filter(|present| *present != protocol)
            .map_or("", presets::protocol_name),
        lately: if active.is_some() { state.lately } else { 0 },
        drafts: connection.map(|c| state.drafts.iter().map(|d| waiting(d, c)).collect()).unwrap_or_default(),
        others: state.others.iter().map(other).collect(),
        provider,
        acs: sso.sp_acs_url(&state.saml_id),
        idp_acs: sso.idp_acs_url(&state.saml_id),
        slo: sso.slo_url(),
        entity: sso.entity_id(),
        enabled: state.settings.settings.enabled_at.map(When::from),
        in_force: state.settings.in_force,
        start: active.map(|c| start_path(&c.id)).unwrap_or_default(),
        configured: connection.is_some(),
        steps: checklist::steps(state.connection.as_ref(), sso.0.options.require_domain),
        domains: state.connection.iter().flat_map(|v| &v.domains).map(DomainRow::from).collect(),
        methods: domains::methods(),
        domain: again.domain,
        role_form: again.roles.unwrap_or_else(|| RolesForm::of(connection)),
        ending: connection.and_then(|c| ending(c, sso.0.store.now())).map(When::from),
        secret_ending: connection.and_then(|c| secret_ending(c, sso.0.store.now())).map(When::from),
        people,
        errors: again.errors,
        form,
    }
}

fn waiting(draft: &Draft, connection: &Connection) -> Waiting {
    Waiting {
        path: super::drafts::path_of(&draft.id),
        at: When::from(draft.created_at),
        changes: draft.changes(connection).join(", "),
    }
}

fn other(c: &Connection) -> Other {
    Other {
        id: c.id.to_string(),
        name: c.name.clone(),
        protocol: presets::protocol_name(c.config.protocol()),
        status: c.status.to_string(),
    }
}

/// When the last of the pinned certificates ends, if that is soon or past.
fn ending(c: &Connection, now: Timestamp) -> Option<Timestamp> {
    let last = c.certificates.iter().map(|p| p.not_after).max()?;
    (last < now.plus_seconds(ENDING_DAYS * 86_400)).then_some(last)
}

/// When the client secret ends, if that is soon or past.
pub(super) fn secret_ending(c: &Connection, now: Timestamp) -> Option<Timestamp> {
    c.client_secret_expires_at.filter(|at| *at < now.plus_seconds(ENDING_DAYS * 86_400))
}

/// The page with a form that is shown again, with what is wrong beside the fields.
pub(super) async fn again(
    sso: &Sso,
    actor: &Actor,
    context: &PageContext,
    again: Again,
    why: &Error,
) -> HtmlResult<Response> {
    let state = sso.page_state(actor).await?;
    let status = if why.kind() == Kind::Conflict { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST };
    Ok((status, View(view(sso, actor, context, &state, true, again))).into_response())
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    tab: Option<String>,
}

/// The page: nothing yet, or the set-up.
pub(super) async fn show(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    Query(wanted): Query<Wanted>,
) -> HtmlResult<View<SsoPage>> {
    let state = sso.page_state(&actor).await?;
    let open = wanted.tab.as_deref() == Some("enable");
    Ok(View(view(&sso, &actor, &context, &state, open, Again::default())))
}

/// The form for another protocol or provider, with what was typed so far. Nothing is stored.
pub(super) async fn fields(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<SsoForm>,
) -> HtmlResult<View<SsoPage>> {
    let state = sso.page_state(&actor).await?;
    let kept = Again { form: Some(form), ..Again::default() };
    Ok(View(view(&sso, &actor, &context, &state, true, kept)))
}

/// Saves the form.
pub(super) async fn save(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<SsoForm>,
) -> HtmlResult<Response> {
    let errors = form.check();
    if !errors.is_empty() {
        let why = Error::validation("", "The form is not complete.");
        return again(&sso, &actor, &context, Again { form: Some(form), errors, ..Again::default() }, &why)
            .await;
    }
    let state = sso.page_state(&actor).await?;
    let present = state.connection.as_ref().map(|v| &v.connection);
    let used = present.is_some_and(|c| c.status == ConnectionStatus::Active) && state.lately > 0;
    if used && form.replace.is_none() && present.is_some_and(|c| c.config.protocol() != form.protocol()) {
        let mut errors = FieldErrors::none();
        errors.add("replace", "People sign in through the present connection. Tick the box to let it go.");
        let why = Error::validation("replace", "The present connection is in use.");
        return again(&sso, &actor, &context, Again { form: Some(form), errors, ..Again::default() }, &why)
            .await;
    }
    let saved = match form.protocol() {
        Protocol::Wsfed => sso.save_wsfed_page(&actor, form.wsfed_input()).await,
        Protocol::Oidc => sso.save_oidc_page(&actor, form.oidc_input()).await,
        Protocol::Saml => sso.save_page(&actor, form.input()).await,
    };
    match saved {
        Ok(Saved { waiting: Some(draft), .. }) => {
            Ok(SeeOther::to(super::drafts::path_of(&draft)).into_response())
        }
        Ok(saved) => Ok(SeeOther::to(PATH).saying(told(&saved)).into_response()),
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::Conflict) => {
            let kept = Again { form: Some(form), errors: errors_of(&e), ..Again::default() };
            again(&sso, &actor, &context, kept, &e).await
        }
        Err(e) => Err(e.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct ShowForm {
    connection: ConnectionId,
}

/// Takes another connection of the workspace onto the page.
pub(super) async fn show_other(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    VerifiedForm(form): VerifiedForm<ShowForm>,
) -> HtmlResult<SeeOther> {
    let told = match sso.update_settings(&actor, Some(form.connection), None).await {
        Ok(_) => Flash::success("The page shows this connection now."),
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::NotFound) => Flash::failure(e.message()),
        Err(e) => return Err(e.into()),
    };
    Ok(SeeOther::to(PATH).saying(told))
}

/// How the save went, in a sentence.
pub(super) fn told(saved: &Saved) -> Flash {
    match &saved.missing {
        None => Flash::success("SSO updated successfully."),
        Some(step) => Flash::notice(format!("SSO updated successfully. Not in force yet: {step}")),
    }
}
