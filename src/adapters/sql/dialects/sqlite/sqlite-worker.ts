import { parentPort, workerData } from "node:worker_threads";
import { serveConnection } from "./serve-connection.ts";
import type { SqliteThreadOptions } from "./sqlite-protocol.ts";

/** Entry of a database thread. */
serveConnection(parentPort!, workerData as SqliteThreadOptions);
