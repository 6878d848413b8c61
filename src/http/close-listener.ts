import type { Server } from "node:http";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import type { ConnectionPlaces } from "./connection-places.ts";

/** How often what may be closed meanwhile is looked for. */
const intervalMs = 20;

/**
 * Takes no further connection, and settles when those that are open have ended: each when no request of it is under way and its caller has taken the last answer. An answer that began before its server was closed leaves its
 * connection open, and so does a request that came with it.
 */
export async function closeListener(server: Server, places: ConnectionPlaces): Promise<void> {
  await read();
  let isOpen = true;
  server.close(() => (isOpen = false));
  for (;;) {
    places.endIdle();
    if (!isOpen) return;
    await wait(intervalMs);
    await read();
  }
}

/** What had come by now is read: a server that was held up has connections that only seem to be idle. One turn of the event loop takes the connection, the next one its request. */
async function read(): Promise<void> {
  await nextTurn();
  await nextTurn();
}
