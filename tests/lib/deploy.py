# SPDX-License-Identifier: GPL-2.0-or-later
"""deploy.py DIR args CONTAINER NODE: prints what this init container runs on that node, a
word a line.
deploy.py DIR check WORD...: whether the files in DIR fit together and name only options and
commands among WORDs; says what does not.
"""
import pathlib
import re
import sys

import yaml

# What kubeadm's DaemonSet brings along.
THEIR_VOLUMES = {"kube-proxy", "xtables-lock", "lib-modules"}
LISTED = {("", "services"), ("", "nodes"), ("discovery.k8s.io", "endpointslices")}

directory = pathlib.Path(sys.argv[1])
documents = {p.name: list(yaml.safe_load_all(p.read_text())) for p in directory.glob("*.yaml")}
patch = documents["kube-proxy-patch.yaml"][0]
pod = patch["spec"]["template"]["spec"]
containers = {c["name"]: c for c in pod["initContainers"]}
container = containers["vipshift"]


def args(node, who="vipshift"):
    values = {e["name"]: node for e in containers[who].get("env", [])
              if e["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"}
    return [re.sub(r"\$\((\w+)\)", lambda m: values[m[1]], a)
            for a in containers[who]["args"]]


def problems(known):
    for name, docs in documents.items():
        for doc in docs:
            if not (isinstance(doc, dict) and doc.get("apiVersion") and doc.get("kind")):
                yield f"{name}: a document without apiVersion and kind"
    if (patch["kind"], patch["metadata"]) != (
            "DaemonSet", {"name": "kube-proxy", "namespace": "kube-system"}):
        yield "the patch is not for the kube-proxy DaemonSet"
    if patch["spec"]["updateStrategy"]["rollingUpdate"] != {"maxUnavailable": 1, "maxSurge": 0}:
        yield "two kube-proxies could meet"
    if not pod["hostNetwork"] or not container["securityContext"]["privileged"]:
        yield "the container cannot write the node's tables and sysctls"
    if list(containers) != ["vipshift-resume", "vipshift"]:
        yield "what was cut off is not finished first"
    for word in [w for who in containers for w in args("node", who)]:
        if word.split("=")[0] not in known:
            yield f"the container's {word} is unknown to vipshift"
    looking = documents["doctor.yaml"][0]["spec"]["template"]["spec"]
    if looking["containers"][0].get("args") or looking["hostNetwork"] is not True:
        yield "doctor.yaml: ready before doctor has ended"
    for word in looking["initContainers"][0]["args"]:
        for option in re.findall(r"--[a-z][a-z-]*", word):
            if option not in known:
                yield f"doctor.yaml: vipshift has no {option}"
    yield from volumes()
    kustomization = documents["kustomization.yaml"][0]
    for file in kustomization["resources"] + [p["path"] for p in kustomization["patches"]]:
        if file not in documents:
            yield f"kustomization.yaml: there is no {file}"
    allowed = {(group, resource) for doc in documents["rbac.yaml"] if doc["kind"] == "ClusterRole"
               for rule in doc["rules"] if rule["verbs"] == ["list"]
               for group in rule["apiGroups"] for resource in rule["resources"]}
    if allowed != LISTED:
        yield f"rbac.yaml allows {sorted(allowed)}"
    for line in re.findall(r"vipshift [a-z].*", (directory / "README.md").read_text()):
        for option in re.findall(r"--[a-z][a-z-]*", line):
            if option not in known:
                yield f"README.md: vipshift has no {option}"


def volumes():
    have = THEIR_VOLUMES | {v["name"] for v in pod["volumes"]}
    mounts = {m["mountPath"]: m for m in container["volumeMounts"]}
    for path, mount in mounts.items():
        if mount["name"] not in have:
            yield f"{path}: there is no volume {mount['name']}"
    for path in ("/run/xtables.lock", "/lib/modules", "/var/lib/vipshift"):
        if path not in mounts:
            yield f"{path} is not mounted"
    for option in ("--config=", "--kubeconfig="):
        file = next(a for a in args("node") if a.startswith(option))[len(option):]
        if str(pathlib.PurePath(file).parent) not in mounts:
            yield f"{file} is not mounted"


if sys.argv[2] == "args":
    print("\n".join(args(sys.argv[4], sys.argv[3])))
else:
    found = list(problems(set(sys.argv[3:])))
    print("\n".join(found))
    sys.exit(bool(found))
