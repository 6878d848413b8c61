import type { Caller } from "./caller.ts";
import type { EpochMs } from "./clock.ts";
import type { Access, AccessTarget } from "./route.ts";

type MaybePromise<Value> = Value | Promise<Value>;

/** How a caller shows who they are, on any door. */
export interface Credentials {
  /** The `Authorization` header or gRPC metadata. */
  authorization: string | undefined;
  /** The `Cookie` header. */
  cookie: string | undefined;
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
}

/** What every door asks before it lets a request in. Both answers come without waiting where everything is in memory. */
export interface RequestGate {
  /** Anonymous where nothing was shown. Throws UNAUTHENTICATED when what was shown is unknown, revoked or has expired. */
  identify(credentials: Credentials, now: EpochMs): MaybePromise<Caller>;
  /**
   * Throws UNAUTHENTICATED for the anonymous, FORBIDDEN for too low a role, and exactly what a missing object would give
   * for an object that the caller may not see.
   */
  authorize(caller: Caller, access: Access, on: AccessTarget, params: Readonly<Record<string, string | undefined>>): MaybePromise<void>;
  /** Settles when the entry is durable. Denials do not have to be waited for. */
  audit(request: AuditedRequest): Promise<void>;
}
