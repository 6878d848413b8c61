import { linearModel, mixedInputsModel, zipMapClassifier } from "../kit/onnx-models.ts";
import type { RunningServer } from "../kit/running-server.ts";

/** 400 rows like those that `mixedInputsModel` takes. */
export const reference = `amount,fee,country,weekday,late\n${Array.from({ length: 400 }, (_, index) => `${(index * 37) % 500},${index % 7},${["DE", "FR", "US", "US"][index % 4]},${1 + (index % 7)},${index % 2}`).join("\n")}\n`;

/** `risk` with reference data, two versions of `score` without, and a classifier whose ZipMap was removed. */
export async function deploySamples(server: RunningServer): Promise<void> {
  const { client } = server;
  const evaluation = { auc: 0.77, baseline_auc: 0.5 };
  await client.deploy({
    file: await server.file("mixed.onnx", mixedInputsModel()), name: "risk", description: "How risky is this payment?",
    reference: await server.file("reference.csv", reference), target: "late", columns: ["amount", "fee"], evaluation,
  });
  await client.deploy({ file: await server.file("one.onnx", linearModel({ weights: [1, 10] })), name: "score" });
  await client.deploy({ file: await server.file("two.onnx", linearModel({ weights: [2, 20] })), name: "score", activate: false });
  const coefficients = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  await client.deploy({ file: await server.file("classes.onnx", zipMapClassifier({ coefficients, labels: { integers: [0, 1, 2] } })), name: "classes" });
}

export const payment = (amount: number, country = "DE") => [
  { name: "amounts", datatype: "FP32", shape: [1, 2], data: [amount, 3] },
  { name: "country", datatype: "BYTES", shape: [1, 1], data: [country] },
  { name: "weekday", datatype: "INT64", shape: [1, 1], data: [5] },
];
