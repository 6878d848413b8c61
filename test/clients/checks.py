"""What every script here shares: where the server is, one JSON line per check, and deploying with the real command line.

The TypeScript side starts a script with one argument, a JSON object:
    url       base of the HTTP API          http, grpc  host:port of the two doors
    program   words that run `slipway`      directory   scratch directory of this script, with the trained models
    data      the server's data directory
"""

import contextlib
import dataclasses
import gc
import json
import os
import pathlib
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request

# Half of what a script does is to import, where the collector finds nothing and takes an eighth of the time; no script lives long.
gc.disable()

import numpy as np  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Server:
    url: str
    http: str
    grpc: str
    program: list[str]
    directory: pathlib.Path
    data: pathlib.Path


def server():
    given = json.loads(sys.argv[1])
    return Server(given["url"], given["http"], given["grpc"], given["program"], pathlib.Path(given["directory"]), pathlib.Path(given["data"]))


_failed = 0


@contextlib.contextmanager
def check(name):
    """One check: what is thrown within is its reason to fail, and the next check still runs."""
    global _failed
    try:
        yield
    except Exception as error:  # noqa: BLE001: whatever a client throws is a finding
        _failed += 1
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__}: {error}\n  in {pathlib.Path(place.filename).name}:{place.lineno}: {place.line}\n{traceback.format_exc()}"
        print(json.dumps({"check": name, "ok": False, "reason": reason}), flush=True)
    else:
        print(json.dumps({"check": name, "ok": True}), flush=True)


def finish():
    """To be called last: the exit code tells whether all checks passed."""
    sys.stdout.flush()
    os._exit(1 if _failed > 0 else 0)  # clients leave threads behind that a plain exit would wait for


def slipway(target, *words):
    """Runs the command line and returns what it prints with --json."""
    environment = os.environ | {"SLIPWAY_URL": target.url}
    done = subprocess.run([*target.program, *words, "--json", "--quiet"], capture_output=True, text=True, env=environment, timeout=120, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"slipway {' '.join(words)} ended with {done.returncode}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def deploy(target, name, file, *flags):
    return slipway(target, "deploy", str(file), "--name", name, *flags)


def deploy_trained(target, name, trained=None):
    """Deploys what models.py made; returns the answer of the command and the arrays of the model."""
    trained = trained or name
    directory = target.directory
    answer = deploy(target, name, directory / f"{trained}.onnx", "--reference", str(directory / f"{trained}.parquet"), "--target", "target")
    return answer, load_arrays(directory / f"{trained}.npz")


def load_arrays(path):
    """`(inputs, expected)` by name; texts as objects, as the clients want them."""
    with np.load(path) as stored:
        arrays = {key: stored[key].astype(object) if stored[key].dtype.kind == "U" else stored[key] for key in stored.files}
    return (
        {key.removeprefix("in_"): value for key, value in arrays.items() if key.startswith("in_")},
        {key.removeprefix("out_"): value for key, value in arrays.items() if key.startswith("out_")},
    )


def taken(arrays, rows):
    return {name: array[rows] for name, array in arrays.items()}


def request(target, method, path, body=None, headers=None):
    """`(status, headers, body)`, the body parsed when it is JSON. No client of ours: the standard library."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = urllib.request.Request(target.url + path, data=data, method=method, headers={"Content-Type": "application/json"} | (headers or {}))
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return answer.status, answer.headers, parsed(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, parsed(answer)


def parsed(answer):
    content = answer.read()
    return json.loads(content) if "json" in answer.headers.get("Content-Type", "") else content.decode()


def get(target, path):
    status, _, body = request(target, "GET", path)
    assert status == 200, f"GET {path} answered {status}: {body}"
    return body


def change_policy(target, model, **sections):
    """Changes fields of the policy's sections: `change_policy(t, "m", serving={"deadlineMs": 5})`."""
    current = get(target, f"/api/models/{model}/policy")
    policy = current["policy"]
    for section, fields in sections.items():
        policy[section] |= fields
    status, _, body = request(target, "PUT", f"/api/models/{model}/policy", {"revision": current["revision"], "reason": "client test", "policy": policy})
    assert status == 200, f"the policy was refused with {status}: {body}"


def wait_until(condition, what, seconds=60):
    """Polls what has no event to wait for; the limit only ends a test that has failed."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen in {seconds} s")
        time.sleep(0.02)


def assert_equal(got, want, what):
    """Equal kind, shape and values: floats within 1e-5, everything else exactly. Texts may come as bytes."""
    assert got is not None, f"{what} is not in the answer"
    if want.dtype.kind in "OUS":
        got = np.array([value.decode() if isinstance(value, bytes) else value for value in got.ravel()], dtype=object).reshape(got.shape)
    assert got.shape == want.shape, f"{what} has the shape {got.shape}, not {want.shape}"
    if want.dtype.kind == "f":
        assert got.dtype.kind == "f", f"{what} is {got.dtype}, not a float"
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5, equal_nan=True, err_msg=what)
    else:
        assert got.dtype.kind == want.dtype.kind or want.dtype.kind in "OUS", f"{what} is {got.dtype}, not {want.dtype}"
        np.testing.assert_array_equal(got, want.astype(object) if want.dtype.kind in "US" else want, err_msg=what)
