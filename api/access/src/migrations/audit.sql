-- Every security-relevant act, chained by hash (audit/record.rs).
CREATE TABLE audit (
    sequence BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    address TEXT NOT NULL,
    device TEXT NOT NULL,
    place TEXT NOT NULL,
    request_id TEXT NOT NULL,
    before_state TEXT NOT NULL,
    after_state TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_organisation ON audit (organisation_id, sequence);
CREATE INDEX audit_by_actor ON audit (actor, sequence);

-- The end of the chain. Its row is locked by whoever appends, so that the chain has no forks.
CREATE TABLE audit_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, '');

-- What other processes have to know within a second: revoked sessions, changed roles, new keys (changes.rs).
CREATE TABLE changes (
    sequence BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL
);
CREATE TABLE change_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL
);
INSERT INTO change_head (id, sequence) VALUES (1, 0);
