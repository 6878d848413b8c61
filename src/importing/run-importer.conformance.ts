import fc from "../../test/kit/fast-check.ts";
import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { it } from "node:test";
import { testSeed } from "../../test/kit/seed.ts";
import { epochMs } from "../core/clock.ts";
import type { ArtifactStore } from "../tracking/artifact-store.ts";
import type { Metric, Run } from "../tracking/schemas.ts";
import type { TrackingStore } from "../tracking/tracking-store.ts";
import { deleteImported, importExperiment } from "./experiment-importer.ts";
import { ImportTally, type StepTally } from "./import-tally.ts";
import { importRun } from "./run-importer.ts";
import { arbitraryWholeRun, sourceExperiment, sourceOf, storedOf, type WholeRun } from "./source-run.fixture.ts";
import { storableSource } from "./storable-source.ts";

export interface ImportStage {
  store: TrackingStore;
  artifacts: ArtifactStore;
}

const by = { actor: "key:importer", team: "default", now: epochMs(1_800_000_000_000) };

/** Ends the import as a killed process does: at a call, before it was made or after it was answered. */
class Killed extends Error {}

/** The port of a process that dies at its Nth call; counts them. */
function dying<Store extends object>(store: Store, death: { at: number; after: boolean; calls: number }): Store {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return async (...values: unknown[]): Promise<unknown> => {
        const isLast = ++death.calls === death.at;
        if (death.calls > death.at || (isLast && !death.after)) throw new Killed();
        const answer = await (member as (...values: unknown[]) => Promise<unknown>).apply(target, values);
        if (isLast) throw new Killed();
        return answer;
      };
    },
  });
}

/** All that an import does to a run, from its experiment to its deletion. */
async function importWhole({ store, artifacts }: ImportStage, whole: WholeRun): Promise<ImportTally> {
  const tally = new ImportTally();
  const experiment = (await importExperiment(store, sourceExperiment, by, tally))!;
  const source = storableSource(sourceOf(whole), tally);
  const [run] = (await source.runs(sourceExperiment, null, 1)).items;
  const isDeleted = await importRun({ store, artifacts, source, tally, by, signal: new AbortController().signal }, experiment, sourceExperiment, run!);
  await deleteImported(store, { experiment: experiment.id, lifecycle: "active", deletedRuns: isDeleted ? [whole.run.id] : [], isNew: true }, by);
  return tally;
}

interface Found {
  run: Omit<Run, "metrics" | "artifactUri">;
  latest: Metric[];
  histories: unknown[];
  files: (readonly [string, string])[];
}

async function found({ store, artifacts }: ImportStage, { run: { id }, metrics }: WholeRun): Promise<Found> {
  const { metrics: latest, artifactUri, ...run } = (await store.findRun(id))!;
  const histories: unknown[] = [];
  for (const key of [...new Set(metrics.map((each) => each.key))].sort()) histories.push((await store.metricHistory(id, key, { limit: 1000, after: null })).items.map(textOfPoint));
  const root = artifactUri.slice("mlflow-artifacts:/".length);
  const files: (readonly [string, string])[] = [];
  for (const { path } of await artifacts.walk(root)) files.push([path, (await buffer(await artifacts.read(`${root}/${path}`))).toString("hex")]);
  return { run, latest, histories, files };
}

const textOfPoint = ({ key, value, timestamp, step }: Metric): string => `${key} ${value} ${timestamp} ${step}`;
const pairs = (tags: readonly { key: string; value: string }[]): string[] => tags.map(({ key, value }) => `${key}=${value}`).sort();

/** What is found must be what the source has. */
function assertSame({ run, latest, histories, files }: Found, given: WholeRun): void {
  const whole = storedOf(given);
  const { id, user, status, startTime, endTime, lifecycle, params, tags, datasets, modelInputs, modelOutputs, name } = whole.run;
  assert.deepEqual(
    { id: run.id, name: run.name, user: run.user, status: run.status, startTime: run.startTime, endTime: run.endTime, lifecycle: run.lifecycle },
    { id, name, user, status, startTime, endTime, lifecycle },
  );
  assert.deepEqual(pairs(run.params), pairs(params));
  assert.deepEqual(pairs(run.tags.filter(({ key }) => key !== "mlflow.runName")), pairs(tags));
  assert.deepEqual(run.datasets.map(({ dataset, tags: own }) => JSON.stringify([dataset.name, dataset.digest, dataset.source, pairs(own)])).sort(),
    datasets.map(({ dataset, tags: own }) => JSON.stringify([dataset.name, dataset.digest, dataset.source, pairs(own)])).sort());
  assert.deepEqual([run.modelInputs, run.modelOutputs], [modelInputs, modelOutputs]);
  const keys = [...new Set(whole.metrics.map(({ key }) => key))].sort();
  keys.forEach((key, index) => {
    const own = whole.metrics.filter((each) => each.key === key);
    assert.deepEqual([...(histories[index] as string[])].sort(), [...new Set(own.map(textOfPoint))].sort(), `every point of ${key}, and an exact double once`);
    const greatest = own.reduce((left, right) => (right.step > left.step || (right.step === left.step && right.timestamp > left.timestamp) ? right : left));
    const shown = latest.find((each) => each.key === key)!;
    assert.deepEqual([shown.step, shown.timestamp], [greatest.step, greatest.timestamp], `the latest ${key}`);
  });
  assert.equal(latest.length, keys.length);
  assert.deepEqual(Object.fromEntries(files), Object.fromEntries([...whole.files].map(([path, bytes]) => [path, bytes.toString("hex")])));
}

/** Notes of something that did not come. */
function refusals({ notes }: StepTally): string[] {
  return notes.map(({ why }) => why).filter((why) => !why.startsWith("Characters that cannot be stored") && !why.startsWith("Times or steps beyond 2^53"));
}

/** What must hold wherever runs are imported to; `withStage` gives new, empty stores. */
export function runImporterConformance(adapter: string, withStage: <Result>(work: (stage: ImportStage) => Promise<Result>) => Promise<Result>, runs: number): void {
  const options = { seed: testSeed, numRuns: runs };

  it(`importRun on ${adapter} brings a run as it is in the source, and changes nothing when it is done again`, () =>
    fc.assert(fc.asyncProperty(arbitraryWholeRun(), (whole) =>
      withStage(async (stage) => {
        const { counts } = (await importWhole(stage, whole)).toStep();
        assert.equal(counts["runs"], 1);
        const once = await found(stage, whole);
        assertSame(once, whole);
        const again = (await importWhole(stage, whole)).toStep();
        assert.deepEqual([again.counts["runs"], again.counts["runs there already"], again.counts["artifacts"], refusals(again)], [undefined, 1, undefined, []]);
        assert.deepEqual(await found(stage, whole), once);
      })), options));

  it(`importRun on ${adapter} ends as if it had not been broken off, wherever it was, and how often`, () =>
    fc.assert(fc.asyncProperty(arbitraryWholeRun(), fc.array(fc.record({ at: fc.integer({ min: 1, max: 40 }), after: fc.boolean() }), { minLength: 1, maxLength: 4 }), (whole, deaths) =>
      withStage(async (stage) => {
        for (const drawn of deaths) {
          const death = { ...drawn, calls: 0 };
          await importWhole({ store: dying(stage.store, death), artifacts: dying(stage.artifacts, death) }, whole).catch((error: unknown) => {
            if (!(error instanceof Killed)) throw error;
          });
        }
        assert.deepEqual(refusals((await importWhole(stage, whole)).toStep()), []);
        assertSame(await found(stage, whole), whole);
      })), options));

  it(`importRun on ${adapter} leaves what was changed here, and brings what a run logged since`, () =>
    fc.assert(fc.asyncProperty(arbitraryWholeRun(), (drawn) =>
      withStage(async (stage) => {
        const early: WholeRun = { ...drawn, run: { ...drawn.run, status: "RUNNING", endTime: null, lifecycle: "active", tags: [{ key: "kept", value: "theirs" }, ...drawn.run.tags.filter(({ key }) => key !== "kept")] } };
        await importWhole(stage, early);
        await stage.store.logToRun(early.run.id, { metrics: [], params: [], tags: [{ key: "kept", value: "ours" }] }, by.now);
        const later: WholeRun = {
          ...early, metrics: [...early.metrics, { key: "loss", value: 1, timestamp: 1, step: 12_345 }],
          run: { ...early.run, status: "FINISHED", endTime: 99, params: [...early.run.params, { key: "a param of later", value: "1" }] },
        };
        await importWhole(stage, later);
        const { run } = await found(stage, early);
        assert.equal(run.tags.find(({ key }) => key === "kept")?.value, "ours");
        assert.deepEqual([run.status, run.endTime, run.params.some(({ key }) => key === "a param of later")], ["FINISHED", 99, true]);
        const { items } = await stage.store.metricHistory(early.run.id, "loss", { limit: 1000, after: null });
        assert.ok(items.some(({ step }) => step === 12_345));
      })), { ...options, numRuns: Math.ceil(runs / 3) }));
}
