import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ApiClient } from "../core/api-client.ts";
import { AppError } from "../core/errors.ts";
import type { ServerSentEvent } from "../core/server-sent-events.ts";
import { followRun } from "./follow-run.ts";

/** Each connection says its events, and then breaks with an error or ends. */
function clientOf(connections: readonly (readonly [event: string, data: unknown] | AppError)[][]): { api: ApiClient; paths: string[] } {
  const paths: string[] = [];
  const api = {
    async *follow(path: string): AsyncGenerator<ServerSentEvent> {
      const connection = connections[paths.length];
      assert.ok(connection, "one connection too many");
      paths.push(path);
      for (const item of connection) {
        if (item instanceof AppError) throw item;
        yield { event: item[0], data: JSON.stringify(item[1]) };
      }
    },
  };
  return { api: api as unknown as ApiClient, paths };
}

const line = (sequence: number) => ["line", { sequence, step: "a", time: 1, stream: "log", line: `line ${sequence}` }] as const;
const run = (state: string) => ["run", { run: { id: "wfr_1", state } }] as const;
const end = ["end", { run: { id: "wfr_1", state: "succeeded" } }] as const;
const away = new AppError("SERVER_UNREACHABLE", "gone");

async function follow(api: ApiClient, options: { after?: number; signal?: AbortSignal } = {}): Promise<string[]> {
  const told: string[] = [];
  for await (const event of followRun(api, "wfr_1", { ...options, retryMs: 0 })) {
    told.push(event.type === "line" ? `line ${event.line.sequence}` : event.type === "step" ? "step" : `${event.type} ${event.run.state}`);
  }
  return told;
}

describe("followRun", () => {
  it("tells what comes until the end, and ignores what it does not know", async () => {
    const { api, paths } = clientOf([[run("running"), line(1), ["news", {}], ["step", { step: { step: "a" } }], end, line(2)]]);
    assert.deepEqual(await follow(api), ["run running", "line 1", "step", "end succeeded"]);
    assert.deepEqual(paths, ["/api/workflow-runs/wfr_1/log?after=0"]);
  });

  it("comes back after the last line when the connection breaks, ends, or the server goes down", async () => {
    const { api, paths } = clientOf([[line(4), line(7), away], [line(8)], [new AppError("SHUTTING_DOWN", "soon")], [away], [end]]);
    assert.deepEqual(await follow(api, { after: 3 }), ["line 4", "line 7", "line 8", "end succeeded"]);
    assert.deepEqual(paths.map((path) => path.split("after=")[1]), ["3", "7", "8", "8", "8"]);
  });

  it("fails when the server was never there, and with every other failure", async () => {
    await assert.rejects(follow(clientOf([[away]]).api), (error) => error === away);
    const missing = new AppError("RUN_NOT_FOUND", "no such run");
    await assert.rejects(follow(clientOf([[line(1), missing]]).api), (error) => error === missing);
  });

  it("ends without an end when it is told to stop", async () => {
    const stop = new AbortController();
    const { api } = clientOf([[line(1), away]]);
    const told: string[] = [];
    for await (const event of followRun(api, "wfr_1", { signal: stop.signal, retryMs: 3_600_000 })) {
      told.push(event.type);
      stop.abort();
    }
    assert.deepEqual(told, ["line"]);
  });
});
