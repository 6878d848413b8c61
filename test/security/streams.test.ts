import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { after, before, describe, it } from "node:test";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

const mostOfOne = 50;

describe("streams that stay open", { timeout: 300_000 }, () => {
  let server: SecuredServer;
  let run: string;
  const keys: Record<string, string> = {};
  before(async () => {
    server = await startSecuredServer();
    for (const name of ["greedy", "modest"]) {
      const made = await server.asAdmin("POST", "/api/keys", { name, grants: [{ role: "viewer" }] });
      keys[name] = (JSON.parse(made.body) as { key: string }).key;
    }
    // It never ends by itself: it is due in a thousand years.
    const started = await server.asAdmin("POST", "/api/workflows/maintenance/runs", { team: "default", startAt: 33_000_000_000_000 });
    run = (JSON.parse(started.body) as { run: { id: string } }).run.id;
  });
  after(() => server.stop());

  /** Answers with the head of the answer alone; the stream goes on. */
  async function follow(path: string, who: string): Promise<IncomingMessage> {
    const headers = { Authorization: `Bearer ${keys[who]}`, Accept: "text/event-stream" };
    const [answer] = (await once(request({ host: "127.0.0.1", port: server.slipway.httpPort, path, headers, agent: false }).end(), "response")) as [IncomingMessage];
    answer.on("error", () => undefined).resume();
    return answer;
  }

  for (const { name, path } of [{ name: "live figures", path: () => "/api/live" }, { name: "a workflow run", path: () => `/api/workflow-runs/${run}/log` }]) {
    it(`are so many for one key and no more, while others still have theirs: ${name}`, async () => {
      const open = await Promise.all(Array.from({ length: mostOfOne }, () => follow(path(), "greedy")));
      assert.deepEqual([...new Set(open.map(({ statusCode }) => statusCode))], [200]);
      const refused = await follow(path(), "greedy");
      assert.deepEqual([refused.statusCode, refused.headers["x-error-code"], refused.headers["retry-after"]], [429, "TOO_MANY_ATTEMPTS", "5"]);
      const others = await follow(path(), "modest");
      assert.equal(others.statusCode, 200);
      open[0]!.destroy();
      // The place is free when the server has seen that the connection is closed.
      let again = await follow(path(), "greedy");
      while (again.statusCode !== 200) again = await follow(path(), "greedy");
      for (const answer of [...open, others, again]) answer.destroy();
    });
  }
});
