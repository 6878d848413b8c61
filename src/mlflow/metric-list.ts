import { z } from "zod";
import { int64, list, message, requiredDouble, requiredInt64, requiredText, text } from "./request-fields.ts";

export const metricShape = { key: requiredText, value: requiredDouble, timestamp: requiredInt64, step: int64, model_id: text, dataset_name: text, dataset_digest: text };
export type SentMetric = z.output<z.ZodObject<typeof metricShape>>;

/** Under the name that messages about it have. */
const checked = z.object({ metrics: list(message(metricShape)) });
const { $schema: _, ...described } = z.toJSONSchema(checked.shape.metrics, { io: "input" });

/**
 * The field `metrics` of a batch. A thousand of them are read by hand where each is as clients send them: the schema leaves some ten
 * objects for each, which the collector then copies. Whatever is not plain goes through the schema, all of the list.
 */
export const metricList = z
  .unknown()
  .optional()
  .transform((sent, context): SentMetric[] => {
    const plain = plainMetrics(sent);
    if (plain !== null) return plain;
    const parsed = checked.safeParse({ metrics: sent });
    if (parsed.success) return parsed.data.metrics;
    for (const { path, message } of parsed.error.issues) context.issues.push({ code: "custom", path: path.slice(1), message, input: sent });
    return z.NEVER;
  })
  .meta(described);

function plainMetrics(sent: unknown): SentMetric[] | null {
  if (!Array.isArray(sent)) return null;
  const metrics: SentMetric[] = [];
  for (const each of sent as unknown[]) {
    const metric = plainMetric(each);
    if (metric === null) return null;
    metrics.push(metric);
  }
  return metrics;
}

function plainMetric(sent: unknown): SentMetric | null {
  if (typeof sent !== "object" || sent === null) return null;
  const { key, value, timestamp, step, model_id, dataset_name, dataset_digest } = sent as Record<keyof typeof metricShape, unknown>;
  if (typeof key !== "string" || key === "" || typeof value !== "number" || !Number.isFinite(value) || !isWhole(timestamp)) return null;
  if (!(step === undefined || isWhole(step)) || !isOptionalText(model_id) || !isOptionalText(dataset_name) || !isOptionalText(dataset_digest)) return null;
  return { key, value, timestamp, step, model_id, dataset_name, dataset_digest };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}
