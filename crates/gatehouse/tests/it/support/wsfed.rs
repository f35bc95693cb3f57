use gatehouse_lab::LAB_DOMAIN;
use gatehouse_saml::idp::{ResponseBuilder, RstrBuilder, TokenKind};
use gatehouse_types::{Clock, Id};
use serde_json::{Value, json};

use super::{Client, Form, LabConnection, TestApp};

const CONNECTIONS: &str = "/api/v1/sso/connections";

impl TestApp {
    /// The body that makes a WS-Federation connection to the lab.
    pub(crate) fn wsfed_body(&self, name: &str) -> Value {
        let lab = self.lab();
        json!({
            "name": name, "protocol": "wsfed", "jitProvisioning": true, "defaultRole": "member",
            "wsfedConfig": {"signOnUrl": lab.wsfed_url(), "metadataUrl": lab.wsfed_metadata_url()},
        })
    }

    /// A connection with its domain proved, tested and active.
    pub(crate) async fn active_wsfed(&self, by: &Client, body: Value, domain: &str) -> LabConnection {
        let made = by.post(CONNECTIONS, body).await.ok();
        let id = made["id"].as_str().unwrap().to_owned();
        let path = format!("{CONNECTIONS}/{id}");
        let domain = self.prove(by, &path, domain).await;
        let tested = by.post_to(&format!("{path}/test")).await.ok();
        assert_eq!(tested["success"], true, "{tested}");
        by.post_to(&format!("{path}/activate")).await.ok();
        LabConnection { id, path, domain }
    }

    /// An active WS-Federation connection to the lab.
    pub(crate) async fn wsfed_lab(&self, by: &Client) -> LabConnection {
        self.active_wsfed(by, self.wsfed_body("Lab"), LAB_DOMAIN).await
    }

    /// A token of the lab's own key that the lab's pages would not make, with this context.
    pub(crate) async fn hand_made_token(
        &self,
        connection: &str,
        context: Option<&str>,
        change: impl FnOnce(&mut RstrBuilder),
    ) -> Form {
        let sso = self.app.sso();
        let key = sso.lab_key(&self.workspace).await.unwrap();
        let connection = connection.parse().unwrap();
        let (reply, realm) = (sso.reply_url(&connection), sso.own_realm(&connection));
        let id = format!("_{}", self.app.store().ids().make::<gatehouse_types::RequestId>().as_str());
        let (issuer, now) = (self.lab().entity_id(), self.clock.now().micros());
        let mut response = ResponseBuilder::new(&id, &issuer, &reply, &realm, "ada@lab.test", now);
        response.attributes = vec![("email".to_owned(), vec!["ada@lab.test".to_owned()])];
        let mut token = RstrBuilder { response, kind: TokenKind::Saml11, collection: false };
        change(&mut token);
        let result = token.issue(&key.signing, &key.certificate).unwrap();
        token_form(&reply, &result, context)
    }
}

/// The form by which a provider sends a token.
pub(crate) fn token_form(reply: &str, result: &str, context: Option<&str>) -> Form {
    let mut fields =
        vec![("wa".to_owned(), "wsignin1.0".to_owned()), ("wresult".to_owned(), result.to_owned())];
    fields.extend(context.map(|c| ("wctx".to_owned(), c.to_owned())));
    Form { action: reply.to_owned(), fields }
}
