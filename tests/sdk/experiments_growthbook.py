"""growthbook (PyPI): payload, conditions, tracking, encryption; which variation 200 users get."""

import json
import os

from growthbook import GrowthBook

env = os.environ
viewed = []


def make(key, attributes, **more):
    sdk = GrowthBook(
        api_host=env["FLAGS_URL"],
        client_key=key,
        attributes=attributes,
        on_experiment_viewed=lambda experiment, result, **_: viewed.append([experiment.key, result.key, result.hashValue]),
        **more,
    )
    sdk.load_features()
    return sdk


german = make(env["FLAGS_CLIENT"], {"id": "ada", "country": "DE"})
answers = {
    "colour": german.get_feature_value("colour", "none"),
    "checkout": german.eval_feature("checkout").experimentResult.key,
}
encrypted = make(env["FLAGS_ENCRYPTED"], {"id": "ada", "country": "DE"}, decryption_key=env["FLAGS_DECRYPTION"])
answers["encrypted"] = encrypted.get_feature_value("colour", "none")
variations = {}
for number in range(200):
    german.set_attributes({"id": f"user {number}"})
    variations[f"user {number}"] = german.eval_feature("checkout").experimentResult.key
print(json.dumps({"answers": answers, "viewed": viewed[0], "variations": variations}))
os._exit(0)  # the package's threads would keep the program alive
