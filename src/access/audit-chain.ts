import { canonicalJson, digestOfText } from "../core/canonical-json.ts";
import type { AuditEntry, AuditHead, ChainedAuditEntry, StoredAuditEntry } from "./audit-log.ts";

/** Gives the entries their places behind the head. */
export function chainAuditEntries(head: AuditHead, entries: readonly AuditEntry[]): ChainedAuditEntry[] {
  let { sequence, hash } = head;
  return entries.map((entry) => {
    const { time, actor, action, object, result, requestId, detail } = entry;
    const unhashed = { sequence: ++sequence, time, actor, action, object, result, requestId, detail, previousHash: hash };
    hash = digestOfText(canonicalJson(unhashed));
    return { ...unhashed, hash };
  });
}

/** Where the chain is broken first, and how. */
export interface AuditBreak {
  sequence: number;
  reason: string;
}

/** Judges a stored entry as the one behind `before`; null when it is. */
export function breakBehind(before: AuditHead, entry: StoredAuditEntry): AuditBreak | null {
  const expected = before.sequence + 1;
  if (entry.sequence < expected) return { sequence: entry.sequence, reason: "An entry was inserted before the first one." };
  if (entry.sequence > expected) {
    const last = entry.sequence - 1;
    return { sequence: expected, reason: last === expected ? "The entry was removed." : `The entries up to ${last} were removed.` };
  }
  if (!hashMatches(entry)) return { sequence: expected, reason: "The entry was changed: its hash is not that of its content." };
  if (entry.previousHash !== before.hash) return { sequence: expected, reason: "The entry does not follow the one before it: one of them was replaced, inserted or moved." };
  return null;
}

function hashMatches({ detailJson, hash, ...entry }: StoredAuditEntry): boolean {
  let detail: unknown;
  try {
    detail = JSON.parse(detailJson);
  } catch {
    return false;
  }
  // The text is compared as well: a reader sees the text, and only one text of a value was ever written.
  return canonicalJson(detail) === detailJson && digestOfText(canonicalJson({ ...entry, detail })) === hash;
}
