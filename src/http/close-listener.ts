import type { Listener } from "./open-listener.ts";

/** How often what may be closed meanwhile is looked for. */
const intervalMs = 20;

/**
 * Takes no further connection, and settles when those that are open have ended: each when no request of it is under way. An answer that began before its server was closed leaves its connection open, and so does a request that came with it.
 * `isBusy`: whether any request is under way; without one even a connection that has begun to send its next is closed.
 */
export async function closeListener({ server, endHandshakes }: Listener, isBusy: () => boolean): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const close = (): void => {
    server.closeIdleConnections();
    if (isBusy()) return;
    server.closeAllConnections();
    endHandshakes();
  };
  close();
  const closing = setInterval(close, intervalMs);
  await closed;
  clearInterval(closing);
}
