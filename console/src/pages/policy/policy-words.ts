import { formatMs, formatShare } from "../../format.ts";
import { keyLabel, wholeText } from "./whole-words.ts";

/** How people call the parts of a policy. A leaf that is not here is shown under its own name. */
export const groupWords: Record<string, { title: string; note: string }> = {
  objectives: { title: "Objectives", note: "what counts as a warning and as critical" },
  serving: { title: "Serving", note: "processes, batches and limits" },
  cache: { title: "Cache", note: "answers to the same input" },
  log: { title: "Prediction log", note: "what is kept, and for how long" },
  rollout: { title: "Rollout", note: "how a new version gets its traffic, and what takes it away" },
  fallback: { title: "Fallback", note: "what answers when no version can" },
  evaluation: { title: "Evaluation", note: "what new versions are measured on and against" },
  monitoring: { title: "Monitoring", note: "the window that is watched" },
};

export const groupOrder = ["rollout", "objectives", "fallback", "evaluation", "serving", "cache", "log", "monitoring"];

export const fieldWords: Record<string, { label: string; unit?: string; none?: string }> = {
  "serving.runners": { label: "Runners" },
  "serving.inline": { label: "Run tiny models inline" },
  "serving.maxBatchRows": { label: "Largest batch", unit: "rows" },
  "serving.maxBatchDelayMs": { label: "Wait for a fuller batch", unit: "ms" },
  "serving.maxQueueRows": { label: "Longest queue", unit: "rows" },
  "serving.deadlineMs": { label: "Deadline of a request", unit: "ms" },
  "serving.maxRunMs": { label: "Longest run", unit: "ms" },
  "serving.maxRowsPerRequest": { label: "Most rows in a request", unit: "rows" },
  "cache.enabled": { label: "Cache predictions" },
  "cache.ttlSeconds": { label: "Keep for", unit: "s" },
  "cache.maxEntries": { label: "Most entries" },
  "log.sampleRate": { label: "Share that is logged", unit: "0 to 1" },
  "log.redact": { label: "Redacted columns and inputs" },
  "log.maxElements": { label: "Largest tensor that is logged", unit: "values" },
  "log.retentionDays": { label: "Keep for", unit: "days" },
  "objectives.latencyP95Ms.warning": { label: "Latency p95, warning", unit: "ms" },
  "objectives.latencyP95Ms.critical": { label: "Latency p95, critical", unit: "ms" },
  "objectives.errorRate.warning": { label: "Error rate, warning", unit: "share" },
  "objectives.errorRate.critical": { label: "Error rate, critical", unit: "share" },
  "objectives.psi.warning": { label: "Drift (PSI), warning" },
  "objectives.psi.critical": { label: "Drift (PSI), critical" },
  "evaluation.dataset": { label: "Dataset" },
  "evaluation.datasetVersion": { label: "Version of the dataset", none: "the latest" },
  "evaluation.target": { label: "Target column", none: "the dataset's own" },
  "evaluation.output": { label: "Output with the predictions", none: "found by itself" },
  "evaluation.task": { label: "Task" },
  "evaluation.metric": { label: "Metric that decides" },
  "evaluation.baseline": { label: "Baseline", none: "a trivial model" },
  "evaluation.confidence": { label: "Confidence of intervals", unit: "share" },
  "evaluation.maxRows": { label: "Most rows", unit: "rows" },
  "rollout.startOn": { label: "Starts by itself on", none: "nothing" },
  "rollout.phases": { label: "Phases" },
  "rollout.key.header": { label: "Header with the caller's key" },
  "rollout.key.input": { label: "Input with the caller's key" },
  "rollout.rules": { label: "Rules" },
  "rollout.alpha": { label: "Chance of a false alarm", unit: "share" },
  "rollout.hard.failures": { label: "Hard failures that end it" },
  "rollout.hard.latencyMs": { label: "Latency that is a hard failure", unit: "ms" },
  "rollout.retryOnStable": { label: "Stable answers what the candidate fails at" },
  "rollout.shadow.maxConcurrent": { label: "Shadow requests at once" },
  "rollout.shadow.maxPerSecond": { label: "Shadow requests a second" },
  "rollout.keepWarmSeconds": { label: "Keep the former version loaded", unit: "s" },
  "fallback.model": { label: "Model" },
  "fallback.answer": { label: "Answer" },
  "fallback.breaker": { label: "Circuit breaker" },
  "monitoring.windowMinutes": { label: "Live window of drift", unit: "min" },
};

/** Of a field, or of something inside of a part that comes as a whole: `Phases 2, share of requests`. */
export function labelOf(path: string): string {
  const known = fieldWords[path]?.label;
  if (known !== undefined) return known;
  const [whole] = Object.entries(fieldWords).filter(([name]) => path.startsWith(`${name}.`));
  if (whole === undefined) return path;
  const inside = path.slice(whole[0].length + 1).split(".").map((name) => (/^\d+$/.test(name) ? ` ${name}` : `, ${keyLabel(name).toLowerCase()}`));
  return whole[1].label + inside.join("");
}

/** What it means that nothing is set. */
export function noneText(path: string): string {
  return fieldWords[path]?.none ?? "none";
}

/** A value of the policy for reading. */
export function policyText(path: string, value: unknown): string {
  if (value === undefined) return "–";
  if (value === null) return noneText(path);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) return value.length === 0 ? noneText(path) : value.join(", ");
  if (typeof value === "object") return wholeText(path, value);
  const unit = fieldWords[path]?.unit;
  if (typeof value === "number" && unit === "ms") return formatMs(value);
  if (typeof value === "number" && (unit === "share" || unit === "0 to 1")) return formatShare(value);
  const text = typeof value === "number" ? new Intl.NumberFormat("en", { maximumFractionDigits: 6 }).format(value) : String(value);
  return unit === undefined ? text : `${text} ${unit}`;
}
