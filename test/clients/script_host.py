"""Runs scripts, each in a fork of a process that has imported already what they import: the imports take most of them longer than their checks.

Stays, and does one task after the other. A task is a line on stdin, a JSON object of `script`, `words` (of its command line) and `directory`;
what the script prints is followed by the line {"ended": CODE}, or null where a signal ended it. When stdin ends, a script that runs is killed.
"""

import ast
import gc
import json
import os
import pathlib
import runpy
import select
import signal
import sys
import traceback

gc.disable()
seen = set()


def prepare(path):
    """Imports what a script and the modules beside it import, at any depth. What fails is left to the script, whose matter it is then."""
    if path in seen:
        return
    seen.add(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
        beside = [path.parent / f"{name}.py" for name in names]
        for module in beside:
            if module.exists():
                prepare(module)
        if not any(module.exists() for module in beside):
            try:
                exec(compile(ast.Module([node], []), str(path), "exec"), {})
            except Exception:  # noqa: BLE001
                pass


def work(script, words, directory):
    """In the fork, as if the script were started by itself."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(directory)
        sys.argv = [script, *words]
        sys.path[0] = os.path.dirname(script)
        runpy.run_path(script, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def do(task):
    prepare(pathlib.Path(task["script"]))
    gc.freeze()
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        work(**task)
    os.close(writing)
    # Nobody writes: it is closed by the end of the child.
    ready, _, _ = select.select([reading, 0], [], [])
    if reading not in ready:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    print(json.dumps({"ended": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None}), flush=True)


# Not buffered: what is read ahead would not be seen by `select`.
with open(0, "rb", buffering=0) as tasks:
    while line := tasks.readline():
        do(json.loads(line))
