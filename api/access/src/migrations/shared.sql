-- Answers to requests that may be sent again, by key within account and route. status is missing while the first is under way.
CREATE TABLE idempotency_keys (
    scope TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    ticket BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    status BIGINT,
    headers TEXT,
    body TEXT
);
CREATE INDEX idempotency_keys_by_end ON idempotency_keys (ends_at);

-- Rate limits that processes share. due: until when a bucket is empty, in microseconds since 1970.
CREATE TABLE rate_buckets (
    name TEXT PRIMARY KEY,
    due BIGINT NOT NULL,
    taken BIGINT NOT NULL
);
CREATE INDEX rate_buckets_by_due ON rate_buckets (due);
