import { createInterface } from "node:readline";
import { jsonDigest } from "../../../../core/canonical-json.ts";
import { epochMs, systemClock } from "../../../../core/clock.ts";
import type { Contract } from "../../../../registry/index.ts";
import { openSqlDatabase } from "../../sql-database.ts";
import type { SqlError } from "../../sql-error.ts";
import { SqlRegistryStore } from "../../registry/sql-registry-store.ts";
import { SqlTruthStore } from "../../serving/sql-truth-store.ts";
import { SqliteDialect } from "./sqlite-dialect.ts";
import { TimeOrderedIds } from "../../../../core/ids.ts";

const ids = new TimeOrderedIds(systemClock);

/**
 * A process to be killed: it writes to the database file that its argument names and prints each answer when it has it.
 * Commands on its standard input: `one` registers one version, `forever` registers versions and writes truths, eight at a time.
 */
const now = epochMs(1);
const database = await openSqlDatabase(new SqliteDialect({ path: process.argv[2]! }), { now });
const registry = new SqlRegistryStore(database, ids);
const truths = new SqlTruthStore(database);

/** The full stop tells a whole line from a torn one. */
function say(line: string): void {
  process.stdout.write(`${line} .\n`);
}

function sayFailure(error: unknown): void {
  say(`failed ${(error as SqlError).reason}`);
}

function makeContract(version: string): { contract: Contract; digest: string } {
  const contract: Contract = {
    contractVersion: 1,
    model: "flights",
    version,
    signature: { inputs: [], outputs: [], batchable: true },
    referenceProfile: null,
    evaluation: {},
    runtime: { kind: "onnx", artifacts: [], sourceDigest: `sha256:${"a".repeat(64)}`, notes: ["x".repeat(2000)] },
    lineage: { datasets: [] },
  };
  return { contract, digest: jsonDigest(contract) };
}

async function addVersion(): Promise<void> {
  await registry.addVersion({ model: "flights", team: "default", actor: "local", now, alias: "champion", makeContract }).then(({ version }) => say(`version ${version}`), sayFailure);
}

let lastTruth = 0;
async function addTruth(): Promise<void> {
  const truth = ++lastTruth;
  await truths.write([0, 1, 2].map((row) => ({ predictionId: `prd_${truth}`, row, value: truth })), now).then(() => say(`truth ${truth}`), sayFailure);
}

async function forever(work: () => Promise<void>): Promise<never> {
  for (;;) await work();
}

for await (const command of createInterface(process.stdin)) {
  if (command === "one") await addVersion();
  if (command === "forever") for (let writer = 0; writer < 4; writer++) void Promise.all([forever(addVersion), forever(addTruth)]);
}
