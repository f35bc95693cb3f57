//! The whole grammar of filters, as the database answers it.

use serde_json::json;

use super::{ALL_SCOPES, ENTERPRISE, USERS, found, provider};
use crate::support::{TestApp, on_both};

async fn filters_find_what_the_rfc_says(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let made = provider
        .post(USERS, json!({
            "userName": "Ada", "externalId": "X1", "title": "100%_\\'", "displayName": "Ädá", "name": {"familyName": "O'Malley"},
            "emails": [{"value": "ada@work.test", "type": "work", "primary": true}, {"value": "a@home.test", "type": "home"}],
            "roles": [{"value": "admin", "primary": true}],
            ENTERPRISE: {"department": "R&D", "manager": {"value": "m1"}},
        }))
        .await
        .ok();
    provider.post(USERS, json!({"userName": "bob", "active": false, "emails": [{"value": "bob@home.test", "type": "home"}]})).await.ok();
    let created = made["meta"]["created"].as_str().unwrap();
    let (ada, bob, both, none) = (vec!["Ada"], vec!["bob"], vec!["Ada", "bob"], vec![]);
    for (filter, expected) in [
        (r#"userName eq "ADA""#, &ada),
        (r#"USERNAME Eq "ada""#, &ada),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada""#, &ada),
        (r#"userName ne "ada""#, &bob),
        (r#"externalId eq "X1""#, &ada),
        (r#"externalId eq "x1""#, &none),
        (r#"externalId ne "X1""#, &bob),
        (r#"displayName eq "ÄDÁ""#, &ada),
        (r#"displayName pr"#, &ada),
        (r#"not (displayName pr)"#, &bob),
        (r#"title co "%_\\""#, &ada),
        (r#"title co "5%""#, &none),
        (r#"title ew "'""#, &ada),
        (r#"title ew "longer than the value itself is""#, &none),
        (r#"title sw "100""#, &ada),
        (r#"title co """#, &ada),
        (r#"name.familyName co "o'm""#, &ada),
        (r#"name pr"#, &ada),
        (r#"userName gt "ada" and userName le "BOB""#, &bob),
        (r#"userName ge "ada" and userName lt "bob""#, &ada),
        (r#"emails.value eq "ADA@work.test""#, &ada),
        (r#"emails eq "bob@home.test""#, &bob),
        (r#"emails co "home""#, &both),
        (r#"emails.type eq "work""#, &ada),
        (r#"emails[type eq "home" and value sw "bob"]"#, &bob),
        (r#"emails[type eq "home" and primary eq true]"#, &none),
        (r#"emails[type eq "work" and not (value co "home")]"#, &ada),
        (r#"emails[type eq "work"].value eq "ada@work.test""#, &ada),
        (r#"emails[primary pr]"#, &ada),
        (r#"roles[primary eq "True"].value eq "admin""#, &ada),
        (r#"roles pr"#, &ada),
        (r#"active eq true"#, &ada),
        (r#"active eq "False""#, &bob),
        (r#"active ne true"#, &bob),
        (r#"nickName eq null and title ne null"#, &ada),
        (r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#, &ada),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "r&d""#, &ada),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "m1""#, &ada),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr"#, &ada),
        (r#"meta.resourceType eq "User""#, &both),
        (r#"meta.resourceType eq "Group""#, &none),
        (r#"meta.created gt "2099-01-01T00:00:00Z""#, &none),
        (r#"meta.lastModified ge "2001-01-01T00:00:00+02:00""#, &both),
        (r#"userName eq "' OR 1=1 --""#, &none),
    ] {
        let filter = format!(r#"not (userName eq "owner@main.test") and ({filter})"#);
        let mut names = found(&provider, USERS, &filter, "userName").await;
        names.sort();
        assert_eq!(&names, expected, "{filter}");
    }
    let exact = format!(r#"meta.created eq "{created}""#);
    assert_eq!(found(&provider, USERS, &exact, "userName").await, ada);
    assert_eq!(
        found(&provider, USERS, &format!(r#"id eq "{}""#, made["id"].as_str().unwrap()), "userName").await,
        ada
    );
}

on_both![filters_find_what_the_rfc_says];
