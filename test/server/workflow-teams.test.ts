import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AppError, SlipwayClient, type WorkflowRun } from "../../src/index.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const definitions = `
  import { workflow, z } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
  export default workflow({
    name: "approval", version: 1, description: "Waits for a person", input: z.strictObject({ note: z.string().default("") }),
    run: (context) => context.waitForSignal("answer", { signal: "approved", key: "the same for all" }),
  });
`;

const withCode = (code: string) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

async function untilSleeping(client: SlipwayClient, { id }: WorkflowRun): Promise<void> {
  while ((await client.workflows.find(id)).run.state !== "sleeping") await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("workflows of several teams", { timeout: 300_000 }, () => {
  let server: RunningServer;
  let admin: SlipwayClient;
  const clients: Record<"viewer" | "contributor" | "deployer" | "other" | "modelOnly" | "ofDefault", SlipwayClient> = {} as never;
  let theirs: WorkflowRun;

  before(async () => {
    // Keys are made while the server is open, and asked for afterwards.
    const first = await startServer();
    const module = join(first.directory, "definitions.mts");
    await writeFile(module, definitions);
    const keyOf = async (name: string, grants: unknown[]): Promise<string> => (await first.client.api.send<{ key: string }>("POST", "/api/keys", { name, grants })).key;
    for (const name of ["fraud", "other"]) await first.client.api.send("POST", "/api/teams", { name });
    const keys = {
      admin: await keyOf("admin", [{ role: "admin" }]),
      viewer: await keyOf("viewer", [{ role: "viewer", team: "fraud" }]),
      contributor: await keyOf("contributor", [{ role: "contributor", team: "fraud" }]),
      deployer: await keyOf("deployer", [{ role: "deployer", team: "fraud" }]),
      other: await keyOf("other", [{ role: "admin", team: "other" }]),
      ofDefault: await keyOf("default", [{ role: "admin", team: "default" }]),
      modelOnly: await keyOf("model", [{ role: "admin", team: "fraud", models: ["a"] }]),
    };
    await first.stop({ keep: true });
    server = await startServer({ directory: first.directory, flags: ["--access", "keys", "--workflows", module] });
    admin = new SlipwayClient({ url: server.url, apiKey: keys.admin });
    for (const name of Object.keys(keys)) if (name !== "admin") clients[name as keyof typeof clients] = new SlipwayClient({ url: server.url, apiKey: keys[name as keyof typeof keys] });
    theirs = (await clients.contributor.workflows.start("approval", {}, { team: "fraud" })).run;
  });
  after(() => server.stop());

  it("are started by contributors of the team, in it alone", async () => {
    assert.deepEqual([theirs.team, theirs.owner.startsWith("key:")], ["fraud", true]);
    await assert.rejects(clients.viewer.workflows.start("approval", {}, { team: "fraud" }), withCode("FORBIDDEN"));
    await assert.rejects(clients.contributor.workflows.start("approval", {}), withCode("FORBIDDEN"));
    await assert.rejects(clients.other.workflows.start("approval", {}, { team: "fraud" }), withCode("FORBIDDEN"));
    await assert.rejects(clients.modelOnly.workflows.start("approval", {}, { team: "fraud" }), withCode("FORBIDDEN"));
  });

  it("are seen by their team alone, and by those of the whole server", async () => {
    for (const client of [admin, clients.viewer]) {
      assert.ok((await client.workflows.list()).some(({ id }) => id === theirs.id));
      assert.equal((await client.workflows.find(theirs.id)).run.id, theirs.id);
      assert.deepEqual(await client.workflows.logs(theirs.id), []);
    }
    for (const client of [clients.other, clients.modelOnly]) {
      assert.deepEqual(await client.workflows.list(), []);
      const missing = `wfr_${"0".repeat(26)}`;
      for (const ask of [(id: string) => client.workflows.find(id), (id: string) => client.workflows.logs(id), (id: string) => client.workflows.cancel(id), (id: string) => client.workflows.wait(id)]) {
        const messages = await Promise.all([theirs.id, missing].map((id) => ask(id).then(() => "found", (error: AppError) => `${error.code} ${error.message.replace(id, "ID")}`)));
        assert.equal(messages[0], messages[1]);
        assert.match(messages[0]!, /^(RUN_NOT_FOUND|FORBIDDEN)/);
      }
    }
    assert.deepEqual((await clients.other.workflows.definitions()).map(({ name, runs }) => [name, runs]), [["approval", {}], ["evaluate", {}], ["export", {}], ["import", {}], ["maintenance", {}], ["rollout", {}]]);
  });

  it("give no run of one team to another by an idempotency key, nor take the key away", async () => {
    const first = await clients.contributor.workflows.start("approval", { note: "ours" }, { team: "fraud", idempotencyKey: "shared" });
    const second = await clients.other.workflows.start("approval", { note: "ours" }, { team: "other", idempotencyKey: "shared" });
    assert.deepEqual([second.created, second.run.team, second.run.idempotencyKey], [true, "other", "shared"]);
    assert.notEqual(second.run.id, first.run.id);
    // Both wait for the signal of the next test, and whoever is faster takes it.
    for (const [client, { run }] of [[clients.contributor, first], [clients.other, second]] as const) {
      await client.workflows.cancel(run.id);
      assert.equal((await client.workflows.wait(run.id)).state, "cancelled");
    }
  });

  it("take signals of their own team alone", async () => {
    await untilSleeping(admin, theirs);
    await assert.rejects(clients.other.workflows.signal("approved", { key: "the same for all", team: "fraud" }), withCode("FORBIDDEN"));
    await clients.other.workflows.signal("approved", { key: "the same for all", team: "other", payload: "not theirs" });
    const own = (await clients.other.workflows.start("approval", {}, { team: "other" })).run;
    assert.equal((await clients.other.workflows.wait(own.id)).output, "not theirs");
    assert.equal((await admin.workflows.find(theirs.id)).run.state, "sleeping");
    await clients.contributor.workflows.signal("approved", { key: "the same for all", team: "fraud", payload: "theirs" });
    assert.equal((await clients.viewer.workflows.wait(theirs.id)).output, "theirs");
  });

  it("take no signals for a team that is not there, and keep theirs from being removed while a run has not ended", async () => {
    await assert.rejects(admin.workflows.signal("approved", { key: "the same for all", team: "nobody" }), withCode("TEAM_NOT_FOUND"));
    const add = (name: string) => admin.api.send("POST", "/api/teams", { name });
    const remove = (name: string) => admin.api.send("DELETE", `/api/teams/${name}`);
    await add("short-lived");
    const { run } = await admin.workflows.start("approval", {}, { team: "short-lived" });
    await untilSleeping(admin, run);
    await assert.rejects(remove("short-lived"), withCode("TEAM_NOT_EMPTY"));
    assert.equal((await admin.workflows.find(run.id)).run.state, "sleeping");
    await admin.workflows.cancel(run.id);
    assert.equal((await admin.workflows.wait(run.id)).state, "cancelled");
    await remove("short-lived");
    await assert.rejects(admin.workflows.start("approval", {}, { team: "short-lived" }), withCode("TEAM_NOT_FOUND"));
  });

  it("are cancelled and retried by contributors of the team", async () => {
    const { run } = await clients.contributor.workflows.start("approval", {}, { team: "fraud" });
    await untilSleeping(admin, run);
    await assert.rejects(clients.viewer.workflows.cancel(run.id), withCode("FORBIDDEN"));
    await clients.contributor.workflows.cancel(run.id);
    assert.equal((await clients.viewer.workflows.wait(run.id)).state, "cancelled");
    await assert.rejects(clients.viewer.workflows.retry(run.id), withCode("FORBIDDEN"));
    assert.equal((await clients.contributor.workflows.retry(run.id)).id, run.id);
    await clients.contributor.workflows.cancel(run.id);
  });

  it("are scheduled by deployers of the team, and no name is taken from another", async () => {
    const spec = { workflow: "approval", cron: "0 3 * * *", team: "fraud" };
    await assert.rejects(clients.contributor.workflows.schedule("nightly", spec), withCode("FORBIDDEN"));
    assert.equal((await clients.deployer.workflows.schedule("nightly", spec)).team, "fraud");
    assert.deepEqual((await clients.viewer.workflows.schedules()).map(({ name }) => name), ["nightly"]);
    assert.deepEqual(await clients.other.workflows.schedules(), []);
    await assert.rejects(clients.other.workflows.schedule("nightly", { ...spec, team: "other" }), withCode("NAME_TAKEN"));
    await assert.rejects(clients.other.workflows.unschedule("nightly"), withCode("SCHEDULE_NOT_FOUND"));
    await assert.rejects(clients.contributor.workflows.unschedule("nightly"), withCode("FORBIDDEN"));
    await clients.deployer.workflows.unschedule("nightly");
  });

  it("leave the server's own housekeeping to admins of the whole server", async () => {
    const pause = (client: SlipwayClient) => client.workflows.schedule("maintenance", { workflow: "maintenance", cron: "17 * * * *", team: "default", paused: true });
    assert.deepEqual(await clients.ofDefault.workflows.schedules(), []);
    await assert.rejects(pause(clients.ofDefault), withCode("NAME_TAKEN"));
    await assert.rejects(clients.ofDefault.workflows.unschedule("maintenance"), withCode("SCHEDULE_NOT_FOUND"));
    const [kept] = await admin.workflows.schedules();
    assert.deepEqual([kept!.name, kept!.paused, kept!.team], ["maintenance", false, "*"]);
    assert.equal((await pause(admin)).paused, true);
  });
});
