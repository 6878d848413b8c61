// Main of the process that reads a large ONNX file for OnnxInspector: "load" reads it, "run" answers with what was read.
import { readFile } from "node:fs/promises";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelInspection } from "../../registry/model-inspector.ts";
import { serveRunner } from "../runner/runner-server.ts";
import { inspectOnnx } from "./onnx-inspection.ts";

let inspection: ModelInspection;

serveRunner("onnx-inspector", {
  async load(path) {
    inspection = inspectOnnx(await readFile(path));
    return { executionProvider: "cpu" };
  },
  async run() {
    const { rewritten, ...rest } = inspection;
    const outputs: Tensor[] = [{ name: "inspection", datatype: "BYTES", shape: [1], data: [JSON.stringify(rest)] }];
    if (rewritten) outputs.push({ name: "rewritten", datatype: "UINT8", shape: [rewritten.length], data: rewritten });
    return { outputs, runUs: 0 };
  },
  async release() {},
});
