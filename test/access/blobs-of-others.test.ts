import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { SlipwayClient } from "../../src/index.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const theirs = linearModel({ weights: [2] });
const data = Buffer.from("features,y\n1,2\n2,4\n3,6\n");

describe("a file of another team", () => {
  let server: SecuredServer;
  const keys: Record<string, string> = {};
  before(async () => {
    server = await startSecuredServer();
    for (const name of ["red", "blue"]) {
      assert.equal((await server.asAdmin("POST", "/api/teams", { name })).status, 200);
      const made = await server.asAdmin("POST", "/api/keys", { name, grants: [{ role: "deployer", team: name }] });
      keys[name] = (JSON.parse(made.body) as { key: string }).key;
    }
    const viewer = await server.asAdmin("POST", "/api/keys", { name: "both", grants: [{ role: "viewer", team: "red" }, { role: "deployer", team: "blue" }] });
    keys.both = (JSON.parse(viewer.body) as { key: string }).key;
    await clientOf("red").api.upload(theirs);
    await clientOf("red").api.upload(data);
  });
  after(() => server.stop());

  const clientOf = (who: string) => {
    const { slipway } = server;
    const headers = { authorization: `Bearer ${keys[who]}` };
    return {
      client: new SlipwayClient({ url: slipway.url, apiKey: keys[who]! }),
      api: {
        upload: async (bytes: Uint8Array) => {
          const response = await fetch(`${slipway.url}/api/blobs`, { method: "PUT", headers, body: Buffer.from(bytes) });
          assert.equal(response.status, 200);
        },
      },
    };
  };
  const deploy = (who: string, model: string, body: object): Promise<RawReply> =>
    server.send("POST", `/api/models/${model}/versions`, [`Host: ${server.host}`, `Authorization: Bearer ${keys[who]}`, "Content-Type: application/json"], JSON.stringify({ fileName: "m.onnx", team: who === "both" ? "blue" : who, ...body }));
  const models = async (): Promise<string[]> => (JSON.parse((await server.asAdmin("GET", "/api/models")).body) as { models: { name: string }[] }).models.map(({ name }) => name);
  const masked = ({ status, body }: RawReply, digest: string): [number, string] => [status, body.replace(/req_[0-9a-z]{26}/g, "req").replaceAll(digest, "DIGEST")];

  it("is as if it were not there for whoever knows no more than its digest, as model and as data", async () => {
    const nobodys = digestOf(Buffer.from("nothing"));
    const taken = masked(await deploy("blue", "stolen", { artifact: digestOf(theirs) }), digestOf(theirs));
    assert.deepEqual(taken, masked(await deploy("blue", "stolen", { artifact: nobodys }), nobodys));
    assert.equal(taken[0], 404);
    const mine = linearModel({ weights: [7] });
    await clientOf("blue").api.upload(mine);
    const referring = async (digest: string): Promise<[number, string]> => masked(await deploy("blue", "stolen", { artifact: digestOf(mine), reference: { digest, format: "csv" }, target: "y" }), digest);
    assert.deepEqual(await referring(digestOf(data)), await referring(nobodys));
    assert.equal((await referring(digestOf(data)))[0], 404);
    assert.deepEqual(await models(), []);
  });

  it("is deployed by who uploaded it", async () => {
    const deployed = await deploy("red", "own", { artifact: digestOf(theirs), reference: { digest: digestOf(data), format: "csv" }, target: "y" });
    assert.equal(deployed.status, 200, deployed.body);
    assert.deepEqual(await models(), ["own"]);
  });

  it("is deployed by who sees a version that names it, and still by nobody else", async () => {
    assert.equal((await deploy("blue", "stolen", { artifact: digestOf(theirs) })).status, 404);
    assert.equal((await deploy("both", "shared", { artifact: digestOf(theirs) })).status, 200);
    assert.deepEqual(await models(), ["own", "shared"]);
    // Now that a model of their own has it, it is theirs too.
    assert.equal((await deploy("blue", "again", { artifact: digestOf(theirs) })).status, 200);
  });

  it("is deployed by who has the same bytes: the one who uploads them proves to know them", async () => {
    const fresh = linearModel({ weights: [9] });
    await clientOf("red").api.upload(fresh);
    assert.equal((await deploy("blue", "same", { artifact: digestOf(fresh) })).status, 404);
    await clientOf("blue").api.upload(fresh);
    assert.equal((await deploy("blue", "same", { artifact: digestOf(fresh) })).status, 200);
  });
});
