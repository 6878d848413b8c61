import { formatDollars } from "../../core/dollars.ts";
import { routeOfSubject } from "../../core/traffic-subject.ts";

/** How values of a metric are written, and differences of them with their sign: what calls of a route cost in dollars. */
export function metricText(subject: string, metric: string): { value: (value: number) => string; difference: (value: number) => string } {
  const isCost = metric === "cost" && routeOfSubject(subject) !== null;
  const value = (number: number): string => (!Number.isFinite(number) ? String(number) : isCost ? formatDollars(number) : String(Number(number.toPrecision(4))));
  return { value, difference: (number) => `${number > 0 ? "+" : ""}${value(number)}` };
}
