-- What projects configure. Definitions and states are JSON.
CREATE TABLE flag_definitions (
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    item_key TEXT NOT NULL,
    revision BIGINT NOT NULL,
    definition TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, kind, item_key)
);

-- Every revision there was, the deleted included (definition is then '').
CREATE TABLE flag_revisions (
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    item_key TEXT NOT NULL,
    revision BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    act TEXT NOT NULL,
    definition TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (project_id, kind, item_key, revision)
);

-- Counts the changes of each project: other processes notice by it, and writers of one project wait for each other.
CREATE TABLE flag_generations (
    project_id TEXT PRIMARY KEY,
    generation BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE flag_schedule (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    item_key TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    change TEXT NOT NULL,
    reason TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    done_at BIGINT,
    outcome TEXT NOT NULL
);
CREATE INDEX flag_schedule_by_time ON flag_schedule (done_at, due_at);
CREATE INDEX flag_schedule_by_project ON flag_schedule (project_id, due_at);

-- How an SDK client key is served: key_id is that of the key.
CREATE TABLE flag_connections (
    key_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    environment TEXT NOT NULL,
    encryption_key TEXT,
    is_remote BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX flag_connections_by_project ON flag_connections (project_id);
