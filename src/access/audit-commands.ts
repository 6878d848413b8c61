import type { Command } from "../core/command.ts";
import { counted } from "../core/counted.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import type { AuditHead } from "./audit-log.ts";
import type { AuditRecord } from "./audit-routes.ts";
import type { AuditVerification } from "./audit-trail.ts";

const headText = ({ sequence, hash }: AuditHead): string => `${sequence}:${hash}`;

/** What `headText` wrote. */
function headOf(text: string): AuditHead {
  const match = /^([0-9]{1,15}):(sha256:[0-9a-f]{64}|)$/.exec(text.trim());
  if (match === null) throw new AppError("INVALID_REQUEST", "--expect takes what an earlier verification printed: a number, a colon and the hash.");
  return { sequence: Number(match[1]), hash: match[2]! };
}

const list: Command = {
  words: ["audit", "list"],
  summary: "who did what, newest first",
  namesKeys: true,
  options: [
    { flags: "--actor <actor>", description: "such as key:ID, user:ID, local, anonymous" },
    { flags: "--action <action>", description: "such as createKey" },
    { flags: "--object <object>", description: "such as model:NAME" },
    { flags: "--result <result>", description: "allowed, denied or failed" },
    { flags: "--before <sequence>", description: "entries before this one" },
    { flags: "--limit <number>", description: "how many, at most 1000", default: "50" },
  ],
  run: ({ api }, { options }) => api.get("/api/audit", options as Record<string, string | undefined>),
  render: ({ entries }: { entries: AuditRecord[] }) =>
    entries.length === 0
      ? "No entries."
      : textTable(
          ["sequence", "time", "actor", "action", "object", "result", "detail"],
          entries.map(({ sequence, time, actor, action, object, result, detail }) =>
            [String(sequence), new Date(time).toISOString(), actor, action, object, result, Object.keys(detail).length === 0 ? "" : JSON.stringify(detail)]),
        ),
};

const verify: Command = {
  words: ["audit", "verify"],
  summary: "check that nobody changed the audit log",
  options: [{ flags: "--expect <head>", description: "what an earlier verification printed: shows also that the end was not cut off" }],
  run: async ({ api }, { options }) => {
    const expected = typeof options.expect === "string" ? headOf(options.expect) : undefined;
    const result = await api.get<AuditVerification>("/api/audit/verify", { sequence: expected?.sequence, hash: expected?.hash });
    if (result.broken === null) return result;
    throw new AppError("AUDIT_BROKEN", `The audit log is broken at entry ${result.broken.sequence}: ${result.broken.reason} ${counted(result.entries, "entry before it is as it was", "entries before it are as they were")} written.`);
  },
  render: ({ entries, head }: AuditVerification) =>
    [entries === 1 ? "The one entry of the audit log is as it was written." : `The ${entries} entries of the audit log are as they were written.`, "Keep this elsewhere; it proves next time that nothing up to here has changed:", "", `  slipway audit verify --expect ${headText(head)}`].join("\n"),
};

export const auditCommands: readonly Command[] = [list, verify];
