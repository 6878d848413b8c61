import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { startServer, type RunningServer } from "./running-server.ts";

/** What a file may do with a server that others use after it: nothing that ends it. */
export type BorrowedServer = Pick<RunningServer, "url" | "client"> & {
  /** Takes all routes and providers away, for the next to begin with none. */
  giveBack(): Promise<void>;
};

let shared: Promise<RunningServer> | undefined;

/**
 * A server that may call this machine, for tests of the gateway that need no other settings and look at no sums over all calls: those that
 * share a process use it one after the other, for a start costs more than what they do. One that died is not lent again.
 */
export async function borrowServer(): Promise<BorrowedServer> {
  const former = await shared?.catch(() => undefined);
  if (former === undefined || former.process.exitCode !== null || former.process.signalCode !== null) shared = start();
  const { url, client } = await shared!;
  return {
    url, client,
    async giveBack() {
      const { routes } = await client.api.get<{ routes: { name: string }[] }>("/api/gateway/routes");
      for (const { name } of routes) await client.api.send("DELETE", `/api/gateway/routes/${name}`);
      const { providers } = await client.api.get<{ providers: { name: string; origin: string }[] }>("/api/gateway/providers");
      for (const { name, origin } of providers) if (origin === "stored") await client.api.send("DELETE", `/api/gateway/providers/${name}`);
    },
  };
}

/** It ends with the process: nobody knows before who is the last to borrow it. */
async function start(): Promise<RunningServer> {
  const server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
  server.process.unref();
  for (const stream of [server.process.stdout, server.process.stderr]) (stream as Socket).unref();
  process.once("exit", () => {
    server.process.kill("SIGKILL");
    rmSync(server.directory, { recursive: true, force: true, maxRetries: 3 });
  });
  return server;
}
