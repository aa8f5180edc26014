"""Asks the statements of a file, one after the other, as a reader of a guide does: over HTTP, with the read key."""

import json
import os
import sys
import urllib.error
import urllib.request

for statement in open(sys.argv[1]).read().split(";"):
    if not statement.strip():
        continue
    request = urllib.request.Request(
        f"{os.environ['GUIDE_URL']}/v1/sql", json.dumps({"sql": statement}).encode(),
        {"Authorization": f"Bearer {os.environ['READ']}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            print(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{statement.strip()}\n{error.read().decode()}") from None
