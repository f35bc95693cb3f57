-- When client secrets of OpenID Connect end; people are warned before.

ALTER TABLE sso_connections ADD COLUMN client_secret_expires_at BIGINT;
ALTER TABLE sso_drafts ADD COLUMN client_secret_expires_at BIGINT;
