import { countTasks, findProcesses, readResidentBytes } from "./process-table.ts";

const everyMs = 100;
/** Each so many ticks the whole group is looked at, where its memory is limited; its leader at every tick. */
const ticksPerSearch = 10;

export interface ResourceLimits {
  maxMemoryBytes: number | undefined;
  /** Processes and threads of the program in all. */
  maxProcesses: number;
}

/**
 * Watches what a program uses, where the kernel's own limits do not: those on processes leave root alone, and those on memory
 * count what is reserved. Calls `onExcess` once with the reason.
 */
export class ResourceGuard {
  readonly #group: number;
  readonly #mark: string;
  readonly #limits: ResourceLimits;
  readonly #onExcess: (reason: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #tasksBefore: number | null = null;
  #ticks = 0;

  constructor(group: number, mark: string, limits: ResourceLimits, onExcess: (reason: string) => void) {
    this.#group = group;
    this.#mark = mark;
    this.#limits = limits;
    this.#onExcess = onExcess;
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.#look().then((reason) => {
        if (this.#stopped) return;
        if (reason === null) return this.#schedule();
        this.stop();
        this.#onExcess(reason);
      });
    }, everyMs).unref();
  }

  /** The cheap questions at every tick; the table of all processes only when they give a reason. */
  async #look(): Promise<string | null> {
    const { maxMemoryBytes, maxProcesses } = this.#limits;
    const tasks = await countTasks();
    this.#tasksBefore ??= tasks;
    const grown = tasks !== null && this.#tasksBefore !== null && tasks - this.#tasksBefore >= maxProcesses / 2;
    const isSearchTick = maxMemoryBytes !== undefined && ++this.#ticks % ticksPerSearch === 0;
    if (!grown && !isSearchTick) {
      const resident = maxMemoryBytes === undefined ? 0 : await readResidentBytes(this.#group);
      return maxMemoryBytes !== undefined && resident > maxMemoryBytes ? memoryReason(maxMemoryBytes) : null;
    }
    const processes = await findProcesses(this.#group, this.#mark);
    if (processes.reduce((sum, { threads }) => sum + threads, 0) > maxProcesses) return `it had more than ${maxProcesses} processes and threads`;
    if (maxMemoryBytes !== undefined && processes.some(({ residentBytes }) => residentBytes > maxMemoryBytes)) return memoryReason(maxMemoryBytes);
    return null;
  }
}

function memoryReason(maxMemoryBytes: number): string {
  return `a process of it used more than ${Math.round(maxMemoryBytes / 2 ** 20)} MiB of memory`;
}
