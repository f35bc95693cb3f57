//! Actions whose answer is handed on piece by piece, as the product sends it. What the product refuses is told in words, as
//! without it: its own text may repeat a credential.

use gatehouse_catalogue::ErrorRules;
use gatehouse_catalogue::request::build;
use gatehouse_outbound::{OutboundRequest, StatusCode};
use gatehouse_types::{Actor, ConnectorId, Error, Result, UserId};
use serde_json::Value;

use super::actions::{Done, Wish, failed, named, of_type};
use super::credential::Credential;
use super::exchange::{By, outbound, unreached};
use super::spec::moment;
use super::test::unbuilt;
use crate::Connect;
use crate::call::Sent;
use crate::call::stream::{Flowing, Judge, LIMITS};
use crate::connectors::credential::put_in;
use crate::connectors::model::outcome::{is_failure, is_refused};

/// What came of an action.
pub(crate) enum Streaming {
    /// The product's answer is on its way.
    Flowing {
        /// The answer.
        answer: Flowing,
        /// As whom it was done: the person, or nobody for the connector's own identity.
        person: Option<UserId>,
        /// What whoever asked should know.
        warnings: Vec<String>,
    },
    /// The product did not do it.
    Failed(Done),
}

/// The rules by which a product's answers mean a failure.
struct ByRules<'a>(&'a ErrorRules);

impl ByRules<'_> {
    fn json(beginning: &[u8]) -> Value {
        serde_json::from_slice(beginning).unwrap_or(Value::Null)
    }
}

impl Judge for ByRules<'_> {
    fn looks(&self, status: StatusCode) -> bool {
        !status.is_success() || self.0.failed_when.is_some() || !self.0.auth_messages.is_empty()
    }

    fn is_refused(&self, status: StatusCode, beginning: &[u8]) -> bool {
        is_refused(self.0, status.as_u16(), &Self::json(beginning))
    }
}

impl Connect {
    /// Carries out an action as [`Connect::run_action`] does, and hands the product's answer on as it comes.
    ///
    /// # Errors
    /// As there; `Validation` for one whose answer comes in pages.
    pub(crate) async fn stream_action(
        &self,
        actor: &Actor,
        id: &ConnectorId,
        action: &str,
        wish: Wish,
    ) -> Result<Streaming> {
        let ready = self.usable(actor, id).await?;
        let of = of_type(&ready, action)?;
        if of.paging.is_some() || wish.pages.is_some() {
            let message = "An answer in pages is put together here and cannot be streamed: leave stream out and say how \
                           many pages with maxPages.";
            return Err(Error::validation("stream", message));
        }
        let parameters = named(&of, wish.parameters)?;
        self.by_hand(actor)?;
        let (owner, warnings) = self.acting(actor, &ready).await?;
        let person = owner.person().filter(|_| ready.connector.user_authentication).cloned();
        let by = By::hand(actor, &ready, owner, of.id.to_string());
        let auth = ready.auth()?;
        let judge = ByRules(&ready.known.errors);
        let renewable = auth.kind.is_oauth2() || auth.session.is_some();
        let mut credential = self.credential(&by, None, false).await?;
        loop {
            let mut request = build(&ready.known, auth, &of, &parameters, |name| credential.value(name))
                .map_err(unbuilt)?;
            let more = put_in(&mut request, auth, &moment(&self.0.store), |name| credential.value(name))?;
            credential.hidden.extend(more);
            let answer = self.opened(&by, &credential, outbound(request)?, &judge).await?;
            let beginning = answer.beginning();
            if !credential.renewed && renewable && judge.is_refused(answer.status, &beginning) {
                // nobody reads it: its task ends
                drop(answer);
                credential = self.credential(&by, Some(&credential), false).await?;
                credential.renewed = true;
                continue;
            }
            let (status, told) = (answer.status.as_u16(), ByRules::json(&beginning));
            if is_failure(&ready.known.errors, status, &told) {
                let mut done = failed(&ready, status, &told, &credential.hidden, 1);
                (done.person, done.warnings) = (person, warnings);
                return Ok(Streaming::Failed(done));
            }
            return Ok(Streaming::Flowing { answer, person, warnings });
        }
    }

    async fn opened(
        &self,
        by: &By<'_>,
        credential: &Credential,
        request: OutboundRequest,
        judge: &ByRules<'_>,
    ) -> Result<Flowing> {
        let sent = match &credential.token {
            Some(token) => Sent::with(token, credential.renewed),
            None => {
                let kind = super::types::word(&by.ready.auth()?.kind);
                Sent::plain(&kind, by.ready.connector.version, credential.renewed)
            }
        };
        self.flow(&by.run("")?, sent, request.with_limits(LIMITS), judge).await.map_err(unreached)
    }
}
