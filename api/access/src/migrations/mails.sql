-- Mails that wait to be sent. Contents are sealed, since they carry one-time links, and are removed once sent.
CREATE TABLE mails (
    id TEXT PRIMARY KEY,
    recipient TEXT NOT NULL,
    template TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    next_try_at BIGINT,
    tries BIGINT NOT NULL DEFAULT 0,
    sent_at BIGINT,
    failure TEXT
);
CREATE INDEX mails_by_next_try ON mails (next_try_at);
