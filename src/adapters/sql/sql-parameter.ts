import { AppError } from "../../core/errors.ts";
import { SqlError } from "./sql-error.ts";

/** What a parameter is after `sqlParameter`: the same few types on every dialect. */
export type SqlParameter = null | number | bigint | string | Uint8Array;

const int64Limit = 2n ** 63n;

/**
 * The gate for every value on its way into the database. It makes the dialects agree, and refuses what one of them
 * would change without a word:
 * - booleans become 1 and 0, whole numbers within 2^53 become 64-bit integers, -0 becomes 0; infinities stay
 * - NaN is refused: SQLite would store NULL. Where it means something, give it a column of its own
 * - text with a NUL character (Postgres cannot store it) or half a surrogate pair (UTF-8 cannot carry it) is refused
 *   with INVALID_REQUEST, for it comes from callers; JSON text escapes both and is safe
 * - bytes are copied, so that the caller may reuse its buffer at once
 * - everything else (undefined, dates, objects) is a mistake of the program
 */
export function sqlParameter(value: unknown): SqlParameter {
  switch (typeof value) {
    case "string":
      if (value.includes("\0")) throw new AppError("INVALID_REQUEST", "Text with a NUL character cannot be stored.");
      if (!value.isWellFormed()) throw new AppError("INVALID_REQUEST", "Text with half a surrogate pair cannot be stored.");
      return value;
    case "number":
      if (Number.isSafeInteger(value)) return BigInt(value);
      if (Number.isNaN(value)) throw new SqlError("misuse", "NaN cannot be a SQL parameter.");
      return value;
    case "boolean":
      return value ? 1n : 0n;
    case "bigint":
      if (value >= int64Limit || value < -int64Limit) throw new SqlError("misuse", "A SQL integer has 64 bits.");
      return value;
    default:
      if (value === null) return null;
      if (value instanceof Uint8Array) return Uint8Array.from(value);
      throw new SqlError("misuse", `A ${typeof value} cannot be a SQL parameter.`);
  }
}
