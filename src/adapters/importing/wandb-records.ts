import protobuf from "protobufjs/light.js";

/** One value of a history, a summary or a config: `value_json`, or typed as later versions of W&B write it. */
export interface WandbItem {
  key?: string;
  nestedKey?: string[];
  valueJson?: string;
  boolean?: boolean;
  integer?: number;
  number?: number;
  text?: string;
  json?: string;
}

export interface WandbRun {
  runId?: string;
  project?: string;
  runGroup?: string;
  jobType?: string;
  displayName?: string;
  notes?: string;
  tags?: string[];
  sweepId?: string;
  host?: string;
  config?: { update?: WandbItem[] };
  summary?: { update?: WandbItem[] };
  startTime?: { seconds?: number; nanos?: number };
  git?: { remoteUrl?: string; commit?: string };
}

/** The few fields of W&B's records that are read; all others are passed over. */
export interface WandbRecord {
  history?: { item?: WandbItem[]; step?: { num?: number } };
  summary?: { update?: WandbItem[] };
  config?: { update?: WandbItem[] };
  run?: WandbRun;
  exit?: { exitCode?: number; runtime?: number };
  environment?: { program?: string; username?: string; host?: string; git?: { remoteUrl?: string; commit?: string } };
  artifact?: object;
}

const field = (id: number, type: string, repeated = false) => ({ id, type, ...(repeated ? { rule: "repeated" } : {}) });

const item = {
  key: field(1, "string"), nestedKey: field(2, "string", true), boolean: field(4, "bool"), integer: field(5, "sint64"), number: field(6, "double"),
  text: field(7, "string"), json: field(8, "string"), valueJson: field(16, "string"),
};

const root = protobuf.Root.fromJSON({
  nested: {
    Item: { fields: item },
    Items: { fields: { update: field(1, "Item", true) } },
    Step: { fields: { num: field(1, "int64") } },
    History: { fields: { item: field(1, "Item", true), step: field(2, "Step") } },
    Time: { fields: { seconds: field(1, "int64"), nanos: field(2, "int32") } },
    Git: { fields: { remoteUrl: field(1, "string"), commit: field(2, "string") } },
    Run: {
      fields: {
        runId: field(1, "string"), project: field(3, "string"), config: field(4, "Items"), summary: field(5, "Items"), runGroup: field(6, "string"), jobType: field(7, "string"),
        displayName: field(8, "string"), notes: field(9, "string"), tags: field(10, "string", true), sweepId: field(12, "string"), host: field(13, "string"),
        startTime: field(17, "Time"), git: field(21, "Git"),
      },
    },
    Exit: { fields: { exitCode: field(1, "int32"), runtime: field(2, "int32") } },
    Environment: { fields: { program: field(6, "string"), git: field(9, "Git"), host: field(12, "string"), username: field(13, "string") } },
    Artifact: { fields: {} },
    Record: {
      fields: {
        history: field(2, "History"), summary: field(3, "Items"), config: field(5, "Items"), artifact: field(8, "Artifact"), run: field(17, "Run"), exit: field(18, "Exit"),
        environment: field(26, "Environment"),
      },
    },
  },
});
const recordType = root.lookupType("Record");

/** Throws where the bytes are no record. */
export function decodeWandbRecord(bytes: Uint8Array): WandbRecord {
  return recordType.toObject(recordType.decode(bytes), { longs: Number }) as WandbRecord;
}

/** Where the value belongs, and the value; undefined for one that cannot be read. */
export function itemValue({ key, nestedKey, valueJson, json, boolean, integer, number, text }: WandbItem): { key: string; value: unknown } {
  const name = nestedKey !== undefined && nestedKey.length > 0 ? nestedKey.join(".") : (key ?? "");
  const encoded = valueJson ?? json;
  if (encoded !== undefined) return { key: name, value: parsed(encoded) };
  return { key: name, value: boolean ?? integer ?? number ?? text };
}

/** The same for a param, which is text: a whole number that JavaScript does not hold exactly stays as it was written. */
export function itemText(item: WandbItem): { key: string; value: unknown } {
  const { key, value } = itemValue(item);
  const encoded = item.valueJson ?? item.json ?? "";
  return { key, value: /^-?\d+$/.test(encoded) && !Number.isSafeInteger(value) ? encoded : value };
}

/** JSON, with NaN and Infinity as Python writes them. */
function parsed(text: string): unknown {
  const named = { NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, "-Infinity": Number.NEGATIVE_INFINITY }[text];
  if (named !== undefined) return named;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
