use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, AuthMethod, Error, Kind, Result, WorkspaceId};

use crate::model::{EndReason, Session};
use crate::rules::{Candidate, SsoRule};
use crate::service::sessions::NewSession;
use crate::store::{factors, users, workspaces};
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
        let current = self.still_signed_in(&mut store.reader(), actor).await?;
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
        self.require_second_step_there(actor, to, &current).await?;
        let mut tx = store.begin(&actor.origin).await?;
        // what ends all sessions of a person at this moment ends this one's successor too
        users::hold(&mut tx, &user.id).await?;
        self.still_signed_in(&mut tx, actor).await?;
        // it began as the old one did, and ends when that would have: a switch is no new sign-in
        let seconds = current.expires_at.seconds() - store.now().seconds();
        let usual = NewSession::usual(&user.id, to, role, AuthMethod::Switch);
        let (second_step, proven_at) = (current.second_step, current.proven_at.or(Some(current.created_at)));
        let is_synced = current.is_synced;
        let new = NewSession { connection: via, seconds, second_step, is_synced, proven_at, ..usual };
        let signed = self.start_session(&mut tx, actor, new).await?;
        self.0.rules.goes_on_as(&mut tx, actor.session()?, &signed.session.id).await?;
        if leaving == Leaving::End {
            self.end_session(&mut tx, actor, actor.session()?, EndReason::Switched).await?;
        }
        tx.commit().await?;
        Ok(signed)
    }

    /// A session that began with the password alone does not go on where a second step is demanded.
    async fn require_second_step_there(
        &self,
        actor: &Actor,
        to: &WorkspaceId,
        current: &Session,
    ) -> Result<()> {
        let vouched = current.second_step.is_some()
            || current.connection_id.is_some()
            || current.method == AuthMethod::Console;
        if vouched || !factors::required_in(&mut self.0.store.reader(), to).await? {
            return Ok(());
        }
        let refusal = Refusal {
            action: "session:switch",
            object: Some(format!("workspace:{to}")),
            reasons: vec![Reason::failed(
                "second step",
                "The workspace demands a second step, and this session began without one.",
            )],
        };
        let decision = refuse(&self.0.store, actor, Some(to), refusal).await?;
        Err(Error::authorization(
            "This workspace demands a second step. Sign in to it anew, with its workspaceId or after setting one up.",
        )
        .decided(decision))
    }
}
