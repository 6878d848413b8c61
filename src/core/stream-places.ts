import { localCaller, type Caller } from "./caller.ts";
import { AppError } from "./errors.ts";

const mostOpen = 200;
/** Of these, one caller's: nobody takes the places of all others. */
const mostOfOne = 50;
const retryAfterSeconds = 5;

/** Places for streams that stay open, in all and for one caller; whoever is the only caller of an open server may take all. */
export class StreamPlaces {
  readonly #ofActor = new Map<string, number>();
  #open = 0;

  /** Answers how to give the place back; a second call does nothing. Throws QUEUE_FULL, and TOO_MANY_ATTEMPTS for a caller who has too many. */
  take({ actor }: Caller): () => void {
    const own = this.#ofActor.get(actor) ?? 0;
    if (own >= mostOfOne && actor !== localCaller.actor) {
      throw new AppError("TOO_MANY_ATTEMPTS", `You follow ${own} streams of this kind already, which is as many as one caller may.`, { retryAfterSeconds });
    }
    if (this.#open >= mostOpen) throw new AppError("QUEUE_FULL", "Too many callers follow streams of this kind.", { retryAfterSeconds });
    this.#open++;
    this.#ofActor.set(actor, own + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#open--;
      const left = this.#ofActor.get(actor)! - 1;
      if (left === 0) this.#ofActor.delete(actor);
      else this.#ofActor.set(actor, left);
    };
  }
}
