"""
Holds one model of Python for a server of Slipway: the other side of src/adapters/runner/README.md.

Started as `python -I -S -B runner.py`: without site, so that nothing of the model's environment runs before this process
has given up what it may not keep. What it may use comes in the settings of the message `load`.
"""

import ctypes
import gc
import os
import re
import signal
import socket
import sys
import threading
import time
import traceback

# Everything of this folder is loaded now: later this process may not be allowed to read it, and it hides nothing of the model's.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import slipway_frames as frames  # noqa: E402
import slipway_export as export  # noqa: E402
import slipway_loading as loading  # noqa: E402
import slipway_privileges as privileges  # noqa: E402
import slipway_values as values  # noqa: E402

sys.path.pop(0)

FRAMES = 3
LIFELINE = 4
PROTOCOL = 1
LOGGED_LINES = 25
# Nearly all that is made while a model loads stays, and Python's own 700 would have the collector look at it hundreds of times: an eighth of
# the time of all imports. What a model leaves behind in circles is still bounded.
LOADING_THRESHOLD = 100_000


def watch_lifeline():
    """Kills this process when the server is gone, also while the model runs."""
    try:
        while os.read(LIFELINE, 1) != b"":
            pass
    except OSError:
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def die_with_parent():
    """A model that never lets go of the interpreter's lock would keep the watching thread from its work; the kernel does not ask for it."""
    try:
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        pass  # Not Linux: the thread is what there is.


def log_failure(error):
    """The traceback goes to the server's log; the caller learns the kind of error only."""
    lines = "".join(traceback.format_exception(type(error), error, error.__traceback__)).splitlines()
    shown = lines if len(lines) <= LOGGED_LINES else [*lines[:5], "...", *lines[5 - LOGGED_LINES :]]
    print("\n".join(line[:500] for line in shown), file=sys.stderr, flush=True)


def kind_of(error):
    """Name of the error's class; nothing that the model put into it reaches a caller."""
    name = type(error).__name__
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,60}", name) else "an error"


def detail_of(error):
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))[-8192:]


class Runner:
    def __init__(self, connection):
        self._frames = frames.FrameSocket(connection)
        self._model = None
        self._inspecting = False
        # Set in a process that only converts its model.
        self._exporter = None

    def serve(self):
        self._frames.send({"type": "hello", "protocol": PROTOCOL, "runtime": "python"})
        while True:
            message = self._frames.receive()
            if message is None:
                return
            header, tensors = message
            kind = header.get("type")
            if kind == "load":
                self._load(header["path"], header["settings"])
            elif kind == "run":
                self._run(header["id"], tensors)
            elif kind == "close":
                return
            else:
                raise frames.FrameError("The server sent a message of an unknown type")

    def _load(self, path, settings):
        threshold = gc.get_threshold()
        gc.set_threshold(LOADING_THRESHOLD)
        try:
            note = privileges.give_up(settings["limits"], [path, *settings["readable"]], settings["workingFolder"])
            die_with_parent()
            if note:
                print(f"slipway: {note}", flush=True)
            enter_environment(settings)
            self._inspecting = settings.get("inspect") is True
            self._model = loading.load(path, settings["model"])
            if settings.get("export") is True:
                self._exporter = export.Exporter(self._model, settings["model"])
            if not self._inspecting and self._exporter is None:
                # It serves for long, with the collector as the model or Python wants it; what only tells of its model or converts it ends soon.
                gc.collect()
                if gc.get_threshold()[0] == LOADING_THRESHOLD:
                    gc.set_threshold(*threshold)
            # What was loaded stays: the collector need not look at it again.
            gc.freeze()
            self._frames.send({"type": "loaded", "executionProvider": "cpu"})
        except BaseException as error:  # noqa: BLE001 - also SystemExit of a model's module
            log_failure(error)
            if isinstance(error, (loading.CannotLoad, export.CannotExport)):
                message = str(error)
            elif isinstance(error, (ImportError, AttributeError)) and getattr(error, "name", None):
                message = f"The model needs {error.name}, which its environment does not have."
            elif isinstance(error, MemoryError):
                message = "The model needs more memory than it may have."
            else:
                message = f"The model could not be loaded ({kind_of(error)}); the log has the traceback."
            code = "EXPORT_FAILED" if isinstance(error, export.CannotExport) else "VERSION_FAILED"
            self._frames.send({"type": "error", "error": {"code": code, "message": message[:500], "detail": detail_of(error)}})

    def _run(self, run, tensors):
        try:
            if self._inspecting and not tensors:
                self._frames.send({"type": "result", "id": run, "runUs": 0}, [loading.facts_tensor(self._model)])
                return
            began = time.perf_counter()
            outputs = self._model.run(tensors) if self._exporter is None else export.answer_of(self._exporter, tensors)
            microseconds = round((time.perf_counter() - began) * 1e6)
            self._frames.send({"type": "result", "id": run, "runUs": microseconds}, outputs)
        except export.CannotExport as error:
            self._fail(run, "EXPORT_FAILED", str(error), error)
        except frames.FrameError as error:
            self._fail(run, "MODEL_RUN_FAILED", "The model's outputs are larger than a runner can send.", error)
        except values.OutputError as error:
            self._fail(run, "OUTPUT_INVALID", str(error), error)
        except values.GapError as error:
            self._fail(run, "MODEL_RUN_FAILED", str(error), error)
        except MemoryError as error:
            self._fail(run, "MODEL_RUN_FAILED", "The model needs more memory for this than it may have.", error)
        except BaseException as error:  # noqa: BLE001 - a model that exits or interrupts has failed, no more
            self._fail(run, "MODEL_RUN_FAILED", f"The model failed on these values ({kind_of(error)}).", error)

    def _fail(self, run, code, message, error):
        log_failure(error)
        self._frames.send({"type": "error", "id": run, "error": {"code": code, "message": message, "detail": detail_of(error)}})


def enter_environment(settings):
    """Brings the environment's packages into the path, which runs what its .pth files say: never before `give_up`."""
    os.chdir(settings["workingFolder"])
    import site

    site.main()
    # The model's own modules come after the environment's, so that none of them takes the place of a package.
    for folder in settings["modules"]:
        sys.path.append(folder)


def main():
    # Whatever else came along from the server or from whoever started that.
    os.closerange(LIFELINE + 1, 4096)
    for descriptor in (FRAMES, LIFELINE):
        os.set_inheritable(descriptor, False)
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    threading.Thread(target=watch_lifeline, daemon=True).start()
    die_with_parent()
    sys.stdout.reconfigure(line_buffering=True)
    connection = socket.socket(fileno=FRAMES)
    connection.setblocking(True)
    try:
        Runner(connection).serve()
    except (BrokenPipeError, ConnectionResetError):
        pass
    sys.stdout.flush()
    # Threads that the model left behind must not keep this process.
    os._exit(0)


if __name__ == "__main__":
    main()
