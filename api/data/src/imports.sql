-- What became of imports, as far as each process has filled the tables with them.
CREATE TABLE import_accounts (
    import_id TEXT NOT NULL,
    -- One run of a process.
    writer TEXT NOT NULL,
    stored BIGINT NOT NULL,
    duplicate BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    erased BIGINT NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (import_id, writer)
);
CREATE INDEX import_accounts_by_time ON import_accounts (noted_at);
