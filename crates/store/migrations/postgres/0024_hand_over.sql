-- Who answers for what is the company's, and to whom it went when somebody left.

ALTER TABLE scim_tokens ADD COLUMN responsible_id TEXT;
UPDATE scim_tokens SET responsible_id = created_by;
CREATE INDEX scim_tokens_responsible ON scim_tokens (workspace_id, responsible_id);

ALTER TABLE webhooks ADD COLUMN responsible_id TEXT;
UPDATE webhooks SET responsible_id = created_by;

ALTER TABLE offboardings ADD COLUMN handed_over_at BIGINT;
ALTER TABLE offboardings ADD COLUMN handed_over_to TEXT;
ALTER TABLE offboardings ADD COLUMN handed_over_by TEXT;
