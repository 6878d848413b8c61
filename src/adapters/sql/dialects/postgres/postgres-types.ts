import type { CustomTypesConfig } from "pg";
import { sqlInteger } from "../../sql-integer.ts";

type Read = (text: string) => unknown;

const double: Read = (text) => Number(text) || (text === "NaN" ? NaN : 0);
const integer: Read = (text) => sqlInteger(BigInt(text));

/** By the object id of the type. What is not here stays text. */
const readers: Record<number, Read> = {
  16: (text) => (text === "t" ? 1 : 0), // bool
  17: (text) => new Uint8Array(Buffer.from(text.slice(2), "hex")), // bytea, as \x...
  20: integer, // int8
  21: Number, // int2
  23: Number, // int4
  26: Number, // oid
  700: double, // float4
  701: double, // float8
  1700: (text) => (/^-?\d+$/.test(text) ? integer(text) : Number(text)), // numeric: what sum() of integers makes
};

/** Values as every dialect gives them: 64-bit integers as numbers where that is exact, booleans as 1 and 0, bytes as bytes. */
export const postgresTypes: CustomTypesConfig = {
  getTypeParser: (oid: number) => (readers[oid] ?? ((text: string) => text)) as never,
};
