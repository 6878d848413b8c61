import assert from "node:assert/strict";
import { it } from "node:test";
import { AppError } from "./errors.ts";
import { isAgo, toldDuration, toldTime } from "./told-time.ts";

it("times are told by how long ago they were, or as they are", () => {
  const now = Date.UTC(2026, 0, 31, 12);
  assert.deepEqual(["30m", "2h", "7d", "0m", "2026-01-31", "2026-01-31T10:00:00Z"].map((text) => now - toldTime(text, now)), [1_800_000, 7_200_000, 7 * 86_400_000, 0, 43_200_000, 7_200_000]);
  assert.deepEqual(["30m", "2026-01-31", "2 h", "h"].map(isAgo), [true, false, false, false]);
  for (const text of ["", "2w", "-2h", "1.5h", "soon"]) assert.throws(() => toldTime(text, now), (error: unknown) => error instanceof AppError && error.code === "INVALID_REQUEST", text);
});

it("durations are told in minutes, hours or days", () => {
  assert.deepEqual(["30m", "24h", "7d", "0"].map(toldDuration), [1_800_000, 86_400_000, 7 * 86_400_000, 0]);
  for (const text of ["", "24", "1w", "-1h", "2026-01-31"]) assert.throws(() => toldDuration(text), (error: unknown) => error instanceof AppError && error.code === "INVALID_REQUEST", text);
});
