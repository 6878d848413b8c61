import { eventLoopUtilization } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { releaseStart } from "./start-heap.ts";

/** How often it is looked, and after how many looks without work memory is given back: five minutes. */
const lookEveryMs = 5000;
const quietLooks = 60;
/** Share of the time in which the thread had something to do; what a server does by itself is well below. */
const busyShare = 0.02;

/**
 * Gives memory back once in each long pause, and not in short ones; what the start needed, at the first look, where no work came by then. Where it did, code that V8 has compiled for it would be lost: what came after took twice as
 * long for some seconds.
 */
export class IdleHeap {
  readonly #release: () => void;
  #quiet = 0;
  #isReleased = false;
  #isStart = true;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** `share`: of the time since the last look, from 0 to 1, in which there was work. */
  look(share: number): void {
    if (share >= busyShare) {
      this.#quiet = 0;
      this.#isReleased = false;
    } else if (!this.#isReleased && (++this.#quiet >= quietLooks || this.#isStart)) {
      this.#isReleased = true;
      this.#release();
    }
    this.#isStart = false;
  }
}

/**
 * V8 gives memory back after some seconds of quiet: it collects twice, forgets code that did not run between, and begins with a space of 1 MB for new objects. What comes after a pause of ten seconds then takes half as
 * long again for some seconds (measured: bench/README.md, gateway). Here it is left to pauses of minutes, and what the start needed is given back when it is over: to collect it takes as long as a tenth of the start.
 */
export function keepHeapInPauses(): void {
  setFlagsFromString("--memory-reducer-gc-count=0");
  const idle = new IdleHeap(releaseStart);
  let before = eventLoopUtilization();
  setInterval(() => {
    const now = eventLoopUtilization();
    idle.look(eventLoopUtilization(now, before).utilization);
    before = now;
  }, lookEveryMs).unref();
}
