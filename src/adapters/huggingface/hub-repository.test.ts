import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { ModelHub } from "../../../test/kit/model-hub.ts";
import { linearModel } from "../../../test/kit/onnx-models.ts";
import { systemClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { NodeEgressClient } from "../egress/node-egress-client.ts";
import { FilesystemBlobStore } from "../filesystem/blob-store.ts";
import { filesOfModel, isWeightsAlone, weightsAloneAdvice } from "../python/folder-model.ts";
import { isHubAddress, parseHubAddress, pinnedAddress } from "./hub-address.ts";
import { HubRepository } from "./hub-repository.ts";

const onnx = linearModel({ weights: [1, 2, 3] });
const withCode = (code: string, pattern = /./) => (error: unknown): boolean => error instanceof AppError && error.code === code && pattern.test(error.message);

describe("addresses of repositories", () => {
  it("reads owner, name, revision and folder, and writes the commit into them", () => {
    assert.deepEqual(parseHubAddress("hf://owner/name"), { repository: "owner/name", revision: "main", path: "" });
    assert.deepEqual(parseHubAddress("hf://owner/name@v1.0/onnx/small"), { repository: "owner/name", revision: "v1.0", path: "onnx/small" });
    assert.deepEqual(parseHubAddress("hf://owner/name@refs%2Fpr%2F1"), { repository: "owner/name", revision: "refs/pr/1", path: "" });
    assert.deepEqual(parseHubAddress("hf://gpt2@main/onnx"), { repository: "gpt2", revision: "main", path: "onnx" });
    assert.deepEqual(parseHubAddress("hf://owner/name/a@b.onnx"), { repository: "owner/name", revision: "main", path: "a@b.onnx" });
    assert.equal(pinnedAddress(parseHubAddress("hf://owner/name@v1/a folder"), "c".repeat(40)), `hf://owner/name@${"c".repeat(40)}/a%20folder`);
    assert.deepEqual(["hf://a/b", "HF://a/b", "runs:/a/b", "hf:a"].map(isHubAddress), [true, true, false, false]);
  });

  it("refuses what is none", () => {
    for (const uri of ["hf://", "hf:///name", "hf://owner/na me", "hf://owner/name@", "hf://../name", "hf://owner/..", "hf://owner/name@main/../x", "hf://owner/name@main//x", "hf://a--b/name", "hf://owner/name@%zz", "hf://owner/-name"]) {
      assert.throws(() => parseHubAddress(uri), withCode("MODEL_SOURCE_INVALID"), uri);
    }
  });
});

describe("HubRepository", () => {
  const hub = new ModelHub();
  let url = "";
  let directory = "";
  let blobs: FilesystemBlobStore;
  const repository = (options: { allowed?: string[]; token?: string } = {}): HubRepository =>
    new HubRepository({
      egress: new NodeEgressClient({ allowed: options.allowed ?? ["127.0.0.0/8"] }), blobs, url: `${url}/`, token: options.token,
      select: (paths) => ({ wanted: filesOfModel(paths), ...(isWeightsAlone(paths) ? { why: weightsAloneAdvice } : {}) }),
    });
  const read = (uri: string, options = {}): ReturnType<HubRepository["read"]> => repository(options).read(parseHubAddress(uri));

  before(async () => {
    url = await hub.listen();
  });
  after(() => hub.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-hub-"));
    blobs = new FilesystemBlobStore({ directory, clock: systemClock });
    hub.requests.length = 0;
    hub.spoiled.clear();
    hub.repositories.clear();
    hub.repositories.set("acme/churn", {
      "README.md": { content: "# Churn" }, "config.json": { content: "{}" }, "onnx/model.onnx": { content: onnx, large: true },
      "pytorch_model.bin": { content: "weights", large: true }, "notes/täglich.txt": { content: "x" },
    });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("brings what makes the model, and leaves the same weights in other forms", async () => {
    const { files, commit, source } = await read("hf://acme/churn");
    assert.deepEqual(files.map(({ path, bytes }) => [path, bytes]).sort(), [["README.md", 7], ["config.json", 2], ["onnx/model.onnx", onnx.length]]);
    assert.deepEqual(await readFile(await blobs.verifiedPath(files.find(({ path }) => path === "onnx/model.onnx")!.digest)), Buffer.from(onnx));
    assert.equal(commit, ModelHub.commitOf(hub.repositories.get("acme/churn")!));
    assert.equal(source, `hf://acme/churn@${commit}`);
    assert.ok(!hub.requests.some(({ url: asked }) => asked.includes("pytorch_model")));
    // A branch that moves in between changes nothing: files are asked for by the commit.
    assert.ok(hub.requests.filter(({ url: asked }) => asked.includes("/resolve/")).every(({ url: asked }) => asked.includes(commit)));
  });

  it("reads a folder and a single file of a revision, and fetches nothing twice", async () => {
    assert.deepEqual((await read("hf://acme/churn@v1/onnx")).files.map(({ path }) => path), ["model.onnx"]);
    hub.requests.length = 0;
    const { files, source } = await read("hf://acme/churn@v1/onnx/model.onnx");
    assert.deepEqual(files.map(({ path }) => path), ["model.onnx"]);
    assert.match(source, /^hf:\/\/acme\/churn@[0-9a-f]{40}\/onnx\/model\.onnx$/);
    assert.equal(hub.requests.length, 1);
  });

  it("sends the token to the hub and to nobody that it redirects to", async () => {
    hub.gated.set("acme/churn", "hf_secret");
    await assert.rejects(read("hf://acme/churn"), withCode("MODEL_SOURCE_INVALID", /private or gated.*hubToken/));
    await assert.rejects(read("hf://acme/churn", { token: "hf_other" }), withCode("MODEL_SOURCE_INVALID", /may not read it/));
    hub.requests.length = 0;
    await read("hf://acme/churn", { token: "hf_secret" });
    const host = new URL(url).host;
    assert.deepEqual(new Set(hub.requests.map((request) => [request.host === host, request.authorization].join())), new Set(["true,Bearer hf_secret", "false,"]));
    hub.gated.clear();
  });

  it("keeps nothing that is not what the hub says of it", async () => {
    for (const [path, name] of [["onnx/model.onnx", "large"], ["config.json", "small"]] as const) {
      hub.spoiled.set(path, Buffer.from("something else"));
      await assert.rejects(read("hf://acme/churn"), withCode("EGRESS_FAILED", /did not arrive as the hub describes it/), name);
      hub.spoiled.clear();
    }
    await read("hf://acme/churn");
  });

  it("says what is missing: repository, revision, folder, model, and code to weights", async () => {
    await assert.rejects(read("hf://acme/other"), withCode("MODEL_SOURCE_INVALID", /no acme\/other@main/));
    await assert.rejects(read("hf://acme/churn@v9"), withCode("MODEL_SOURCE_INVALID", /no acme\/churn@v9/));
    await assert.rejects(read("hf://acme/churn@main/notes"), withCode("MODEL_SOURCE_INVALID", /no file that can be told/));
    await assert.rejects(read("hf://acme/churn@main/nowhere"), withCode("MODEL_SOURCE_INVALID"));
    hub.repositories.set("acme/weights", { "config.json": { content: "{}" }, "model.safetensors": { content: "w", large: true } });
    await assert.rejects(read("hf://acme/weights"), withCode("MODEL_SOURCE_INVALID", /export it to ONNX/));
    await assert.rejects(read("hf://acme/churn", { allowed: [] }), withCode("EGRESS_REFUSED"));
  });
});
