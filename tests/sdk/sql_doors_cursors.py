"""Cursors by name, savepoints, and what pools of connections send, as psycopg and others send them."""

import psycopg

from sql_doors_gear import PG_PORT, READ_KEY, state_of

SQL = "SELECT message_id, timestamp, amount FROM activity ORDER BY message_id LIMIT 1000"


def connected(**more):
    return psycopg.connect(host="127.0.0.1", port=PG_PORT, user="anyone", password=READ_KEY, dbname="default", **more)


def named():
    with connected() as connection:
        rows = connection.execute(SQL).fetchall()
        assert len(rows) == 1000
        for binary in (False, True):
            with connection.cursor(name="rows", binary=binary) as cursor:
                cursor.itersize = 300
                cursor.execute(SQL)
                assert [column.name for column in cursor.description] == ["message_id", "timestamp", "amount"]
                assert cursor.fetchmany(10) == rows[:10]
                assert list(cursor) == rows[10:], f"binary: {binary}"
                assert cursor.fetchall() == []
            with connection.cursor(name="where it is", binary=binary) as cursor:
                cursor.execute("SELECT event, count(*) FROM activity WHERE event = %s GROUP BY 1", ["$pageview"])
                assert [row[0] for row in cursor] == ["$pageview"]
        held = connection.cursor(name="held", withhold=True)
        held.execute(SQL)
        connection.commit()
        assert held.fetchmany(2) == rows[:2], "it outlives its transaction"
        held.close()
        # As psql does with FETCH_COUNT, and ODBC.
        connection.execute("DECLARE _c NO SCROLL CURSOR FOR SELECT 1 AS a UNION ALL SELECT 1")
        assert connection.execute("FETCH FORWARD 1 FROM _c").fetchall() == [(1,)]
        moved = connection.execute("MOVE 5 IN _c")
        assert moved.statusmessage == "MOVE 1", moved.statusmessage
        assert connection.execute("FETCH ALL _c").fetchall() == []
        connection.execute("CLOSE _c")
        for wrong, state in [
            ("FETCH 1 FROM _c", "34000"), ("FETCH BACKWARD 1 FROM x", "55000"), ("DECLARE x CURSOR", "42601"),
            ("DECLARE x CURSOR FOR SELECT * FROM nowhere", "42P01"),
        ]:
            got = state_of(lambda wrong=wrong: connection.execute(wrong))
            assert got == state, f"{wrong}: {got}"
            connection.rollback()
    with connected(autocommit=True) as connection:
        got = state_of(lambda: connection.execute("DECLARE x CURSOR FOR SELECT 1"))
        assert got == "25P01", got


def savepoints():
    with connected() as connection:
        connection.execute("SELECT 1")
        try:
            with connection.transaction():
                connection.execute("SELECT nope FROM activity")
        except psycopg.errors.UndefinedColumn:
            pass
        assert connection.execute("SELECT 2").fetchone() == (2,), "what failed was within a savepoint"
        assert state_of(lambda: connection.execute("SELECT nope FROM activity")) == "42703"
        assert state_of(lambda: connection.execute("SELECT 1")) == "25P02"
        connection.rollback()


def pools():
    with connected(autocommit=True) as connection:
        connection.prepare_threshold = 0
        for command in ("DISCARD SEQUENCES", "DISCARD TEMP", "RESET ALL", "SELECT pg_advisory_unlock_all()", "CLOSE ALL", "UNLISTEN *"):
            assert connection.execute("SELECT %s::int", [7]).fetchone() == (7,)
            done = psycopg.ClientCursor(connection).execute(command)
            assert done.statusmessage.split()[0] in {"DISCARD", "RESET", "SELECT", "CLOSE", "UNLISTEN"}, done.statusmessage
            assert connection.execute("SELECT %s::int", [7]).fetchone() == (7,), f"{command} forgets prepared statements"
        slow = "SELECT count(*) FROM activity a, activity b WHERE a.event < b.event"
        for back in ("RESET statement_timeout", "RESET ALL", "DISCARD ALL"):
            connection.execute("SET statement_timeout = 1")
            assert state_of(lambda: connection.execute(slow, prepare=False)) == "57014"
            psycopg.ClientCursor(connection).execute(back)
            assert connection.execute("SELECT count(*) FROM activity", prepare=False).fetchone()[0] > 0, back
        assert state_of(lambda: psycopg.ClientCursor(connection).execute("SHOW no_such_setting")) == "42704"
        with connection.transaction():
            connection.execute("SET LOCAL statement_timeout = 1", prepare=False)
        assert connection.execute("SELECT count(*) FROM activity", prepare=False).fetchone()[0] > 0, "it was local"
    with connected(autocommit=True, options="-c statement_timeout=1") as connection:
        assert state_of(lambda: connection.execute("SELECT count(*) FROM activity a, activity b WHERE a.event < b.event")) == "57014"


def cursors():
    named()
    savepoints()
    pools()
