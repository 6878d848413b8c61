import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, Server, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, mock } from "node:test";
import { startSlipway } from "../../src/compose.ts";
import { Config } from "../../src/config/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { startServer } from "../kit/running-server.ts";

describe("a server that goes down", { timeout: 120_000 }, () => {
  it("takes every step though some fail, tells each, and leaves nothing open", async () => {
    const directory = mkdtempSync(join(tmpdir(), "slipway-stopping-"));
    const config = Config.parse({ port: 0, grpcPort: 0, data: join(directory, "data"), drainMs: 0 });
    let isBroken = false;
    const clock: typeof systemClock = { ...systemClock, now: () => {
      if (isBroken) throw new RangeError("The clock is broken.");
      return systemClock.now();
    } };
    const failed: unknown[] = [];
    const slipway = await startSlipway(config, { clock, logger: { ...silentLogger, error: (event, fields) => failed.push(`${event} ${String(fields?.step)}`) } });
    isBroken = true;
    const stopping = slipway.stop();
    // Whoever asks again is told the same.
    assert.equal(slipway.stop(), stopping);
    await assert.rejects(stopping, (error) => error instanceof AggregateError && error.errors.every((cause) => cause instanceof RangeError) && /access, audit/.test(error.message));
    assert.deepEqual(failed.filter((line) => String(line).startsWith("server.")), ["server.step_not_ended access", "server.step_not_ended audit"]);
    // The lock and the database are free.
    const next = await startSlipway(config, { logger: silentLogger });
    await next.stop();
    rmSync(directory, { recursive: true });
  });

  it("stays up where the system cannot hand over a connection, and says so", async () => {
    const directory = mkdtempSync(join(tmpdir(), "slipway-stopping-"));
    const listen = mock.method(Server.prototype, "listen");
    const failed: unknown[] = [];
    const slipway = await startSlipway(Config.parse({ port: 0, grpcPort: 0, data: join(directory, "data"), drainMs: 0 }), { logger: { ...silentLogger, error: (event, fields) => failed.push(`${event} ${String(fields?.listener)}`) } });
    listen.mock.restore();
    const listeners = listen.mock.calls.map((call) => call.this as Server);
    assert.deepEqual(listeners.map((listener) => (listener.address() as AddressInfo).port), [slipway.httpPort, slipway.grpcPort]);
    for (const listener of listeners) listener.emit("error", Object.assign(new Error("accept ENFILE"), { code: "ENFILE" }));
    assert.equal((await fetch(`${slipway.url}/ready`)).status, 200);
    assert.deepEqual(failed, ["listener.failed HTTP", "listener.failed gRPC"]);
    await slipway.stop();
    rmSync(directory, { recursive: true });
  });

  it("ends its process also where something still holds it", async () => {
    const held = `data:text/javascript,${encodeURIComponent('import { isMainThread } from "node:worker_threads"; if (isMainThread) setInterval(() => undefined, 1000)')}`;
    const server = await startServer({ environment: { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import ${held}` } });
    assert.equal(await server.stop(), 0);
  });

  it("goes on when nobody reads any more what it says", async () => {
    const server = await startServer({ onSpawn: (child) => child.stderr!.destroy() });
    assert.equal((await fetch(`${server.url}/ready`)).status, 200);
    assert.equal(await server.stop(), 0);
  });

  it("says which port is taken, HTTP's or gRPC's, and ends", async () => {
    const taken = createServer().listen(0, "127.0.0.1").unref();
    await once(taken, "listening");
    const port = String((taken.address() as AddressInfo).port);
    for (const flags of [["--port", port], ["--port", "0", "--grpc-port", port]]) {
      await assert.rejects(startServer({ flags }), new RegExp(`code 1:[^]*CONFIG_INVALID: Cannot listen (on|for gRPC on) 127.0.0.1: port ${port} is taken`));
    }
    taken.close();
  });
});
