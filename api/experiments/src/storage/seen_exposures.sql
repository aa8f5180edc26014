-- Whether the server tells exposures for a key whose SDK tells nobody.
ALTER TABLE flag_connections ADD COLUMN records_exposures BIGINT NOT NULL DEFAULT 0;
