import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

describe("the list of experiments", () => {
  let server: SecuredServer;
  const ids: Record<string, string> = {};
  before(async () => {
    server = await startSecuredServer();
    for (const team of ["red", "blue"]) {
      assert.equal((await server.asAdmin("POST", "/api/teams", { name: team })).status, 200);
      const made = await server.asAdmin("POST", "/api/2.0/mlflow/experiments/create", { name: `of ${team}`, tags: [{ key: "slipway.team", value: team }] });
      ids[team] = (JSON.parse(made.body) as { experiment_id: string }).experiment_id;
      assert.equal((await server.asAdmin("POST", "/api/2.0/mlflow/runs/create", { experiment_id: ids[team], user_id: team, start_time: 5 })).status, 200);
    }
  });
  after(() => server.stop());

  it("has what the caller may see, with what is known of its runs", async () => {
    const seenBy = async (grant: object): Promise<unknown[]> => {
      const made = await server.asAdmin("POST", "/api/keys", { name: "reader", grants: [grant] });
      const { key } = JSON.parse(made.body) as { key: string };
      const answer = await server.send("GET", "/api/experiments?limit=2", [`Host: ${server.host}`, `Authorization: Bearer ${key}`]);
      assert.equal(answer.status, 200, answer.body);
      const { experiments, next } = JSON.parse(answer.body) as { experiments: { id: string; name: string; team: string; runs: number; lastUser: string }[]; next: string | null };
      return [...experiments.map(({ id, name, team, runs, lastUser }) => [id, name, team, runs, lastUser]), next];
    };
    const [red, blue] = [[ids.red, "of red", "red", 1, "red"], [ids.blue, "of blue", "blue", 1, "blue"]];
    assert.deepEqual(await seenBy({ role: "viewer", team: "red" }), [red, null]);
    assert.deepEqual(await seenBy({ role: "viewer", team: "blue", experiments: [ids.blue] }), [blue, null]);
    assert.deepEqual(await seenBy({ role: "admin", team: "red", models: ["m"] }), [null]);
    assert.deepEqual(await seenBy({ role: "viewer", team: "*" }), [blue, red, ids.red]);
  });
});
