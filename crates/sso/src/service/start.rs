use gatehouse_identity::SESSION_SECONDS;
use gatehouse_saml::{AuthnRequest, NameIdPolicy};
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, ConnectionId, Error, Result, Secret, Timestamp, digest, random_token};
use gatehouse_web::LocalPath;

use super::connections::not_found;
use crate::Sso;
use crate::model::{Config, Connection, ConnectionStatus, Flow, RequestBinding, SamlConfig};
use crate::sso::OwnKey;
use crate::store::connections;
use crate::store::requests::{self, Pending};

/// How long a request waits for its answer, in seconds: somebody may have to find a second factor first.
pub(crate) const REQUEST_SECONDS: i64 = 15 * 60;
const _: () = assert!(REQUEST_SECONDS < SESSION_SECONDS, "a request is not a session");

/// The way of a browser to the provider, by the binding.
#[derive(Debug)]
pub enum Way {
    /// To this address (HTTP-Redirect).
    Redirect(String),
    /// With a form (HTTP-POST).
    Post {
        /// Where it is posted.
        action: String,
        /// The field `SAMLRequest`.
        request: String,
    },
}

/// A sign-in that began: where the browser goes, and the cookie that ties the answer to it.
#[derive(Debug)]
pub struct Started {
    /// The way to the provider.
    pub way: Way,
    /// The cookie's value.
    pub browser: Secret,
}

impl Sso {
    /// Begins a sign-in through a connection. The browser keeps the secret it may have from a sign-in in another
    /// window, so that both can end well.
    ///
    /// # Errors
    /// `NotFound` for an unknown connection; `Authorization` with a recorded decision for one that is not active;
    /// `RateLimited` for a network that begins too many.
    pub async fn start(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        return_to: &LocalPath,
        browser: Option<&str>,
    ) -> Result<Started> {
        let store = &self.0.store;
        self.0.starts.require(&actor.origin.network())?;
        let connection = connections::find_anywhere(&mut store.reader(), id).await?.ok_or_else(not_found)?;
        self.usable(actor, &connection).await?;
        let browser = match browser.filter(|b| b.len() == 43) {
            Some(known) => Secret::new(known),
            None => random_token(&**store.random()),
        };
        match &connection.config {
            Config::Saml(saml) => self.start_saml(&connection, saml, return_to, browser).await,
            Config::Oidc(_) => self.start_oidc(actor, &connection, return_to, browser).await,
            Config::Wsfed(wsfed) => self.start_wsfed(&connection, wsfed, return_to, browser).await,
        }
    }

    async fn start_saml(
        &self,
        connection: &Connection,
        saml: &SamlConfig,
        return_to: &LocalPath,
        browser: Secret,
    ) -> Result<Started> {
        let store = &self.0.store;
        let request = self.request(connection, saml);
        let signing = if saml.sign_requests {
            Some(self.key_ring(&connection.workspace_id).await?.current)
        } else {
            None
        };
        let way = way(&request, saml.request_binding, signing.as_deref())?;
        let mut tx = store.begin_always().await?;
        let pending = Pending {
            id: request.id,
            connection_id: connection.id.clone(),
            browser: digest(browser.expose()),
            return_to: return_to.as_str().to_owned(),
            created_at: Timestamp::from_micros(request.issue_instant),
            expires_at: store.now().plus_seconds(REQUEST_SECONDS),
            force_authn: request.force_authn,
        };
        requests::insert(&mut tx, &pending);
        if let Some(key) = &signing {
            crate::store::keys::touch(&mut tx, &key.id);
        }
        tx.commit().await?;
        Ok(Started { way, browser })
    }

    /// Refuses a connection through which people may not sign in.
    async fn usable(&self, actor: &Actor, connection: &Connection) -> Result<()> {
        if connection.status == ConnectionStatus::Active {
            return Ok(());
        }
        let why = format!("The connection is {}; an administrator must activate it.", connection.status);
        let check = Reason::failed("connection", why);
        let decision =
            self.leave_refusal(actor, connection, Flow::SpInitiated, "connection_inactive", check).await?;
        Err(Error::authorization(
            "Single sign-on is disabled here. Sign in another way, or ask your administrator.",
        )
        .decided(decision))
    }

    fn request(&self, connection: &Connection, saml: &SamlConfig) -> AuthnRequest {
        let acs_url = if saml.own_acs { self.sp_acs_url(&connection.id) } else { self.acs_url() };
        AuthnRequest {
            // an xs:ID starts with a letter or underscore
            id: format!("_{}", digest(random_token(&**self.0.store.random()).expose())),
            issue_instant: self.0.store.now().micros(),
            destination: saml.sso_url.clone(),
            acs_url,
            issuer: self.entity_id(),
            force_authn: saml.force_authn,
            is_passive: false,
            name_id_policy: Some(NameIdPolicy { format: saml.name_id_format.clone(), allow_create: true }),
            authn_contexts: saml.authn_context.clone(),
        }
    }
}

/// The request on its way, signed when there is a key.
fn way(request: &AuthnRequest, binding: RequestBinding, key: Option<&OwnKey>) -> Result<Way> {
    Ok(match binding {
        RequestBinding::Redirect => {
            let url = request.redirect_url(None, key.map(|k| &k.signing)).map_err(Error::internal)?;
            Way::Redirect(url)
        }
        RequestBinding::Post => {
            let pair = key.map(|k| (&k.signing, &k.certificate));
            let field = request.post_field(pair).map_err(Error::internal)?;
            Way::Post { action: request.destination.clone(), request: field }
        }
    })
}
