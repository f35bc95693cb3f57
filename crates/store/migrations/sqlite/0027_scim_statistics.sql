-- Who speaks with a token of the directory, on which of the last days it was used, and the last use after which its silence
-- was looked at.
ALTER TABLE scim_tokens ADD COLUMN dialect TEXT;
ALTER TABLE scim_tokens ADD COLUMN use_days BIGINT NOT NULL DEFAULT 0;
ALTER TABLE scim_tokens ADD COLUMN silence_of BIGINT;

-- What each token did on the days that are over (numbered since 1970, UTC), and which days were counted.
CREATE TABLE scim_days (
    token_id     TEXT NOT NULL,
    day          BIGINT NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    created      BIGINT NOT NULL,
    updated      BIGINT NOT NULL,
    deleted      BIGINT NOT NULL,
    refused      BIGINT NOT NULL,
    PRIMARY KEY (token_id, day)
);
CREATE INDEX scim_days_workspace ON scim_days (workspace_id, day);
CREATE TABLE scim_counted_days (
    day BIGINT PRIMARY KEY NOT NULL
);

-- the last thing that a token did is found at the end
DROP INDEX scim_activities_token;
CREATE INDEX scim_activities_token ON scim_activities (token_id, id);
