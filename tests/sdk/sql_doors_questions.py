"""Random questions, whose rows have to be the same through every door."""

import random

import duckdb
import polars
import psycopg

from sql_doors_gear import SEED, arrow, ordered, postgres, rest


GROUPS = [
    "event", "country", "device_type", "os", "properties->>'plan'", "date_trunc('day', timestamp)",
    "CAST(timestamp AS DATE)", "extract(hour FROM timestamp)", "coalesce(city, '-')", "length(event) > 8",
]
MEASURES = [
    "count(*)", "count(DISTINCT person_id)", "min(timestamp)", "max(received_at)", "sum(amount)", "avg(amount)",
    "count(amount)", "max(event)", "bool_or(amount > 10)", "sum(CAST(length(event) AS BIGINT))",
    "CAST(round(avg(length(properties))) AS INTEGER)", "CAST(sum(amount) AS DECIMAL(18, 3))",
]
COLUMNS = [
    "message_id", "event", "timestamp", "amount", "country", "properties->>'plan'", "properties->>'email'", "latitude",
    "amount IS NULL", "upper(event)", "length(properties)", "timestamp - INTERVAL '1 day'", "NULLIF(country, 'DE')",
    "CAST(amount AS DECIMAL(12, 2))", "CAST(timestamp AS DATE)", "amount / 3", "''", "'a\"b\\c,{}'", "NULL",
    "make_array(event, country)", "make_array(1, NULL, 3)", "CAST(7 AS SMALLINT)", "properties",
]


def condition(chance):
    kind = chance.randrange(8)
    event = chance.choice(["$pageview", "visit", "rsvp", "search", "O'Neil", "%"])
    if kind == 0:
        return "event = $1", [event]
    if kind == 1:
        return "event <> $1 AND length(event) < $2", [event, chance.randrange(4, 20)]
    if kind == 2:
        return "amount > $1", [round(chance.random() * 50, 3)]
    if kind == 3:
        return "country IN ($1, $2)", [chance.choice(["DE", "FR", "US"]), chance.choice(["GB", "ES", "AT"])]
    if kind == 4:
        return "(amount IS NULL) = $1", [chance.random() < 0.5]
    if kind == 5:
        return f"extract(hour FROM timestamp) >= {chance.randrange(24)}", []
    if kind == 6:
        return "event LIKE $1", [chance.choice(["%a%", "$%", "_e%"])]
    return "true", []


def question(chance, restricted):
    where, params = condition(chance)
    kind = chance.randrange(10)
    if kind < 5:
        groups = chance.sample(GROUPS, chance.randrange(1, 3))
        measures = chance.sample(MEASURES, chance.randrange(1, 4))
        names = [f"{part} AS c{place}" for place, part in enumerate(groups + measures)]
        places = ", ".join(str(place + 1) for place in range(len(groups)))
        return f"SELECT {', '.join(names)} FROM activity WHERE {where} GROUP BY {places}", params
    if kind < 8 or restricted:
        columns = chance.sample(COLUMNS, chance.randrange(1, 6))
        names = ", ".join(f"{part} AS c{place}" for place, part in enumerate(columns))
        limit = chance.choice([1, 7, 100])
        return f"SELECT {names} FROM activity WHERE {where} ORDER BY message_id LIMIT {limit}", params
    if kind == 8:
        table = chance.choice(["persons", "person_ids", "sessions"])
        column = {"persons": "person_id", "person_ids": "distinct_id", "sessions": "session_id"}[table]
        return f"SELECT * FROM {table} ORDER BY {column} LIMIT {chance.choice([1, 20])}", []
    return (
        "SELECT a.event AS e, count(*) AS n, min(s.start) AS s FROM activity AS a JOIN sessions AS s USING (person_id) "
        f"WHERE {where.replace('event', 'a.event').replace('amount', 'a.amount')} GROUP BY 1",
        params,
    )


def same_everywhere(doors, number, sql, params):
    """The rows of one question, which are the same over REST, PostgreSQL's protocol and Flight SQL. `number` varies how it is asked."""
    token, cursor, adbc = doors
    expected = rest(sql, token, params)
    assert isinstance(expected, list), f"{sql} {params}: {expected}"
    got = cursor.execute(sql, params or None, prepare=number % 3 == 0).fetchall()
    assert ordered(got) == ordered(expected), f"postgres: {sql} {params}\n{got[:5]}\n{expected[:5]}"
    adbc.execute(sql, params or None)
    table = adbc.fetch_arrow_table()
    got = [tuple(row) for row in zip(*(column.to_pylist() for column in table.columns))]
    assert ordered(got) == ordered(expected), f"flight: {sql} {params}\n{got[:5]}\n{expected[:5]}"
    if number % 25 == 0 and table.num_columns and table.num_rows:
        answer = table
        assert polars.from_arrow(answer).height == len(expected)
        assert duckdb.sql("SELECT count(*) FROM answer").fetchall() == [(len(expected),)]
    return expected


def compare(token, count):
    chance = random.Random(f"{SEED} {False}")
    rows = 0
    with postgres(token) as connection, arrow(token) as arrows:
        # psycopg's raw cursor keeps $1.
        cursors = psycopg.RawCursor(connection), psycopg.RawCursor(connection)
        cursors[1].format = psycopg.pq.Format.BINARY
        adbc = arrows.cursor()
        for number in range(count):
            sql, params = question(chance, False)
            rows += len(same_everywhere((token, cursors[number % 2], adbc), number, sql, params))
        adbc.close()
    return rows
