"""The same questions over REST, PostgreSQL's protocol and Flight SQL: rows, parameters, refusals, ends.

Prints one line of JSON with what was compared. Any difference ends it with an error.
"""

import json

from sql_doors_all import cohorts, moments, revocation, slow_readers
from sql_doors_cursors import cursors
from sql_doors_flight import flight_behaviour, flight_cancellation
from sql_doors_gear import COUNT, READ_KEY
from sql_doors_policies import compare_restricted
from sql_doors_postgres import cancellation, copies, garbage, refusals
from sql_doors_questions import compare
from sql_doors_zones import zones


def main():
    moments()
    counts = cohorts()
    compared = compare(READ_KEY, COUNT)
    restricted = compare_restricted(COUNT)
    refusals()
    cursors()
    flight_behaviour()
    garbage()
    account = {"compared": COUNT, "rows": compared, "restricted": restricted}
    account["cohorts"] = counts
    account["copied"] = copies()
    account["zones"] = zones()
    cancellation()
    flight_cancellation()
    account["slow_readers"] = slow_readers()
    revocation()
    print(json.dumps(account))


main()
