import type { MessagePort } from "node:worker_threads";
import { describeFailure, SqliteConnection } from "./sqlite-connection.ts";
import type { PackedStatements } from "./packed-statements.ts";
import type { AnswerMessage, BatchGroup, RequestKind, RequestMessage, SqliteRequests, SqliteThreadOptions } from "./sqlite-protocol.ts";

/** Answers what comes in at `port` until it is asked to close: one connection, one request after the other. Its imports are few, for a thread to start fast. */
export function serveConnection(port: MessagePort, options: SqliteThreadOptions): void {
  let connection: SqliteConnection | undefined;
  let packed: PackedStatements | undefined;
  /** Requests that came while what packed writes need was loaded; null when it is not being loaded. */
  let held: RequestMessage[] | null = null;

  const open = (): SqliteConnection => (connection ??= new SqliteConnection(options));

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

  /** Requests keep their order. */
  async function loadPacked(): Promise<void> {
    const { PackedStatements } = await import("./packed-statements.ts");
    packed = new PackedStatements();
    const waiting = held!;
    held = null;
    for (const message of waiting) handle(message);
  }

  port.on("message", (message: RequestMessage) => {
    if (held !== null) held.push(message);
    else if (packed === undefined && hasPackedWrite(message)) {
      held = [message];
      void loadPacked();
    } else handle(message);
  });
}

type Handlers = { [Kind in RequestKind]: (request: SqliteRequests[Kind]["request"]) => SqliteRequests[Kind]["answer"] };

function hasPackedWrite({ kind, request }: RequestMessage): boolean {
  return kind === "batches" && (request as BatchGroup).batches.some((batch) => "kind" in batch);
}
