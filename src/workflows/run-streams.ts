import { Readable } from "node:stream";
import type { Caller } from "../core/caller.ts";
import { formatServerSentEvent } from "../core/server-sent-events.ts";
import { StreamPlaces } from "../core/stream-places.ts";
import type { RunEvent, WorkflowService } from "./workflow-service.ts";

/** Proxies cut connections on which nothing comes for a minute. */
const heartbeatMs = 15_000;

/**
 * Runs as server-sent events: `line`, `step` and `run` as they come, `end` when the run has ended. Who reads slowly makes
 * the reading from the store slow, and fills no memory.
 */
export class RunStreams {
  readonly #workflows: WorkflowService;
  readonly #stopped = new AbortController();
  readonly #places = new StreamPlaces();

  constructor(workflows: WorkflowService) {
    this.#workflows = workflows;
  }

  /** The stream ends by itself with the run, when `signal` aborts, and when the server goes down. Throws QUEUE_FULL, TOO_MANY_ATTEMPTS. */
  open(run: string, after: number, signal: AbortSignal, caller: Caller): Readable {
    const release = this.#places.take(caller);
    const left = AbortSignal.any([signal, this.#stopped.signal]);
    const stream = Readable.from(withHeartbeat(this.#workflows.follow(run, after, left), left), { objectMode: false });
    stream.once("close", release);
    return stream;
  }

  /** Ends every stream, so that the server can go down; their readers come back to the next one. */
  stop(): void {
    this.#stopped.abort();
  }
}

async function* withHeartbeat(events: AsyncGenerator<RunEvent, void, undefined>, signal: AbortSignal): AsyncGenerator<string> {
  yield "retry: 2000\n\n";
  try {
    let next = begun(events);
    while (!signal.aborted) {
      const result = await within(next, heartbeatMs);
      if (result === "late") {
        yield ": still there\n\n";
        continue;
      }
      if (result.done === true) return;
      yield textOf(result.value);
      next = begun(events);
    }
  } finally {
    await events.return();
  }
}

/** Where the reader leaves meanwhile nobody waits for it, and a store that fails then must not end the process. */
function begun(events: AsyncGenerator<RunEvent, void, undefined>): Promise<IteratorResult<RunEvent, void>> {
  const next = events.next();
  next.catch(() => undefined);
  return next;
}

async function within<Value>(work: Promise<Value>, milliseconds: number): Promise<Value | "late"> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([work, new Promise<"late">((resolve) => (timer = setTimeout(() => resolve("late"), milliseconds)))]);
  } finally {
    clearTimeout(timer);
  }
}

function textOf(event: RunEvent): string {
  switch (event.type) {
    case "line":
      return formatServerSentEvent("line", event.line, event.line.sequence);
    case "step":
      return formatServerSentEvent("step", { step: event.step });
    case "run":
    case "end":
      return formatServerSentEvent(event.type, { run: event.run });
  }
}
