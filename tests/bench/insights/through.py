#!/usr/bin/env python3
"""The benchmark's questions through the running program: through.py FOOTFALL PARQUET FOLDER [EXPECTED]

Every activity is sent over HTTP, the resent ones too, in the order of arrival; then each question is asked over HTTP and
held against the expected rows, or, without these, against DuckDB's over the file's different ids. The server gets a new
data folder within FOLDER, listens on loopback, and is ended.
"""
import concurrent.futures, datetime, json, os, pathlib, shutil, socket, subprocess, sys, time, urllib.request

import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]
from spec import DAY, END, FUNNEL, FUNNEL_B, GAP, LAST30, OCT0, OCT1, START, WEEK, WIN, median_of_nobody

BATCH, SENDERS = 1_000, 4


class Server:
    def __init__(self, binary, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.listen = f"127.0.0.1:{free.getsockname()[1]}"
        limits = {f"FOOTFALL_LIMITS_{name}": "0" for name in ("ADDRESS", "FLAGS", "ACCOUNT", "KEY")}
        self.env = {**os.environ, **limits, "FOOTFALL_DATA_DIR": str(folder / "data"), "FOOTFALL_LISTEN": self.listen}
        self.binary, self.log = binary, open(folder / "log", "w")
        key = lambda kind: subprocess.run([binary, "keys", "create", "--kind", kind], env=self.env, check=True, capture_output=True, text=True).stdout.strip()
        self.write, self.read = key("write"), key("read")
        self.process = subprocess.Popen([binary], env=self.env, stdout=self.log, stderr=self.log)

    def ask(self, path, key, body, tries=1):
        request = urllib.request.Request(f"http://{self.listen}{path}", json.dumps(body).encode(), {"content-type": "application/json", "authorization": f"Bearer {key}"})
        for left in reversed(range(tries)):
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if refused.code != 503 or left == 0:
                    raise SystemExit(f"{path}: {refused.code} {refused.read().decode()[:2000]}")
                time.sleep(1)
            except OSError:
                if left == 0:
                    raise
                time.sleep(0.2)

    def sql(self, sql, tries=1):
        return self.ask("/v1/sql", self.read, {"sql": sql}, tries)["rows"]

    def insight(self, kind, body):
        # The first question waits for everything to be read once.
        return self.ask(f"/v1/insights/{kind}?age_ms=0", self.read, body, tries=300)["answer"]

    def end(self):
        self.process.terminate()
        self.process.wait(120)


def batches(parquet):
    for batch in pq.ParquetFile(parquet).iter_batches(BATCH):
        columns = [batch.column(name).to_pylist() for name in ("event_id", "event", "user_id", "timestamp", "properties")]
        yield [dict(event=event, distinctId=user, messageId=key.hex(), timestamp=when.isoformat(timespec="milliseconds").replace("+00:00", "Z"), properties=json.loads(text))
               for key, event, user, when, text in zip(*columns)]


def send(server, parquet):
    """How many were sent, and how many different ids they have."""
    sent, ids, under_way = 0, set(), set()

    def post(items):
        answer = server.ask("/v1/activity", server.write, items, tries=600)
        assert answer["accepted"] == len(items), answer

    with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
        for items in batches(parquet):
            sent += len(items)
            ids.update(item["messageId"] for item in items)
            under_way.add(pool.submit(post, items))
            if len(under_way) >= 2 * SENDERS:
                done, under_way = concurrent.futures.wait(under_way, return_when=concurrent.futures.FIRST_COMPLETED)
                [one.result() for one in done]
        [one.result() for one in under_way]
    return sent, len(ids)


def scope(since=START, until=END, **more):
    return dict(from_ms=since, until_ms=until, zone="UTC", **more)


def named(name):
    return dict(activities=[name])


def questions():
    view = dict(select=named("view_place"), measures=["count", "people"])
    trend = dict(scope=scope(), bucket="day", series=[view])
    funnel = lambda steps: dict(scope=scope(), steps=[named(step) for step in steps], window_ms=WIN)
    touch = dict(property="country", step=1, attribution="first_touch")
    retention = dict(kind="first_time", start=named("signup"), returning={})
    did = lambda name, **bounds: dict(did=dict(select=named(name), from_ms=LAST30, until_ms=END, **bounds))
    keen = dict(all=[did("save_place", at_least=3), did("purchase", at_least=0, at_most=0)])
    german = dict(activities=[], condition=dict(property=dict(property="country", test={"is": ["DE"]})))
    return dict(
        q1=[("trend", trend)],
        q2=[("trend", {**trend, "breakdown": dict(properties=["country"], top=10)})],
        q3=[("funnel", funnel(FUNNEL))],
        q3b=[("funnel", funnel(FUNNEL_B))],
        q4=[("funnel", {**funnel(FUNNEL), "breakdown": touch})],
        q5=[("retention", dict(scope=scope(START, START + 84 * DAY), bucket="week", **retention))],
        q6=[("retention", dict(scope=scope(), bucket="day", unbounded=True, **retention))],
        q7=[("sessions", dict(scope=scope(), bucket="day", gap_ms=GAP))],
        q8=[("paths", dict(scope=scope(), anchor=dict(after="search"), length=3, gap_ms=GAP, top=20))],
        q9=[("lifecycle", dict(scope=scope(), bucket="week", select={}))],
        q10=[("stickiness", dict(scope=scope(OCT0, OCT1), bucket="day", select=named("view_place")))],
        q11=[("ranking", dict(scope=scope(), select=german, by="activity_and_person", top=100))],
        q12=[("cohort", dict(cohort=keen)), ("ranking", dict(scope=scope(LAST30, END, people=keen), select={}, by="activity", top=10))],
    )


def date(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).date().isoformat()


def rows(question, answers, users):
    """Answers as the expected file has them."""
    first = answers[0]
    if question in ("q1", "q2"):
        found = []
        for line in first["lines"]:
            label = line["label"]
            name = [] if label == "everything" else ["$other"] if label == "other" else label["values"]
            for start, count, people in zip(first["buckets"], *line["measures"]):
                if count:
                    found.append([date(start), *name, int(count), int(people)])
        return sorted(found)
    if question in ("q3", "q3b"):
        return [[*group["reached"], group["converted_ms"][3] if group["converted_ms"] else None] for group in first["groups"]]
    if question == "q4":
        return [[group["value"], *group["reached"]] for group in first["groups"]]
    if question == "q5":
        return [[w, k, people] for w, cohort in enumerate(first["cohorts"]) for k, people in enumerate(cohort["returned"]) if people]
    if question == "q6":
        cohorts = first["cohorts"]
        eligible = lambda n: cohorts[:len(cohorts) - n]
        return [[n, sum(one["people"] for one in eligible(n)), sum(one["returned"][n] for one in eligible(n))] for n in range(31)]
    if question == "q7":
        return [[date(day["start_ms"]), day["sessions"], day["duration_ms"], day["bounces"]] for day in first["buckets"] if day["sessions"]]
    if question == "q8":
        return [[*path["activities"], path["count"]] for path in first["paths"]]
    if question == "q9":
        return [[(week["start_ms"] - START) // WEEK, week["new"], week["returning"], week["resurrecting"], week["dormant"]] for week in first["buckets"]]
    if question == "q10":
        return [[n, people] for n, people in enumerate(first["people"], 1) if people]
    if question == "q11":
        return [[row["activity"], users[row["person"]], row["rows"]] for row in first["rows"]]
    return [["#users", first["people"]], *([row["activity"], row["rows"]] for row in answers[1]["rows"])]


def compared(question, got, want):
    """Whether both are the same. Persons have other ids here, so who of several with the fewest rows is shown may differ."""
    if question in ("q3", "q3b"):
        return median_of_nobody(got) == median_of_nobody(want)
    if question != "q11":
        return got == want
    fewest = want[-1][2] if want else 0
    clear = lambda found: sorted(row for row in found if row[2] > fewest)
    return [row[2] for row in got] == [row[2] for row in want] and clear(got) == clear(want)


def by_duckdb(parquet, folder):
    from peers import canon, distinct, engine
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    duck = engine("duckdb", distinct(parquet, str(folder)), str(folder))
    return {name: canon(duck.finish(name, duck.run(name))) for name in questions()}


def main(binary, parquet, folder, expected=None):
    folder = pathlib.Path(folder)
    want = json.loads(pathlib.Path(expected).read_text()) if expected else by_duckdb(parquet, folder / "duckdb")
    server = Server(binary, folder / "server")
    try:
        server.sql("SELECT 1", tries=600)
        begun = time.time()
        sent, different = send(server, parquet)
        while server.sql("SELECT count(*) FROM activity", tries=60)[0][0] < different:
            time.sleep(0.2)
        seconds = time.time() - begun
        counted = server.sql("SELECT count(*) FROM activity")[0][0]
        assert counted == different, f"{counted} activities are there, {different} different ids were sent"
        print(f"{sent} activities sent over HTTP in {seconds:.0f} s, {sent - different} of them again; {different} are there")
        wrong = 0
        for name, asked in questions().items():
            answers = [server.insight(kind, body) for kind, body in asked]
            users = {}
            if name == "q11":
                ids = ", ".join(f"'{row['person']}'" for row in answers[0]["rows"])
                users = dict(server.sql(f"SELECT DISTINCT person_id, distinct_id FROM activity WHERE person_id IN ({ids})")) if ids else {}
            got = rows(name, answers, users)
            same = compared(name, got, want[name])
            wrong += not same
            print(f"{name}: {len(got)} rows, {'equal' if same else 'DIFFERENT: ' + str(next((pair for pair in zip(got, want[name]) if pair[0] != pair[1]), (len(got), len(want[name]))))}")
        print(f"{len(questions()) - wrong} passed, {wrong} failed")
        return wrong
    finally:
        server.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) != 0)
