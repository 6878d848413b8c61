import assert from "node:assert/strict";

/** Within a relative distance of a number that another program worked out. */
export function near(actual: number | null, expected: number, relative = 1e-9): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= relative * Math.max(Math.abs(expected), 1e-12), `${actual}, not ${expected}`);
}

/** Narrows an answer that must have data. */
export function known<Result extends { readonly status: string }>(result: Result): Extract<Result, { readonly status: "estimated" }> {
  assert.equal(result.status, "estimated", JSON.stringify(result));
  return result as Extract<Result, { readonly status: "estimated" }>;
}

/** No number of an answer, however deep, is NaN or infinite. */
export function assertFinite(answer: unknown): void {
  if (typeof answer === "number") assert.ok(Number.isFinite(answer), `${answer} is no answer`);
  else if (typeof answer === "object" && answer !== null) Object.values(answer).forEach(assertFinite);
}
