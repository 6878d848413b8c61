import { afterEach } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { workflowCrashesConformance } from "./workflow-crashes.conformance.ts";

const databases = new TemporaryDatabases();
afterEach(() => databases.remove());

// Hundreds of them, on Postgres too: `npm run test:faults`.
workflowCrashesConformance("SQLite", () => databases.open(), 10);
