import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import type { ColumnProfile, ReferenceProfile, Signature } from "../../data/types.ts";
import { formParts, initialValues, randomValues, remarkOn, valuesFromTensors, type FormField } from "./form-model.ts";
import { buildRequest, fieldElement, problemsInMessage } from "./infer-request.ts";

const numeric: ColumnProfile = {
  kind: "numeric", name: "distance", input: "distance", index: 0, count: 100, missing: 0, min: 31, max: 4962, mean: 731.456, standardDeviation: 500, edges: [400, 1000], counts: [50, 30, 20],
};
const categorical: ColumnProfile = {
  kind: "categorical", name: "origin", input: "origin", index: 0, count: 100, missing: 0, distinct: 2, categories: [{ value: "ORD", count: 70 }, { value: "SFO", count: 30 }], otherCount: 0,
};
const profile: ReferenceProfile = { digest: `sha256:${"0".repeat(64)}`, rows: 100, columns: [numeric, categorical], ignoredColumns: [] };
const signature: Signature = {
  batchable: true,
  inputs: [
    { name: "distance", datatype: "INT64", shape: [-1, 1], missingAllowed: false },
    { name: "origin", datatype: "BYTES", shape: [-1], missingAllowed: false },
    { name: "features", datatype: "FP32", shape: [-1, 2], columns: ["a", "b"], missingAllowed: true },
    { name: "image", datatype: "FP32", shape: [-1, 3, 8, 8], missingAllowed: false },
  ],
  outputs: [],
};
const parts = formParts(signature, profile);
const zero = (): number => 0;

describe("formParts", () => {
  it("gives small inputs a field for each value, named and prefilled from the reference", () => {
    const fields = parts.flatMap((part) => (part.kind === "fields" ? part.fields : []));
    assert.deepEqual(fields.map(({ label, initial }) => [label, initial]), [["distance", "731"], ["origin", "ORD"], ["a", "0"], ["b", "0"]]);
    assert.equal(parts[3]!.kind, "tensor");
  });

  it("builds a body of one row that the protocol takes", () => {
    const { body, problems } = buildRequest(parts, initialValues(parts), zero);
    assert.deepEqual(problems, {});
    const { inputs } = JSON.parse(body) as { inputs: { name: string; shape: number[]; data: unknown[] }[] };
    assert.deepEqual(inputs.map(({ name, shape, data }) => [name, shape, data.length]), [["distance", [1, 1], 1], ["origin", [1], 1], ["features", [1, 2], 2], ["image", [1, 3, 8, 8], 192]]);
  });

  it("draws likely rows only", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999999, noNaN: true })), (stream) => {
        const { fields } = randomValues(parts, () => stream.next().value as number);
        const distance = Number(fields["distance/0"]);
        assert.ok(Number.isInteger(distance) && distance >= 31 && distance <= 4962);
        assert.ok(["ORD", "SFO"].includes(fields["origin/0"]!));
        assert.deepEqual(buildRequest(parts, { ...initialValues(parts), fields }, zero).problems, {});
      }),
    );
  });

  it("takes the first row of an earlier prediction, and leaves what was withheld", () => {
    const values = valuesFromTensors(parts, [{ name: "distance", shape: [2, 1], data: [12, 13] }, { name: "features", shape: [1, 2], data: ["NaN", 5] }, { name: "origin", shape: [1], data: null }]);
    assert.deepEqual(values.fields, { "distance/0": "12", "origin/0": "ORD", "features/0": "", "features/1": "5" });
  });

  it("remarks on what training has not seen", () => {
    const [distance, origin] = parts.flatMap((part) => (part.kind === "fields" ? part.fields : [])) as [FormField, FormField];
    assert.equal(remarkOn(distance, "5000"), "above all of the reference data");
    assert.equal(remarkOn(distance, "31"), null);
    assert.equal(remarkOn(origin, "XXX"), "not in the reference data");
  });
});

describe("fieldElement", () => {
  const field = (datatype: FormField["datatype"], rest: Partial<FormField> = {}) => ({ datatype, missingAllowed: false, choices: undefined, ...rest });

  it("keeps all 64 bits of a whole number", () => {
    assert.deepEqual(fieldElement(field("INT64"), "9223372036854775807"), { json: "9223372036854775807" });
    assert.ok("problem" in fieldElement(field("INT64"), "9223372036854775808"));
    assert.ok("problem" in fieldElement(field("UINT8"), "-1"));
    assert.ok("problem" in fieldElement(field("INT32"), "1.5"));
  });

  it("sends nothing that is not JSON", () => {
    fc.assert(
      fc.property(fc.constantFrom("FP32", "FP64", "INT64", "BYTES", "UINT8", "BOOL" as const), fc.string(), (datatype, text) => {
        const choices = datatype === "BOOL" ? ["true", "false"] : undefined;
        const element = fieldElement(field(datatype, { choices, missingAllowed: true }), text);
        if ("json" in element) JSON.parse(element.json);
      }),
    );
  });

  it("sends an empty field as missing where that is allowed", () => {
    assert.deepEqual(fieldElement(field("FP32", { missingAllowed: true }), ""), { json: "null" });
    assert.ok("problem" in fieldElement(field("FP32"), ""));
  });
});

describe("problems", () => {
  it("of a tensor say what its shape needs", () => {
    const values = initialValues(parts);
    for (const [shape, json, problem] of [["1, 3, 8", "", /4 dimensions/], ["1, 3, 8, 9", "", /Dimension 4 must be 8/], ["1, 3, 8, 8", "[1, 2]", /2 values; the shape needs 192/], ["1,3,8,8", "no", /not JSON/]] as const) {
      values.tensors.image = { fill: "json", shape, json };
      assert.match(buildRequest(parts, values, zero).problems.image!, problem);
    }
  });

  it("of the server find their field", () => {
    const message = "The input has 2 problems: inputs[0].data[0] is 5, more than allowed; inputs[2].data[0][1] is missing. Compare the request with the signature.";
    assert.deepEqual(problemsInMessage(message, parts), { "distance/0": "is 5, more than allowed", "features/1": "is missing" });
  });
});
