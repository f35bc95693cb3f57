use gatehouse_lab::{Addresses, LAB_DOMAIN};
use gatehouse_saml::idp::ResponseBuilder;
use gatehouse_types::{Clock, Id};
use serde_json::{Value, json};

use super::{Answer, Client, TestApp};

/// A connection of the first workspace to its lab identity provider, with the claim of the lab's domain.
pub(crate) struct LabConnection {
    pub(crate) id: String,
    /// Its path in the API.
    pub(crate) path: String,
    pub(crate) domain: String,
}

impl TestApp {
    pub(crate) fn lab(&self) -> Addresses {
        Addresses::new(self.app.public_url(), &self.workspace)
    }

    /// The body that makes a connection to the lab.
    pub(crate) async fn lab_body(&self, name: &str) -> Value {
        let lab = self.lab();
        let certificate = self.client().get(&lab.certificate_path()).await.body;
        json!({
            "name": name, "protocol": "saml", "jitProvisioning": true, "defaultRole": "member",
            "samlConfig": {"entityId": lab.entity_id(), "ssoUrl": lab.sign_on_url(), "certificate": certificate},
        })
    }

    /// A connection to the lab with its domain proved, tested and active.
    pub(crate) async fn active_lab(&self, by: &Client) -> LabConnection {
        let made = by.post("/api/v1/sso/connections", self.lab_body("Lab").await).await.ok();
        let id = made["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/sso/connections/{id}");
        let domain = self.prove(by, &path, LAB_DOMAIN).await;
        by.post_to(&format!("{path}/test")).await.ok();
        by.post_to(&format!("{path}/activate")).await.ok();
        LabConnection { id, path, domain }
    }

    /// Claims a domain and proves it by its TXT record; answers its id.
    pub(crate) async fn prove(&self, by: &Client, connection: &str, domain: &str) -> String {
        let claim = json!({"domain": domain, "verificationMethod": "dns-txt"});
        let claimed = by.post(&format!("{connection}/domains"), claim).await.ok();
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let (name, value) = (text(&claimed["dnsRecord"]["name"]), text(&claimed["dnsRecord"]["value"]));
        self.dns.set_txt(&name, [value.as_str()]);
        let id = text(&claimed["domain"]["id"]);
        let verified = by.call("PUT", &format!("{connection}/domains/{id}/verify"), None).await.ok();
        assert_eq!(verified["success"], true, "{verified}");
        id
    }

    /// Begins at our side and chooses a person at the lab; the form that the lab would have the browser post.
    pub(crate) async fn ask_lab(&self, browser: &Client, start: &str, person: &str, fault: &str) -> Form {
        let started = browser.get(start).await;
        let to_provider = started.location().unwrap_or_else(|| panic!("no way: {}", started.body)).to_owned();
        let page = browser.get(&to_provider).await;
        choose(browser, &page, &[("person", person), ("fault", fault)]).await
    }

    /// Begins at the lab's side; the form that the lab would have the browser post.
    pub(crate) async fn lab_portal(
        &self,
        browser: &Client,
        connection: &str,
        choices: &[(&str, &str)],
    ) -> Form {
        let page = browser.get(&format!("{}?connection={connection}", self.lab().start_path())).await;
        let mut all = vec![("connection", connection)];
        all.extend_from_slice(choices);
        choose(browser, &page, &all).await
    }

    /// A whole sign-in that begins at the lab.
    pub(crate) async fn enter_from_lab(&self, browser: &Client, connection: &str, person: &str) -> Answer {
        self.lab_portal(browser, connection, &[("person", person)]).await.send(browser).await
    }

    /// A response of the lab's own key that the lab's pages would not make, unasked, with an e-mail attribute.
    pub(crate) async fn hand_made(&self, connection: &str, subject: &str, email: &str) -> Form {
        self.hand_made_with(connection, subject, |r| {
            r.attributes = vec![("email".to_owned(), vec![email.to_owned()])];
        })
        .await
    }

    /// The same, changed at will before it is signed.
    pub(crate) async fn hand_made_with(
        &self,
        connection: &str,
        subject: &str,
        change: impl FnOnce(&mut ResponseBuilder),
    ) -> Form {
        let sso = self.app.sso();
        let key = sso.lab_key(&self.workspace).await.unwrap();
        let acs = sso.idp_acs_url(&connection.parse().unwrap());
        let id = format!("_{}", self.app.store().ids().make::<gatehouse_types::RequestId>().as_str());
        let (issuer, now) = (self.lab().entity_id(), self.clock.now().micros());
        let mut response = ResponseBuilder::new(&id, &issuer, &acs, &sso.entity_id(), subject, now);
        change(&mut response);
        let response = response.issue_base64(&key.signing, &key.certificate).unwrap();
        Form { action: acs, fields: vec![("SAMLResponse".to_owned(), response)] }
    }
}

async fn choose(browser: &Client, page: &Answer, choices: &[(&str, &str)]) -> Form {
    let mut form = Form::read(&page.body).unwrap_or_else(|| panic!("no form: {}", page.body));
    form.fields.extend(choices.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let answer = form.send(browser).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Form::read(&answer.body).unwrap_or_else(|| panic!("no form: {}", answer.body))
}

/// A form on a page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Form {
    pub(crate) async fn send(&self, browser: &Client) -> Answer {
        browser.form(&self.action, &self.fields).await
    }

    /// The form of a page that is sent to a path.
    pub(crate) fn read_to(html: &str, path: &str) -> Option<Self> {
        let mut rest = html;
        loop {
            let form = Self::read(rest)?;
            if form.action == path {
                return Some(form);
            }
            rest = &rest[rest.find("</form>")? + 7..];
        }
    }

    /// The first form of a page with its hidden fields; the pages are our own.
    pub(crate) fn read(html: &str) -> Option<Self> {
        Self::first(html, |kind| kind == "hidden")
    }

    /// The form of a page that goes to this address, with every value that stands in a line of it.
    pub(crate) fn to(html: &str, action: &str) -> Self {
        let mut forms =
            html.match_indices("<form").map(|(at, _)| Self::first(&html[at..], |kind| kind != "checkbox"));
        let found = forms.find_map(|form| form.filter(|f| f.action == action));
        found.unwrap_or_else(|| panic!("no form to {action}: {html}"))
    }

    fn first(html: &str, counts: impl Fn(&str) -> bool) -> Option<Self> {
        let start = html.find("<form")?;
        let form = &html[start..start + html[start..].find("</form>")?];
        let tag = &form[..form.find('>')?];
        let mut fields = Vec::new();
        for input in form.split("<input").skip(1) {
            let input = &input[..input.find('>')?];
            let kind = attribute(input, "type").unwrap_or_default();
            let is_sent = counts(&kind) && (kind != "radio" || input.contains(" checked"));
            let name = attribute(input, "name").filter(|_| is_sent);
            fields.extend(name.map(|name| (name, attribute(input, "value").unwrap_or_default())));
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
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#43;", "+"),
        ("&amp;", "&"),
        ("&#38;", "&"),
    ];
    Some(plain.iter().fold(value.to_owned(), |text, (entity, plain)| text.replace(entity, plain)))
}
