"""segment-analytics-python: an anonymous visitor, then the same person identified; bodies gzipped."""

import json
import os
import sys

from segment.analytics.client import Client

person = os.environ["FOOTFALL_PERSON"]
count = int(os.environ["FOOTFALL_COUNT"])
errors = []
client = Client(
    os.environ["FOOTFALL_WRITE_KEY"],
    host=os.environ["FOOTFALL_URL"],
    gzip=os.environ.get("FOOTFALL_GZIP", "1") == "1",
    upload_size=5,
    upload_interval=0.2,
    on_error=lambda error, items: errors.append(f"{error} ({len(items)} items)"),
)
anonymous_id = f"anon-segment-python-{person}"
event = "segment-python step"
for step in range(count):
    client.track(anonymous_id=anonymous_id, event=event, properties={"step": step, "sdk": "segment-python"})
client.identify(person, {"from_segment_python": True}, anonymous_id=anonymous_id)
for step in range(count, 2 * count):
    client.track(person, event, {"step": step, "sdk": "segment-python"})
client.page(person, "docs", "Guide", {"path": "/docs/guide"})
client.screen(person, name="Main")
client.group(person, "acme", {"plan": "enterprise"})
client.alias(f"old-segment-python-{person}", person)
client.flush()
client.join()
json.dump(
    {
        "sdk": "segment-python",
        "ids": [anonymous_id, person],
        "counts": {event: 2 * count, "$identify": 1, "$pageview": 1, "$screen": 1, "$groupidentify": 1, "$create_alias": 1},
        "errors": errors,
    },
    sys.stdout,
)
print()
