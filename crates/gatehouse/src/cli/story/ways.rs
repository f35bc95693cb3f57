//! The same people through the two other protocols, as a company does that changes its provider.

use anyhow::{Context, bail, ensure};
use gatehouse_lab::Addresses;
use gatehouse_lab::openid::{LAB_CLIENT_ID, LAB_CLIENT_SECRET};
use gatehouse_types::WorkspaceId;
use serde_json::{Value, json};

use super::{Form, Story};

const CONNECTIONS: &str = "/api/v1/sso/connections";

impl Story<'_> {
    /// The lab over WS-Federation: its metadata read, its token posted back.
    pub(super) async fn wsfed(&mut self, before: &str) -> anyhow::Result<String> {
        let lab = self.lab().await?;
        let connection = json!({
            "name": "Lab over WS-Federation", "protocol": "wsfed", "jitProvisioning": true,
            "wsfedConfig": {"signOnUrl": lab.wsfed_url(), "metadataUrl": lab.wsfed_metadata_url()},
        });
        let id = self.change_over(before, connection).await?;
        let started = self.person.get(&format!("/sso/{id}/start?returnTo=/account")).await?;
        let page = self.person.get(&started.location.context("the start led nowhere")?).await?;
        let posted = self.choose(page, &[("person", "chiara")]).await?;
        let back = self.person.post(&posted.action, &posted.fields).await?;
        ensure!(
            back.location.as_deref() == Some("/account"),
            "the token was answered {}: {}",
            back.status,
            back.body
        );
        self.expect_way("chiara@lab.test", "wsfed").await?;
        let again = self.person.post(&posted.action, &posted.fields).await?;
        ensure!(again.status == 401, "the token once more was answered {}", again.status);
        Ok(id)
    }

    /// The lab over OpenID Connect: a code redeemed, an ID token checked.
    pub(super) async fn openid(&mut self, before: &str) -> anyhow::Result<()> {
        let lab = self.lab().await?;
        let connection = json!({
            "name": "Lab over OpenID Connect", "protocol": "oidc", "jitProvisioning": true,
            "oidcConfig": {"issuerUrl": lab.openid_issuer(), "clientId": LAB_CLIENT_ID,
                "clientSecret": LAB_CLIENT_SECRET},
        });
        let id = self.change_over(before, connection).await?;
        let started = self.person.get(&format!("/sso/{id}/start?returnTo=/account")).await?;
        let page = self.person.get(&started.location.context("the start led nowhere")?).await?;
        let mut form = Form::read(&page.body).context("the lab showed no form")?;
        form.fields.push(("person".to_owned(), "zoe".to_owned()));
        let sent = self.person.post(&form.action, &form.fields).await?;
        let callback = sent.location.context("the lab sent nobody back")?;
        let back = self.person.get(&callback).await?;
        ensure!(
            back.location.as_deref() == Some("/account"),
            "the code was answered {}: {}",
            back.status,
            back.body
        );
        self.expect_way("zoe@lab.test", "oidc").await?;
        let again = self.person.get(&callback).await?;
        ensure!(again.status == 401, "the code once more was answered {}", again.status);
        Ok(())
    }

    /// Puts a new connection in the place of another: the domain goes over, its proof is made anew.
    async fn change_over(&mut self, before: &str, connection: Value) -> anyhow::Result<String> {
        let made = self.administrator.call("POST", CONNECTIONS, Some(connection)).await?;
        let id = made["id"].as_str().context("no id")?.to_owned();
        let gone = self.administrator.delete(&format!("{CONNECTIONS}/{before}")).await?;
        ensure!((200..300).contains(&gone.status), "the old connection stays: {}", gone.body);
        let path = format!("{CONNECTIONS}/{id}");
        self.domain(&path).await.context("the domain proof")?;
        let test = self.administrator.call("POST", &format!("{path}/test"), None).await?;
        if test["success"] != true {
            bail!("the test failed: {test}");
        }
        self.administrator.call("POST", &format!("{path}/activate"), None).await?;
        Ok(id)
    }

    pub(super) async fn lab(&mut self) -> anyhow::Result<Addresses> {
        let me = self.administrator.call("GET", "/api/v1/me", None).await?;
        let workspace: WorkspaceId =
            me["workspace"]["id"].as_str().context("no workspace")?.parse().context("no workspace id")?;
        Ok(Addresses::new(self.app.public_url(), &workspace))
    }

    async fn expect_way(&mut self, email: &str, method: &str) -> anyhow::Result<()> {
        self.expect_person(email).await?;
        let me = self.person.call("GET", "/api/v1/me", None).await?;
        ensure!(me["sessions"][0]["method"] == method, "signed in by another way: {me}");
        Ok(())
    }
}
