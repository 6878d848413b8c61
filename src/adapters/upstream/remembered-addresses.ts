import type { Clock } from "../../core/clock.ts";
import type { Resolver } from "../egress/node-egress-client.ts";

const rememberedMs = 5000;
const maxNames = 1000;

/** Looks a name up once in five seconds and not for every request. What was found is judged for every request all the same. */
export function rememberedAddresses(resolve: Resolver, clock: Clock): Resolver {
  const known = new Map<string, { until: number; addresses: Promise<readonly string[]> }>();
  return (hostname) => {
    const now = clock.monotonic();
    const found = known.get(hostname);
    if (found !== undefined && now < found.until) return found.addresses;
    if (known.size >= maxNames) known.clear();
    const addresses = resolve(hostname);
    known.set(hostname, { until: now + rememberedMs, addresses });
    // A name that was not there may be in the next moment.
    addresses.catch(() => known.delete(hostname));
    return addresses;
  };
}
