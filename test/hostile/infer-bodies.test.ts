import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createGzip, deflateSync, gzipSync } from "node:zlib";
import type { Prediction } from "../../src/index.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { seededRandom, type SeededRandom } from "../kit/seed.ts";
import { HttpCaller, type HttpReply } from "./http-caller.ts";
import { deployInferModels, inferModels } from "./infer-models.ts";
import { binaryRequest, hostileRequest, noisyRequest, toJson, type WireRequest } from "./infer-mutations.ts";
import { assertRefused, assertWell, residentMebibytes, treeOf } from "./refusals.ts";

interface ValidRequest extends WireRequest {
  check(reply: HttpReply): void;
}

/** A request that must be answered, on any of the wires. */
function validRequest(random: SeededRandom, id: string): ValidRequest {
  const model = random.pick(inferModels);
  const inputs = model.inputs(random);
  const expected = model.answer(inputs);
  const checkOutput = (reply: HttpReply): void => {
    assert.equal(reply.status, 200, reply.text.slice(0, 500));
    const answer = JSON.parse(reply.text) as { id: string; outputs: { name: string; data: unknown[] }[] };
    assert.deepEqual([answer.id, answer.outputs.find(({ name }) => name === model.output)!.data], [id, expected]);
  };
  const path = `/v2/models/${model.name}/infer`;
  const plain = toJson({ id, inputs });
  const description = `${model.name}: valid`;
  switch (random.integer(0, 4)) {
    case 0: return { description, path, headers: {}, body: plain, check: checkOutput };
    case 1: return { description, path, headers: { "Content-Encoding": "gzip" }, body: gzipSync(plain), check: checkOutput };
    case 2: return { description, path, headers: { "Content-Encoding": "deflate" }, body: deflateSync(plain), check: checkOutput };
    case 3: {
      const { head, parts } = binaryRequest(inputs, id);
      const json = toJson(head);
      return { description, path, headers: { "Inference-Header-Content-Length": String(json.length) }, body: Buffer.concat([json, ...parts]), check: checkOutput };
    }
    default:
      return {
        description, path: random.next() < 0.5 ? `/v1/models/${model.name}:predict` : "/invocations",
        headers: { "X-Slipway-Model": model.name, "Content-Type": "application/json" }, body: toJson({ instances: model.instances(inputs) }),
        check(reply) {
          assert.equal(reply.status, 200, reply.text.slice(0, 500));
          const { predictions } = JSON.parse(reply.text) as { predictions: unknown[] };
          assert.equal(predictions.length, inputs[0]!.shape[0]);
          const width = expected.length / predictions.length;
          for (const [row, prediction] of predictions.entries()) {
            const values = (typeof prediction === "object" && prediction !== null ? Object.values(prediction) : [prediction]).flat() as unknown[];
            for (const value of expected.slice(row * width, (row + 1) * width)) assert.ok(values.includes(value), `row ${row} is ${JSON.stringify(prediction)}, without ${value}`);
          }
        },
      };
  }
}

/** The id under which a 200 was logged. */
function predictionId(reply: HttpReply): string {
  return reply.headers["x-slipway-prediction-id"] ?? /"prediction_id":"(prd_[0-9a-z]{26})"/.exec(reply.text)![1]!;
}

describe("hostile bodies of inference requests", () => {
  let server: RunningServer;
  let caller: HttpCaller;
  let treeBefore: string[];
  /** Of every 200 so far. */
  const answered = new Set<string>();
  before(async () => {
    server = await startServer();
    caller = new HttpCaller(server.httpPort);
    await deployInferModels(server);
    // One answered prediction, so that the files of the log exist.
    answered.add((await server.client.infer("tabular", [{ name: "features", datatype: "FP32", shape: [1, 3], data: [1, 1, 1] }])).predictionId);
    treeBefore = await treeOf(server);
  });
  after(async () => {
    caller.close();
    await server.stop();
  });

  const send = ({ path, headers, body }: WireRequest): Promise<HttpReply> => caller.send("POST", path, headers, body);

  /** `count` requests out of one generator, several at once; the generator runs in order, so the seed decides everything. */
  async function flood(purpose: string, count: number, one: (random: SeededRandom, index: number) => Promise<void>): Promise<void> {
    const random = seededRandom(purpose);
    let index = 0;
    await Promise.all(Array.from({ length: 8 }, async () => {
      while (index < count) await one(random, index++);
    }));
  }

  it("answers each with 4xx and a reason, and valid ones among them with their right answers", async () => {
    const seen = new Set<string>();
    await flood("hostility", 4000, async (random, index) => {
      if (index % 10 === 0) {
        const valid = validRequest(random, `valid-${index}`);
        const reply = await send(valid);
        valid.check(reply);
        answered.add(predictionId(reply));
        return;
      }
      const hostile = hostileRequest(random);
      seen.add(hostile.description.replace(/^[a-z]+[:,] /, ""));
      const shown = `request ${index}, ${hostile.description}: ${JSON.stringify(hostile.headers)} ${hostile.body.toString("latin1").slice(0, 400)}`;
      assertRefused(await send(hostile), shown);
    });
    assert.ok(seen.size >= 60, `only ${seen.size} kinds of hostility`);
  });

  it("answers noise with 4xx or with a prediction, never with a failure of its own", async () => {
    let refused = 0;
    await flood("noise", 1000, async (random) => {
      const noisy = noisyRequest(random);
      const reply = await send(noisy);
      if (reply.status === 200) {
        answered.add(predictionId(reply));
        return;
      }
      refused++;
      assertRefused(reply, `noise ${noisy.body.toString("latin1")}`);
    });
    assert.ok(refused > 300 && refused < 1000, `${refused} of 1000 were refused`);
  });

  it("refuses bodies that unpack to gigabytes without making room for them", async () => {
    // Kept short of the limit by a second layer of nothing: 256 MiB of spaces in a quarter of a MiB.
    const bomb = await gzipped(Buffer.alloc(1 << 20, " "), 256);
    const json = await gzipped(Buffer.from(`${"[".repeat(1000)}${"0,".repeat(500_000)}`), 64);
    const before = await residentMebibytes(server);
    for (let round = 0; round < 12; round++) {
      const replies = await Promise.all([bomb, json, bomb, json].map((body, index) =>
        send({ description: "", path: index === 0 ? "/invocations" : "/v2/models/tabular/infer", headers: { "Content-Encoding": "gzip", "X-Slipway-Model": "tabular" }, body })));
      for (const reply of replies) {
        assertRefused(reply, "a bomb");
        assert.equal(reply.status, 413);
      }
    }
    const grown = (await residentMebibytes(server)) - before;
    // One bomb unpacked would be 256 MiB, and there were 48.
    assert.ok(grown < 200, `the server grew by ${Math.round(grown)} MiB`);
    const twin = await send({ description: "", path: "/v2/models/tabular/infer", headers: { "Content-Encoding": "gzip" },
      body: gzipSync(toJson({ inputs: [{ name: "features", datatype: "FP32", shape: [2000, 3], data: new Array(6000).fill(0.25) }] })) });
    assert.equal(twin.status, 200, twin.text.slice(0, 300));
    answered.add(predictionId(twin));
  });

  it("is well afterwards, has logged only what it answered, and has written nothing else", async () => {
    await assertWell(server);
    const logged = new Set<string>();
    for (const { name } of inferModels) {
      let page: Prediction[] = [];
      do {
        const last = page.at(-1)?.id;
        page = await server.client.predictions(name, { limit: 500, ...(last === undefined ? {} : { before: last }) });
        for (const { id, outcome } of page) {
          assert.equal(outcome, "ok");
          logged.add(id);
        }
      } while (page.length > 0);
    }
    assert.deepEqual([...logged].sort(), [...answered].sort());
    assert.deepEqual(await treeOf(server), treeBefore);
  });
});

/** The chunk as often as told, compressed without ever being there whole. */
async function gzipped(chunk: Buffer, times: number): Promise<Buffer> {
  const zip = createGzip({ level: 9 });
  const parts: Buffer[] = [];
  zip.on("data", (part: Buffer) => parts.push(part));
  for (let time = 0; time < times; time++) {
    if (!zip.write(chunk)) await new Promise((resolve) => zip.once("drain", resolve));
  }
  await new Promise<void>((resolve) => {
    zip.once("end", resolve);
    zip.end();
  });
  return Buffer.concat(parts);
}
