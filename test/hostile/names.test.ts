import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { parseRaw, sendRaw, type HttpReply } from "./http-caller.ts";
import { assertReason, assertRefused, assertWell, reasonOf, treeOf } from "./refusals.ts";

/** Names as they stand in a request's target, none of which anything may have. */
const names = [
  "..", ".", "../m", "..%2fm", "%2e%2e", "%2e%2e%2fm", "%2E%2E%5Cm", "..\\m", "..%5cm", "%252e%252e%252f", "....//m", "m%2f..%2fm", "m%2F", "m/", "%2fmodels%2fm",
  "%00", "m%00", "m%00.onnx", "%0d%0aX-Injected:%201", "m%0a", "m%09", "m%20", "%20m", "m%7f", "%ff", "%c0%ae%c0%ae%2f", "%e0%80%ae", "%ed%a0%80", "%", "%zz", "%u002e",
  "%EF%BD%8D", "m%CC%88", "%D0%BC", "m%E2%80%AE", "%E2%80%8Bm", "__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "__defineGetter__",
  "-m", ".m", "_m", "m.", "m..n", "m:", "m*", "m?", "m%3f", "m%23", "m;x=1", "m%26", "m%22", "m%27%20OR%201=1--", "%7B%7B7*7%7D%7D", "$%7Bm%7D", "%3Cscript%3E", "~", "CON%3A", "C%3A%5Cm",
  "sha256:..", "m@1", "m".repeat(129), "m".repeat(513), "m".repeat(7000), "%2e".repeat(600),
];
/** Targets in which a name stands, and the method. */
const places: readonly [method: string, target: (name: string) => string, body?: string][] = [
  ["GET", (name) => `/api/models/${name}`],
  ["GET", (name) => `/api/models/${name}/policy`],
  ["GET", (name) => `/api/models/${name}/predictions`],
  ["GET", (name) => `/api/models/${name}/drift`],
  ["GET", (name) => `/api/models/m/versions/${name}`],
  ["PUT", (name) => `/api/models/m/aliases/${name}`, '{"version":"1"}'],
  ["POST", (name) => `/api/models/${name}/versions`, `{"artifact":"sha256:${"0".repeat(64)}"}`],
  ["GET", (name) => `/api/predictions/${name}`],
  ["GET", (name) => `/v2/models/${name}`],
  ["GET", (name) => `/v2/models/m/versions/${name}`],
  ["POST", (name) => `/v2/models/${name}/infer`, "{}"],
  ["POST", (name) => `/v2/models/m/versions/${name}/infer`, "{}"],
  ["POST", (name) => `/v2/repository/models/${name}/load`, "{}"],
  ["POST", (name) => `/v2/repository/models/${name}/unload`, "{}"],
  ["POST", (name) => `/v1/models/${name}:predict`, "{}"],
  ["GET", (name) => `/v1/models/${name}`],
];

describe("tricks in names", () => {
  let server: RunningServer;
  let treeBefore: string[];
  before(async () => {
    server = await startServer();
    await server.client.deploy({ file: await server.file("m.onnx", linearModel({ weights: [2] })), name: "m" });
    await assertLegitimate();
    treeBefore = await treeOf(server);
  });
  after(() => server.stop());

  const head = (method: string, target: string, more = ""): string => `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:${server.httpPort}\r\n${more}`;

  async function ask(method: string, target: string, body = "", more = ""): Promise<HttpReply> {
    const text = await sendRaw(server.httpPort, `${head(method, target, more)}Connection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const reply = parseRaw(text);
    assert.ok(reply !== null, `${method} ${target.slice(0, 200)} was cut off after ${JSON.stringify(text.slice(0, 200))}`);
    return reply;
  }

  /** The same places with names that are right. */
  async function assertLegitimate(): Promise<void> {
    const twins: [string, string, string?][] = [
      ["GET", "/api/models/m"], ["GET", "/api/models/m/versions/1"], ["PUT", "/api/models/m/aliases/shadow", '{"version":"1"}'], ["GET", "/api/models/m/predictions?limit=5"],
      ["GET", "/v2/models/m/versions/1"], ["GET", "/v2/models/%6d"], ["POST", "/v1/models/m:predict", '{"instances":[[3]]}'], ["GET", "/v1/models/m"],
    ];
    for (const [method, target, body] of twins) {
      const reply = await ask(method, target, body);
      assert.equal(reply.status, 200, `${method} ${target}: ${reply.text}`);
    }
    const id = /"prediction_id":"(prd_[0-9a-z]+)"/.exec((await ask("POST", "/v2/models/m/infer", '{"inputs":[{"name":"features","datatype":"FP32","shape":[1,1],"data":[3]}]}')).text)![1]!;
    assert.equal((await ask("GET", `/api/predictions/${id}`)).status, 200);
  }

  /** Half a dozen connections at a time. */
  async function each<Item>(items: readonly Item[], one: (item: Item) => Promise<void>): Promise<void> {
    const left = [...items];
    await Promise.all(Array.from({ length: 6 }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await one(item);
    }));
  }

  it("refuses every odd name in every place with 4xx and a reason, and no header of the answer is the caller's", async () => {
    const all = places.flatMap(([method, target, body]) => names.map((name) => ({ method, target: target(name), body, name })));
    await each(all, async ({ method, target, body, name }) => {
      // Without their last part some targets are another's: a query or a slash behind what is there.
      const legitimate = (name === "m?" || name === "m/" || name === "m;x=1") && !target.includes("predictions/");
      const reply = await ask(method, target, body);
      assert.ok(reply.status < 500, `${method} ${target.slice(0, 100)}: ${reply.status} ${reply.text.slice(0, 200)}`);
      assert.equal(reply.headers["x-injected"], undefined, target);
      if (legitimate) return;
      assertRefused(reply, `${method} ${target.slice(0, 200)}`);
      assert.ok(reply.text.length < 5000, `${method} ${target.slice(0, 100)} makes an answer of ${reply.text.length} characters`);
    });
  });

  it("refuses odd values in queries and bodies where names stand", async () => {
    const bad = ["../x", "%00", "__proto__", "1e9", "-1", "NaN", "%5B%5D", "9".repeat(400), "sha256:..%2f..%2fx", `sha256:${"A".repeat(64)}`, "%0d%0aX-Injected:1", "x".repeat(3000)];
    const targets: [string, (value: string) => string][] = [
      ["GET", (value) => `/api/models/m/predictions?before=${value}`], ["GET", (value) => `/api/models/m/predictions?version=${value}`], ["GET", (value) => `/api/models/m/predictions?limit=${value}`],
      ["GET", (value) => `/api/models/m/predictions?outcome=${value}`], ["GET", (value) => `/api/models/m/drift?version=${value}`], ["GET", (value) => `/api/models/m/series?points=${value}`],
      ["PUT", (value) => `/api/blobs?digest=${value}`], ["GET", (value) => `/api/models/m/predictions?${value}=1`],
    ];
    await each(targets.flatMap(([method, target]) => bad.map((value) => ({ method, target: target(value) }))), async ({ method, target }) => {
      const reply = await ask(method, target, method === "PUT" ? "content" : "");
      assertRefused(reply, `${method} ${target.slice(0, 150)}`);
      assert.equal(reply.headers["x-injected"], undefined);
    });
    const bodies: [string, string, string][] = [
      ["PUT", "/api/models/m/aliases/champion", '{"version":"../1"}'], ["PUT", "/api/models/m/aliases/champion", '{"version":"__proto__"}'], ["PUT", "/api/models/m/aliases/champion", '{"version":1}'],
      ["PUT", "/api/models/m/aliases/champion", '{"version":"1","__proto__":{"isAdmin":true}}'], ["PUT", "/api/models/m/aliases/champion", '{"version":"99"}'],
      ["PUT", "/api/models/m/policy", '{"revision":0,"reason":"x","policy":{"__proto__":{"serving":{}},"constructor":{}}}'],
      ["PUT", "/api/models/m/policy", '{"revision":0,"reason":"x","policy":{"log":{"redact":["../../etc"]}}}'],
      ["POST", "/api/truth", '{"records":[{"predictionId":"../../x","value":1}]}'], ["POST", "/api/truth", '{"records":[{"predictionId":"__proto__","value":1}]}'],
      ["POST", "/v2/repository/models/m/load", '{"parameters":{"version":"../../1"}}'],
      ["POST", "/v2/repository/models/m/load", '{"parameters":{"version":"0x1"}}'], ["POST", "/v2/repository/models/m/load", '{"parameters":{"version":"1.0"}}'],
    ];
    for (const [method, target, body] of bodies) assertRefused(await ask(method, target, body, "Content-Type: application/json\r\n"), `${method} ${target} ${body}`);
    // Triton's way to bring files with the load is not there, and says so.
    assert.equal((await ask("POST", "/v2/repository/models/m/load", '{"parameters":{"file:../../x":"AAAA"}}', "Content-Type: application/json\r\n")).status, 501);
  });

  it("lets no header name a model that could not be there", async () => {
    for (const name of ["../m", "__proto__", "constructor", "m/../m", "m%00", "x".repeat(5000), "m\tx", "ü"]) {
      assertRefused(await ask("POST", "/invocations", '{"instances":[[1]]}', `X-Slipway-Model: ${name}\r\n`), `model ${name.slice(0, 50)}`);
      assertRefused(await ask("POST", "/invocations", '{"instances":[[1]]}', `X-Slipway-Model: m\r\nX-Slipway-Version: ${name}\r\n`), `version ${name.slice(0, 50)}`);
    }
    assert.equal((await ask("POST", "/invocations", '{"instances":[[1]]}', "X-Slipway-Model: m\r\nX-Slipway-Version: 1\r\n")).status, 200);
  });

  it("gives out nothing but its own pages, however the path is spelled", async () => {
    const targets = [
      "/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../package.json", "/assets/..%2f..%2fpackage.json", "/assets/%2e%2e%2f%2e%2e%2fpackage.json",
      "//etc/passwd", "///", "/\\etc\\passwd", "/.git/config", "/slipway.db", "/data/slipway.db", "/console/../../slipway.db", "/%00", "/index.html%00.js", "/api//models", "//api/models", "/api/models//", "/API/models/../..",
    ];
    for (const target of targets) {
      const reply = await ask("GET", target, "", "Accept: */*\r\n");
      assert.ok(reply.status < 500, `${target}: ${reply.status}`);
      assert.doesNotMatch(reply.text, /root:|"devDependencies"|SQLite format|\[core\]/, target);
      if (reply.status === 200) assert.match(reply.headers["content-type"] ?? "", /html|json/, `${target} answers ${reply.headers["content-type"]}`);
      else assertRefused(reply, target);
    }
  });

  it("takes no target, host or origin that another site could make up", async () => {
    const own = `127.0.0.1:${server.httpPort}`;
    const refused: [string, string][] = [
      ["an absolute target", `GET http://${own}/api/models HTTP/1.1\r\nHost: ${own}\r\n`],
      ["an absolute target elsewhere", `GET http://example.com/api/models HTTP/1.1\r\nHost: ${own}\r\n`],
      ["an asterisk", `OPTIONS * HTTP/1.1\r\nHost: ${own}\r\n`],
      ["a foreign host", `GET /api/models HTTP/1.1\r\nHost: example.com\r\n`],
      ["a host with a lie before it", `GET /api/models HTTP/1.1\r\nHost: ${own}.example.com\r\n`],
      ["a host with a user", `GET /api/models HTTP/1.1\r\nHost: x@${own}\r\n`],
      ["two hosts", `GET /api/models HTTP/1.1\r\nHost: ${own}\r\nHost: example.com\r\n`],
      ["another origin", `POST /api/truth HTTP/1.1\r\nHost: ${own}\r\nOrigin: http://example.com\r\n`],
      ["no origin", `POST /api/truth HTTP/1.1\r\nHost: ${own}\r\nOrigin: null\r\n`],
      ["another site", `POST /api/truth HTTP/1.1\r\nHost: ${own}\r\nSec-Fetch-Site: cross-site\r\n`],
    ];
    for (const [what, text] of refused) {
      const reply = parseRaw(await sendRaw(server.httpPort, `${text}Connection: close\r\nContent-Length: 0\r\n\r\n`));
      assert.ok(reply !== null, `${what} was cut off`);
      assertRefused(reply, what);
    }
    assert.equal((await ask("GET", "/api/models")).status, 200);
    assert.equal((await ask("GET", "/api/models", "", `Origin: http://${own}\r\nSec-Fetch-Site: same-origin\r\n`)).status, 200);
  });

  it("answers what is no HTTP with 4xx, and takes no second request out of a body", async () => {
    const own = `Host: 127.0.0.1:${server.httpPort}\r\n`;
    const broken: [string, string][] = [
      ["no HTTP", "hello\r\n\r\n"], ["a TLS greeting", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n"], ["an unknown method", `FROB / HTTP/1.1\r\n${own}\r\n`],
      ["a line end in the target", `GET /api/\rmodels HTTP/1.1\r\n${own}\r\n`], ["a header without a colon", `GET / HTTP/1.1\r\n${own}nonsense\r\n\r\n`],
      ["two lengths", `POST /v2/models/m/infer HTTP/1.1\r\n${own}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`], ["a length that is none", `POST /v2/models/m/infer HTTP/1.1\r\n${own}Content-Length: -1\r\n\r\n`],
      ["a length beyond counting", `POST /v2/models/m/infer HTTP/1.1\r\n${own}Content-Length: ${"9".repeat(40)}\r\n\r\n`],
      ["a length and chunks", `POST /v2/models/m/infer HTTP/1.1\r\n${own}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
      ["a chunk that is none", `POST /v2/models/m/infer HTTP/1.1\r\n${own}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n`],
      ["headers of 100 KB", `GET / HTTP/1.1\r\n${own}X: ${"x".repeat(100_000)}\r\n\r\n`], ["ten thousand headers", `GET / HTTP/1.1\r\n${own}${"X: y\r\n".repeat(10_000)}\r\n`],
    ];
    for (const [what, text] of broken) {
      const answer = await sendRaw(server.httpPort, text, { halfClose: true });
      const reply = parseRaw(answer);
      assert.ok(reply !== null && reply.status >= 400 && reply.status <= 499, `${what}: ${JSON.stringify(answer.slice(0, 200))}`);
      assertReason(reasonOf(reply), what);
    }
    const smuggled = await sendRaw(server.httpPort, `POST /v2/models/m/infer HTTP/1.1\r\n${own}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/models HTTP/1.1\r\n${own}\r\n`, { halfClose: true });
    assert.equal(smuggled.split("HTTP/1.1 ").length - 1, 1, "one request, one answer");
  });

  it("is well afterwards, with nothing changed and nothing written", async () => {
    await assertWell(server);
    await assertLegitimate();
    // The alias m came from "m?" and "m/", which spell what may be there.
    assert.deepEqual((await server.client.models()).map(({ name, aliases }) => [name, aliases]), [["m", { champion: "1", m: "1", shadow: "1" }]]);
    assert.deepEqual(await treeOf(server), treeBefore);
    const polluted = await ask("GET", "/api/models/m");
    assert.doesNotMatch(polluted.text, /isAdmin/);
  });
});
