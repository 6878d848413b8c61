import assert from "node:assert/strict";
import { afterEach, describe, it, mock } from "node:test";
import { AnswerMemory } from "../../core/answer-memory.ts";
import { systemClock } from "../../core/clock.ts";
import type { EgressAnswer, EgressClient, EgressRequest } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { UpstreamDocument } from "../../registry/index.ts";
import { UpstreamRunner } from "./upstream-runner.ts";
import { UpstreamServer } from "./upstream-server.ts";

const rows = 1 << 18;
const [inputs, shape] = [
  [{ name: "x", datatype: "FP64", shape: [1], data: Float64Array.of(1) } satisfies Tensor],
  { inputs: [{ name: "x", datatype: "FP64", shape: [-1], missingAllowed: false }], outputs: [{ name: "y", datatype: "FP64", shape: [-1], missingAllowed: false }] } as const,
];
const document = { documentVersion: 1, protocol: "json", url: "http://models.example", model: "m", path: "/", format: "outputs", missing: "refuse", timeoutMs: 2000, maxAnswerBytes: 64 << 20, binary: false, secrets: null } as unknown as UpstreamDocument;
/** Two characters for each value, of which 8 bytes are made. */
const body = Buffer.from(`{"outputs":{"y":[${"1,".repeat(rows * 4 - 1)}1]}}`);
const madeBytes = 8 * 4 * rows;

/** Answers with the body in two pieces as long as there is room for them. */
class PiecewiseEgress implements Pick<EgressClient, "send"> {
  async send({ roomFor, signal }: EgressRequest): Promise<EgressAnswer> {
    for (const length of [body.length / 2, body.length]) {
      const room = roomFor?.(Math.floor(length));
      if (room === undefined) continue;
      await Promise.race([room, new Promise((_, reject) => void signal!.addEventListener("abort", () => reject(new AppError("EGRESS_FAILED", "in time")), { once: true }))]);
    }
    return { status: 200, headers: { "content-type": "application/json" }, body };
  }
}

const stops: (() => void)[] = [];

async function setUp(limitBytes: number) {
  const answers = new AnswerMemory(limitBytes, 0);
  const egress = new PiecewiseEgress();
  const server = new UpstreamServer({ document, headers: {}, egress: egress as unknown as EgressClient, answers, clock: systemClock, logger: silentLogger, logFields: {} });
  await server.health.begin();
  stops.push(() => server.health.stop());
  const runner = (): UpstreamRunner => new UpstreamRunner(server, shape as never, () => undefined);
  return { answers, server, runner };
}

const codeOf = (error: unknown): string => (error instanceof AppError ? error.code : String(error));
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("memory of answers from servers upstream", () => {
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
    mock.timers.reset();
  });

  it("counts an answer from its first pieces, and what was read of it, until whoever has it lets go", async () => {
    const { answers, runner, server } = await setUp(64 << 20);
    const { outputs, held } = await runner().run(inputs);
    assert.equal(outputs[0]!.data.length, 4 * rows);
    assert.equal(answers.takenBytes, body.length + madeBytes);
    held!.release();
    held!.release();
    assert.equal(answers.takenBytes, 0);
    // Nobody holds what is asked when a version is made.
    await server.ask(inputs, shape as never);
    assert.equal(answers.takenBytes, 0);
  });

  it("lets servers upstream wait while it is full, one after the other", async () => {
    const { answers, runner } = await setUp(body.length + 1000);
    const first = await runner().run(inputs);
    const waiting = runner();
    const second = waiting.run(inputs);
    await turn();
    assert.deepEqual([waiting.isHeldUp, answers.takenBytes], [true, body.length + madeBytes]);
    first.held!.release();
    const { held } = await second;
    assert.equal(waiting.isHeldUp, false);
    held!.release();
    assert.equal(answers.takenBytes, 0);
  });

  it("tells that it is full where the time is over while an answer waits, blames no server, and keeps nothing", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const { answers, runner, server } = await setUp(body.length + 1000);
    const first = await runner().run(inputs);
    const [late, killed] = [runner(), runner()];
    const failures = [late, killed].map((one) => one.run(inputs).catch(codeOf));
    await turn();
    killed.kill("a run took longer than 1 ms");
    await turn();
    mock.timers.tick(2000);
    assert.deepEqual([await Promise.all(failures), server.health.away], [["QUEUE_FULL", "QUEUE_FULL"], null]);
    first.held!.release();
    assert.equal(answers.takenBytes, 0);
  });
});
