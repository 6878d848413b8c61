import type { Caller, ObjectKind } from "./caller.ts";
import type { EpochMs } from "./clock.ts";
import type { AppError } from "./errors.ts";
import type { Access } from "./route.ts";

/** What the gRPC door gives to a handler. */
export interface GrpcCall<Request> {
  request: Request;
  caller: Caller;
  /** The door read the clock once, when the message arrived. */
  now: EpochMs;
  /** Milliseconds from `now` until the caller's deadline; undefined without one. */
  deadlineMs: number | undefined;
  /** The metadata that the caller sent, by names in small letters; read it only when something of it is needed. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** That one of them. */
  readonly traceparent: string | undefined;
  /** Aborted when the caller cancels, leaves, or its deadline has passed. */
  readonly signal: AbortSignal;
  /** `told` is called when the caller has the answer to this message, or has gone. */
  readonly whenAnswered: (told: () => void) => void;
}

/** As `AccessTarget` of routes; here it is the message that names the object. Undefined = this message names none: `some`. */
export type GrpcTarget<Request> = "server" | "some" | { kind: ObjectKind; nameIn(request: Request): string | undefined };

interface GrpcMethodBasics<Request, Response> {
  /** Such as `ModelInfer`. */
  name: string;
  access: Access;
  /** The whole server where it is not said. */
  on?: GrpcTarget<Request>;
  /** True for methods that change something: every call is written to the audit log. */
  audited?: boolean;
  /** Throws AppError for a message that is not one. Views of `message` may be kept. */
  decode(message: Buffer): Request;
  encode(response: Response): Buffer;
  handle(call: GrpcCall<Request>): Response | Promise<Response>;
}

/** One message in, one out. */
export interface UnaryMethod<Request, Response> extends GrpcMethodBasics<Request, Response> {
  kind: "unary";
}

/** A stream of messages, each answered by one message, in their order. */
export interface StreamMethod<Request, Response> extends GrpcMethodBasics<Request, Response> {
  kind: "stream";
  /** The message that tells of a failure without ending the stream. */
  failure(error: AppError, request: Request | undefined): Response;
}

// oxlint-disable-next-line typescript/no-explicit-any -- a table of methods with different types
export type GrpcMethod = UnaryMethod<any, any> | StreamMethod<any, any>;

/** What the gRPC door offers; a module declares it, as routes are declared for the HTTP door. */
export interface GrpcService {
  /** With its package, such as `inference.GRPCInferenceService`. */
  name: string;
  methods: readonly GrpcMethod[];
  /** The text of a failed call's status. */
  errorText(error: AppError): string;
}

export function unaryMethod<Request, Response>(method: Omit<UnaryMethod<Request, Response>, "kind">): GrpcMethod {
  return { ...method, kind: "unary" };
}

export function streamMethod<Request, Response>(method: Omit<StreamMethod<Request, Response>, "kind">): GrpcMethod {
  return { ...method, kind: "stream" };
}
