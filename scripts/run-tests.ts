import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { compileCache } from "../test/kit/compile-cache.ts";
import { SeededRandom } from "../test/kit/seeded-random.ts";
import { makeMemoryFolder } from "./memory-folder.ts";
import { processesAtOnce, testPlan } from "./test-plan.ts";

/*
 * `npm test`: all tests that need only Node, small files of one area in one process. A file alone runs by `node --test FILE`.
 *
 *   node scripts/run-tests.ts [PATTERN...] [--jobs N] [--shuffle SEED] [--jitter SCALE]
 *
 * With a seed the files that share a process are drawn, to find those that do not bear company. With jitter the database is slow at random, to find what relies on its being quick.
 */
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: "string" }, shuffle: { type: "string" }, jitter: { type: "string" } },
});
const root = join(import.meta.dirname, "..");
const timeoutMs = 300_000;

// Most files are done sooner than all that they import is compiled.
Object.assign(process.env, compileCache);
// What passed passes again; SLIPWAY_TEST_SEED=any draws anew.
process.env["SLIPWAY_TEST_SEED"] ??= "20261121";
// A folder that somebody names is taken as it is: TMPDIR=/tmp npm test has the tests wait for the disk.
const temporary = process.env["TMPDIR"] ?? makeMemoryFolder();
if (temporary !== undefined) process.env["TMPDIR"] = temporary;

if (options.jitter !== undefined) {
  process.env["JITTER"] = options.jitter;
  process.env["NODE_OPTIONS"] = `${process.env["NODE_OPTIONS"] ?? ""} --import ${pathToFileURL(join(root, "test/kit/database-jitter.ts")).href}`;
}

const patterns = positionals.length > 0 ? positionals : ["{src,test,examples,console/src}/**/*.test.ts"];
// A folder stands for the tests below it; nothing but tests is run.
const files = globSync(patterns.flatMap((pattern) => [pattern, `${pattern.replace(/\/+$/, "")}/**/*.test.ts`]), { cwd: root, exclude: (path) => path.endsWith("node_modules") }).filter((path) => path.endsWith(".test.ts"));
const shuffle = options.shuffle === undefined ? undefined : shuffled(new SeededRandom(Number(options.shuffle)));
const { alone, groups } = testPlan(files, (file) => readFileSync(resolve(root, file), "utf8"), shuffle);

const folder = mkdtempSync(join(tmpdir(), "slipway-groups-"));
process.env["SLIPWAY_TEST_EMPTY_DATABASE"] = await emptyDatabaseIn(folder);
const entries = [
  ...alone.map((file, index) => writeEntry(`${index + 1}-${basename(file)}`, importOf(file))),
  ...groups.map((group, index) => writeEntry(`group-${index + 1}`, suitesOf(group))),
];

/** Of files in groups: what has not ended. A process that ends early without failing would take its files along in silence. */
const awaited = new Set(groups.flat());
const events = run({
  files: entries,
  cwd: root,
  concurrency: options.jobs === undefined ? processesAtOnce() : Number(options.jobs),
  timeout: timeoutMs,
});
events.on("test:fail", ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
events.on("test:summary", ({ success }) => {
  if (!success) process.exitCode = 1;
});
for (const result of ["test:pass", "test:fail"] as const) events.on(result, ({ name, nesting }) => void (nesting === 0 && awaited.delete(name)));
const report = events.compose(spec);
report.on("end", () => {
  rmSync(folder, { recursive: true, force: true });
  if (awaited.size === 0) return;
  process.stdout.write(`\nended without a result: ${[...awaited].join(", ")}\n`);
  process.exitCode = 1;
});
report.pipe(process.stdout);

/** For whatever opens a new database in this run: to migrate costs more than most tests. */
async function emptyDatabaseIn(directory: string): Promise<string> {
  const { makeEmptyDatabase } = await import("../src/adapters/sql/dialects/sqlite/temporary-databases.fixture.ts");
  const path = join(directory, "empty.sqlite");
  writeFileSync(path, await makeEmptyDatabase());
  return path;
}

function importOf(file: string): string {
  return `await import(${JSON.stringify(pathToFileURL(resolve(root, file)).href)});`;
}

/** Each file is a suite: hooks at its top are its own. The hook of the seed is there for all that fail. */
function suitesOf(group: readonly string[]): string {
  const lines = group.map((file) => `suite(${JSON.stringify(file)}, async () => { ${importOf(file)} });`);
  return ['const { suite } = await import("node:test");', importOf("test/kit/seed.ts"), ...lines].join("\n");
}

/** Node's runner is loaded by what is imported first. */
function writeEntry(name: string, text: string): string {
  const entry = join(folder, `${name}.mjs`);
  writeFileSync(entry, `${importOf("test/kit/tests-by-context.ts")}\n${text}\n`);
  return entry;
}

function shuffled(random: SeededRandom): (files: string[]) => string[] {
  return (items) => {
    const left = [...items];
    return Array.from(items, () => left.splice(random.integer(0, left.length - 1), 1)[0]!);
  };
}
