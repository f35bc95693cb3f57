//! Accounts at Google and Microsoft: their buttons on the pages of signing in, and unlinking one.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_types::Kind;
use gatehouse_web::{Confirm, Flash, HtmlResult, PageContext, Path, SeeOther, VerifiedForm};

use crate::Identity;
use crate::api::caller::Visitor;
use crate::console::factors::Nothing;
use crate::model::SocialProvider;

/// The part of the own account's page.
const PART: &str = "/account#sign-in-providers";

/// A button that signs in with an account at a provider.
pub(crate) struct ProviderWay {
    pub(crate) provider: SocialProvider,
    pub(crate) href: String,
}

impl ProviderWay {
    /// What the button says.
    pub(crate) fn label(&self) -> String {
        format!("Continue with {}", self.provider.name())
    }
}

/// The buttons of what the operator offers.
pub(crate) fn ways(identity: &Identity, return_to: &str) -> Vec<ProviderWay> {
    let way = |provider: SocialProvider| ProviderWay {
        provider,
        href: format!("/login/with/{}?{}", provider.as_str(), super::query(&[("returnTo", return_to)])),
    };
    SocialProvider::ALL.into_iter().filter(|p| identity.offers(*p)).map(way).collect()
}

/// The way to a fresh proof, when there is none.
async fn stale(identity: &Identity, actor: &gatehouse_types::Actor) -> HtmlResult<Option<Response>> {
    if identity.own_factors(actor).await?.is_proven {
        return Ok(None);
    }
    let way = format!("/account/confirm?{}", super::query(&[("returnTo", "/account")]));
    Ok(Some(SeeOther::to(way).into_response()))
}

/// The question, before an account is unlinked.
pub(crate) async fn ask_unlink(
    Visitor(_): Visitor,
    context: PageContext,
    Path(provider): Path<String>,
) -> HtmlResult<Confirm> {
    let provider: SocialProvider = provider.parse()?;
    let name = provider.name();
    let title = format!("Unlink your {name} account?");
    Ok(Confirm {
        page: context.page(&title, "account").under("Your account", "/account"),
        text: format!("It does not sign you in here any more. Your account at {name} stays as it is."),
        action: format!("/account/sign-in-providers/{}/unlink", provider.as_str()),
        fields: Vec::new(),
        confirm: "Unlink".to_owned(),
        cancel: "/account".to_owned(),
        danger: true,
    })
}

/// Unlinks it.
pub(crate) async fn unlink(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    Path(provider): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    let provider: SocialProvider = provider.parse()?;
    if let Some(first) = stale(&identity, &actor).await? {
        return Ok(first);
    }
    let flash = match identity.unlink_provider(&actor, provider).await {
        Ok(()) => Flash::success(format!("Your {} account is unlinked.", provider.name())),
        Err(e) if e.kind() == Kind::Conflict => Flash::failure(e.message().to_owned()),
        Err(e) => return Err(e.into()),
    };
    Ok(SeeOther::to(PART).saying(flash).into_response())
}
