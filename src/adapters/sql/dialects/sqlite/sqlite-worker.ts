import { parentPort, workerData } from "node:worker_threads";
import { lowerThread } from "../../../../core/lower-thread.ts";
import { serveConnection } from "./serve-connection.ts";
import type { SqliteThreadOptions } from "./sqlite-protocol.ts";

/** Most of what is written is written behind answers: where all processors are busy, requests go first. */
const niceness = 5;

/** Entry of a database thread. */
const options = workerData as SqliteThreadOptions;
if (options.mode === "write") lowerThread(niceness);
serveConnection(parentPort!, options);
