"""Makes tests/data/posthog_golden.json: what posthog-python's local evaluation answers for 100,000 ids.

    python -m pip install posthog==7.91.1
    python models/experiment/tests/golden/posthog_flags.py

No network is used: the definitions (tests/data/posthog_definitions.json) are put into the client, and each flag is
evaluated by `Client._compute_flag_locally` with the clock stopped at NOW. `?` stands for a flag that the given properties
do not decide (InconclusiveMatchError, RequiresServerEvaluation). `subject()` has its twin in tests/posthog.rs.
"""

import datetime
import hashlib
import json
import logging
import os
from collections import Counter

import posthog.feature_flags as feature_flags
from posthog.client import Client
from posthog.feature_flags import InconclusiveMatchError, RequiresServerEvaluation

SUBJECTS = 100_000
ROWS = 300
NOW = datetime.datetime(2026, 3, 31, 12, 0, 0, tzinfo=datetime.timezone.utc)
DATA = os.path.join(os.path.dirname(__file__), "..", "data")


class StoppedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW.astimezone(tz) if tz else NOW.replace(tzinfo=None)


class StoppedDatetime:
    """The module `datetime` with a stopped clock."""

    date, timezone, timedelta = datetime.date, datetime.timezone, datetime.timedelta


StoppedDatetime.datetime = StoppedClock


def mixed(number, lane):
    """A number of 32 bits, by Knuth's multiplier and a shift; the same in Rust."""
    x = (number * 2654435761 + lane * 40503 + 12345) & 0xFFFFFFFF
    x ^= x >> 15
    x = (x * 2246822519) & 0xFFFFFFFF
    return x ^ (x >> 13)


def subject(number):
    pick = lambda lane, items: items[mixed(number, lane) % len(items)]
    properties = {
        "country": pick(1, ["DE", "de", "FR", "US", "JP"]),
        "age": pick(2, [17, 18, 35, "42", "n/a", 64.5]),
        "premium": pick(3, [True, False, "true", "False", "yes"]),
        "email": f"User{number % 997}@{pick(4, ['Example.com', 'posthog.com', 'mail.EXAMPLE.org'])}",
        "version": pick(5, ["1.2.3", "v2.0.0", "1.10", "0.3.1-rc.1", "2", "01.2.3", "x"]),
        "signed_up": pick(
            6, ["2026-03-30", "2026-01-15T10:00:00Z", "2025-02-28 08:00:00", "2020-06-01T00:00:00+02:00", "never"]
        ),
        "tags": pick(7, [["a", "b"], [], ["true"], None]),
        "$feature_enrollment/early": pick(8, [True, "true", False, "no"]),
    }
    # Some properties are not at hand.
    for lane, name in enumerate(["country", "age", "email", "version", "signed_up", "$feature_enrollment/early"]):
        if mixed(number, 20 + lane) % 10 == 0:
            del properties[name]
    groups, group_properties = {}, {}
    if mixed(number, 40) % 3:
        groups["company"] = f"company-{mixed(number, 41) % 500}"
        if mixed(number, 42) % 10:
            group_properties["company"] = {"plan": pick(43, ["free", "pro", "enterprise"])}
    device = f"device-{number % 777}" if mixed(number, 44) % 5 else None
    return f"id-{mixed(number, 50):x}-{number}", device, properties, groups, group_properties


def main():
    logging.disable(logging.CRITICAL)
    feature_flags.datetime = StoppedDatetime
    with open(os.path.join(DATA, "posthog_definitions.json")) as file:
        definitions = json.load(file)
    client = Client("phc_golden", host="http://127.0.0.1:9", send=False, sync_mode=True)
    client.feature_flags = definitions["flags"]
    client.group_type_mapping = definitions["group_type_mapping"]
    client.cohorts = definitions["cohorts"]

    def evaluate(flag, id, device, properties, groups, group_properties):
        try:
            value = client._compute_flag_locally(
                flag,
                id,
                groups=groups,
                person_properties=properties,
                group_properties=group_properties,
                warn_on_unknown_groups=False,
                device_id=device,
            )
        except (InconclusiveMatchError, RequiresServerEvaluation):
            return "?"
        return value if isinstance(value, str) else str(value).lower()

    flags = definitions["flags"]
    hashes = {flag["key"]: hashlib.sha1() for flag in flags}
    counts = {flag["key"]: Counter() for flag in flags}
    rows = []
    for number in range(SUBJECTS):
        who = subject(number)
        values = [evaluate(flag, *who) for flag in flags]
        for flag, value in zip(flags, values):
            hashes[flag["key"]].update(f"{who[0]}={value}\n".encode())
            counts[flag["key"]][value] += 1
        if number < ROWS:
            rows.append([who[0], *values])
    golden = {
        "made_by": "models/experiment/tests/golden/posthog_flags.py, posthog 7.91.1",
        "subjects": SUBJECTS,
        "now": NOW.isoformat().replace("+00:00", "Z"),
        "flags": {
            key: {"sha1": hashes[key].hexdigest(), "counts": dict(sorted(counts[key].items()))} for key in hashes
        },
        "rows": rows,
    }
    with open(os.path.join(DATA, "posthog_golden.json"), "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
