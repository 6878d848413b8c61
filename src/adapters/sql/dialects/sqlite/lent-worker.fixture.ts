import { parentPort, type MessagePort } from "node:worker_threads";
import { serveConnection } from "./serve-connection.ts";
import type { SqliteThreadOptions } from "./sqlite-protocol.ts";

/** Entry of a thread that serves one connection after the other, and says when it is free for the next. */
parentPort!.on("message", ({ port, options }: { port: MessagePort; options: SqliteThreadOptions }) => {
  port.on("close", () => parentPort!.postMessage(null));
  serveConnection(port, options);
});
