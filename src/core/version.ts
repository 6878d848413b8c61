import { readFileSync } from "node:fs";

const packageFile = new URL("../../package.json", import.meta.url);

/** Version of the package, such as `0.1.0`. */
export const slipwayVersion = (JSON.parse(readFileSync(packageFile, "utf8")) as { version: string }).version;
