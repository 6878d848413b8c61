import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** `npm run bench -- NAME [--quick]`: each benchmark prints ratios beside a floor and a peer, measured in the same run. `gateway --memory N` shows what the gateway holds over N calls, `gateway --chaos` what it loses between providers that fail, `gateway --shared` what it does on Postgres and Redis. */
const benchmarks: Record<string, () => Promise<{ run(options: { quick: boolean; memory?: number; chaos?: boolean; shared?: boolean }): Promise<void> }>> = {
  access: () => import("./access/access.ts"),
  gateway: () => import("./gateway/gateway.ts"),
  rollout: () => import("./rollout/rollout.ts"),
  serving: () => import("./serving/serving.ts"),
  tracking: () => import("./tracking/tracking.ts"),
  traces: () => import("./traces.ts"),
  workflows: () => import("./workflows/workflows.ts"),
};

const [name, ...flags] = process.argv.slice(2);
const load = name === undefined ? undefined : benchmarks[name];
if (load === undefined) {
  console.error(`Usage: npm run bench -- NAME [--quick]; NAME is one of ${Object.keys(benchmarks).join(", ")}.`);
  process.exit(2);
}
// What is published is measured: sources take longer to start, and more memory.
const built = spawnSync(process.execPath, [join(import.meta.dirname, "../scripts/build.ts")], { stdio: ["ignore", "ignore", "inherit"] });
if (built.status !== 0) process.exit(1);
const memory = Number(flags[flags.indexOf("--memory") + 1]);
await (await load()).run({ quick: flags.includes("--quick"), chaos: flags.includes("--chaos"), shared: flags.includes("--shared"), ...(flags.includes("--memory") ? { memory } : {}) });
