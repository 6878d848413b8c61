import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * What `npm start` does: builds the console when it changed, starts the server, and keeps the flights example running
 * against it. Arguments go to `slipway up`, such as `npm start -- --port 4500`.
 */
const root = join(import.meta.dirname, "..");
const given = process.argv.slice(2);
const data = given.includes("--data") ? given[given.indexOf("--data") + 1]! : "slipway-data";

const built = spawnSync(process.execPath, [join(root, "scripts/build.ts"), "console"], { stdio: ["ignore", "ignore", "inherit"] });
if (built.status !== 0) process.exit(1);

const children = new Set<ChildProcess>();
let stopping = false;

function start(script: string, parameters: readonly string[], stdout: "pipe" | "inherit", nodeFlags: readonly string[] = []): ChildProcess {
  const child = spawn(process.execPath, [...nodeFlags, join(root, script), ...parameters], { stdio: ["ignore", stdout, "inherit"], detached: true });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

const server = start("src/main.ts", ["up", "--data", data, "--log-level", "warn", "--workflows", join(root, "examples/flights/workflows.ts"), ...given], "pipe");
server.once("exit", (code) => {
  for (const child of children) child.kill("SIGTERM");
  process.exitCode = code ?? 1;
});

createInterface({ input: server.stdout! }).once("line", (line) => {
  const { url } = JSON.parse(line) as { url: string };
  process.stdout.write(`\n  Slipway is at ${url}\n  The flights example is on its way: it trains once, deploys, then replays flights as live traffic.\n\n`);
  const example = start("examples/flights/run.ts", ["--url", url, "--data", data], "inherit", ["--max-semi-space-size=4", "--max-old-space-size=128"]);
  example.once("exit", (code) => {
    if (!stopping && code !== 0) process.stderr.write(`The flights example ended with code ${code}; the server goes on.\n`);
  });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    stopping = true;
    for (const child of children) child.kill(signal);
  });
}
