import { compileCache } from "./compile-cache.ts";

/*
 * Loaded by `npm test` before anything else: the processes of the tests start from what Node compiled before, for most
 * files of tests are done sooner than all that they import is compiled.
 */
Object.assign(process.env, compileCache);
