-- Where an organisation's alerts are sent. The secret that signs them is sealed.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    sealed TEXT NOT NULL,
    is_enabled BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX webhooks_by_organisation ON webhooks (organisation_id);

-- What waits to be sent, and what became of it. The id is the receiver's key against doubles.
CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    next_try_at BIGINT,
    tries BIGINT NOT NULL DEFAULT 0,
    sent_at BIGINT,
    status BIGINT,
    failure TEXT
);
CREATE INDEX webhook_deliveries_by_next_try ON webhook_deliveries (next_try_at);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, created_at);
