import { parentPort, workerData } from "node:worker_threads";
import { describeFailure, SqliteConnection } from "./sqlite-connection.ts";
import type { PackedStatements } from "./packed-statements.ts";
import type { AnswerMessage, BatchGroup, RequestKind, RequestMessage, SqliteRequests, SqliteThreadOptions } from "./sqlite-protocol.ts";

/** Entry of a database thread: one connection, one request after the other. Its imports are few, to start fast. */
const port = parentPort!;
let connection: SqliteConnection | undefined;
let packed: PackedStatements | undefined;
/** Requests that came while what packed writes need was loaded; null when it is not being loaded. */
let held: RequestMessage[] | null = null;

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
  batches: (group) => open().runBatches(group, packed),
  close: () => {
    connection?.close();
    connection = undefined;
    return null;
  },
};

function open(): SqliteConnection {
  return (connection ??= new SqliteConnection(workerData as SqliteThreadOptions));
}

port.on("message", (message: RequestMessage) => {
  if (held !== null) held.push(message);
  else if (packed === undefined && hasPackedWrite(message)) {
    held = [message];
    void loadPacked();
  } else handle(message);
});

function hasPackedWrite({ kind, request }: RequestMessage): boolean {
  return kind === "batches" && (request as BatchGroup).batches.some((batch) => "kind" in batch);
}

/** Requests keep their order. */
async function loadPacked(): Promise<void> {
  const { PackedStatements } = await import("./packed-statements.ts");
  packed = new PackedStatements();
  const waiting = held!;
  held = null;
  for (const message of waiting) handle(message);
}

function handle({ id, kind, request }: RequestMessage): void {
  const message: AnswerMessage = { id, inTransaction: false };
  try {
    message.answer = (handlers[kind] as (request: unknown) => unknown)(request);
  } catch (error) {
    message.failure = describeFailure(error, (request as { sql?: string }).sql);
  }
  message.inTransaction = connection?.inTransaction ?? false;
  port.postMessage(message);
  if (kind === "close") port.close();
}
