"""Random questions about insights to the running program, and the same definitions as SQL on DuckDB over the lake's files.

Prints how many answers were equal, by kind, and the first of those that differ.
"""

import json
import os
import random
import urllib.request
from collections import Counter
from pathlib import Path

import duckdb

URL, KEY, LAKE = os.environ["FOOTFALL_URL"], os.environ["FOOTFALL_READ_KEY"], Path(os.environ["FOOTFALL_LAKE"])
choose = random.Random(int(os.environ.get("FOOTFALL_TEST_SEED", "1")))
ROUNDS = 8
START, DAY, MINUTE = 1_777_852_800_000, 86_400_000, 60_000
EVENTS, ZONES = ["view", "save", "buy", "open"], ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"]


def connect():
    manifest = json.loads((LAKE / "manifest.json").read_text())["manifest"]
    manifest = json.loads(manifest) if isinstance(manifest, str) else manifest
    files = lambda table: [str(LAKE / file["path"]) for file in manifest["projects"]["default"].get(table, [])]
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for table in ("activity", "person_overrides"):
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files(table)!r}, union_by_name = true)")
    connection.execute("""CREATE TABLE a AS SELECT coalesce(o.canonical_person_id, a.person_id) AS p, event, timestamp AS moment,
        epoch_ms(timestamp) AS t, properties->>'$.plan' AS plan, CAST(properties->>'$.price' AS DOUBLE) AS price
        FROM activity a LEFT JOIN person_overrides o ON a.person_id = o.person_id""")
    return connection


database = connect()


def sql(text):
    return [list(row) for row in database.execute(text).fetchall()]


def ask(kind, body):
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(f"{URL}/v1/insights/{kind}?age_ms=0", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["answer"]


# Parts of questions, each with its meaning in SQL.


def scope():
    since = START + choose.randrange(0, 10 * 24) * 3_600_000 - choose.choice([0, 1])
    until = since + choose.randrange(1, 20 * 24) * 3_600_000 + choose.choice([0, 1])
    zone = choose.choice(ZONES)
    return dict(from_ms=since, until_ms=until, zone=zone), f"t >= {since} AND t < {until}"


def selector():
    names = choose.sample(EVENTS, choose.choice([0, 1, 1, 1, 2]))
    condition, meaning = choose.choice(
        [
            (None, "true"),
            (None, "true"),
            (dict(property=dict(property="plan", test={"is": ["pro", "team"]})), "coalesce(plan IN ('pro', 'team'), false)"),
            (dict(property=dict(property="plan", test="not_set")), "plan IS NULL"),
            (dict(property=dict(property="price", test={"at_least": 5})), "coalesce(price >= 5, false)"),
            ({"not": dict(property=dict(property="price", test={"above": 7}))}, "NOT coalesce(price > 7, false)"),
        ]
    )
    select = dict(activities=names, **({"condition": condition} if condition else {}))
    listed = ", ".join(f"'{name}'" for name in names)
    return select, f"({meaning})" + (f" AND event IN ({listed})" if names else "")


def bucket(unit, zone, at="moment"):
    """The start of the bucket, in milliseconds."""
    return f"epoch_ms(date_trunc('{unit}', {at} AT TIME ZONE '{zone}') AT TIME ZONE '{zone}')"


def index(unit, zone, at="moment"):
    """The number of the day or week."""
    day = f"date_diff('day', DATE '2026-01-05', CAST({at} AT TIME ZONE '{zone}' AS DATE))"
    return day if unit == "day" else f"({day} // 7)"


def percentile(value, rank):
    return f"list_sort(list({value}) FILTER ({value} IS NOT NULL))[1 + CAST(floor((count({value}) - 1) * {rank}) AS BIGINT)]"


def stretches(gap, rows="true"):
    """Rows with the number of their stretch."""
    return f"""(SELECT *, sum(opens) OVER w AS stretch FROM (SELECT *, CASE WHEN t - lag(t) OVER w <= {gap} THEN 0 ELSE 1 END AS opens
        FROM a WHERE {rows} WINDOW w AS (PARTITION BY p ORDER BY t, event)) WINDOW w AS (PARTITION BY p ORDER BY t, event ROWS UNBOUNDED PRECEDING))"""


MEASURES = {
    "count": "count(*)",
    "people": "count(DISTINCT p)",
    "sessions": "count(DISTINCT (p, stretch))",
    "sum": "coalesce(sum(price), 0)",
    "average": "avg(price)",
    "minimum": "min(price)",
    "maximum": "max(price)",
    "percentile": percentile("price", 0.7),
}


def trend():
    (span, within), (select, selected), unit = scope(), selector(), choose.choice(["day", "week", "month"])
    names = choose.sample([name for name in MEASURES if name != "count"], 2)
    measures = ["count"] + [{name: ["price", 0.7]} if name == "percentile" else {name: "price"} if name in ("sum", "average", "minimum", "maximum") else name for name in names]
    body = dict(scope=span, bucket=unit, series=[dict(select=select, measures=measures)])
    rows, start = f"{stretches(30 * MINUTE)} WHERE {within} AND {selected}", bucket(unit, span["zone"])
    label = "'all'"
    if choose.random() < 0.5:
        top = choose.randrange(0, 4)
        body["breakdown"] = dict(properties=["plan"], top=top)
        kept = f"SELECT coalesce(plan, '-') FROM {rows} GROUP BY plan ORDER BY count(*) DESC, plan NULLS FIRST LIMIT {top}"
        label = f"CASE WHEN coalesce(plan, '-') IN ({kept}) THEN coalesce(plan, '-') ELSE '$other' END"
    values = ", ".join(MEASURES[name] for name in ["count", *names])
    want = sql(f"SELECT {label} AS label, {start} AS start, {values} FROM {rows} GROUP BY 1, 2")
    answer, got = ask("trend", body), []
    for line in answer["lines"]:
        name = "all" if line["label"] == "everything" else "$other" if line["label"] == "other" else line["label"]["values"][0] or "-"
        got += [[name, start, *values] for start, *values in zip(answer["buckets"], *line["measures"]) if values[0]]
    return body, got, want


def steps():
    names = choose.sample(EVENTS, choose.choice([2, 3]))
    return names, [dict(activities=[name]) for name in names]


def chain(names, within, window):
    """For each row of a step the latest start from which it is reached."""
    tables = [f"s1 AS (SELECT DISTINCT p, t, t AS began FROM a WHERE {within} AND event = '{names[0]}')"]
    for place, name in enumerate(names[1:], 2):
        tables.append(
            f"""s{place} AS (SELECT r.p, r.t, max(l.began) AS began FROM a r JOIN s{place - 1} l
            ON r.p = l.p AND l.t <= r.t AND r.t - l.began <= {window} WHERE {within.replace("t >=", "r.t >=").replace("t <", "r.t <")} AND r.event = '{name}' GROUP BY r.p, r.t)"""
        )
    return "WITH " + ", ".join(tables)


def funnel():
    (span, within), (names, chosen) = scope(), steps()
    window = choose.choice([0, 30 * MINUTE, 6 * 60 * MINUTE, 3 * DAY])
    body = dict(scope=span, steps=chosen, window_ms=window)
    with_steps, last = chain(names, within, window), len(names)
    reached = ", ".join(f"(SELECT count(DISTINCT p) FROM s{place})" for place in range(1, last + 1))
    times = f"(SELECT coalesce(list(took ORDER BY took), []) FROM (SELECT min(t) - arg_min(began, t) AS took FROM s{last} GROUP BY p))"
    want = sql(f"{with_steps} SELECT {reached}, {times}")[0]
    took = want.pop()
    rank = lambda rank: took[int((len(took) - 1) * rank)]
    want += [[rank(one) for one in (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)] if took else [], sum(took) / len(took) if took else None]
    group = ask("funnel", body)["groups"][0]
    return body, [[*group["reached"], group["converted_ms"], group["mean_ms"]]], [want]


def retention():
    (span, within), (start, starts), (returning, returns) = scope(), selector(), selector()
    unit, kind, unbounded = choose.choice(["day", "week"]), choose.choice(["first_time", "recurring"]), choose.random() < 0.5
    body = dict(scope=span, bucket=unit, kind=kind, start=start, returning=returning, unbounded=unbounded)
    at = index(unit, span["zone"])
    if kind == "first_time":
        begun = f"SELECT p, arg_min({at}, t) AS s FROM a WHERE {starts} GROUP BY p HAVING min(t) >= {span['from_ms']} AND min(t) < {span['until_ms']}"
    else:
        begun = f"SELECT DISTINCT p, {at} AS s FROM a WHERE {within} AND {starts}"
    back = f"SELECT DISTINCT p, {at} AS r FROM a WHERE {within} AND {returns}"
    least = sql(f"SELECT {index(unit, span['zone'], at='to_timestamp(' + str(span['from_ms'] / 1000) + ')')}")[0][0]
    later = "unnest(range(0, r - s + 1))" if unbounded else "r - s"
    returned = f"SELECT s - {least} AS w, k, count(DISTINCT p) FROM (SELECT p, s, {later} AS k FROM ({begun}) JOIN ({back}) USING (p) WHERE r >= s) GROUP BY 1, 2"
    want = sql(returned) + [[w, -1, people] for w, people in sql(f"SELECT s - {least}, count(*) FROM ({begun}) GROUP BY 1")]
    got = []
    for w, cohort in enumerate(ask("retention", body)["cohorts"]):
        got += [[w, -1, cohort["people"]]] if cohort["people"] else []
        got += [[w, k, people] for k, people in enumerate(cohort["returned"]) if people]
    return body, got, want


def lifecycle():
    (span, _), (select, selected), unit = scope(), selector(), choose.choice(["day", "week"])
    body = dict(scope=span, bucket=unit, select=select)
    at, first = index(unit, span["zone"]), lambda ms: index(unit, span["zone"], at=f"to_timestamp({ms} / 1000.0)")
    active = f"SELECT i, lag(i) OVER w AS before, lead(i) OVER w AS after FROM (SELECT DISTINCT p, {at} AS i FROM a WHERE {selected}) WINDOW w AS (PARTITION BY p ORDER BY i)"
    standings = f"""SELECT i, CASE WHEN before IS NULL THEN 0 WHEN before = i - 1 THEN 1 ELSE 2 END AS s FROM ({active})
        UNION ALL SELECT i + 1, 3 FROM ({active}) WHERE after IS NULL OR after > i + 1"""
    count = lambda standing: f"count(*) FILTER (s = {standing})"
    least, most = f"({first(span['from_ms'])})", f"({first(span['until_ms'] - 1)})"
    want = sql(f"SELECT i - {least}, {count(0)}, {count(1)}, {count(2)}, {count(3)} FROM ({standings}) WHERE i BETWEEN {least} AND {most} GROUP BY i")
    rows = ([n, one["new"], one["returning"], one["resurrecting"], one["dormant"]] for n, one in enumerate(ask("lifecycle", body)["buckets"]))
    return body, [row for row in rows if any(row[1:])], want


def stickiness():
    (span, within), (select, selected), unit = scope(), selector(), choose.choice(["day", "week"])
    body = dict(scope=span, bucket=unit, select=select)
    days = f"SELECT count(DISTINCT {index(unit, span['zone'])}) AS n FROM a WHERE {within} AND {selected} GROUP BY p"
    got = [[n, people] for n, people in enumerate(ask("stickiness", body)["people"], 1) if people]
    return body, got, sql(f"SELECT n, count(*) FROM ({days}) GROUP BY n")


def sessions():
    (span, _), gap, unit = scope(), choose.choice([0, 5, 30, 600]) * MINUTE, choose.choice(["day", "week"])
    body = dict(scope=span, bucket=unit, gap_ms=gap)
    each = f"SELECT min(t) AS t, min(moment) AS moment, max(t) - min(t) AS took, count(*) AS n FROM {stretches(gap)} GROUP BY p, stretch"
    within = f"t >= {span['from_ms']} AND t < {span['until_ms']}"
    want = sql(f"SELECT {bucket(unit, span['zone'])}, count(*), sum(took)::BIGINT, count(*) FILTER (n = 1), sum(n)::BIGINT FROM ({each}) WHERE {within} GROUP BY 1")
    buckets = ask("sessions", body)["buckets"]
    got = [[one["start_ms"], one["sessions"], one["duration_ms"], one["bounces"], one["rows"]] for one in buckets if one["sessions"]]
    return body, got, want


def paths():
    (span, within), after, gap, length = scope(), choose.choice(EVENTS), choose.choice([30, 240]) * MINUTE, choose.choice([1, 2, 3])
    body = dict(scope=span, anchor=dict(after=after), length=length, gap_ms=gap, top=10_000)
    lead = lambda what, by: f"lead({what}, {by}) OVER w"
    near = " AND ".join(f"{lead('t', n)} - {lead('t', n - 1) if n > 1 else 't'} <= {gap}" for n in range(1, length + 1))
    names = ", ".join(f"{lead('event', n)} AS e{n}" for n in range(1, length + 1))
    columns = ", ".join(f"e{n}" for n in range(1, length + 1))
    found = f"SELECT t, event, {names}, {near} AS near FROM a WINDOW w AS (PARTITION BY p ORDER BY t, event)"
    want = sql(f"SELECT {columns}, count(*) FROM ({found}) WHERE event = '{after}' AND near AND {within} GROUP BY ALL")
    return body, [[*path["activities"], path["count"]] for path in ask("paths", body)["paths"]], want


def distribution():
    (span, within), (select, selected) = scope(), selector()
    of, rows = choose.choice(
        [
            (dict(property="price"), f"SELECT price AS v FROM a WHERE {within} AND {selected} AND price IS NOT NULL"),
            ("rows_per_person", f"SELECT count(*)::DOUBLE AS v FROM a WHERE {within} AND {selected} GROUP BY p"),
        ]
    )
    body = dict(scope=span, select=select, of=of, edges=[1, 2.5, 6], ranks=[0.1, 0.5, 0.9])
    bins = "count(*) FILTER (v < 1), count(*) FILTER (v >= 1 AND v < 2.5), count(*) FILTER (v >= 2.5 AND v < 6), count(*) FILTER (v >= 6)"
    ranks = ", ".join(percentile("v", rank) for rank in body["ranks"])
    want = sql(f"SELECT count(*), coalesce(sum(v), 0), min(v), max(v), {bins}, {ranks} FROM ({rows})")
    answer = ask("distribution", body)
    return body, [[answer["count"], answer["sum"], answer["minimum"], answer["maximum"], *answer["histogram"], *answer["percentiles"]]], want


def active_people():
    (span, _), (select, selected) = scope(), selector()
    body = dict(scope=span, select=select)
    at, first = index("day", span["zone"]), lambda ms: f"({index('day', span['zone'], at=f'to_timestamp({ms} / 1000.0)')})"
    days = f"SELECT p, i, unnest(range(0, 30)) AS n FROM (SELECT DISTINCT p, {at} AS i FROM a WHERE {selected})"
    within = f"i + n BETWEEN {first(span['from_ms'])} AND {first(span['until_ms'] - 1)}"
    people = lambda days: f"count(DISTINCT p) FILTER (n < {days})"
    counted = sql(f"SELECT i + n - {first(span['from_ms'])} AS d, {people(1)}, {people(7)}, {people(30)} FROM ({days}) WHERE {within} GROUP BY i + n")
    share = lambda part, whole: part / whole if whole else None
    want = [[d, day, week, month, share(day, week), share(day, month), share(week, month)] for d, day, week, month in counted]
    names = ["day", "week", "month", "day_per_week", "day_per_month", "week_per_month"]
    got = [[n, *(day[name] for name in names)] for n, day in enumerate(ask("active_people", body)["days"]) if day["month"]]
    return body, got, want


def time_between():
    (span, within), (first, of_first), (second, of_second) = scope(), selector(), selector()
    window = choose.choice([60, 600, 5_000]) * MINUTE
    body = {"scope": span, "from": first, "to": second, "window_ms": window, "ranks": [0.5, 0.9]}
    rows = lambda selected: f"(SELECT row_number() OVER () AS row, p, t FROM a WHERE {within} AND {selected})"
    gaps = f"SELECT f.p AS p, min(l.t) - f.t AS gap FROM {rows(of_first)} f JOIN {rows(of_second)} l ON f.p = l.p AND l.t > f.t GROUP BY f.row, f.p, f.t"
    ranks = ", ".join(percentile("gap", rank) for rank in body["ranks"])
    want = sql(f"SELECT count(*), count(DISTINCT p), coalesce(sum(gap), 0)::BIGINT, {ranks} FROM ({gaps}) WHERE gap <= {window}")
    answer = ask("time_between", body)
    return body, [[answer["count"], answer["people"], answer["sum_ms"], *answer["percentiles_ms"]]], want


def ranking():
    (span, within), (select, selected) = scope(), selector()
    by, columns = choose.choice([("activity", ["event"]), ("person", ["p"]), ("activity_and_person", ["event", "p"])])
    body = dict(scope=span, select=select, by=by, top=choose.choice([3, 50]))
    listed = ", ".join(columns)
    want = sql(f"SELECT {listed}, count(*) AS n FROM a WHERE {within} AND {selected} GROUP BY {listed} ORDER BY n DESC, {listed} LIMIT {body['top']}")
    names = {"event": "activity", "p": "person"}
    return body, [[*(row[names[column]] for column in columns), row["rows"]] for row in ask("ranking", body)["rows"]], want


def cohort():
    (span, within), (select, selected), (names, chosen) = scope(), selector(), steps()
    least, most = choose.randrange(0, 4), choose.choice([None, 6])
    bounds = dict(from_ms=span["from_ms"], until_ms=span["until_ms"])
    did = dict(select=select, **bounds, at_least=least, **({"at_most": most} if most is not None else {}))
    sequence = dict(steps=chosen, window_ms=DAY, **bounds)
    often = f"SELECT p FROM a GROUP BY p HAVING count(*) FILTER ({within} AND {selected}) BETWEEN {least} AND {most if most is not None else 10**9}"
    in_order = f"SELECT p FROM ({chain(names, within, DAY)} SELECT DISTINCT p FROM s{len(names)})"
    asked, meaning = choose.choice(
        [
            (dict(did=did), f"p IN ({often})"),
            (dict(sequence=sequence), f"p IN ({in_order})"),
            (dict(all=[dict(did=did), {"not": dict(sequence=sequence)}]), f"p IN ({often}) AND p NOT IN ({in_order})"),
            (dict(any=[dict(did=did), dict(sequence=sequence)]), f"p IN ({often}) OR p IN ({in_order})"),
        ]
    )
    body = dict(cohort=asked, list=10_000)
    answer = ask("cohort", body)
    want = sql(f"SELECT DISTINCT p FROM a WHERE {meaning}")
    return body, [[answer["people"]], *([person] for person in answer["listed"])], [[len(want)], *want]


def same(got, want):
    def near(one, other):
        if isinstance(one, list) and isinstance(other, list):
            return len(one) == len(other) and all(map(near, one, other))
        if isinstance(one, (int, float)) and isinstance(other, (int, float)):
            return abs(one - other) <= 1e-9 * max(1, abs(other))
        return one == other

    by_text = lambda rows: sorted(rows, key=lambda row: [(value is not None, str(value)) if not isinstance(value, (int, float)) else (True, f"{value:030.9f}") for value in row])
    return near(by_text(got), by_text(want))


KINDS = [trend, funnel, retention, lifecycle, stickiness, sessions, paths, distribution, active_people, time_between, ranking, cohort]

equal, different = Counter(), []
for kind in KINDS:
    for _ in range(ROUNDS):
        body, got, want = kind()
        if same(got, want):
            equal[kind.__name__] += 1
        else:
            different.append({"kind": kind.__name__, "asked": body, "answered": got[:40], "duckdb": want[:40]})
print(json.dumps({"equal": equal, "different": different[:5]}))
