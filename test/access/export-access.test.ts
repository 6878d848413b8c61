import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { linearModel } from "../kit/onnx-models.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

const model = linearModel({ weights: [3] });
const digest = `sha256:${createHash("sha256").update(model).digest("hex")}`;

describe("exports, which run code of models on the server", { timeout: 300_000 }, () => {
  let server: SecuredServer;
  const keys: Record<string, string> = {};
  before(async () => {
    server = await startSecuredServer();
    for (const name of ["red", "blue"]) await server.asAdmin("POST", "/api/teams", { name });
    const grants = { red: { role: "deployer", team: "red" }, blue: { role: "deployer", team: "blue" }, both: { role: "viewer", team: "red" }, contributor: { role: "contributor" } };
    for (const [name, grant] of Object.entries(grants)) {
      const further = name === "both" ? [{ role: "deployer", team: "blue" }] : [];
      keys[name] = (JSON.parse((await server.asAdmin("POST", "/api/keys", { name, grants: [grant, ...further] })).body) as { key: string }).key;
    }
    await fetch(`${server.slipway.url}/api/blobs`, { method: "PUT", headers: { authorization: `Bearer ${keys.red}` }, body: Buffer.from(model) });
    assert.equal((await call("red", "/api/models/secret/versions", { artifact: digest, fileName: "m.onnx", team: "red", activate: false })).status, 200);
  });
  after(() => server.stop());

  const call = (who: string, path: string, body: unknown): Promise<RawReply> =>
    server.send("POST", path, [`Host: ${server.host}`, `Authorization: Bearer ${keys[who]}`, "Content-Type: application/json"], JSON.stringify(body));
  const start = (who: string, source: unknown, team = "red"): Promise<RawReply> => call(who, "/api/exports", { source, to: "onnx", team });
  const masked = ({ status, body }: RawReply, ...names: string[]): [number, string] => [status, names.reduce((text, name) => text.replaceAll(name, "NAME"), body.replace(/req_[0-9a-z]{26}/g, "req"))];

  it("of what another team has are as of what is not there", async () => {
    for (const [theirs, nobodys] of [["models:/secret/1", "models:/absent/1"], ["models:/secret@champion", "models:/absent@champion"]]) {
      const answer = masked(await start("blue", { uri: theirs }), "secret");
      assert.deepEqual(answer, masked(await start("blue", { uri: nobodys }), "absent"));
      assert.equal(answer[0], 404);
    }
    const other = `sha256:${"0".repeat(64)}`;
    const taken = masked(await start("blue", { artifact: digest, fileName: "m.pkl" }, "blue"), digest);
    assert.deepEqual(taken, masked(await start("blue", { artifact: other, fileName: "m.pkl" }, "blue"), other));
    assert.equal(taken[0], 404);
  });

  it("need the role deployer on the model or in the team, and an admin by the workflow's own route", async () => {
    assert.equal((await start("both", { uri: "models:/secret/1" })).status, 403);
    assert.equal((await start("contributor", { uri: "models:/secret/1" })).status, 403);
    assert.equal((await start("blue", { artifact: digest, fileName: "m.pkl" }, "red")).status, 403);
    assert.equal((await call("red", "/api/workflows/export/runs", { input: { located: digest, opset: null, force: false }, team: "red" })).status, 403);
  });

  it("say what cannot be converted at once, to whoever may", async () => {
    const { status, body } = await start("red", { uri: "models:/secret/1" });
    assert.equal(status, 400);
    assert.match(body, /EXPORT_FAILED.*in ONNX already/s);
    assert.match((await start("red", { uri: "s3://somewhere/else" })).body, /INVALID_REQUEST/);
  });
});
