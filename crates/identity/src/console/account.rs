use axum::extract::State;
use gatehouse_types::AuthMethod;
use gatehouse_web::{HtmlResult, Page, PageContext, View, When};

use crate::Identity;
use crate::api::caller::Visitor;

#[derive(askama::Template)]
#[template(path = "identity/account.html")]
pub(crate) struct AccountPage {
    page: Page,
    name: String,
    email: String,
    sessions: Vec<SessionRow>,
}

struct SessionRow {
    current: bool,
    how: &'static str,
    began: When,
    used: When,
    from: String,
    client: String,
}

fn how(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::Password => "Password",
        AuthMethod::Saml => "Single sign-on (SAML)",
        AuthMethod::Console => "Command line",
        AuthMethod::Switch => "Switched workspace",
    }
}

/// One's own account: who one is, and where one is signed in.
pub(crate) async fn show(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<View<AccountPage>> {
    let user = identity.me(&actor).await?;
    let current = actor.session()?;
    let rows = identity.own_sessions(&actor).await?.into_iter().map(|s| SessionRow {
        current: s.id == *current,
        how: how(s.method),
        began: When::from(s.created_at),
        used: When::from(s.last_used_at),
        from: s.ip.unwrap_or_else(|| "this machine".to_owned()),
        client: s.user_agent.unwrap_or_else(|| "unknown".to_owned()),
    });
    let sessions = rows.collect();
    let page = context.page("Your account", "account");
    Ok(View(AccountPage { page, name: user.display_name, email: user.email.to_string(), sessions }))
}
