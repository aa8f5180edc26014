"""posthog (PyPI): flags from the server, and evaluated in the SDK by definitions that a secret key may read."""

import json
import os

from posthog import Posthog

env = os.environ
known = {"person_properties": {"country": "DE", "plan": "pro"}, "send_feature_flag_events": False}
remote = Posthog(env["FLAGS_WRITE"], host=env["FLAGS_URL"], sync_mode=True)
local = Posthog(env["FLAGS_WRITE"], host=env["FLAGS_URL"], personal_api_key=env["FLAGS_READ"], sync_mode=True)
local.load_feature_flags()
natives = {}
for number in range(100):
    person = f"user {number}"
    natives[person] = [
        local.get_feature_flag("native", person, only_evaluate_locally=True, **known),
        remote.get_feature_flag("native", person, **known),
    ]
account = {
    "colour": remote.get_feature_flag("colour", "ada", **known),
    "payload": remote.get_feature_flag_payload("native", "ada", person_properties=known["person_properties"]),
    "falls_back": local.get_feature_flag("colour", "ada", **known),
    "natives": natives,
}
print(json.dumps(account))
os._exit(0)  # pollers would keep the program alive
