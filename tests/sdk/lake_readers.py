"""Reads the lake without Footfall: DuckDB and Polars on the files that the manifest names, and on the published Delta tables."""

import json
import os
import sys
from pathlib import Path

import deltalake
import duckdb
import polars

lake = Path(os.environ["FOOTFALL_LAKE"])
project = os.environ.get("FOOTFALL_PROJECT", "default")
manifest = json.loads((lake / "manifest.json").read_text())["manifest"]
if isinstance(manifest, str):
    manifest = json.loads(manifest)


def files(table):
    return [str(lake / file["path"]) for file in manifest["projects"][project].get(table, [])]


def delta(table):
    return str(lake / f"project={project}" / table)


RESOLVED = (
    "SELECT coalesce(o.canonical_person_id, a.person_id) AS person, a.* "
    "FROM activity a LEFT JOIN overrides o ON a.person_id = o.person_id"
)


def by_duckdb(activity, overrides):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, rows in [("activity", activity), ("overrides", overrides)]:
        if isinstance(rows, list):
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({rows!r}, union_by_name = true)")
        else:
            connection.register(name, rows)
    connection.execute(f"CREATE VIEW resolved AS {RESOLVED}")
    count = lambda sql: {key: number for key, number in connection.execute(sql).fetchall()}
    return {
        "total": connection.execute("SELECT count(*) FROM resolved").fetchone()[0],
        "people": connection.execute("SELECT count(DISTINCT person) FROM resolved").fetchone()[0],
        "events": count("SELECT event, count(*) FROM resolved GROUP BY event"),
        "repos": count("SELECT coalesce(properties->>'$.repo', ''), count(*) FROM resolved GROUP BY 1"),
        "months": count("SELECT strftime(date_trunc('month', timestamp), '%Y-%m-%d'), count(*) FROM resolved GROUP BY 1"),
    }


def by_polars(activity, overrides):
    columns = ["person_id", "event", "timestamp"]
    resolved = (
        activity.select(columns)
        .join(overrides.select("person_id", "canonical_person_id"), on="person_id", how="left")
        .with_columns(
            polars.coalesce("canonical_person_id", "person_id").alias("person"),
            polars.col("timestamp").dt.strftime("%Y-%m-01").alias("month"),
        )
        .collect()
    )
    count = lambda column: dict(resolved.group_by(column).len().iter_rows())
    return {
        "total": resolved.height,
        "people": resolved["person"].n_unique(),
        "events": count("event"),
        "months": count("month"),
    }


print(
    json.dumps(
        {
            "duckdb": by_duckdb(files("activity"), files("person_overrides")),
            "polars": by_polars(
                polars.scan_parquet(files("activity"), missing_columns="insert", extra_columns="ignore"),
                polars.scan_parquet(files("person_overrides")),
            ),
            "delta_polars": by_polars(polars.scan_delta(delta("activity")), polars.scan_delta(delta("person_overrides"))),
            "delta_duckdb": by_duckdb(
                deltalake.DeltaTable(delta("activity")).to_pyarrow_dataset(),
                deltalake.DeltaTable(delta("person_overrides")).to_pyarrow_dataset(),
            ),
        }
    ),
    file=sys.stdout,
)
