import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { splitOf, splitStage } from "./split-stage.fixture.ts";
import { RouteSplits } from "./route-splits.ts";
import { RouteSettings } from "../schemas.ts";

const armOf = async ({ ask }: Awaited<ReturnType<typeof splitStage>>): Promise<string | undefined> => (await ask()).headers["X-Slipway-Arm"];

describe("RouteSplits", () => {
  it("splits a route from the moment on that it is told, and until it is told", async () => {
    const stage = await splitStage();
    assert.equal(await armOf(stage), undefined);
    await stage.splits.apply(splitOf(1));
    assert.equal(await armOf(stage), "candidate");
    await stage.splits.apply({ model: "route:chat", revision: 2, route: null });
    assert.equal(await armOf(stage), undefined);
    assert.equal(stage.told.samples.length, 1);
  });

  it("cuts an arm of the rollout at once, and of no other one", async () => {
    const stage = await splitStage();
    const route = splitOf(1);
    await stage.splits.apply(route);
    stage.splits.cutArm("route:chat", "another", "candidate");
    assert.equal(await armOf(stage), "candidate");
    stage.splits.cutArm("route:chat", route.rollout, "candidate");
    assert.equal(await armOf(stage), "stable");
  });

  it("refuses a revision that is not stored, and goes on as before", async () => {
    const stage = await splitStage();
    await stage.splits.apply(splitOf(1));
    await assert.rejects(stage.splits.apply(splitOf(1, { revision: 2, stable: "7" })), { code: "VERSION_NOT_FOUND", message: "The route chat has no revision 7." });
    assert.equal(await armOf(stage), "candidate");
    await stage.splits.apply(splitOf(0, { revision: 2 }));
    assert.equal(await armOf(stage), "stable");
  });

  it("answers with stable's settings where they are not the route's own, such as while a crowned candidate is taken back", async () => {
    const stage = await splitStage();
    await stage.splits.apply(splitOf(0, { stable: "2" }));
    const answer = await stage.ask();
    assert.deepEqual([answer.headers["X-Slipway-Arm"], answer.headers["X-Slipway-Revision"]], ["stable", "2"]);
    assert.deepEqual(stage.models.asked.map(({ model }) => model), ["new"]);
  });

  it("is not undone by an older change that took longer", async () => {
    const waiting: (() => void)[] = [];
    const settings = RouteSettings.parse({ targets: [{ provider: "models", model: "m" }] });
    const splits = new RouteSplits({ settingsOf: () => new Promise((resolve) => waiting.push(() => resolve(settings))) });
    const older = splits.apply(splitOf(1));
    await splits.apply({ model: "route:chat", revision: 2, route: null });
    while (waiting.length > 0) {
      waiting.shift()!();
      await new Promise(setImmediate);
    }
    await older;
    assert.equal(splits.of("chat"), undefined);
    await splits.apply(splitOf(1));
    assert.equal(splits.of("chat"), undefined, "older than what holds");
  });

  it("holds an older change for as long as a newer one is read, and where that cannot be", async () => {
    const settings = RouteSettings.parse({ targets: [{ provider: "models", model: "m" }] });
    const late = Promise.withResolvers<RouteSettings>();
    const splits = new RouteSplits({ settingsOf: (_route, revision) => (revision === 7 ? late.promise : Promise.resolve(settings)) });
    const older = splits.apply(splitOf(1));
    const newer = splits.apply(splitOf(1, { revision: 2, stable: "7" }));
    await older;
    assert.equal(splits.of("chat")?.active.route.revision, 1);
    late.reject(new Error("planted"));
    await assert.rejects(newer, /planted/);
    assert.equal(splits.of("chat")?.active.route.revision, 1);
  });

  it("lets no revision change what is the route's", async () => {
    const own = { limits: { requestsPerMinute: 1 }, budget: { day: 1 }, deadlineMs: 1000, guardrails: [{ kind: "pii" }, { kind: "max-cost", dollars: 1 }] };
    const candidate = { budget: { day: 999 }, deadlineMs: 5, guardrails: [{ kind: "max-cost", dollars: 1 }, { kind: "max-cost", dollars: 2 }] };
    const of = (more: object): RouteSettings => RouteSettings.parse({ targets: [{ provider: "models", model: "m" }], ...more });
    const splits = new RouteSplits({ settingsOf: (_route, revision) => Promise.resolve(revision === 1 ? of(own) : of({ ...candidate, systemPrompt: "Be brief." })) });
    await splits.apply(splitOf(1));
    const entered = { route: { name: "chat", team: "default", settings: of(own), revision: 1 } } as Parameters<NonNullable<ReturnType<RouteSplits["of"]>>["with"]>[0];
    const { route } = splits.of("chat")!.with(entered, "2");
    assert.deepEqual(route.settings, of({ ...own, systemPrompt: "Be brief.", guardrails: [...own.guardrails, { kind: "max-cost", dollars: 2 }] }));
    assert.equal(route.revision, 2);
  });
});
