"""Fills an MLflow SQLite database with runs of 20 params and 20 metrics: fill_mlflow.py DATABASE RUNS. Prints the experiment's id."""

import random
import sqlite3
import sys
import uuid

path, runs = sys.argv[1], int(sys.argv[2])
draw = random.Random(1)
connection = sqlite3.connect(path)
(experiment,) = connection.execute("select experiment_id from experiments where name = 'filled'").fetchone()
with connection:
    for index in range(runs):
        run = uuid.UUID(int=draw.getrandbits(128)).hex
        start = 1_700_000_000_000 + index * 1000
        connection.execute(
            "insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
            " values (?, ?, 'UNKNOWN', '', '', 'bench', 'FINISHED', ?, ?, '', 'active', ?, ?)",
            (run, f"run-{index}", start, start + 500, f"mlflow-artifacts:/{experiment}/{run}/artifacts", experiment),
        )
        connection.executemany("insert into params (key, value, run_uuid) values (?, ?, ?)", [(f"param_{p}", f"value-{(index * (p + 3)) % 50}", run) for p in range(20)])
        values = [(f"metric_{m}", draw.random() * 100, start, run, 0, False) for m in range(20)]
        connection.executemany("insert into metrics (key, value, timestamp, run_uuid, step, is_nan) values (?, ?, ?, ?, ?, ?)", values)
        connection.executemany("insert into latest_metrics (key, value, timestamp, run_uuid, step, is_nan) values (?, ?, ?, ?, ?, ?)", values)
        connection.execute("insert into tags (key, value, run_uuid) values ('mlflow.runName', ?, ?)", (f"run-{index}", run))
print(experiment)
