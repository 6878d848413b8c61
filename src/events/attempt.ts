/** What came of one attempt at a delivery. */
export type AttemptResult =
  | { ok: true; status: number | null }
  /** `pause`: the receiver wants no more. `askedMs`: how long it asked to be left alone. */
  | { ok: false; status: number | null; error: string; pause: boolean; askedMs: number };
