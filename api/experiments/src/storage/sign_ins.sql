-- By which id the flags of somebody fell before they signed in, where a flag keeps that.
CREATE TABLE flag_sign_ins (
    project_id TEXT NOT NULL,
    distinct_id TEXT NOT NULL,
    hash_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (project_id, distinct_id)
);
CREATE INDEX flag_sign_ins_by_hash ON flag_sign_ins (project_id, hash_id);
CREATE INDEX flag_sign_ins_by_time ON flag_sign_ins (project_id, at);
