import { shortDigest } from "../../format.ts";
import { formatDollars } from "../costs/money.ts";
import type { RecordedEvent } from "../../data/types.ts";

/** Types of events that are there today, in the groups that a filter can name. */
export const eventTypes = [
  {
    pattern: "model.*",
    types: [
      "model.created", "model.described", "model.renamed", "model.deleted", "model.tag.set", "model.tag.deleted",
      "model.version.registered", "model.version.transitioned", "model.version.described", "model.version.deleted", "model.version.tag.set", "model.version.tag.deleted", "model.version.evaluated",
      "model.alias.changed", "model.alias.deleted", "model.policy.changed", "model.route.changed",
    ],
  },
  {
    pattern: "rollout.*",
    types: ["rollout.started", "rollout.phase.entered", "rollout.paused", "rollout.resumed", "rollout.succeeded", "rollout.rolled_back", "rollout.aborted", "rollout.failed"],
  },
  { pattern: "dataset.*", types: ["dataset.created", "dataset.version.added", "dataset.deleted"] },
  { pattern: "experiment.*", types: ["experiment.created"] },
  { pattern: "run.*", types: ["run.finished"] },
  { pattern: "workflow.*", types: ["workflow.run.succeeded", "workflow.run.failed", "workflow.run.cancelled"] },
  { pattern: "budget.*", types: ["budget.alert", "budget.changed", "budget.removed"] },
  { pattern: "price.*", types: ["price.set"] },
  { pattern: "key.*", types: ["key.created", "key.rotated", "key.revoked"] },
  { pattern: "team.*", types: ["team.created", "team.removed"] },
] as const;

const digest = /^sha256:[0-9a-f]{64}$/;
const rolloutId = /^rol_[0-9a-z]+$/;
const runId = /^wfr_[0-9a-z]+$/;

/** The page of what an event happened to; null where there is none. */
export function objectHref(object: string, payload: Readonly<Record<string, unknown>> = {}): string | null {
  const [kind, name = ""] = splitObject(object);
  const { run, evaluation, version, threshold, window, rollout } = payload;
  // An alert of a budget: what spent it, with the newest calls, each of which leads to its trace.
  if (typeof threshold === "number" && budgetKinds.has(kind)) return spendHref(kind, name, window === "month" ? "30d" : "1d");
  if (kind === "workflow" && typeof run === "string" && runId.test(run)) return `/workflows/runs/${run}`;
  if (typeof rollout === "string" && rolloutId.test(rollout)) return `/rollouts/${rollout}`;
  switch (kind) {
    case "model":
      if (typeof evaluation === "string" && typeof version === "string") return `/models/${encodeURIComponent(name)}/evaluations?version=${version}#${evaluation}`;
      return `/models/${encodeURIComponent(name)}`;
    case "dataset":
      return `/datasets/${encodeURIComponent(name)}`;
    case "experiment":
      return `/experiments/${encodeURIComponent(name)}`;
    case "workflow":
      return `/workflows?workflow=${encodeURIComponent(name)}`;
    case "webhook":
      return `/events/webhooks/${encodeURIComponent(name)}`;
    case "key":
      return "/settings/keys?show=all";
    case "gateway-key":
      return "/gateway/keys";
    case "gateway-route":
      return `/gateway?q=${encodeURIComponent(name)}`;
    case "gateway-provider":
      return "/gateway/providers";
    case "team":
      return "/settings/teams";
    case "project":
      return spendHref(kind, name, "1d");
    default:
      return null;
  }
}

const budgetKinds: ReadonlySet<string> = new Set(["team", "project", "key", "route"]);

/** Costs of what has a budget. Callers with a key are known in the ledger by `key:` and its id. */
function spendHref(kind: string, name: string, range: "1d" | "30d"): string {
  const slash = name.indexOf("/");
  const filters: Record<string, string> = kind === "project" ? { team: name.slice(0, slash), project: name.slice(slash + 1) } : { [kind]: kind === "key" ? `key:${name}` : name };
  return `/costs?${new URLSearchParams({ range, ...filters }).toString()}`;
}

function splitObject(object: string): [kind: string, name?: string] {
  const colon = object.indexOf(":");
  return colon < 0 ? [object] : [object.slice(0, colon), object.slice(colon + 1)];
}

/** The object as people call it: a key, what is set of it, or a person, by its name; a file by the first digits of its digest. `nameOf` gives that of an actor, where it is known. */
export function objectWords(object: string, nameOf: (actor: string) => string): string {
  const [kind, id = ""] = splitObject(object);
  if (kind === "blob" && digest.test(id)) return `blob ${shortDigest(id)}`;
  if (kind !== "key" && kind !== "gateway-key" && kind !== "user") return object;
  const actor = `${kind === "user" ? "user" : "key"}:${id}`;
  const name = nameOf(actor);
  return name === actor ? object : `${kind} ${name}`;
}

/** What an event says beside its object, in one line: `alias champion, version 3`. */
export function payloadWords(event: Pick<RecordedEvent, "object" | "payload">): string {
  const [kind, name] = splitObject(event.object);
  const { threshold, window, spent, limit } = event.payload;
  // What an alert is about comes first: a line may be cut off.
  if (typeof threshold === "number" && typeof spent === "number" && typeof limit === "number") return `${threshold}% of the ${String(window)}’s ${formatDollars(limit)}: ${formatDollars(spent)} spent`;
  return Object.entries(event.payload)
    .filter(([field, value]) => value !== null && !isOfObject(field, value, kind, name))
    .map(([field, value]) => `${field} ${valueWords(value)}`)
    .join(", ");
}

/** Whether the object says the field already: its name, a route as the traffic knows it, provider and model of a price. */
function isOfObject(field: string, value: unknown, kind: string, name: string | undefined): boolean {
  if (kind === "price") return (field === "provider" || field === "model") && typeof value === "string" && (field === "provider" ? name?.startsWith(`${value}/`) : name?.endsWith(`/${value}`)) === true;
  return ((field === kind || field === "name") && value === name) || (kind === "gateway-route" && field === "model" && value === `route:${name}`);
}

/** Of an error its message; of a list its entries, each as its values; of anything else that has parts, its JSON. */
function valueWords(value: unknown): string {
  if (Array.isArray(value)) return value.map((entry: unknown) => (isRecord(entry) ? Object.values(entry).map(valueWords).join(" ") : valueWords(entry))).join(", ");
  if (typeof value === "string" && digest.test(value)) return shortDigest(value);
  if (typeof value !== "object" || value === null) return String(value);
  return "message" in value && typeof value.message === "string" ? value.message : JSON.stringify(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
