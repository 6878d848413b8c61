import type { Readable } from "node:stream";
import type { z } from "zod";
import type { Caller, ObjectKind, ObjectReference, Role } from "./caller.ts";
import type { EpochMs } from "./clock.ts";
import type { AppError } from "./errors.ts";
import type { StopSignal } from "./stop-signal.ts";

/** The role that a route needs; `public` needs none. Every route must say it. */
export type Access = "public" | Role;

/**
 * Where the role is needed: on the whole server, on something (the handler then shows and changes only what `mayOn`
 * allows), or on the object whose name is this parameter of the path.
 */
export type AccessTarget = "server" | "some" | { kind: ObjectKind; parameter: string };

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** How the body is read before the handler runs. */
export type BodySpec =
  /** Parsed and validated; at most 1 MiB unless told otherwise. */
  | {
      kind: "json"; schema: z.ZodType; maxBytes?: number; /** No body at all is read as `{}`. */ optional?: true;
      /** What is wrong is said of numbers as they were sent, 9.0 and not 9: the schema meets each that JavaScript would write otherwise as `JSON.rawJSON`. */
      numbersAsSent?: true;
    }
  /** Read whole into one Buffer, decompressed (gzip, deflate, zstd). */
  | {
      kind: "buffer"; maxBytes: "inference" | number; description: string; example?: unknown;
      /** A header, in small letters, with the length of what stands before binary data: these begin at a multiple of 8 in memory where the body is put together. */
      alignedBehind?: string;
    }
  /** Handed over unread; the handler consumes it. */
  | { kind: "stream"; description: string };

export interface AuditFacts {
  caller?: Caller;
  /** Such as `key:key_01...`. */
  object?: string;
  detail?: Readonly<Record<string, unknown>>;
}

/** What the door gives to a handler. */
export interface RouteRequest<Params, Query, Body> {
  params: Params;
  query: Query;
  body: Body;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  requestId: string;
  caller: Caller;
  /** Who calls by what was shown, as it is by now: for what has waited. Rejects as the door would refuse the request now. */
  callerNow: () => Promise<Caller>;
  /** Where the request came from, as far as it can be trusted. */
  address: string;
  /** Tells the audit log what only the handler knows: whom the request signed in, what it made. Never secrets. */
  auditAs: (facts: AuditFacts) => void;
  /** The door read the clock once, when the request arrived. */
  now: EpochMs;
  /** Aborted when the caller closes the connection before the answer. */
  signal: StopSignal;
  /** The same, for what takes nothing else. */
  abortSignal: AbortSignal;
  /** `told` is called when the whole answer has gone to the connection, or that is closed. */
  whenAnswered: (told: () => void) => void;
}

/** A stream of Node, or an iterator that gives pieces as they come: for those that come one by one it costs a fraction. */
export type StreamedBody = AsyncIterable<Uint8Array | string>;

export function isStreamed(body: HttpAnswer["body"]): body is StreamedBody {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

/** An answer that is not `200` with one JSON document. */
export class HttpAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** One that is streamed ends when its iterator does; a reader who leaves early calls `return`. */
  readonly body: string | Uint8Array | readonly Uint8Array[] | StreamedBody | null;
  /** Values of Set-Cookie, the one header that is there several times. */
  readonly cookies: readonly string[];
  /** The only object of which it shows something: a stream goes on for whoever may see that, whatever else they may. Null where it is of more. */
  readonly of: ObjectReference | null;

  constructor(status: number, headers: Record<string, string>, body: HttpAnswer["body"], cookies: readonly string[] = [], of: ObjectReference | null = null) {
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.cookies = cookies;
    this.of = of;
  }
}

export interface RouteDocumentation {
  operationId: string;
  summary: string;
  description?: string;
  /** Group in the reference, such as `Registry` or `Open Inference Protocol`. */
  tag: string;
}

export interface Route extends RouteDocumentation {
  method: Method;
  /** Segments and `:parameters`, such as `/api/models/:model`. */
  path: string;
  /** Further paths at which it answers in the same way; the reference names `path` alone. */
  aliases?: readonly string[];
  access: Access;
  /** The whole server where it is not said. */
  on?: AccessTarget;
  /** False for requests that are too many to be audited one by one, such as predictions, or change nothing: audited is what `auditAs` tells of. Others than GET are audited. */
  audited?: boolean;
  params?: z.ZodType;
  query?: z.ZodType;
  /** The values of the query come as lists of texts, in their order; otherwise the last of repeated keys wins. */
  repeatedQuery?: boolean;
  body?: BodySpec;
  /** Schema of the 200 answer, or its media type when it is not JSON. */
  response: z.ZodType | { mediaType: string; description: string };
  /** Shape of an error on this wire; the project's own when absent. An HttpAnswer where it is no JSON, or has another status: it goes out with the headers that every error has, and its own. */
  errorBody?: (error: AppError, requestId: string, headers: Readonly<Record<string, string | string[] | undefined>>) => unknown;
  /** Its path stands among those of another protocol, which alone says how paths fail there that lead to nothing. */
  isGuest?: true;
  // oxlint-disable-next-line typescript/no-explicit-any -- a table of routes with different types
  handle(request: RouteRequest<any, any, any>): unknown;
}

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : Record<string, never>;
type BodyOutput<Body> = Body extends { kind: "json"; schema: infer Schema }
  ? Output<Schema>
  : Body extends { kind: "buffer" }
    ? Buffer
    : Body extends { kind: "stream" }
      ? Readable
      : undefined;

/** Declares a route with its types inferred from its schemas. */
export function route<
  Params extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
  Body extends BodySpec | undefined = undefined,
  Response extends z.ZodType | { mediaType: string; description: string } = z.ZodType,
>(
  declaration: Omit<Route, "params" | "query" | "body" | "response" | "handle"> & {
    params?: Params;
    query?: Query;
    body?: Body;
    response: Response;
    handle(
      request: RouteRequest<Output<Params>, Output<Query>, BodyOutput<Body>>,
    ):
      | HttpAnswer
      | Promise<HttpAnswer>
      | (Response extends z.ZodType ? z.input<Response> | Promise<z.input<Response>> : never);
  },
): Route {
  return declaration as unknown as Route;
}
