"""One server, one project, one key: SQL as Arrow over Flight, everything else as JSON over HTTP."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import adbc_driver_flightsql.dbapi as flight
import adbc_driver_manager
import polars
import pyarrow
from adbc_driver_flightsql import DatabaseOptions


class FootfallError(Exception):
    """The server refused or failed. `code` is its stable code where it gave one."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


def _refused(error: adbc_driver_manager.Error) -> FootfallError:
    """What Flight says, with the code that the server sends beside it."""
    details = dict(getattr(error, "details", None) or ())
    code = details.get("footfall-code", "")
    return FootfallError(str(error), code.decode() if isinstance(code, bytes) else code)


class Footfall:
    """A connection. Close it, or use it as a context. What the server refuses, and a server that is away, is a `FootfallError`."""

    def __init__(self, url: str, flight_url: str, key: str, project: str = "default") -> None:
        """`url` is that of the API (`http://…`), `flight_url` that of Flight SQL (`grpc://…`, with TLS `grpc+tls://…`)."""
        self.url = url.rstrip("/")
        self.project = project
        self._key = key
        header = f"{DatabaseOptions.RPC_CALL_HEADER_PREFIX.value}x-footfall-project"
        options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {key}", header: project}
        try:
            self._connection = flight.connect(flight_url, db_kwargs=options, autocommit=True)
        except adbc_driver_manager.Error as error:
            raise _refused(error) from error

    @classmethod
    def from_environment(cls) -> Footfall:
        """From FOOTFALL_URL, FOOTFALL_FLIGHT_URL, FOOTFALL_KEY and FOOTFALL_PROJECT."""
        try:
            key = os.environ["FOOTFALL_KEY"]
        except KeyError:
            raise FootfallError("set FOOTFALL_KEY to a key that reads: footfall keys create --kind read") from None
        return cls(
            os.environ.get("FOOTFALL_URL", "http://127.0.0.1:8080"),
            os.environ.get("FOOTFALL_FLIGHT_URL", "grpc://127.0.0.1:8082"),
            key,
            os.environ.get("FOOTFALL_PROJECT", "default"),
        )

    def sql(self, sql: str, params: Sequence[Any] = ()) -> pyarrow.Table:
        """All rows of an answer. `params` are the values of `$1`, `$2` …; they are bound, never spliced."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, list(params) or None)
                return cursor.fetch_arrow_table()
        except adbc_driver_manager.Error as error:
            raise _refused(error) from error

    def frame(self, sql: str, params: Sequence[Any] = ()) -> polars.DataFrame:
        """The same as a Polars frame."""
        frame = polars.from_arrow(self.sql(sql, params))
        assert isinstance(frame, polars.DataFrame)
        return frame

    def insight(self, kind: str, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to a question of the insights API: trend, funnel, retention …"""
        return self.call("POST", f"/v1/projects/{self.project}/insights/{kind}", question)

    def get(self, path: str) -> dict[str, Any]:
        """What is at a path of the API, in this project: `experiments/checkout/results`."""
        return self.call("GET", f"/v1/projects/{self.project}/{path}")

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """One request to the API."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            problem = error.read().decode(errors="replace")
            try:
                told = json.loads(problem)
            except ValueError:
                told = None
            if not isinstance(told, dict):
                raise FootfallError(f"{error.code}: {problem}") from error
            raise FootfallError(told.get("detail") or told.get("title", problem), told.get("code", "")) from error
        except OSError as error:
            raise FootfallError(f"{self.url} does not answer: {getattr(error, 'reason', error)}") from error
        try:
            return json.loads(text) if text else {}
        except ValueError as error:
            raise FootfallError(f"what is at {self.url + path} answers something else than JSON") from error

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Footfall:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
