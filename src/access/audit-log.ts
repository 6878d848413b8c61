import type { EpochMs } from "../core/clock.ts";

export const auditResults = ["allowed", "denied", "failed"] as const;
export type AuditResult = (typeof auditResults)[number];

/** Something that a caller did, or was denied, or failed to do. Never carries a secret: no key, token, password or cookie. */
export interface AuditEntry {
  time: EpochMs;
  /** `key:<id>`, `user:<id>`, `local`, `anonymous` or `system`. */
  actor: string;
  /** The route's operation id, the gRPC method, or the server's own, such as `server.started`. */
  action: string;
  /** `<kind>:<name>`; empty for the server as a whole. */
  object: string;
  result: AuditResult;
  /** Empty where no request was. */
  requestId: string;
  /** JSON; what a reader needs beside. */
  detail: Readonly<Record<string, unknown>>;
}

/** An entry in its place in the chain. */
export interface ChainedAuditEntry extends AuditEntry {
  /** From 1, without gaps. */
  sequence: number;
  /** Hash of the entry before; empty for the first. */
  previousHash: string;
  /** `sha256:` of the canonical JSON of everything above. */
  hash: string;
}

/** The end of the chain; `{ sequence: 0, hash: "" }` while there is none. Kept elsewhere, it shows later that nothing before it was changed. */
export interface AuditHead {
  sequence: number;
  hash: string;
}

export interface AuditQuery {
  actor?: string | undefined;
  action?: string | undefined;
  object?: string | undefined;
  result?: AuditResult | undefined;
  /** Only entries before this sequence. */
  before?: number | undefined;
  limit: number;
}

/** An entry as it is stored, before anybody believes it. */
export interface StoredAuditEntry extends Omit<ChainedAuditEntry, "detail"> {
  detailJson: string;
}

/** The append-only table of entries. Adapters prove themselves with `audit-log.conformance.ts`. */
export interface AuditLog {
  /**
   * Appends the entries in order, all or none, and answers with the new head when they are durable. Several processes may
   * do this at once: the chain has one end.
   */
  append(entries: readonly AuditEntry[]): Promise<AuditHead>;
  /** Newest first. */
  list(query: AuditQuery): Promise<ChainedAuditEntry[]>;
  head(): Promise<AuditHead>;
  /** Entries with a greater sequence, from the smallest on, as they are stored; also such as no `append` has written. */
  page(after: number, limit: number): Promise<StoredAuditEntry[]>;
}
