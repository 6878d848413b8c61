export { OutputChecker } from "./output-checker.ts";
export { RepairRounds, type RepairStep } from "./repair-output.ts";
export { SchemaStream } from "./schema-stream.ts";
