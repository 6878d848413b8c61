import type { ImportSource, SourcePage } from "./import-source.ts";
import type { ImportTally } from "./import-tally.ts";

/** What no database here stores: NUL, and half a surrogate pair. */
const unstorable = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * A source of which everything can be stored: characters that cannot become U+FFFD, times and steps that JavaScript does not hold
 * exactly become the nearest that it does, with a note that names the object. Without it one param with a NUL would keep all else
 * of an import out, and one time in nanoseconds would be nothing that anybody can be shown.
 */
export function storableSource(source: ImportSource, tally: ImportTally): ImportSource {
  const cleaned = <Value>(object: string, value: Value): Value => {
    const changes = new Set<string>();
    const copy = storable(value, changes);
    for (const change of changes) tally.note(object, change);
    return copy;
  };
  const page = <Item extends { id: string }>(kind: string, { items, next }: SourcePage<Item>): SourcePage<Item> => ({ items: items.map((item) => cleaned(`${kind} ${item.id}`, item)), next });
  return {
    experiments: async () => (await source.experiments()).map((experiment) => cleaned(`experiment ${experiment.id}`, experiment)),
    runs: async (experiment, after, limit) => page("run", await source.runs(experiment, after, limit)),
    async *metrics(experiment, run) {
      for await (const points of source.metrics(experiment, run)) yield cleaned(`run ${run.id}`, points);
    },
    artifacts: (experiment, of) => source.artifacts(experiment, of),
    loggedModels: async (experiment, after, limit) => page("logged model", await source.loggedModels(experiment, after, limit)),
    modelNames: () => source.modelNames(),
    model: async (name) => cleaned(`model ${name}`, await source.model(name)),
    cannotCome: () => source.cannotCome(),
    close: () => source.close(),
  };
}

const ofText = "Characters that cannot be stored, NUL or half of a surrogate pair, became U+FFFD.";
const ofNumber = "Times or steps beyond 2^53 became the greatest number that is kept exactly.";

/** The value itself where nothing of it has to change. */
function storable<Value>(value: Value, changes: Set<string>, name = ""): Value {
  if (typeof value === "string") {
    const copy = value.replace(unstorable, "\ufffd");
    if (copy !== value) changes.add(ofText);
    return copy as Value;
  }
  // Of all numbers only a metric's value need not be whole.
  if (typeof value === "number" && name !== "value" && !Number.isSafeInteger(value)) {
    changes.add(ofNumber);
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(value) || 0)) as Value;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each: unknown) => storable(each, changes)) as Value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [storable(key, changes), storable(each, changes, key)])) as Value;
}
