import { allRoutes } from "../src/compose.ts";
import { slipwayVersion } from "../src/core/version.ts";
import { openApiText } from "../src/http/openapi.ts";
import { writeGeneratedFile } from "./generated-file.ts";

// Declaring a route calls nothing: the table can be written down without a server behind it.
const routes = allRoutes({} as Parameters<typeof allRoutes>[0]);

writeGeneratedFile("docs/openapi.json", openApiText(routes, { version: slipwayVersion }), "npm run openapi");
