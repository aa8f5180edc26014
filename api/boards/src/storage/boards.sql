-- Dashboards (as their files say them), questions, annotations, schedules (as JSON).
CREATE TABLE board_items (
    project_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    item_key TEXT NOT NULL,
    revision BIGINT NOT NULL,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (project_id, kind, item_key)
);

-- Public links and embeddings. Of a link's secret only the hash is kept.
CREATE TABLE board_shares (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    dashboard TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    password TEXT,
    origins TEXT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX board_shares_by_dashboard ON board_shares (project_id, dashboard, created_at);
CREATE INDEX board_shares_by_secret ON board_shares (secret_hash);

-- When a schedule is asked next, and whether its alert stands.
CREATE TABLE board_due (
    project_id TEXT NOT NULL,
    schedule TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    is_alarmed BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, schedule)
);
CREATE INDEX board_due_by_time ON board_due (next_at);

-- Each time that a schedule was asked, and what became of it.
CREATE TABLE board_runs (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    schedule TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT,
    fate TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX board_runs_by_schedule ON board_runs (project_id, schedule, began_at);
