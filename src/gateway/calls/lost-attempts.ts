import type { Reservation } from "../../ledger/index.ts";

/** Reserves, beside what is reserved for a call, what attempts of it may have cost (`lostNano`) after `beforeNano` of others. Null where no budget of a day or a month holds it. Throws BUDGET_EXCEEDED, BUDGET_UNAVAILABLE. */
export type ReserveLost = (lostNano: number, beforeNano: number) => Reservation | null | Promise<Reservation | null>;

/** What is reserved for attempts of one call that failed and may have cost something: the call's own reservation is of those that are made in their place. Amounts are whole billionths of a US dollar. */
export class LostAttempts {
  readonly #release: (reservation: Reservation) => void;
  readonly #reservations: Reservation[] = [];
  #nano = 0;
  #isOver = false;

  constructor(release: (reservation: Reservation) => void) {
    this.#release = release;
  }

  add(reserve: ReserveLost, lostNano: number): void | Promise<void> {
    const reserved = reserve(lostNano, this.#nano);
    if (reserved instanceof Promise) return reserved.then((reservation) => this.#keep(reservation, lostNano));
    this.#keep(reserved, lostNano);
  }

  /** When all of the call is settled: until then nobody else may have its room. */
  over(): void {
    this.#isOver = true;
    this.#reservations.forEach(this.#release);
  }

  #keep(reservation: Reservation | null, lostNano: number): void {
    this.#nano += lostNano;
    if (reservation === null) return;
    // The caller may have left meanwhile.
    if (this.#isOver) this.#release(reservation);
    else this.#reservations.push(reservation);
  }
}
