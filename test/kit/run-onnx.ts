import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Datatype, TensorData } from "../../src/core/tensor.ts";

const ortTypes = {
  BOOL: "bool", UINT8: "uint8", UINT16: "uint16", UINT32: "uint32", UINT64: "uint64", INT8: "int8", INT16: "int16", INT32: "int32",
  INT64: "int64", FP16: "float16", FP32: "float32", FP64: "float64", BYTES: "string",
} as const satisfies Record<Datatype, string>;

export interface RunInput {
  datatype: Datatype;
  shape: readonly number[];
  data: TensorData;
}

/** Loads a model in this process, on one thread, and runs it once. For tiny models in tests. FP16 comes back as bit patterns. */
export async function runOnnx(
  model: Uint8Array,
  inputs: Readonly<Record<string, RunInput>>,
): Promise<Record<string, { type: string; shape: readonly number[]; data: unknown[] }>> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    const feeds: Record<string, OrtTensor> = {};
    for (const [name, { datatype, shape, data }] of Object.entries(inputs)) {
      feeds[name] = new OrtTensor(ortTypes[datatype] as "float32", data as Float32Array, shape);
      // The library would hand a Float16Array over, which its native side takes for empty.
      if (datatype === "FP16") Object.defineProperty(feeds[name], "data", { value: data });
    }
    const results = await session.run(feeds, { logSeverityLevel: 4 });
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, dims, data }]) => {
        const elements = type === "float16" ? new Uint16Array((data as Uint16Array).buffer) : (data as Iterable<unknown>);
        return [name, { type, shape: dims, data: [...elements] }];
      }),
    );
  } finally {
    await session.release();
  }
}

/** Shorthand for an FP32 table. */
export function float32Rows(rows: readonly (readonly number[])[]): RunInput {
  return { datatype: "FP32", shape: [rows.length, rows[0]?.length ?? 0], data: Float32Array.from(rows.flat()) };
}
