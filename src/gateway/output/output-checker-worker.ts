import { parentPort } from "node:worker_threads";
import { compileSchema, type CheckValue } from "./compile-schema.ts";
import type { CheckAnswer, CheckOrder } from "./output-checker.ts";

/** Compiled schemas, the one that was longest not used first. */
const compiled = new Map<string, CheckValue>();
const mostCompiled = 200;

function compiledOf({ digest, schema }: CheckOrder): CheckValue {
  const found = compiled.get(digest);
  compiled.delete(digest);
  const check = found ?? compileSchema(schema);
  compiled.set(digest, check);
  const [oldest] = compiled.keys();
  if (compiled.size > mostCompiled && oldest !== undefined) compiled.delete(oldest);
  return check;
}

function answer(order: CheckOrder): CheckAnswer {
  let check: CheckValue;
  try {
    check = compiledOf(order);
  } catch (error) {
    return { refusal: String(error) };
  }
  try {
    return { problems: order.text === null ? [] : check(JSON.parse(order.text)) };
  } catch (error) {
    // Endless references, or nested beyond the stack.
    return { problems: [{ path: "$", message: "cannot be checked with this schema" }], failure: String(error) };
  }
}

parentPort?.on("message", (order: CheckOrder) => parentPort?.postMessage(answer(order)));
parentPort?.postMessage("ready");
