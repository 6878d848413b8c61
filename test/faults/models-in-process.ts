import { registerHooks } from "node:module";

/*
 * Preloaded (`--import`) into a server whose tests are about something else than its runner processes: models are tried
 * and loaded in the server's own process, which takes a tenth of the time of starting two processes for each deployment.
 * The server is the sources or what was built of them.
 */
const stand = new URL("./runner-in-process.ts", import.meta.url);

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const extension = /\/(?:src|dist)\/adapters\/runner\/child-runner(\.[jt]s)$/.exec(found.url)?.[1];
    if (extension === undefined) return found;
    const url = new URL(stand);
    // The server's own, for the errors of another copy would be none that it knows.
    url.searchParams.set("inline", new URL(`../onnx/inline-runner${extension}`, found.url).href);
    return { ...found, url: url.href, format: "module-typescript" };
  },
});
