import { spawn } from "node:child_process";
import { join } from "node:path";
import { freePort } from "../serving/peer.ts";

/**
 * MLflow's own server on SQLite; with as many workers as it takes by itself (four) where no number is given. Several share a
 * socket that uvicorn makes without naming its protocol, and asyncio sets TCP_NODELAY only where that is named: what such a
 * server answers in two pieces waits for the caller's delayed acknowledgement, 40 ms on Linux. One worker does not have that.
 */
export async function startMlflow(python: string, directory: string, workers?: number): Promise<{ url: string; database: string; stop(): Promise<void> }> {
  const port = await freePort();
  const database = join(directory, `mlflow-${workers ?? "default"}.db`);
  const child = spawn(
    python,
    ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port), "--backend-store-uri", `sqlite:///${database}`, "--artifacts-destination", join(directory, "mlflow-artifacts"), ...(workers === undefined ? [] : ["--workers", String(workers)])],
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
