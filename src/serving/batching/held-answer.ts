/** Memory that the answer of a run takes until it is released. */
export interface HeldAnswer {
  /** Only the first time counts. */
  release(): void;
}

/** Who may be waiting for an answer. */
interface AnswerTaker {
  /** `told` is called when the caller has the answer, or has gone. Absent where that is at once. */
  readonly whenAnswered?: ((told: () => void) => void) | undefined;
}

/** The memory of a run's answer is free again when the last of those who share it has its part. */
export function releaseWhenTaken(held: HeldAnswer, takers: readonly AnswerTaker[]): void {
  let left = 1;
  const told = (): void => {
    if (--left === 0) held.release();
  };
  for (const { whenAnswered } of takers) {
    if (whenAnswered === undefined) continue;
    left++;
    whenAnswered(told);
  }
  told();
}
