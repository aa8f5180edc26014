-- Keys of programs, by the SHA-256 of their text. project_id and account_id are '' where they do not apply.
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    replaces TEXT,
    replaced_by TEXT
);
CREATE INDEX keys_by_organisation ON keys (organisation_id);
CREATE INDEX keys_by_account ON keys (account_id);
