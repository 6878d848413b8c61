import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import type { SlipwayClient } from "../../src/index.ts";
import { freePort } from "../kit/free-port.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { pythonOf, runChecks } from "./python-script.ts";

interface Run {
  run: { id: string; state: string; error: { message: string } | null };
  steps: { step: string; state: string }[];
}

interface Report {
  counts: Record<string, number>;
  notes: { object: string; why: string }[];
}

/** With it nothing has to be installed to read the models. */
const environment = { SLIPWAY_PYTHON: pythonOf() };

/** Its server would start eight more processes for jobs, which nobody gives it here. */
const mlflowEnvironment = { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false", MLFLOW_DISABLE_TELEMETRY: "true" };

/** The folders of the stores that MLflow made, by kind: what takes it longest, and an import changes nothing of it. */
const stores = new Map<string, Promise<string>>();
after(async () => {
  for (const store of stores.values()) await rm(await store, { recursive: true, force: true });
});

function storeOf(kind: string, test: TestContext, server: RunningServer): Promise<string> {
  const made = stores.get(kind) ?? makeStore(kind, test, server);
  stores.set(kind, made);
  return made;
}

async function makeStore(kind: string, test: TestContext, server: RunningServer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-import-"));
  await runChecks(test, "mlflow_import.py", server, folder, "make", kind, folder);
  return folder;
}

// Most of their time they wait: for the lease of a killed server, for a Python that starts.
describe("imports from MLflow", { concurrency: true }, () => {
  for (const kind of ["sqlite", "mlruns"]) {
    describe(`an import of an MLflow store of the kind ${kind}`, { concurrency: 1 }, () => {
      let folder: string;
      let server: RunningServer;

      before(async () => {
        server = await startServer({ environment });
      });
      after(() => server.stop());

      const compare = (test: TestContext): Promise<void> => runChecks(test, "mlflow_import.py", server, folder, "compare", kind, folder);
      const from = (): string => (kind === "sqlite" ? `sqlite:///${folder}/mlflow.db` : `${folder}/mlruns`);

      it("goes on where a killed server stood, and brings every field of every object once", async (test) => {
        folder = await storeOf(kind, test, server);
        const counted = await imported(server.client, from(), { dryRun: true });
        assert.equal(counted.counts.runs, 123);

        const { run } = await start(server.client, from());
        const atKill = await until(server.client, run.id, ({ run: { state }, steps }) => state !== "queued" && steps.some(({ step, state: of }) => step.endsWith("churn: runs 1") && of === "succeeded"));
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
      const folder = await storeOf("sqlite", test, server);
      source = await MlflowServer.start(folder);
      const { counts, notes } = await imported(server.client, source.url, {});
      assert.equal(counts.runs, 123);
      assert.deepEqual(notes.filter(({ object }) => object !== "source" && !object.startsWith("version ")), []);
      await runChecks(test, "mlflow_import.py", server, folder, "compare", "sqlite", folder);
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
    const child = spawn(pythonOf(), words, { cwd: folder, stdio: ["ignore", "ignore", "pipe"], detached: true, env: { ...process.env, ...mlflowEnvironment } });
    let errors = "";
    child.stderr.on("data", (part: Buffer) => (errors = `${errors}${part.toString()}`.slice(-5000)));
    const server = new MlflowServer(`http://127.0.0.1:${port}`, child);
    while ((await fetch(`${server.url}/health`).catch(() => undefined))?.status !== 200) {
      if (child.exitCode !== null) throw new Error(`mlflow server ended with ${child.exitCode}:\n${errors}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
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

function start(client: SlipwayClient, from: string, options: { dryRun?: boolean } = {}): Promise<Pick<Run, "run">> {
  return client.api.send("POST", "/api/imports", { kind: "mlflow", from, ...options });
}

async function imported(client: SlipwayClient, from: string, options: { dryRun?: boolean }): Promise<Report> {
  const { run } = await start(client, from, options);
  await ended(client, run.id);
  return client.api.get(`/api/imports/${run.id}/report`);
}

async function ended(client: SlipwayClient, id: string): Promise<void> {
  const { run } = await until(client, id, ({ run: { state } }) => state === "succeeded" || state === "failed" || state === "cancelled");
  assert.equal(run.state, "succeeded", run.error?.message);
}

async function until(client: SlipwayClient, id: string, isSo: (run: Run) => boolean): Promise<Run> {
  for (;;) {
    const found = await client.api.get<Run>(`/api/workflow-runs/${id}`);
    if (isSo(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
