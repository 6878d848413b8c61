import type { Socket } from "node:net";
import { ChurnSet, type ChurnMember } from "../core/churn-set.ts";

/** So long bytes have waited where an answer gives way to a new connection. */
const givesWayMs = 5000;

/** What is looked at of the connection that carries an answer. */
export type CarryingSocket = Pick<Socket, "writableLength" | "bytesWritten">;

/** An answer under way. */
interface WatchedAnswer extends ChurnMember {
  socket: CarryingSocket;
  /** Bytes of the connection that the system had taken at the last look. */
  taken: number;
  /** Monotonic: when bytes last went on, or none waited. */
  since: number;
  stalled: () => void;
}

/**
 * Finds callers who take nothing of what is there for them: whatever stands behind an answer is held until its caller has read it. How much a caller has read is not to be known, so what counts is what
 * the system takes for them; it takes up to a few MiB more than they read.
 */
export class StalledReaders {
  readonly #limitMs: number;
  readonly #answers = new ChurnSet<WatchedAnswer>();

  /** `limitMs`: so long may bytes wait while none goes on. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** `stalled` is called once, where it comes to that. What is returned ends the watch. */
  add(socket: CarryingSocket, monotonic: number, stalled: () => void): () => void {
    const answer: WatchedAnswer = { socket, taken: -1, since: monotonic, stalled, place: -1 };
    this.#answers.add(answer);
    return () => void this.#answers.delete(answer);
  }

  /** Ends the answer of which nothing has been taken for longest, at least for 5 s; false where there is none. */
  endLongest(monotonic: number): boolean {
    let longest: WatchedAnswer | null = null;
    for (const answer of this.#answers.values()) if (answer.socket.writableLength > 0 && takenOf(answer.socket) === answer.taken && monotonic - answer.since >= givesWayMs && (longest === null || answer.since < longest.since)) longest = answer;
    if (longest === null) return false;
    this.#answers.delete(longest);
    longest.stalled();
    return true;
  }

  /** Called each second. */
  sweep(monotonic: number): void {
    for (const answer of this.#answers.values()) {
      const taken = takenOf(answer.socket);
      if (answer.socket.writableLength === 0 || taken !== answer.taken) {
        answer.taken = taken;
        answer.since = monotonic;
      } else if (monotonic - answer.since >= this.#limitMs) {
        this.#answers.delete(answer);
        answer.stalled();
      }
    }
  }
}

function takenOf({ bytesWritten, writableLength }: CarryingSocket): number {
  return bytesWritten - writableLength;
}
