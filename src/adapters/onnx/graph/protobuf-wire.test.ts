import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { AppError } from "../../../core/errors.ts";
import { WireCursor, WireWriter } from "./protobuf-wire.ts";

const invalid = (reason: RegExp) => (error: unknown) => {
  ok(error instanceof AppError);
  equal(error.code, "MODEL_FILE_INVALID");
  ok(reason.test(error.message), error.message);
  return true;
};

function first(...bytes: number[]): WireCursor {
  const cursor = new WireCursor(Uint8Array.from(bytes));
  ok(cursor.next());
  return cursor;
}

describe("protobuf wire format", () => {
  it("reads back every 64-bit integer that was written", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer({ min: 1, max: 2 ** 29 - 1 }), (value, field) => {
        const cursor = new WireCursor(new WireWriter().integer(field, value).toBytes());
        ok(cursor.next());
        equal(cursor.field, field);
        equal(cursor.bigInteger(), value);
        equal(cursor.next(), false);
      }),
    );
  });

  it("writes numbers as it writes bigints", () => {
    for (const value of [0, 1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -1, -(2 ** 31)]) {
      deepEqual(new WireWriter().integer(1, value).toBytes(), new WireWriter().integer(1, BigInt(value)).toBytes());
    }
  });

  it("reads back texts, nested messages and floats, and copies whole fields as they are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.float({ noNaN: true }), (text, float) => {
        const written = new WireWriter().message(1, new WireWriter().text(2, text).float(3, float)).toBytes();
        const outer = new WireCursor(written);
        ok(outer.next());
        deepEqual(outer.wholeField(), written);
        const inner = outer.message();
        ok(inner.next());
        equal(inner.text(), text);
        ok(inner.next());
        equal(new DataView(written.buffer, inner.start).getFloat32(0, true), float);
        equal(inner.next(), false);
      }),
    );
  });

  it("keeps a byte order mark as part of a name", () => {
    equal(new WireCursor(new WireWriter().text(1, "\ufeffx").toBytes()).next(), true);
    const cursor = new WireCursor(new WireWriter().text(1, "\ufeffx").toBytes());
    cursor.next();
    equal(cursor.text(), "\ufeffx");
  });

  it("reads repeated integers packed and unpacked, up to a limit", () => {
    const packed = first(0x0a, 3, 1, 0x80, 1);
    const integers: bigint[] = [];
    packed.appendIntegers(integers, 2);
    first(0x08, 5).appendIntegers(integers, 3);
    deepEqual(integers, [1n, 128n, 5n]);
    throws(() => packed.appendIntegers(integers, 4), invalid(/more than 4 integers/));
    throws(() => first(0x08, 5).appendIntegers(integers, integers.length), invalid(/more than \d integers/));
    throws(() => first(0x0a, 1, 0x80).appendIntegers([], 9), invalid(/breaks off/));
  });

  it("refuses what is cut off or lies about its length", () => {
    throws(() => first(0x80), invalid(/breaks off/));
    throws(() => first(0x08), invalid(/breaks off/));
    throws(() => first(0x08, 0x80), invalid(/breaks off/));
    throws(() => first(0x0a, 2, 0), invalid(/longer than what is left/));
    throws(() => first(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f), invalid(/longer than what is left/));
    throws(() => first(0x0a, 0x80, 0x80, 0x80, 0x80, 0x10), invalid(/length that lies/));
    throws(() => first(0x0d, 0, 0, 0), invalid(/longer than what is left/));
    throws(() => first(0x09, 0, 0, 0, 0, 0, 0, 0), invalid(/longer than what is left/));
  });

  it("refuses a nested message that reaches over its parent's end", () => {
    const outer = first(0x0a, 2, 0x0a, 5, 0, 0, 0, 0, 0);
    const inner = outer.message();
    throws(() => inner.next(), invalid(/longer than what is left/));
  });

  it("refuses numbers of more than 64 bits, field 0, groups, wrong kinds and texts that are not UTF-8", () => {
    throws(() => first(0x08, ...Array<number>(10).fill(0xff), 1), invalid(/more than 64 bits/));
    throws(() => first(0x00, 1), invalid(/impossible field number/));
    throws(() => first(0x80, 0x80, 0x80, 0x80, 0x10, 1), invalid(/impossible field number/));
    for (const group of [0x0b, 0x0c, 0x0e, 0x0f]) throws(() => first(group), invalid(/kind that ONNX does not use/));
    throws(() => first(0x08, 1).text(), invalid(/wrong kind/));
    throws(() => first(0x0a, 0).integer(), invalid(/wrong kind/));
    throws(() => first(0x0a, 1, 0xff).text(), invalid(/not UTF-8/));
    throws(() => first(0x08, ...Array<number>(8).fill(0xff), 1).integer(), invalid(/beyond 2\^53/));
  });

  it("refuses a text longer than 1 MiB before decoding it", () => {
    const cursor = new WireCursor(new WireWriter().bytes(1, new Uint8Array(2 ** 20 + 1)).toBytes());
    cursor.next();
    throws(() => cursor.text(), invalid(/longer than 1 MiB/));
  });

  it("follows 100 levels of messages and no more", () => {
    let nested = new WireWriter();
    for (let level = 0; level < 101; level++) nested = new WireWriter().message(1, nested);
    let cursor = new WireCursor(nested.toBytes());
    for (let level = 0; level < 100; level++) {
      ok(cursor.next());
      cursor = cursor.message();
    }
    ok(cursor.next());
    throws(() => cursor.message(), invalid(/nested deeper than 100 levels/));
  });

  it("never throws anything but MODEL_FILE_INVALID for arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          const cursor = new WireCursor(bytes);
          while (cursor.next()) if (cursor.wireType === 2) cursor.text();
        } catch (error) {
          invalid(/./)(error);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
