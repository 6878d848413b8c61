export { OutputChecker } from "./output-checker.ts";
export { RepairRounds } from "./repair-output.ts";
export { SchemaStream } from "./schema-stream.ts";
