import fc from "fast-check";
import { testSeed } from "./seed.ts";

// Every property draws from the seed of the run, so that a run which passed passes again, and one that failed fails again.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: testSeed });

/** fast-check with the seed of this run, which a test that fails tells. Tests take it from here and not from the package. */
export default fc;
