export interface Problem {
  path: string;
  message: string;
}

/** A call that did not succeed, in the server's own words. */
export class ApiFailure extends Error {
  /** HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly problems: readonly Problem[];
  readonly requestId: string | undefined;

  constructor(status: number, body: { code: string; message: string; hint?: string; problems?: readonly Problem[]; requestId?: string }) {
    super(body.message);
    this.name = "ApiFailure";
    this.status = status;
    this.code = body.code;
    this.hint = body.hint ?? "";
    this.problems = body.problems ?? [];
    this.requestId = body.requestId;
  }
}

/** Reads an error body of each wire: the project's own, the Open Inference Protocol's `{error: text}`, or MLflow's `{error_code, message}`. */
export function failureOf(status: number, body: unknown): ApiFailure {
  if (typeof body === "object" && body !== null && "error_code" in body && "message" in body) {
    return new ApiFailure(status, { code: String(body.error_code), message: String(body.message) });
  }
  const error = typeof body === "object" && body !== null ? (body as { error?: unknown }).error : undefined;
  if (typeof error === "string") return new ApiFailure(status, { code: `HTTP ${status}`, message: error });
  if (typeof error === "object" && error !== null && "code" in error && "message" in error) {
    return new ApiFailure(status, error as { code: string; message: string });
  }
  return new ApiFailure(status, { code: `HTTP ${status}`, message: "The server answered with an error and did not say why." });
}

/** Whole numbers that a JavaScript number cannot hold stay as the text they were sent in. */
function keepLargeIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source !== undefined) {
    return /^-?\d+$/.test(context.source) ? context.source : value;
  }
  return value;
}

function parseJson(text: string): unknown {
  return JSON.parse(text, keepLargeIntegers as (key: string, value: unknown) => unknown);
}

const signedOutListeners = new Set<() => void>();

/** Called whenever the server says that it does not know the caller (any more), but for refused attempts to sign in. */
export function onSignedOut(listener: () => void): () => void {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}

/** Refusals of these are no news about the session. */
const signInPaths = ["/api/session", "/api/setup"];

/** What only reads has this long; a connection that has gone dead, as after a sleep of the machine, says nothing by itself and would be waited for without end. */
const readMs = 60_000;

/** Calls the API; `body` is JSON text as it goes over the wire. Throws ApiFailure. */
export async function call<Result>(path: string, options: { method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"; body?: string; signal?: AbortSignal } = {}): Promise<Result> {
  let response: Response;
  let text: string;
  const method = options.method ?? "GET";
  const late = new AbortController();
  const timer = method === "GET" ? setTimeout(() => late.abort(), readMs) : undefined;
  try {
    response = await fetch(path, {
      method,
      headers: options.body === undefined ? { Accept: "application/json" } : { Accept: "application/json", "Content-Type": "application/json" },
      ...(options.body === undefined ? {} : { body: options.body }),
      signal: options.signal === undefined ? late.signal : AbortSignal.any([late.signal, options.signal]),
    });
    text = await response.text();
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    if (late.signal.aborted) {
      throw new ApiFailure(0, {
        code: "NO_ANSWER_IN_TIME",
        message: `The server did not answer within ${readMs / 1000} seconds.`,
        hint: "It may have too much to do, or the connection to it is gone. Try again; if it stays so, ask for less at once, and look at the server's log.",
      });
    }
    throw new ApiFailure(0, {
      code: "SERVER_UNREACHABLE",
      message: "The server does not answer.",
      hint: "It may be restarting; this page tries again by itself. If it stays so, start it with `npx slipway up`.",
    });
  } finally {
    clearTimeout(timer);
  }
  let parsed: unknown;
  try {
    parsed = text === "" ? null : parseJson(text);
  } catch {
    throw new ApiFailure(response.status, { code: `HTTP ${response.status}`, message: "The server's answer is not JSON." });
  }
  if (response.status === 401 && !signInPaths.includes(path)) for (const listener of signedOutListeners) listener();
  if (!response.ok) throw failureOf(response.status, parsed);
  return parsed as Result;
}

/** A path out of a template and values that may hold any character. */
export function apiPath(strings: TemplateStringsArray, ...values: (string | number)[]): string {
  return strings.reduce((path, part, index) => path + encodeURIComponent(String(values[index - 1])) + part);
}
