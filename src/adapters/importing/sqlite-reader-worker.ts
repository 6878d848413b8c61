import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

/** Entry of a thread that reads a database of others: node:sqlite blocks its thread. The file is opened for reading alone. */
const port = parentPort!;
let database: DatabaseSync | undefined;

port.on("message", ({ id, sql, parameters }: { id: number; sql: string; parameters: (string | number | null)[] }) => {
  try {
    database ??= new DatabaseSync(workerData as string, { readOnly: true, timeout: 5000 });
    const statement = database.prepare(sql);
    // Steps and times may be beyond what a number holds: they are rounded rather than refused.
    statement.setReadBigInts(true);
    const rows = statement.all(...parameters).map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value])));
    port.postMessage({ id, rows });
  } catch (error) {
    port.postMessage({ id, failure: error instanceof Error ? error.message : String(error) });
  }
});
