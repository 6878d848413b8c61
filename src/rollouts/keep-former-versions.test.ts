import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { keepFormerVersions } from "./keep-former-versions.ts";
import type { Rollout } from "./schemas.ts";

const now = 1_000_000;
const signal = new AbortController().signal;

function rollout(model: string, change: Partial<Rollout> = {}, keepWarmSeconds = 100): Rollout {
  return { model, kind: "rollout", state: "succeeded", stable: "1", candidate: "2", endedAt: epochMs(now - 40_000), plan: { keepWarmSeconds }, ...change } as Rollout;
}

async function kept(rollouts: readonly Rollout[], { refused = "", abortAfter = Infinity } = {}): Promise<{ kept: string[]; logged: string[] }> {
  const found: string[] = [];
  const logged: string[] = [];
  const stop = new AbortController();
  await keepFormerVersions(
    {
      store: {
        routes: () => Promise.resolve(rollouts.map(({ model }) => ({ model, revision: 1, route: null }))),
        list: ({ models }) => Promise.resolve(rollouts.filter(({ model }) => models?.includes(model))),
      },
      serving: {
        keepWarm: (model, version, seconds) => {
          if (model === refused) return Promise.reject(new AppError("VERSION_FAILED", "It cannot be loaded."));
          if (found.push(`${model} ${version} ${seconds}`) >= abortAfter) stop.abort();
          return Promise.resolve();
        },
      },
      clock: { now: () => epochMs(now), monotonic: () => 0 },
      logger: { info: () => undefined, warn: (event, fields) => void logged.push(`${event} ${String(fields?.model)}`), error: () => undefined },
    },
    stop.signal,
  );
  return { kept: found, logged };
}

describe("versions that rollouts replaced", () => {
  it("are kept for the rest of the time that their plan says, and no others", async () => {
    const rollouts = [
      rollout("replaced"), rollout("long ago", {}, 40), rollout("under way", { state: "running", endedAt: null }), rollout("bad", { state: "rolled back" }), rollout("test", { kind: "ab-test" }),
      rollout("ahead", { endedAt: epochMs(now + 5000) }),
    ];
    assert.deepEqual(await kept(rollouts), { kept: ["replaced 1 60", "ahead 1 100"], logged: [] });
  });

  it("do not hang on each other, and end with the server", async () => {
    const rollouts = [rollout("a"), rollout("b"), rollout("c")];
    assert.deepEqual(await kept(rollouts, { refused: "b" }), { kept: ["a 1 60", "c 1 60"], logged: ["rollout.former_not_kept b"] });
    assert.deepEqual((await kept(rollouts, { abortAfter: 2 })).kept, ["a 1 60", "b 1 60"]);
  });

  it("are said not to be kept where the database is away", async () => {
    const logged: string[] = [];
    const away = (): Promise<never> => Promise.reject(new AppError("DATABASE_UNAVAILABLE", "planted"));
    await keepFormerVersions(
      {
        store: { routes: away, list: away }, serving: { keepWarm: away }, clock: { now: () => epochMs(now), monotonic: () => 0 },
        logger: { info: () => undefined, warn: (event) => void logged.push(event), error: () => undefined },
      },
      signal,
    );
    assert.deepEqual(logged, ["rollout.former_not_kept"]);
  });
});
