import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { HeldWrites } from "../kit/held-writes.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { deployTwoVersions, openSharedStores, type SharedStores } from "../kit/two-versions.ts";

const wanted = "stopped, and bolder promoted, by local: it is better";
/** Where the database holds the server until it is killed: each write as a table, what it changes, and for which rows. */
const places = {
  "between the wish and the promotion": { table: "model_aliases", when: "NEW.version = 2" },
  "between the promotion and the end": { table: "rollouts", when: "NEW.state = 'succeeded'" },
};

async function testUnderWay(server: RunningServer): Promise<string> {
  await deployTwoVersions(server, "killed");
  return (await server.client.abTests.start("killed", { variants: [{ name: "bolder", version: "2" }], metric: "latency", direction: "down" })).id;
}

/** Done, and not half: the end, its reason, the champion, both stages and the traffic. */
async function assertDone({ client }: RunningServer, id: string): Promise<void> {
  while ((await client.abTests.report(id)).rollout.state === "running") await pause(100);
  const { rollout } = await client.abTests.report(id);
  assert.deepEqual([rollout.state, rollout.reason, rollout.request], ["succeeded", wanted, null]);
  const { model, versions } = await client.model("killed");
  assert.deepEqual([model.aliases.champion, Object.fromEntries(versions.map(({ version, stage }) => [version, stage]))], ["2", { 1: "None", 2: "Production" }]);
  for (let row = 0; row < 20; row++) {
    let version = "";
    // Versions are loaded behind the start.
    while (version === "") version = await client.infer("killed", [{ name: "features", datatype: "FP32", shape: [1, 1], data: [row] }]).then((answer) => answer.version, (error: { code: string }) => (assert.equal(error.code, "VERSION_NOT_READY"), ""));
    if (version !== "2") assert.notEqual((await client.rollouts.find(id)).route, null, "the champion answers once the route is gone");
  }
}

describe("ends of A/B tests whose server is killed", { timeout: 480_000 }, () => {
  for (const [place, { table, when }] of Object.entries(places)) {
    it(`are done after the next start, ${place}`, async () => {
      let server = await startServer();
      const id = await testUnderWay(server);
      const database = new DatabaseSync(join(server.directory, "data", "slipway.db"), { timeout: 60_000 });
      database.exec("CREATE VIEW without_end AS WITH RECURSIVE number (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM number) SELECT count(*) AS counted FROM number");
      for (const change of ["INSERT", "UPDATE"]) database.exec(`CREATE TRIGGER held_${change} BEFORE ${change} ON ${table} WHEN ${when} BEGIN SELECT counted FROM without_end; END`);
      const stopped = server.client.abTests.stop(id, { promote: "bolder", reason: "it is better" }).catch(() => undefined);
      const isThere = (): boolean => table === "rollouts"
        ? database.prepare("SELECT version FROM model_aliases WHERE alias = 'champion'").get()?.version === 2
        : database.prepare("SELECT request_json FROM rollouts").get()?.request_json !== null;
      while (!isThere()) await pause(20);
      await server.kill();
      await stopped;
      for (const change of ["INSERT", "UPDATE"]) database.exec(`DROP TRIGGER held_${change}`);
      database.exec("DROP VIEW without_end");
      assert.equal(database.prepare("SELECT state FROM rollouts").get()?.state, "running");
      database.close();
      server = await startServer({ directory: server.directory });
      try {
        await assertDone(server, id);
      } finally {
        await server.stop();
      }
    });
  }
});

describe("ends of A/B tests of two servers on one Postgres", { timeout: 480_000 }, () => {
  let shared: SharedStores;
  before(async () => {
    shared = await openSharedStores();
  });
  after(() => shared.remove());

  it("are done by the other one where the first is killed between the promotion and the end", async () => {
    const { cluster, environment } = shared;
    const first = await startServer({ environment });
    const id = await testUnderWay(first);
    const other = await startServer({ environment });
    const held = await HeldWrites.hold(cluster, { change: "UPDATE", ...places["between the promotion and the end"] });
    try {
      const stopped = first.client.abTests.stop(id, { promote: "bolder", reason: "it is better" }).catch(() => undefined);
      await held.isThere();
      await first.kill();
      await stopped;
      assert.deepEqual(await cluster.query("SELECT version::int FROM model_aliases WHERE alias = 'champion'"), [{ version: 2 }]);
      await held.release();
      await assertDone(other, id);
    } finally {
      await first.kill();
      await held.release();
      await other.stop();
      await rm(first.directory, { recursive: true, force: true });
    }
  });
});
