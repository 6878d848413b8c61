import type { Caller } from "../../core/caller.ts";
import type { EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { AnswerHold } from "../../core/answer-memory.ts";
import { newTraceId, readTraceParent } from "../../core/trace-context.ts";
import type { StopSignal } from "../../core/stop-signal.ts";

/** What the door knows of a call. */
export interface CallContext {
  caller: Caller;
  /** The caller as it is by now, for a call that has waited; rejects where it may not call any more. Absent where nobody can ask. */
  callerNow?: (() => Promise<Caller>) | undefined;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  requestId: string;
  now: EpochMs;
  signal: StopSignal;
  /** `told` is called when the caller has the answer, or has gone. Nobody waits for what is asked without it. */
  whenAnswered?: ((told: () => void) => void) | undefined;
}

/** The memory of a call's answers is free again when its caller has what was made of them. */
export function releaseWhenAnswered(hold: AnswerHold, { whenAnswered }: Pick<CallContext, "whenAnswered">): void {
  if (hold.isEmpty || whenAnswered === undefined) hold.release();
  else whenAnswered(() => hold.release());
}

/** What a caller says beside the protocol, in headers. */
export interface CallRemarks {
  session: string | null;
  agentRun: string | null;
  tags: Readonly<Record<string, string>>;
  cacheControl: string | undefined;
  traceId: string;
  parentSpanId: string | null;
}

const mostTags = 20;

/** Throws INVALID_REQUEST for tags that cannot be read. */
export function readRemarks({ headers, now }: Pick<CallContext, "headers" | "now">): CallRemarks {
  const parent = readTraceParent(headers.traceparent);
  return {
    session: text(headers["x-slipway-session"])?.slice(0, 200) ?? null,
    agentRun: text(headers["x-slipway-agent-run"])?.slice(0, 200) ?? null,
    tags: tagsOf(text(headers["x-slipway-tags"])),
    cacheControl: text(headers["cache-control"]),
    traceId: parent?.traceId ?? newTraceId(now),
    parentSpanId: parent?.spanId ?? null,
  };
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function tagsOf(header: string | undefined): Record<string, string> {
  const tags: Record<string, string> = {};
  if (header === undefined || header.trim() === "") return tags;
  const pairs = header.split(",");
  const wrong = (): AppError => new AppError("INVALID_REQUEST", `The header X-Slipway-Tags must be at most ${mostTags} pairs NAME=VALUE with commas between them.`);
  if (pairs.length > mostTags) throw wrong();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const [name, value] = [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
    if (equals < 1 || name === "" || name.length > 64 || value.length > 200 || name === "__proto__") throw wrong();
    tags[name] = value;
  }
  return tags;
}
