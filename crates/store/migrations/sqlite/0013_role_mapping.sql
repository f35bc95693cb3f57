-- Which groups of the provider give which role (JSON); nothing is mapped without it.
ALTER TABLE sso_connections ADD COLUMN role_mapping TEXT;
ALTER TABLE sso_drafts ADD COLUMN role_mapping TEXT;
