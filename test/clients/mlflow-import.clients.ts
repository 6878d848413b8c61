import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import type { SlipwayClient } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { freePort } from "../kit/free-port.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { pythonEnvironment, pythonOf } from "./python-script.ts";
import { PythonSession } from "./python-session.ts";

interface Report {
  counts: Record<string, number>;
  notes: { object: string; why: string }[];
}

/** With it nothing has to be installed to read the models. */
const environment = { SLIPWAY_PYTHON: pythonOf() };

/** Its server would start eight more processes for jobs, which nobody gives it here. */
const mlflowEnvironment = { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false", MLFLOW_DISABLE_TELEMETRY: "true" };

let folder: string;
let python: PythonSession;
let made: Promise<void> | undefined;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-import-"));
  python = new PythonSession("mlflow_import.py", folder);
});
after(async () => {
  await python.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The folder of the stores that MLflow made: what takes it longest, and an import changes nothing of them. */
function makeStores(test: TestContext): Promise<void> {
  made ??= python.run(test, "make", folder);
  return made;
}

// Most of their time they wait: for the lease of a killed server, for a Python that starts.
describe("imports from MLflow", { concurrency: true }, () => {
  for (const kind of ["sqlite", "mlruns"]) {
    describe(`an import of an MLflow store of the kind ${kind}`, { concurrency: 1 }, () => {
      let server: RunningServer;

      before(async () => {
        server = await startServer({ environment });
      });
      after(() => server.stop());

      const compare = (test: TestContext): Promise<void> => python.run(test, "compare", server.url, kind);
      const from = (): string => (kind === "sqlite" ? `sqlite:///${folder}/sqlite/mlflow.db` : `${folder}/mlruns/mlruns`);

      it("goes on where a killed server stood, and brings every field of every object once", async (test) => {
        await makeStores(test);
        const counted = await imported(server.client, from(), { dryRun: true });
        assert.equal(counted.counts.runs, 123);

        const { run } = await start(server.client, from());
        await stepEnded(server.client, run.id, "churn: runs 1");
        const atKill = await server.client.workflows.find(run.id);
        await server.kill();
        assert.equal(atKill.run.state, "running", "It had ended before the server was killed.");
        server = await startServer({ directory: server.directory, environment });
        await ended(server.client, run.id);
        const { counts, notes } = await server.client.api.get<Report>(`/api/imports/${run.id}/report`);
        // A page that was broken off counts what it found of its first attempt as there already.
        assert.equal((counts.runs ?? 0) + (counts["runs there already"] ?? 0), 123);
        // What the registry noticed when it read the models is the registry's matter.
        assert.deepEqual(notes.filter(({ object }) => !object.startsWith("version ")), []);
        await compare(test);
      });

      it("changes nothing when it is done again", async (test) => {
        const { counts } = await imported(server.client, from(), {});
        for (const kindOfObject of ["experiments", "runs", "logged models", "registered models", "model versions", "aliases", "artifacts"]) assert.equal(counts[kindOfObject], undefined, kindOfObject);
        assert.equal(counts["model versions there already"], 2);
        await compare(test);
        await python.run(test, "unchanged", kind, folder);
      });
    });
  }

  describe("an import from a running MLflow server", () => {
    let server: RunningServer;
    let source: MlflowServer | undefined;

    before(async () => {
      server = await startServer({ environment: { ...environment, SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    });
    after(async () => {
      await source?.stop();
      await server.stop();
    });

    it("brings every field of every object over HTTP", async (test) => {
      await makeStores(test);
      source = await MlflowServer.start(`${folder}/sqlite`);
      const { counts, notes } = await imported(server.client, source.url, {});
      assert.equal(counts.runs, 123);
      assert.deepEqual(notes.filter(({ object }) => object !== "source" && !object.startsWith("version ")), []);
      await python.run(test, "compare", server.url, "sqlite");
    });
  });
});

/** The `mlflow server` of the client tests' environment, over the store of the kind sqlite in a folder. */
class MlflowServer {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(url: string, process: ChildProcess) {
    this.url = url;
    this.#process = process;
  }

  static async start(folder: string): Promise<MlflowServer> {
    const port = await freePort();
    const words = ["-m", "mlflow", "server", "--backend-store-uri", `sqlite:///${folder}/mlflow.db`, "--artifacts-destination", `${folder}/mlartifacts`, "--host", "127.0.0.1", "--port", String(port), "--workers", "1"];
    // A group of its own: the program starts workers, which end with it.
    const child = spawn(pythonOf(), words, { cwd: folder, stdio: ["ignore", "ignore", "pipe"], detached: true, env: { ...process.env, ...pythonEnvironment, ...mlflowEnvironment } });
    let errors = "";
    child.stderr.on("data", (part: Buffer) => (errors = `${errors}${part.toString()}`.slice(-5000)));
    const server = new MlflowServer(`http://127.0.0.1:${port}`, child);
    while ((await fetch(`${server.url}/health`).catch(() => undefined))?.status !== 200) {
      if (child.exitCode !== null) throw new Error(`mlflow server ended with ${child.exitCode}:\n${errors}`);
      await betweenLooks();
    }
    return server;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    process.kill(-this.#process.pid!, "SIGKILL");
    await ended;
  }
}

function start(client: SlipwayClient, from: string, options: { dryRun?: boolean } = {}): Promise<{ run: { id: string } }> {
  return client.api.send("POST", "/api/imports", { kind: "mlflow", from, ...options });
}

async function imported(client: SlipwayClient, from: string, options: { dryRun?: boolean }): Promise<Report> {
  const { run } = await start(client, from, options);
  await ended(client, run.id);
  return client.api.get(`/api/imports/${run.id}/report`);
}

async function ended(client: SlipwayClient, id: string): Promise<void> {
  const run = await client.workflows.wait(id);
  assert.equal(run.state, "succeeded", run.error?.message);
}

/** Waits until the step whose name ends so has succeeded. */
async function stepEnded(client: SlipwayClient, id: string, name: string): Promise<void> {
  for await (const event of client.workflows.follow(id)) if (event.type === "step" && event.step.step.endsWith(name) && event.step.state === "succeeded") return;
  assert.fail(`No step ${name} succeeded.`);
}
