import assert from "node:assert/strict";
import { it } from "node:test";
import { AppError } from "./errors.ts";
import { isAgo, toldDuration, toldTime } from "./told-time.ts";

it("times are told by how long ago they were, or as they are", () => {
  const now = Date.UTC(2026, 0, 31, 12);
  assert.deepEqual(["30m", "2h", "7d", "0m", "2026-01-31", "2026-01-31T10:00:00Z"].map((text) => now - toldTime(text, now)), [1_800_000, 7_200_000, 7 * 86_400_000, 0, 43_200_000, 7_200_000]);
  const noon = Date.UTC(2026, 0, 31, 12);
  assert.deepEqual(["2026-01-31T12:00", "2026-01-31 12:00:00", "2026-01-31T12:00Z", "2026-01-31t12:00:00.000z", "2026-01-31T07:00-05:00", "2026-01-31T17:30+05:30"].map((text) => toldTime(text, 0)), Array(6).fill(noon));
  assert.deepEqual(["30m", "2026-01-31", "2 h", "h"].map(isAgo), [true, false, false, false]);
  for (const text of ["", "2w", "-2h", "1.5h", "soon", "7", "5 11", "2026", "foo 3", "05/11/2026", "2026-02-30", "2026-01-31T25:00", "2026-01-31T10"]) assert.throws(() => toldTime(text, now), (error: unknown) => error instanceof AppError && error.code === "INVALID_REQUEST", text);
});

it("durations are told in minutes, hours or days", () => {
  assert.deepEqual(["30m", "24h", "7d", "0"].map(toldDuration), [1_800_000, 86_400_000, 7 * 86_400_000, 0]);
  for (const text of ["", "24", "1w", "-1h", "2026-01-31"]) assert.throws(() => toldDuration(text), (error: unknown) => error instanceof AppError && error.code === "INVALID_REQUEST", text);
});
