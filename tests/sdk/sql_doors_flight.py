"""What the door of Flight SQL does beside answering: catalogues, refusals, ends."""

import adbc_driver_manager
import pyarrow
import pyarrow.flight as arrow_flight

from sql_doors_gear import ENDLESS, READ_KEY, any_of, arrow, ended_by, field, flight_client, is_at_rest, metric, statement, until


def flight_cancellation():
    client, options = flight_client(READ_KEY)
    actions = {action.type for action in client.list_actions(options)}
    assert {"CancelFlightInfo", "CancelQuery"} <= actions, actions

    def act(info):
        try:
            client.do_get(info.endpoints[0].ticket, options).read_chunk()
        except arrow_flight.FlightCancelledError as error:
            return str(error)

    for kind in ("CancelFlightInfo", "CancelQuery"):
        info = client.get_flight_info(arrow_flight.FlightDescriptor.for_command(statement(ENDLESS)), options)
        body = field(1, info.serialize())
        body = body if kind == "CancelFlightInfo" else any_of("ActionCancelQueryRequest", body)

        def end():
            # The other asker of the same words has a ticket of its own.
            other = client.get_flight_info(arrow_flight.FlightDescriptor.for_command(statement(ENDLESS)), options)
            for wrong, fault in [(field(1, other.serialize()), arrow_flight.FlightServerError), (b"\x0a\xff", pyarrow.ArrowException)]:
                try:
                    list(client.do_action(arrow_flight.Action("CancelFlightInfo", wrong), options))
                    raise SystemExit("what is not under way was ended")
                except (fault, KeyError):
                    pass
            told = list(client.do_action(arrow_flight.Action(kind, body), options))
            assert told[0].body.to_pybytes()[-2:] == b"\x08\x01", told[0].body.to_pybytes()

        told = ended_by(end, lambda: act(info))
        assert told and "ended by its asker" in told, told
    # A stream that is dropped, and one of a client that goes, end the work as well.
    much = "SELECT a.properties FROM activity a, activity b LIMIT 900000"
    info = client.get_flight_info(arrow_flight.FlightDescriptor.for_command(statement(much)), options)
    reader = client.do_get(info.endpoints[0].ticket, options)
    reader.read_chunk()
    until("it waits for its reader", lambda: metric("footfall_sql_resting") == 1)
    reader.cancel()
    until("a dropped stream holds nothing", is_at_rest)
    with arrow(READ_KEY) as connection:
        cursor = connection.cursor()
        cursor.execute(much)
        cursor.fetch_record_batch().read_next_batch()
        until("it waits for its reader", lambda: metric("footfall_sql_resting") == 1)
        cursor.adbc_cancel()
        cursor.close()
        until("a closed cursor holds nothing", is_at_rest)


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
            # A value that is nothing has no type, and is no empty text.
            cursor.execute("SELECT $1 IS NULL AS a, $2 IS NULL AS b", [None, ""])
            assert cursor.fetchone() == (True, False)
            reader = cursor.execute("SELECT a.properties FROM activity a, activity b").fetch_record_batch()
            reader.read_next_batch()
            cursor.adbc_cancel()
    try:
        arrow("ffr_wrong").close()
        raise SystemExit("a wrong key was let in")
    except adbc_driver_manager.Error as error:
        assert "UNAUTHENTICATED" in str(error).upper(), error
    keys()


def keys():
    """What JDBC's drivers ask about every table: keys, of which there are none, and types."""
    client, options = flight_client(READ_KEY)
    table = field(3, b"activity")
    for name, body, column in [
        ("CommandGetPrimaryKeys", table, "key_name"), ("CommandGetImportedKeys", table, "pk_key_name"),
        ("CommandGetExportedKeys", table, "fk_key_name"), ("CommandGetCrossReference", table + field(6, b"persons"), "delete_rule"),
        ("CommandGetXdbcTypeInfo", b"", "type_name"),
    ]:
        info = client.get_flight_info(arrow_flight.FlightDescriptor.for_command(any_of(name, body)), options)
        told = client.do_get(info.endpoints[0].ticket, options).read_all()
        assert told.schema == info.schema and column in told.schema.names, f"{name}: {told.schema}"
        assert (told.num_rows > 0) == (name == "CommandGetXdbcTypeInfo"), f"{name}: {told}"
