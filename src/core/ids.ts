import { randomFillSync } from "node:crypto";
import type { Clock, EpochMs } from "./clock.ts";

/** Every id is `<prefix>_<22 to 26 characters>`; the prefix tells what it names. */
export const idPrefixes = {
  prediction: "prd",
  request: "req",
  model: "mdl",
  upload: "upl",
  event: "evt",
  key: "key",
  user: "usr",
  webhook: "whk",
  run: "wfr",
  signal: "sig",
  backup: "bck",
  view: "vie",
  change: "chg",
  evaluation: "evl",
  rollout: "rol",
  verdict: "vdt",
  upstreamHeaders: "uph",
  chatCompletion: "chatcmpl",
  message: "msg",
  response: "resp",
  ledgerEntry: "led",
  reservation: "rsv",
  feedback: "fbk",
} as const;

export type IdKind = keyof typeof idPrefixes;
export type Id<Kind extends IdKind> = `${(typeof idPrefixes)[Kind]}_${string}`;

export interface IdGenerator {
  /** A new id. Ids of one generator sort by the time of their making, also within one millisecond. */
  next<Kind extends IdKind>(kind: Kind): Id<Kind>;
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

function encodeTime(time: number): string {
  let text = "";
  for (let index = 0; index < 10; index++) {
    text = alphabet[time % 32] + text;
    time = Math.floor(time / 32);
  }
  return text;
}

/**
 * Time-ordered ids: 48 bits of milliseconds, a 20-bit counter within the millisecond, 60 random bits, in Crockford
 * base 32 (lower case): 26 characters. When the clock steps back, the last time is kept, so order never breaks.
 */
export class TimeOrderedIds implements IdGenerator {
  readonly #clock: Clock;
  readonly #pool = Buffer.alloc(12 * 512);
  #poolOffset = this.#pool.length;
  #lastTime = 0;
  #timeText = "";
  #counter = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next<Kind extends IdKind>(kind: Kind): Id<Kind> {
    const now = this.#clock.now();
    if (now > this.#lastTime) {
      this.#lastTime = now;
      this.#timeText = encodeTime(now);
      this.#counter = 0;
    } else if (++this.#counter >= 1 << 20) {
      this.#lastTime++;
      this.#timeText = encodeTime(this.#lastTime);
      this.#counter = 0;
    }
    if (this.#poolOffset + 12 > this.#pool.length) {
      randomFillSync(this.#pool);
      this.#poolOffset = 0;
    }
    const pool = this.#pool;
    const counter = this.#counter;
    let text = `${idPrefixes[kind]}_${this.#timeText}`;
    text += alphabet[counter >> 15]! + alphabet[(counter >> 10) & 31] + alphabet[(counter >> 5) & 31] + alphabet[counter & 31];
    for (let index = 0; index < 12; index++) text += alphabet[pool[this.#poolOffset + index]! & 31];
    this.#poolOffset += 12;
    return text as Id<Kind>;
  }
}

const idPattern = /^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$/;

export function isId(kind: IdKind, text: string): boolean {
  return text.startsWith(`${idPrefixes[kind]}_`) && idPattern.test(text);
}

/** The time at which an id was made. */
export function timeOfId(id: string): EpochMs {
  let time = 0;
  for (const character of id.slice(4, 14)) time = time * 32 + alphabet.indexOf(character);
  return time as EpochMs;
}

/** Less than every id of the kind that was made at the time or later, and greater than those made before. */
export function firstIdOf(kind: IdKind, time: EpochMs): string {
  return `${idPrefixes[kind]}_${encodeTime(time)}${"0".repeat(16)}`;
}

/** A number in [0, 1) out of the random part of an id: equal for every asker, spread evenly over ids. */
export function fractionOfId(id: string): number {
  let value = 0;
  for (const character of id.slice(-6)) value = value * 32 + alphabet.indexOf(character);
  return value / 32 ** 6;
}
