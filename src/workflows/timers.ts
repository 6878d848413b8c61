/** How the engine waits. Injected, so that tests wait on a clock that they move themselves. */
export interface Timers {
  /** Calls back once after that many milliseconds, at least 0. The answer cancels it, and does nothing afterwards. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** Node's own limit; whoever waits longer looks again in between. */
const longestMs = 2 ** 31 - 1;

export const systemTimers: Timers = {
  after(milliseconds, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, milliseconds), longestMs));
    return () => clearTimeout(timer);
  },
};
