import type { Attribution, LedgerEntry } from "./ledger-entry.ts";

/** Of what callers choose: users, sessions, names, tags. */
const longestText = 256;
const mostTags = 32;

/** The same entry without what a database would refuse or what would let callers fill it: long texts are cut, many tags are left out. */
export function storableEntry(entry: LedgerEntry): LedgerEntry {
  return { ...entry, provider: text(entry.provider), model: text(entry.model), attribution: storableAttribution(entry.attribution) };
}

export function storableAttribution({ actor, team, project, route, user, session, traceId, agentRun, tags }: Attribution): Attribution {
  return {
    actor: text(actor), team: text(team), project: textOrNull(project), route: textOrNull(route), user: textOrNull(user), session: textOrNull(session), traceId: textOrNull(traceId),
    agentRun: textOrNull(agentRun), tags: tagsOf(tags),
  };
}

function text(value: string): string {
  const cut = value.length > longestText ? value.slice(0, longestText) : value;
  return (cut.includes("\0") ? cut.replaceAll("\0", "\ufffd") : cut).toWellFormed();
}

/** Nothing is the same as nobody said: the sums keep the two as one. */
export function textOrNull(value: string | null): string | null {
  return value === null || value === "" ? null : text(value);
}

function tagsOf(tags: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of Object.keys(tags).slice(0, mostTags)) kept[text(name)] = text(tags[name]!);
  return { ...kept };
}
