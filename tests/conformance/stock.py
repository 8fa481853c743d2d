"""Stock MLflow servers, one for each line that is read: the line names a fresh folder, the answer is `pid port`.

All are forks of this process, which has loaded MLflow once: starting one anew takes 13 s. Runs in MLflow's environment.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile

os.environ.update(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false", MLFLOW_DISABLE_TELEMETRY="true")

import uvicorn
from mlflow.server import ARTIFACTS_DESTINATION_ENV_VAR, SERVE_ARTIFACTS_ENV_VAR, handlers
from mlflow.server.fastapi_app import app
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

ROOT = "mlflow-artifacts:/"


def empty_database() -> str:
    """A database with all tables, and nothing in them."""
    path = os.path.join(tempfile.mkdtemp(), "empty.db")
    store = SqlAlchemyStore(f"sqlite:///{path}", ROOT)
    store.engine.dispose()
    SqlAlchemyStore._engine_map.clear()
    return path


def serve(home: str, listener: socket.socket) -> None:
    """Answers at the socket from a store in `home`, until the process is ended."""
    os.environ[SERVE_ARTIFACTS_ENV_VAR] = "true"
    os.environ[ARTIFACTS_DESTINATION_ENV_VAR] = os.path.join(home, "files")
    handlers.initialize_backend_stores(f"sqlite:///{home}/mlflow.db", default_artifact_root=ROOT)
    config = uvicorn.Config(app, log_level="error", ws="none")
    uvicorn.Server(config).run(sockets=[listener])


def main() -> None:
    empty = empty_database()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        home = line.strip()
        shutil.copy(empty, os.path.join(home, "mlflow.db"))
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        pid = os.fork()
        if pid == 0:
            serve(home, listener)
            os._exit(0)
        print(pid, listener.getsockname()[1], flush=True)
        listener.close()


if __name__ == "__main__":
    main()
