import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Builds the published program: `dist/` out of `src/`, and `dist/console/` out of `console/`. What did not change since
 * the last build is left as it is. `node scripts/build.ts console` builds the console alone: in the source tree the
 * server runs from its sources. Progress goes to stderr, so that `npm pack --json` keeps its stdout.
 */
const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const cache = join(root, "node_modules/.cache/slipway");

interface Part {
  name: "server" | "console";
  /** Files that decide the result, as patterns from the root. */
  inputs: string[];
  /** The part counts as built only when this file is there. */
  product: string;
  make(): void | Promise<void>;
}

const parts: Part[] = [
  {
    name: "server",
    inputs: ["src/**/*.ts", "src/**/*.py", "tsconfig.json", "tsconfig.build.json", "package.json", "package-lock.json", "scripts/{bundle-server,licence-texts}.ts"],
    product: join(dist, "main.js"),
    make: buildServer,
  },
  {
    name: "console",
    inputs: ["console/{src,public}/**/*", "console/*.{ts,html,json}", "package-lock.json", "scripts/licence-texts.ts"],
    product: join(dist, "console/index.html"),
    make: () => run(process.platform === "win32" ? "npm.cmd" : "npm", ["run", "--silent", "build", "--workspace=console"]),
  },
];

function say(text: string): void {
  process.stderr.write(`build: ${text}\n`);
}

function run(command: string, commandArguments: string[]): void {
  const result = spawnSync(command, commandArguments, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  if (result.status !== 0) {
    say(`failed: ${[command, ...commandArguments].join(" ")}`);
    process.exit(1);
  }
}

/** Builds beside the old build and swaps when all is there, so that nobody meets half a build. */
async function buildServer(): Promise<void> {
  const fresh = join(cache, `server-${process.pid}`);
  rmSync(fresh, { recursive: true, force: true });
  run(process.execPath, [join(root, "node_modules/@typescript/native/bin/tsc"), "-p", "tsconfig.build.json", "--outDir", fresh]);
  const { bundleServer } = await import("./bundle-server.ts");
  await bundleServer(root, fresh);
  // What runs in Python is shipped as it is written.
  for (const path of globSync("src/**/*.py", { cwd: root })) cpSync(join(root, path), join(fresh, path.slice("src/".length)));
  mkdirSync(dist, { recursive: true });
  for (const name of readdirSync(dist)) if (name !== "console") rmSync(join(dist, name), { recursive: true });
  for (const name of readdirSync(fresh)) renameSync(join(fresh, name), join(dist, name));
  rmSync(fresh, { recursive: true });
}

/** One digest over the names and contents of all inputs. */
function digestOf(part: Part): string {
  const hash = createHash("sha256");
  const files = globSync(part.inputs, { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const bytes = readFileSync(file);
    hash.update(`${file.slice(root.length)}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

async function build(part: Part): Promise<void> {
  const stamp = join(cache, `${part.name}.digest`);
  const digest = digestOf(part);
  if (existsSync(part.product) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) {
    say(`${part.name} is up to date`);
  } else {
    const start = performance.now();
    rmSync(stamp, { force: true });
    await part.make();
    mkdirSync(cache, { recursive: true });
    writeFileSync(stamp, digest);
    say(`${part.name} built in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  // bin/slipway.js takes the build when it is newer than the sources, also than sources that were only touched.
  const now = new Date();
  utimesSync(part.product, now, now);
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !parts.some((part) => part.name === name));
if (unknown.length > 0) {
  say(`unknown part ${unknown.join(", ")}; the parts are ${parts.map((part) => part.name).join(" and ")}`);
  process.exit(2);
}
for (const part of parts) if (wanted.length === 0 || wanted.includes(part.name)) await build(part);
chmodSync(join(root, "bin/slipway.js"), 0o755);
