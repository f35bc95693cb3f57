use super::{TEN, app, key, with_key};
use crate::support::{TestApp, on_both};

/// The public paths, each with the scope that opens it.
const PATHS: [(&str, &str); 13] = [
    ("/api/public/workflows/w1/deploy", "workflow:deploy"),
    ("/api/public/workflows/w1/undeploy", "workflow:undeploy"),
    ("/api/public/workflows/w1/export", "workflow:export"),
    ("/api/public/workflows/import", "workflow:import"),
    ("/api/public/files", "workflow:import"),
    ("/api/public/models/m1/deploy", "model:deploy"),
    ("/api/public/models/m1/undeploy", "model:undeploy"),
    ("/api/public/models/m1/export", "model:export"),
    ("/api/public/files/session/start", "model:import"),
    ("/api/public/files/session/s1", "model:import"),
    ("/api/public/files/session/s1/complete", "model:import"),
    ("/api/public/guardrails/g1/deploy", "guardrail:deploy"),
    ("/api/public/guardrails/g1/undeploy", "guardrail:undeploy"),
];

async fn each_scope_opens_its_own_paths_and_nothing_else(t: TestApp) {
    let owner = t.owner().await;
    let mut opened = 0;
    for scope in TEN {
        let key = key(&owner, &app(&owner, scope, &[scope]).await, "Key").await;
        for (path, needed) in PATHS {
            let answer = with_key(&t, &key.value, "POST", path).await;
            if needed == scope {
                answer.refused(404, "not_found");
                opened += 1;
            } else {
                let error = answer.refused(403, "authorization_error");
                assert!(error["decision"].is_string(), "{scope} {path}");
            }
        }
        with_key(&t, &key.value, "GET", "/api/public/dock-status/j1").await.refused(404, "not_found");
    }
    assert_eq!(opened, PATHS.len());
    for (path, _) in PATHS {
        with_key(&t, "gh_none", "POST", path).await.refused(401, "authentication_error");
        t.client().post_to(path).await.refused(401, "authentication_error");
    }
    with_key(&t, "gh_none", "GET", "/api/public/dock-status/j1").await.refused(401, "authentication_error");
}

on_both![each_scope_opens_its_own_paths_and_nothing_else];
