import { EventEmitter, once } from "node:events";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import type { RequestMessage, SqliteThreadOptions } from "./sqlite-protocol.ts";
import type { DatabaseWorker } from "./sqlite-thread.ts";

/** Threads that no connection has. */
const free: Worker[] = [];

/**
 * For tests: a thread that served another connection before, if there is one. To start one takes thirty milliseconds of a processor, more
 * than most tests of a store. Of the connection before nothing is left in it; a thread that ends, however it ends, is lent no more.
 */
export function lendWorker(options: SqliteThreadOptions): DatabaseWorker {
  return new LentWorker(free.pop() ?? new Worker(new URL("./lent-worker.fixture.ts", import.meta.url), { execArgv: ["--disable-warning=ExperimentalWarning"] }), options);
}

/** A thread while it serves one connection: to its user it has ended with that. */
class LentWorker extends EventEmitter implements DatabaseWorker {
  readonly #worker: Worker;
  readonly #port: MessagePort;

  constructor(worker: Worker, options: SqliteThreadOptions) {
    super();
    const { port1, port2 } = new MessageChannel();
    this.#worker = worker;
    this.#port = port1.on("message", (message) => this.emit("message", message));
    const fail = (error: unknown): void => void this.emit("error", error);
    const end = (code: number): void => void this.emit("exit", code);
    worker.on("error", fail).on("exit", end);
    // Free when it says so, and its user has ended when all of its answers are here: the two come by different ways.
    void Promise.all([once(worker, "message"), once(port1, "close")]).then(() => {
      worker.off("error", fail).off("exit", end).unref();
      free.push(worker);
      this.emit("exit", 0);
    }, () => undefined);
    worker.postMessage({ port: port2, options }, [port2]);
  }

  postMessage(message: RequestMessage): void {
    this.#port.postMessage(message);
  }

  ref(): void {
    this.#port.ref();
    this.#worker.ref();
  }

  unref(): void {
    this.#port.unref();
    this.#worker.unref();
  }

  terminate(): Promise<number> {
    return this.#worker.terminate();
  }
}
