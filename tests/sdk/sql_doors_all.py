"""What all doors have in common: moments, saved cohorts, readers who do not read, keys that are revoked."""

import datetime
import json
import os
import socket
import subprocess
import time

import adbc_driver_manager
import psycopg
import pyarrow.flight as arrow_flight

from sql_doors_gear import (
    PARTNER, PG_PORT, READ_KEY, URL, UTC, arrow, field, flight_client, is_at_rest, metric, postgres, rest, state_of, statement, until,
)


def moments():
    """A time with a zone is one through every door, as a column, a literal and a parameter."""
    zoned = ["CAST('2026-01-01T01:00:00+01:00' AS TIMESTAMPTZ)", "now()", "timestamp", "$1::timestamptz"]
    at = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    with postgres(READ_KEY) as connection, arrow(READ_KEY) as arrows:
        for binary in (False, True):
            cursor = psycopg.RawCursor(connection)
            cursor.format = psycopg.pq.Format(int(binary))
            cursor.execute(f"SELECT {', '.join(zoned)}, CAST('2026-01-01' AS TIMESTAMP) FROM activity LIMIT 1", [at])
            assert [column.type_code for column in cursor.description] == [1184, 1184, 1184, 1184, 1114], cursor.description
            row = cursor.fetchone()
            assert row[0] == at == row[3] and row[4] == at.replace(tzinfo=None), row
            assert abs((row[1] - datetime.datetime.now(UTC)).total_seconds()) < 300, row
        with arrows.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(zoned[:3])}, CAST('2026-01-01' AS TIMESTAMP) FROM activity LIMIT 1")
            table = cursor.fetch_arrow_table()
        zones = [field.type.tz for field in table.schema]
        assert zones == ["UTC", "UTC", "UTC", None], table.schema
        assert table.column(0)[0].as_py() == at, table
    assert rest(f"SELECT {zoned[0]}", READ_KEY) == [["2026-01-01T00:00:00.000000000Z"]], rest(f"SELECT {zoned[0]}", READ_KEY)


def cohorts():
    """Saved cohorts answer through every door, and through none for those who see a part."""
    of = "SELECT count(*) AS n FROM activity WHERE person_id IN (SELECT person_id FROM cohort({}))"
    # Keys of cohorts that there are, and definitions written out.
    asked = ["keen", '{"did": {"select": {"activities": ["rsvp"]}, "from_ms": 0, "until_ms": 4000000000000, "at_least": 1}}']
    counts = []
    with postgres(READ_KEY) as connection, arrow(READ_KEY) as arrows:
        raw = psycopg.RawCursor(connection)
        for text in asked:
            literal = "'" + text.replace("'", "''") + "'"
            expected = rest(of.format(literal), READ_KEY)
            assert isinstance(expected, list) and expected[0][0] > 0, (text, expected)
            counts.append(expected[0][0])
            got = [connection.execute(of.format(literal)).fetchall()]
            # Described before it has a value, and after.
            got += [raw.execute(of.format("$1"), [text], prepare=prepare).fetchall() for prepare in (True, False)]
            for sql, values in [(of.format(literal), None), (of.format("$1"), [text])]:
                with arrows.cursor() as cursor:
                    cursor.execute(sql, values)
                    got.append(cursor.fetchall())
            for rows in got:
                assert [list(row) for row in rows] == expected, (text, got, expected)
        assert connection.execute("SELECT * FROM cohort('keen') LIMIT 1").description[0].name == "person_id"
        assert connection.execute("SELECT count(*) FROM cohort(NULL)").fetchone() == (0,)
        for sql in ["SELECT * FROM cohort('nobody')", "SELECT * FROM cohort('{\"did\":')", "SELECT * FROM cohort(1)"]:
            assert isinstance(rest(sql, READ_KEY), str), sql
            assert state_of(lambda sql=sql: connection.execute(sql)) in ("42000", "22000"), state_of(lambda sql=sql: connection.execute(sql))
            try:
                arrows.cursor().execute(sql).fetchall()
                raise SystemExit(f"{sql} was answered")
            except adbc_driver_manager.Error as error:
                assert "INVALID" in str(error).upper(), error
        connection.execute("SET statement_timeout = 1")
        assert state_of(lambda: connection.execute("SELECT count(*) FROM cohort('keen') a, activity b, activity c")) == "57014"
    sql = "SELECT * FROM cohort('keen')"
    told = rest(sql, PARTNER)
    with postgres(PARTNER) as connection, arrow(PARTNER) as arrows:
        assert isinstance(told, str) and state_of(lambda: connection.execute(sql)) in ("42P01", "42883", "42000"), told
        try:
            arrows.cursor().execute(sql).fetchall()
            raise SystemExit("somebody who sees a part sees a cohort")
        except adbc_driver_manager.Error as error:
            assert "cohort" in str(error), error
    return counts


def slow_readers():
    """Clients that ask for much and read nothing hold up nobody, through whatever door."""
    until("nothing is asked", is_at_rest)
    much = "SELECT a.message_id, b.message_id FROM activity a, activity b LIMIT 900000"
    idle = []
    for _ in range(8):
        connection = psycopg.connect(host="127.0.0.1", port=PG_PORT, user="x", password=READ_KEY, dbname="default")
        connection.pgconn.send_query(much.encode())
        idle.append(connection)
        client, options = flight_client(READ_KEY)
        info = client.get_flight_info(arrow_flight.FlightDescriptor.for_command(statement(much)), options)
        idle.append(client)
        idle.append(client.do_get(info.endpoints[0].ticket, options))
        line = socket.create_connection(("127.0.0.1", int(URL.rsplit(":", 1)[1])))
        body = json.dumps({"sql": much}).encode()
        head = f"POST /v1/projects/default/sql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {READ_KEY}\r\n"
        line.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        idle.append(line)
    until("all of them wait for their readers", lambda: metric("footfall_sql_resting") == 24)
    assert metric("footfall_sql_running") == 0
    started = time.monotonic()
    with postgres(READ_KEY) as connection:
        assert connection.execute("SELECT count(*) FROM activity").fetchone()[0] > 0
    took = time.monotonic() - started
    # One who comes back gets all of it.
    first = idle[0]
    rows = 0
    first.pgconn.set_single_row_mode()
    while (result := first.pgconn.get_result()) is not None:
        rows += result.ntuples
    assert rows == 900_000, rows
    for connection in idle[1:]:
        (connection.cancel if isinstance(connection, arrow_flight.FlightStreamReader) else connection.close)()
    first.close()
    until("nobody holds anything", is_at_rest)
    return round(took, 2)


def revocation():
    run = [os.environ["FOOTFALL_BIN"], "keys"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    environment |= json.loads(os.environ["FOOTFALL_SETTINGS"])
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
