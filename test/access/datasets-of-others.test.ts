import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { declaredRoutes } from "../../scripts/declared-routes.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const data = Buffer.from("features,y\n1,2\n2,4\n3,6\n");
/** Of one length, so that answers compare to the byte. */
const [theirs, missing] = ["secret-data", "absent-data"];

describe("a dataset of another team", () => {
  let server: SecuredServer;
  const keys: Record<string, string> = {};
  const send = (who: string, method: string, path: string, body?: object): Promise<RawReply> =>
    server.send(method, path, [`Host: ${server.host}`, `Authorization: Bearer ${keys[who]}`, "Content-Type: application/json"], body === undefined ? "" : JSON.stringify(body));
  const upload = async (who: string, bytes: Uint8Array): Promise<number> =>
    (await fetch(`${server.slipway.url}/api/blobs`, { method: "PUT", headers: { authorization: `Bearer ${keys[who]}` }, body: Buffer.from(bytes) })).status;
  const masked = ({ status, body }: RawReply): [number, string] => [status, body.replace(/req_[0-9a-z]{26}/g, "req").replace(new RegExp(`${theirs}|${missing}`, "g"), "NAME").replace(/sha256:[0-9a-f]{64}/g, "DIGEST")];
  const codeOf = ({ body }: RawReply): string => (JSON.parse(body) as { error: { code: string } }).error.code;

  before(async () => {
    server = await startSecuredServer();
    for (const name of ["red", "blue"]) {
      assert.equal((await server.asAdmin("POST", "/api/teams", { name })).status, 200);
      for (const role of ["viewer", "contributor", "deployer", "admin"]) {
        const made = await server.asAdmin("POST", "/api/keys", { name: `${name}-${role}`, grants: [{ role, team: name }] });
        keys[`${name}-${role}`] = (JSON.parse(made.body) as { key: string }).key;
      }
    }
    const made = await server.asAdmin("POST", "/api/keys", { name: "one", grants: [{ role: "admin", team: "red", models: ["m"] }] });
    keys.one = (JSON.parse(made.body) as { key: string }).key;
    assert.equal(await upload("red-contributor", data), 200);
    const added = await send("red-contributor", "POST", `/api/datasets/${theirs}/versions`, { digest: digestOf(data), format: "csv", target: "y", team: "red" });
    assert.equal(added.status, 200, added.body);
  });
  after(() => server.stop());

  it("answers on every route as one that is not there", async () => {
    const routes = declaredRoutes().filter(({ path, method }) => /:dataset\b/.test(path) && method !== "POST");
    assert.ok(routes.length >= 6, `${routes.length} routes`);
    for (const { method, path } of routes) {
      const at = (name: string): string => path.replace(":dataset", name).replace(":version", "1");
      for (const who of ["blue-admin", "one"]) {
        const seen = masked(await send(who, method, at(theirs)));
        assert.deepEqual(seen, masked(await send(who, method, at(missing))), `${method} ${path} by ${who}`);
        assert.equal(seen[0], 404, `${method} ${path} by ${who}`);
      }
    }
    assert.deepEqual(JSON.parse((await send("blue-admin", "GET", "/api/datasets")).body), { datasets: [], next: null });
    assert.ok(!(await send("blue-admin", "GET", "/api/events")).body.includes(theirs));
  });

  it("keeps its name and its file", async () => {
    const add = (who: string, name: string, more: object = {}): Promise<RawReply> => send(who, "POST", `/api/datasets/${name}/versions`, { digest: digestOf(data), format: "csv", team: "blue", ...more });
    assert.equal(codeOf(await add("blue-admin", theirs)), "NAME_TAKEN");
    const stolen = await add("blue-admin", "stolen");
    assert.deepEqual(masked(stolen), masked(await add("blue-admin", "stolen", { digest: digestOf(Buffer.from("nothing")) })));
    assert.equal(codeOf(stolen), "BLOB_NOT_FOUND");
    const model = linearModel({ weights: [2] });
    assert.equal(await upload("blue-deployer", model), 200);
    const deployed = await send("blue-deployer", "POST", "/api/models/m/versions", { artifact: digestOf(model), team: "blue", reference: { digest: digestOf(data), format: "csv" }, target: "y" });
    assert.equal(codeOf(deployed), "BLOB_NOT_FOUND");
    const naming = async (dataset: string): Promise<[number, string]> => masked(await send("blue-deployer", "POST", "/api/models/m/versions", { artifact: digestOf(model), team: "blue", reference: { dataset } }));
    assert.deepEqual(await naming(theirs), await naming(missing));
    assert.equal((await naming(theirs))[0], 404);
    assert.equal(codeOf(await send("blue-admin", "GET", "/api/datasets/stolen")), "DATASET_NOT_FOUND");
  });

  it("is for its team what the roles allow", async () => {
    const content = await send("red-viewer", "GET", `/api/datasets/${theirs}/versions/1/content`);
    assert.deepEqual([content.status, content.body], [200, data.toString()]);
    assert.deepEqual((JSON.parse((await send("red-viewer", "GET", `/api/datasets/${theirs}/versions/1/rows?limit=1`)).body) as { rows: unknown }).rows, [[1, 2]]);
    const add = (who: string): Promise<RawReply> => send(who, "POST", `/api/datasets/${theirs}/versions`, { digest: digestOf(data), format: "csv" });
    assert.equal(codeOf(await add("red-viewer")), "FORBIDDEN");
    // The file of a dataset is for whoever sees it, also for other uses.
    const model = linearModel({ weights: [2] });
    assert.equal(await upload("red-deployer", model), 200);
    const deployed = await send("red-deployer", "POST", "/api/models/ours/versions", { artifact: digestOf(model), team: "red", reference: { digest: digestOf(data), format: "csv" }, target: "y" });
    assert.equal(deployed.status, 200, deployed.body);
    const named = await send("red-deployer", "POST", "/api/models/named/versions", { artifact: digestOf(model), team: "red", reference: { dataset: theirs, version: 1 } });
    const { contract } = (JSON.parse(named.body) as { version: { contract: { lineage: { datasets: unknown }; referenceProfile: { target: string; rows: number } } } }).version;
    assert.deepEqual([contract.lineage.datasets, contract.referenceProfile.target, contract.referenceProfile.rows], [[{ name: `${theirs}@1`, digest: digestOf(data) }], "y", 3]);
    const use = await send("red-viewer", "GET", `/api/datasets/${theirs}/versions/1/use`);
    assert.deepEqual(JSON.parse(use.body), { models: [{ model: "named", version: "1" }, { model: "ours", version: "1" }], evaluations: [] });
    assert.equal(codeOf(await send("red-contributor", "DELETE", `/api/datasets/${theirs}`)), "FORBIDDEN");
    assert.equal(codeOf(await server.asAdmin("DELETE", "/api/teams/red")), "TEAM_NOT_EMPTY");
  });

  it("is not made of a file that is no table, nor in part", async () => {
    const add = async (bytes: Buffer, more: object = {}): Promise<RawReply> => {
      assert.equal(await upload("red-contributor", bytes), 200);
      return send("red-contributor", "POST", "/api/datasets/broken/versions", { digest: digestOf(bytes), format: "csv", team: "red", ...more });
    };
    const bombs: [bytes: Buffer, more: object][] = [
      [Buffer.alloc(0), {}], [Buffer.from("a,b\n"), {}], [Buffer.from("a,a\n1,2\n"), {}], [Buffer.from([0x61, 0, 0xff, 0xfe]), {}], [Buffer.from("a,b\n1\n"), {}], [Buffer.from('a\n"1\n'), {}],
      [Buffer.from("a,b\n1,2\n"), { format: "parquet" }], [Buffer.from("PAR1\0\0\0\0\0\0\0\0PAR1"), { format: "parquet" }], [Buffer.from("a,b\n1,2\n"), { target: "c" }],
    ];
    for (const [bytes, more] of bombs) {
      const refused = await add(bytes, more);
      assert.deepEqual([refused.status, codeOf(refused)], [400, "REFERENCE_INVALID"], `${bytes.toString("latin1").slice(0, 30)} ${JSON.stringify(more)}`);
      assert.ok(!/duckdb|\/tmp|blobs/i.test(refused.body), refused.body);
    }
    assert.equal(codeOf(await send("red-viewer", "GET", "/api/datasets/broken")), "DATASET_NOT_FOUND");
    for (const name of ["..", "a%2Fb", "__proto__", "%00", "a".repeat(129)]) {
      const reply = await send("red-contributor", "POST", `/api/datasets/${name}/versions`, { digest: digestOf(data), format: "csv", team: "red" });
      assert.ok(reply.status === 400 || reply.status === 404 || reply.status === 405, `${name}: ${reply.status}`);
    }
  });

  it("is removed by its admins with its name, and its use is remembered", async () => {
    assert.equal((await send("red-admin", "DELETE", `/api/datasets/${theirs}`)).status, 200);
    assert.equal(codeOf(await send("red-admin", "GET", `/api/datasets/${theirs}`)), "DATASET_NOT_FOUND");
    const audit = JSON.parse((await server.asAdmin("GET", "/api/audit?limit=500")).body) as { entries: { action: string; object: string; result: string }[] };
    const ours = audit.entries.filter(({ object }) => object === `dataset:${theirs}`).map(({ action, result }) => `${action} ${result}`);
    for (const entry of ["addDatasetVersion allowed", "addDatasetVersion denied", "removeDataset denied", "removeDataset allowed"]) assert.ok(ours.includes(entry), `${entry} among ${ours.join(", ")}`);
    assert.equal((await send("blue-contributor", "GET", `/api/datasets/${theirs}`)).status, 404);
  });
});
