-- Tracking plans. A project's row changes with everything of its plan, so that who remembers plans reads these alone.
CREATE TABLE tracking_plans (
    project_id TEXT PRIMARY KEY,
    unplanned TEXT NOT NULL,
    revision BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);

CREATE TABLE tracking_plan_activities (
    project_id TEXT NOT NULL,
    activity TEXT NOT NULL,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    -- JSON Schema; NULL where properties may be anything.
    schema_json TEXT,
    on_violation TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (project_id, activity)
);

-- What each revision made of an activity, as JSON; `null` is its end.
CREATE TABLE tracking_plan_revisions (
    project_id TEXT NOT NULL,
    activity TEXT NOT NULL,
    revision BIGINT NOT NULL,
    content TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (project_id, activity, revision)
);

-- No values: an example is named by its id, and read from the tables under the reader's policy.
CREATE TABLE tracking_plan_violations (
    project_id TEXT NOT NULL,
    activity TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    fate TEXT NOT NULL,
    times BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    example_id TEXT NOT NULL,
    example_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, activity, kind, path, fate)
);
