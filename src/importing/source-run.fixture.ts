import fc from "../../test/kit/fast-check.ts";
import { Readable } from "node:stream";
import type { Metric, Tag } from "../tracking/schemas.ts";
import type { ImportSource, SourceExperiment, SourceFile, SourceRun } from "./import-source.ts";

/** A run as a source may have it, with what is read beside it. */
export interface WholeRun {
  run: SourceRun;
  metrics: readonly Metric[];
  files: ReadonlyMap<string, Buffer>;
}

export const sourceExperiment: SourceExperiment = { id: "7", name: "imported", lifecycle: "active", createdAt: 5, updatedAt: 6, tags: [] };

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const key = fc.oneof(fc.constantFrom("loss", "a b", "é", "e\u0301", "模型", "😀", "A", "a"), text.filter((value) => value !== "" && value !== "mlflow.runName" && !value.includes("\0")));
/** Also with what no database stores. */
const anyText = fc.oneof({ weight: 6, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom("a\0b", "half \ud83d", "\ude00 half", "\udc00\ud800") });
/** Milliseconds as clients send them, and nanoseconds as some do by mistake. */
const time = fc.oneof(fc.integer({ min: 0, max: 2_000_000_000_000 }), fc.constantFrom(0, Number.MAX_SAFE_INTEGER, 1_700_000_000_000_000_000));
const step = fc.oneof(fc.integer({ min: -3, max: 40 }), fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 53, 2 ** 62));
const value = fc.oneof(
  fc.double().map((number) => number + 0),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MAX_SAFE_INTEGER, 2 ** 63, 5e-324, Number.MAX_VALUE, 0.1),
);
const tags = (values: fc.Arbitrary<string>): fc.Arbitrary<Tag[]> => fc.uniqueArray(fc.record({ key, value: values }), { selector: (tag) => tag.key, maxLength: 6 });

const metrics = fc.array(fc.record({ key: fc.constantFrom("loss", "模型", "a b"), value, timestamp: time, step }), { maxLength: 40 });
const datasets = fc.uniqueArray(
  fc.record({
    dataset: fc.record({ name: key, digest: fc.constantFrom("d1", "d2"), sourceType: fc.constant("local"), source: anyText }),
    tags: tags(anyText).map((each) => each.slice(0, 2)),
  }), { selector: ({ dataset }) => JSON.stringify([dataset.name, dataset.digest]), maxLength: 3 },
);
const files = fc.uniqueArray(fc.tuple(fc.constantFrom("model/MLmodel", "model/data/weights.bin", "Ünïcode 模型.txt", "empty", "a/b/c"), fc.uint8Array({ maxLength: 300 })), { selector: ([path]) => path, maxLength: 4 });

export function arbitraryWholeRun(): fc.Arbitrary<WholeRun> {
  return fc
    .record({
      name: anyText, user: anyText, status: fc.constantFrom("RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED"), startTime: time, endTime: fc.option(time),
      lifecycle: fc.constantFrom("active", "deleted"), params: tags(anyText), tags: tags(anyText), datasets, metrics, files,
    })
    .map(({ metrics: points, files: contents, ...fields }) => ({
      run: { ...fields, id: "ab".repeat(16), artifactUri: "", modelInputs: ["m-1"], modelOutputs: [{ model: "m-2", step: 3 }], notes: [] } as SourceRun,
      metrics: points, files: new Map(contents.map(([path, bytes]) => [path, Buffer.from(bytes)])),
    }));
}

/** The run as it is to be stored. */
export function storedOf({ run, metrics: points, files: contents }: WholeRun): WholeRun {
  const ofText = (value: string): string => Array.from(value, (character) => (character === "\0" || /^[\ud800-\udfff]$/.test(character) ? "\ufffd" : character)).join("");
  const whole = (number: number): number => Math.min(Number.MAX_SAFE_INTEGER, number);
  const pairs = (tags: readonly Tag[]): Tag[] => tags.map(({ key: name, value: content }) => ({ key: name, value: ofText(content) }));
  return {
    run: {
      ...run, name: ofText(run.name), user: ofText(run.user), startTime: whole(run.startTime), endTime: run.endTime === null ? null : whole(run.endTime), params: pairs(run.params), tags: pairs(run.tags),
      datasets: run.datasets.map(({ dataset, tags: own }) => ({ dataset: { ...dataset, source: ofText(dataset.source) }, tags: pairs(own) })),
    },
    metrics: points.map((point) => ({ ...point, timestamp: whole(point.timestamp), step: whole(point.step) })), files: contents,
  };
}

/** A source of this one run. Metrics come in pages of three. */
export function sourceOf({ run, metrics: points, files: contents }: WholeRun): ImportSource {
  const nothing = (): never => { throw new Error("Not asked for here."); };
  async function* fileList(): AsyncGenerator<SourceFile> {
    for (const [path, bytes] of contents) yield { path, bytes: bytes.length, open: () => Promise.resolve(Readable.from([bytes], { objectMode: false })) };
  }
  return {
    runs: () => Promise.resolve({ items: [run], next: null }),
    experiments: nothing, loggedModels: nothing, modelNames: nothing, model: nothing, cannotCome: nothing, close: () => Promise.resolve(),
    artifacts: () => Promise.resolve({ kind: "files", files: fileList() }),
    async *metrics() {
      for (let start = 0; start < points.length; start += 3) yield points.slice(start, start + 3);
    },
  };
}
