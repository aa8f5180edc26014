#!/usr/bin/env python3
"""Runs what the documents tell a reader to run: README.md, the guides in docs, the notes beside the notebooks.

The first word of a fence says what becomes of its block: `sh`, `sql` (asked with the read key), `python` and `js` are run; `toml` has to be
settings that the program takes, `json` without `…` has to be JSON, `yaml` with a name is written into that file; `console`, `text` and `rust`
are shown alone. A block behind `<!-- not run: REASON -->` is not run. Others are faults.

The blocks of one document share one shell, a fresh folder with the data in `data`, and a running server with all doors, in which `footfall` is
the built program. A block fails when a command in it fails; a line `# → text` (`-- →` in SQL, `// →` in JavaScript) demands that the output has
the text. Beside the README, readers have a write and a read key in `$WRITE` and `$READ`, a service key in `$SERVICE`, and some days of the demo.
Usage: snippets.py PATH-OF-FOOTFALL [DOCUMENT…]
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from snippets_blocks import RUN, blocks_of, script_of

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("FOOTFALL_TEST_CACHE") or Path.home() / ".cache/footfall-tests")
# What a reader has to have for a language or a command.
NEEDS = {"python": CACHE / "venv/bin/python", "js": CACHE / "node/node_modules", "psql": Path(shutil.which("psql") or "/nowhere/psql")}
SCOPES = [
    "activity.read", "dashboards.read", "dashboards.write", "experiments.read", "experiments.write", "flags.read", "flags.write", "insights.read",
    "jobs.read", "jobs.write", "persons.erase", "persons.read", "quarantine.read", "sql.run",
]
PATIENCE_S = 240


def documents():
    guides = [path for path in sorted((ROOT / "docs").rglob("*.md")) if "decisions" not in path.parts]
    return [ROOT / "README.md", *guides, *sorted((ROOT / "notebooks").rglob("README.md"))]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def asked(address, path, token=None, body=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"http://{address}{path}", None if body is None else json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{path}: {error.status} {error.read().decode()}") from None


def until(what, server, is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"waited for {what}")
        time.sleep(0.02)


def is_ready(address):
    try:
        urllib.request.urlopen(f"http://{address}/readyz", timeout=2).read()
        return True
    except OSError:
        return False


def given(address, folder, environment, server):
    """The keys of a reader who has done what the README says, and who owns the installation; and something to ask about."""
    def command(*arguments):
        return subprocess.run(["footfall", *arguments], env=environment, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()

    secret = re.search(r"first-owner#([A-Za-z0-9_-]+)", Path(folder, "tracing").read_text())[1]
    owner = {"secret": secret, "email": "olga@example.org", "name": "Olga", "password": "mein Rad hat drei Räder", "organisation": "Example", "project": "default"}
    token = asked(address, "/v1/first-owner", body=owner)["access_token"]
    write, read = command("keys", "create", "--kind", "write"), command("keys", "create", "--kind", "read")
    service = asked(address, "/v1/projects/default/keys", token, {"kind": "service", "name": "guide", "scopes": SCOPES})["key"]
    command("demo", "--days", "5", "--per-day", "200", "--people", "100", "--total", "0", "--key", write)
    count = {"sql": "SELECT count(*) FROM activity"}
    until("the demo's activity", server, lambda: asked(address, "/v1/sql", read, count)["rows"][0][0] > 500)
    # What reads the files finds them.
    until("files of the tables", server, lambda: any(Path(folder, "data/lake/project=default/person_overrides/_delta_log").glob("*.json")))
    return {"WRITE": write, "READ": read, "SERVICE": service}


def lacks(blocks):
    """What the machine has not, of what a document's blocks need."""
    wanted = {block.language for block in blocks if not block.reason} | ({"psql"} if any("psql " in block.text for block in blocks if block.language == "sh") else set())
    return [name for name, path in NEEDS.items() if name in wanted and not path.exists()]


def run(document, program):
    text = document.read_text()
    blocks = blocks_of(text)
    count = sum(block.language in RUN and not block.reason for block in blocks)
    if not any(block.language in RUN | {"toml", "yaml"} and not block.reason for block in blocks):
        return 0
    if missing := lacks(blocks):
        if os.environ.get("CI"):
            raise SystemExit(f"{document.name}: without {missing}, and with CI set nothing may be skipped")
        print(f"skipped: {document.relative_to(ROOT)}: without {missing}; run tests/install.sh")
        return 0
    with tempfile.TemporaryDirectory(prefix="footfall-snippets-") as folder:
        address, postgres, flight = (f"127.0.0.1:{free_port()}" for _ in range(3))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        environment |= {
            "FOOTFALL_DATA_DIR": f"{folder}/data", "FOOTFALL_LISTEN": address, "PATH": f"{program.parent}:{environment['PATH']}",
            "GUIDE_PYTHON": sys.executable, "GUIDE_ASK": str(Path(__file__).with_name("snippets_ask.py")), "GUIDE_PACKAGES": str(NEEDS["python"]),
            "GUIDE_URL": f"http://{address}", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT / "notebooks/footfall_client/src"), "PGCONNECT_TIMEOUT": "60",
        }
        doors = {"FOOTFALL_POSTGRES_LISTEN": postgres, "FOOTFALL_FLIGHT_LISTEN": flight, "FOOTFALL_STORE_FLUSH_AGE": "200ms"}
        script = script_of(blocks)
        # The documents name the usual places.
        for usual, here in [("127.0.0.1:8080", address), ("localhost:8080", address), ("127.0.0.1:5433", postgres), ("port=5433", f"port={postgres.rpartition(':')[2]}"), ("127.0.0.1:8082", flight), ("/var/", f"{folder}/var/")]:
            script = script.replace(usual, here)
        # Readers stand in the repository, and have installed the packages.
        os.symlink(ROOT / "models", f"{folder}/models")
        if NEEDS["js"].exists():
            os.symlink(NEEDS["js"], f"{folder}/node_modules")
        with open(f"{folder}/tracing", "w") as tracing:
            server = subprocess.Popen([program], env=environment | doors, stdout=tracing, stderr=tracing, cwd=folder)
            try:
                until(f"{address} to be ready", server, lambda: is_ready(address))
                if document.name != "README.md" or document.parent != ROOT:
                    environment |= given(address, folder, environment, server)
                done = subprocess.run(["bash", "-c", script], env=environment, cwd=folder, timeout=300, text=True, stdout=subprocess.PIPE)
                print(done.stdout)
                if done.returncode or '"rows":[]' in done.stdout:
                    print(Path(f"{folder}/tracing").read_text()[-2000:], file=sys.stderr)
                    raise SystemExit(f"{document.relative_to(ROOT)}: exit {done.returncode}, or a question without an answer")
            finally:
                server.terminate()
                server.wait(60)
    for block in blocks:
        if block.reason:
            print(f"{document.relative_to(ROOT)}, line {block.line}: not run: {block.reason}")
    return count


def main():
    program = Path(sys.argv[1]).resolve()
    wanted = [Path(name).resolve() for name in sys.argv[2:]] or documents()
    counts = {}
    for document in wanted:
        try:
            counts[document] = run(document, program)
        except SystemExit as fault:
            raise SystemExit(f"{document.relative_to(ROOT)}: {fault}") from None
    for document, count in counts.items():
        if count:
            print(f"{document.relative_to(ROOT)}: {count} blocks ran")
    if not sys.argv[2:] and not counts.get(ROOT / "README.md"):
        raise SystemExit("README.md has no block that is run")


main()
