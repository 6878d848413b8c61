import assert from "node:assert/strict";
import { request as httpRequest, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { anonymousCaller, type Caller } from "../core/caller.ts";
import { ManualClock, systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import { denial, type AuditedRequest, type Credentials, type RequestGate } from "../core/request-gate.ts";
import { route, type Route } from "../core/route.ts";
import { loadConsoleFiles } from "./console-files.ts";
import { FollowedAnswers } from "./followed-answers.ts";
import { HttpServer } from "./http-server.ts";
import { RouteTable } from "./route-table.ts";

const ada: Caller = { actor: "key:ada", name: "Ada", grants: [{ role: "admin", team: "*" }] };

/** A gate that lets through who says a name, and tells what it was asked. */
class FakeGate implements RequestGate {
  readonly shown: Credentials[] = [];
  readonly audited: AuditedRequest[] = [];
  writing: () => Promise<void> = () => Promise.resolve();

  identify(credentials: Credentials): Caller {
    this.shown.push(credentials);
    return credentials.authorization === "ada" || credentials.cookie === "sid=ada" ? ada : anonymousCaller;
  }

  authorize(caller: Caller): void {
    if (caller !== ada) throw new AppError("UNAUTHENTICATED", "Who are you?");
  }

  async audit(request: AuditedRequest): Promise<void> {
    this.audited.push(request);
    await this.writing();
  }
}

const documented = { access: "viewer", summary: "", tag: "Test", response: z.unknown() } as const;
const done: string[] = [];
const routes: Route[] = [
  route({ ...documented, method: "PUT", path: "/things/:thing", operationId: "changeThing", params: z.strictObject({ thing: z.string() }), handle: ({ params }) => { done.push(params.thing); return {}; } }),
  route({ ...documented, method: "POST", path: "/things", operationId: "makeThing", handle: ({ auditAs }) => { auditAs({ object: "thing:new", detail: { size: 3 } }); return {}; } }),
  route({ ...documented, method: "POST", path: "/many", operationId: "sendMany", audited: false, query: z.object({ changed: z.string().optional() }), handle: ({ query, auditAs }) => {
    if (query.changed !== undefined) auditAs({ detail: { changed: 2 } });
    return {};
  } }),
  route({ ...documented, method: "POST", path: "/looks", operationId: "look", audited: false, handle: () => ({}) }),
  route({ ...documented, method: "DELETE", path: "/things/:thing", operationId: "failThing", handle: () => { throw new AppError("TEAM_NOT_EMPTY", "It has parts."); } }),
  route({ ...documented, method: "GET", path: "/hidden", operationId: "hiddenThing", handle: () => { throw denial(new AppError("MODEL_NOT_FOUND", "There is none.")); } }),
  route({ ...documented, method: "GET", path: "/things", operationId: "listThings", handle: ({ address }) => ({ address }) }),
];

describe("the HTTP door's gate", () => {
  const gate = new FakeGate();
  let server: HttpServer;
  let port: number;
  before(async () => {
    server = new HttpServer(
      { host: "127.0.0.1", port: 0, allowedHosts: [], maxInferenceBytes: 1 << 20, bodyTimeoutMs: 60_000, maxConnections: 100, trustedProxy: true },
      { table: new RouteTable(routes), console: loadConsoleFiles("no such folder"), access: gate, clock: new ManualClock(), ids: new TimeOrderedIds(systemClock), logger: silentLogger },
    );
    port = await server.listen();
  });
  after(() => server.destroy());

  function send(method: string, path: string, headers: Record<string, string> = { Authorization: "ada" }): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest({ host: "127.0.0.1", port, method, path, headers }, (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
        answer.on("end", () => resolve({ status: answer.statusCode!, headers: answer.headers, text }));
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  it("answers a change when its entry is durable, and not before", async () => {
    let written = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      gate.writing = () => new Promise((finish) => { written = finish; resolve(); });
    });
    let answered = false;
    const answer = send("PUT", "/things/one").then((got) => { answered = true; return got; });
    await asked;
    // A whole other request goes through meanwhile: the answer had time to leave.
    assert.equal((await send("GET", "/things")).status, 200);
    assert.deepEqual([done.at(-1), answered], ["one", false]);
    written();
    assert.equal((await answer).status, 200);
    gate.writing = () => Promise.resolve();
  });

  it("answers a failure when a change cannot be written down", async () => {
    gate.writing = () => Promise.reject(new AppError("DATABASE_UNAVAILABLE", "away"));
    assert.equal((await send("PUT", "/things/two")).status, 503);
    gate.writing = () => Promise.resolve();
  });

  it("does not let a denial wait for its entry", async () => {
    gate.writing = () => new Promise(() => undefined);
    assert.equal((await send("PUT", "/things/three", {})).status, 401);
    gate.writing = () => Promise.resolve();
  });

  it("tells who, what, on what and with what result; not what is read, nor what is too much", async () => {
    gate.audited.length = 0;
    for (const [method, path] of [["PUT", "/things/x"], ["POST", "/things"], ["POST", "/looks"], ["POST", "/many"], ["POST", "/many?changed=2"], ["GET", "/things"], ["DELETE", "/things/x"], ["GET", "/hidden"], ["GET", "/nothing"]] as const) await send(method, path);
    await send("GET", "/things", {});
    assert.deepEqual(gate.audited.map(({ caller, operation, object, result, code, detail }) => [caller.actor, operation, object, result, code, detail]), [
      ["key:ada", "changeThing", "thing:x", "allowed", undefined, undefined],
      ["key:ada", "makeThing", "thing:new", "allowed", undefined, { size: 3 }],
      ["key:ada", "sendMany", "", "allowed", undefined, { changed: 2 }],
      ["key:ada", "failThing", "thing:x", "failed", "TEAM_NOT_EMPTY", undefined],
      ["key:ada", "hiddenThing", "", "denied", "MODEL_NOT_FOUND", undefined],
      ["anonymous", "listThings", "", "denied", "UNAUTHENTICATED", undefined],
    ]);
    for (const { requestId } of gate.audited) assert.match(requestId, /^req_/);
  });

  it("takes a cookie from its own pages alone", async () => {
    const own = `http://127.0.0.1:${port}`;
    const cookie = { Cookie: "sid=ada" };
    for (const [method, headers, status] of [
      ["GET", {}, 200], ["GET", { "Sec-Fetch-Site": "same-origin" }, 200], ["GET", { "Sec-Fetch-Site": "none" }, 200],
      ["GET", { "Sec-Fetch-Site": "same-site" }, 401], ["GET", { "Sec-Fetch-Site": "cross-site" }, 401],
      ["PUT", {}, 401], ["PUT", { "Sec-Fetch-Site": "none" }, 401], ["PUT", { "Sec-Fetch-Site": "same-origin" }, 200], ["PUT", { Origin: own }, 200],
      ["PUT", { Origin: "http://127.0.0.1:1" }, 403], ["PUT", { Origin: own, "Sec-Fetch-Site": "cross-site" }, 403], ["PUT", { Origin: "null" }, 403],
    ] as const) {
      assert.equal((await send(method, method === "GET" ? "/things" : "/things/x", { ...cookie, ...headers } as Record<string, string>)).status, status, `${method} ${JSON.stringify(headers)}`);
    }
  });

  it("asks browsers' pages for Bearer alone, so that no dialog opens before the console", async () => {
    assert.equal((await send("GET", "/things", {})).headers["www-authenticate"], 'Basic realm="slipway", Bearer');
    assert.equal((await send("GET", "/things", { "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin" })).headers["www-authenticate"], "Bearer");
    assert.equal((await send("GET", "/things")).headers["www-authenticate"], undefined);
  });

  it("takes the address from the proxy that it trusts, the last one that was added", async () => {
    const headers = { Authorization: "ada", "X-Forwarded-For": "1.1.1.1, 203.0.113.9" };
    assert.deepEqual(JSON.parse((await send("GET", "/things", headers)).text), { address: "203.0.113.9" });
    assert.equal(gate.shown.at(-1)?.address, "203.0.113.9");
    assert.deepEqual(JSON.parse((await send("GET", "/things")).text), { address: "127.0.0.1" });
  });
});

describe("FollowedAnswers", () => {
  it("ends an answer whose caller has lost the right to it, and not while the database is away", async () => {
    const answers = new FollowedAnswers();
    const ended: string[] = [];
    let failure: AppError | undefined;
    const follow = (name: string, mayGoOn: () => Promise<void>): ServerResponse => {
      const response = { name } as unknown as ServerResponse;
      answers.add(response, 0, mayGoOn, ({ code }) => void ended.push(`${name} ${code}`));
      return response;
    };
    const watch = (): Promise<void> => (failure === undefined ? Promise.resolve() : Promise.reject(failure));
    follow("good", () => Promise.resolve());
    follow("watched", watch);
    const whole = follow("whole", watch);
    const sweep = async (at: number): Promise<void> => {
      answers.sweep(at);
      await new Promise((resolve) => setImmediate(resolve));
    };
    failure = new AppError("DATABASE_UNAVAILABLE", "away");
    await sweep(2000);
    failure = new AppError("UNAUTHENTICATED", "revoked");
    await sweep(3000); // not due again
    assert.deepEqual(ended, []);
    answers.sweep(4000);
    answers.remove(whole);
    await sweep(4000);
    assert.deepEqual(ended, ["watched UNAUTHENTICATED"]);
  });
});
