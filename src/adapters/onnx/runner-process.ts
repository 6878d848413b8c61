// Main of the process that runs one ONNX model. Started by OnnxRuntime; what it loads before it is ready is kept small.
import { serveRunner } from "../runner/runner-server.ts";
import { OnnxSession, type OnnxSessionSettings } from "./onnx-session.ts";

let session: OnnxSession | undefined;

serveRunner("onnx", {
  async load(path, settings) {
    session = await OnnxSession.load(path, settings as unknown as OnnxSessionSettings);
    const { executionProvider, executionProviderNote } = session;
    return { executionProvider, ...(executionProviderNote !== undefined && { executionProviderNote }) };
  },
  run: (inputs) => session!.run(inputs),
  release: async () => session?.release(),
});
