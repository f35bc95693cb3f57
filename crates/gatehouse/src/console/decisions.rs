//! A refusal explained: the number that a refused person was given leads here, for those who may know.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use gatehouse_identity::{Visitor, require};
use gatehouse_store::decisions::{self, Decision};
use gatehouse_types::{DecisionId, Error, Permission};
use gatehouse_web::{HtmlResult, Page, PageContext, Path, View, When};

use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/settings/decisions/{id}", get(show))
}

#[derive(askama::Template)]
#[template(path = "gatehouse/decision.html")]
struct DecisionPage {
    page: Page,
    decision: Decision,
    when: When,
    /// The page of the sign-in attempt that it refused, for those who manage single sign-on.
    attempt: Option<String>,
}

async fn show(
    State(app): State<App>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<DecisionId>,
) -> HtmlResult<View<DecisionPage>> {
    let object = Some(format!("decision:{id}"));
    let workspace = require(app.store(), &actor, Permission::ExplainDecisions, object).await?;
    let found = decisions::find(app.store(), workspace, &id).await.map_err(Error::from)?;
    let decision = found.ok_or_else(|| Error::not_found("Decision"))?;
    let attempt = match actor.may(Permission::ManageSso) {
        true => app.sso().attempt_of_decision(&actor, &id).await?,
        false => None,
    };
    Ok(View(DecisionPage {
        page: context
            .page("Why it was refused", "why")
            .under("Settings", "/settings")
            .under("Why and who can", super::WHY_PATH),
        when: When::from(decision.at),
        attempt: attempt.map(|a| format!("{}/attempts/{a}", super::SSO_PATH)),
        decision,
    }))
}
