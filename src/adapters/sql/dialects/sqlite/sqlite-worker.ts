import { parentPort, workerData } from "node:worker_threads";
import { describeFailure, SqliteConnection } from "./sqlite-connection.ts";
import type { AnswerMessage, RequestKind, RequestMessage, SqliteRequests, SqliteThreadOptions } from "./sqlite-protocol.ts";

/** Entry of a database thread: one connection, one request after the other. Its imports are few, to start fast. */
const port = parentPort!;
let connection: SqliteConnection | undefined;

type Handlers = { [Kind in RequestKind]: (request: SqliteRequests[Kind]["request"]) => SqliteRequests[Kind]["answer"] };

const handlers: Handlers = {
  open: () => {
    open();
    return null;
  },
  statement: ({ sql, parameters, inTransaction }) => {
    open().assertTransaction(inTransaction);
    return open().run(sql, parameters);
  },
  commands: ({ commands, inTransaction }) => {
    open().assertTransaction(inTransaction);
    for (const command of commands) open().command(command);
    return null;
  },
  batches: (group) => open().runBatches(group),
  close: () => {
    connection?.close();
    connection = undefined;
    return null;
  },
};

function open(): SqliteConnection {
  return (connection ??= new SqliteConnection(workerData as SqliteThreadOptions));
}

port.on("message", ({ id, kind, request }: RequestMessage) => {
  const message: AnswerMessage = { id, inTransaction: false };
  try {
    message.answer = (handlers[kind] as (request: unknown) => unknown)(request);
  } catch (error) {
    message.failure = describeFailure(error, (request as { sql?: string }).sql);
  }
  message.inTransaction = connection?.inTransaction ?? false;
  port.postMessage(message);
  if (kind === "close") port.close();
});
