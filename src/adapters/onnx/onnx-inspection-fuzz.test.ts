import { equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { linearModel, loopsAsOftenAsTold, mixedInputsModel, zipMapClassifier } from "../../../test/kit/onnx-models.ts";
import { AppError } from "../../core/errors.ts";
import { TensorSpec } from "../../registry/schemas.ts";
import { inspectOnnx } from "./onnx-inspection.ts";

const models = [
  linearModel({ weights: [1, 2] }),
  mixedInputsModel(),
  loopsAsOftenAsTold(),
  zipMapClassifier({ coefficients: [[1], [-1]], labels: { texts: ["no", "yes"] } }),
];
const anyModel = fc.constantFrom(...models);
const codes = new Set(["MODEL_FILE_INVALID", "MODEL_EXTERNAL_DATA", "MODEL_OPERATOR_UNSUPPORTED"]);

/** Either a sound answer or one of the refusals that the function promises; whether it was accepted. */
function judge(bytes: Uint8Array): boolean {
  const before = Buffer.from(bytes);
  try {
    const { inputs, outputs, rewritten } = inspectOnnx(bytes);
    for (const spec of [...inputs, ...outputs]) TensorSpec.parse(spec);
    if (rewritten !== undefined) equal(inspectOnnx(rewritten).rewritten, undefined);
    return true;
  } catch (error) {
    ok(error instanceof AppError, `threw ${String(error)}`);
    ok(codes.has(error.code), error.code);
    ok(error.message.length < 1000);
    return false;
  } finally {
    ok(before.equals(bytes), "the input was changed");
  }
}

describe("inspectOnnx against broken bytes", () => {
  it("answers or refuses for every length to which a model can be cut", () => {
    for (const model of models) {
      ok(judge(model));
      for (let length = 0; length < model.length; length++) judge(model.subarray(0, length));
    }
  });

  it("answers or refuses for every single byte set to telling values", () => {
    let accepted = 0;
    let refused = 0;
    for (const model of models) {
      for (let at = 0; at < model.length; at++) {
        for (const value of [0x00, 0x7f, 0x80, 0xff, model[at]! ^ 1, model[at]! ^ 0x80]) {
          const broken = Uint8Array.from(model);
          broken[at] = value;
          if (judge(broken)) accepted++;
          else refused++;
        }
      }
    }
    // Names and weights may take any byte, lengths and tags may not: a fuzz that sees one kind only tests nothing.
    ok(accepted > 1000 && refused > 1000, `${accepted} accepted, ${refused} refused`);
  });

  it("answers or refuses when parts are overwritten, cut out, doubled or moved", () => {
    const place = fc.nat({ max: 2000 });
    const change = fc.oneof(
      fc.record({ kind: fc.constant("overwrite" as const), at: place, bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) }),
      fc.record({ kind: fc.constant("cut" as const), at: place, length: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ kind: fc.constant("double" as const), at: place, length: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ kind: fc.constant("move" as const), at: place, length: fc.integer({ min: 1, max: 40 }), to: place }),
    );
    fc.assert(
      fc.property(anyModel, fc.array(change, { minLength: 1, maxLength: 4 }), (model, changes) => {
        let bytes = [...model];
        for (const each of changes) {
          const at = each.at % Math.max(1, bytes.length);
          if (each.kind === "overwrite") bytes.splice(at, each.bytes.length, ...each.bytes);
          else if (each.kind === "cut") bytes.splice(at, each.length);
          else if (each.kind === "double") bytes.splice(at, 0, ...bytes.slice(at, at + each.length));
          else {
            const moved = bytes.splice(at, each.length);
            bytes = [...bytes.slice(0, each.to), ...moved, ...bytes.slice(each.to)];
          }
        }
        judge(Uint8Array.from(bytes));
      }),
      { numRuns: 4000 },
    );
  });

  it("answers or refuses for arbitrary bytes, alone and after the beginning of a model", () => {
    fc.assert(
      fc.property(anyModel, fc.nat(), fc.uint8Array({ maxLength: 100 }), (model, length, bytes) => {
        judge(bytes);
        judge(Uint8Array.from([...model.subarray(0, length % model.length), ...bytes]));
      }),
      { numRuns: 2000 },
    );
  });

  it("takes two models in one file for none", () => {
    equal(judge(Uint8Array.from([...models[0]!, ...models[1]!])), false);
  });
});
