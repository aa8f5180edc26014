#!/usr/bin/env python3
"""Reads the files of deploy/ as the programs would that they are for, and says which metrics and settings they name.

Prints one line of JSON: {"metrics": {file: [names]}, "settings": {file: [names]}, "runbook": [rows that alerts name],
"roles": {file of a proxy: {path: the role that a request for it is sent to}}}. PATHS has the paths, one a line.
Fails where a file cannot be read, or where something is missing that the program for it would miss.
"""

import json
import os
import re
import sys
from pathlib import Path

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
METRIC = re.compile(r"\bfootfall_[a-z_]+\b")
SETTING = re.compile(r"\bFOOTFALL_[A-Z_]+\b")
# Of a histogram's samples the name is its own with one of these.
SAMPLES = ("_bucket", "_sum", "_count")
UPSTREAM = re.compile(r"upstream (\w+) \{.*server (\w+):")
LOCATION = re.compile(r"location (~ )?(\S+) \{\s*proxy_pass http://(\w+);")


def base(name):
    return next((name[: -len(end)] for end in SAMPLES if name.endswith("_seconds" + end)), name)


def metrics_of(texts):
    return sorted({base(name) for text in texts for name in METRIC.findall(text)})


def alerts():
    document = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
    rules = [rule for group in document["groups"] for rule in group["rules"]]
    assert rules, "no rules"
    for rule in rules:
        assert re.fullmatch(r"Footfall[A-Za-z]+", rule["alert"]), rule
        assert rule["labels"]["severity"] in ("page", "warn"), rule["alert"]
        assert rule["annotations"]["summary"] and rule["annotations"]["runbook"], rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")"), rule["expr"]
    assert len({rule["alert"] for rule in rules}) == len(rules), "a name twice"
    return rules


def dashboard():
    document = json.loads((DEPLOY / "grafana/footfall.json").read_text())
    panels = [panel for panel in document["panels"] if panel["type"] != "row"]
    taken = set()
    for panel in panels:
        assert panel["targets"], panel["title"]
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, f"{panel['title']} lies over another one"
        taken |= cells
    texts = [target["expr"] for panel in panels for target in panel["targets"]]
    texts += [variable["query"]["query"] for variable in document["templating"]["list"] if variable["type"] == "query"]
    return texts


def compositions():
    for path in sorted((DEPLOY / "docker").glob("compose*.yaml")):
        document = yaml.safe_load(path.read_text())
        services, volumes = document["services"], document.get("volumes") or {}
        for name, service in services.items():
            assert "image" in service, f"{path.name}: {name} has no image"
            for needed in service.get("depends_on") or []:
                assert needed in services, f"{path.name}: {name} waits for {needed}, which is not there"
            for volume in service.get("volumes") or []:
                source = volume.split(":")[0]
                known = source in volumes or (source.startswith("./") and (path.parent / source).exists())
                assert known, f"{path.name}: {name} has an unknown volume {source}"


def manifests():
    for folder in sorted(path.parent for path in (DEPLOY / "kubernetes").glob("*/kustomization.yaml")):
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
        there = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert set(listed) == there, f"{folder.name}: {set(listed) ^ there}"
        objects = [one for name in listed for one in yaml.safe_load_all((folder / name).read_text())]
        names = {(one["kind"], one["metadata"]["name"]) for one in objects}
        assert len(names) == len(objects), f"{folder.name}: a name twice"
        for one in objects:
            for path in (one["spec"]["rules"][0]["http"]["paths"] if one["kind"] == "Ingress" else []):
                service = path["backend"]["service"]["name"]
                assert ("Service", service) in names, f"{path['path']} leads to {service}, which is not there"
            if one["kind"] in ("Deployment", "StatefulSet"):
                wanted, has = one["spec"]["selector"]["matchLabels"], one["spec"]["template"]["metadata"]["labels"]
                assert wanted.items() <= has.items(), one["metadata"]["name"]
            if one["kind"] in ("Deployment", "StatefulSet", "CronJob"):
                pod = (one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one["spec"])["template"]
                volumes = pod["spec"].get("volumes", [])
                for claim in [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]:
                    assert ("PersistentVolumeClaim", claim) in names, f"{one['metadata']['name']}: there is no claim {claim}"
                known = {volume["name"] for volume in volumes}
                known |= {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", [])}
                for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
                    mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
                    assert mounts <= known, f"{one['metadata']['name']}: {mounts - known}"
        jobs = [one["spec"]["jobTemplate"]["spec"]["template"]["spec"] for one in objects if one["kind"] == "CronJob"]
        commands = [word for job in jobs for container in job["containers"] for word in container["args"]]
        assert "backup" in commands, f"{folder.name}: nothing makes backups"


def by_nginx(text):
    """Patterns in their order, then the longest beginning."""
    roles = dict(UPSTREAM.findall(text))
    locations = LOCATION.findall(text)
    assert len(locations) == text.count("location "), "a location in another form"

    def role(path):
        found = next((to for is_pattern, place, to in locations if is_pattern and re.search(place, path)), None)
        places = sorted((place, to) for is_pattern, place, to in locations if not is_pattern and path.startswith(place))
        return roles[found or max(places, key=lambda place: len(place[0]))[1]]

    return role


def by_ingress(text):
    """The whole path, then the longest beginning of whole parts."""
    [rule] = yaml.safe_load(text)["spec"]["rules"]
    exact, beginnings = {}, {}
    for one in rule["http"]["paths"]:
        role = one["backend"]["service"]["name"].removeprefix("footfall-")
        {"Exact": exact, "Prefix": beginnings}[one["pathType"]][one["path"]] = role

    def role(path):
        fitting = [start for start in beginnings if path == start or path.startswith(start.rstrip("/") + "/")]
        return exact.get(path) or beginnings[max(fitting, key=len)]

    return role


def roles(paths):
    proxies = {"docker/nginx.conf": by_nginx, "kubernetes/scale-out/ingress.yaml": by_ingress}
    read = {file: how((DEPLOY / file).read_text()) for file, how in proxies.items()}
    return {file: {path: role(path) for path in paths} for file, role in read.items()}


def settings():
    found = {}
    for path in sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".md"):
        found[str(path.relative_to(DEPLOY))] = sorted(set(SETTING.findall(path.read_text())))
    return found


def main():
    rules = alerts()
    compositions()
    manifests()
    answer = {
        "metrics": {
            "prometheus/alerts.yaml": metrics_of(rule["expr"] for rule in rules),
            "grafana/footfall.json": metrics_of(dashboard()),
        },
        "settings": settings(),
        "runbook": sorted({rule["annotations"]["runbook"] for rule in rules}),
        "roles": roles(os.environ.get("PATHS", "").splitlines()),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    sys.exit(main())
