import { registerHooks } from "node:module";

/*
 * Preloaded (`--import`) into a server whose tests are about something else than its runner processes: models are tried
 * and loaded in the server's own process, which takes a tenth of the time of starting two processes for each deployment.
 */
const stand = new URL("./runner-in-process.ts", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    return found.url.endsWith("/src/adapters/runner/child-runner.ts") ? { ...found, url: stand } : found;
  },
});
