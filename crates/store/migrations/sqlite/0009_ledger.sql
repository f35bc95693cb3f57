-- Keyring rotation and signed segment heads of the audit chain.

-- Which master key wraps it (its fingerprint), its place in the order of keys, and since when nothing is under it.
ALTER TABLE data_keys ADD COLUMN master TEXT;
ALTER TABLE data_keys ADD COLUMN generation BIGINT NOT NULL DEFAULT 1;
ALTER TABLE data_keys ADD COLUMN retired_at BIGINT;

-- Rotations of the master key. One without an end is to be resumed.
CREATE TABLE keyring_rotations (
    id          TEXT PRIMARY KEY NOT NULL,
    from_master TEXT NOT NULL,
    to_master   TEXT NOT NULL,
    data_key    TEXT NOT NULL,
    resealed    BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT
);

-- Secrets of the installation itself, sealed: the root that keys for other purposes are derived from.
CREATE TABLE keyring_secrets (
    name       TEXT PRIMARY KEY NOT NULL,
    secret     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The keys that sign heads of audit chains. The id is the SHA-256 of the public key. A key is introduced by the one before.
CREATE TABLE audit_keys (
    id           TEXT PRIMARY KEY NOT NULL,
    owner_kind   TEXT NOT NULL,
    version      BIGINT NOT NULL,
    public_key   TEXT NOT NULL,
    private_key  TEXT NOT NULL,
    endorsed_by  TEXT,
    endorsement  TEXT,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    retired_at   BIGINT
);
CREATE UNIQUE INDEX audit_keys_version ON audit_keys (version);

-- Signed heads: what a chain was at a moment.
CREATE TABLE audit_signed_heads (
    chain     TEXT NOT NULL,
    sequence  BIGINT NOT NULL,
    hash      TEXT NOT NULL,
    at        BIGINT NOT NULL,
    key_id    TEXT NOT NULL REFERENCES audit_keys (id),
    signature TEXT NOT NULL,
    PRIMARY KEY (chain, sequence)
);
CREATE TRIGGER audit_signed_heads_no_update BEFORE UPDATE ON audit_signed_heads
BEGIN SELECT RAISE(ABORT, 'signed heads are append-only'); END;
CREATE TRIGGER audit_signed_heads_no_delete BEFORE DELETE ON audit_signed_heads
BEGIN SELECT RAISE(ABORT, 'signed heads are append-only'); END;
