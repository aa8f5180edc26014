"""What the questions through the three doors share: connections, values as all of them can say them, and what the server counts."""

import datetime
import decimal
import json
import math
import os
import socket
import threading
import time
import urllib.error
import urllib.request

import adbc_driver_flightsql.dbapi as flight
import psycopg
import pyarrow.flight as arrow_flight
from adbc_driver_flightsql import DatabaseOptions

URL = os.environ["FOOTFALL_URL"]
# Where each process that answers is; one of them has the doors.
PROCESSES = os.environ["FOOTFALL_PROCESSES"].split(" ")
PG_PORT = int(os.environ["FOOTFALL_PG_PORT"])
FLIGHT_PORT = int(os.environ["FOOTFALL_FLIGHT_PORT"])
READ_KEY = os.environ["FOOTFALL_READ_KEY"]
# People who see a part: `name`, `token`, and the `role` as it was made.
POLICIES = json.loads(os.environ["FOOTFALL_POLICIES"])
PARTNER = POLICIES[0]["token"]
SEED = int(os.environ["FOOTFALL_TEST_SEED"])
COUNT = int(os.environ.get("FOOTFALL_QUESTIONS", "500"))
UTC = datetime.timezone.utc
# How long anything may take: a machine that does something else as well is no fault.
PATIENCE_S = 240


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


def state_of(act):
    try:
        act()
    except psycopg.Error as error:
        return error.sqlstate or type(error).__name__
    return None


# Longer than any time limit.
ENDLESS = "SELECT count(*) FROM activity a, activity b, activity c WHERE a.message_id < b.message_id AND b.event <> c.event"


def metric(name, label=""):
    """What all processes count just now."""
    lines = []
    for process in PROCESSES:
        with urllib.request.urlopen(f"{process}/metrics") as answer:
            lines += answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name and label in line)


def until(what, is_so):
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < PATIENCE_S, what
        time.sleep(0.01)


def is_at_rest():
    return metric("footfall_sql_running") == 0 and metric("footfall_sql_resting") == 0


def ended_by(end, act):
    """`end` ends what `act` asks, which then has no turn any more and no work."""
    until("nothing is asked", is_at_rest)
    before, told = metric("footfall_sql_questions_total", 'end="left"'), []
    thread = threading.Thread(target=lambda: told.append(act()))
    thread.start()
    until("it is worked on", lambda: metric("footfall_sql_running") > 0)
    end()
    thread.join(PATIENCE_S)
    assert told, "it goes on for its asker"
    until("its turn is free", is_at_rest)
    assert metric("footfall_sql_questions_total", 'end="left"') == before + 1
    return told[0]


def shut(connection):
    """The client is gone without a word."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def field(number, value):
    """A field of a message in Protobuf, whose value is bytes."""
    length, size = len(value), b""
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + value


def any_of(name, message):
    return field(1, f"type.googleapis.com/arrow.flight.protocol.sql.{name}".encode()) + field(2, message)


def statement(sql):
    return any_of("CommandStatementQuery", field(1, sql.encode()))


def flight_client(token):
    headers = [(b"authorization", f"Bearer {token}".encode()), (b"x-footfall-project", b"default")]
    return arrow_flight.FlightClient(f"grpc://127.0.0.1:{FLIGHT_PORT}"), arrow_flight.FlightCallOptions(headers=headers)
