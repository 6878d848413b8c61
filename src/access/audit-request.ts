import type { AuditedRequest } from "../core/request-gate.ts";
import type { AuditEntry } from "./audit-log.ts";
import type { AuditTrail } from "./audit-trail.ts";

/** How the gate writes down requests: who changed something waits for its entry, who was denied does not. */
export function auditRequests(trail: AuditTrail): (request: AuditedRequest) => Promise<void> {
  return (request) => {
    const entry = entryOf(request);
    if (entry.result !== "denied") return trail.append(entry);
    trail.note(entry);
    return Promise.resolve();
  };
}

function entryOf({ now, caller, operation, object, result, code, requestId, detail }: AuditedRequest): AuditEntry {
  return { time: now, actor: caller.actor, action: operation, object, result, requestId, detail: { ...(code === undefined ? {} : { code }), ...detail } };
}
