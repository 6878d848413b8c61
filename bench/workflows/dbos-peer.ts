import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const version = "5.3.0";

/** Runs inside the peer's own folder, where its package is. */
const program = `
import { DBOS } from "@dbos-inc/dbos-sdk";
const [url, runs, steps, concurrency] = [process.argv[2], ...process.argv.slice(3).map(Number)];
DBOS.setConfig({ name: "bench", systemDatabaseUrl: url, logLevel: "error", runAdminServer: false });
const work = DBOS.registerWorkflow(async (count) => {
  const times = [];
  for (let step = 0; step < count; step++) {
    const begun = performance.now();
    await DBOS.runStep(async () => step, { name: "step " + step });
    times.push(performance.now() - begun);
  }
  return times;
}, { name: "work" });
await DBOS.launch();
await work(3);
const times = [];
let started = 0;
const begun = performance.now();
await Promise.all(Array.from({ length: concurrency }, async () => {
  while (started++ < runs) times.push(...await work(steps));
}));
console.log(JSON.stringify({ times, seconds: (performance.now() - begun) / 1000 }));
await DBOS.shutdown();
`;

/** DBOS on the same Postgres: as many runs, steps and runs at once. Null, with the reason printed, where it cannot be had. */
export async function measureDbos(url: string, work: { runs: number; steps: number; concurrency: number }): Promise<{ times: number[]; seconds: number } | null> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-dbos-"));
  try {
    await writeFile(join(folder, "package.json"), '{"type":"module"}');
    await writeFile(join(folder, "peer.js"), program);
    await run("npm", ["install", "--silent", "--no-audit", "--no-fund", `@dbos-inc/dbos-sdk@${version}`], { cwd: folder, timeout: 300_000 });
    const { stdout } = await run(process.execPath, ["peer.js", url, String(work.runs), String(work.steps), String(work.concurrency)], { cwd: folder, timeout: 300_000, maxBuffer: 2 ** 28 });
    return JSON.parse(stdout.trim().split("\n").at(-1)!) as { times: number[]; seconds: number };
  } catch (error) {
    console.log(`DBOS ${version} is left out: ${error instanceof Error ? error.message.split("\n").slice(0, 3).join(" ") : String(error)}`);
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
