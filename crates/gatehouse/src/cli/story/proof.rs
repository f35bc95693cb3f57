//! A change is proved by the sign-ins before it counts, and a provider's administrator gets a link.

use anyhow::{Context, ensure};
use serde_json::json;

use super::Story;

impl Story<'_> {
    /// A certificate of another key would lock everybody out; the replay says so, and nothing changes.
    pub(super) async fn prove_a_change(&mut self, connection: &str) -> anyhow::Result<()> {
        let path = format!("/api/v1/sso/connections/{connection}");
        let before = self.administrator.call("GET", &path, None).await?;
        let workspace = self.administrator.call("GET", "/api/v1/me", None).await?["workspace"]["id"].clone();
        let workspace =
            workspace.as_str().context("no workspace")?.parse().ok().context("no workspace id")?;
        let other = self.app.sso().second_lab_key(&workspace).await?.certificate.to_pem();
        let change = json!({"samlConfig": {"certificates": [other]}});
        let draft = self.administrator.call("POST", &format!("{path}/drafts"), Some(change)).await?;
        let draft = format!("{path}/drafts/{}", draft["id"].as_str().context("no draft")?);
        let replay = self.administrator.call("POST", &format!("{draft}/replay"), None).await?;
        let summary = &replay["summary"];
        ensure!(summary["replayed"].as_i64() > Some(0), "no sign-in was run: {replay}");
        ensure!(summary["lockedOut"] == summary["people"], "somebody would still get in: {replay}");
        self.administrator.call("DELETE", &draft, None).await?;
        let after = self.administrator.call("GET", &path, None).await?;
        ensure!(after["samlConfig"] == before["samlConfig"], "the replay changed the connection: {after}");
        Ok(())
    }

    /// Whoever has the link sees the steps and the lights, and no other connection; then it is taken back.
    pub(super) async fn setup_link(&mut self, connection: &str) -> anyhow::Result<()> {
        let wanted = json!({"connectionId": connection, "expiresInDays": 1});
        let made = self.administrator.call("POST", "/api/v1/sso/setup-links", Some(wanted)).await?;
        let url = made["url"].as_str().context("no address")?.to_owned();
        let path =
            url.strip_prefix(self.app.public_url().as_str().trim_end_matches('/')).unwrap_or(&url).to_owned();
        let page = self.person.get(&path).await?;
        ensure!(
            page.status == 200 && page.body.contains("Somebody signed in"),
            "the page is another: {}",
            page.body
        );
        let link = made["link"]["id"].as_str().context("no link")?;
        self.administrator.call("DELETE", &format!("/api/v1/sso/setup-links/{link}"), None).await?;
        let gone = self.person.get(&path).await?;
        ensure!(gone.status == 404, "the revoked link was answered {}", gone.status);
        Ok(())
    }
}
