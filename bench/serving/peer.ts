import { spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

/** A Python with bench/peers/requirements.txt: SLIPWAY_BENCH_PYTHON, or `.venv` in the repository. */
export function benchPython(): string | undefined {
  const path = process.env.SLIPWAY_BENCH_PYTHON ?? join(import.meta.dirname, "../../.venv/bin/python");
  return existsSync(path) ? path : undefined;
}

/** The tabular model, for the peer and as ONNX. */
export function trainTabular(python: string, directory: string): void {
  const made = spawnSync(python, [join(import.meta.dirname, "../peers/train_tabular.py"), directory], { stdio: ["ignore", "ignore", "inherit"] });
  if (made.status !== 0) throw new Error("The peer's model could not be trained.");
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** MLServer with so many worker processes (0: the model runs in the server itself). */
export async function startMlserver(python: string, directory: string, workers: number): Promise<{ port: number; stop(): Promise<void> }> {
  const [port, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
  const folder = join(directory, "mlserver");
  writeFileSync(join(folder, "settings.json"), JSON.stringify({ host: "127.0.0.1", http_port: port, grpc_port: grpc, metrics_port: metrics, parallel_workers: workers, debug: false }));
  const child = spawn(python, ["-m", "mlserver.cli.main", "start", folder], { cwd: directory, stdio: "ignore" });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const end = performance.now() + 60_000;
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${port}/v2/models/tabular/ready`).then(({ ok }) => ok, () => false);
    if (ready) break;
    if (performance.now() > end) throw new Error("MLServer did not become ready in a minute.");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    port,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
