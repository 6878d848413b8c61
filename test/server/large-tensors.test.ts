import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Client, credentials } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { Policy } from "../../src/index.ts";
import { identityModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

/** Shapes whose memory is worth giving back: one comes in several pieces, for a model beside the server, the other's model may run in the server. */
const shapes = [{ rows: 1, width: 32_768 }, { rows: 16, width: 320 }];

const { root } = protobuf.parse(`syntax = "proto3";
  message Request { message Tensor { string name = 1; string datatype = 2; repeated int64 shape = 3; } string model_name = 1; string id = 3; repeated Tensor inputs = 5; repeated bytes raw_input_contents = 7; }
  message Response { repeated bytes raw_output_contents = 6; }`, { keepCase: true });
const asBytes = (message: Buffer): Buffer => message;

interface Answer {
  values: Float32Array;
  predictionId: string;
}

let server: RunningServer;
before(async () => void (server = await startServer()));
after(() => server.stop());

for (const { rows, width } of shapes) {
  describe(`tensors of ${rows} x ${width} elements, whose memory is given back after the answer`, () => tests(rows, width));
}

function tests(rows: number, width: number): void {
  const count = rows * width;
  const model = `identity-${width}`;
  before(async () => {
    await server.client.deploy({ file: await server.file(`${model}.onnx`, identityModel("FP32", ["batch", width])), name: model });
  });

  async function change(edit: (policy: Policy) => Policy): Promise<void> {
    const { revision, policy } = await server.client.policy(model);
    await server.client.changePolicy(model, { revision, reason: "test", policy: edit(policy) });
  }

  /** `padding` makes the header longer, so that the numbers begin anywhere between two multiples of 8. */
  async function ask(values: Float32Array, padding: number): Promise<Answer> {
    const input = { name: "x", shape: [rows, width], datatype: "FP32", parameters: { binary_data_size: values.byteLength } };
    const header = Buffer.from(JSON.stringify({ id: "i".repeat(padding), inputs: [input], outputs: [{ name: "y", parameters: { binary_data: true } }] }));
    const response = await fetch(`${server.url}/v2/models/${model}/infer`, {
      method: "POST", body: Buffer.concat([header, Buffer.from(values.buffer)]), headers: { "Inference-Header-Content-Length": String(header.length) },
    });
    assert.equal(response.status, 200);
    const body = await response.arrayBuffer();
    const json = Number(response.headers.get("Inference-Header-Content-Length"));
    const { parameters } = JSON.parse(Buffer.from(body, 0, json).toString()) as { parameters: { prediction_id: string } };
    return { values: new Float32Array(body.slice(json)), predictionId: parameters.prediction_id };
  }

  const valuesOf = (seed: number): Float32Array => Float32Array.from({ length: count }, (_, index) => Math.fround(Math.sin(index + seed)));

  async function askedAtOnce(): Promise<Answer[]> {
    const asked = Array.from({ length: 16 }, (_, seed) => valuesOf(seed));
    const answers = await Promise.all(asked.map((values, seed) => ask(values, seed)));
    answers.forEach(({ values }, seed) => assert.deepEqual(values, asked[seed]));
    return answers;
  }

  it("are answered whole, alone and in batches", async () => {
    for (let seed = 0; seed < 8; seed++) assert.deepEqual((await ask(valuesOf(seed), seed)).values, valuesOf(seed));
    await askedAtOnce();
  });

  it("are answered whole over gRPC, alone and at once", async () => {
    const client = new Client(`127.0.0.1:${server.grpcPort}`, credentials.createInsecure());
    const asked = (seed: number): Promise<Float32Array> => {
      const inputs = [{ name: "x", datatype: "FP32", shape: [rows, width] }];
      const message = Buffer.from(root.lookupType("Request").encode({ model_name: model, id: "i".repeat(seed), inputs, raw_input_contents: [new Uint8Array(valuesOf(seed).buffer)] }).finish());
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest("/inference.GRPCInferenceService/ModelInfer", asBytes, asBytes, message, (error, answer) => {
          if (error !== null || answer === undefined) return reject(error ?? new Error("no answer"));
          const { raw_output_contents: contents } = root.lookupType("Response").decode(answer) as unknown as { raw_output_contents: Uint8Array[] };
          resolve(new Float32Array(new Uint8Array(contents[0]!).buffer));
        });
      });
    };
    try {
      for (let seed = 0; seed < 4; seed++) assert.deepEqual(await asked(seed), valuesOf(seed));
      const seeds = Array.from({ length: 16 }, (_, seed) => seed);
      assert.deepEqual(await Promise.all(seeds.map(asked)), seeds.map(valuesOf));
    } finally {
      client.close();
    }
  });

  it("stand in the log as they came", async () => {
    await change((policy) => ({ ...policy, log: { ...policy.log, maxElements: count } }));
    const answers = await askedAtOnce();
    const { prediction } = await server.client.why(answers[3]!.predictionId as never);
    assert.deepEqual(Float32Array.from(prediction.inputs[0]!.data as number[]), valuesOf(3));
  });

  it("are kept of by the cache what it needs", async () => {
    await change((policy) => ({ ...policy, cache: { enabled: true, ttlSeconds: 60, maxEntries: 100 } }));
    await askedAtOnce();
    await askedAtOnce();
    assert.deepEqual((await ask(valuesOf(5), 3)).values, valuesOf(5));
  });
}
