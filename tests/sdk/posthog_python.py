"""posthog (PyPI): an anonymous visitor, then the same person identified. POSTHOG_CAPTURE_MODE=v1 speaks the v1 protocol."""

import json
import os
import sys

from posthog import Posthog

person = os.environ["FOOTFALL_PERSON"]
count = int(os.environ["FOOTFALL_COUNT"])
sdk = f"posthog-python-{os.environ.get('POSTHOG_CAPTURE_MODE', 'v0')}"
errors = []
client = Posthog(
    os.environ["FOOTFALL_WRITE_KEY"],
    host=os.environ["FOOTFALL_URL"],
    gzip=True,
    flush_at=5,
    flush_interval=0.2,
    on_error=lambda error, items: errors.append(f"{error} ({len(items)} items)"),
)
anonymous_id = f"anon-{sdk}-{person}"
event = f"{sdk} step"
for step in range(count):
    client.capture(event, distinct_id=anonymous_id, properties={"step": step, "sdk": sdk})
client.capture("$identify", distinct_id=person, properties={"$anon_distinct_id": anonymous_id})
client.alias(previous_id=person, distinct_id=f"old-{sdk}-{person}")
for step in range(count, 2 * count):
    client.capture(event, distinct_id=person, properties={"step": step, "sdk": sdk})
client.set(distinct_id=person, properties={f"from_{sdk.replace('-', '_')}": True})
client.set_once(distinct_id=person, properties={"first_seen_by": sdk})
client.group_identify("company", "acme", {"plan": "enterprise"})
client.shutdown()
json.dump(
    {
        "sdk": sdk,
        "ids": [anonymous_id, person],
        "counts": {event: 2 * count, "$identify": 1, "$create_alias": 1, "$set": 1, "$set_once": 1, "$groupidentify": 1},
        "errors": errors,
    },
    sys.stdout,
)
print()
