import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Signature } from "../../registry/index.ts";
import { decodeInferMessage } from "./infer-message.ts";
import { parseInvocation } from "./invocations.ts";
import { parseInferRequest } from "./parse-infer-request.ts";
import { wireLimits } from "./wire-limits.ts";

const matrix: Signature = { inputs: [{ name: "x", datatype: "FP32", shape: [-1, -1], missingAllowed: false }], outputs: [], batchable: true };
const many = (text: string, count: number): string => `${`${text},`.repeat(count)}${text}`;
const names = (entry: (name: string) => string): string => Array.from({ length: wireLimits.tensors + 1 }, (_, index) => entry(`t${index}`)).join(",");
const refused = (what: RegExp) => ({ code: "INVALID_REQUEST", message: what });

describe("what a request may list", () => {
  const json: [string, string, RegExp][] = [
    ["inputs", `{"inputs":[${names((name) => `{"name":"${name}","shape":[1],"datatype":"FP32","data":[1]}`)}]}`, /more than 10000 inputs/],
    ["outputs", `{"outputs":[${names((name) => `{"name":"${name}"}`)}]}`, /more than 10000 outputs/],
    ["dimensions", `{"inputs":[{"shape":[${many("1", wireLimits.dimensions)}]}]}`, /more than 32 dimensions/],
  ];
  for (const [name, body, message] of json) {
    it(`${name}, as JSON`, () => assert.throws(() => parseInferRequest(Buffer.from(body), undefined, undefined), refused(message)));
  }

  const protobuf: [string, Buffer, RegExp][] = [
    ["inputs", Buffer.of(0x2a, 0), /more than 10000 inputs/],
    ["outputs", Buffer.of(0x32, 0), /more than 10000 outputs/],
    ["raw contents", Buffer.of(0x3a, 0), /more than 10000 raw contents/],
  ];
  for (const [name, entry, message] of protobuf) {
    it(`${name}, as protobuf`, () => assert.throws(() => decodeInferMessage(Buffer.alloc(entry.length * (wireLimits.tensors + 1), entry)), refused(message)));
  }

  it("dimensions and parts of contents, as protobuf", () => {
    const input = (content: Buffer): Buffer => Buffer.concat([Buffer.of(0x2a, (content.length & 127) | 128, content.length >> 7), content]);
    assert.throws(() => decodeInferMessage(input(Buffer.alloc(2 * 100, Buffer.of(0x18, 1)))), refused(/more than 32 dimensions/));
    assert.throws(() => decodeInferMessage(input(Buffer.alloc(3 * 1001, Buffer.of(0x2a, 1, 0)))), refused(/more than 1000 parts/));
  });

  it("columns of tables and values of a first row", () => {
    const names = many("0", wireLimits.columns);
    const row = `{${Array.from({ length: wireLimits.columns + 1 }, (_, index) => `"${index}":0`).join(",")}}`;
    const bodies: [string, string][] = [
      [`{"dataframe_split":{"columns":[${names}],"data":[]}}`, "application/json"], [`{"dataframe_records":[${row}]}`, "application/json"], [names, "text/csv"],
    ];
    for (const [body, type] of bodies) assert.throws(() => parseInvocation(Buffer.from(body), type, matrix), refused(/more than 100000 (columns|values in a row)/));
  });
});
