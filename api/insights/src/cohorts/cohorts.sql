-- Saved groups of people. Definitions are JSON, and may name others of the project.
CREATE TABLE insight_cohorts (
    project_id TEXT NOT NULL,
    cohort_key TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    definition TEXT NOT NULL,
    -- The keys that the definition names, as a JSON array.
    names TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, cohort_key)
);
