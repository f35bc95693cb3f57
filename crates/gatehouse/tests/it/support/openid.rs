use gatehouse_lab::LAB_DOMAIN;
use gatehouse_lab::openid::{LAB_CLIENT_ID, LAB_CLIENT_SECRET};
use serde_json::{Value, json};

use super::{Answer, Client, Form, LabConnection, TestApp};

impl TestApp {
    /// The body that makes an OpenID Connect connection to the lab.
    pub(crate) fn openid_body(&self, name: &str) -> Value {
        json!({
            "name": name, "protocol": "oidc", "jitProvisioning": true, "defaultRole": "member",
            "oidcConfig": {"issuerUrl": self.lab().openid_issuer(), "clientId": LAB_CLIENT_ID,
                "clientSecret": LAB_CLIENT_SECRET},
        })
    }

    /// An OpenID Connect connection with its domain proved, tested and active.
    pub(crate) async fn active_openid(&self, by: &Client, body: Value, domain: &str) -> LabConnection {
        let made = by.post("/api/v1/sso/connections", body).await.ok();
        let id = made["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/sso/connections/{id}");
        let domain = self.prove(by, &path, domain).await;
        let tested = by.post_to(&format!("{path}/test")).await.ok();
        assert_eq!(tested["success"], true, "{tested}");
        by.post_to(&format!("{path}/activate")).await.ok();
        LabConnection { id, path, domain }
    }

    /// One to the lab.
    pub(crate) async fn openid_lab(&self, by: &Client) -> LabConnection {
        self.active_openid(by, self.openid_body("OpenID"), LAB_DOMAIN).await
    }

    /// Begins at our side and chooses a person at the lab; where the lab sends the browser.
    pub(crate) async fn ask_openid(&self, browser: &Client, start: &str, choices: &[(&str, &str)]) -> String {
        let started = browser.get(start).await;
        let way = started.location().unwrap_or_else(|| panic!("no way: {}", started.body)).to_owned();
        let page = browser.get(&way).await;
        let mut form = Form::read(&page.body).unwrap_or_else(|| panic!("no form: {}", page.body));
        form.fields.extend(choices.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let answer = form.send(browser).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.location().unwrap().to_owned()
    }

    /// A whole sign-in as a person of the lab.
    pub(crate) async fn enter_openid(&self, browser: &Client, lab: &LabConnection, person: &str) -> Answer {
        let start = format!("/sso/{}/start", lab.id);
        let back = self.ask_openid(browser, &start, &[("person", person)]).await;
        browser.get(&back).await
    }
}
