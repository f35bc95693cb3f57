//! The main job from the first owner to a refused replay, played over HTTP like a stranger would.

use std::time::Instant;

use anyhow::{Context, bail, ensure};
use gatehouse_identity::NewOwner;
use gatehouse_lab::{Addresses, LAB_DOMAIN};
use gatehouse_outbound::lab_dns::DnsStub;
use gatehouse_store::backup;
use gatehouse_types::{Secret, WorkspaceId};
use serde_json::{Value, json};

use super::admin::println;
use crate::Settings;
use crate::app::{Parts, after_restore, store_options};
use browser::{Answer, Browser};

mod audit;
mod browser;
mod flow;
mod proof;
mod script;
mod ways;

/// The lab's owner.
pub(crate) const OWNER: &str = "owner@lab.test";
/// The owner's password; the lab is thrown away.
pub(crate) const PASSWORD: &str = "open-the-gate";
const WORKSPACE: &str = "Lab";

/// The story over one application.
pub(crate) struct Story<'a> {
    app: &'a crate::App,
    dns: &'a DnsStub,
    administrator: Browser,
    person: Browser,
}

/// A step's line.
fn tell(step: &str, began: Instant) {
    println(&format!("ok   {step:<58} {:>6} ms", began.elapsed().as_millis()));
}

impl<'a> Story<'a> {
    pub(crate) fn new(app: &'a crate::App, dns: &'a DnsStub) -> anyhow::Result<Self> {
        let base = app.public_url().as_str();
        Ok(Self { app, dns, administrator: Browser::new(base)?, person: Browser::new(base)? })
    }

    /// Sets the lab up: owner, connection, domain proof, test, activation.
    pub(crate) async fn prepare(mut self) -> anyhow::Result<()> {
        self.set_up().await.map(drop)
    }

    /// The whole story with its sign-ins.
    pub(crate) async fn play_all(mut self, settings: &Settings) -> anyhow::Result<()> {
        let began = Instant::now();
        let connection = self.set_up().await?;
        let step = Instant::now();
        let response = self.sp_initiated(&connection).await.context("the SP-initiated sign-in")?;
        tell("SP-initiated sign-in through the lab's identity provider", step);
        let step = Instant::now();
        self.idp_initiated(&connection).await.context("the IdP-initiated sign-in")?;
        tell("IdP-initiated sign-in from the lab's portal", step);
        let step = Instant::now();
        self.single_logout().await.context("the single logout")?;
        tell("single logout at the lab ends the session at once", step);
        let step = Instant::now();
        self.replay(response).await.context("the replay")?;
        tell("the same response once more is refused, and says why", step);
        let step = Instant::now();
        self.prove_a_change(&connection).await.context("the proof of a change")?;
        tell("a change is run over the sign-ins: who would be locked out", step);
        let step = Instant::now();
        self.setup_link(&connection).await.context("the setup link")?;
        tell("a link lets the provider's administrator finish, till revoked", step);
        self.flow(&connection).await.context("the flow")?;
        self.script().await.context("the custom script")?;
        let step = Instant::now();
        let connection = self.wsfed(&connection).await.context("the sign-in over WS-Federation")?;
        tell("another provider in its place: WS-Federation", step);
        let step = Instant::now();
        self.openid(&connection).await.context("the sign-in over OpenID Connect")?;
        tell("and another: OpenID Connect with a code and PKCE", step);
        let step = Instant::now();
        self.back_up(settings).await.context("the backup")?;
        tell("backed up while serving, restored elsewhere and verified", step);
        let step = Instant::now();
        self.audit().await.context("the audit log")?;
        tell("the audit log is exported and proved; a changed line is found", step);
        println(&format!("the whole story took {} ms", began.elapsed().as_millis()));
        Ok(())
    }

    /// A backup of the server at work, restored beside it; the data directory goes with the demo.
    async fn back_up(&self, settings: &Settings) -> anyhow::Result<()> {
        let file = settings.data_dir.join("lab.backup");
        let made = backup::write(self.app.store(), &file).await?;
        let mut elsewhere = settings.clone();
        elsewhere.data_dir = settings.data_dir.join("restored");
        elsewhere.master_key_file = Some(settings.data_dir.join("master.key"));
        let restored =
            backup::restore(store_options(&elsewhere, &Parts::default()), &file, after_restore).await?;
        ensure!(restored.backup == made, "restored {restored:?}, made {made:?}");
        ensure!(restored.refused == 0, "sealed values do not open: {:?}", restored.refused_places);
        ensure!(restored.entries > 0, "the restored audit log is empty");
        ensure!(restored.ended.sessions > 0, "a session outlived the restore");
        Ok(())
    }

    async fn set_up(&mut self) -> anyhow::Result<String> {
        let step = Instant::now();
        let workspace = self.owner().await.context("the owner")?;
        tell("owner made and signed in with a password", step);
        let step = Instant::now();
        let connection = self.connection(&workspace).await.context("the connection")?;
        tell("SAML connection to the lab's identity provider made", step);
        let path = format!("/api/v1/sso/connections/{connection}");
        let step = Instant::now();
        self.domain(&path).await.context("the domain proof")?;
        tell("domain claimed and proved by its TXT record", step);
        let step = Instant::now();
        let test = self.administrator.call("POST", &format!("{path}/test"), None).await?;
        ensure!(test["success"] == true, "the test failed: {test}");
        tell("connection tested", step);
        let step = Instant::now();
        let active = self.administrator.call("POST", &format!("{path}/activate"), None).await?;
        ensure!(active["status"] == "active", "it is not active: {active}");
        tell("connection activated", step);
        // the page of single sign-on shows the connection of the workspace
        self.administrator
            .call("PUT", "/api/v1/sso/settings", Some(json!({"connectionId": connection})))
            .await?;
        Ok(connection)
    }

    async fn owner(&mut self) -> anyhow::Result<WorkspaceId> {
        let new = NewOwner {
            workspace: WORKSPACE.to_owned(),
            email: OWNER.parse()?,
            password: Secret::new(PASSWORD),
            is_lab: true,
        };
        let (workspace, _) = self.app.identity().create_owner(&self.app.machine(), new).await?;
        let login = json!({"email": OWNER, "password": PASSWORD});
        let signed = self.administrator.call("POST", "/api/v1/auth/login", Some(login)).await?;
        self.administrator.token = signed["accessToken"].as_str().map(str::to_owned);
        ensure!(self.administrator.token.is_some(), "no token came");
        Ok(workspace)
    }

    async fn connection(&mut self, workspace: &WorkspaceId) -> anyhow::Result<String> {
        let lab = Addresses::new(self.app.public_url(), workspace);
        let certificate = self.administrator.get(&lab.certificate_path()).await?.body;
        let new = json!({
            "name": "Lab identity provider", "protocol": "saml", "provider": "other", "jitProvisioning": true,
            "defaultRole": "member",
            "samlConfig": {"entityId": lab.entity_id(), "ssoUrl": lab.sign_on_url(), "certificate": certificate,
                "sloUrl": lab.logout_url(), "signRequests": true},
        });
        let made = self.administrator.call("POST", "/api/v1/sso/connections", Some(new)).await?;
        ensure!(made["status"] == "inactive", "a new connection is inactive: {made}");
        Ok(made["id"].as_str().context("no id")?.to_owned())
    }

    async fn domain(&mut self, path: &str) -> anyhow::Result<()> {
        let claim = json!({"domain": LAB_DOMAIN, "verificationMethod": "dns-txt"});
        let claimed = self.administrator.call("POST", &format!("{path}/domains"), Some(claim)).await?;
        let id = claimed["domain"]["id"].as_str().context("no domain id")?;
        let verify = format!("{path}/domains/{id}/verify");
        let before = self.administrator.call("PUT", &verify, None).await?;
        ensure!(before["success"] == false, "it was verified without its record: {before}");
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        self.dns
            .set_txt(&text(&claimed["dnsRecord"]["name"]), [text(&claimed["dnsRecord"]["value"]).as_str()]);
        let after = self.administrator.call("PUT", &verify, None).await?;
        ensure!(after["success"] == true, "it was not verified: {after}");
        Ok(())
    }

    /// Start, choose a person at the lab, come back; returns the form that the lab posted.
    async fn sp_initiated(&mut self, connection: &str) -> anyhow::Result<Form> {
        let started = self.person.get(&format!("/sso/{connection}/start?returnTo=/account")).await?;
        let to_provider = started.location.context("the start led nowhere")?;
        let page = self.person.get(&to_provider).await?;
        let posted = self.choose(page, &[("person", "ada")]).await?;
        let back = self.person.post(&posted.action, &posted.fields).await?;
        ensure!(
            back.status == 303 && back.location.as_deref() == Some("/account"),
            "answered {}: {}",
            back.status,
            back.body
        );
        self.expect_person("ada@lab.test").await?;
        Ok(posted)
    }

    async fn idp_initiated(&mut self, connection: &str) -> anyhow::Result<()> {
        let me = self.administrator.call("GET", "/api/v1/me", None).await?;
        let workspace = me["workspace"]["id"].as_str().context("no workspace")?;
        let page = self.person.get(&format!("/lab/idp/{workspace}/start?connection={connection}")).await?;
        let posted = self.choose(page, &[("connection", connection), ("person", "bruno")]).await?;
        let back = self.person.post(&posted.action, &posted.fields).await?;
        ensure!(back.status == 303, "answered {}: {}", back.status, back.body);
        self.expect_person("bruno@lab.test").await
    }

    /// Somebody signs out at the lab, in another browser: the session here ends.
    async fn single_logout(&mut self) -> anyhow::Result<()> {
        let me = self.administrator.call("GET", "/api/v1/me", None).await?;
        let workspace = me["workspace"]["id"].as_str().context("no workspace")?.parse()?;
        let lab = Addresses::new(self.app.public_url(), &workspace);
        let mut portal = Browser::new(self.app.public_url().as_str())?;
        let page = portal.get(&lab.logout_path()).await?;
        let mut form = Form::read(&page.body).context("the lab showed no form")?;
        form.fields.push(("person".to_owned(), "bruno".to_owned()));
        let asked = portal.post(&form.action, &form.fields).await?;
        let answered = portal.get(&asked.location.context("the lab asked for nothing")?).await?;
        let told = portal.get(&answered.location.context("the request was not answered")?).await?;
        ensure!(told.body.contains("success"), "the lab was told: {}", told.body);
        let after = self.person.get("/api/v1/me").await?;
        ensure!(after.status == 401, "the session goes on: {}", after.status);
        Ok(())
    }

    /// The lab's page: the form with one person chosen, sent; its answer is the form for us.
    async fn choose(&mut self, page: Answer, choices: &[(&str, &str)]) -> anyhow::Result<Form> {
        let mut form = Form::read(&page.body).context("the lab showed no form")?;
        form.fields.extend(choices.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let answer = self.person.post(&form.action, &form.fields).await?;
        ensure!(answer.status == 200, "the lab answered {}: {}", answer.status, answer.body);
        Form::read(&answer.body).context("the lab answered without a form")
    }

    async fn expect_person(&mut self, email: &str) -> anyhow::Result<()> {
        let me = self.person.call("GET", "/api/v1/me", None).await?;
        ensure!(me["user"]["email"] == email, "signed in as somebody else: {me}");
        Ok(())
    }

    async fn replay(&mut self, response: Form) -> anyhow::Result<()> {
        let refused = self.person.post(&response.action, &response.fields).await?;
        ensure!(refused.status == 401, "the replay was answered {}", refused.status);
        let at = refused.body.find("dec_").context("the page names no decision")?;
        let id: String =
            refused.body[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let why = self.administrator.call("GET", &format!("/api/v1/decisions/{id}"), None).await?;
        let reasons = why["reasons"].as_array().context("no reasons")?;
        let failed = reasons.iter().find(|r| r["ok"] == false).context("no failed check")?;
        if failed["detail"].as_str().is_none_or(str::is_empty) {
            bail!("the failed check says nothing");
        }
        Ok(())
    }
}

/// A form on a page.
#[derive(Debug)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The first form of a page with its hidden fields; the pages are our own.
    fn read(html: &str) -> Option<Self> {
        Self::all(html).next()
    }

    /// The form of a page that goes to an address.
    fn to(html: &str, action: &str) -> Option<Self> {
        Self::all(html).find(|form| form.action == action)
    }

    fn all(html: &str) -> impl Iterator<Item = Self> {
        html.split("<form").skip(1).filter_map(|from| Self::of(from.split("</form>").next()?))
    }

    fn of(form: &str) -> Option<Self> {
        let tag = &form[..form.find('>')?];
        let mut fields = Vec::new();
        for input in form.split("<input").skip(1) {
            let input = &input[..input.find('>')?];
            if attribute(input, "type").as_deref() == Some("hidden") {
                fields.push((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()));
            }
        }
        Some(Self { action: attribute(tag, "action")?, fields })
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = &tag[start..start + tag[start..].find('"')?];
    let plain = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&amp;", "&"),
        ("&#38;", "&"),
    ];
    Some(plain.iter().fold(value.to_owned(), |text, (entity, plain)| text.replace(entity, plain)))
}
