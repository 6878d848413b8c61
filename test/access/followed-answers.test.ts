import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { systemClock } from "../../src/core/clock.ts";
import type { Grant, ObjectReference } from "../../src/core/caller.ts";
import { AppError } from "../../src/core/errors.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { HttpAnswer, route } from "../../src/core/route.ts";
import { loadConsoleFiles } from "../../src/http/console-files.ts";
import { HttpServer } from "../../src/http/http-server.ts";
import { RouteTable } from "../../src/http/route-table.ts";
import { openAccess, type AccessUnderTest } from "./access-callers.ts";

describe("an answer that goes on", () => {
  let under: AccessUnderTest;
  let server: HttpServer;
  let port: number;
  /** Why answers were ended before they were whole, but by those who left. */
  const reasons: string[] = [];
  before(async () => {
    under = await openAccess();
    const endless = (path: string, of: ObjectReference | null) => route({
      method: "GET", path, access: "viewer", on: "some", operationId: path.slice(1), summary: "", tag: "", query: z.strictObject({}),
      response: { mediaType: "text/plain", description: "" },
      handle: ({ signal }) => {
        const stream = new Readable({ read() {} });
        stream.push("begun");
        signal.addEventListener("abort", () => {
          if (signal.reason instanceof AppError) reasons.push(signal.reason.code);
          stream.destroy();
        });
        return new HttpAnswer(200, {}, stream, [], of);
      },
    });
    server = new HttpServer({ host: "127.0.0.1", port: 0, allowedHosts: [], maxInferenceBytes: 1 << 20, bodyTimeoutMs: 60_000, maxConnections: 100 }, {
      table: new RouteTable([endless("/endless", null), endless("/endless-of-one", { kind: "route", name: "chat", team: "fraud" })]), console: loadConsoleFiles("no such folder"), access: under.access.gate, clock: under.clock, ids: new TimeOrderedIds(systemClock), logger: silentLogger,
    });
    port = await server.listen();
  });
  after(async () => {
    server.destroy();
    await under.close();
  });

  const signIn = (subject: string, grants: Grant[]) =>
    under.store.users.signIn({ id: `usr_${subject}`, issuer: "https://id.example.com", subject, name: subject, email: "", grants }, under.clock.now());
  async function follow(subject: string, path = "/endless"): Promise<{ session: string; answer: IncomingMessage; ended: Promise<void>; isOver: () => boolean }> {
    const session = await under.access.sessions.start(`user:usr_${subject}`, under.clock.now());
    const cookie = `sid=${session}`;
    const [answer] = (await once(request({ host: "127.0.0.1", port, path, headers: { Cookie: cookie } }).end(), "response")) as [IncomingMessage];
    let over = false;
    const ended = new Promise<void>((resolve) => answer.on("error", () => undefined).on("close", () => resolve()).resume()).then(() => void (over = true));
    return { session, answer, ended, isOver: () => over };
  }

  it("ends when its caller may less than at its beginning, and goes on for those who may the same or more", async () => {
    const named: Grant = { role: "viewer", team: "fraud", models: ["a", "b"], routes: ["chat"] };
    const stays: [string, Grant[], Grant[]][] = [
      ["same", [{ role: "viewer", team: "fraud" }], [{ role: "viewer", team: "fraud" }]],
      ["more", [{ role: "viewer", team: "fraud" }], [{ role: "viewer", team: "default" }, { role: "viewer", team: "fraud" }]],
      ["higher", [{ role: "viewer", team: "fraud" }], [{ role: "admin", team: "*" }]],
      ["named otherwise", [named], [{ role: "viewer", team: "fraud", models: ["b"] }, { role: "deployer", team: "*", models: ["a"], routes: ["chat"] }]],
    ];
    const ends: [string, Grant[], Grant[]][] = [
      ["changed", [{ role: "viewer", team: "fraud" }, { role: "viewer", team: "default" }], [{ role: "viewer", team: "default" }]],
      ["lower", [{ role: "admin", team: "fraud" }], [{ role: "deployer", team: "*" }]],
      ["named less", [named], [{ role: "viewer", team: "fraud", models: ["a", "b"] }]],
    ];
    const followed = new Map<string, Awaited<ReturnType<typeof follow>>>();
    for (const [subject, before] of [...stays, ...ends]) {
      await signIn(subject, before);
      followed.set(subject, await follow(subject));
    }
    under.clock.advance(6000);
    for (const [subject, , now] of [...stays, ...ends]) await signIn(subject, now);
    under.clock.advance(6000);
    for (const [subject] of ends) await followed.get(subject)!.ended;
    assert.deepEqual(stays.filter(([subject]) => followed.get(subject)!.isOver()).map(([subject]) => subject), []);
    assert.deepEqual(reasons, ends.map(() => "FORBIDDEN"));
    for (const [subject] of stays) followed.get(subject)!.answer.destroy();
  });

  it("ends, where it is of one object, when its caller may not see that any more, whatever else is gone", async () => {
    reasons.length = 0;
    const both: Grant[] = [{ role: "deployer", team: "fraud" }, { role: "viewer", team: "default" }];
    const [named, other]: Grant[] = [{ role: "viewer", team: "fraud", routes: ["chat"] }, { role: "viewer", team: "fraud", routes: ["another"] }];
    for (const subject of ["keeps it", "has it by name", "lost it"]) await signIn(subject, both);
    const [keeps, byName, lost] = await Promise.all(["keeps it", "has it by name", "lost it"].map((subject) => follow(subject, "/endless-of-one")));
    under.clock.advance(6000);
    await signIn("keeps it", [{ role: "viewer", team: "*" }]);
    await signIn("has it by name", [named!]);
    await signIn("lost it", [other!, { role: "admin", team: "default" }]);
    under.clock.advance(6000);
    await lost!.ended;
    assert.deepEqual([keeps!.isOver(), byName!.isOver(), reasons], [false, false, ["FORBIDDEN"]]);
    for (const { answer } of [keeps!, byName!]) answer.destroy();
  });

  it("tells who makes it that its caller's session has ended, and not that the caller has left", async () => {
    reasons.length = 0;
    await signIn("leaver", [{ role: "viewer", team: "fraud" }]);
    const { session, ended } = await follow("leaver");
    await under.access.sessions.end(session);
    under.clock.advance(6000);
    await ended;
    assert.deepEqual(reasons, ["UNAUTHENTICATED"]);
  });
});
