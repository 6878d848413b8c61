import { registerHooks } from "node:module";

/*
 * Preloaded (`--import`) into a server whose tests are about something else than its runner processes: models are tried
 * and loaded in the server's own process, which takes a tenth of the time of starting two processes for each deployment.
 * The server is the sources or what was built of them, where both classes have files of their own too.
 */
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const [, folder, extension] = /^(.*\/(?:src|dist)\/)main\.([jt]s)$/.exec(found.url) ?? [];
    if (folder !== undefined && extension !== undefined) void replace(folder, extension);
    return found;
  },
});

async function replace(folder: string, extension: string): Promise<void> {
  const { ChildRunner } = (await import(`${folder}adapters/runner/child-runner.${extension}`)) as typeof import("../../src/adapters/runner/child-runner.ts");
  const { InlineRunner } = (await import(`${folder}adapters/onnx/inline-runner.${extension}`)) as typeof import("../../src/adapters/onnx/inline-runner.ts");
  Object.assign(ChildRunner, { start: ({ path }: { path: string }) => InlineRunner.start(path) });
  // Looked for by `startServer`: were the files of the runners to move, the tests would go on as well, and take twice as long.
  process.stderr.write("models are in the server's process\n");
}
