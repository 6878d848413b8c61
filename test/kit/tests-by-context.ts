import { AsyncLocalStorage, AsyncResource, createHook, executionAsyncId } from "node:async_hooks";
import { createRequire } from "node:module";

/*
 * Imported before anything imports node:test, by a process of `npm test`: Node's runner finds the test that is under way by the
 * asynchronous context, as AsyncLocalStorage does. By itself it has a hook called for each promise that is made and
 * collected, which takes up to a seventh of the processor time of tests that await much. All else stays as it is:
 * what a test began and fails outside of it, and what is declared in it, is the test's own.
 */
type Init = (asyncId: number, type: string, triggerAsyncId: number, resource: object) => void;

const underWay = new AsyncLocalStorage<number>();
let tellOfTest: Init | undefined;

class TestResource extends AsyncResource {
  readonly #isTest = "createSubtest" in this;

  constructor(...parameters: ConstructorParameters<typeof AsyncResource>) {
    super(...parameters);
    if (this.#isTest) tellOfTest?.(this.asyncId(), "Test", 0, this);
  }

  /** Inside, for a resource brings back the context in which it was made. */
  override runInAsyncScope<This, Result>(work: (this: This, ...parameters: unknown[]) => Result, thisArgument?: This, ...parameters: unknown[]): Result {
    return super.runInAsyncScope(() => (this.#isTest ? underWay.run(this.asyncId(), () => work.apply(thisArgument as This, parameters)) : work.apply(thisArgument as This, parameters)));
  }
}

/** The runner's own hook, of which nothing but the beginning of tests is wanted. */
function takeHook(callbacks: Parameters<typeof createHook>[0]): ReturnType<typeof createHook> {
  tellOfTest = callbacks.init;
  const hook = { enable: () => hook, disable: () => hook };
  return hook;
}

// The object that Node's own modules take these from; what tests import keeps Node's.
const shared = createRequire(import.meta.url)("node:async_hooks") as Record<string, unknown>;
Object.assign(shared, { AsyncResource: TestResource, createHook: takeHook, executionAsyncId: () => underWay.getStore() ?? executionAsyncId() });
await import("node:test");
Object.assign(shared, { AsyncResource, createHook, executionAsyncId });
