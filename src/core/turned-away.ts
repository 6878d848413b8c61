import type { MetricFamily } from "./metric-family.ts";

/** What there may be no room for when a request comes: connections, bodies that are held, large answers that come, calls that wait for a limit, answers that wait for their check, counts of tokens that wait. */
const rooms = ["connections", "bodies", "answers", "limit queues", "output checks", "token counts"] as const;
type Room = (typeof rooms)[number];

/** How often something was turned away with 503 for want of room, by what was full, since this process started: some of these have one error code together. */
export class TurnedAway {
  readonly #counts = new Map<Room, number>(rooms.map((room) => [room, 0]));

  count(room: Room): void {
    this.#counts.set(room, this.#counts.get(room)! + 1);
  }

  /** For `/metrics`; with those that were never full, so that the first time is a rise. */
  family(): MetricFamily {
    return { name: "slipway_turned_away_total", help: "Requests and calls that were turned away for want of room, by what was full.", type: "counter", samples: [...this.#counts].map(([full, value]) => ({ labels: { full }, value })) };
  }
}
