import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel, mixedInputsModel, mlpModel, zipMapClassifier } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { hangMs, HttpCaller, type HttpReply } from "./http-caller.ts";
import { assertRefused, assertWell, reasonOf, treeOf } from "./refusals.ts";
import { seededRandom, type SeededRandom } from "../kit/seed.ts";

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const model = linearModel({ weights: [1, 10] });
const goodCsv = "a,b,y\n1,2,0\n3,4,1\n5,6,0\n";

describe("hostile files and deployments", () => {
  let server: RunningServer;
  let caller: HttpCaller;
  let treeBefore: string[];
  before(async () => {
    server = await startServer();
    caller = new HttpCaller(server.httpPort);
    await assertDeploys("first", goodCsv);
    treeBefore = await treeOf(server);
  });
  after(async () => {
    caller.close();
    await server.stop();
  });

  async function upload(bytes: Uint8Array | string): Promise<string> {
    const reply = await caller.send("PUT", "/api/blobs", { "Content-Type": "application/octet-stream" }, bytes);
    assert.equal(reply.status, 200, reply.text);
    return (JSON.parse(reply.text) as { digest: string }).digest;
  }

  const deploy = (name: string, request: unknown): Promise<HttpReply> =>
    caller.send("POST", `/api/models/${name}/versions`, { "Content-Type": "application/json" }, typeof request === "string" ? request : JSON.stringify(request));

  async function assertDeploys(name: string, csv: string, more: object = {}): Promise<void> {
    const reply = await deploy(name, { artifact: await upload(model), reference: { digest: await upload(csv), format: "csv" }, target: "y", ...more });
    assert.equal(reply.status, 200, `${name}: ${reply.text.slice(0, 500)}`);
    const { outputs } = await server.client.infer(name, [{ name: "features", datatype: "FP32", shape: [1, 2], data: [1, 2] }]);
    assert.deepEqual(outputs.score!.data, [21]);
  }

  const stagedFiles = async (): Promise<string[]> => (await readdir(join(server.directory, "data", "staging"))).sort();

  it("keeps no file whose digest is another than announced, and knows no file that was not sent", async () => {
    const content = Buffer.from("some content");
    for (const digest of [sha256(Buffer.from("other")), `sha256:${"0".repeat(64)}`]) {
      const reply = await caller.send("PUT", `/api/blobs?digest=${digest}`, {}, content);
      assertRefused(reply, "another digest");
      assert.equal(reply.headers["x-error-code"], "DIGEST_MISMATCH");
    }
    for (const artifact of [sha256(content), sha256(Buffer.from("never sent"))]) {
      const reply = await deploy("absent", { artifact });
      assertRefused(reply, "an unknown digest");
      assert.equal(reply.headers["x-error-code"], "BLOB_NOT_FOUND");
    }
    for (const artifact of ["", "../x", "sha256:../../x", `sha256:${"A".repeat(64)}`, `md5:${"0".repeat(32)}`, `sha256:${"0".repeat(64)}/../x`, null, 7, {}, []]) assertRefused(await deploy("absent", { artifact }), JSON.stringify(artifact));
    assertRefused(await deploy("absent", { artifact: await upload(model), reference: { digest: sha256(Buffer.from("never sent")), format: "csv" } }), "an unknown reference");
    assert.equal((await caller.send("PUT", `/api/blobs?digest=${sha256(content)}`, {}, content)).status, 200);
  });

  it("leaves nothing of an upload that was cut off", async () => {
    for (const framing of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
      const socket = connect(server.httpPort, "127.0.0.1");
      await once(socket, "connect");
      const part = Buffer.alloc(200_000, 7);
      socket.write(`PUT /api/blobs HTTP/1.1\r\nHost: 127.0.0.1:${server.httpPort}\r\n${framing}\r\n\r\n${framing.startsWith("T") ? `${part.length.toString(16)}\r\n` : ""}`);
      socket.write(part);
      await waitFor(async () => (await stagedFiles()).length === 1, "the upload does not begin");
      socket.destroy();
      await waitFor(async () => (await stagedFiles()).length === 0, "the upload's file stays");
      assertRefused(await deploy("absent", { artifact: sha256(part) }), "a part of a file");
    }
  });

  it("takes the same file many times at once and keeps it once, whole", async () => {
    const content = seededRandom("a file that many send").bytes(300_000);
    const digests = await Promise.all(Array.from({ length: 12 }, () => upload(content)));
    assert.deepEqual(new Set(digests), new Set([sha256(content)]));
    assert.deepEqual(await stagedFiles(), []);
  });

  it("refuses requests that say more or other things than a deployment can", async () => {
    const artifact = await upload(model);
    const reference = { digest: await upload(goodCsv), format: "csv" };
    const requests: Record<string, unknown> = {
      "an unknown field": { artifact, activation: true }, "a path for a file": { artifact, path: "/etc/passwd" }, "an unknown field within": { artifact, reference: { ...reference, path: "x" } },
      "__proto__": `{"artifact":"${artifact}","__proto__":{"activate":false}}`, "no artifact": {}, "a list": [], "a text": '"x"', "nothing": "", "no JSON": "{", "two documents": "{}{}",
      "a format that is none": { artifact, reference: { ...reference, format: "xlsx" } }, "a name of 100 KB": { artifact, fileName: "n".repeat(100_000) },
      "metrics that are none": { artifact, evaluation: { auc: "0.7" } }, "metrics beyond counting": `{"artifact":"${artifact}","evaluation":{"auc":1e999}}`, "columns that are none": { artifact, reference, columns: "a,b" },
      "a deep document": `{"artifact":"${artifact}","x":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, "a description of half a mebibyte": { artifact, description: "d".repeat(1 << 19) },
      "a target that is not there": { artifact, reference, target: "../y" }, "a target of SQL": { artifact, reference, target: "y'; DROP TABLE models; --" },
      "columns that are not there": { artifact, reference, target: "y", columns: ["a", "__proto__"] }, "a column twice": { artifact, reference, target: "y", columns: ["a", "a"] },
      "the target among the columns": { artifact, reference, target: "y", columns: ["a", "y"] }, "too many columns": { artifact, reference, columns: ["a", "b", "y"] }, "100,000 columns": { artifact, reference, columns: new Array(100_000).fill("a") },
      "100,000 columns that are none": { artifact, reference, columns: new Array(100_000).fill(7) }, "an alphabet of columns": { artifact, reference, columns: Array.from({ length: 100_000 }, (_, index) => index.toString(36)) },
    };
    for (const [description, request] of Object.entries(requests)) {
      const reply = await deploy("refused", request);
      assertRefused(reply, description);
      assert.ok(reply.text.length < 50_000, `${description} makes an answer of ${reply.text.length} characters`);
    }
    assertRefused(await caller.send("POST", "/api/models/refused/versions", { "Content-Type": "text/plain" }, JSON.stringify({ artifact })), "another content type");
    await assertDeploys("twin-request", goodCsv, { columns: ["a", "b"], fileName: "../../m.onnx", evaluation: { auc: 0.7 }, description: "<script>" });
  });

  it("refuses reference data that is none, with the reason", async () => {
    const random = seededRandom("reference data");
    const artifact = await upload(model);
    const junk = random.bytes(5000);
    const parquet = (inner: Uint8Array): Buffer => Buffer.concat([Buffer.from("PAR1"), inner, Buffer.from("PAR1")]);
    const footer = (length: number): Buffer => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(length);
      return bytes;
    };
    const files: Record<string, [format: string, content: Uint8Array | string]> = {
      "noise as Parquet": ["parquet", junk], "noise between the marks": ["parquet", parquet(junk)], "an empty file as Parquet": ["parquet", ""], "marks only": ["parquet", "PAR1PAR1"],
      "a footer longer than the file": ["parquet", parquet(Buffer.concat([junk, footer(0xffffffff)]))], "a footer of noise": ["parquet", parquet(Buffer.concat([junk, footer(200)]))], "CSV as Parquet": ["parquet", goodCsv],
      "an empty file": ["csv", ""], "a header only": ["csv", "a,b,y\n"], "noise as CSV": ["csv", junk], "a model as CSV": ["csv", model], "ragged rows": ["csv", "a,b,y\n1,2,0\n3,4\n5,6,7,8\n"],
      "the same name twice": ["csv", "a,a,y\n1,2,0\n"], "NUL bytes": ["csv", "a,b,y\n1,\u0000,0\n"], "NUL bytes in the header": ["csv", "a\u0000,b,y\n1,2,0\n"],
      "a quote that does not close": ["csv", 'a,b,y\n1,"2,0\n3,4,1\n'], "texts for numbers": ["csv", "a,b,y\n1,=cmd|' /C calc'!A0,0\n"], "thousands of columns": ["csv", `${Array.from({ length: 4000 }, (_, index) => `c${index}`).join(",")}\n${"1,".repeat(3999)}1\n`],
      "a path in the header": ["csv", "../../etc/passwd,b\n1,2\n"], "SQL in the header": ["csv", `"a'); COPY (SELECT 1) TO 'canary.csv'; --","b""; ATTACH 'canary.db'; --",c\n1,2,3\n`],
      "UTF-16": ["csv", Buffer.from(`\ufeff${goodCsv}`, "utf16le")], "bytes that are no UTF-8": ["csv", Buffer.concat([Buffer.from("a,b,y\n1,"), Buffer.of(0xff, 0xfe), Buffer.from(",0\n")])], "a header of two mebibytes": ["csv", `${"h".repeat(2 << 20)},b,y\n1,2,0\n`],
    };
    for (const [description, [format, content]] of Object.entries(files)) {
      const reply = await deploy("refused", { artifact, reference: { digest: await upload(content), format }, target: "y" });
      assertRefused(reply, description);
      assert.match(reply.headers["x-error-code"] ?? "", /^REFERENCE_/, `${description}: ${reasonOf(reply)}`);
    }
  });

  it("takes reference data with odd names and values as what they are: text and numbers", async () => {
    const named = `"a'); DROP TABLE models; --","../../b",y\n1,2,0\n3,4,1\n`;
    await assertDeploys("odd-names", named);
    const { versions } = await server.client.model("odd-names");
    assert.deepEqual(versions[0]!.contract.referenceProfile!.columns.map(({ name }) => name), ["a'); DROP TABLE models; --", "../../b"]);
    await assertDeploys("odd-proto", "__proto__,constructor,y\n1,2,0\n3,4,1\n");
    await assertDeploys("odd-case", "a,A,y\n1,2,0\n3,4,1\n");
    await assertDeploys("odd-missing", "a,b,y\n1,,0\n,4,1\nNaN,5,1\n");
    await assertDeploys("odd-huge", "a,b,y\n1e308,-1e308,0\n1.7e308,-1.7e308,1\n1e308,0,1\n");
    // Infinity is no number that a profile can hold: refused with a reason, or counted as what it is.
    for (const [name, csv] of [["odd-infinite", "a,b,y\ninf,1,0\n-inf,2,1\n3,4,0\n"], ["odd-empty", "a,b,y\n,,0\n,,1\n"]] as const) {
      const reply = await deploy(name, { artifact: await upload(model), reference: { digest: await upload(csv), format: "csv" }, target: "y" });
      if (reply.status !== 200) assertRefused(reply, name);
    }
  });

  it("refuses a damaged model with the reason or serves it, and registers nothing by halves", async () => {
    const random = seededRandom("damaged models");
    const originals = [model, mixedInputsModel(), mlpModel({ features: 4, hidden: [4], classes: 3 }), zipMapClassifier({ coefficients: [[1, -1], [-1, 1]], labels: { texts: ["no", "yes"] } })];
    const damaged = Array.from({ length: 36 }, (_, index) => ({ name: `damaged-${index}`, bytes: damage(Buffer.from(originals[index % originals.length]!), random) }));
    let refused = 0;
    await Promise.all(Array.from({ length: 3 }, async () => {
      for (let next = damaged.shift(); next !== undefined; next = damaged.shift()) {
        const { name, bytes } = next;
        const shown = `${name} ${bytes.toString("base64")}`;
        const reply = await deploy(name, { artifact: await upload(bytes) });
        const found = await caller.send("GET", `/api/models/${name}`);
        if (reply.status === 200) {
          const { served, versions } = JSON.parse(found.text) as { served: { state: string; active: boolean }[]; versions: unknown[] };
          assert.deepEqual([versions.length, served.map(({ state, active }) => [state, active])], [1, [["ready", true]]], shown);
          // It is served: what it is asked it answers, or says what is wrong.
          const answer = await caller.send("POST", `/v2/models/${name}/infer`, {}, '{"inputs":[]}');
          assertRefused(answer, shown);
        } else {
          refused++;
          assertRefused(reply, shown);
          assert.equal(found.status, 404, `${shown} was refused (${reasonOf(reply)}) and is there`);
        }
      }
    }));
    assert.ok(refused >= 10 && refused < 36, `${refused} of 36 were refused`);
  });

  it("is well afterwards, with what was deployed and no other file", async () => {
    await assertWell(server);
    await assertDeploys("last", goodCsv);
    assert.deepEqual((await server.client.models()).map(({ name }) => name).filter((name) => /refused|absent/.test(name)), []);
    const more = (await treeOf(server)).filter((path) => !treeBefore.includes(path) && !/^data\/blobs\/sha256\/[0-9a-f]{2}(\/[0-9a-f]{64})?$/.test(path));
    assert.deepEqual(more, []);
    assert.deepEqual(await stagedFiles(), []);
  });

  async function waitFor(condition: () => Promise<boolean>, message: string): Promise<void> {
    const latest = performance.now() + hangMs;
    while (!(await condition())) {
      assert.ok(performance.now() < latest, message);
      await betweenLooks();
    }
  }
});

/** The file with bits turned, a part cut out, repeated, overwritten or missing at its end. */
function damage(bytes: Buffer, random: SeededRandom): Buffer {
  const at = random.integer(0, bytes.length - 1);
  const length = random.integer(1, 12);
  switch (random.integer(0, 7)) {
    case 0: return bytes.subarray(0, at);
    case 1: return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + length))]);
    case 2: return Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(Math.max(0, at - length))]);
    case 3: return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(Math.min(length, bytes.length - at), 0xff), bytes.subarray(Math.min(bytes.length, at + length))]);
    default:
      for (let turned = random.pick([1, 1, 1, 4]); turned > 0; turned--) bytes[random.integer(0, bytes.length - 1)]! ^= 1 << random.integer(0, 7);
      return bytes;
  }
}
