import { isIPv6 } from "node:net";
import { AppError } from "../core/errors.ts";
import { RecentMap } from "../core/recent-map.ts";

export interface AttemptLimits {
  /** Wrong keys that an address may show at once. */
  burst: number;
  /** Milliseconds after which it may show one more. */
  refillMs: number;
}

const defaults: AttemptLimits = { burst: 20, refillMs: 3000 };
const trackedAddresses = 10_000;

/** Counts wrong credentials by the network that they came from. Guessing 256 bits is hopeless anyway: this keeps guesses from costing a lookup each. */
export class AttemptLimiter {
  readonly #limits: AttemptLimits;
  /** Attempts that were used, as of a time. */
  readonly #used = new RecentMap<string, { count: number; at: number }>(trackedAddresses);

  constructor(limits: Partial<AttemptLimits> = {}) {
    this.#limits = { ...defaults, ...limits };
  }

  /** `monotonic` in milliseconds. Throws TOO_MANY_ATTEMPTS. */
  check(address: string, monotonic: number): void {
    const { burst, refillMs } = this.#limits;
    const count = this.#count(networkOf(address), monotonic);
    if (count + 1 <= burst) return;
    throw new AppError("TOO_MANY_ATTEMPTS", "Too many wrong keys came from this address.", { retryAfterSeconds: Math.max(1, ((count - burst + 1) * refillMs) / 1000) });
  }

  failed(address: string, monotonic: number): void {
    const network = networkOf(address);
    this.#used.set(network, { count: Math.min(this.#limits.burst, this.#count(network, monotonic)) + 1, at: monotonic });
  }

  #count(network: string, monotonic: number): number {
    const used = this.#used.get(network);
    return used === undefined ? 0 : Math.max(0, used.count - (monotonic - used.at) / this.#limits.refillMs);
  }
}

/** An IPv4 address, or the /64 that one IPv6 subscriber has. Some proxies tell the port along: each connection has another. */
export function networkOf(address: string): string {
  const bare = address.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1").replace(/^\[([^\]]*)\](:\d+)?$/, "$1").replace(/%.*$/, "");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  if (mapped !== null) return mapped[1]!;
  if (!isIPv6(bare)) return bare.slice(0, 64);
  const [head = "", tail] = bare.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    while (groups.length < 8 - rest.length) groups.push("0");
    groups.push(...rest);
  }
  return `${groups.slice(0, 4).map((group) => group.toLowerCase().replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
