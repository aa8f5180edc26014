-- The people of uploaded lists, in pieces: ids of persons, 16 bytes each, as base64.
CREATE TABLE insight_cohort_people (
    project_id TEXT NOT NULL,
    cohort_key TEXT NOT NULL,
    -- The cohort's revision that the list came with.
    revision BIGINT NOT NULL,
    piece BIGINT NOT NULL,
    ids TEXT NOT NULL,
    PRIMARY KEY (project_id, cohort_key, revision, piece)
);
