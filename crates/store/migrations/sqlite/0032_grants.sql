-- An end of a refresh token that the provider told of is mailed ahead, once for each of the days ahead.
ALTER TABLE oauth_grants ADD COLUMN end_told_days BIGINT;
CREATE INDEX oauth_grants_refresh_end ON oauth_grants (refresh_expires_at) WHERE refresh_expires_at IS NOT NULL;

-- An authorization that is under way names the right that it takes; those of before are begun again.
DELETE FROM oauth_requests;
ALTER TABLE oauth_requests ADD COLUMN needs TEXT NOT NULL DEFAULT '';
CREATE INDEX oauth_requests_person ON oauth_requests (workspace_id, user_id);

-- What browsers brought of a server is forgotten; what a server publishes is learned again.
DELETE FROM oauth_servers;
