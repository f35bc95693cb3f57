//! The two mails of a script: into service, out of service. Both tell of the credits.

use gatehouse_identity::SendMail;
use gatehouse_store::Tx;
use gatehouse_store::mails::NewMail;
use gatehouse_types::{Result, Secret};

use crate::Scripts;
use crate::store::scripts::Script;

const DEPLOYED: &str = "Custom script deployed successfully - API Endpoint Available";
const UNDEPLOYED: &str = "Your custom script has been undeployed successfully";

impl Scripts {
    pub(super) async fn mail_of_deployment(&self, tx: &mut Tx, script: &Script) -> Result<()> {
        let address = self.0.public_url.join(&format!("/scripts/{}/endpoint", script.id));
        let text = format!("is deployed. Its functions can be called; the code to do so is at\n{address}");
        self.mail(tx, script, DEPLOYED, &text).await
    }

    pub(super) async fn mail_of_undeployment(&self, tx: &mut Tx, script: &Script) -> Result<()> {
        let text = "is undeployed. Its endpoint answers no more; its project, keys and history are kept, and it can be \
                    deployed again.";
        self.mail(tx, script, UNDEPLOYED, text).await
    }

    async fn mail(&self, tx: &mut Tx, script: &Script, subject: &str, text: &str) -> Result<()> {
        let balance = self.balance(tx, &script.workspace).await?;
        let body = format!(
            "The custom script \"{}\" {text}\n\nCredits remaining: {}\nTotal allocation: {}\n",
            script.settings.name(),
            balance.remaining(),
            balance.total
        );
        for to in self.0.identity.administrators(tx, &script.workspace).await? {
            let mail = NewMail { to, subject: subject.to_owned(), body: Secret::new(body.as_str()) };
            SendMail::enqueue(tx, Some(&script.workspace), &mail).await?;
        }
        Ok(())
    }
}
