"""Random questions of people who see a part: the same rows through every door, and no others than their policies leave.

What a policy leaves is said a second time, as SQL over what somebody sees who sees everything.
"""

import functools
import json
import random
import re
import urllib.request

import adbc_driver_manager
import psycopg

from sql_doors_gear import POLICIES, READ_KEY, SEED, URL, arrow, ordered, postgres, rest, state_of
from sql_doors_questions import question, same_everywhere

# By the columns that show a masked one under another name.
SAME_AS = {"page_path": ["entry_page", "exit_page"], "event": ["entry_event", "exit_event"], "distinct_id": ["distinct_ids"]}
TABLES = {
    "activity": ["event", "city", "amount", "country", "page_path", "properties->>'plan'"],
    "persons": ["person_id", "first_seen", "activities", "identified", "properties->>'plan'", "properties->>'email'", "distinct_id_count", "properties"],
    "person_ids": ["distinct_id", "person_id", "own_person_id", "identified", "activities"],
    "person_merges": ["sequence", "kind", "from_distinct_id", "into_distinct_id", "outcome", "undone"],
    "sessions": ["session_id", "person_id", "start", '"end"', "duration_seconds", "activities", "entry_event", "entry_page", "exit_page", "bounce", "amount"],
}
MASKABLE = {
    "activity": ["city", "amount", "page_path", "ip"], "persons": [], "person_ids": [], "person_merges": [],
    "sessions": ["entry_page", "exit_page", "amount"],
}
ORDERS = {"persons": "person_id", "person_ids": "distinct_id", "person_merges": "sequence", "sessions": "session_id"}
MEASURES = {
    "persons": ["count(*)", "sum(activities)", "count(properties->>'email')"], "person_ids": ["count(*)", "count(DISTINCT person_id)"],
    "person_merges": ["count(*)", "max(sequence)"], "sessions": ["count(*)", "sum(activities)", "count(entry_page)", "sum(amount)"],
}
GROUPS = {"persons": "identified", "person_ids": "identified", "person_merges": "kind", "sessions": "entry_event"}
# What JSON holds is masked inside it, which no SQL of ours says a second time.
IN_JSON = re.compile(r"\bproperties\b(?!->>'(plan|email)')")


@functools.cache
def columns_of():
    """The columns of every table, as the API tells them."""
    request = urllib.request.Request(f"{URL}/v1/tables", headers={"Authorization": f"Bearer {READ_KEY}"})
    with urllib.request.urlopen(request) as answer:
        return {table["name"]: [column["name"] for column in table["columns"]] for table in json.load(answer)["tables"]}


def text(value):
    return "'" + value.replace("'", "''") + "'"


def condition(rows):
    """A row policy as SQL that is never null."""
    if rows == "everything":
        return "true"
    if rows == "nothing":
        return "false"
    ((kind, told),) = rows.items()
    if kind in ("all", "any"):
        parts = [condition(part) for part in told] or ["true" if kind == "all" else "false"]
        return "(" + (" AND " if kind == "all" else " OR ").join(parts) + ")"
    ((where, name),) = told["value"].items()
    value = name if where == "column" else f"properties->>{text(name)}"
    texts = ", ".join(text(one) for one in told["one_of" if kind == "is" else "none_of"])
    return f"coalesce({value} {'IN' if kind == 'is' else 'NOT IN'} ({texts}), false)"


def seen(sql, role):
    """The question of somebody with this role, as one of somebody who sees everything; none where that cannot be said."""
    masked = {mask.lower() for mask in role["masks"]}
    if masked and (IN_JSON.search(sql) or "SELECT *" in sql):
        return None
    hidden = masked | {name for mask in masked for name in SAME_AS.get(mask, [])}

    def replaced(found):
        word, table, _, alias = found.groups()
        nulls = {name for name in MASKABLE[table] if name in hidden}
        columns = [f'CASE WHEN false THEN "{name}" END AS "{name}"' if name in nulls else f'"{name}"' for name in columns_of()[table]]
        where = f" WHERE {condition(role['rows'])}" if table == "activity" else ""
        return f"{word} (SELECT {', '.join(columns) if nulls else '*'} FROM {table}{where}) AS {alias or table}"

    told = re.sub(rf"\b(FROM|JOIN) ({'|'.join(TABLES)})\b( AS (\w+))?", replaced, sql)
    return told.replace("properties->>'email'", "CASE WHEN false THEN properties->>'email' END") if "email" in masked else told


def elsewhere(chance):
    """A question of a table that is made of all activity."""
    table = chance.choice(list(ORDERS))
    if chance.random() < 0.4:
        measures = chance.sample(MEASURES[table], chance.randrange(1, len(MEASURES[table]) + 1))
        names = ", ".join(f"{part} AS c{place}" for place, part in enumerate([GROUPS[table], *measures]))
        return table, f"SELECT {names} FROM {table} GROUP BY 1"
    columns = chance.sample(TABLES[table], chance.randrange(1, 5))
    names = ", ".join(f"{part} AS c{place}" for place, part in enumerate(columns))
    # One id is in one row of persons, and in as many of person_ids as it had persons.
    order = f"{ORDERS[table]}, own_person_id" if table == "person_ids" else ORDERS[table]
    return table, f"SELECT {names} FROM {table} ORDER BY {order} LIMIT {chance.choice([1, 20, 300])}"


def refused_everywhere(doors, table):
    """The table is not there, whatever door one asks."""
    connection, arrows, token = doors
    sql = f"SELECT * FROM {table} LIMIT 1"
    assert rest(sql, token) == "unknown_table", (table, rest(sql, token))
    assert state_of(lambda: connection.execute(sql)) == "42P01", table
    cursor = arrows.cursor()
    try:
        cursor.execute(sql)
        cursor.fetch_arrow_table()
    except adbc_driver_manager.Error as error:
        assert table in str(error), error
    else:
        raise SystemExit(f"{table} is shown over Flight SQL")
    finally:
        cursor.close()


def under(policy, count):
    """So many questions of one role: rows that were the same, tables that were asked, questions that were said a second time."""
    chance = random.Random(f"{SEED} {policy['name']}")
    role, token = policy["role"], policy["token"]
    sees_part = role["rows"] != "everything"
    account = {"asked": 0, "rows": 0, "refused": 0, "said_twice": 0, "tables": set()}
    with postgres(token) as connection, arrow(token, handshake=False) as arrows:
        cursors = psycopg.RawCursor(connection), psycopg.RawCursor(connection)
        cursors[1].format = psycopg.pq.Format.BINARY
        adbc = arrows.cursor()
        for number in range(count):
            table, sql, params = "activity", "", []
            if chance.random() < (0.1 if sees_part else 0.5):
                table, sql = elsewhere(chance)
            else:
                sql, params = question(chance, sees_part)
            account["asked"] += 1
            account["tables"].add(table)
            if sees_part and table != "activity":
                refused_everywhere((connection, arrows, token), table)
                account["refused"] += 1
                continue
            expected = same_everywhere((token, cursors[number % 2], adbc), number, sql, params)
            account["rows"] += len(expected)
            whole = seen(sql, role)
            if whole is not None:
                told = rest(whole, READ_KEY, params)
                assert isinstance(told, list), f"{whole} {params}: {told}"
                assert ordered(told) == ordered(expected), f"{policy['name']}: {sql} {params}\n{expected[:5]}\n{whole}\n{told[:5]}"
                account["said_twice"] += 1
        if sees_part or role["masks"]:
            refused_everywhere((connection, arrows, token), "quarantine")
        adbc.close()
    return account


def compare_restricted(count):
    """`count` questions in all, each role its share."""
    accounts = []
    for place, policy in enumerate(POLICIES):
        share = count // len(POLICIES) + (place < count % len(POLICIES))
        accounts.append((policy["name"], under(policy, share)))
    asked = {name for _, account in accounts for name in account["tables"]}
    total = {part: sum(account[part] for _, account in accounts) for part in ("asked", "rows", "refused", "said_twice")}
    return {**total, "tables": sorted(asked), "policies": [name for name, _ in accounts]}
