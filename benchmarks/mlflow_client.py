"""One client of eight: `python -I -S mlflow_client.py PORT RUN METRICS BATCHES` logs, and prints how long each took.

It waits for a line on stdin, so that all begin at once.
"""

import http.client
import json
import sys
import time

if __name__ == "__main__":
    port, run, metrics, batches = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.connect()
    print("ready", flush=True)
    sys.stdin.readline()
    took = []
    every = max(1, metrics // batches)
    for at in range(metrics):
        calls = [("log-metric", {"key": "loss", "value": 1.0, "timestamp": at + 1, "step": at})]
        if at % every == 0:
            point = {"value": 1.0, "timestamp": at + 1}
            points = [{**point, "key": f"m{n % 10}", "step": at * 100 + n} for n in range(100)]
            calls.append(("log-batch", {"metrics": points}))
        for call, asked in calls:
            body = json.dumps({"run_id": run, **asked})
            began = time.perf_counter()
            connection.request(
                "POST", f"/api/2.0/mlflow/runs/{call}", body, {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            took.append(time.perf_counter() - began)
    print(json.dumps(took))
