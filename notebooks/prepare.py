#!/usr/bin/env python3
"""Fills a server with what the notebooks look at: an experiment with people and purchases; on a fresh server its owner as well.

Usage: prepare.py URL WRITE_KEY FIRST_OWNER_LINK, or prepare.py URL WRITE_KEY PERSONAL_TOKEN of an account that may write
experiments and flags of the project `default`. Prints the token that reads results: the owner's, for ten minutes, or yours. Activity comes from `footfall demo --days 30 --total 0`.
"""

import json
import random
import sys
import urllib.request

PEOPLE = 600


def call(url, token, method, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers, method=method)) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def own(url, link):
    owner = {"secret": link.rsplit("#", 1)[-1], "email": "owner@example.org", "name": "Olga", "organisation": "Example",
             "password": "mein Rad hat drei Räder", "project": "default"}
    return call(url, "nobody", "POST", "/v1/first-owner", owner)["access_token"]


def main(url, write_key, link_or_token):
    token = link_or_token if link_or_token.startswith("ffp_") else own(url, link_or_token)
    here = "/v1/projects/default/"
    bought = {"key": "bought", "definition": {"measure": {"conversion": {"source": {"event": "bought"}}}}}
    call(url, token, "POST", here + "metrics", bought)
    variations = [{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}]
    experiment = {"hypothesis": "A shorter checkout sells more.", "owner": "olga", "goals": ["bought"],
                  "variations": variations}
    call(url, token, "POST", here + "experiments", {"key": "checkout", "definition": experiment})
    values = [{"variation": "control", "value": False}, {"variation": "treatment", "value": True}]
    rule = {"id": "r1", "serve": {"experiment": {"experiment": "checkout", "values": values}}}
    feature = {"value_type": "boolean", "default_value": False, "rules": [rule]}
    call(url, token, "POST", here + "features", {"key": "checkout", "definition": feature})
    call(url, token, "POST", here + "experiments/checkout/start", {"without_review": True}, **{"If-Match": "*"})
    chance, activity = random.Random(7), []
    for number in range(PEOPLE):
        person = f"shopper-{number}"
        flags = call(url, "nobody", "POST", "/flags/?v=2", {"token": write_key, "distinct_id": person})
        treated = flags["flags"]["checkout"]["enabled"]
        seen = {"$feature_flag": "checkout", "$feature_flag_response": treated}
        activity.append({"event": "$feature_flag_called", "distinctId": person, "properties": seen})
        if chance.random() < (0.3 if treated else 0.2):
            activity.append({"event": "bought", "distinctId": person})
    call(url, write_key, "POST", "/v1/activity", activity)
    print(token)


main(*sys.argv[1:])
