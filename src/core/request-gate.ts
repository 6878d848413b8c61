import { anonymousCaller, localCaller, mayOn, type Caller, type ObjectKind, type ObjectReference, type Role } from "./caller.ts";
import type { EpochMs } from "./clock.ts";
import type { ErrorCode } from "./error-catalogue.ts";
import { AppError } from "./errors.ts";
import type { Access, AccessTarget } from "./route.ts";

type MaybePromise<Value> = Value | Promise<Value>;

/** How a caller shows who they are, on any door. */
export interface Credentials {
  /** The `Authorization` header or gRPC metadata. */
  authorization: string | undefined;
  /** The `Cookie` header; undefined where the door found that another site may have sent it. */
  cookie: string | undefined;
  /** Where the request came from, as far as it can be trusted: failures are counted by it. */
  address: string;
}

/** What the door tells the audit log of a request after its end. */
export interface AuditedRequest {
  now: EpochMs;
  caller: Caller;
  /** The route's operation id, or the gRPC method. */
  operation: string;
  /** What it was on, such as `model:churn`; empty for the server as a whole. */
  object: string;
  /** `allowed`, `denied` (no right) or `failed` (had the right, did not succeed). */
  result: "allowed" | "denied" | "failed";
  /** The error's code where there is one. */
  code?: string;
  requestId: string;
  /** What the handler added; never secrets. */
  detail?: Readonly<Record<string, unknown>>;
}

/** What every door asks before it lets a request in. Both answers come without waiting where everything is in memory. */
export interface RequestGate {
  /**
   * Anonymous (on an open server: the local caller) where nothing was shown, or a cookie that names no session. Throws
   * UNAUTHENTICATED for a key that is unknown, revoked or has expired, TOO_MANY_ATTEMPTS after too many of them.
   */
  identify(credentials: Credentials, now: EpochMs): MaybePromise<Caller>;
  /**
   * Throws UNAUTHENTICATED for the anonymous, FORBIDDEN for too low a role, and exactly what a missing object would give
   * for an object that the caller may not see.
   */
  authorize(caller: Caller, access: Access, on: AccessTarget, params: Readonly<Record<string, string | undefined>>): MaybePromise<void>;
  /** Settles when the entry is durable. Denials do not have to be waited for. */
  audit(request: AuditedRequest): Promise<void>;
}

const missingCodes: Readonly<Record<ObjectKind, { code: ErrorCode; word: string }>> = {
  model: { code: "MODEL_NOT_FOUND", word: "model" },
  workflow: { code: "WORKFLOW_NOT_FOUND", word: "workflow" },
  experiment: { code: "EXPERIMENT_NOT_FOUND", word: "experiment" },
  route: { code: "GATEWAY_MODEL_NOT_FOUND", word: "model or route" },
};

/** The one way to say that an object is not there, for objects that are not and for those that the caller may not see. */
export function missingObject(kind: ObjectKind, name: string): AppError {
  const { code, word } = missingCodes[kind];
  return new AppError(code, `There is no ${word} named ${JSON.stringify(name.slice(0, 140))}.`);
}

const denials = new WeakSet<AppError>();

/** Marks an error that refuses a right, for the audit log: a hidden object's error looks like a missing one's everywhere else. */
export function denial(error: AppError): AppError {
  denials.add(error);
  return error;
}

export function isDenial(error: AppError): boolean {
  return denials.has(error) || error.code === "FORBIDDEN" || error.code === "UNAUTHENTICATED" || error.code === "SCOPE_TOO_WIDE";
}

/**
 * For handlers of what a body or a header names: throws FORBIDDEN where the caller sees the object and has too low a role,
 * and `missing` where it does not see it or there is none.
 */
export function requireOn(caller: Caller, role: Role, object: ObjectReference, missing?: AppError): void {
  // Made only when it is thrown: an error takes a fifth of the time of a small prediction, for its stack.
  if (object.team === null) throw missing ?? missingObject(object.kind, object.name);
  if (mayOn(caller, role, object)) return;
  if (mayOn(caller, "viewer", object)) throw new AppError("FORBIDDEN", `This needs the role ${role} on the ${object.kind} ${object.name}.`);
  throw denial(missing ?? missingObject(object.kind, object.name));
}

/** Lets everybody do everything and writes nothing down: for tests and measurements of what stands behind the gate. */
export const openGate: RequestGate = {
  identify: () => localCaller,
  authorize: () => undefined,
  audit: () => Promise.resolve(),
};

export function isAnonymous(caller: Caller): boolean {
  return caller.actor === anonymousCaller.actor;
}
