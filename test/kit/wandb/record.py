"""Makes the offline folders beside it with the real W&B, so that the import reads what W&B writes and not what we think it writes.

Run in an empty folder, without a network: pip install wandb==0.31.0, then
    WANDB_MODE=offline python record.py
and take run-ID.wandb of each folder offline-run-* in ./wandb, to a folder offline-run-recorded-ID. Ids, names and values are fixed; times are those of the recording. What W&B notes of
the machine (host, user, packages, system metrics, console) is turned off.
"""

import os
import random

os.environ["WANDB_MODE"] = "offline"
os.environ["WANDB_SILENT"] = "true"

import wandb  # noqa: E402


def settings():
    """New for each run: a run writes its own fields into them."""
    return wandb.Settings(
        console="off", disable_git=True, save_code=False, host="host", username="somebody", program="train.py",
        x_disable_meta=True, x_disable_stats=True, x_disable_machine_info=True, x_save_requirements=False,
    )


draw = random.Random(20261121)

run = wandb.init(
    project="churn", id="finished1", name="ein Lauf 模型", notes="What for", tags=["one", "two"], group="group", job_type="train", settings=settings(),
    config={"depth": 3, "rate": 0.1, "nested": {"a": [1, 2], "b": None}, "on": True, "big": 2**60, "text": "é\u0000😀"},
)
for step in range(40):
    run.log({"loss": 1 / (step + 1), "noise": draw.random(), "odd/na me!": step * 2, "flag": step % 2 == 0})
run.log({"loss": float("nan"), "up": float("inf"), "down": float("-inf"), "big": 2**60}, step=50)
run.log({"nested": {"inner": 1.5}, "words": "not a number"}, step=51)
run.summary["best"] = 0.025
run.summary["verdict"] = "good"
run.finish()

failed = wandb.init(project="churn", id="failed01", settings=settings(), config={"depth": 1})
failed.log({"loss": 2.0})
failed.finish(exit_code=1)

other = wandb.init(project="other", id="other001", settings=settings())
for step in range(3):
    other.log({"value": step}, step=step * 1000)
other.finish()
