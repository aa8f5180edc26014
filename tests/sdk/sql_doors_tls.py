"""Both doors of SQL over TLS, with the server's certificate verified; a certificate of somebody else is refused."""

import json
import os
import time

import adbc_driver_flightsql.dbapi as flight
import psycopg
from adbc_driver_flightsql import DatabaseOptions

PG_PORT, FLIGHT_PORT = os.environ["FOOTFALL_PG_PORT"], os.environ["FOOTFALL_FLIGHT_PORT"]
KEY, OWN, OTHER = (os.environ[f"FOOTFALL_{name}"] for name in ("READ_KEY", "OWN_CERTIFICATE", "OTHER_CERTIFICATE"))
PATIENCE_S = 120


def postgres(root):
    return psycopg.connect(
        host="localhost", port=PG_PORT, user="x", password=KEY, dbname="default", sslmode="verify-full", sslrootcert=root
    )


def arrow(root):
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {KEY}"}
    with open(root, encoding="ascii") as certificate:
        options[DatabaseOptions.TLS_ROOT_CERTS.value] = certificate.read()
    return flight.connect(f"grpc+tls://localhost:{FLIGHT_PORT}", db_kwargs=options, autocommit=True)


def opened():
    """The server is starting beside this."""
    started = time.monotonic()
    while True:
        try:
            return postgres(OWN)
        except psycopg.OperationalError:
            assert time.monotonic() - started < PATIENCE_S, "the door does not open"
            time.sleep(0.05)


def refused(act):
    try:
        act()
    except Exception as error:  # noqa: BLE001 - drivers have errors of their own
        return str(error)
    raise AssertionError("a certificate of somebody else was taken")


def main():
    with opened() as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("SELECT count(*) >= 0 FROM activity").fetchone() == (True,)
    with arrow(OWN) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) >= 0 FROM activity")
        assert cursor.fetchone() == (True,)

    def ask_wrongly():
        with arrow(OTHER) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    assert "certificate" in refused(lambda: postgres(OTHER)).lower()
    refused(ask_wrongly)
    print(json.dumps({"doors": 2}))


main()
