const { InlineRunner } = (await import(new URL(import.meta.url).searchParams.get("inline")!)) as typeof import("../../src/adapters/onnx/inline-runner.ts");
// Looked for by FaultyServer: were the file of the runners to move, its tests would go on as well, and take twice as long.
process.stderr.write("models are in the server's process\n");

/** Stands for the `ChildRunner` of the server: see models-in-process.ts. */
export class ChildRunner {
  static start({ path }: { path: string }): ReturnType<typeof InlineRunner.start> {
    return InlineRunner.start(path);
  }
}
