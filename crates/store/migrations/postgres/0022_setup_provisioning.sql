-- Whether a setup link may also give the directory its token (SCIM).
ALTER TABLE sso_setup_links ADD COLUMN provisioning BOOLEAN NOT NULL DEFAULT FALSE;
