//! What was granted for a profile.

use axum::extract::State;
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, AuthProfileId, GrantId, PageRequest, Result};
use gatehouse_web::{Confirm, Flash, HtmlResult, PageContext, Path, SeeOther, Tone, VerifiedForm, When};

use super::list::state_words;
use super::{Nothing, below, path_of};
use crate::Connect;

/// Grants that are shown.
const SHOWN: u32 = 100;

/// One of them.
pub(super) struct GrantRow {
    pub(super) id: String,
    /// Whose it is.
    pub(super) whose: String,
    pub(super) state: &'static str,
    pub(super) tone: Tone,
    pub(super) reason: String,
    pub(super) warning: String,
    pub(super) scope: String,
    pub(super) expires: Option<When>,
    pub(super) refresh_expires: Option<When>,
    pub(super) used: Option<When>,
    pub(super) used_by: String,
    pub(super) disconnect: String,
}

/// The grants that the actor may see, the workspace's own first.
pub(super) async fn rows_of(connect: &Connect, actor: &Actor, id: &AuthProfileId) -> Result<Vec<GrantRow>> {
    let found = connect.profile_grants(actor, id, PageRequest::new(1, SHOWN)?).await?;
    let mut rows = Vec::with_capacity(found.data.len());
    for grant in found.data {
        let whose = match &grant.person_id {
            None => "The workspace".to_owned(),
            Some(user) => {
                let user = connect.0.identity.user(&mut connect.0.store.reader(), user).await?;
                user.map_or_else(|| "Somebody who is gone".to_owned(), |u| u.email.to_string())
            }
        };
        let (state, tone) = state_words(grant.state);
        rows.push(GrantRow {
            disconnect: format!("{}/grants/{}/disconnect", path_of(id), grant.id),
            id: grant.id.to_string(),
            whose,
            state,
            tone,
            reason: grant.reason.unwrap_or_default(),
            warning: grant.warning.unwrap_or_default(),
            scope: grant.scope.unwrap_or_default(),
            expires: grant.expires_at.map(When::from),
            refresh_expires: grant.refresh_expires_at.map(When::from),
            used: grant.last_used_at.map(When::from),
            used_by: grant.used_by.join(", "),
        });
    }
    Ok(rows)
}

/// The question before a grant ends.
pub(super) async fn ask(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path((id, grant)): Path<(AuthProfileId, GrantId)>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let name = connect.profile(&actor, &id).await?.profile.name;
    let path = path_of(&id);
    Ok(Confirm {
        page: below(&context, &format!("Disconnect {name}?")),
        text: "Its tokens are forgotten here at once, and revoked at the provider where that is offered. What uses them \
               fails until somebody authorizes again."
            .to_owned(),
        action: format!("{path}/grants/{grant}/disconnect"),
        fields: Vec::new(),
        confirm: "Disconnect".to_owned(),
        cancel: path,
        danger: true,
    })
}

/// Ends it.
pub(super) async fn disconnect(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path((id, grant)): Path<(AuthProfileId, GrantId)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    connect.disconnect(&actor, &id, &grant).await?;
    Ok(SeeOther::to(path_of(&id)).saying(Flash::success("It is disconnected.")))
}
