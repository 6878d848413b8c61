import { z } from "zod";
import { route, type Route } from "../core/route.ts";
import { auditResults } from "./audit-log.ts";
import type { AuditTrail } from "./audit-trail.ts";

const sequence = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

export const AuditRecord = z
  .object({
    sequence: z.number().int().meta({ description: "From 1, without gaps" }),
    time: z.number().int().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" }),
    actor: z.string().meta({ description: "key:ID, user:ID, local, anonymous, setup or system" }),
    action: z.string().meta({ description: "Operation of the API, or the server's own, such as server.started" }),
    object: z.string().meta({ description: "What it was on, such as model:NAME; empty for the server as a whole" }),
    result: z.enum(auditResults).meta({ description: "denied: the right was missing; failed: it was there, and something else was not" }),
    requestId: z.string(),
    detail: z.record(z.string(), z.unknown()),
    hash: z.string().meta({ description: "SHA-256 over this entry and the hash of the one before" }),
  })
  .meta({ id: "AuditRecord" });
export type AuditRecord = z.infer<typeof AuditRecord>;

const AuditHeadRecord = z.object({ sequence: z.number().int(), hash: z.string() }).meta({ id: "AuditHead" });

const AuditVerificationRecord = z
  .object({
    entries: z.number().int().meta({ description: "Entries that are as they were written" }),
    head: AuditHeadRecord,
    broken: z.object({ sequence: z.number().int(), reason: z.string() }).nullable().meta({ description: "The first place where the chain does not hold" }),
  })
  .meta({ id: "AuditVerification" });

const AuditListQuery = z.strictObject({
  actor: z.string().max(512).optional(),
  action: z.string().max(512).optional(),
  object: z.string().max(512).optional(),
  result: z.enum(auditResults).optional(),
  before: sequence.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

const AuditVerifyQuery = z
  .strictObject({ sequence: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(), hash: z.string().max(100).optional() })
  .refine((query) => (query.sequence === undefined) === (query.hash === undefined), "sequence and hash belong together");

const declared = { access: "admin", on: "server", tag: "Access" } as const;

export function auditRoutes(trail: AuditTrail): Route[] {
  return [
    route({
      ...declared, method: "GET", path: "/api/audit", operationId: "listAudit", summary: "Who did what, newest first", query: AuditListQuery,
      description: "`head` is the end of the chain: kept elsewhere, it shows later that nothing before it was changed.",
      response: z.object({ entries: z.array(AuditRecord), head: AuditHeadRecord }),
      handle: async ({ query }) => {
        const entries = await trail.list(query);
        return { entries: entries.map(({ previousHash: _, ...entry }) => entry), head: await trail.head() };
      },
    }),
    route({
      ...declared, method: "GET", path: "/api/audit/verify", operationId: "verifyAudit", summary: "Whether the audit log is as it was written", query: AuditVerifyQuery,
      description: "Reads the whole chain. With an earlier head (`sequence` and `hash`) also whether the end was cut off, or the chain computed anew.",
      response: AuditVerificationRecord,
      handle: ({ query: { sequence: at, hash } }) => trail.verify(at === undefined || hash === undefined ? undefined : { sequence: at, hash }),
    }),
  ];
}
