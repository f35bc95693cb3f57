//! Whoever finds a key in the open can end it: who holds it could use it as well.

use gatehouse_identity::SendMail;
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::mails::NewMail;
use gatehouse_types::{Actor, Id, Result, Secret};
use serde_json::json;

use crate::ApiKeys;
use crate::model::secret::stored;
use crate::model::{Key, KeyText};
use crate::store::{gate, keys};

/// Keys that are told of at once, at most.
pub(crate) const MAX_AT_ONCE: usize = 20;
/// The longest place where a key was found, in characters.
const MAX_PLACE: usize = 500;

impl ApiKeys {
    /// Ends the keys among the texts. Nothing is said of which of them were any: whoever asks learns nothing.
    ///
    /// # Errors
    /// `RateLimited`; when the database fails.
    pub(crate) async fn found_in_the_open(
        &self,
        actor: &Actor,
        texts: &[String],
        place: Option<&str>,
    ) -> Result<()> {
        let place = place.map(|p| {
            let clean: String = p.chars().filter(|c| !c.is_control()).take(MAX_PLACE).collect();
            // a place may hold the key itself
            texts.iter().fold(clean, |p, t| if t.is_empty() { p } else { p.replace(t.as_str(), "[key]") })
        });
        for text in texts.iter().take(MAX_AT_ONCE) {
            let Some(key) = KeyText::parse(text.trim()) else { continue };
            self.0.leaks.require(&actor.origin.network())?;
            self.end_leaked(actor, &stored(&key.digest()), place.as_deref()).await?;
        }
        Ok(())
    }

    async fn end_leaked(&self, actor: &Actor, digest: &str, place: Option<&str>) -> Result<()> {
        let store = &self.0.store;
        let mut tx = store.begin(&actor.origin).await?;
        let Some(found) = gate::find_key(&mut tx, digest).await? else { return Ok(tx.rollback().await?) };
        let Some((key, app)) = keys::find_any(&mut tx, &found.id_text).await? else {
            return Ok(tx.rollback().await?);
        };
        if key.deleted_at.is_some() {
            return Ok(tx.rollback().await?);
        }
        self.end_key(&mut tx, &key.id, "leaked").await?;
        let details = json!({
            "name": key.name, "app": key.app_id, "appName": app, "maskedValue": key.masked, "place": place,
        });
        let event = Event::success("api-key.leaked", ("api-key", key.id.as_str()), details);
        audit::record_in(&mut tx, actor, Some(&key.workspace_id), event).await?;
        let what = format!("{} ({}) of the app {app}", key.name, key.masked);
        self.tell_managers(&mut tx, &key, &what, place).await?;
        Ok(tx.commit().await?)
    }

    async fn tell_managers(&self, tx: &mut Tx, key: &Key, what: &str, place: Option<&str>) -> Result<()> {
        let place =
            place.map_or_else(String::new, |p| format!("Where it was found, as the finder says: {p}\n\n"));
        let body = format!(
            "Somebody found the API key {what} in the open and told us at {}. It was ended at once: nobody can use it \
             any more, your own programs included.\n\n{place}Make a new key for the program that used it:\n{}\n\n\
             What was done with it stands in the audit log and in the app's usage.\n",
            self.0.store.now(),
            self.0.public_url.join(&format!("{}/{}", crate::console::PATH, key.app_id)),
        );
        for to in self.0.identity.administrators(tx, &key.workspace_id).await? {
            let subject = format!("The API key {} was found in the open and ended", key.name);
            let mail = NewMail { to, subject, body: Secret::new(body.clone()) };
            SendMail::enqueue(tx, Some(&key.workspace_id), &mail).await?;
        }
        Ok(())
    }
}
