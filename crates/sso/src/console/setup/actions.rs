//! What whoever has a link can do: enter the provider's values, prove a domain, test, switch it on.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Anybody;
use gatehouse_types::{Actor, Domain, DomainId, Error, Kind, Result};
use gatehouse_web::{FieldErrors, Flash, HtmlError, PageContext, Path, SeeOther, VerifiedForm};

use super::guides::guide;
use super::page::{Again, ValuesForm, base, view};
use super::secret;
use crate::Sso;
use crate::console::Nothing;
use crate::console::domains::DomainForm;
use crate::console::form_oidc::NOT_A_DAY;
use crate::model::{Connection, Protocol, SecretEnd, SetupLink, VerificationMethod, beginning_of};
use crate::service::connections::{ConfigPatch, ConnectionPatch, ConnectionView};

/// Whoever came with the link, and what it reaches.
struct Holder {
    token: String,
    inside: Actor,
    link: SetupLink,
    view: ConnectionView,
}

async fn holder(sso: &Sso, actor: &Actor, token: String) -> Result<Holder> {
    let (inside, link, view) = sso.by_setup_link(actor, &token).await?;
    Ok(Holder { token, inside, link, view })
}

impl Holder {
    /// The page from its beginning, where what is said stands.
    fn back(&self, flash: Flash) -> Response {
        SeeOther::to(base(&self.token)).saying(flash).into_response()
    }

    /// The page again, with what is wrong beside the fields.
    async fn again(&self, sso: &Sso, context: &PageContext, again: Again, why: &Error) -> Result<Response> {
        let status = match why.kind() {
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        };
        let wanted = again.form.as_ref().map(|f| f.provider.clone());
        let (inside, link) = (&self.inside, &self.link);
        let page =
            view(sso, inside, context, &self.token, link, &self.view, wanted.as_deref(), again).await?;
        Ok((status, page).into_response())
    }
}

fn again_kind(e: &Error) -> bool {
    matches!(e.kind(), Kind::Validation | Kind::Conflict | Kind::RateLimited)
}

fn answered(answer: Result<Response>) -> Response {
    match answer {
        Ok(response) => secret(response),
        Err(e) => secret(HtmlError(e)),
    }
}

/// Browsers send other line ends than the file has, and people copy a little more than the document.
fn plain(text: &str) -> Option<String> {
    let text = text.replace("\r\n", "\n").trim().trim_start_matches('\u{feff}').to_owned();
    Some(text).filter(|t| !t.is_empty())
}

/// The values as a change of the connection.
///
/// # Errors
/// `Validation` for a value that is missing.
fn patch(form: &ValuesForm, connection: &Connection) -> Result<ConnectionPatch> {
    match connection.config.protocol() {
        Protocol::Saml => Ok(saml_patch(form)),
        Protocol::Wsfed => Ok(wsfed_patch(form)),
        Protocol::Oidc => oidc_patch(form, connection),
    }
}

fn wsfed_patch(form: &ValuesForm) -> ConnectionPatch {
    let text = |t: &str| Some(t.trim().to_owned());
    ConnectionPatch {
        provider: Some(guide(Protocol::Wsfed, &form.provider).preset),
        config: ConfigPatch {
            metadata_url: text(&form.metadata_url),
            sign_on_url: text(&form.sign_on_url),
            tenant_id: text(&form.tenant_id),
            ..ConfigPatch::default()
        },
        ..ConnectionPatch::default()
    }
}

fn oidc_patch(form: &ValuesForm, connection: &Connection) -> Result<ConnectionPatch> {
    let needed = |field: &'static str, text: &str, message: &'static str| match text.trim() {
        "" => Err(Error::validation(field, message)),
        text => Ok(Some(text.to_owned())),
    };
    let config = ConfigPatch {
        issuer_url: needed("oidcConfig.issuerUrl", &form.issuer_url, "The issuer is missing.")?,
        client_id: needed("oidcConfig.clientId", &form.client_id, "The client id is missing.")?,
        trust_email: Some(form.trust_email.is_some()),
        ..ConfigPatch::default()
    };
    let day = match form.client_secret_expires.trim() {
        "" => None,
        day => Some(
            beginning_of(day)
                .ok_or_else(|| Error::validation("oidcConfig.clientSecretExpiresAt", NOT_A_DAY))?,
        ),
    };
    let client_secret = form.client_secret.clone().filter(|s| !s.expose().is_empty());
    let known = connection.client_secret_expires_at;
    Ok(ConnectionPatch {
        provider: Some(guide(Protocol::Oidc, &form.provider).preset),
        client_secret_expires_at: SecretEnd::on_page(day, known, client_secret.is_some())?,
        client_secret,
        config,
        ..ConnectionPatch::default()
    })
}

/// Metadata when there is some, else the three values.
fn saml_patch(form: &ValuesForm) -> ConnectionPatch {
    let (url, xml) = (plain(&form.metadata_url), plain(&form.metadata_xml));
    let preset = guide(Protocol::Saml, &form.provider).preset;
    if xml.is_some() || url.is_some() {
        let config = ConfigPatch {
            // a document that is pasted takes the place of an address
            idp_metadata_url: Some(if xml.is_some() { String::new() } else { url.unwrap_or_default() }),
            ..ConfigPatch::default()
        };
        return ConnectionPatch {
            provider: Some(preset),
            metadata_xml: xml,
            config,
            ..ConnectionPatch::default()
        };
    }
    ConnectionPatch {
        provider: Some(preset),
        certificates: plain(&form.certificate).map(|c| vec![c]),
        config: ConfigPatch {
            sso_url: Some(form.sso_url.trim().to_owned()),
            entity_id: Some(form.entity_id.trim().to_owned()),
            idp_metadata_url: Some(String::new()),
            ..ConfigPatch::default()
        },
        ..ConnectionPatch::default()
    }
}

/// The fields of the page, by what the service calls them.
fn errors_of(e: &Error) -> FieldErrors {
    let field = match e.field().unwrap_or_default() {
        "samlConfig.metadataUrl" => "metadataUrl",
        "samlConfig.metadataXml" => "metadataXml",
        "samlConfig.ssoUrl" => "ssoUrl",
        "samlConfig.entityId" => "entityId",
        "samlConfig.certificate" | "samlConfig.certificates" => "certificate",
        "wsfedConfig.metadataUrl" => "metadataUrl",
        "wsfedConfig.signOnUrl" => "signOnUrl",
        "wsfedConfig.tenantId" => "tenantId",
        "oidcConfig.issuerUrl" => "issuerUrl",
        "oidcConfig.clientId" => "clientId",
        "oidcConfig.clientSecret" => "clientSecret",
        "oidcConfig.clientSecretExpiresAt" => "clientSecretExpires",
        "domain" => "domain",
        _ => "",
    };
    let mut errors = FieldErrors::none();
    errors.add(field, e.message().to_owned());
    errors
}

/// Takes over the provider's values.
pub(super) async fn save(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(token): Path<String>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<ValuesForm>,
) -> Response {
    answered(
        async {
            let holder = holder(&sso, &actor, token).await?;
            let saved = match patch(&form, &holder.view.connection) {
                Ok(patch) => sso.save_by_setup_link(&holder.inside, &holder.view, patch).await,
                Err(e) => Err(e),
            };
            match saved {
                Ok(()) => Ok(holder.back(Flash::success("The values are saved."))),
                Err(e) if again_kind(&e) => {
                    let errors = errors_of(&e);
                    holder
                        .again(&sso, &context, Again { form: Some(form), errors, ..Again::default() }, &e)
                        .await
                }
                Err(e) => Err(e),
            }
        }
        .await,
    )
}

/// Claims a domain.
pub(super) async fn add_domain(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(token): Path<String>,
    context: PageContext,
    VerifiedForm(typed): VerifiedForm<DomainForm>,
) -> Response {
    let claim = async |holder: &Holder| {
        let domain = typed.domain.parse::<Domain>()?;
        let method = typed.verification_method.parse().unwrap_or(VerificationMethod::DnsTxt);
        sso.add_domain(&holder.inside, &holder.link.connection_id, domain, method).await
    };
    answered(
        async {
            let holder = holder(&sso, &actor, token).await?;
            match claim(&holder).await {
                Ok(claim) => {
                    let text = format!("{} was added. Put the proof in place, then verify it.", claim.domain);
                    Ok(holder.back(Flash::success(text)))
                }
                Err(e) if again_kind(&e) => {
                    let e = e.on_field("domain");
                    let again = Again { domain: typed.clone(), errors: errors_of(&e), ..Again::default() };
                    holder.again(&sso, &context, again, &e).await
                }
                Err(e) => Err(e),
            }
        }
        .await,
    )
}

/// Gives the directory a token, shown this once on the page.
pub(super) async fn directory(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(token): Path<String>,
    context: PageContext,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> Response {
    let made = async {
        let holder = holder(&sso, &actor, token).await?;
        let (inside, link) = (&holder.inside, &holder.link);
        let made = sso.token_by_setup_link(inside, link).await?;
        let shown = Again { directory_token: Some(made), ..Again::default() };
        view(&sso, inside, &context, &holder.token, link, &holder.view, None, shown).await
    };
    answered(made.await)
}

/// Does one thing by the link and goes back to the page with what came of it.
async fn act(
    sso: &Sso,
    actor: &Actor,
    token: String,
    what: impl AsyncFnOnce(&Holder) -> Result<Flash>,
) -> Response {
    let done = async {
        let holder = holder(sso, actor, token).await?;
        let flash = match what(&holder).await {
            Err(e) if again_kind(&e) => Flash::failure(e.message().to_owned()),
            other => other?,
        };
        Ok(holder.back(flash))
    };
    answered(done.await)
}

/// Looks for the proof of a domain.
pub(super) async fn verify_domain(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path((token, domain)): Path<(String, DomainId)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> Response {
    act(&sso, &actor, token, async |holder| {
        let found = sso.verify_domain(&holder.inside, &holder.link.connection_id, &domain).await?;
        Ok(match found.success {
            true => Flash::success(format!("{} is verified.", found.domain.domain)),
            false => Flash::failure(found.error.unwrap_or_default()),
        })
    })
    .await
}

/// Tests what is stored.
pub(super) async fn test(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(token): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> Response {
    act(&sso, &actor, token, async |holder| {
        let report = sso.test_connection(&holder.inside, &holder.link.connection_id).await?;
        Ok(match report.error() {
            None => Flash::success("The configuration is in order."),
            Some(wrong) => Flash::failure(wrong.to_owned()),
        })
    })
    .await
}

/// Switches the connection on, when every step is done.
pub(super) async fn activate(
    State(sso): State<Sso>,
    Anybody(actor): Anybody,
    Path(token): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> Response {
    act(&sso, &actor, token, async |holder| {
        sso.activate_connection(&holder.inside, &holder.link.connection_id).await?;
        Ok(Flash::success("It is on: people of your verified domains sign in through your provider."))
    })
    .await
}
