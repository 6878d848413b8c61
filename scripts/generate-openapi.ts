import { slipwayVersion } from "../src/core/version.ts";
import { openApiText } from "../src/http/openapi.ts";
import { declaredRoutes } from "./declared-routes.ts";
import { writeGeneratedFile } from "./generated-file.ts";

writeGeneratedFile("docs/openapi.json", openApiText(declaredRoutes(), { version: slipwayVersion }), "npm run openapi");
