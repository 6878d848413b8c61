import { formatDollars } from "../../core/dollars.ts";
import { AppError, type Problem } from "../../core/errors.ts";
import { KeyFraction } from "../../serving/index.ts";
import type { RouteSettings, RouteTarget } from "../schemas.ts";
import type { CallFacts } from "./call-plan.ts";
import { targetName } from "./target-name.ts";

export interface ChoiceParts {
  /** From 0 to 1, 1 excluded. */
  random(): number;
  /** Milliseconds to the first byte of late; null where it was not asked lately. */
  latencyMs(target: RouteTarget): number | null;
  /** The target that answered this session last; null for none. */
  stays: RouteTarget | null;
}

/** One call in so many goes to another target than the quickest, which shows when that one is quicker now. */
const exploreOneOf = 50;

/** The salts of targets, worked out once: a target keeps its sessions whatever stands beside it. */
const salts = new WeakMap<RouteTarget, KeyFraction>();

/**
 * The targets that may take a call, in the order in which they are tried: by priority; within one by weight, latency or cost. By weight, a call with a session goes where the highest of
 * `u^(1/weight)` is, with u the session's hash with the target (weighted rendezvous, Efraimidis and Spirakis 2006): a target that joins or leaves takes or gives only its own share of sessions. A target of weight 0
 * comes last of its priority. Throws CONTEXT_TOO_LONG or GATEWAY_FIELD_UNSUPPORTED, with a problem for each target, where none may.
 */
export function chooseTargets(settings: RouteSettings, facts: CallFacts, parts: ChoiceParts): RouteTarget[] {
  const { targets } = settings;
  const refused: Refusal[] = [];
  const open: RouteTarget[] = [];
  for (const target of targets) {
    const refusal = refusalOf(target, settings, facts);
    if (refusal === null) open.push(target);
    else refused.push({ ...refusal, target });
  }
  if (open.length === 0) throw noTarget(refused);
  return open.length === 1 ? open : ordered(open, settings, facts, parts);
}

interface Refusal {
  code: "CONTEXT_TOO_LONG" | "GATEWAY_FIELD_UNSUPPORTED";
  reason: string;
  target: RouteTarget;
}

function noTarget(refused: readonly Refusal[]): AppError {
  const problems: Problem[] = refused.map(({ target, reason }) => ({ path: targetName(target), message: reason }));
  const code = refused.every((refusal) => refusal.code === "CONTEXT_TOO_LONG") ? "CONTEXT_TOO_LONG" : "GATEWAY_FIELD_UNSUPPORTED";
  return new AppError(code, `No target of the route takes this call: ${problems.map(({ path, message }) => `${path} ${message}`).join("; ")}.`, { problems });
}

/** Why a target may not take a call; null where it may. */
function refusalOf(target: RouteTarget, { truncate }: RouteSettings, facts: CallFacts): Omit<Refusal, "target"> | null {
  const missing = target.lacks?.filter((thing) => facts.needs.has(thing)) ?? [];
  if (missing.length > 0) return unsupported(`has no ${missing.join(", ")}`);
  const reason = target.when === undefined ? null : unmetCondition(target, target.when, facts);
  if (reason !== null) return reason;
  // A conversation that is cut to size fits everywhere.
  if (truncate === "error" && target.maxContextTokens !== undefined && facts.inputTokens > target.maxContextTokens) {
    return { code: "CONTEXT_TOO_LONG", reason: `takes ${target.maxContextTokens} tokens, and these are ${facts.inputTokens}` };
  }
  return null;
}

function unmetCondition(target: RouteTarget, when: NonNullable<RouteTarget["when"]>, facts: CallFacts): Omit<Refusal, "target"> | null {
  const { inputTokens, needs, tags } = facts;
  if (when.minInputTokens !== undefined && inputTokens < when.minInputTokens) return unsupported(`takes calls from ${when.minInputTokens} tokens, and these are ${inputTokens}`);
  if (when.maxInputTokens !== undefined && inputTokens > when.maxInputTokens) return { code: "CONTEXT_TOO_LONG", reason: `takes calls up to ${when.maxInputTokens} tokens, and these are ${inputTokens}` };
  if (when.needs !== undefined && when.needs.length > 0 && !when.needs.some((thing) => needs.has(thing))) return unsupported(`takes only calls that need ${when.needs.join(" or ")}`);
  const missing = missingTag(when, tags);
  if (missing !== null) return unsupported(`takes only calls with the tag ${missing}=${when.tags![missing]}`);
  if (when.maxCost !== undefined) {
    const cost = facts.worstCost(target);
    if (cost === null) return unsupported("takes calls up to a cost, and has no price");
    if (cost > when.maxCost) return unsupported(`takes calls up to ${formatDollars(when.maxCost, 9)}, and this one may cost ${formatDollars(cost)}`);
  }
  return null;
}

/** The first of the tags that a target asks for which a call does not carry; null where it carries all. */
export function missingTag(when: RouteTarget["when"], tags: CallFacts["tags"]): string | null {
  for (const name in when?.tags) if (!Object.hasOwn(tags, name) || tags[name] !== when.tags[name]) return name;
  return null;
}

function unsupported(reason: string): Omit<Refusal, "target"> {
  return { code: "GATEWAY_FIELD_UNSUPPORTED", reason };
}

function ordered(open: readonly RouteTarget[], settings: RouteSettings, facts: CallFacts, parts: ChoiceParts): RouteTarget[] {
  const session = settings.sticky ? facts.session : null;
  // The lowest first, in each of two columns; the second one decides where the first is equal.
  const ranks = open.map((target) => ({ target, first: firstRank(target, settings, facts, parts), second: weightRank(target, session, parts.random) }));
  ranks.sort((one, other) => one.target.priority - other.target.priority || lastIfWeightless(one.target) - lastIfWeightless(other.target) || (one.first === other.first ? compare(one.second, other.second) : compare(one.first, other.first)));
  const order = ranks.map(({ target }) => target);
  const stays = settings.choose !== "weighted" && session !== null ? order.findIndex((target) => parts.stays !== null && targetName(target) === targetName(parts.stays)) : -1;
  // It does not stay behind targets of a better priority, which may have come back, nor with one that lost its weight.
  const first = stays >= 0 && order[stays]!.priority === order[0]!.priority && lastIfWeightless(order[stays]!) === lastIfWeightless(order[0]!) ? stays : explored(order, settings, parts);
  return first <= 0 ? order : [order[first]!, ...order.slice(0, first), ...order.slice(first + 1)];
}

function lastIfWeightless({ weight }: RouteTarget): number {
  return weight === 0 ? 1 : 0;
}

function firstRank(target: RouteTarget, { choose }: RouteSettings, facts: CallFacts, { latencyMs }: ChoiceParts): number {
  // What is not known is tried: only so it becomes known.
  if (choose === "latency") return latencyMs(target) ?? -1;
  return choose === "cost" ? (facts.worstCost(target) ?? Infinity) : 0;
}

function weightRank(target: RouteTarget, session: string | null, random: () => number): number {
  if (target.weight === 0) return Infinity;
  const u = session === null ? random() : saltOf(target).of(session);
  return -Math.log(1 - u) / target.weight;
}

function saltOf(target: RouteTarget): KeyFraction {
  let salt = salts.get(target);
  if (salt === undefined) salts.set(target, (salt = new KeyFraction(targetName(target))));
  return salt;
}

function explored(order: readonly RouteTarget[], { choose }: RouteSettings, { random }: ChoiceParts): number {
  if (choose !== "latency" || random() * exploreOneOf >= 1) return 0;
  const alike = order.filter(({ priority, weight }) => priority === order[0]!.priority && weight > 0).length;
  return alike === 0 ? 0 : Math.floor(random() * alike);
}

/** Infinity is equal to itself, which a difference would not say. */
function compare(one: number, other: number): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
