//! Requests of flows through a profile: as the person the flow runs for, where the person authorized it, else as the
//! workspace, and only to the hosts that the profile names.

use std::time::Duration;

use gatehouse_outbound::{Limits, Method, Response};
use gatehouse_types::{AuthProfileId, Error, Result, UserId, WorkspaceId};
use serde_json::Value;
use tokio::time::Instant;

use super::draft::Draft;
use super::request::{Judged, LIMITS, Wanted};
use crate::call::Run;
use crate::profiles::model::{Usable, allows};
use crate::profiles::store;
use crate::{AccessToken, Connect, Holder, Owner};

/// One try of a step.
#[derive(Clone, Debug)]
pub struct ProfileStep {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The profile.
    pub profile: AuthProfileId,
    /// The person it runs for; `None`: a program or the product itself.
    pub acting: Option<UserId>,
    /// What made the call, as the ledger says it: `flow:<id>`.
    pub cause: String,
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body as it goes out.
    pub body: Option<String>,
    /// How long all of it may take.
    pub timeout: Duration,
}

/// An answer, or why there is none, and as whom it was asked.
#[derive(Debug)]
pub struct Through {
    /// The person; `None`: the workspace.
    pub person: Option<UserId>,
    /// The answer, whatever its status.
    pub answer: Result<Response>,
}

impl Connect {
    /// Sends one try of a step through a profile.
    ///
    /// # Errors
    /// `Conflict` when the profile is gone; when the database fails.
    pub async fn send_step(&self, step: ProfileStep) -> Result<Through> {
        let owner = step.acting.clone().map_or(Owner::Service, Owner::Person);
        let found =
            self.0.memory.get(&step.profile, &owner).filter(|found| found.workspace == step.workspace);
        let (owner, usable) = match found {
            Some(found) => (owner, Ok(found)),
            None => self.usable_by_step(&step).await?,
        };
        let person = owner.person().cloned();
        let answer = match usable {
            Ok(usable) => self.through(owner, usable, &step).await,
            Err(error) => Err(error),
        };
        Ok(Through { person, answer })
    }

    async fn usable_by_step(&self, step: &ProfileStep) -> Result<(Owner, Result<Usable>)> {
        let db = &self.0.store;
        let mark = self.0.memory.mark();
        let found = store::find(db, &mut db.reader(), &step.workspace, &step.profile).await?;
        let Some((profile, secrets)) = found else {
            return Err(Error::conflict(
                "The authorization profile of this request has been deleted. Choose another one.",
            ));
        };
        let owner = self.owner_of_step(step).await?;
        let usable = self.usable_profile(mark, profile, secrets, &owner).await;
        Ok((owner, usable))
    }

    async fn through(&self, owner: Owner, usable: Usable, step: &ProfileStep) -> Result<Response> {
        let wanted = Wanted {
            method: step.method.to_string(),
            url: step.url.clone(),
            headers: step.headers.clone(),
            body: step.body.clone().map(Value::String),
            as_workspace: None,
        };
        let run = Run {
            workspace: step.workspace.clone(),
            acting: step.acting.clone(),
            holder: Holder::Profile(step.profile.clone()),
            holder_name: usable.name.clone(),
            owner,
            cause: step.cause.clone(),
            action: None,
            request_id: None,
            until: Instant::now() + step.timeout,
        };
        let draft = Draft::of(&wanted)?;
        if !allows(&usable.hosts(), &draft.address(&usable.asked)?) {
            return Err(Error::authorization(format!(
                "Flows send requests with the profile {} only to the hosts that it names. An owner or admin adds hosts on the \
                 profile's page.",
                usable.name
            )));
        }
        let outline = draft.outline(&usable.fields, &usable.asked)?;
        let judged = Judged { run, usable, draft, outline };
        let limits = Limits { timeout: step.timeout, ..LIMITS };
        let put = |token: &AccessToken| judged.with(token, limits);
        let is_refused = |answer: &Response| judged.usable.is_refusal(answer.status.as_u16(), &answer.body);
        Ok(self.call_with_grant(&judged.run, judged.token(), put, is_refused).await?.response)
    }

    async fn owner_of_step(&self, step: &ProfileStep) -> Result<Owner> {
        let Some(user) = &step.acting else { return Ok(Owner::Service) };
        let (holder, owner) = (Holder::Profile(step.profile.clone()), Owner::Person(user.clone()));
        let stands =
            self.0.broker.stands(&mut self.0.store.reader(), &step.workspace, &holder, &owner).await?;
        Ok(if stands { owner } else { Owner::Service })
    }
}
