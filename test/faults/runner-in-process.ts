import { InlineRunner } from "../../src/adapters/onnx/inline-runner.ts";

/** Stands for the `ChildRunner` of the server: see models-in-process.ts. */
export class ChildRunner {
  static start({ path }: { path: string }): Promise<InlineRunner> {
    return InlineRunner.start(path);
  }
}
