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
groups = []
for user in range(80):
    company, person = user % 40, f"user {user}"
    who = {
        "groups": {"company": f"company {company}"},
        "person_properties": {"country": "FR" if user % 3 == 0 else "DE"},
        "group_properties": {"company": {"plan": "pro" if company % 2 == 0 else "free"}},
    }
    found = {
        flag: local.get_feature_flag(flag, person, only_evaluate_locally=True, send_feature_flag_events=False, **who)
        for flag in ["by-company", "friends-alone", "for-testers", "abroad", "for-nobody", "after-testers"]
    }
    groups.append({"remote": remote.get_all_flags(person, **who), "local": found})
account = {
    "colour": remote.get_feature_flag("colour", "ada", **known),
    "payload": remote.get_feature_flag_payload("native", "ada", person_properties=known["person_properties"]),
    "falls_back": local.get_feature_flag("colour", "ada", **known),
    "natives": natives,
    "groups": groups,
}
print(json.dumps(account))
os._exit(0)  # pollers would keep the program alive
