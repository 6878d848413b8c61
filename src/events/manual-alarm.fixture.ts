import type { Alarm } from "./alarm.ts";

/** For tests: alarms that ring when the test says that time has passed. */
export class ManualAlarm {
  #now = 0;
  #pending: { at: number; ring: () => void }[] = [];
  /** Called whenever one is set. */
  onSet: () => void = () => undefined;

  readonly alarm: Alarm = (milliseconds, ring) => {
    const entry = { at: this.#now + milliseconds, ring };
    this.#pending.push(entry);
    this.onSet();
    return () => {
      this.#pending = this.#pending.filter((other) => other !== entry);
    };
  };

  /** Milliseconds until each that is set, soonest first. */
  get waits(): number[] {
    return this.#pending.map(({ at }) => at - this.#now).sort((left, right) => left - right);
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#pending.filter(({ at }) => at <= this.#now).sort((left, right) => left.at - right.at);
    this.#pending = this.#pending.filter(({ at }) => at > this.#now);
    for (const { ring } of due) ring();
  }
}
