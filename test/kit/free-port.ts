import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const given = new Set<number>();

/**
 * A port of loopback that was free a moment ago, for what must know its port before it listens. Below those that the system
 * hands out by itself: nothing that listens at port 0 or calls somebody takes it in between.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    if (given.has(port)) continue;
    const probe = createServer();
    const listens = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!listens) continue;
    await new Promise((resolve) => probe.close(resolve));
    given.add(port);
    return port;
  }
}
