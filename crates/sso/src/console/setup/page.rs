//! The page of a setup link: our values, theirs, the domain, and lights that turn green.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Anybody;
use gatehouse_types::{Actor, PageRequest, Result, Secret};
use gatehouse_web::{Choice, FieldErrors, HtmlError, Nav, Page, PageContext, Path, Query, Tab, View, When};
use serde::Deserialize;

use super::guides::{Guide, guide, guides, of_preset};
use super::secret;
use crate::console::domains::{DomainForm, DomainRow, methods};
use crate::model::{
    Config, Connection, ConnectionStatus, DomainStatus, Protocol, SetupLink, advice, day_of, title,
};
use crate::rules::start_path;
use crate::service::connections::ConnectionView;
use crate::service::setup_links::{SETUP_PATH, directory_name};
use crate::{Sso, WantedAttempts};

/// One light: what it waits for, and whether that has happened.
struct Light {
    label: &'static str,
    on: bool,
    /// What to do while it is off; when it turned, once it is on.
    detail: String,
    at: Option<When>,
}

/// One of our values, with a button that copies it.
struct Ours {
    id: &'static str,
    label: &'static str,
    value: String,
    hint: &'static str,
}

/// Our values for a connection's provider.
fn ours(sso: &Sso, c: &Connection) -> Vec<Ours> {
    let one = |id, label, value, hint| Ours { id, label, value, hint };
    match &c.config {
        Config::Saml(_) => vec![
            one("acs", "ACS url", sso.sp_acs_url(&c.id), ""),
            one("entity", "Entity id", sso.entity_id(), ""),
            one(
                "metadata",
                "Metadata",
                format!("{}/{}", sso.entity_id(), c.id),
                "Everything about us in one document; many providers read the rest from it.",
            ),
            one(
                "idpAcs",
                "ACS url for sign-ins that begin at your provider's portal",
                sso.idp_acs_url(&c.id),
                "",
            ),
        ],
        Config::Wsfed(wsfed) => vec![
            one(
                "reply",
                "Reply URL",
                sso.reply_url(&c.id),
                "Where your provider sends its answers (wreply).",
            ),
            one("realm", "Realm", sso.realm(&c.id, wsfed), "What we are called at your provider (wtrealm)."),
        ],
        Config::Oidc(_) => vec![
            one("redirectUri", "Redirect URI", sso.redirect_uri(c), "Where your provider sends its answers."),
            one("loggedOut", "Post logout redirect URI", sso.post_logout_redirect_uri(&c.id), ""),
            one("backchannelLogout", "Back-channel logout URI", sso.backchannel_logout_uri(&c.id), ""),
        ],
    }
}

/// Whether the provider's values are there.
fn is_filled(c: &Connection) -> bool {
    match &c.config {
        Config::Oidc(oidc) => !oidc.issuer_url.is_empty() && !oidc.client_id.is_empty(),
        Config::Saml(_) | Config::Wsfed(_) => !c.certificates.is_empty(),
    }
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
    pub(super) sign_on_url: String,
    pub(super) tenant_id: String,
    pub(super) issuer_url: String,
    pub(super) client_id: String,
    /// Never shown again; an empty one leaves the present one in place.
    pub(super) client_secret: Option<Secret>,
    /// The day on which it ends.
    pub(super) client_secret_expires: String,
    pub(super) trust_email: Option<String>,
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
    is_oidc: bool,
    is_wsfed: bool,
    /// What the provider needs to know of us.
    ours: Vec<Ours>,
    has_secret: bool,
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
    /// Where the directory calls; empty when the link does not reach it.
    directory: String,
    /// A token that was just made.
    directory_token: String,
}

/// What a page that is shown again brings along.
#[derive(Default)]
pub(super) struct Again {
    pub(super) form: Option<ValuesForm>,
    pub(super) domain: DomainForm,
    pub(super) errors: FieldErrors,
    /// A token that was just made for the directory.
    pub(super) directory_token: Option<Secret>,
}

/// The path of a link's page.
pub(super) fn base(token: &str) -> String {
    format!("{SETUP_PATH}/{token}")
}

fn saved_values(view: &ConnectionView) -> ValuesForm {
    match view.connection.config.clone() {
        Config::Saml(saml) => ValuesForm {
            metadata_url: saml.metadata_url.unwrap_or_default(),
            sso_url: saml.sso_url,
            entity_id: saml.entity_id,
            ..ValuesForm::default()
        },
        Config::Wsfed(wsfed) => ValuesForm {
            sign_on_url: wsfed.sign_on().to_owned(),
            metadata_url: wsfed.metadata_url.unwrap_or_default(),
            tenant_id: wsfed.tenant_id.unwrap_or_default(),
            ..ValuesForm::default()
        },
        Config::Oidc(oidc) => ValuesForm {
            issuer_url: oidc.issuer_url,
            client_id: oidc.client_id,
            client_secret_expires: view.connection.client_secret_expires_at.map(day_of).unwrap_or_default(),
            trust_email: oidc.trust_email.then(|| "true".to_owned()),
            ..ValuesForm::default()
        },
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
    let refused = seen.as_ref().filter(|a| !a.success);
    let why = refused.and_then(|a| Some((a.checks.iter().find(|c| !c.ok)?, a.reason.as_deref()?)));
    let try_it = why.map_or_else(
        || "Sign in once through your provider.".to_owned(),
        // who holds the link is told what to do, not whom it was about
        |(check, reason)| {
            format!("The last answer was refused ({reason}): {}. {}", title(&check.check), advice(reason))
        },
    );
    Ok(vec![
        light("Your provider's values are here", is_filled(c), "Enter them in step 2.", None),
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
    let protocol = c.config.protocol();
    let guide = wanted.map_or_else(|| of_preset(protocol, c.provider), |slug| guide(protocol, slug));
    let base = base(token);
    let tab = |g: &Guide| Tab {
        label: g.name.to_owned(),
        href: format!("{base}?provider={}", g.slug),
        current: g.slug == guide.slug,
    };
    let mut lights = lights(sso, inside, view).await?;
    let directory = sso.directory(link);
    if let Some(directory) = directory {
        let found = directory.token_use(&link.workspace_id, &directory_name(link)).await?;
        let called = found.flatten();
        lights.push(Light {
            label: "Your directory called us",
            on: called.is_some(),
            detail: match (found, called) {
                (_, Some(_)) => String::new(),
                (Some(_), None) => {
                    "Save the token at your provider, and start provisioning there.".to_owned()
                }
                (None, None) => "Make a token in step 6.".to_owned(),
            },
            at: called.map(When::from),
        });
    }
    let active = c.status == ConnectionStatus::Active;
    let page = SetupPage {
        // no menus: whoever has the link has no account, or comes without it
        page: Page { nav: Nav::default(), viewer: None, ..context.page("Set up single sign-on", "") },
        workspace: sso.workspace_name(link).await?,
        name: c.name.clone(),
        expires: link.life.expires_at.into(),
        providers: guides(protocol).iter().map(tab).collect(),
        guide,
        is_oidc: protocol == Protocol::Oidc,
        is_wsfed: protocol == Protocol::Wsfed,
        ours: ours(sso, c),
        has_secret: c.has_client_secret,
        form: again.form.unwrap_or_else(|| saved_values(view)),
        errors: again.errors,
        kept: c.certificates.iter().map(|p| p.fingerprint.clone()).collect(),
        domains: view.domains.iter().map(DomainRow::from).collect(),
        domain: again.domain,
        methods: methods(),
        filled: is_filled(c),
        may_activate: !active && lights.iter().take(3).all(|l| l.on),
        active,
        start: start_path(&c.id),
        directory: directory.map(|d| d.base_url()).unwrap_or_default(),
        directory_token: again.directory_token.map(|t| t.expose().to_owned()).unwrap_or_default(),
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
