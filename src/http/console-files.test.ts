import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { loadConsoleFiles, type ConsoleFiles } from "./console-files.ts";

describe("loadConsoleFiles", () => {
  let directory: string;
  let files: ConsoleFiles;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "slipway-console-"));
    mkdirSync(join(directory, "dist", "assets"), { recursive: true });
    const write = (path: string, text: string): void => writeFileSync(join(directory, "dist", path), text);
    write("index.html", "<!doctype html>index index index");
    write("index.html.br", "br");
    write("theme.js", "theme");
    write("assets/main-abc123.js", "a script that is long enough");
    write("assets/main-abc123.js.gz", "gzip");
    write("assets/main-abc123.js.br", "brotli that is longer than the file it stands for");
    writeFileSync(join(directory, "secret.txt"), "secret");
    symlinkSync(join(directory, "secret.txt"), join(directory, "dist", "link.txt"));
    files = loadConsoleFiles(join(directory, "dist"));
  });
  after(() => rmSync(directory, { recursive: true }));

  const textOf = (path: string, ...rest: (string | undefined)[]): string | undefined => {
    const answer = files.lookup(path, ...(rest as [string?, string?]));
    return answer === null ? undefined : Buffer.from(answer.body).toString();
  };

  it("answers hashed assets for ever and the index never from a cache", () => {
    const asset = files.lookup("/assets/main-abc123.js")!;
    assert.equal(asset.headers["Cache-Control"], "public, max-age=31536000, immutable");
    assert.equal(asset.headers["Content-Type"], "text/javascript; charset=utf-8");
    assert.equal(files.lookup("/")!.headers["Cache-Control"], "no-store");
    assert.equal(files.lookup("/theme.js")!.headers["Cache-Control"], "no-cache");
  });

  it("sends what the build compressed, where the client takes it and it is smaller", () => {
    const gzip = files.lookup("/assets/main-abc123.js", "gzip, deflate, br")!;
    assert.equal(gzip.headers["Content-Encoding"], "gzip");
    assert.equal(Buffer.from(gzip.body).toString(), "gzip");
    assert.equal(gzip.headers["Content-Length"], "4");
    assert.notEqual(gzip.headers.ETag, files.lookup("/assets/main-abc123.js")!.headers.ETag);
    assert.equal(textOf("/assets/main-abc123.js", "gzip;q=0, identity"), "a script that is long enough");
    assert.equal(files.lookup("/", "br")!.headers["Content-Encoding"], "br");
    assert.equal(files.lookup("/", undefined)!.headers["Content-Encoding"], undefined);
  });

  it("answers the index for its pages, and with 404 for pages that do not exist", () => {
    for (const path of ["/", "/models", "/models/flight-delay", "/models/flight-delay/drift", "/models/flight-delay/registry", "/predictions/prd_1", "/experiments", "/experiments/0", "/experiments/12/compare", "/experiments/12/runs/a1", "/docs", "/docs/"]) {
      assert.equal(files.lookup(path)?.status, 200, path);
    }
    for (const path of ["/modelz", "/models/a/b", "/models/a/drift/c", "/experimentz", "/experiments/a", "/experiments/1/runs"]) assert.equal(files.lookup(path)?.status, 404, path);
  });

  it("leaves to the API what is the API's, and missing files to nobody", () => {
    for (const path of ["/api", "/api/modelz", "/ajax-api/2.0/mlflow", "/v1/x", "/v2", "/v2/models/a", "/invocations", "/metrics", "/assets/gone-1.js", "/favicon.ico", "/index.html.br"]) {
      assert.equal(files.lookup(path), null, path);
    }
    assert.equal(files.lookup("/modelz", undefined, "application/json"), null);
    assert.equal(files.lookup("/modelz", undefined, "text/html,*/*")?.status, 404);
  });

  it("gives every answer the security headers", () => {
    for (const path of ["/", "/theme.js", "/nowhere"]) {
      const { headers } = files.lookup(path)!;
      assert.match(headers["Content-Security-Policy"]!, /^default-src 'none'; script-src 'self'; .*require-trusted-types-for 'script'$/);
      assert.doesNotMatch(headers["Content-Security-Policy"]!, /unsafe/);
      assert.equal(headers["X-Content-Type-Options"], "nosniff");
    }
  });

  it("never answers with a byte from outside the directory", () => {
    assert.equal(textOf("/link.txt"), undefined);
    const piece = fc.constantFrom("..", ".", "secret.txt", "dist", "%2e%2e", "%2f", "\\", "assets", "", "__proto__", "constructor", "index.html");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = textOf(`/${pieces.join("/")}`);
        assert.ok(text === undefined || text === "<!doctype html>index index index", text);
      }),
    );
  });

  it("gives no page to a client that would not take it", () => {
    assert.equal(files.lookup("/models", undefined, "application/json"), null);
    for (const accept of [undefined, "*/*", "text/html,application/xhtml+xml;q=0.9", "text/*"]) assert.equal(files.lookup("/models", undefined, accept)?.status, 200, accept);
  });

  it("says how to build the console when there is none", () => {
    const none = loadConsoleFiles(join(directory, "nothing"));
    assert.equal(none.built, false);
    const page = none.lookup("/models")!;
    assert.equal(page.status, 503);
    assert.match(Buffer.from(page.body).toString(), /npm run build -w console/);
    assert.equal(none.lookup("/assets/x.js"), null);
  });
});
