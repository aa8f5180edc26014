"""The time zone of a session at PostgreSQL's door: what is written, what texts without an offset mean, where days begin."""

import datetime
import zoneinfo

import psycopg

from sql_doors_gear import PG_PORT, READ_KEY, postgres, state_of

VIENNA = zoneinfo.ZoneInfo("Europe/Vienna")
UTC = datetime.timezone.utc


def value(connection, sql, values=None):
    return connection.execute(sql, values).fetchone()[0]


def days_of(connection, zone):
    """Activities by day, by the engine and counted here."""
    times = [row[0] for row in connection.execute("SELECT timestamp FROM activity").fetchall()]
    counted = {}
    for moment in times:
        day = moment.astimezone(zone).date()
        counted[day] = counted.get(day, 0) + 1
    cut = dict(connection.execute("SELECT date_trunc('day', timestamp)::date, count(*) FROM activity GROUP BY 1").fetchall())
    cast = dict(connection.execute("SELECT timestamp::date, count(*) FROM activity GROUP BY 1").fetchall())
    assert cut == counted and cast == counted, (zone, cut, cast, counted)
    hours = {}
    for moment in times:
        hour = moment.astimezone(zone).hour
        hours[hour] = hours.get(hour, 0) + 1
    extracted = dict(connection.execute("SELECT extract(hour FROM timestamp)::int, count(*) FROM activity GROUP BY 1").fetchall())
    assert extracted == hours, (zone, extracted, hours)
    begin = sorted(counted)[len(counted) // 2]
    for text in (f"timestamp >= '{begin}'", f"timestamp >= DATE '{begin}'", f"timestamp >= TIMESTAMP '{begin} 00:00:00'"):
        got = value(connection, f"SELECT count(*) FROM activity WHERE {text}")
        assert got == sum(times for day, times in counted.items() if day >= begin), (zone, text)
    bound = datetime.datetime.combine(begin, datetime.time(), zone)
    got = value(connection, "SELECT count(*) FROM activity WHERE timestamp >= %s", [bound])
    assert got == sum(times for day, times in counted.items() if day >= begin), (zone, "bound")
    return counted


def zones():
    with postgres(READ_KEY) as connection:
        assert connection.info.parameter_status("TimeZone") == "UTC"
        in_utc = days_of(connection, UTC)
        first = value(connection, "SELECT min(timestamp) FROM activity")
        connection.execute("SET TIME ZONE 'Europe/Vienna'")
        assert connection.info.parameter_status("TimeZone") == "Europe/Vienna"
        assert value(connection, "SHOW TIME ZONE") == "Europe/Vienna" and value(connection, "SELECT current_setting('TimeZone')") == "Europe/Vienna"
        assert days_of(connection, VIENNA) != in_utc
        # The same moment, in text and in binary, with the offset that the zone had.
        assert value(connection, "SELECT min(timestamp) FROM activity") == first
        assert connection.execute("SELECT min(timestamp) FROM activity", binary=True).fetchone()[0] == first
        with connection.cursor() as cursor, cursor.copy("COPY (SELECT TIMESTAMPTZ '2024-03-31T01:30:00Z', TIMESTAMPTZ '2024-03-31T00:30:00Z') TO STDOUT") as copy:
            text = b"".join(bytes(piece) for piece in copy).decode().strip()
        assert text == "2024-03-31 03:30:00+02\t2024-03-31 01:30:00+01", text
        # A day in spring has 23 hours.
        spring = value(connection, "SELECT extract(epoch FROM TIMESTAMPTZ '2024-03-31 00:00:00' + INTERVAL '1 day')::bigint - extract(epoch FROM TIMESTAMPTZ '2024-03-31 00:00:00')::bigint")
        assert spring == 23 * 3600, spring
        assert value(connection, "SELECT current_date") == value(connection, "SELECT now()::date")
        assert value(connection, "SELECT timezone('UTC', TIMESTAMPTZ '2024-03-31 00:00:00')") == datetime.datetime(2024, 3, 30, 23)
        for sql, zone in [
            ("SET TIME ZONE 2", datetime.timezone(datetime.timedelta(hours=2))),
            ("SET TIME ZONE INTERVAL '-03:30' HOUR TO MINUTE", datetime.timezone(datetime.timedelta(hours=-3.5))),
            ("SET timezone TO 'America/New_York'", zoneinfo.ZoneInfo("America/New_York")),
        ]:
            connection.execute(sql)
            days_of(connection, zone)
        connection.execute("RESET TIME ZONE")
        assert connection.info.parameter_status("TimeZone") == "UTC" and days_of(connection, UTC) == in_utc
        # A transaction that is rolled back, and one to which it was local, leave it as it was.
        for begin in ("SET TIME ZONE 'Asia/Tokyo'", "SET LOCAL TIME ZONE 'Asia/Tokyo'"):
            connection.execute("BEGIN")
            connection.execute(begin)
            assert value(connection, "SHOW timezone") == "Asia/Tokyo"
            connection.execute("ROLLBACK" if "LOCAL" not in begin else "COMMIT")
            assert value(connection, "SHOW timezone") == "UTC", begin
        for sql in ("SET TIME ZONE 'Europe/Wien'", "SET TIME ZONE 99", "SET timezone = 'CET-1CEST,M3.5.0'"):
            assert state_of(lambda sql=sql: connection.execute(sql)) == "22023", sql
        assert value(connection, "SHOW timezone") == "UTC", "what is refused changes nothing"
    with postgres(READ_KEY, options="-c timezone=Europe/Vienna") as connection:
        assert connection.info.parameter_status("TimeZone") == "Europe/Vienna"
        days_of(connection, VIENNA)

    def begun_wrong():
        psycopg.connect(host="127.0.0.1", port=PG_PORT, user="x", password=READ_KEY, dbname="default", options="-c timezone=Nowhere").close()

    assert state_of(begun_wrong) is not None
    return len(in_utc)
