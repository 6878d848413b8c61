import type { Limits } from "../schemas.ts";
import type { Bucket, BucketWant, Slot } from "./limit-store.ts";

/** Somebody or something whose calls are limited. The id is unique among its kind. */
export interface LimitedParty {
  id: string;
  limits: Limits;
}

/** Who limits a call; each that is there must let it in. */
export interface LimitedCall {
  key?: LimitedParty;
  route?: LimitedParty;
  model?: LimitedParty;
  provider?: LimitedParty;
  /** Tokens of input and output that the call will use, by estimate. */
  tokens: number;
}

/** What one call asks of the store. */
export interface Wants {
  estimate: number;
  buckets: BucketWant[];
  /** Those of the buckets that count tokens. */
  tokens: Bucket[];
  slots: Slot[];
  parties: Party[];
}

export interface Party {
  /** Such as `key:key_01...`. */
  id: string;
  limits: Limits;
}

/** The most specific first: the caller's own limit refuses before one that it shares. */
const kinds = ["key", "route", "model", "provider"] as const;
export type PartyKind = (typeof kinds)[number];

const requestsEnding = ":requests";
const tokensEnding = ":tokens";
const callsEnding = ":calls";

/** What is the same for each call of a party, written once: this runs on every call. */
interface PreparedParty {
  party: Party;
  requests: BucketWant | null;
  tokens: Bucket | null;
  calls: Slot | null;
}

const prepared = new WeakMap<Limits, PreparedParty & { kind: string; id: string }>();

function prepare(kind: string, { id, limits }: LimitedParty): PreparedParty {
  const known = prepared.get(limits);
  if (known !== undefined && known.id === id && known.kind === kind) return known;
  const { requestsPerMinute, tokensPerMinute, concurrency } = limits;
  const partyId = `${kind}:${id}`;
  const made = {
    kind, id, party: { id: partyId, limits },
    // Less than one in a minute is one in more than a minute.
    requests: requestsPerMinute === undefined ? null : { bucket: { id: partyId + requestsEnding, capacity: Math.max(1, requestsPerMinute), perMinute: requestsPerMinute }, amount: 1 },
    tokens: tokensPerMinute === undefined ? null : { id: partyId + tokensEnding, capacity: tokensPerMinute, perMinute: tokensPerMinute },
    calls: concurrency === undefined ? null : { id: partyId + callsEnding, most: concurrency },
  };
  prepared.set(limits, made);
  return made;
}

export function wantsOf(request: LimitedCall): Wants {
  const wants: Wants = { estimate: request.tokens, buckets: [], tokens: [], slots: [], parties: [] };
  for (const kind of kinds) {
    const limited = request[kind];
    if (limited === undefined) continue;
    const { party, requests, tokens, calls } = prepare(kind, limited);
    if (requests === null && tokens === null && calls === null) continue;
    wants.parties.push(party);
    if (requests !== null) wants.buckets.push(requests);
    if (tokens !== null) {
      wants.buckets.push({ bucket: tokens, amount: request.tokens });
      wants.tokens.push(tokens);
    }
    if (calls !== null) wants.slots.push(calls);
  }
  return wants;
}

export function idsOf({ buckets, slots }: Wants): string[] {
  return [...slots.map(({ id }) => id), ...buckets.map(({ bucket }) => bucket.id)];
}

/** Whose queue the call waits in: the most specific that has one, up to the party that refused. A refusal of a party without a queue can be waited for only in the queue of a more specific one. */
export function queueOf(parties: readonly Party[], refusedBy: string): Party | null {
  const refuser = parties.findIndex(({ id }) => refusedBy.startsWith(`${id}:`));
  return parties.slice(0, refuser + 1).find(({ limits }) => limits.queue > 0) ?? null;
}
