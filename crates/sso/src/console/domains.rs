//! The domains of the connection: claimed, proved, made the primary one, removed.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, ConnectionId, Domain, DomainId, Error, Kind, Result};
use gatehouse_web::{
    Choice, Confirm, Flash, HtmlResult, PageContext, Path, SeeOther, Tone, VerifiedForm, When,
};
use serde::Deserialize;

use super::page::{Again, again};
use super::{Nothing, PATH, form, frame};
use crate::Sso;
use crate::model::{DomainClaim, DomainStatus, VerificationMethod};

/// One domain as the page shows it.
pub(super) struct DomainRow {
    pub(super) id: DomainId,
    pub(super) domain: String,
    pub(super) status: &'static str,
    pub(super) tone: Tone,
    pub(super) verified: bool,
    pub(super) primary: bool,
    pub(super) by_dns: bool,
    pub(super) record: String,
    pub(super) file: String,
    pub(super) token: String,
    pub(super) checked: Option<When>,
    pub(super) federated: bool,
    /// Since when the proof of the verified domain is missing.
    pub(super) failing: Option<When>,
    pub(super) error: String,
}

impl From<&DomainClaim> for DomainRow {
    fn from(claim: &DomainClaim) -> Self {
        let (status, tone) = match claim.status {
            DomainStatus::Verified if claim.failing_since.is_some() => ("Proof missing", Tone::Warn),
            DomainStatus::Pending => ("Not verified yet", Tone::Warn),
            DomainStatus::Verified => ("Verified", Tone::Good),
            DomainStatus::Failed => ("Proof not found", Tone::Bad),
            DomainStatus::Expired => ("Expired", Tone::Bad),
        };
        Self {
            id: claim.id.clone(),
            domain: claim.domain.to_string(),
            status,
            tone,
            verified: claim.status == DomainStatus::Verified,
            primary: claim.is_primary,
            by_dns: claim.method == VerificationMethod::DnsTxt,
            record: claim.record_name(),
            file: claim.file_url(),
            token: claim.token.clone(),
            checked: claim.checked_at.map(When::from),
            federated: claim.federated,
            failing: claim.failing_since.map(When::from),
            error: claim.last_error.clone().unwrap_or_default(),
        }
    }
}

/// The ways to prove a domain.
pub(super) fn methods() -> Vec<Choice> {
    vec![
        Choice::new(VerificationMethod::DnsTxt.as_str(), "TXT record in the DNS"),
        Choice::new(VerificationMethod::HttpsFile.as_str(), "File on the domain's web server (https)"),
    ]
}

/// What was typed into the form that adds a domain.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DomainForm {
    pub(super) domain: String,
    pub(super) verification_method: String,
}

fn back(flash: Flash) -> SeeOther {
    SeeOther::to(PATH).saying(flash)
}

/// The connection of the page.
async fn connection(sso: &Sso, actor: &Actor) -> Result<ConnectionId> {
    let view = sso.page_state(actor).await?.connection;
    Ok(view.ok_or_else(|| Error::not_found("Connection"))?.connection.id)
}

async fn claim(sso: &Sso, actor: &Actor, typed: &DomainForm) -> Result<DomainClaim> {
    let id = connection(sso, actor).await?;
    let domain = typed.domain.parse::<Domain>()?;
    let method = typed.verification_method.parse().unwrap_or(VerificationMethod::DnsTxt);
    sso.add_domain(actor, &id, domain, method).await
}

/// Claims a domain.
pub(super) async fn add(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(typed): VerifiedForm<DomainForm>,
) -> HtmlResult<Response> {
    match claim(&sso, &actor, &typed).await {
        Ok(claim) => {
            let text = format!("{} was added. Put the proof in place, then verify it.", claim.domain);
            Ok(back(Flash::success(text)).into_response())
        }
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::Conflict) => {
            let e = e.on_field("domain");
            let errors = form::errors_of(&e);
            again(&sso, &actor, &context, Again { errors, domain: typed, ..Again::default() }, &e).await
        }
        Err(e) => Err(e.into()),
    }
}

/// Looks for the proof, and switches on what waited for it.
pub(super) async fn verify(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(domain): Path<DomainId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let id = connection(&sso, &actor).await?;
    let found = match sso.verify_domain(&actor, &id, &domain).await {
        Ok(found) => found,
        Err(e) if e.kind() == Kind::Conflict => return Ok(back(Flash::failure(e.message().to_owned()))),
        Err(e) => return Err(e.into()),
    };
    if let Some(missing) = found.error {
        return Ok(back(Flash::failure(missing)));
    }
    let name = found.domain.domain;
    Ok(back(match sso.resume_enabling(&actor, &id).await? {
        None => Flash::success(format!("{name} is verified.")),
        Some(missing) => Flash::notice(format!("{name} is verified. {missing}")),
    }))
}

/// Makes a domain the default of people made at their first sign-in.
pub(super) async fn set_primary(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(domain): Path<DomainId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let id = connection(&sso, &actor).await?;
    match sso.set_primary_domain(&actor, &id, &domain).await {
        Ok(claim) => Ok(back(Flash::success(format!("{} is the primary domain now.", claim.domain)))),
        Err(e) if e.kind() == Kind::Validation => Ok(back(Flash::failure(e.message().to_owned()))),
        Err(e) => Err(e.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct FederatedForm {
    federated: Option<String>,
}

/// Decides whether a domain's addresses sign in through the provider.
pub(super) async fn set_federated(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(domain): Path<DomainId>,
    VerifiedForm(form): VerifiedForm<FederatedForm>,
) -> HtmlResult<SeeOther> {
    let id = connection(&sso, &actor).await?;
    let claim = sso.set_federated(&actor, &id, &domain, form.federated.is_some()).await?;
    let name = claim.domain;
    Ok(back(Flash::success(if claim.federated {
        format!("Addresses at {name} sign in through the provider.")
    } else {
        format!("Addresses at {name} are kept apart from single sign-on.")
    })))
}

/// The question before a removal, without JavaScript.
pub(super) async fn ask(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(domain): Path<DomainId>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let view = sso.page_state(&actor).await?.connection.ok_or_else(|| Error::not_found("Connection"))?;
    let claim = view.domains.iter().find(|d| d.id == domain).ok_or_else(|| Error::not_found("Domain"))?;
    let mut page = frame(&context);
    page.title = format!("Remove {}?", claim.domain);
    Ok(Confirm {
        page,
        text: {
            let people = sso.people_lately(&actor, &view.connection.id, &claim.domain).await?;
            let who = match people {
                0 => String::new(),
                1 => " One person with such an address signed in through it during the last 14 days."
                    .to_owned(),
                n => {
                    format!(" {n} people with such an address signed in through it during the last 14 days.")
                }
            };
            format!(
                "Nobody with an address at {} gets in through the provider any more, and whoever has no password needs a \
                 reset link.{who}",
                claim.domain
            )
        },
        action: format!("{PATH}/domains/{domain}/remove"),
        fields: Vec::new(),
        confirm: "Remove".to_owned(),
        cancel: format!("{PATH}#domains"),
        danger: true,
    })
}

/// Removes a domain.
pub(super) async fn remove(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(domain): Path<DomainId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let id = connection(&sso, &actor).await?;
    match sso.remove_domain(&actor, &id, &domain).await {
        Ok(()) => Ok(back(Flash::success("The domain was removed."))),
        Err(e) if e.kind() == Kind::Conflict => Ok(back(Flash::failure(e.message()))),
        Err(e) => Err(e.into()),
    }
}
