"""The same questions over REST, PostgreSQL's protocol and Flight SQL: rows, parameters, refusals, ends.

Prints one line of JSON with what was compared. Any difference ends it with an error.
"""

import datetime
import decimal
import json
import math
import os
import random
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request

import adbc_driver_flightsql.dbapi as flight
import adbc_driver_manager
import duckdb
import polars
import psycopg
from adbc_driver_flightsql import DatabaseOptions

URL = os.environ["FOOTFALL_URL"]
PG_PORT = int(os.environ["FOOTFALL_PG_PORT"])
FLIGHT_PORT = int(os.environ["FOOTFALL_FLIGHT_PORT"])
READ_KEY = os.environ["FOOTFALL_READ_KEY"]
PARTNER = os.environ["FOOTFALL_PARTNER"]
SEED = int(os.environ["FOOTFALL_TEST_SEED"])
COUNT = int(os.environ.get("FOOTFALL_QUESTIONS", "500"))
UTC = datetime.timezone.utc


def rest(sql, token, params=None):
    body = json.dumps({"sql": sql, "params": params or []}).encode()
    request = urllib.request.Request(
        f"{URL}/v1/projects/default/sql",
        body,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["rows"]
    except urllib.error.HTTPError as error:
        return json.load(error)["code"]


def postgres(token, **more):
    return psycopg.connect(
        host="127.0.0.1", port=PG_PORT, user="anyone", password=token, dbname="default", autocommit=True, **more
    )


def arrow(token, handshake=True):
    login = {"username": "anyone", "password": token}
    bearer = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
    header = f"{DatabaseOptions.RPC_CALL_HEADER_PREFIX.value}x-footfall-project"
    options = {**(login if handshake else bearer), header: "default"}
    return flight.connect(f"grpc://127.0.0.1:{FLIGHT_PORT}", db_kwargs=options, autocommit=True)


def plain(value):
    """A value as all three doors can say it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, float):
        return None if not math.isfinite(value) else float(f"{value:.9g}")
    if isinstance(value, int):
        return float(f"{value:.9g}") if abs(value) > 1 << 53 else float(value)
    if isinstance(value, datetime.datetime):
        value = value if value.tzinfo else value.replace(tzinfo=UTC)
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and len(value) >= 20 and value[4] == "-" and value[10] == "T" and value.endswith("Z"):
        whole, _, fraction = value[:-1].partition(".")
        return f"{whole}.{fraction:0<6.6}"
    return value


def ordered(rows):
    rows = [tuple(json.dumps(plain(value)) for value in row) for row in rows]
    return sorted(rows)


# Questions.

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


def compare(token, count, restricted):
    chance = random.Random(f"{SEED} {restricted}")
    rows = 0
    with postgres(token) as connection, arrow(token, handshake=not restricted) as arrows:
        # psycopg's raw cursor keeps $1.
        cursor = psycopg.RawCursor(connection)
        binary = psycopg.RawCursor(connection)
        binary.format = psycopg.pq.Format.BINARY
        adbc = arrows.cursor()
        for number in range(count):
            sql, params = question(chance, restricted)
            expected = rest(sql, token, params)
            assert isinstance(expected, list), f"{sql} {params}: {expected}"
            chosen = binary if number % 2 else cursor
            got = chosen.execute(sql, params or None, prepare=number % 3 == 0).fetchall()
            assert ordered(got) == ordered(expected), f"postgres: {sql} {params}\n{got[:5]}\n{expected[:5]}"
            adbc.execute(sql, params or None)
            table = adbc.fetch_arrow_table()
            got = [tuple(row) for row in zip(*(column.to_pylist() for column in table.columns))]
            assert ordered(got) == ordered(expected), f"flight: {sql} {params}\n{got[:5]}\n{expected[:5]}"
            if number % 25 == 0 and table.num_columns and table.num_rows:
                answer = table
                assert polars.from_arrow(answer).height == len(expected)
                assert duckdb.sql("SELECT count(*) FROM answer").fetchall() == [(len(expected),)]
            rows += len(expected)
        adbc.close()
    return rows


# Behaviour of PostgreSQL's door.


def state_of(act):
    try:
        act()
    except psycopg.Error as error:
        return error.sqlstate or type(error).__name__
    return None


def refusals():
    with postgres(READ_KEY) as connection:
        for sql, state in [
            ("SELEC 1", "42601"), ("SELECT nope FROM activity", "42703"), ("SELECT * FROM nowhere", "42P01"),
            ("SELECT nope(1)", "42883"), ("DELETE FROM activity", "25006"), ("SELECT 1 / 0", "22000"),
            ("CREATE TABLE t (a int)", "25006"), ("SELECT $1::int + $2", "42P02"),
        ]:
            got = state_of(lambda sql=sql: psycopg.ClientCursor(connection).execute(sql))
            assert got == state, f"{sql}: {got}, not {state}"
        try:
            connection.execute("SELECT event,\n  ünknown FROM activity")
        except psycopg.Error as error:
            assert error.diag.statement_position == "17", error.diag.statement_position
        assert connection.execute("SELECT 1").fetchall() == [(1,)], "the session goes on after errors"
        with connection.transaction():
            assert connection.execute("SELECT count(*) FROM activity").fetchone()[0] > 0
        connection.execute("SET statement_timeout = 1")
        got = state_of(lambda: connection.execute("SELECT count(*) FROM activity a, activity b, activity c WHERE a.event < b.event"))
        assert got == "57014", got
        connection.execute("SET statement_timeout = 0")
        with connection.cursor() as many:
            many.execute("SELECT 1 AS a; SELECT 2 AS a; SELECT 'x;y' AS a")
            seen = [many.fetchall()]
            while many.nextset():
                seen.append(many.fetchall())
            assert seen == [[(1,)], [(2,)], [("x;y",)]], seen
        ints = connection.execute("SELECT 2 = ANY(%s), 'b' = ANY(%s)", ([1, 2], ["a"])).fetchone()
        assert ints == (True, False), ints
    for key, project in [("ffr_wrong", "default"), ("", "default"), (READ_KEY, "elsewhere"), (READ_KEY[:-1], "default")]:
        def wrong(key=key, project=project):
            psycopg.connect(host="127.0.0.1", port=PG_PORT, user="x", password=key or "x", dbname=project).close()
        assert state_of(wrong) is not None, (key[:4], project)


def cancellation():
    with postgres(READ_KEY) as connection:
        started = time.monotonic()
        threading.Timer(0.5, connection.cancel_safe).start()
        got = state_of(lambda: connection.execute(
            "SELECT count(*) FROM activity a, activity b, activity c WHERE a.message_id < b.message_id AND b.event <> c.event"))
        took = time.monotonic() - started
        assert got == "57014", got
        assert took < 20, took
        assert connection.execute("SELECT 1").fetchone() == (1,)
    return round(took, 2)


def revocation():
    run = [os.environ["FOOTFALL_BIN"], "keys"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    environment["FOOTFALL_DATA_DIR"] = os.environ["FOOTFALL_DATA"]
    key = subprocess.run([*run, "create", "--kind", "read"], env=environment, capture_output=True, text=True, check=True).stdout.strip()
    with postgres(key) as connection, arrow(key) as arrows:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        listed = subprocess.run([*run, "list"], env=environment, capture_output=True, text=True, check=True).stdout
        name = next(line for line in listed.splitlines() if key[-4:] in line).split(" ")[0]
        subprocess.run([*run, "revoke", name], env=environment, capture_output=True, check=True)
        assert state_of(lambda: connection.execute("SELECT 1")) == "28P01"
        assert connection.closed, "the session of a revoked key ends"
        try:
            arrows.cursor().execute("SELECT 1")
            raise SystemExit("a revoked key still reads over Flight SQL")
        except adbc_driver_manager.Error as error:
            assert "UNAUTHENTICATED" in str(error).upper(), error


def garbage():
    """Whatever comes first, the door ends it and goes on."""
    chance = random.Random(SEED)
    for number in range(300):
        with socket.create_connection(("127.0.0.1", PG_PORT), timeout=5) as stranger:
            length = chance.choice([0, 3, 8, 9, 64, 9_999, 10_001, 2**31 - 1])
            head = struct.pack("!i", length) + struct.pack("!i", chance.choice([196608, 196610, 80877103, 80877102, 0, -1]))
            body = chance.randbytes(chance.randrange(0, 200))
            stranger.sendall(chance.choice([head + body, body, head]))
            if chance.random() < 0.2:
                # Until it is closed or it waits for more; a start-up is answered by an error or by a question.
                stranger.settimeout(0.05)
                try:
                    stranger.recv(64)
                except OSError:
                    pass
    with postgres(READ_KEY) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def slow_readers():
    """Clients that ask for much and read nothing hold up nobody."""
    idle = []
    for _ in range(12):
        connection = psycopg.connect(host="127.0.0.1", port=PG_PORT, user="x", password=READ_KEY, dbname="default")
        connection.pgconn.send_query(b"SELECT a.properties, b.properties FROM activity a, activity b LIMIT 900000")
        idle.append(connection)
    started = time.monotonic()
    with postgres(READ_KEY) as connection:
        while True:
            got = state_of(lambda: connection.execute("SELECT count(*) FROM activity"))
            if got is None:
                break
            assert got == "53300", got
            assert time.monotonic() - started < 60, "slow readers keep everybody out"
    for connection in idle:
        connection.close()
    return round(time.monotonic() - started, 1)


# Behaviour of the Flight door.


def flight_behaviour():
    with arrow(READ_KEY) as connection:
        assert connection.adbc_get_table_types() == ["TABLE"]
        tree = connection.adbc_get_objects(depth="columns").read_all().to_pylist()
        schemas = [schema for catalog in tree for schema in catalog["catalog_db_schemas"]]
        tables = {table["table_name"] for schema in schemas for table in schema["db_schema_tables"]}
        assert {"activity", "persons", "sessions"} <= tables, tables
        assert connection.adbc_get_info()["vendor_name"] == "Footfall"
        assert "event" in connection.adbc_get_table_schema("activity").names
        for sql, word in [("DELETE FROM activity", "only reads"), ("SELECT nope FROM activity", "nope"), ("SELEC", "")]:
            try:
                connection.cursor().execute(sql).fetchall()
                raise SystemExit(f"{sql} was answered")
            except adbc_driver_manager.Error as error:
                assert word in str(error), error
        with connection.cursor() as cursor:
            cursor.execute("SELECT $1 AS a, $2 AS b", ["it's", 7])
            assert cursor.fetchone()[0] == "it's"
            reader = cursor.execute("SELECT a.properties FROM activity a, activity b").fetch_record_batch()
            reader.read_next_batch()
            cursor.adbc_cancel()
    try:
        arrow("ffr_wrong").close()
        raise SystemExit("a wrong key was let in")
    except adbc_driver_manager.Error as error:
        assert "UNAUTHENTICATED" in str(error).upper(), error


def main():
    compared = compare(READ_KEY, COUNT, False)
    restricted = compare(PARTNER, max(COUNT // 5, 1), True)
    refusals()
    flight_behaviour()
    garbage()
    account = {"compared": COUNT, "rows": compared, "restricted": max(COUNT // 5, 1), "restricted_rows": restricted}
    account["cancelled_after"] = cancellation()
    account["slow_readers"] = slow_readers()
    revocation()
    print(json.dumps(account))


main()
