-- People who are exempt from user authentications: on every connector of the company they act as its user.

CREATE TABLE user_authentication_exemptions (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    created_by   TEXT,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);

-- How many executions of a flow are not over.
CREATE INDEX executions_open ON executions (flow_id) WHERE ended_at IS NULL;
