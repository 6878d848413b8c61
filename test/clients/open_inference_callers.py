"""tritonclient, many at once: threads, asyncio, callbacks and streams, and every caller gets its own rows."""

import asyncio
import queue
import threading

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.grpc.aio as over_grpc_aio
import tritonclient.http as over_http
import tritonclient.http.aio as over_http_aio
from checks import assert_equal, change_policy, check, deploy, deploy_trained, finish, server, taken
from graphs import identity
from tritonclient.utils import np_to_triton_dtype

THREADS, REQUESTS = 8, 50

target = server()
deploy(target, "own-rows", identity(target.directory / "own-rows.onnx", ["INT64", "BYTES"], ["rows", 2]))
_, (inputs, expected) = deploy_trained(target, "own-scores", "isolation-forest")
# In a process of its own, and waiting long enough that callers share batches.
change_policy(target, "own-scores", serving={"inline": "never", "maxBatchDelayMs": 10, "maxBatchRows": 256})


def inputs_for(module, arrays):
    return [module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype)).set_data_from_numpy(array) for name, array in arrays.items()]


def marked_rows(caller, number, rows):
    """Rows that nobody else has."""
    marks = np.arange(rows * 2, dtype=np.int64).reshape(rows, 2) + caller * 10**12 + number * 10**6
    return {"X_int64": marks, "X_bytes": np.array([f"caller {caller} value {mark}" for mark in marks.ravel()], dtype=object).reshape(rows, 2)}


def assert_own_rows(result, sent, who):
    assert_equal(result.as_numpy("Y_int64"), sent["X_int64"], f"numbers of {who}")
    assert_equal(result.as_numpy("Y_bytes"), sent["X_bytes"], f"texts of {who}")


def assert_scores(result, rows, who):
    for name, want in expected.items():
        assert_equal(result.as_numpy(name), want[rows], f"{name} of {who}")


def in_threads(work):
    """Runs `work(caller)` in all threads at once; raises what the first of them raised."""
    barrier, failures = threading.Barrier(THREADS), queue.Queue()

    def run(caller):
        try:
            barrier.wait()
            work(caller)
        except Exception as error:  # noqa: BLE001: told to the main thread
            failures.put(error)

    threads = [threading.Thread(target=run, args=(caller,)) for caller in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not failures.empty():
        raise failures.get()


def call_many(module, address, caller):
    """Requests of 1 to 40 rows, alternately to both models."""
    random = np.random.default_rng(caller)
    with module.InferenceServerClient(address) as client:
        for number in range(REQUESTS):
            who, rows = f"thread {caller}, request {number}", int(random.integers(1, 41))
            if number % 2 == 0:
                sent = marked_rows(caller, number, rows)
                assert_own_rows(client.infer("own-rows", inputs_for(module, sent), request_id=who), sent, who)
            else:
                chosen = random.integers(0, len(inputs["X"]), rows)
                assert_scores(client.infer("own-scores", inputs_for(module, taken(inputs, chosen)), request_id=who), chosen, who)


with check(f"{THREADS} threads with {REQUESTS} requests each over HTTP get their own rows"):
    in_threads(lambda caller: call_many(over_http, target.http, caller))

with check(f"{THREADS} threads with {REQUESTS} requests each over gRPC get their own rows"):
    in_threads(lambda caller: call_many(over_grpc, target.grpc, caller + THREADS))

with check("the threads shared batches"):
    stats = over_http.InferenceServerClient(target.http).get_inference_statistics("own-scores")["model_stats"][0]
    assert stats["inference_stats"]["success"]["count"] == THREADS * REQUESTS, stats["inference_stats"]["success"]
    assert stats["execution_count"] < stats["inference_stats"]["success"]["count"] * 0.8, "hardly any request shared a batch, so nothing was mixed"

with check("asyncio, HTTP and gRPC at once"):

    async def call_at_once():
        async with over_http_aio.InferenceServerClient(target.http) as http, over_grpc_aio.InferenceServerClient(target.grpc) as grpc:
            assert await http.is_server_ready() and await grpc.is_model_ready("own-rows")
            assert (await http.get_model_metadata("own-rows"))["inputs"][0]["name"] == (await grpc.get_model_metadata("own-rows")).inputs[0].name

            async def one(number):
                client, module = ((http, over_http), (grpc, over_grpc))[number % 2]
                sent = marked_rows(100, number, number % 30 + 1)
                assert_own_rows(await client.infer("own-rows", inputs_for(module, sent)), sent, f"task {number}")

            await asyncio.gather(*(one(number) for number in range(200)))

    asyncio.run(call_at_once())

with check("requests with callbacks and greenlets"):
    answers = queue.Queue()
    with over_grpc.InferenceServerClient(target.grpc) as client:
        for number in range(60):
            sent = marked_rows(200, number, number % 7 + 1)
            client.async_infer("own-rows", inputs_for(over_grpc, sent), callback=lambda result, error, sent=sent: answers.put((result, error, sent)))
        for _ in range(60):
            result, error, sent = answers.get(timeout=60)
            assert error is None, error
            assert_own_rows(result, sent, "a callback")
    with over_http.InferenceServerClient(target.http, concurrency=8) as client:
        pending = [(marked_rows(300, number, number % 7 + 1), number) for number in range(60)]
        pending = [(client.async_infer("own-rows", inputs_for(over_http, sent)), sent) for sent, number in pending]
        for asked, sent in pending:
            assert_own_rows(asked.get_result(), sent, "a greenlet")

with check("a stream answers in its order, and goes on after requests that fail"):
    answers = queue.Queue()
    with over_grpc.InferenceServerClient(target.grpc) as client:
        client.start_stream(callback=lambda result, error: answers.put((result, error)))
        for number in range(80):
            sent = marked_rows(400, number, number % 9 + 1)
            if number % 10 == 3:
                sent["X_int64"] = sent["X_int64"][:, :1]
            client.async_stream_infer("nobody" if number % 10 == 7 else "own-rows", inputs_for(over_grpc, sent), request_id=str(number))
        for number in range(80):
            result, error = answers.get(timeout=60)
            if number % 10 in (3, 7):
                word = "nobody" if number % 10 == 7 else "[-1,2]"
                assert result is None and word in error.message(), (number, error)
            else:
                assert error is None and result.get_response().id == str(number), (number, error)
                assert_own_rows(result, marked_rows(400, number, number % 9 + 1), f"request {number} of the stream")
        client.stop_stream()

with check("a stream of asyncio"):

    async def follow():
        async def requests():
            for number in range(40):
                yield {"model_name": "own-rows", "inputs": inputs_for(over_grpc, marked_rows(500, number, 3)), "request_id": str(number)}

        seen = 0
        async with over_grpc_aio.InferenceServerClient(target.grpc) as client:
            async for result, error in client.stream_infer(requests()):
                assert error is None, error
                assert_own_rows(result, marked_rows(500, int(result.get_response().id), 3), "a stream of asyncio")
                seen += 1
        assert seen == 40, f"{seen} of 40 answers came"

    asyncio.run(follow())

finish()
