import { findProcesses, listsProcesses, type ListedProcess } from "./process-table.ts";

/** A killed process that the kernel does not let go (it waits for a disk) is not waited for any longer. */
const killedMs = 10_000;

/**
 * A program with everything that it started: its process group, and on Linux also what left the group but bears the mark.
 * The watchdog of the launch script is a member that ignores SIGTERM; while it lives, the group's number is nobody else's.
 */
export class ProcessGroup {
  readonly #id: number;
  readonly #mark: string;
  readonly #graceMs: number;
  #terminating = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(id: number, mark: string, graceMs: number) {
    this.#id = id;
    this.#mark = mark;
    this.#graceMs = graceMs;
  }

  /** SIGTERM, and after the grace SIGKILL. */
  terminate(): void {
    if (this.#terminating) return;
    this.#terminating = true;
    this.#signal("SIGTERM");
    this.#timer = setTimeout(() => this.kill(), this.#graceMs);
  }

  /** SIGKILL to the group now. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  /** After the end of the program itself: whatever it left behind gets the rest of its grace, and is gone when this answers. */
  async end(): Promise<void> {
    if (await listsProcesses()) {
      // Beside the watchdog.
      const leftovers = await this.#members();
      if (leftovers.length > 1) {
        this.terminate();
        for (const { id, group } of leftovers) if (group !== this.#id) signalProcess(id, "SIGTERM");
        await this.#waitUntil((members) => members.length <= 1, this.#graceMs);
      }
    }
    clearTimeout(this.#timer);
    this.kill();
    await this.#waitUntil((members) => {
      // Again each time: who was about to start another process may have done so.
      for (const { id } of members) signalProcess(id, "SIGKILL");
      return members.length === 0;
    }, killedMs);
  }

  #members(): Promise<ListedProcess[]> {
    return findProcesses(this.#id, this.#mark);
  }

  async #waitUntil(isTrue: (members: readonly ListedProcess[]) => boolean, milliseconds: number): Promise<void> {
    let waited = 0;
    for (let pause = 2; !isTrue(await this.#members()) && waited < milliseconds; pause = Math.min(100, pause * 2)) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      waited += pause;
    }
  }

  #signal(signal: NodeJS.Signals): void {
    signalProcess(-this.#id, signal);
  }
}

function signalProcess(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal);
  } catch {
    // Nobody is left to get it.
  }
}
