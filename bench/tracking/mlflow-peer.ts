import { spawn } from "node:child_process";
import { join } from "node:path";
import { freePort } from "../serving/peer.ts";

/** MLflow's own server on SQLite, with its default number of workers. */
export async function startMlflow(python: string, directory: string): Promise<{ url: string; database: string; stop(): Promise<void> }> {
  const port = await freePort();
  const database = join(directory, "mlflow.db");
  const child = spawn(
    python,
    ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port), "--backend-store-uri", `sqlite:///${database}`, "--artifacts-destination", join(directory, "mlflow-artifacts")],
    { cwd: directory, stdio: "ignore", detached: true },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const end = performance.now() + 120_000;
  for (;;) {
    if (await fetch(`${url}/health`).then(({ ok }) => ok, () => false)) break;
    if (performance.now() > end) throw new Error("MLflow did not become ready in two minutes.");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    url, database,
    async stop() {
      process.kill(-child.pid!, "SIGTERM"); // its workers too
      await exited;
    },
  };
}
