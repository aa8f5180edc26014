#!/usr/bin/env python3
"""The same questions to other engines: peers.py PARQUET FOLDER [ANSWERS TIMES] [--rounds 5] [--engines ch,duckdb,...] [--load]

Resent rows are dropped first. One process for each engine, rounds in turn. Every answer is compared with ours, and the
table shows how many times as long as ours each takes. With --load the tables are only made.
"""
import argparse, json, math, os, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = ["ch", "ch_mat", "ch_coded", "duckdb", "duckdb_mat", "polars", "datafusion"]
ONLY_PROPERTIES = {"ch_mat", "duckdb_mat"}          # stored country column: differs only where it is read
PROPERTIES_Q = ["q2", "q4", "q11"]
family = lambda name: name.split("_")[0]


def distinct(parquet, folder):
    """The file without resent rows, in the order of arrival."""
    import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
    import numpy as np
    out = f"{folder}/distinct.parquet"
    if os.path.exists(out):
        return out
    source = pq.ParquetFile(parquet)
    column = lambda g: source.read_row_group(g, columns=["event_id"]).column(0).combine_chunks()
    raw = lambda c: np.frombuffer(c.buffers()[1], np.uint64, count=2 * len(c), offset=16 * c.offset).reshape(-1, 2)
    ids = np.concatenate([raw(column(g)) for g in range(source.num_row_groups)])
    keep = np.zeros(len(ids), bool)
    order = np.lexsort((ids[:, 1], ids[:, 0]))     # stable: the first to arrive stays
    ids = ids[order]
    keep[order] = np.concatenate([[True], np.any(ids[1:] != ids[:-1], axis=1)])
    at = 0
    with pq.ParquetWriter(out + ".next", source.schema_arrow, compression="zstd", compression_level=1, use_dictionary=["event", "user_id"]) as w:
        for g in range(source.num_row_groups):
            t = source.read_row_group(g)
            w.write_table(t.filter(pa.array(keep[at:at + t.num_rows])), row_group_size=500_000)
            at += t.num_rows
    os.rename(out + ".next", out)
    return out


def engine(name, parquet, folder):
    sys.path.insert(0, f"{HERE}/peers")
    fam = family(name)
    module = __import__(f"eng_{fam}")
    path = {"ch": f"{folder}/ch", "duckdb": f"{folder}/duck.db"}.get(fam, parquet)
    fresh = fam in ("ch", "duckdb") and not os.path.exists(f"{folder}/{fam}.loaded")
    e = module.Engine(path)
    if fresh:
        took = e.load(parquet, ["t_ev", "t_us", "c_ev", "c_us"]) if fam == "ch" else e.load(parquet)
        with open(f"{folder}/{fam}.loaded", "w") as f:
            json.dump(took, f)
    return e


def peak_mb():
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def canon(rows):
    import datetime
    f = lambda v: v.isoformat()[:10] if isinstance(v, (datetime.date, datetime.datetime)) else int(v) if isinstance(v, (int, bool)) else v
    return [[f(v) for v in r] for r in rows]


def worker(name, parquet, folder):
    e = engine(name, parquet, folder)
    print("@@ready", flush=True)
    for line in sys.stdin:
        variant, q = line.split()
        if q == "peak":
            print("@@" + json.dumps(dict(peak_mb=peak_mb())), flush=True); continue
        try:
            t = time.perf_counter()
            rows = e.finish(q, e.run(q, variant))
            out = dict(ms=(time.perf_counter() - t) * 1e3, rows=canon(rows))
        except Exception as x:
            out = dict(error=repr(x)[:2000])
        print("@@" + json.dumps(out), flush=True)


class Worker:
    def __init__(self, *a):
        self.p = subprocess.Popen([sys.executable, __file__, "worker", *a], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.read()

    def read(self):
        for line in self.p.stdout:
            if line.startswith("@@"):
                return line[2:]
        return '{"error": "the engine ended"}'

    def end(self):
        self.p.stdin.close(); self.p.wait()

    def ask(self, variant, q):
        self.p.stdin.write(f"{variant} {q}\n"); self.p.stdin.flush()
        return json.loads(self.read())


def loads(folder, families):
    """What making the tables took; merging is sorting in the background, waited for."""
    print("| table | insert s | merge s | bytes |\n|---|---|---|---|")
    for f in families:
        path = f"{folder}/{f}.loaded"
        for table, took in (json.load(open(path)) if os.path.exists(path) and os.path.getsize(path) else {}).items():
            print(f"| {f} {table} | {took['insert_s']} | {took.get('merge_s', '-')} | {took['bytes']} |")
    return 0


def main(a):
    os.makedirs(a.folder, exist_ok=True)
    parquet = distinct(a.parquet, a.folder)
    names = a.engines.split(",") if a.engines else ALL
    families = list(dict.fromkeys(map(family, names)))
    # Each loads alone, so that none is starved of memory.
    if a.load or not a.answers:
        for f in families:
            Worker(f, parquet, a.folder).end()
        return loads(a.folder, families)
    answers, ours = json.load(open(a.answers)), json.load(open(a.times))
    workers = {f: Worker(f, parquet, a.folder) for f in families}
    loads(a.folder, families)
    print("| question | ours ms | " + " | ".join(f"{n} ms (ratio)" for n in names) + " |")
    print("|---|---|" + "---|" * len(names))
    best, house, differing = [], [], 0
    for q in answers:
        asked = [n for n in names if n not in ONLY_PROPERTIES or q in PROPERTIES_Q]
        times = {n: [] for n in asked}
        for r in range(a.rounds + 1):                 # the first warms up
            for n in asked:
                if r > 2 and times[n] and times[n][0] > 25_000:
                    continue
                o = workers[family(n)].ask(n, q)
                if "error" in o:
                    print(f"{q} {n}: {o['error']}", flush=True); continue
                if o["rows"] != answers[q]:
                    differing += 1; print(f"{q} {n} DIFFERS from ours: {str(o['rows'])[:200]} != {str(answers[q])[:200]}", flush=True)
                if r or not a.rounds:
                    times[n].append(o["ms"])
        medians = {n: statistics.median(t) for n, t in times.items() if t}
        cell = lambda n: f"{medians[n]:.0f} (x{medians[n] / ours[q]:.1f})" if n in medians else "-"
        print(f"| {q} | {ours[q]:.1f} | " + " | ".join(map(cell, names)) + " |", flush=True)
        if medians:
            best.append((min(medians.values()) / ours[q], q))
        clickhouse = [t for n, t in medians.items() if n in ("ch", "ch_mat")]
        if clickhouse:
            house.append((min(clickhouse) / ours[q], q))
    print("peak memory: " + ", ".join(f"{f} {w.ask(f, 'peak').get('peak_mb', '-')} MB" for f, w in workers.items()))
    for w in workers.values():
        w.end()
    for name, ratios in ("best of all against ours", best), ("ClickHouse's best layout against ours", house):
        if ratios:
            mean = math.exp(sum(math.log(x) for x, _ in ratios) / len(ratios))
            print(f"{name}: geometric mean x{mean:.1f}, least x{min(ratios)[0]:.1f} ({min(ratios)[1]})")
    print(f"{differing} answers differ")
    return 1 if differing else 0


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        sys.exit(worker(*sys.argv[2:]))
    p = argparse.ArgumentParser()
    for name in ("parquet", "folder"):
        p.add_argument(name)
    for name in ("answers", "times"):
        p.add_argument(name, nargs="?")
    p.add_argument("--rounds", type=int, default=5); p.add_argument("--engines"); p.add_argument("--load", action="store_true")
    sys.exit(main(p.parse_args()))
