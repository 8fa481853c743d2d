"""What stages of the tests do as clients of MLflow, by its protocol alone: a program for their commands."""

CLIENT = """
import json, os, sys, urllib.error, urllib.parse, urllib.request

RUN = os.environ.get("MLFLOW_RUN_ID", "")
HEADERS = {"Content-Type": "application/json",
           "Authorization": "Bearer " + os.environ.get("MLFLOW_TRACKING_TOKEN", "")}


def ask(path, asked=None, headers=HEADERS, **query):
    address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + path
    if query:
        address += "?" + urllib.parse.urlencode(query)
    body = None if asked is None else json.dumps(asked).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(address, body, headers), timeout=30) as answer:
        return json.load(answer)


def log(key, *values, run=RUN):
    for step, value in enumerate(values):
        ask("runs/log-metric", {"run_id": run, "key": key, "value": value, "timestamp": 1000 + step, "step": step})


def write(path, value):
    with open(path, "w") as file:
        json.dump(value, file)
"""
