import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import type { SourceFile, SourceRun } from "../../importing/import-source.ts";
import { NodeEgressClient } from "../egress/node-egress-client.ts";
import { RestSource } from "./rest-source.ts";

const experiment = { id: "1", name: "e", lifecycle: "active", createdAt: null, updatedAt: null, tags: [] } as const;
const run = { id: "a".repeat(32), artifactUri: "mlflow-artifacts:/1/a/artifacts" } as SourceRun;

describe("RestSource", () => {
  let server: Server;
  let source: RestSource;
  let answer: (request: IncomingMessage, url: URL, response: ServerResponse) => void;
  before(async () => {
    server = createServer((request, response) => answer(request, new URL(request.url!, "http://source"), response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    source = new RestSource({ egress: new NodeEgressClient({ allowed: ["127.0.0.1"] }), url, authorization: "Bearer key" });
  });
  after(() => server.close());

  const json = (response: ServerResponse, body: object): void => void response.setHeader("content-type", "application/json").end(JSON.stringify(body));

  async function onlyFile(content: (response: ServerResponse) => void): Promise<SourceFile> {
    answer = (_request, url, response) => {
      if (url.pathname.endsWith("/artifacts/list")) json(response, { files: [{ path: "model.bin", is_dir: false, file_size: "6" }] });
      else content(response);
    };
    const found = await source.artifacts(experiment, { run });
    assert.ok(found.kind === "files");
    const files = [];
    for await (const file of found.files) files.push(file);
    assert.deepEqual(files.map(({ path, bytes }) => [path, bytes]), [["model.bin", 6]]);
    return files[0]!;
  }

  it("gives a file as it comes: its beginning is there before the server has its end", async () => {
    let sendRest: () => void = () => undefined;
    const file = await onlyFile((response) => {
      response.writeHead(200, { "content-length": "6" }).write("abc");
      sendRest = () => response.end("def");
    });
    const content = await file.open();
    const parts = content.iterator() as AsyncIterableIterator<Buffer>;
    assert.equal(String((await parts.next()).value), "abc");
    sendRest();
    assert.equal(String((await parts.next()).value), "def");
    assert.equal((await parts.next()).done, true);
  });

  it("refuses a file that breaks off, and one that is not given out", async () => {
    const broken = await onlyFile((response) => {
      response.writeHead(200, { "content-length": "6" }).write("abc", () => response.destroy());
    });
    await assert.rejects(async () => buffer(await broken.open()), { code: "EGRESS_FAILED" });
    const refused = await onlyFile((response) => response.writeHead(403).end("no"));
    await assert.rejects(refused.open(), { code: "IMPORT_SOURCE_INVALID", message: "The server of the source answered 403 for it." });
  });

  it("lets go of a file that nobody reads", async () => {
    const closed = Promise.withResolvers<void>();
    const file = await onlyFile((response) => {
      response.once("close", () => closed.resolve());
      response.writeHead(200, { "content-length": "6" }).write("abc");
    });
    (await file.open()).destroy();
    await closed.promise;
  });

  it("asks for folders below folders, and leaves artifacts of a storage of others where they are", async () => {
    const folders: Record<string, object[]> = {
      "": [{ path: "a", is_dir: true }, { path: "z", is_dir: false, file_size: 1 }], a: [{ path: "a/b", is_dir: true }], "a/b": [{ path: "a/b/c d", is_dir: false, file_size: 2 }],
    };
    answer = (_request, url, response) => json(response, { files: folders[url.searchParams.get("path") ?? ""] });
    const found = await source.artifacts(experiment, { run });
    assert.ok(found.kind === "files");
    const paths = [];
    for await (const { path, bytes } of found.files) paths.push([path, bytes]);
    assert.deepEqual(paths, [["a/b/c d", 2], ["z", 1]]);
    assert.deepEqual(await source.artifacts(experiment, { run: { ...run, artifactUri: "s3://bucket/x" } }), { kind: "kept", uri: "s3://bucket/x" });
  });

  it("reads histories page by page, with numbers that JSON does not have, and shows its key", async () => {
    const asked: string[] = [];
    answer = (request, url, response) => {
      asked.push(`${url.pathname.split("/").at(-1)} ${url.searchParams.get("page_token") ?? ""} ${request.headers.authorization}`.replace("  ", " "));
      if (url.pathname.endsWith("/runs/get")) return json(response, { run: { data: { metrics: [{ key: "loss" }] } } });
      const points = url.searchParams.has("page_token") ? [{ key: "loss", value: "-Infinity", timestamp: "3", step: "9007199254740991" }] : [{ key: "loss", value: "NaN", timestamp: 1, step: "-1" }, { key: "loss", timestamp: 2 }];
      json(response, { metrics: points, ...(url.searchParams.has("page_token") ? {} : { next_page_token: "t" }) });
    };
    const points = [];
    for await (const page of source.metrics(experiment, run)) points.push(...page);
    assert.deepEqual(points, [
      { key: "loss", value: Number.NaN, timestamp: 1, step: -1 }, { key: "loss", value: 0, timestamp: 2, step: 0 },
      { key: "loss", value: Number.NEGATIVE_INFINITY, timestamp: 3, step: Number.MAX_SAFE_INTEGER },
    ]);
    assert.deepEqual(asked, ["get Bearer key", "get-history Bearer key", "get-history t Bearer key"]);
  });

  it("says what is wrong with a server that asks for other credentials, or is none", async () => {
    for (const [status, body, message] of [[401, "{}", /SLIPWAY_IMPORT_AUTHORIZATION/], [404, "", /no MLflow server/], [200, "<html>", /something else than JSON/]] as const) {
      answer = (_request, _url, response) => void response.writeHead(status).end(body);
      await assert.rejects(source.experiments(), (error: Error & { code?: string }) => error.code === "IMPORT_SOURCE_INVALID" && message.test(error.message));
    }
    answer = (_request, _url, response) => void response.writeHead(404).end("");
    assert.deepEqual(await source.loggedModels(experiment, null, 10), { items: [], next: null }, "an old server has none");
  });
});
