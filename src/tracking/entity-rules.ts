import { AppError } from "../core/errors.ts";
import type { DatasetInput, Metric, Tag } from "./schemas.ts";
import type { RunChanges } from "./tracking-store.ts";

/** What one request may log, and how long keys and values may be, in characters. */
const trackingLimits = {
  metrics: 1000,
  params: 100,
  tags: 100,
  entities: 1000,
  key: 250,
  paramValue: 6000,
  runTagValue: 8000,
  experimentTagValue: 20_000,
  experimentName: 500,
  artifactLocation: 2048,
  modelParams: 1000,
} as const;

const datasetLimits = { name: 500, digest: 36, source: 65_535, schema: 1_048_575, profile: 16_777_215 } as const;
const inputTagLimits = { key: 255, value: 500 } as const;

function invalid(parameter: string, value: unknown, why: string): AppError {
  return new AppError("INVALID_PARAMETER", `Invalid value ${JSON.stringify(value).slice(0, 300)} for parameter '${parameter}' supplied: ${why}`);
}

/** By characters as people count them: one outside of the basic plane is one. */
function lengthOf(text: string, limit: number): number {
  return text.length <= limit ? text.length : Array.from(text).length;
}

function requireLength(name: string, text: string, limit: number): void {
  if (lengthOf(text, limit) > limit) throw new AppError("INVALID_PARAMETER", `'${name}' exceeds the maximum length of ${limit} characters.`);
}

function truncated(text: string, limit: number): string {
  return lengthOf(text, limit) <= limit ? text : Array.from(text).slice(0, limit).join("");
}

/**
 * Keys of metrics, params and tags: clients write them as paths of files, so they must be such. `parameter` names the place in the
 * request. Throws INVALID_PARAMETER.
 */
export function assertEntityKey(key: string, parameter: string, what = "key"): void {
  if (!/^[/\p{L}\p{N}\p{M}_.\- :]*$/u.test(key)) {
    throw invalid(parameter, key, "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colons (:) and slashes (/).");
  }
  if (key === "" || key.startsWith("..") || key.split("/").some((segment) => segment === "" || segment === "." || segment === "..")) {
    throw invalid(parameter, key, "Names are used as paths: they must not be empty, begin with .. or /, or have empty, . or .. segments.");
  }
  requireLength(what, key, trackingLimits.key);
}

/** `place` such as `metrics[3]`; empty for a request with one alone. */
function assertMetric(metric: Metric, place: string): void {
  const of = (field: string): string => (place === "" ? field : `${place}.${field}`);
  assertEntityKey(metric.key, of("name"), "Metric name");
  if (metric.timestamp < 0) throw invalid(of("timestamp"), metric.timestamp, "Timestamp must be a nonnegative long (64-bit integer).");
}

/** Checked and with values cut to their limits. Throws INVALID_PARAMETER. `single` names keys without a place in a list. */
export function checkedChanges({ metrics, params, tags }: RunChanges, single = false): RunChanges {
  const place = (list: string, index: number): string => (single ? "" : `${list}[${index}]`);
  const of = (list: string, index: number): string => (single ? "key" : `${place(list, index)}.key`);
  metrics.forEach((metric, index) => assertMetric(metric, place("metrics", index)));
  params.forEach(({ key }, index) => assertEntityKey(key, of("params", index), "Param key"));
  tags.forEach(({ key }, index) => assertEntityKey(key, of("tags", index), of("tags", index)));
  assertBatch(metrics.length, trackingLimits.metrics, "metrics");
  assertBatch(params.length, trackingLimits.params, "params");
  assertBatch(tags.length, trackingLimits.tags, "tags");
  assertBatch(metrics.length + params.length + tags.length, trackingLimits.entities, "metrics, params, and tags");
  assertDistinct(params);
  return {
    metrics,
    params: params.map(({ key, value }) => ({ key, value: truncated(value, trackingLimits.paramValue) })),
    tags: tags.map(checkedRunTag),
  };
}

function checkedRunTag({ key, value }: Tag): Tag {
  return { key, value: truncated(value, trackingLimits.runTagValue) };
}

/** Tags that a run or a logged model begins with: any number of them, and, as no client has ever checked these, with any characters in their keys. */
export function checkedRunTags(tags: readonly Tag[]): Tag[] {
  for (const { key } of tags) {
    if (key.includes("\0")) throw invalid("key", key, "A key cannot hold the character NUL.");
    requireLength("key", key, trackingLimits.key);
  }
  return tags.map(checkedRunTag);
}

function assertBatch(count: number, limit: number, what: string): void {
  if (count <= limit) return;
  throw new AppError("INVALID_PARAMETER", `A batch logging request can contain at most ${limit} ${what}. Got ${count} ${what}. Please split up ${what} across multiple requests and try again.`);
}

function assertDistinct(params: readonly Tag[]): void {
  const seen = new Set<string>();
  const twice = params.filter(({ key }) => seen.size === seen.add(key).size).map(({ key }) => key);
  if (twice.length > 0) throw new AppError("INVALID_PARAMETER", `Duplicate parameter keys have been submitted: ${JSON.stringify(twice.slice(0, 10))}. A request has one value for a param key.`);
}

export function assertExperimentName(name: string): void {
  if (name.trim() === "") throw new AppError("INVALID_PARAMETER", `Invalid experiment name: '${name}'`);
  requireLength("name", name, trackingLimits.experimentName);
}

/** A place of the client's own: a URI without query and fragment, which would end up in paths, or any text without a scheme. */
export function assertArtifactLocation(location: string): void {
  requireLength("artifact_location", location, trackingLimits.artifactLocation);
  if (/[?#]/.test(location)) throw invalid("artifact_location", location, "An artifact location can't include queries (?) or fragments (#).");
  if (/(^|[/\\])\.\.([/\\]|$)|%2e%2e/i.test(location) || /[\p{Cc}]/u.test(location)) throw invalid("artifact_location", location, "An artifact location can't include .. or control characters.");
}

export function assertExperimentTag({ key, value }: Tag): void {
  assertEntityKey(key, "key");
  requireLength("value", value, trackingLimits.experimentTagValue);
}

/** Throws INVALID_PARAMETER. */
export function assertDatasets(inputs: readonly DatasetInput[]): void {
  assertBatch(inputs.length, trackingLimits.entities, "datasets");
  for (const { dataset, tags } of inputs) {
    for (const [field, limit] of Object.entries(datasetLimits)) {
      const text = dataset[field as keyof typeof datasetLimits];
      if (text !== undefined) requireLength(field, text, limit);
    }
    for (const { key, value } of tags) {
      requireLength("key", key, inputTagLimits.key);
      requireLength("value", value, inputTagLimits.value);
    }
  }
}

/** Names of logged models stand in URIs such as `models:/NAME/VERSION`. */
export function assertLoggedModelName(name: string): void {
  if (name === "" || /[/:.%"']/.test(name)) {
    throw new AppError("INVALID_PARAMETER", `Invalid model name (${JSON.stringify(name.slice(0, 300))}) provided. Model name must be a non-empty string and cannot contain / : . % " or '.`);
  }
  requireLength("name", name, trackingLimits.experimentName);
}
