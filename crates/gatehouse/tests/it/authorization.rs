//! Who may call what: every operation of the document is in the table, and every row of the table is played.

use std::collections::BTreeSet;

use gatehouse_types::Role;
use serde_json::Value;

use crate::support::{Client, TestApp, on_both};

/// Whom an operation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// Anybody: the walk only sees that nobody is asked who they are.
    Anyone,
    /// Everybody who is signed in.
    SignedIn,
    /// Whose it is; to everybody else it does not exist.
    Own,
    /// Everybody who is signed in, about things of their own that the walk does not make.
    Personal,
    /// Members, admins and owners, who may still lack something else for it.
    Member,
    /// Admins and owners.
    Admin,
    /// Owners.
    Owner,
}
use May::{Admin, Anyone, Member, Own, Owner, Personal, SignedIn};

/// Every operation: method, path, whom it answers, a body that is fine.
const OPERATIONS: &[(&str, &str, May, &str)] = &[
    ("get", "/.well-known/jwks.json", Anyone, ""),
    ("post", "/api/public/workflows/{id}/deploy", Admin, ""),
    ("post", "/api/public/workflows/{id}/undeploy", Admin, ""),
    ("post", "/api/public/workflows/{id}/export", Admin, ""),
    ("post", "/api/public/models/{id}/deploy", Admin, ""),
    ("post", "/api/public/models/{id}/undeploy", Admin, ""),
    ("post", "/api/public/models/{id}/export", Admin, ""),
    ("post", "/api/public/guardrails/{id}/deploy", Admin, ""),
    ("post", "/api/public/guardrails/{id}/undeploy", Admin, ""),
    ("post", "/api/public/workflows/import", Admin, WORKFLOW),
    ("post", "/api/public/files/session/start", Admin, ""),
    ("post", "/api/public/files/session/{id}", Admin, ""),
    ("post", "/api/public/files/session/{id}/complete", Admin, ""),
    ("post", "/api/public/files", Admin, r#"{"content":{"a":1}}"#),
    ("get", "/api/public/dock-status/{id}", SignedIn, ""),
    ("get", "/api/v1/api-apps", Admin, ""),
    ("post", "/api/v1/api-apps", Admin, r#"{"name":"Walked","scopes":[]}"#),
    ("get", "/api/v1/api-apps/{id}", Admin, ""),
    ("put", "/api/v1/api-apps/{id}", Admin, r#"{"name":"Walked again"}"#),
    ("delete", "/api/v1/api-apps/{id}", Owner, ""),
    ("get", "/api/v1/api-apps/{id}/usage", Admin, ""),
    ("get", "/api/v1/api-apps/{id}/keys", Admin, ""),
    ("post", "/api/v1/api-apps/{id}/keys", Admin, r#"{"name":"Walked"}"#),
    ("get", "/api/v1/api-apps/{id}/keys/{key_id}", Admin, ""),
    ("delete", "/api/v1/api-apps/{id}/keys/{key_id}", Admin, ""),
    ("post", "/api/v1/api-apps/{id}/keys/{key_id}/rotate", Admin, r#"{"overlapHours":1}"#),
    ("post", "/api/v1/api-apps/{id}/keys/{key_id}/disable", Admin, ""),
    ("post", "/api/v1/api-apps/{id}/keys/{key_id}/enable", Admin, ""),
    ("get", "/api/v1/auth-profiles", Member, ""),
    ("post", "/api/v1/auth-profiles", Admin, AUTH_PROFILE),
    ("post", "/api/v1/auth-profiles/test", Admin, AUTH_PROFILE),
    ("get", "/api/v1/auth-profiles/{id}", Member, ""),
    ("put", "/api/v1/auth-profiles/{id}", Admin, r#"{"description":"walked"}"#),
    ("delete", "/api/v1/auth-profiles/{id}", Admin, ""),
    ("post", "/api/v1/auth-profiles/{id}/test", Admin, ""),
    ("post", "/api/v1/auth-profiles/{id}/authorize", Member, r#"{"as":"person"}"#),
    (
        "post",
        "/api/v1/auth-profiles/{id}/request",
        Member,
        r#"{"method":"GET","url":"https://api.example/"}"#,
    ),
    ("get", "/api/v1/auth-profiles/{id}/grants", Member, ""),
    ("delete", "/api/v1/auth-profiles/{id}/grants/{grant_id}", Member, ""),
    ("get", "/api/v1/outbound-calls", Member, ""),
    ("get", "/api/v1/connector-types", SignedIn, ""),
    ("post", "/api/v1/connector-types", Admin, CONNECTOR_TYPE),
    ("get", "/api/v1/connector-types/{id}", SignedIn, ""),
    ("delete", "/api/v1/connector-types/{id}", Admin, ""),
    ("get", "/api/v1/connectors", Member, ""),
    ("post", "/api/v1/connectors", Admin, CONNECTOR),
    ("get", "/api/v1/connectors/{id}", Member, ""),
    ("put", "/api/v1/connectors/{id}", Admin, r#"{"name":"Walked again"}"#),
    ("delete", "/api/v1/connectors/{id}", Admin, ""),
    ("post", "/api/v1/connectors/{id}/test", Admin, ""),
    ("post", "/api/v1/connectors/{id}/authorize", Admin, ""),
    ("post", "/api/v1/connectors/{id}/actions/{action}", Member, "{}"),
    ("get", "/api/v1/connectors/{id}/user-authentications", Admin, ""),
    ("put", "/api/v1/connectors/{id}/user-authentications", Admin, r#"{"nonInteractiveMode":"pause"}"#),
    ("get", "/api/v1/user-authentication-exemptions", Admin, ""),
    ("get", "/api/v1/users/{id}/user-authentications", Admin, ""),
    ("put", "/api/v1/users/{id}/user-authentications", Admin, r#"{"exempt":true,"reason":"walked"}"#),
    ("get", "/api/v1/connectors/{id}/reconnect-links", Admin, ""),
    ("post", "/api/v1/connectors/{id}/reconnect-links", Admin, "{}"),
    ("delete", "/api/v1/connectors/{id}/reconnect-links/{link_id}", Admin, ""),
    ("get", "/api/v1/me/connections", SignedIn, ""),
    ("post", "/api/v1/me/connections/{connector_id}/authorize", Personal, ""),
    ("delete", "/api/v1/me/connections/{connector_id}", Personal, ""),
    ("post", "/api/public/scripts/{id}/functions/{name}", Anyone, "{}"),
    ("get", "/api/v1/scripts", SignedIn, ""),
    ("post", "/api/v1/scripts", Member, "{}"),
    ("post", "/api/v1/scripts/validate", Member, "{}"),
    ("get", "/api/v1/scripts/samples/{language}", Personal, ""),
    ("get", "/api/v1/scripts/hardware-profiles", SignedIn, ""),
    ("get", "/api/v1/scripts/runtimes", SignedIn, ""),
    ("get", "/api/v1/scripts/{id}", SignedIn, ""),
    ("put", "/api/v1/scripts/{id}", Member, r#"{"description":"walked"}"#),
    ("delete", "/api/v1/scripts/{id}", Owner, ""),
    ("post", "/api/v1/scripts/{id}/deploy", Member, r#"{"acceptTerms":true}"#),
    ("post", "/api/v1/scripts/{id}/redeploy", Member, ""),
    ("post", "/api/v1/scripts/{id}/undeploy", Admin, ""),
    ("post", "/api/v1/scripts/{id}/cancel", Member, ""),
    ("get", "/api/v1/scripts/{id}/export", Admin, ""),
    ("get", "/api/v1/scripts/{id}/deployments", SignedIn, ""),
    ("patch", "/api/v1/scripts/{id}/deployments/{version}", Member, r#"{"name":"walked"}"#),
    ("get", "/api/v1/scripts/{id}/endpoint", Personal, ""),
    ("get", "/api/v1/scripts/{id}/keys", Admin, ""),
    ("post", "/api/v1/scripts/{id}/keys", Admin, r#"{"name":"Walked"}"#),
    ("delete", "/api/v1/scripts/{id}/keys/{key_id}", Admin, ""),
    ("get", "/api/v1/scripts/{id}/runs", SignedIn, ""),
    ("get", "/api/v1/scripts/{id}/logs", SignedIn, ""),
    ("get", "/api/v1/scripts/{id}/statistics", SignedIn, ""),
    ("get", "/api/v1/credits", SignedIn, ""),
    ("get", "/api/v1/files", SignedIn, ""),
    ("post", "/api/v1/files", Member, "{}"),
    ("delete", "/api/v1/files/{id}", Member, ""),
    ("get", "/api/v1/flows/schema", Anyone, ""),
    ("post", "/api/v1/flows/validate", Member, r#"{"definition":{}}"#),
    ("post", "/api/v1/flows/curl", Member, r#"{"command":"curl https://a.example/"}"#),
    ("post", "/api/v1/flows/import", Member, PACKAGE),
    ("get", "/api/v1/flows", Member, ""),
    ("post", "/api/v1/flows", Member, r#"{"name":"Walked"}"#),
    ("get", "/api/v1/flows/{id}", Member, ""),
    ("put", "/api/v1/flows/{id}", Member, r#"{"description":"walked"}"#),
    ("delete", "/api/v1/flows/{id}", Admin, ""),
    ("get", "/api/v1/flows/{id}/versions", Member, ""),
    ("get", "/api/v1/flows/{id}/versions/{number}", Member, ""),
    ("post", "/api/v1/flows/{id}/deploy", Member, ""),
    ("post", "/api/v1/flows/{id}/undeploy", Admin, ""),
    ("get", "/api/v1/flows/deployments/{id}", Member, ""),
    ("post", "/api/v1/flows/{id}/export", Admin, ""),
    ("post", "/api/v1/flows/{id}/run", Member, "{}"),
    (
        "post",
        "/api/v1/flows/requests/test",
        Member,
        r#"{"request":{"method":"GET","url":"https://api.example/"}}"#,
    ),
    ("post", "/api/v1/flows/executions/start", Member, "{}"),
    ("get", "/api/v1/flows/executions", Member, ""),
    ("get", "/api/v1/flows/executions/{id}", Member, ""),
    ("get", "/api/v1/flows/executions/{id}/progress", Member, ""),
    ("get", "/api/v1/flows/executions/{id}/steps", Member, ""),
    ("post", "/api/v1/flows/executions/{id}/input", Member, r#"{"values":{}}"#),
    ("post", "/api/v1/flows/executions/{id}/resume", Member, ""),
    ("post", "/api/v1/flows/executions/{id}/retry", Member, ""),
    ("post", "/api/v1/flows/executions/{id}/cancel", Member, ""),
    ("get", "/api/v1/flows/{id}/triggers", Admin, ""),
    ("post", "/api/v1/flows/{id}/triggers", Admin, r#"{"kind":"webhook","name":"Walked","runAs":"service"}"#),
    ("get", "/api/v1/flows/{id}/triggers/{trigger_id}", Admin, ""),
    ("put", "/api/v1/flows/{id}/triggers/{trigger_id}", Admin, r#"{"name":"Walked again"}"#),
    ("delete", "/api/v1/flows/{id}/triggers/{trigger_id}", Admin, ""),
    ("post", "/api/v1/flow-triggers/{trigger_id}/fire", Anyone, ""),
    ("get", "/api/v1/flows/waiting", Admin, ""),
    ("post", "/api/v1/flows/waiting/fallback", Admin, r#"{"connectorId":"cnr_1","reason":"walked"}"#),
    ("get", "/api/v1/flows/statistics", Member, ""),
    ("get", "/api/v1/me/waiting", SignedIn, ""),
    ("get", "/api/v1/api-scopes", Admin, ""),
    ("post", "/api/v1/api-scopes", Admin, r#"{"id":"walked:read","name":"Walked"}"#),
    ("delete", "/api/v1/api-scopes/{id}", Admin, ""),
    ("get", "/api/v1/silent-api-keys", Admin, ""),
    (
        "post",
        "/api/v1/explain",
        Admin,
        r#"{"principal":{"kind":"api-app","id":"{api_app}"},"action":"workflow:deploy"}"#,
    ),
    ("get", "/api/v1/who-can", Admin, ""),
    ("post", "/api/v1/keys/verify", Admin, r#"{"key":"gh_none"}"#),
    ("post", "/api/v1/leaked", Anyone, r#"{"key":"gh_none"}"#),
    ("get", "/api/v1/audit-events", Admin, ""),
    ("get", "/api/v1/audit-events/export", Admin, ""),
    ("get", "/api/v1/audit-events/keys", Admin, ""),
    ("post", "/api/v1/auth/discover", Anyone, r#"{"email":"a@lab.test"}"#),
    ("post", "/api/v1/auth/login", Anyone, r#"{"email":"owner@main.test","password":"open-the-gate"}"#),
    ("post", "/api/v1/auth/logout", SignedIn, ""),
    ("post", "/api/v1/auth/second-step", Anyone, r#"{"challenge":"none","code":"000000"}"#),
    ("post", "/api/v1/auth/second-step/enrolment", Anyone, r#"{"challenge":"none"}"#),
    ("post", "/api/v1/auth/second-step/passkey-options", Anyone, r#"{"challenge":"none"}"#),
    ("post", "/api/v1/auth/switch-workspace", SignedIn, r#"{"workspaceId":"{workspace}"}"#),
    ("post", "/api/v1/auth/token", Anyone, r#"{"apiKey":"gh_none"}"#),
    ("get", "/api/v1/decisions/{id}", Admin, ""),
    ("post", "/api/v1/auth/password-reset", Anyone, r#"{"email":"a@lab.test"}"#),
    (
        "post",
        "/api/v1/auth/password-reset/confirm",
        Anyone,
        r#"{"token":"none","password":"four words of nonsense"}"#,
    ),
    ("post", "/api/v1/auth/sign-up", Anyone, r#"{"email":"a@lab.test","workspaceName":"Walked"}"#),
    (
        "post",
        "/api/v1/auth/sign-up/confirm",
        Anyone,
        r#"{"token":"none","name":"A","password":"four words of nonsense"}"#,
    ),
    ("get", "/api/v1/invitations", Admin, ""),
    ("post", "/api/v1/invitations", Admin, r#"{"email":"new@walked.test","role":"viewer"}"#),
    ("delete", "/api/v1/invitations/{id}", Admin, ""),
    ("post", "/api/v1/invitations/{id}/resend", Admin, ""),
    ("get", "/api/v1/me", SignedIn, ""),
    ("put", "/api/v1/me", SignedIn, r#"{"name":"Walked"}"#),
    ("get", "/api/v1/me/identities", SignedIn, ""),
    ("get", "/api/v1/me/sign-in-providers", SignedIn, ""),
    ("delete", "/api/v1/me/sign-in-providers/{provider}", Personal, ""),
    ("put", "/api/v1/me/password", SignedIn, r#"{"currentPassword":"x","newPassword":"y"}"#),
    ("get", "/api/v1/me/sessions", SignedIn, ""),
    ("delete", "/api/v1/me/sessions", SignedIn, ""),
    ("delete", "/api/v1/me/sessions/{id}", Own, ""),
    ("get", "/api/v1/users", Admin, ""),
    ("get", "/api/v1/users/{id}", Admin, ""),
    ("put", "/api/v1/users/{id}", Admin, r#"{"role":"viewer"}"#),
    ("delete", "/api/v1/users/{id}", Admin, ""),
    ("get", "/api/v1/users/{id}/offboarding", Admin, ""),
    ("post", "/api/v1/users/{id}/offboarding/hand-over", Admin, r#"{"to":null}"#),
    ("post", "/api/v1/users/{id}/reactivate", Admin, ""),
    ("post", "/api/v1/users/{id}/suspend", Admin, "{}"),
    ("get", "/api/v1/users/{id}/sessions", Admin, ""),
    ("delete", "/api/v1/users/{id}/sessions/{session_id}", Admin, ""),
    ("get", "/api/v1/me/factors", SignedIn, ""),
    ("post", "/api/v1/me/factors/passkeys", Personal, ""),
    ("post", "/api/v1/me/factors/passkeys/confirm", Personal, PASSKEY),
    ("post", "/api/v1/me/factors/recovery-codes", Personal, ""),
    ("post", "/api/v1/me/factors/totp", SignedIn, ""),
    ("post", "/api/v1/me/factors/totp/confirm", Personal, r#"{"code":"000000"}"#),
    ("put", "/api/v1/me/factors/{id}", Personal, r#"{"name":"Walked"}"#),
    ("delete", "/api/v1/me/factors/{id}", Personal, ""),
    ("post", "/api/v1/me/reauthenticate/passkey-options", Personal, ""),
    ("post", "/api/v1/me/reauthenticate", Personal, r#"{"password":"open-the-gate"}"#),
    ("get", "/api/v1/outbox", Admin, ""),
    ("get", "/api/v1/scim/activities", Admin, ""),
    ("get", "/api/v1/scim/role-mappings", Admin, ""),
    ("put", "/api/v1/scim/role-mappings", Admin, r#"{"mappings":[]}"#),
    ("get", "/api/v1/scim/statistics", Admin, ""),
    ("get", "/api/v1/scim/tokens", Admin, ""),
    ("post", "/api/v1/scim/tokens", Admin, r#"{"name":"Walked"}"#),
    ("get", "/api/v1/scim/tokens/{id}", Admin, ""),
    ("delete", "/api/v1/scim/tokens/{id}", Admin, ""),
    ("post", "/api/v1/scim/tokens/{id}/revoke", Admin, ""),
    ("get", "/api/v1/security-settings", Owner, ""),
    ("put", "/api/v1/security-settings", Owner, r#"{"requireSecondStep":false}"#),
    ("get", "/api/v1/sso/connections", Admin, ""),
    ("post", "/api/v1/sso/connections", Admin, OIDC),
    ("get", "/api/v1/sso/connections/{id}", Admin, ""),
    ("put", "/api/v1/sso/connections/{id}", Admin, r#"{"description":"walked"}"#),
    ("delete", "/api/v1/sso/connections/{id}", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/activate", Admin, ""),
    ("get", "/api/v1/sso/connections/{id}/attempts", Admin, ""),
    ("get", "/api/v1/sso/connections/{id}/attempts/{attempt_id}", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/attempts/{attempt_id}/reveal", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/attempts/{attempt_id}/share", Admin, "{}"),
    ("get", "/api/v1/sso/connections/{id}/attempts/{attempt_id}/shares", Admin, ""),
    ("delete", "/api/v1/sso/connections/{id}/attempts/{attempt_id}/shares/{share_id}", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/deactivate", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/domains", Admin, r#"{"domain":"walked.test"}"#),
    ("put", "/api/v1/sso/connections/{id}/domains/{domain_id}", Admin, r#"{"federated":true}"#),
    ("delete", "/api/v1/sso/connections/{id}/domains/{domain_id}", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/domains/{domain_id}/set-primary", Admin, ""),
    ("put", "/api/v1/sso/connections/{id}/domains/{domain_id}/verify", Admin, ""),
    ("get", "/api/v1/sso/connections/{id}/drafts", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/drafts", Admin, r#"{"jitProvisioning":false}"#),
    ("get", "/api/v1/sso/connections/{id}/drafts/{draft_id}", Admin, ""),
    ("delete", "/api/v1/sso/connections/{id}/drafts/{draft_id}", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/drafts/{draft_id}/activate", Admin, "{}"),
    ("post", "/api/v1/sso/connections/{id}/drafts/{draft_id}/replay", Admin, ""),
    ("get", "/api/v1/sso/connections/{id}/identities", Admin, ""),
    ("delete", "/api/v1/sso/connections/{id}/identities/{identity_id}", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/metadata/refresh", Admin, ""),
    ("post", "/api/v1/sso/connections/{id}/test", Admin, ""),
    ("get", "/api/v1/sso/settings", Admin, ""),
    ("put", "/api/v1/sso/settings", Admin, "{}"),
    ("post", "/api/v1/sso/settings/disable", Admin, ""),
    ("post", "/api/v1/sso/settings/enable", Admin, ""),
    ("get", "/api/v1/sso/setup-links", Admin, ""),
    ("post", "/api/v1/sso/setup-links", Admin, r#"{"name":"Walked by link"}"#),
    ("delete", "/api/v1/sso/setup-links/{id}", Admin, ""),
    ("get", "/api/v1/sso/sp-keys", Admin, ""),
    ("post", "/api/v1/sso/sp-keys", Admin, ""),
    ("delete", "/api/v1/sso/sp-keys/{id}", Admin, ""),
    ("post", "/api/v1/sso/sp-keys/{id}/promote", Admin, ""),
    ("get", "/api/v1/sso/sp-metadata", Admin, ""),
    ("get", "/api/v1/webhooks", Admin, ""),
    ("post", "/api/v1/webhooks", Admin, r#"{"url":"https://hooks.example/","events":["*"]}"#),
    ("get", "/api/v1/webhooks/{id}", Admin, ""),
    ("put", "/api/v1/webhooks/{id}", Admin, r#"{"description":"walked"}"#),
    ("delete", "/api/v1/webhooks/{id}", Admin, ""),
    ("get", "/api/v1/webhooks/{id}/deliveries", Admin, ""),
    ("get", "/api/v1/webhooks/{id}/deliveries/{delivery_id}", Admin, ""),
    ("post", "/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", Admin, ""),
    ("post", "/api/v1/webhooks/{id}/roll-secret", Admin, ""),
    ("post", "/api/v1/webhooks/{id}/test", Admin, ""),
];
const PASSKEY: &str = r#"{"ceremony":"none","name":"Walked","credential":{"id":"AA","rawId":"AA",
    "type":"public-key","response":{"clientDataJSON":"AA","attestationObject":"AA"}}}"#;
const AUTH_PROFILE: &str = r#"{"authorizationType":"oauth2","identityProviderName":"Walked","clientId":"c",
    "clientSecret":"s","authorizationUrl":"https://op.example/authorize","tokenRequestUrl":"https://op.example/token"}"#;
const CONNECTOR: &str = r#"{"type":"icertis-preview","name":"Walked","fields":{"instance":"acme",
    "clientId":"01234567-89ab-cdef-0123-456789abcdef","clientSecret":"s","tenantId":"t","scope":"api://x/.default"}}"#;
const CONNECTOR_TYPE: &str = r#"{"document":{"openapi":"3.1.0","info":{"title":"Walked"},
    "servers":[{"url":"https://walked.example"}],
    "paths":{"/things":{"get":{"operationId":"list","responses":{"200":{"description":"ok"}}}}}}}"#;
const PACKAGE: &str = r#"{"flow":{"name":"Walked","definition":{
    "nodes":[{"id":"start","kind":"start"},{"id":"end","kind":"end"}],"edges":[{"from":"start","to":"end"}]}}}"#;
const WORKFLOW: &str = r#"{"package":{"flow":{"name":"Walked","definition":{
    "nodes":[{"id":"start","kind":"start"},{"id":"end","kind":"end"}],"edges":[{"from":"start","to":"end"}]}}}}"#;
const OIDC: &str = r#"{"name":"Walked","protocol":"oidc",
    "oidcConfig":{"issuerUrl":"https://op.example","clientId":"c","clientSecret":"s"}}"#;

/// Every page of the console that needs somebody signed in.
const PAGES: &[(&str, &str)] = &[
    ("get", "/"),
    ("get", "/integrations/connectors"),
    ("get", "/integrations/connectors/new/salesforce"),
    ("post", "/integrations/connectors/new/salesforce"),
    ("get", "/integrations/connectors/types/new"),
    ("post", "/integrations/connectors/types/new"),
    ("get", "/integrations/connectors/types/salesforce"),
    ("get", "/integrations/connectors/types/salesforce/delete"),
    ("post", "/integrations/connectors/types/salesforce/delete"),
    ("get", "/integrations/connectors/cnr_1"),
    ("post", "/integrations/connectors/cnr_1"),
    ("post", "/integrations/connectors/cnr_1/test"),
    ("post", "/integrations/connectors/cnr_1/authorize"),
    ("get", "/integrations/connectors/cnr_1/delete"),
    ("post", "/integrations/connectors/cnr_1/delete"),
    ("post", "/integrations/connectors/cnr_1/links"),
    ("post", "/integrations/connectors/cnr_1/links/cnl_1/revoke"),
    ("get", "/integrations/connectors/cnr_1/user-authentications"),
    ("post", "/integrations/connectors/cnr_1/user-authentications"),
    ("get", "/account/connections"),
    ("post", "/account/connections/cnr_1/authorize"),
    ("get", "/account/connections/cnr_1/disconnect"),
    ("post", "/account/connections/cnr_1/disconnect"),
    ("get", "/reconnect/none"),
    ("post", "/reconnect/none"),
    ("get", "/integrations/auth-profiles"),
    ("get", "/integrations/auth-profiles/new"),
    ("post", "/integrations/auth-profiles/new"),
    ("post", "/integrations/auth-profiles/new/fields"),
    ("get", "/integrations/auth-profiles/apr_1"),
    ("post", "/integrations/auth-profiles/apr_1"),
    ("post", "/integrations/auth-profiles/apr_1/test"),
    ("get", "/integrations/auth-profiles/apr_1/delete"),
    ("post", "/integrations/auth-profiles/apr_1/delete"),
    ("get", "/integrations/auth-profiles/apr_1/authorize"),
    ("post", "/integrations/auth-profiles/apr_1/authorize"),
    ("get", "/integrations/auth-profiles/apr_1/grants/grt_1/disconnect"),
    ("post", "/integrations/auth-profiles/apr_1/grants/grt_1/disconnect"),
    ("get", "/oauth/callback/none"),
    ("get", "/scripts"),
    ("get", "/scripts/new"),
    ("get", "/scripts/new/version"),
    ("get", "/scripts/new/general"),
    ("post", "/scripts/new/general"),
    ("get", "/scripts/new/validate"),
    ("post", "/scripts/new/validate"),
    ("get", "/scripts/new/runtime"),
    ("post", "/scripts/new/runtime"),
    ("get", "/scripts/new/resources"),
    ("post", "/scripts/new/resources"),
    ("get", "/scripts/new/resources/fields"),
    ("post", "/scripts/new/resources/fields"),
    ("get", "/scripts/new/review"),
    ("post", "/scripts/new/review"),
    ("get", "/scripts/new/show"),
    ("post", "/scripts/new/show"),
    ("get", "/scripts/scr_1"),
    ("get", "/scripts/scr_1/configure"),
    ("get", "/scripts/scr_1/deploy"),
    ("get", "/scripts/scr_1/undeploy"),
    ("post", "/scripts/scr_1/undeploy"),
    ("get", "/scripts/scr_1/cancel"),
    ("post", "/scripts/scr_1/cancel"),
    ("get", "/scripts/scr_1/delete"),
    ("post", "/scripts/scr_1/delete"),
    ("get", "/scripts/scr_1/history"),
    ("get", "/scripts/scr_1/history/1/rename"),
    ("post", "/scripts/scr_1/history/1/rename"),
    ("get", "/scripts/scr_1/endpoint"),
    ("get", "/scripts/scr_1/keys"),
    ("get", "/scripts/scr_1/keys/new"),
    ("post", "/scripts/scr_1/keys/new"),
    ("get", "/scripts/scr_1/keys/sck_1/delete"),
    ("post", "/scripts/scr_1/keys/sck_1/delete"),
    ("get", "/scripts/scr_1/runs"),
    ("get", "/scripts/scr_1/runs.csv"),
    ("get", "/scripts/scr_1/logs"),
    ("get", "/scripts/scr_1/logs.csv"),
    ("get", "/settings"),
    ("get", "/settings/audit"),
    ("get", "/settings/audit/aud_1"),
    ("get", "/settings/decisions/dec_1"),
    ("post", "/settings/security/sso/show"),
    ("get", "/account"),
    ("post", "/account/name"),
    ("post", "/invitation/none/accept"),
    ("post", "/sign-up/none/accept"),
    ("get", "/settings/people"),
    ("post", "/settings/people/invitations"),
    ("post", "/settings/people/invitations/inv_1/resend"),
    ("get", "/settings/people/invitations/inv_1/revoke"),
    ("post", "/settings/people/invitations/inv_1/revoke"),
    ("get", "/settings/people/usr_1/role"),
    ("post", "/settings/people/usr_1/role"),
    ("get", "/settings/people/usr_1/suspend"),
    ("post", "/settings/people/usr_1/suspend"),
    ("post", "/settings/people/usr_1/reactivate"),
    ("get", "/settings/people/usr_1/offboarding"),
    ("post", "/settings/people/usr_1/hand-over"),
    ("get", "/settings/people/usr_1/remove"),
    ("post", "/settings/people/usr_1/remove"),
    ("post", "/account/password"),
    ("post", "/account/sessions/end-others"),
    ("post", "/account/sessions/ses_1/end"),
    ("post", "/account/sign-in-providers/google/link"),
    ("get", "/account/sign-in-providers/google/unlink"),
    ("post", "/account/sign-in-providers/google/unlink"),
    ("get", "/account/confirm"),
    ("post", "/account/confirm"),
    ("get", "/account/second-step"),
    ("post", "/account/second-step/totp"),
    ("post", "/account/second-step/totp/confirm"),
    ("post", "/account/second-step/passkeys"),
    ("post", "/account/second-step/passkeys/confirm"),
    ("get", "/account/second-step/fac_1/name"),
    ("post", "/account/second-step/fac_1/name"),
    ("post", "/account/second-step/recovery-codes"),
    ("get", "/account/second-step/fac_1/remove"),
    ("post", "/account/second-step/fac_1/remove"),
    ("get", "/settings/security/sign-in"),
    ("post", "/settings/security/sign-in"),
    ("get", "/settings/security/scim"),
    ("post", "/settings/security/scim/tokens"),
    ("get", "/settings/security/scim/tokens/sct_1/revoke"),
    ("post", "/settings/security/scim/tokens/sct_1/revoke"),
    ("get", "/settings/security/scim/tokens/sct_1/delete"),
    ("post", "/settings/security/scim/tokens/sct_1/delete"),
    ("post", "/settings/security/scim/role-mappings"),
    ("post", "/settings/security/scim/role-mappings/save"),
    ("get", "/settings/security/scim/activities"),
    ("get", "/settings/security/webhooks"),
    ("post", "/settings/security/webhooks"),
    ("get", "/settings/security/webhooks/whk_1"),
    ("post", "/settings/security/webhooks/whk_1"),
    ("post", "/settings/security/webhooks/whk_1/enable"),
    ("get", "/settings/security/webhooks/whk_1/disable"),
    ("post", "/settings/security/webhooks/whk_1/disable"),
    ("get", "/settings/security/webhooks/whk_1/roll-secret"),
    ("post", "/settings/security/webhooks/whk_1/roll-secret"),
    ("post", "/settings/security/webhooks/whk_1/test"),
    ("get", "/settings/security/webhooks/whk_1/delete"),
    ("post", "/settings/security/webhooks/whk_1/delete"),
    ("get", "/settings/security/webhooks/whk_1/deliveries/dlv_1"),
    ("post", "/settings/security/webhooks/whk_1/deliveries/dlv_1/redeliver"),
    ("get", "/settings/security/why"),
    ("get", "/settings/security/api-scopes"),
    ("get", "/settings/security/api-scopes/new"),
    ("post", "/settings/security/api-scopes/new"),
    ("post", "/settings/security/api-scopes/scopes"),
    ("get", "/settings/security/api-scopes/scopes/orders:read/delete"),
    ("post", "/settings/security/api-scopes/scopes/orders:read/delete"),
    ("get", "/settings/security/api-scopes/app_1"),
    ("post", "/settings/security/api-scopes/app_1"),
    ("get", "/settings/security/api-scopes/app_1/delete"),
    ("post", "/settings/security/api-scopes/app_1/delete"),
    ("get", "/settings/security/api-scopes/app_1/keys"),
    ("get", "/settings/security/api-scopes/app_1/keys/new"),
    ("post", "/settings/security/api-scopes/app_1/keys/new"),
    ("get", "/settings/security/api-scopes/app_1/keys/apk_1/rotate"),
    ("post", "/settings/security/api-scopes/app_1/keys/apk_1/rotate"),
    ("post", "/settings/security/api-scopes/app_1/keys/apk_1/switch"),
    ("get", "/settings/security/api-scopes/app_1/keys/apk_1/delete"),
    ("post", "/settings/security/api-scopes/app_1/keys/apk_1/delete"),
    ("post", "/sign-out"),
    ("post", "/switch-workspace"),
    ("get", "/settings/security/sso"),
    ("post", "/settings/security/sso"),
    ("post", "/settings/security/sso/fields"),
    ("get", "/settings/security/sso/disable"),
    ("post", "/settings/security/sso/disable"),
    ("get", "/settings/security/sso/certificates/00/remove"),
    ("post", "/settings/security/sso/certificates/00/remove"),
    ("post", "/settings/security/sso/domains"),
    ("post", "/settings/security/sso/domains/dom_1/verify"),
    ("post", "/settings/security/sso/domains/dom_1/primary"),
    ("post", "/settings/security/sso/domains/dom_1/federated"),
    ("get", "/settings/security/sso/domains/dom_1/remove"),
    ("post", "/settings/security/sso/domains/dom_1/remove"),
    ("post", "/settings/security/sso/excluded"),
    ("post", "/settings/security/sso/roles"),
    ("get", "/settings/security/sso/setup-links"),
    ("post", "/settings/security/sso/setup-links"),
    ("get", "/settings/security/sso/setup-links/sul_1/revoke"),
    ("post", "/settings/security/sso/setup-links/sul_1/revoke"),
    ("get", "/settings/security/sso/drafts/drf_1"),
    ("post", "/settings/security/sso/drafts/drf_1"),
    ("post", "/settings/security/sso/drafts/drf_1/discard"),
    ("get", "/settings/security/sso/keys"),
    ("post", "/settings/security/sso/keys"),
    ("get", "/settings/security/sso/keys/key_1/promote"),
    ("post", "/settings/security/sso/keys/key_1/promote"),
    ("get", "/settings/security/sso/keys/key_1/retire"),
    ("post", "/settings/security/sso/keys/key_1/retire"),
    ("get", "/settings/security/sso/metadata"),
    ("post", "/settings/security/sso/metadata"),
    ("post", "/settings/security/sso/metadata/preview"),
    ("post", "/settings/security/sso/metadata/refresh"),
    ("get", "/settings/security/sso/metadata/stop"),
    ("post", "/settings/security/sso/metadata/stop"),
    ("get", "/settings/security/sso/attempts"),
    ("get", "/settings/security/sso/attempts/att_1"),
    ("post", "/settings/security/sso/attempts/att_1/reveal"),
    ("post", "/settings/security/sso/attempts/att_1/share"),
    ("get", "/settings/security/sso/attempts/att_1/shares/trs_1/revoke"),
    ("post", "/settings/security/sso/attempts/att_1/shares/trs_1/revoke"),
];

/// The real ids of one workspace.
#[derive(Clone)]
struct Ids {
    workspace: String,
    connection: String,
    decision: String,
    domain: String,
    attempt: String,
    identity: String,
    user: String,
    session: String,
    invitation: String,
    share: String,
    sp_key: String,
    draft: String,
    setup: String,
    scim_token: String,
    webhook: String,
    delivery: String,
    api_app: String,
    api_key: String,
    api_scope: String,
    auth_profile: String,
    grant: String,
    connector: String,
    connector_type: String,
    connector_link: String,
    action: String,
    flow: String,
    /// The number of a version.
    number: String,
    deployment: String,
    /// A flow that is in service.
    served: String,
    execution: String,
    trigger: String,
    script: String,
    script_key: String,
}

impl Ids {
    /// Things of every kind in the first workspace: a sign-in that succeeded, and one that did not.
    async fn of(t: &TestApp, owner: &Client) -> Self {
        let lab = t.active_lab(owner).await;
        let entered = t.enter_from_lab(&t.client(), &lab.id, "ada").await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        let decision = t.enter_from_lab(&t.client(), &lab.id, "mallory").await.decision();
        owner.put("/api/v1/sso/settings", serde_json::json!({"connectionId": lab.id})).await.ok();
        let fed = serde_json::json!({"samlConfig": {"metadataUrl": t.lab().entity_id()}});
        owner.put(&lab.path, fed).await.ok();
        let sp_key = owner.post_to("/api/v1/sso/sp-keys").await.ok()["id"].as_str().unwrap().to_owned();
        let first = async |of: &str| {
            let listed = owner.get(&format!("{}/{of}", lab.path)).await.ok();
            listed["data"][0]["id"].as_str().unwrap().to_owned()
        };
        let (attempt, identity) = (first("attempts").await, first("identities").await);
        let share = format!("{}/attempts/{attempt}/share", lab.path);
        let share = owner.post(&share, serde_json::json!({})).await.ok()["share"]["id"].clone();
        let share = share.as_str().unwrap().to_owned();
        let text = |of: &Value| of.as_str().unwrap().to_owned();
        let draft = serde_json::json!({"defaultRole": "admin"});
        let draft =
            owner.post(&format!("{}/drafts", lab.path), draft).await.ok()["id"].as_str().unwrap().to_owned();
        let setup = serde_json::json!({"connectionId": lab.id});
        let setup = text(&owner.post("/api/v1/sso/setup-links", setup).await.ok()["link"]["id"]);
        let scim = serde_json::json!({"name": "Provider"});
        let scim_token = text(&owner.post("/api/v1/scim/tokens", scim).await.ok()["token"]["id"]);
        let hook = serde_json::json!({"url": "https://hooks.example/", "events": ["webhook.*"]});
        let webhook = text(&owner.post("/api/v1/webhooks", hook).await.ok()["webhook"]["id"]);
        let told = owner.post_to(&format!("/api/v1/webhooks/{webhook}/test")).await.ok();
        let delivery = text(&told["id"]);
        let scope = serde_json::json!({"id": "walked:write", "name": "Write"});
        owner.post("/api/v1/api-scopes", scope).await.ok();
        let app = serde_json::json!({"name": "Program", "scopes": ["workflow:deploy"]});
        let api_app = text(&owner.post("/api/v1/api-apps", app).await.ok()["id"]);
        let mut profile: Value = serde_json::from_str(AUTH_PROFILE).unwrap();
        profile["identityProviderName"] = "Kept".into();
        let auth_profile = text(&owner.post("/api/v1/auth-profiles", profile).await.ok()["id"]);
        let mut connector: Value = serde_json::from_str(CONNECTOR).unwrap();
        connector["name"] = "Kept".into();
        let connector = text(&owner.post("/api/v1/connectors", connector).await.ok()["id"]);
        let links = format!("/api/v1/connectors/{connector}/reconnect-links");
        let connector_link = text(&owner.post(&links, serde_json::json!({})).await.ok()["link"]["id"]);
        let mut connector_type: Value = serde_json::from_str(CONNECTOR_TYPE).unwrap();
        connector_type["document"]["info"]["title"] = "Kept".into();
        let connector_type = text(&owner.post("/api/v1/connector-types", connector_type).await.ok()["id"]);
        let flow = owner.post("/api/v1/flows", serde_json::json!({"name": "Kept"})).await.ok();
        let flow = text(&flow["id"]);
        let deployed = owner.post_to(&format!("/api/v1/flows/{flow}/deploy")).await.ok();
        let (number, deployment) = (deployed["number"].to_string(), text(&deployed["id"]));
        owner.post_to(&format!("/api/v1/flows/{flow}/undeploy")).await.ok();
        let served = owner.post("/api/v1/flows", serde_json::json!({"name": "Served"})).await.ok();
        let served = text(&served["id"]);
        owner.post_to(&format!("/api/v1/flows/{served}/deploy")).await.ok();
        let begun = format!("/api/v1/flows/executions/start?flowId={served}");
        let execution = text(&owner.post(&begun, serde_json::json!({})).await.ok()["id"]);
        let hook = serde_json::json!({"kind": "webhook", "name": "Kept", "runAs": "service"});
        let trigger = owner.post(&format!("/api/v1/flows/{flow}/triggers"), hook).await.ok();
        let trigger = text(&trigger["trigger"]["id"]);
        let key = format!("/api/v1/api-apps/{api_app}/keys");
        let api_key = text(&owner.post(&key, serde_json::json!({"name": "Key"})).await.ok()["key"]["id"]);
        let script = crate::scripts::kept(owner, "Kept").await;
        let script_key = format!("/api/v1/scripts/{script}/keys");
        let script_key = text(&owner.post(&script_key, serde_json::json!({})).await.ok()["id"]);
        let workspace = t.workspace.to_string();
        t.person("walked@main.test", Role::Member).await;
        // somebody whose access ended once, and is a member again
        let found = owner.get("/api/v1/users?email=walked@main.test").await.ok();
        let person = format!("/api/v1/users/{}", text(&found["data"][0]["id"]));
        owner.post(&format!("{person}/suspend"), serde_json::json!({})).await.ok();
        owner.post_to(&format!("{person}/reactivate")).await.ok();
        let walked = t.sign_in("walked@main.test").await.get("/api/v1/me").await.ok();
        let (user, session) = (text(&walked["user"]["id"]), text(&walked["sessions"][0]["id"]));
        let (connection, domain) = (lab.id.clone(), lab.domain);
        let invited = serde_json::json!({"email": "invited@walked.test", "role": "viewer"});
        let invitation = text(&owner.post("/api/v1/invitations", invited).await.ok()["id"]);
        Self {
            workspace,
            connection,
            decision,
            domain,
            attempt,
            identity,
            user,
            session,
            invitation,
            share,
            sp_key,
            draft,
            setup,
            scim_token,
            webhook,
            delivery,
            api_app,
            api_key,
            api_scope: "walked:write".to_owned(),
            auth_profile,
            grant: "grt_0198c5f0e8a07c3fa1b2c3d4e5f60718".to_owned(),
            connector,
            connector_type,
            connector_link,
            action: "list-users".to_owned(),
            flow,
            number,
            deployment,
            served,
            execution,
            trigger,
            script,
            script_key,
        }
    }

    /// Ids of the right kind that were never given to anything.
    fn unknown(&self) -> Self {
        let other = |id: &str| id.chars().rev().collect::<String>();
        let odd = |id: &str| {
            let (prefix, rest) = id.split_once('_').unwrap();
            format!("{prefix}_{}", other(rest))
        };
        Self {
            workspace: odd(&self.workspace),
            connection: odd(&self.connection),
            decision: odd(&self.decision),
            domain: odd(&self.domain),
            attempt: odd(&self.attempt),
            identity: odd(&self.identity),
            user: odd(&self.user),
            session: odd(&self.session),
            invitation: odd(&self.invitation),
            share: odd(&self.share),
            sp_key: odd(&self.sp_key),
            draft: odd(&self.draft),
            setup: odd(&self.setup),
            scim_token: odd(&self.scim_token),
            webhook: odd(&self.webhook),
            delivery: odd(&self.delivery),
            api_app: odd(&self.api_app),
            api_key: odd(&self.api_key),
            api_scope: "unknown:write".to_owned(),
            auth_profile: odd(&self.auth_profile),
            grant: odd(&self.grant),
            connector: odd(&self.connector),
            connector_type: "own-unknown".to_owned(),
            connector_link: odd(&self.connector_link),
            action: "unknown".to_owned(),
            flow: odd(&self.flow),
            number: "999".to_owned(),
            deployment: odd(&self.deployment),
            served: odd(&self.served),
            execution: odd(&self.execution),
            trigger: odd(&self.trigger),
            script: odd(&self.script),
            script_key: odd(&self.script_key),
        }
    }

    fn fill(&self, text: &str) -> String {
        let is_script = text.contains("/scripts/");
        let id = match text {
            _ if is_script => &self.script,
            _ if text.contains("/decisions/") => &self.decision,
            _ if text.contains("/invitations/") => &self.invitation,
            _ if text.contains("/users/") => &self.user,
            _ if text.contains("/me/sessions/") => &self.session,
            _ if text.contains("/sp-keys/") => &self.sp_key,
            _ if text.contains("/setup-links/") => &self.setup,
            _ if text.contains("/scim/tokens/") => &self.scim_token,
            _ if text.contains("/webhooks/") => &self.webhook,
            _ if text.contains("/api-apps/") => &self.api_app,
            _ if text.contains("/api-scopes/") => &self.api_scope,
            _ if text.contains("/auth-profiles/") => &self.auth_profile,
            _ if text.contains("/connector-types/") => &self.connector_type,
            _ if text.contains("/connectors/") => &self.connector,
            _ if text.contains("/deployments/") || text.contains("/dock-status/") => &self.deployment,
            _ if text.contains("/executions/") => &self.execution,
            _ if text.contains("/flows/") && text.ends_with("/run") => &self.served,
            _ if text.contains("/flows/") || text.contains("/workflows/") => &self.flow,
            _ => &self.connection,
        };
        text.replace("{id}", id)
            .replace("{domain_id}", &self.domain)
            .replace("{attempt_id}", &self.attempt)
            .replace("{identity_id}", &self.identity)
            .replace("{session_id}", &self.session)
            .replace("{share_id}", &self.share)
            .replace("{delivery_id}", &self.delivery)
            .replace("{key_id}", if is_script { &self.script_key } else { &self.api_key })
            .replace("{grant_id}", &self.grant)
            .replace("{link_id}", &self.connector_link)
            .replace("{connector_id}", &self.connector)
            .replace("{action}", &self.action)
            .replace("{number}", &self.number)
            .replace("{trigger_id}", &self.trigger)
            .replace("/executions/start", &format!("/executions/start?flowId={}", self.served))
            .replace("{api_app}", &self.api_app)
            .replace("/who-can", "/who-can?action=audit:read&")
            .replace("{draft_id}", &self.draft)
            .replace("{workspace}", &self.workspace)
    }
}

/// Whether an operation of the public API is about workflows.
fn ours(operation: &str) -> bool {
    operation.contains("workflows/")
        || operation.contains("dock-status")
        || operation.ends_with("public/files")
}

/// Every operation with its body, as a caller would send it.
async fn walk(
    ids: &Ids,
    caller: &Client,
    dry_run: bool,
    mut look: impl FnMut(&str, May, crate::support::Answer),
) {
    for (method, path, may, body) in OPERATIONS {
        let trial = if dry_run && *method != "get" { "?dryRun=true" } else { "" };
        let body = (!body.is_empty()).then(|| serde_json::from_str(&ids.fill(body)).unwrap());
        let filled = ids.fill(path);
        let trial = if filled.contains('?') { trial.replace('?', "&") } else { trial.to_owned() };
        let answer = caller.call(method, &format!("{filled}{trial}"), body).await;
        // a sign-in on the way leaves nothing behind
        caller.forget_cookies();
        look(&format!("{method} {path}"), *may, answer);
    }
}

/// The operations of the document and those of the table are the same.
async fn every_operation_of_the_document_is_in_the_table(t: TestApp) {
    let document: Value = serde_json::to_value(t.app.openapi()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys().filter(|k| *k != "parameters");
        documented.extend(methods.map(|method| format!("{method} {path}")));
    }
    let known: BTreeSet<_> = OPERATIONS.iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    let new: Vec<_> = documented.difference(&known).collect();
    let gone: Vec<_> = known.difference(&documented).collect();
    assert!(new.is_empty(), "decide who may call these, in OPERATIONS: {new:?}");
    assert!(gone.is_empty(), "these are no operations any more: {gone:?}");
    // what the document says of credentials is what the table says
    for (method, path, may, _) in OPERATIONS {
        let open = document["paths"][path][method]["security"] == serde_json::json!([{}]);
        assert_eq!(open, *may == Anyone, "{method} {path}: security in the document");
    }
}

async fn nobody_gets_401_where_somebody_is_needed(t: TestApp) {
    let ids = Ids::of(&t, &t.owner().await).await;
    walk(&ids, &t.client(), false, |operation, may, answer| match may {
        // their one refusal is about the credential in the body
        Anyone if operation.ends_with("/fire") || operation.contains("/functions/") => {
            drop(answer.refused(401, "authentication_error"))
        }
        Anyone if operation.ends_with("/token") || operation.contains("/second-step") => {
            drop(answer.refused(401, "authentication_error"))
        }
        // closed unless the operator opens it
        Anyone if operation.contains("/sign-up") => drop(answer.refused(404, "not_found")),
        Anyone if operation.ends_with("/confirm") => drop(answer.refused(400, "validation_error")),
        Anyone => assert!(matches!(answer.status, 200 | 202), "{operation}: {}", answer.body),
        _ => {
            let error = answer.refused(401, "authentication_error");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{operation}");
            // strangers' refusals are recorded at a measured pace
            t.clock.advance(5);
            assert!(error["decision"].is_string(), "{operation}: {error}");
        }
    })
    .await;
}

async fn viewers_and_members_get_403_where_an_admin_is_needed(t: TestApp) {
    let ids = Ids::of(&t, &t.owner().await).await;
    for role in [Role::Viewer, Role::Member] {
        let caller = t.member_of(role).await;
        walk(&ids, &caller, true, |operation, may, answer| match may {
            Member if role == Role::Member => {
                assert!(!matches!(answer.status, 401 | 403), "{role} {operation}: {}", answer.body);
            }
            Member | Admin | Owner => {
                let error = answer.refused(403, "authorization_error");
                assert!(error["decision"].is_string(), "{role} {operation}: {error}");
            }
            // passwords are not tried on trial
            SignedIn if operation.ends_with("/password") => {
                drop(answer.refused(400, "invalid_request_error"))
            }
            SignedIn => assert_eq!(answer.status, 200, "{role} {operation}: {}", answer.body),
            Own => drop(answer.refused(404, "not_found")),
            Personal => assert!(!matches!(answer.status, 401 | 403), "{role} {operation}: {}", answer.body),
            Anyone => {}
        })
        .await;
    }
}

async fn admins_and_owners_may_call_everything(t: TestApp) {
    let owner = t.owner().await;
    let ids = Ids::of(&t, &owner).await;
    for caller in [t.member_of(Role::Admin).await, owner] {
        let is_owner = caller.get("/api/v1/me").await.ok()["role"] == "owner";
        walk(&ids, &caller, true, |operation, may, answer| {
            let fits = match may {
                Anyone => true,
                // there is a next key already, for the operations that need one
                Admin if operation == "post /api/v1/sso/sp-keys" => answer.status == 409,
                // nothing waits for anybody
                Admin if operation.ends_with("/waiting/fallback") => answer.status == 404,
                // nothing is in service
                Admin if operation == "post /api/v1/scripts/{id}/undeploy" => answer.status == 409,
                // nobody is suspended
                Admin if operation.ends_with("/reactivate") => answer.status == 409,
                // who has no other way in proves it first
                Admin if operation.ends_with("/settings/enable") && !is_owner => answer.status == 400,
                Own => answer.status == 404,
                // there is nothing yet of models and guardrails
                _ if operation.contains("/api/public/") && !ours(operation) => answer.status == 404,
                Personal | Member => !matches!(answer.status, 401 | 403),
                Owner if !is_owner => answer.status == 403,
                _ => answer.status == if operation.ends_with("/password") { 400 } else { 200 },
            };
            assert!(fits, "{operation}: {} {}", answer.status, answer.body);
        })
        .await;
    }
}

async fn another_workspaces_ids_answer_like_ids_that_do_not_exist(t: TestApp) {
    let owner = t.owner().await;
    let ids = Ids::of(&t, &owner).await;
    let stranger = t.stranger().await;
    for (method, path, may, body) in OPERATIONS.iter().filter(|o| o.2 != Anyone) {
        let ask = async |caller: &Client, ids: &Ids| {
            let body = (!body.is_empty()).then(|| serde_json::from_str(&ids.fill(body)).unwrap());
            caller.call(method, &format!("{}?dryRun=false", ids.fill(path)), body).await
        };
        if path.contains('{') || body.contains('{') && body.contains("{workspace}") {
            let theirs = ask(&stranger, &ids).await;
            theirs.refused(404, "not_found");
            let unknown = ask(&stranger, &ids.unknown()).await;
            assert_eq!(theirs.body, unknown.body, "{method} {path}");
        } else if *method == "get" {
            let own = ask(&stranger, &ids).await;
            assert_eq!(own.status, 200, "{may:?} {method} {path}: {}", own.body);
            let foreign =
                [&ids.connection, &ids.workspace, &ids.attempt, &ids.domain, &ids.identity, &ids.user];
            for foreign in foreign.into_iter().chain([&ids.session, &ids.invitation]) {
                assert!(!own.body.contains(foreign), "{method} {path} shows {foreign}: {}", own.body);
            }
        }
    }
    let still = owner.get(&ids.fill("/api/v1/sso/connections/{id}")).await.ok();
    assert_eq!((&still["status"], &still["description"]), (&"active".into(), &Value::Null));
}

async fn the_parts_of_one_connection_are_not_found_under_another(t: TestApp) {
    let owner = t.owner().await;
    let ids = Ids::of(&t, &owner).await;
    let other = owner.post("/api/v1/sso/connections", serde_json::from_str(OIDC).unwrap()).await.ok();
    let me = owner.get("/api/v1/me").await.ok()["user"]["id"].as_str().unwrap().to_owned();
    let hook = serde_json::json!({"url": "https://other.example/", "events": ["webhook.*"]});
    let hook = owner.post("/api/v1/webhooks", hook).await.ok()["webhook"]["id"].as_str().unwrap().to_owned();
    let connection = other["id"].as_str().unwrap().to_owned();
    let app = serde_json::json!({"name": "Other program"});
    let api_app = owner.post("/api/v1/api-apps", app).await.ok()["id"].as_str().unwrap().to_owned();
    let mut profile: Value = serde_json::from_str(AUTH_PROFILE).unwrap();
    profile["identityProviderName"] = "Other".into();
    let auth_profile = owner.post("/api/v1/auth-profiles", profile).await.ok()["id"].clone();
    let auth_profile = auth_profile.as_str().unwrap().to_owned();
    let connector = serde_json::json!({"type": ids.connector_type, "name": "Other connector"});
    let connector = owner.post("/api/v1/connectors", connector).await.ok()["id"].clone();
    let connector = connector.as_str().unwrap().to_owned();
    let flow =
        owner.post("/api/v1/flows", serde_json::json!({"name": "Other flow"})).await.ok()["id"].clone();
    let flow = flow.as_str().unwrap().to_owned();
    let script = crate::scripts::kept(&owner, "Other script").await;
    let mixed = Ids {
        connection,
        user: me,
        webhook: hook,
        api_app,
        auth_profile,
        connector,
        flow,
        script,
        ..ids.clone()
    };
    for (method, path, _, body) in
        OPERATIONS.iter().filter(|o| o.2 != Anyone && o.1.matches('{').count() >= 2)
    {
        let body = (!body.is_empty()).then(|| serde_json::from_str::<Value>(body).unwrap());
        let answer = owner.call(method, &mixed.fill(path), body.clone()).await;
        answer.refused(404, "not_found");
        let (connection, user, webhook) = (ids.connection.clone(), ids.user.clone(), ids.webhook.clone());
        let api_app = ids.api_app.clone();
        let auth_profile = ids.auth_profile.clone();
        let (connector, flow) = (ids.connector.clone(), ids.flow.clone());
        let script = ids.script.clone();
        let known = Ids {
            connection,
            user,
            webhook,
            api_app,
            auth_profile,
            connector,
            flow,
            script,
            ..ids.unknown()
        };
        let unknown = owner.call(method, &known.fill(path), body).await;
        // what a connector can do instead is told by its own name
        if path.contains("/actions/") {
            unknown.refused(404, "not_found");
        } else {
            assert_eq!(answer.body, unknown.body, "{method} {path}");
        }
    }
}

async fn the_console_sends_strangers_to_the_sign_in_page(t: TestApp) {
    for (method, path) in PAGES {
        let answer = t.client().call(method, path, None).await;
        assert_eq!(answer.status, 303, "{method} {path}: {}", answer.body);
        let to = answer.location().unwrap();
        assert!(to == "/login" || to.starts_with("/login?returnTo=%2F"), "{method} {path}: {to}");
    }
}

async fn the_console_hides_single_sign_on_from_viewers_and_members(t: TestApp) {
    for role in [Role::Viewer, Role::Member] {
        t.person(&format!("{role}@main.test"), role).await;
        let browser = t.browser(&format!("{role}@main.test")).await;
        for page in [
            "/settings/security/sso",
            "/settings/security/sso/attempts",
            "/settings/security/sso/keys",
            "/settings/security/sso/metadata",
            "/settings/security/sso/metadata/stop",
            "/settings/security/scim",
            "/settings/security/scim/activities",
            "/settings/security/webhooks",
            "/settings/security/webhooks/whk_1",
            "/settings/security/webhooks/whk_1/deliveries/dlv_1",
            "/settings/security/api-scopes",
            "/settings/security/api-scopes/new",
            "/integrations/connectors/new/salesforce",
            "/integrations/connectors/types/new",
            "/integrations/connectors/types/salesforce",
            "/integrations/connectors/cnr_1/user-authentications",
            "/scripts/scr_1/undeploy",
            "/scripts/scr_1/delete",
            "/scripts/scr_1/keys",
            "/scripts/scr_1/keys/new",
            "/scripts/scr_1/keys/sck_1/delete",
            "/settings/security/why",
            "/settings/security/why?ask=who-can&what=sso:manage",
            "/settings/decisions/dec_1",
        ] {
            assert_eq!(browser.get(page).await.status, 403, "{page}");
        }
        // members import and deploy scripts; viewers see them
        let status = if role == Role::Viewer { 403 } else { 200 };
        assert_eq!(browser.get("/scripts/new").await.status, status);
        assert_eq!(browser.get("/scripts").await.status, 200);
        assert!(
            !browser.get("/").await.body.contains("/settings/security/sso"),
            "{role} sees the menu entry"
        );
    }
    assert_eq!(t.browser("owner@main.test").await.get("/settings/security/sso").await.status, 200);
}

on_both![
    every_operation_of_the_document_is_in_the_table,
    nobody_gets_401_where_somebody_is_needed,
    viewers_and_members_get_403_where_an_admin_is_needed,
    admins_and_owners_may_call_everything,
    another_workspaces_ids_answer_like_ids_that_do_not_exist,
    the_parts_of_one_connection_are_not_found_under_another,
    the_console_sends_strangers_to_the_sign_in_page,
    the_console_hides_single_sign_on_from_viewers_and_members,
];
