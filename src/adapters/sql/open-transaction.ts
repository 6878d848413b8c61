import { AsyncLocalStorage } from "node:async_hooks";
import { SqlError } from "./sql-error.ts";

const current = new AsyncLocalStorage<{ open: boolean }>();

/**
 * Runs `work` as a transaction's callback. A write past the transaction would wait for the writer that the transaction
 * holds, for ever; it throws instead, as does a transaction within a transaction.
 */
export async function insideTransaction<Result>(work: () => Promise<Result>): Promise<Result> {
  assertOutsideTransaction();
  const transaction = { open: true };
  try {
    return await current.run(transaction, work);
  } finally {
    // What was started in the callback and goes on after it is free to write again.
    transaction.open = false;
  }
}

export function assertOutsideTransaction(): void {
  if (current.getStore()?.open === true) {
    throw new SqlError("misuse", "Inside a transaction, write through the transaction that was given to the callback.");
  }
}
