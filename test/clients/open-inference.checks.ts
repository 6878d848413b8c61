import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { trainModels } from "../python/trained-models.ts";
import { runChecks } from "./python-script.ts";

describe("tritonclient, with models that scikit-learn trained and skl2onnx exported", () => {
  let server: RunningServer;
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    await trainModels(directory);
    server = await startServer();
  });
  after(async () => {
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("answers what scikit-learn answers", (test) => runChecks(test, "open_inference.py", server, directory));
  it("carries every datatype unchanged", (test) => runChecks(test, "open_inference_values.py", server, directory));
  it("tells what is there and what went wrong", (test) => runChecks(test, "open_inference_control.py", server, directory));
  it("gives every caller its own rows", (test) => runChecks(test, "open_inference_callers.py", server, directory));
});
