"""What PostgreSQL's door does beside answering: refusals, ends, copies, garbage."""

import csv
import io
import random
import socket
import struct

import psycopg

from sql_doors_gear import ENDLESS, PARTNER, PATIENCE_S, PG_PORT, READ_KEY, SEED, ended_by, ordered, postgres, shut, state_of, statement


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
        for end in (connection.cancel, connection.cancel_safe):
            got = ended_by(end, lambda: state_of(lambda: connection.execute(ENDLESS)))
            assert got == "57014", got
            assert connection.execute("SELECT 1").fetchone() == (1,)
    gone = psycopg.connect(host="127.0.0.1", port=PG_PORT, user="x", password=READ_KEY, dbname="default")
    assert ended_by(lambda: shut(gone), lambda: state_of(lambda: gone.execute(ENDLESS))) is not None


def copied(connection, statement, types=None):
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        if types:
            copy.set_types(types)
        return list(copy.rows())


def copies():
    sql = (
        "SELECT message_id, event, timestamp, amount, length(event) AS n, amount > 10 AS big, properties, "
        "CASE WHEN length(event) > 6 THEN 'tab\t, \"quote\"\nnew \\ line' ELSE '' END AS odd "
        "FROM activity ORDER BY message_id LIMIT 3000"
    )
    types = ["text", "text", "timestamptz", "float8", "int4", "bool", "text", "text"]
    with postgres(READ_KEY) as connection:
        rows = connection.execute(sql).fetchall()
        described = [column.type_code for column in connection.execute(f"{sql.rsplit('LIMIT', 1)[0]} LIMIT 0").description]
        assert len(rows) > 1_000
        for options in ("", "WITH (FORMAT binary)"):
            got = copied(connection, f"COPY ({sql}) TO STDOUT {options}", described if options else types)
            assert ordered(got) == ordered(rows), f"{options} {got[:2]} {rows[:2]}"
        with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv, HEADER)") as copy:
            text = b"".join(bytes(piece) for piece in copy).decode()
        lines = list(csv.reader(io.StringIO(text)))
        assert lines[0] == ["message_id", "event", "timestamp", "amount", "n", "big", "properties", "odd"], lines[0]
        plain_text = [["" if value is None else value for value in row] for row in connection.execute(
            f"SELECT message_id, event, timestamp::text, CAST(amount AS varchar), n::text, CASE big WHEN true THEN 't' WHEN false THEN 'f' END, properties, odd FROM ({sql}) AS q"
        ).fetchall()]
        keep = [0, 1, 4, 5, 6, 7]
        assert [[row[place] for place in keep] for row in lines[1:]] == [[row[place] for place in keep] for row in plain_text]
        assert len(copied(connection, "COPY activity (event, amount) TO STDOUT")) == connection.execute("SELECT count(*) FROM activity").fetchone()[0]
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 AS a")
            for statement, state in [
                ("COPY activity FROM STDIN", "25006"), ("COPY activity TO '/tmp/x'", "42501"),
                ("COPY (DELETE FROM activity) TO STDOUT", "25006"), ("COPY (SELECT * FROM nowhere) TO STDOUT", "42P01"),
                ("COPY (SELECT 1) TO STDOUT (FORMAT xml)", "22023"),
            ]:
                got = state_of(lambda statement=statement: connection.execute(statement))
                assert got == state, f"{statement}: {got}"
        try:
            connection.execute("COPY (SELECT nope FROM activity) TO STDOUT")
        except psycopg.Error as error:
            assert error.diag.statement_position == "14", error.diag.statement_position
        got = state_of(lambda: copied(connection, "COPY (SELECT a.event FROM activity a, activity b) TO STDOUT"))
        assert got == "54000", f"the limit of rows: {got}"
        assert connection.execute("SELECT 1").fetchone() == (1,), "the session goes on after a copy"
    with postgres(PARTNER) as connection:
        shown = {row[0] for row in copied(connection, "COPY (SELECT DISTINCT event FROM activity) TO STDOUT")}
        assert shown and shown <= {"$pageview", "search", "visit"}, shown
        assert {row[0] for row in copied(connection, "COPY (SELECT DISTINCT city FROM activity) TO STDOUT")} == {None}
    return len(rows)


def garbage():
    """Whatever comes first, the door ends it and goes on."""
    chance = random.Random(SEED)
    for number in range(300):
        with socket.create_connection(("127.0.0.1", PG_PORT), timeout=PATIENCE_S) as stranger:
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
