/** One metric family in the Prometheus text format, version 0.0.4. */
export interface MetricFamily {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram" | "summary";
  /** `suffix` is `_bucket`, `_sum`, `_count` or empty. */
  samples: { suffix?: string; labels: Record<string, string>; value: number }[];
}
