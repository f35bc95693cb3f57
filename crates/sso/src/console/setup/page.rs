//! The page of a setup link: our values, theirs, the domain, and lights that turn green.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Anybody;
use gatehouse_types::{Actor, PageRequest, Result};
use gatehouse_web::{Choice, FieldErrors, HtmlError, Nav, Page, PageContext, Path, Query, Tab, View, When};
use serde::Deserialize;

use super::guides::{GUIDES, Guide, guide, of_preset};
use super::secret;
use crate::console::domains::{DomainForm, DomainRow, methods};
use crate::model::{ConnectionStatus, DomainStatus, SetupLink};
use crate::rules::start_path;
use crate::service::connections::ConnectionView;
use crate::service::setup_links::SETUP_PATH;
use crate::{Sso, WantedAttempts};

/// One light: what it waits for, and whether that has happened.
struct Light {
    label: &'static str,
    on: bool,
    /// What to do while it is off; when it turned, once it is on.
    detail: String,
    at: Option<When>,
}

/// The provider's values as they were typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ValuesForm {
    pub(super) provider: String,
    pub(super) metadata_url: String,
    pub(super) metadata_xml: String,
    pub(super) sso_url: String,
    pub(super) entity_id: String,
    pub(super) certificate: String,
}

#[derive(askama::Template)]
#[template(path = "setup/page.html")]
struct SetupPage {
    page: Page,
    base: String,
    workspace: String,
    name: String,
    expires: When,
    providers: Vec<Tab>,
    guide: &'static Guide,
    acs: String,
    idp_acs: String,
    entity: String,
    metadata: String,
    form: ValuesForm,
    errors: FieldErrors,
    /// Fingerprints of the certificates that are kept.
    kept: Vec<String>,
    domains: Vec<DomainRow>,
    domain: DomainForm,
    methods: Vec<Choice>,
    lights: Vec<Light>,
    filled: bool,
    may_activate: bool,
    active: bool,
    start: String,
}

/// What a page that is shown again brings along.
#[derive(Default)]
pub(super) struct Again {
    pub(super) form: Option<ValuesForm>,
    pub(super) domain: DomainForm,
    pub(super) errors: FieldErrors,
}

/// The path of a link's page.
pub(super) fn base(token: &str) -> String {
    format!("{SETUP_PATH}/{token}")
}

fn saved_values(view: &ConnectionView) -> ValuesForm {
    let Some(saml) = view.connection.config.saml() else { return ValuesForm::default() };
    ValuesForm {
        metadata_url: saml.metadata_url.clone().unwrap_or_default(),
        sso_url: saml.sso_url.clone(),
        entity_id: saml.entity_id.clone(),
        ..ValuesForm::default()
    }
}

/// The lights, in the order of the work.
async fn lights(sso: &Sso, inside: &Actor, view: &ConnectionView) -> Result<Vec<Light>> {
    let c = &view.connection;
    let first = |wanted: WantedAttempts| async move {
        let one = PageRequest::new(1, 1)?;
        Ok::<_, gatehouse_types::Error>(
            sso.attempts(inside, Some(&c.id), &wanted, one).await?.data.into_iter().next(),
        )
    };
    let seen = first(WantedAttempts::default()).await?;
    let good = first(WantedAttempts { outcome: Some("success"), ..WantedAttempts::default() }).await?;
    let verified = view.domains.iter().find(|d| d.status == DomainStatus::Verified);
    let light = |label, on: bool, todo: &str, at: Option<gatehouse_types::Timestamp>| Light {
        label,
        on,
        detail: if on { String::new() } else { todo.to_owned() },
        at: at.map(When::from),
    };
    let why = seen.as_ref().filter(|a| !a.success).and_then(|a| a.checks.iter().find(|c| !c.ok));
    let try_it = why.map_or_else(
        || "Sign in once through your provider.".to_owned(),
        |c| format!("The last answer was refused: {}", c.detail),
    );
    Ok(vec![
        light("Your provider's values are here", !c.certificates.is_empty(), "Enter them in step 2.", None),
        light(
            "A domain is verified",
            verified.is_some(),
            "Prove a domain in step 3.",
            verified.and_then(|d| d.verified_at),
        ),
        light("The configuration passed its test", c.tested_at.is_some(), "Test it in step 4.", c.tested_at),
        light(
            "People can sign in",
            c.status == ConnectionStatus::Active,
            "Switch it on in step 4, when everything above is green.",
            None,
        ),
        light(
            "Your provider's first answer arrived",
            seen.is_some(),
            "Sign in once through your provider, in step 5.",
            seen.as_ref().map(|a| a.at),
        ),
        light("Somebody signed in", good.is_some(), &try_it, good.as_ref().map(|a| a.at)),
    ])
}

/// The page as it is now.
#[allow(clippy::too_many_arguments, reason = "what a page is made of, at one place")]
pub(super) async fn view(
    sso: &Sso,
    inside: &Actor,
    context: &PageContext,
    token: &str,
    link: &SetupLink,
    view: &ConnectionView,
    wanted: Option<&str>,
    again: Again,
) -> Result<Response> {
    let c = &view.connection;
    let guide = wanted.map_or_else(|| of_preset(c.provider), guide);
    let base = base(token);
    let tab = |g: &Guide| Tab {
        label: g.name.to_owned(),
        href: format!("{base}?provider={}", g.slug),
        current: g.slug == guide.slug,
    };
    let lights = lights(sso, inside, view).await?;
    let active = c.status == ConnectionStatus::Active;
    let page = SetupPage {
        // no menus: whoever has the link has no account, or comes without it
        page: Page { nav: Nav::default(), viewer: None, ..context.page("Set up single sign-on", "") },
        workspace: sso.workspace_name(link).await?,
        name: c.name.clone(),
        expires: link.life.expires_at.into(),
        providers: GUIDES.iter().map(tab).collect(),
        guide,
        acs: sso.sp_acs_url(&c.id),
        idp_acs: sso.idp_acs_url(&c.id),
        entity: sso.entity_id(),
        metadata: format!("{}/{}", sso.entity_id(), c.id),
        form: again.form.unwrap_or_else(|| saved_values(view)),
        errors: again.errors,
        kept: c.certificates.iter().map(|p| p.fingerprint.clone()).collect(),
        domains: view.domains.iter().map(DomainRow::from).collect(),
        domain: again.domain,
        methods: methods(),
        filled: !c.certificates.is_empty(),
        may_activate: !active && lights.iter().take(3).all(|l| l.on),
        active,
        start: start_path(&c.id),
        lights,
        base,
    };
    Ok(View(page).into_response())
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    provider: Option<String>,
}

/// The page; each opening is counted.
pub(super) async fn show(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(token): Path<String>,
    Query(wanted): Query<Wanted>,
    context: PageContext,
) -> Response {
    let shown = async {
        let (inside, link, found) = sso.by_setup_link(&actor, &token).await?;
        sso.note_setup_opened(&inside, &link).await?;
        let wanted = wanted.provider.as_deref();
        view(&sso, &inside, &context, &token, &link, &found, wanted, Again::default()).await
    };
    match shown.await {
        Ok(page) => secret(page),
        Err(e) => secret(HtmlError(e)),
    }
}
