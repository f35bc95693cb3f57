use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, AuthMethod, Error, Kind, Result, WorkspaceId};

use crate::model::EndReason;
use crate::rules::{Candidate, SsoRule};
use crate::service::sessions::NewSession;
use crate::store::{sessions, workspaces};
use crate::{Identity, Signed};

/// What becomes of the session one switches away from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It ends: a browser carries one session.
    End,
    /// It stays: a program may hold tokens for several workspaces.
    Keep,
}

impl Identity {
    /// Goes on in another workspace of the acting person, with a session of its own.
    ///
    /// # Errors
    /// `NotFound` for a workspace the person is not a member of, or that does not exist; `SsoRequired` with the way
    /// to the provider, and a recorded decision, when the workspace wants single sign-on first.
    pub async fn switch_workspace(
        &self,
        actor: &Actor,
        to: &WorkspaceId,
        leaving: Leaving,
    ) -> Result<Signed> {
        let store = &self.0.store;
        let user = self.me(actor).await?;
        let role = workspaces::role_of(&mut store.reader(), to, &user.id).await?;
        let role = role.ok_or_else(|| Error::not_found("Workspace"))?;
        let current = sessions::live_by_id(&mut store.reader(), actor.session()?, store.now()).await?;
        let current =
            current.ok_or_else(|| Error::authentication("The session has ended. Sign in again."))?.session;
        let via = current.connection_id.as_ref();
        let candidate = Candidate { workspace: to, user: &user.id, email: &user.email, role, via };
        if let SsoRule::Required { start_path } = self.0.rules.rule(candidate).await? {
            let refusal = Refusal {
                action: "session:switch",
                object: Some(format!("workspace:{to}")),
                reasons: vec![
                    Reason::passed("member", format!("{} is {role} of the workspace.", user.email)),
                    Reason::failed(
                        "single sign-on",
                        "The workspace wants a sign-in through its provider first.",
                    ),
                ],
            };
            let decision = refuse(store, actor, Some(to), refusal).await?;
            return Err(Error::new(
                Kind::SsoRequired,
                "This workspace wants you to sign in through its provider first.",
            )
            .with_redirect(start_path)
            .decided(decision));
        }
        let mut tx = store.begin(&actor.origin).await?;
        // it began as the old one did, and ends when that would have: a switch is no new sign-in
        let seconds = current.expires_at.seconds() - store.now().seconds();
        let usual = NewSession::usual(&user.id, to, role, AuthMethod::Switch);
        let new = NewSession { connection: via, seconds, ..usual };
        let signed = self.start_session(&mut tx, actor, new).await?;
        self.0.rules.goes_on_as(&mut tx, actor.session()?, &signed.session.id).await?;
        if leaving == Leaving::End {
            self.end_session(&mut tx, actor, actor.session()?, EndReason::Switched).await?;
        }
        tx.commit().await?;
        Ok(signed)
    }
}
