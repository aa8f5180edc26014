#!/usr/bin/env bash
# A real browser walks through the web application of the built program, with a shop's nine weeks in it. Needs what tests/install.sh installs.
# SCREENS=FOLDER keeps pictures. Experiments need weeks: they are made and started by hand, and their beginning is then moved back in the database
# of the stopped program, so that the shop's weeks lie in them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/sdk/served.sh

now="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
node tests/sdk/app_pages_shop.cjs "$now" >"$folder/shop.ndjson"
node tests/sdk/app_pages_lost.cjs "$now" >>"$folder/shop.ndjson"
# Two items that nobody can read.
printf '%s\n' '{"type": "track", "userId": "person-0001"}' '{"type": "track", "event": "", "userId": "person-0002"}' >>"$folder/shop.ndjson"
start
PAGES_WRITE_KEY="$("$footfall" keys create --kind write)"
export PAGES_WRITE_KEY
"$footfall" import --project shop "$folder/shop.ndjson"
PAGES_LINK="$(owner_link)" walk app_pages_made.cjs
stop
PYTHONPATH=tests/sdk PYTHONDONTWRITEBYTECODE=1 "$python" - "$database" <<'PY'
import json, sys
from datetime import datetime, timedelta, timezone
from tables import Tables

tables = Tables(sys.argv[1])
where = "WHERE project_id = ? AND kind = ? AND item_key = ?"
for name, days in (("checkout-button", 35), ("search-box", 63)):
    key = ("shop", "experiment", name)
    (state,) = tables.run(f"SELECT state FROM flag_definitions {where}", key).fetchone()
    state = json.loads(state)
    assert state["status"] == "running", state
    before = datetime.now(timezone.utc) - timedelta(days=days)
    state["phases"][0]["started_at"] = before.strftime("%Y-%m-%dT%H:%M:%S.") + f"{before.microsecond // 1000:03}Z"
    tables.run(f"UPDATE flag_definitions SET state = ? {where}", (json.dumps(state), *key))
tables.commit()
PY
start
for pages in app_pages.cjs app_pages_forms.cjs app_pages_steps.cjs insights_pages.cjs sql_pages.cjs resilience_pages.cjs keyboard_pages.cjs app_pages_held.cjs; do walk "$pages"; done
