import type { LimitStore } from "./limit-store.ts";
import type { MemoryLimitStore } from "./memory-limit-store.ts";

/** As if the store were far away. */
export class DistantLimitStore implements LimitStore {
  readonly near: MemoryLimitStore;
  renewals = 0;
  /** What was asked of it. */
  readonly asked: string[] = [];
  constructor(near: MemoryLimitStore) { this.near = near; }
  async take(...given: Parameters<MemoryLimitStore["take"]>): Promise<ReturnType<MemoryLimitStore["take"]>> { await this.#away("take"); return this.near.take(...given); }
  async adjust(...given: Parameters<MemoryLimitStore["adjust"]>): Promise<void> { await this.#away("adjust"); this.near.adjust(...given); }
  async enter(...given: Parameters<MemoryLimitStore["enter"]>): Promise<ReturnType<MemoryLimitStore["enter"]>> { await this.#away("enter"); return this.near.enter(...given); }
  async renew(...given: Parameters<MemoryLimitStore["renew"]>): Promise<void> { await this.#away("renew"); this.renewals++; this.near.renew(...given); }
  async leave(...given: Parameters<MemoryLimitStore["leave"]>): Promise<void> { await this.#away("leave"); this.near.leave(...given); }

  #away(what: string): Promise<void> {
    this.asked.push(what);
    return Promise.resolve();
  }
}
