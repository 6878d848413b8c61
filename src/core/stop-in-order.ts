/** One thing that must end, by the name under which its failure is told; with a bound of its own in milliseconds where it has one. */
export type StopStep = readonly [name: string, stop: () => unknown, stepMs?: number];

export interface StopBounds {
  /** How long each step is waited for; what has not ended then is left to end by itself. Milliseconds, 10 s when absent. */
  stepMs?: number;
  /** Rings once after so many milliseconds, unless what it answers with is called before. */
  alarm?: (milliseconds: number, ring: () => void) => () => void;
  /** Is told of each step that failed, at once. */
  onFailure?: (name: string, cause: unknown) => void;
}

/**
 * Takes every step, one after the other, whatever became of those before: one that fails or hangs must not keep a database open or a process alive. Throws AggregateError with all failures when all were
 * taken.
 */
export async function stopInOrder(steps: readonly StopStep[], { stepMs = 10_000, alarm = nodeAlarm, onFailure = () => undefined }: StopBounds = {}): Promise<void> {
  const failures = new Map<string, unknown>();
  for (const [name, stop, ownMs = stepMs] of steps) {
    try {
      await within(ownMs, alarm, name, stop);
    } catch (cause) {
      failures.set(name, cause);
      onFailure(name, cause);
    }
  }
  if (failures.size > 0) throw new AggregateError(failures.values(), `Not ended as it should: ${[...failures.keys()].join(", ")}.`);
}

/** As `stopInOrder`, all at the same time. */
export async function stopTogether(steps: readonly StopStep[], bounds: StopBounds = {}): Promise<void> {
  const ended = await Promise.allSettled(steps.map((step) => stopInOrder([step], bounds)));
  const failures = ended.flatMap((end, index) => (end.status === "rejected" ? [[steps[index]![0], end.reason] as const] : []));
  if (failures.length > 0) throw new AggregateError(failures.flatMap(([, { errors }]) => (errors as unknown[])), `Not ended as it should: ${failures.map(([name]) => name).join(", ")}.`);
}

async function within(milliseconds: number, alarm: NonNullable<StopBounds["alarm"]>, name: string, stop: () => unknown): Promise<void> {
  const late = Promise.withResolvers<never>();
  const putOff = alarm(milliseconds, () => late.reject(new Error(`${name} had not ended after ${milliseconds} ms.`)));
  try {
    await Promise.race([stop(), late.promise]);
  } finally {
    putOff();
  }
}

const nodeAlarm: NonNullable<StopBounds["alarm"]> = (milliseconds, ring) => {
  // The longest that Node's timers know; what is to be waited for without a bound has it.
  const timer = setTimeout(ring, Math.min(milliseconds, 2 ** 31 - 1));
  return () => clearTimeout(timer);
};
