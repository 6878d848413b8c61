import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { trainedModels } from "../python/trained-models.ts";
import { pythonOf } from "./python-script.ts";
import { UpstreamProcess } from "./upstream-process.ts";

/** MLflow's own scoring server, of which SageMaker's containers of MLflow are made. Heavier ones are in test/python/upstream-servers.flavours.ts. */
describe("versions answered by `mlflow models serve`", { timeout: 280_000 }, () => {
  let directory: string;
  let upstream: UpstreamProcess;
  let server: RunningServer;
  let columns: Record<string, number[]>;
  let labels: number[];
  before(async () => {
    const python = pythonOf();
    directory = await mkdtemp(join(tmpdir(), "slipway-upstream-"));
    const models = await trainedModels(python);
    const expected = JSON.parse(await readFile(join(models, "expected.json"), "utf8")) as Record<string, { inputs: typeof columns; outputs: { output: number[] } }>;
    ({ inputs: columns, outputs: { output: labels } } = expected["mlflow-sklearn"]!);
    const words = ["-m", "mlflow", "models", "serve", "-m", join(models, "mlflow-sklearn"), "--env-manager", "local", "-h", "127.0.0.1", "-p"];
    // It looks for uvicorn in the path.
    const environment = { PATH: `${dirname(python)}:${process.env.PATH ?? ""}`, PYTHONDONTWRITEBYTECODE: "1" };
    [upstream, server] = await Promise.all([
      UpstreamProcess.start({ directory, readyPath: "/ping", command: async ([port]) => ({ file: python, words: [...words, String(port)], environment }) }),
      startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } }),
    ]);
  });
  after(async () => {
    await server?.stop();
    await upstream?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const deploy = (name: string, upstreamOptions: object) => {
    const signature = {
      inputs: Object.keys(columns).map((column) => ({ name: column, datatype: "FP64", shape: [-1] })),
      outputs: [{ name: "label", datatype: "INT64", shape: [-1] }],
      inputExample: Object.keys(columns).map((column) => ({ name: column, datatype: "FP64", shape: [1], data: [1] })),
    };
    return server.client.deploy({ file: upstream.url, name, upstream: { protocol: "sagemaker", timeoutMs: 60_000, signature, ...upstreamOptions } } as never);
  };
  const infer = (name: string) => server.client.infer(name, Object.entries(columns).map(([column, data]) => ({ name: column, datatype: "FP64" as const, shape: [data.length], data })));

  for (const format of ["split", "instances", "inputs"]) {
    it(`answer as the library does, asked in the format ${format}`, async () => {
      await deploy(`iris-${format}`, { format });
      assert.deepEqual([...(await infer(`iris-${format}`)).outputs.label!.data].map(Number), labels);
    });
  }

  it("are refused where the server does not take what it is sent", async () => {
    // Its CSV begins with a header.
    for (const format of ["csv", "records"]) await assert.rejects(deploy("refused", { format }), { code: "MODEL_PROBE_FAILED", message: /refused the values \(400\)/ });
    await assert.rejects(deploy("refused", { format: "split", path: "/nowhere" }), { code: "UPSTREAM_REFUSED", message: /404/ });
  });

  it("are away when it dies", async () => {
    const isReady = async (): Promise<boolean> => (await fetch(`${server.url}/v2/models/iris-split/ready`)).ok;
    assert.ok(await isReady());
    await upstream.kill();
    await assert.rejects(infer("iris-split"), { code: "UPSTREAM_UNREACHABLE" });
    while (await isReady()) await new Promise((resolve) => setTimeout(resolve, 50));
  });
});
