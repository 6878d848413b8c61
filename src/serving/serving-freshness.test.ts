import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError, toAppError } from "../core/errors.ts";
import { Policy, type PolicyRevision } from "../registry/index.ts";
import { ServingBench } from "./serving-service.fixture.ts";

/** The registry does what it is asked for, and then cannot say so. */
function cut(bench: ServingBench, asked: string): void {
  bench.beforeAnswer = (what) => (what === asked ? Promise.reject(new AppError("DATABASE_UNAVAILABLE", "planted")) : undefined);
}

const heal = (bench: ServingBench): void => void (bench.beforeAnswer = () => undefined);

/** Holds the next answer to this question back. `asked` resolves when the registry has it. */
function hold(bench: ServingBench, about: string): { asked: Promise<void>; tell: () => void } {
  const [asked, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  bench.beforeAnswer = (what, model) => {
    if (`${what} ${model}` !== about) return;
    heal(bench);
    asked.resolve();
    return told.promise;
  };
  return { asked: asked.promise, tell: told.resolve };
}

describe("what serving knows of the registry", () => {
  it("is read again where the database went away in the middle of a change that the server itself made: nobody tells of it", async () => {
    const bench = new ServingBench();
    await bench.add("m", 2);
    cut(bench, "policy");
    await assert.rejects(bench.serving.changePolicy({ model: "m", revision: 2, policy: Policy.parse({ cache: { enabled: true } }) } as PolicyRevision), { code: "DATABASE_UNAVAILABLE" });
    assert.deepEqual(bench.changed, ["m"]);
    heal(bench);
    await bench.serving.follow("m");
    assert.equal(bench.serving.policy("m").cache.enabled, true);
    cut(bench, "setAlias");
    await assert.rejects(bench.serving.activate("m", "2", "local"), { code: "DATABASE_UNAVAILABLE" });
    assert.deepEqual([bench.changed, bench.serving.activeVersion("m")], [["m", "m"], "1"]);
    heal(bench);
    await bench.serving.follow("m");
    assert.equal(bench.serving.activeVersion("m"), "2");
  });

  it("is read again where a champion could not be read at the start", async () => {
    const bench = new ServingBench();
    bench.write("m", 1);
    cut(bench, "version");
    await bench.serving.start();
    await bench.serving.whenLoaded();
    assert.deepEqual([bench.changed, bench.serving.activeVersion("m")], [["m"], null]);
    heal(bench);
    await bench.serving.follow("m");
    assert.equal(bench.serving.activeVersion("m"), "1");
  });

  it("is nothing of a model that another server removed while this one started", async () => {
    const bench = new ServingBench();
    bench.write("gone", 1);
    bench.write("m", 1);
    const { asked, tell } = hold(bench, "policy gone");
    const started = bench.serving.start();
    await asked;
    bench.remove("gone");
    tell();
    await started;
    await bench.serving.whenLoaded();
    assert.deepEqual([bench.serving.modelNames, bench.serving.activeVersion("m")], [["m"], "1"]);
  });

  it("is nothing of a model that was removed after it was read, and before that was told", async () => {
    const bench = new ServingBench();
    await bench.serving.start();
    bench.write("m", 1);
    let models = 0;
    // The first answer says which version to load, the second is what is kept.
    const [asked, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    bench.beforeAnswer = (what) => {
      if (what !== "model" || ++models !== 2) return;
      asked.resolve();
      return told.promise;
    };
    const loading = bench.serving.load("m", "1").catch(toAppError);
    await asked.promise;
    bench.remove("m");
    await bench.serving.follow("m");
    told.resolve();
    assert.equal((await loading as AppError).code, "MODEL_NOT_FOUND");
    assert.deepEqual(bench.serving.modelNames, []);
  });
});
