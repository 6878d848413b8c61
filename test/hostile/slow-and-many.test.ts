import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel, loopsAsOftenAsTold } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { hangMs, HttpCaller, parseRaw, sendRaw } from "./http-caller.ts";
import { assertIdle, assertRefused, assertWell, treeOf } from "./refusals.ts";

const fastBody = JSON.stringify({ inputs: [{ name: "features", datatype: "FP32", shape: [1, 1], data: [21] }] });
const loopBody = (rounds: number): string => JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape: [1, 1], data: [rounds] }] });
/** Rounds of the loop that take tens of milliseconds, and some that take seconds: only their order matters. */
const [shortLoop, longLoop] = [20_000, 500_000];

describe("slow callers and many of them", () => {
  let server: RunningServer;
  let caller: HttpCaller;
  let treeBefore: string[];
  const open: Socket[] = [];
  before(async () => {
    server = await startServer({ environment: { SLIPWAY_BODY_TIMEOUT_MS: "300" } });
    caller = new HttpCaller(server.httpPort, 64);
    await server.client.deploy({ file: await server.file("fast.onnx", linearModel({ weights: [2] })), name: "fast" });
    await server.client.deploy({ file: await server.file("loop.onnx", loopsAsOftenAsTold()), name: "loop" });
    await assertAnswers();
    assert.equal((await caller.send("POST", "/v2/models/loop/infer", {}, loopBody(1))).status, 200);
    treeBefore = await treeOf(server);
  });
  after(async () => {
    for (const socket of open) socket.destroy();
    caller.close();
    await server.stop();
  });

  async function assertAnswers(): Promise<void> {
    const reply = await caller.send("POST", "/v2/models/fast/infer", {}, fastBody);
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual((JSON.parse(reply.text) as { outputs: { name: string; data: number[] }[] }).outputs.find(({ name }) => name === "score")!.data, [42]);
  }

  async function openSocket(text = ""): Promise<Socket> {
    const socket = connect({ host: "127.0.0.1", port: server.httpPort });
    socket.on("error", () => undefined);
    open.push(socket);
    await once(socket, "connect");
    if (text !== "") socket.write(text);
    return socket;
  }

  const head = (target: string, length: number, more = ""): string => `POST ${target} HTTP/1.1\r\nHost: 127.0.0.1:${server.httpPort}\r\nContent-Length: ${length}\r\n${more}\r\n`;

  // Side by side: each connection ends only when the server has waited in vain for the rest.
  describe("whose bodies do not come", { concurrency: true }, () => {
    it("ends bodies that stand still with 408 and a reason, and answers everybody else meanwhile", async () => {
      const routes: [string, string?][] = [["/v2/models/fast/infer"], ["/v1/models/fast:predict"], ["/invocations", "X-Slipway-Model: fast\r\n"], ["/api/truth"], ["/v2/models/loop/infer", "Content-Encoding: gzip\r\n"]];
      let ended = false;
      const slow = Promise.all(Array.from({ length: 40 }, (_, index) => {
        const [target, more] = routes[index % routes.length]!;
        const start = more?.includes("gzip") ? gzipSync(fastBody).subarray(0, 20) : Buffer.from('{"inp');
        return sendRaw(server.httpPort, Buffer.concat([Buffer.from(head(target, 1000, more)), start]));
      })).finally(() => (ended = true));
      let rounds = 0;
      while (!ended) {
        await assertAnswers();
        assert.equal((await caller.send("GET", "/health")).status, 200);
        rounds++;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(rounds > 3, `only ${rounds} rounds of other work went through`);
      for (const text of await slow) {
        const reply = parseRaw(text);
        assert.ok(reply !== null, `cut off after ${JSON.stringify(text.slice(0, 100))}`);
        assertRefused(reply, "a body that stands still");
        assert.equal(reply.status, 408);
      }
    });

    it("ends bodies that come byte by byte", async () => {
      const socket = await openSocket(head("/v2/models/fast/infer", fastBody.length * 1000));
      const answer = new Promise<string>((resolve) => {
        let text = "";
        socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
        socket.on("close", () => resolve(text));
      });
      const drip = setInterval(() => socket.write(" "), 20);
      const reply = parseRaw(await answer.finally(() => clearInterval(drip)));
      assert.equal(reply?.status, 408);
      // The twin sends its body in pieces too, but in time.
      const twin = await openSocket(head("/v2/models/fast/infer", fastBody.length, "Connection: close\r\n"));
      const chunks: Buffer[] = [];
      twin.on("data", (chunk: Buffer) => chunks.push(chunk));
      for (let at = 0; at < fastBody.length; at += 10) twin.write(fastBody.slice(at, at + 10));
      await once(twin, "end");
      assert.equal(parseRaw(Buffer.concat(chunks).toString())?.status, 200);
    });

    it("answers a body that says it is too large before it is there", async () => {
      const bodies = [["/v2/models/fast/infer", 2 ** 40], ["/v2/models/fast/infer", (64 << 20) + 1], ["/api/truth", (8 << 20) + 1], ["/api/models/fast/versions", (1 << 20) + 1]] as const;
      // Side by side: each connection ends only when the server has waited in vain for the rest.
      await Promise.all(bodies.map(async ([target, length]) => {
        const reply = parseRaw(await sendRaw(server.httpPort, head(target, length)));
        assert.ok(reply !== null, target);
        assertRefused(reply, `${length} bytes for ${target}`);
        assert.equal(reply.status, 413);
      }));
      await assertAnswers();
    });
  });

  it("answers while hundreds of connections hang half open", async () => {
    const idle = await Promise.all(Array.from({ length: 300 }, (_, index) =>
      openSocket(["", "GET /health HTTP/1.1\r\nHost: 127", head("/v2/models/fast/infer", 10_000)][index % 3])));
    for (let round = 0; round < 5; round++) {
      assert.equal((await caller.send("GET", "/health")).status, 200);
      assert.equal((await caller.send("GET", "/ready")).status, 200);
      await assertAnswers();
    }
    for (const socket of idle) socket.destroy();
    await assertAnswers();
  });

  it("drops the work of callers who leave, wherever they were", async () => {
    const blocker = caller.send("POST", "/v2/models/loop/infer", {}, loopBody(longLoop));
    const whole = `${head("/v2/models/loop/infer", loopBody(longLoop).length)}${loopBody(longLoop)}`;
    const queued = await Promise.all(Array.from({ length: 30 }, () => openSocket(whole)));
    // One of them all runs; which one does not matter.
    await waitFor(async () => (await queueRows()) === 30, "the callers do not wait in the queue");
    for (const socket of queued) socket.destroy();
    for (let at = 1; at < whole.length; at += 37) (await openSocket(whole.slice(0, at))).destroy();
    assert.equal((await blocker).status, 200);
    await assertIdle(server);
    const left = await server.client.predictions("loop", { outcome: "error", limit: 500 });
    assert.deepEqual([left.length, new Set(left.map(({ outcome }) => outcome))], [30, new Set(["CALLER_GONE"])]);
  });

  it("answers 503 with Retry-After when the queue is full, and takes requests again when it is not", async () => {
    const { revision, policy } = await server.client.policy("loop");
    await server.client.changePolicy("loop", { revision, reason: "A short queue.", policy: { ...policy, serving: { ...policy.serving, maxQueueRows: 4 } } });
    const replies = await Promise.all(Array.from({ length: 60 }, () => caller.send("POST", "/v2/models/loop/infer", {}, loopBody(shortLoop))));
    const full = replies.filter(({ status }) => status === 503);
    assert.ok(full.length > 0 && full.length < 60, `${full.length} of 60 were sent away`);
    for (const reply of replies) {
      if (reply.status === 200) continue;
      assert.deepEqual([reply.status, reply.headers["x-error-code"]], [503, "QUEUE_FULL"], reply.text);
      assert.match(reply.headers["retry-after"] ?? "", /^[1-9][0-9]*$/);
      assert.match(reply.text, /4 rows wait already/);
    }
    await assertIdle(server);
    assert.equal((await caller.send("POST", "/v2/models/loop/infer", {}, loopBody(1))).status, 200);
  });

  it("is well afterwards and has written nothing else", async () => {
    await assertWell(server);
    await assertAnswers();
    assert.deepEqual(await treeOf(server), treeBefore);
  });

  async function queueRows(): Promise<number> {
    return (await server.client.model("loop")).served[0]!.queueRows;
  }

  /** Asks again until it is so; what does not become so in time fails with the message. */
  async function waitFor(condition: () => Promise<boolean>, message: string): Promise<void> {
    const latest = performance.now() + hangMs;
    while (!(await condition())) {
      assert.ok(performance.now() < latest, message);
      await betweenLooks();
    }
  }
});
