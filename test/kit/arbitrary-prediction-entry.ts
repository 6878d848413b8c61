import fc from "./fast-check.ts";
import { epochMs } from "../../src/core/clock.ts";
import { type IdGenerator, timeOfId } from "../../src/core/ids.ts";
import { Datatype, elementCount, type TensorData, typedArrayOf } from "../../src/core/tensor.ts";
import type { Assignment, LoggedTensor, LogTensor, Prediction, PredictionEntry } from "../../src/serving/index.ts";

const word = fc.string({ unit: "grapheme", maxLength: 12 });
const oddText = fc.oneof(word, fc.constantFrom("", "a\0b", 'quote " and \'', "line\nbreak", "é😀", "NaN", "null", "x".repeat(300)));
const digest = fc.constant(`sha256:${"0".repeat(64)}`);

/** Any values of a datatype, its extremes more often than chance would. */
function values(datatype: Datatype, length: number): fc.Arbitrary<TensorData> {
  const array = <T>(element: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(element, { minLength: length, maxLength: length });
  if (datatype === "BYTES") return array(oddText);
  if (datatype === "BOOL") return array(fc.constantFrom(0, 1)).map((bits) => Uint8Array.from(bits));
  if (datatype === "FP32" || datatype === "FP64") return array(fc.double()).map((numbers) => typedArrayOf[datatype].from(numbers));
  const raw = new typedArrayOf[datatype](length);
  return fc.uint8Array({ minLength: raw.byteLength, maxLength: raw.byteLength }).chain((bytes) =>
    fc.constantFrom(bytes, new Uint8Array(raw.byteLength).fill(0xff), new Uint8Array(raw.byteLength)).map((chosen) => {
      const copy = Uint8Array.from(chosen);
      return new typedArrayOf[datatype](copy.buffer);
    }),
  );
}

/** Shapes with and without the rows in front, empty ones, and scalars. */
function shapes(rows: number): fc.Arbitrary<number[]> {
  const size = fc.integer({ min: 0, max: 3 });
  return fc.oneof<fc.Arbitrary<number[]>[]>(fc.constant([rows]), fc.constant([rows, 1]), fc.tuple(fc.constant(rows), size), fc.tuple(size, size), fc.constant([]), fc.tuple(fc.constant(rows), size, size));
}

function tensors(rows: number): fc.Arbitrary<LogTensor[]> {
  const tensor = fc.record({ name: fc.oneof(word, fc.constantFrom("x", "X", "x_2", 'a"b', "row", "")), datatype: fc.constantFrom(...Datatype.options), shape: shapes(rows) }).chain(
    ({ name, datatype, shape }): fc.Arbitrary<LogTensor> =>
      fc.oneof(
        { weight: 5, arbitrary: values(datatype, elementCount(shape)).map((data) => ({ name, datatype, shape, data })) },
        { weight: 1, arbitrary: fc.constant({ name, datatype, shape, data: null, redacted: true }) },
        { weight: 1, arbitrary: digest.map((text) => ({ name, datatype, shape, data: null, digest: text })) },
      ),
  );
  return fc.uniqueArray(tensor, { maxLength: 4, selector: (one) => one.name });
}

const assignments: fc.Arbitrary<Assignment> = fc.record({
  rollout: word, phase: oddText, arm: fc.constantFrom("stable", "candidate"), by: fc.constantFrom("key", "draw", "rule"), fraction: fc.option(fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0)),
  failed: fc.option(fc.record({ arm: word, version: fc.constantFrom("1", "2"), outcome: oddText, totalUs: fc.nat() }, { noNullPrototype: true })), shadowOf: fc.constant(null),
}, { noNullPrototype: true });

/** Predictions of a few models with everything in them that a log may meet. */
export function arbitraryPredictionEntry(ids: IdGenerator): fc.Arbitrary<PredictionEntry> {
  return fc.integer({ min: 0, max: 4 }).chain((rows) =>
    fc
      .record({
        model: fc.constantFrom("flights", "Fraud.v2", "a-b_c"),
        version: fc.constantFrom("1", "2"),
        requestId: fc.option(oddText),
        outcome: fc.constantFrom("ok", "cached", "DEADLINE_EXCEEDED"),
        timing: fc.record({ queueUs: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), runUs: fc.nat(), totalUs: fc.nat(), batchRows: fc.nat() }, { noNullPrototype: true }),
        inputs: tensors(rows),
        outputs: tensors(rows),
        assignment: fc.option(assignments),
        traceId: fc.option(fc.constant("0af7651916cd43dd8448eb211c80319c")),
      }, { noNullPrototype: true })
      .map((rest) => {
        const id = ids.next("prediction");
        return { id, time: epochMs(timeOfId(id)), rows, ...rest };
      }),
  );
}

/** What the log must answer for an entry, worked out element by element and apart from the log's own code. */
export function expectedPrediction(entry: PredictionEntry): Prediction {
  return { ...entry, assignment: entry.assignment ?? null, traceId: entry.traceId ?? null, inputs: entry.inputs.map(expectedTensor), outputs: entry.outputs.map(expectedTensor) };
}

function expectedTensor(tensor: LogTensor): LoggedTensor {
  if (tensor.data === null) return { ...tensor };
  const { name, datatype, shape, data } = tensor;
  const half = (bits: number): number => new DataView(new Uint16Array([bits]).buffer).getFloat16(0, true);
  return {
    name,
    datatype,
    shape,
    data: Array.from<string | number | bigint>(data as ArrayLike<string | number | bigint>).map((value) => {
      if (datatype === "BOOL") return value === 1;
      if (typeof value === "bigint") return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`;
      if (typeof value === "string") return value;
      const number = datatype === "FP16" ? half(value) : value;
      return Number.isFinite(number) ? number + 0 : `${number}`;
    }),
  };
}
