//! The beginning of an authorization: everything that its end must meet is noted, then the browser leaves.

use gatehouse_types::{Actor, Error, Permission, Result, Secret, random_token};
use gatehouse_web::LocalPath;
use url::Url;

use super::broker::Broker;
use super::model::Asked;
use super::requests::{self, Secrets, Waiting, row_of};
use super::servers::{self, Server};
use crate::oauth::{authorize, metadata};
use crate::{ClientSpec, Holder, Owner};

/// How long an authorization may take, in seconds.
const REQUEST_SECONDS: i64 = 900;
/// Authorizations that one person has under way, at most.
const MAX_PENDING: i64 = 20;
/// How long it is not looked again for what a server says of itself, in seconds.
const LEARN_AGAIN_SECONDS: i64 = 86_400;

impl Broker {
    /// Begins an authorization: the address that the person's browser goes to. Its end must come in the same session (and so
    /// to the same person in the same browser), to the holder's own callback, once. Who calls has checked the right, which is
    /// checked again at the end.
    ///
    /// # Errors
    /// `Validation` when the holder has no authorization URL; `Authentication` for who has no session; `RateLimited` for
    /// who has too many under way.
    pub(crate) async fn begin(
        &self,
        actor: &Actor,
        (holder, owner): (Holder, Owner),
        right: Permission,
        spec: &ClientSpec,
        asked: Asked,
    ) -> Result<Url> {
        let db = &self.0.store;
        let (workspace, user) = (actor.workspace()?.clone(), actor.user()?.clone());
        if owner.person().is_some_and(|person| *person != user) {
            return Err(Error::authorization("Everybody authorizes for themselves only."));
        }
        let random = || random_token(&**db.random());
        // 256 random bits in 43 characters: a verifier of RFC 7636 §4.1
        let (state, verifier) = (random(), spec.pkce.then(random));
        let url = authorize::address(spec, &state, verifier.as_ref())?;
        if let Some(authorization) = &spec.authorization_url {
            self.learn(actor, authorization).await?;
        }
        let waiting = Waiting {
            id: row_of(state.expose()),
            workspace,
            holder,
            owner,
            context: spec.callback_context.clone(),
            right,
            user,
            session: actor.session()?.clone(),
            server: spec.server(),
            return_to: match asked.return_to.as_str() {
                "" => String::new(),
                wanted => LocalPath::parse(wanted).as_str().to_owned(),
            },
            expires_at: db.now().plus_seconds(REQUEST_SECONDS),
        };
        let link = asked.link.as_ref().map(ToString::to_string);
        let secrets = Secrets { verifier: verifier.map(|v: Secret| v.expose().to_owned()), asked, link };
        let mut tx = db.begin(&actor.origin).await?;
        requests::supersede(&mut tx, &waiting, &secrets.asked).await?;
        let (pending, first_end) = requests::pending(&mut tx, &waiting.workspace, &waiting.user).await?;
        if pending >= MAX_PENDING {
            let seconds = first_end.map_or(REQUEST_SECONDS, |end| end.seconds() - db.now().seconds() + 1);
            return Err(Error::rate_limited(u32::try_from(seconds).unwrap_or(1)));
        }
        requests::insert(&mut tx, &waiting, &secrets).await?;
        tx.commit().await?;
        Ok(url)
    }

    /// Looks once a day at most for what the server says of itself; without an answer it is as it was.
    async fn learn(&self, actor: &Actor, authorization: &Url) -> Result<()> {
        let (db, workspace) = (&self.0.store, actor.workspace()?);
        let known = servers::find(&mut db.reader(), workspace, authorization).await?.unwrap_or_default();
        let again = db.now().plus_seconds(-LEARN_AGAIN_SECONDS);
        if known.learned_at.is_some_and(|at| at > again) || actor.origin.dry_run.is_some() {
            return Ok(());
        }
        let found = match metadata::look(&self.0.http, authorization).await {
            Some(found) => Server {
                issuer: Some(found.issuer),
                names_itself: found.authorization_response_iss_parameter_supported,
                revocation_url: found.revocation_endpoint.and_then(|text| Url::parse(&text).ok()),
                learned_at: None,
            },
            None => known,
        };
        let mut tx = db.begin_always().await?;
        servers::learn(&mut tx, workspace, authorization, &found).await?;
        Ok(tx.commit().await?)
    }
}
