import { identityModel, linearModel, mixedInputsModel, translationModel } from "../kit/onnx-models.ts";
import type { RunningServer } from "../kit/running-server.ts";
import type { SeededRandom } from "../kit/seed.ts";

export interface WireTensor {
  name: string;
  datatype: string;
  shape: number[];
  data: (number | string)[];
}

/** A model with a way to make requests that it must answer, each with its right answer. */
export interface InferModel {
  name: string;
  file: () => Uint8Array;
  /** A valid request of a few rows. */
  inputs(random: SeededRandom): WireTensor[];
  /** The output that is looked at, and its values for a valid request. */
  output: string;
  answer(inputs: readonly WireTensor[]): (number | string)[];
  /** The same rows for `/v1/models/M:predict`. */
  instances(inputs: readonly WireTensor[]): unknown[];
}

const german: Record<string, string> = { one: "eins", two: "zwei", three: "drei" };
const countryWorth: Record<string, number> = { DE: 10, FR: 20, US: 30 };
const weights = [1, 10, 100];

/** Rows of a flat tensor of this width. */
function rowsOf<Value>(data: readonly Value[], width: number): Value[][] {
  return Array.from({ length: data.length / width }, (_, row) => data.slice(row * width, (row + 1) * width));
}

const times = <Value>(count: number, make: () => Value): Value[] => Array.from({ length: count }, make);

/** Floats in a matrix, texts, 64-bit integers, and all of them at once. */
export const inferModels: readonly InferModel[] = [
  {
    name: "tabular",
    file: () => linearModel({ weights }),
    output: "score",
    inputs(random) {
      const rows = random.integer(1, 4);
      return [{ name: "features", datatype: "FP32", shape: [rows, 3], data: times(rows * 3, () => random.integer(-200, 200) / 4) }];
    },
    answer: ([features]) => rowsOf(features!.data as number[], 3).map((row) => row.reduce((sum, value, index) => sum + value * weights[index]!, 0)),
    instances: ([features]) => rowsOf(features!.data, 3),
  },
  {
    name: "words",
    file: translationModel,
    output: "translation",
    inputs(random) {
      const rows = random.integer(1, 4);
      return [{ name: "word", datatype: "BYTES", shape: [rows, 1], data: times(rows, () => random.pick(["one", "two", "three", "größe", "x\ny"])) }];
    },
    answer: ([word]) => (word!.data as string[]).map((text) => german[text] ?? "?"),
    instances: ([word]) => rowsOf(word!.data, 1),
  },
  {
    name: "longs",
    file: () => identityModel("INT64", ["batch", 2]),
    output: "y",
    inputs(random) {
      const rows = random.integer(1, 4);
      return [{ name: "x", datatype: "INT64", shape: [rows, 2], data: times(rows * 2, () => random.integer(-1_000_000, 1_000_000)) }];
    },
    answer: ([x]) => [...x!.data],
    instances: ([x]) => rowsOf(x!.data, 2),
  },
  {
    name: "mixed",
    file: mixedInputsModel,
    output: "risk",
    inputs(random) {
      const rows = random.integer(1, 4);
      return [
        { name: "amounts", datatype: "FP32", shape: [rows, 2], data: times(rows * 2, () => random.integer(-100, 100) / 2) },
        { name: "country", datatype: "BYTES", shape: [rows, 1], data: times(rows, () => random.pick(["DE", "FR", "US", "XX"])) },
        { name: "weekday", datatype: "INT64", shape: [rows, 1], data: times(rows, () => random.integer(0, 6)) },
      ];
    },
    answer: ([amounts, country, weekday]) =>
      rowsOf(amounts!.data as number[], 2).map(
        ([first, second], row) => first! + 2 * second! + (countryWorth[country!.data[row] as string] ?? 0) + 100 * (weekday!.data[row] as number),
      ),
    instances: ([amounts, country, weekday]) =>
      rowsOf(amounts!.data, 2).map((row, index) => ({ amounts: row, country: [country!.data[index]], weekday: [weekday!.data[index]] })),
  },
];

export async function deployInferModels(server: RunningServer): Promise<void> {
  for (const { name, file } of inferModels) await server.client.deploy({ file: await server.file(`${name}.onnx`, file()), name });
}
