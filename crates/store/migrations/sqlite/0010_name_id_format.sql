-- The kind of name by which a provider knows a person (SAML 2.0 core §8.3); known from the next sign-in on.
ALTER TABLE sso_identities ADD COLUMN name_id_format TEXT;
