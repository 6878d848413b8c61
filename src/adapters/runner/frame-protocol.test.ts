import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { elementCount, typedArrayOf, type Datatype, type Tensor } from "../../core/tensor.ts";
import { encodeFrame, FrameDecoder, FrameError, writeFrame, type Frame } from "./frame-protocol.ts";

type Header = Record<string, unknown>;

function decodeAll(chunks: readonly Uint8Array[], maxFrameBytes?: number): Frame<Header>[] {
  const frames: Frame<Header>[] = [];
  const decoder = new FrameDecoder<Header>((frame) => frames.push(frame), maxFrameBytes);
  for (const chunk of chunks) decoder.push(Buffer.from(chunk));
  return frames;
}

/** Cuts bytes at the given places; chunks get memory of their own, at any alignment. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...[...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index]!, edge));
}

/** Frame of the given JSON and blobs, made by hand from the README's words. */
function handMade(json: string, rest: Uint8Array = new Uint8Array(0)): Buffer {
  const blobsStart = Math.ceil((8 + Buffer.byteLength(json)) / 8) * 8;
  const frame = Buffer.alloc(blobsStart + rest.length);
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt32LE(Buffer.byteLength(json), 4);
  frame.write(json, 8);
  frame.set(rest, blobsStart);
  return frame;
}

const numericTensor = fc
  .record({
    name: fc.string({ maxLength: 12 }),
    datatype: fc.constantFrom(...(Object.keys(typedArrayOf) as Exclude<Datatype, "BYTES">[])),
    shape: fc.array(fc.nat({ max: 5 }), { maxLength: 4 }),
    random: fc.infiniteStream(fc.nat({ max: 255 })),
  })
  .map(({ name, datatype, shape, random }): Tensor => {
    const arrayType = typedArrayOf[datatype];
    const bytes = Uint8Array.from({ length: elementCount(shape) * arrayType.BYTES_PER_ELEMENT }, () => random.next().value);
    return { name, datatype, shape, data: new arrayType(bytes.buffer) };
  });

const textTensor = fc
  .array(fc.oneof(fc.string({ unit: "grapheme", maxLength: 60 }), fc.constant("é".repeat(40)), fc.constant("")), { maxLength: 20 })
  .map((data): Tensor => ({ name: "text", datatype: "BYTES", shape: [data.length], data }));

/** Bit patterns, so that NaN payloads and -0 count. */
function bits({ data }: Tensor): unknown {
  return Array.isArray(data) ? data : [data.constructor.name, ...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

describe("frames", () => {
  it("bring back any tensors under any chunking, bit by bit", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.oneof(numericTensor, textTensor), { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (messages, places) => {
          const pieces = messages.flatMap((tensors, id) => encodeFrame({ type: "run", id }, tensors));
          const frames = decodeAll(cut(Buffer.concat(pieces), places));
          assert.equal(frames.length, messages.length);
          frames.forEach((frame, id) => {
            assert.equal(frame.header.id, id);
            assert.equal(frame.tensors.length, messages[id]!.length);
            frame.tensors.forEach((tensor, index) => {
              const sent = messages[id]![index]!;
              assert.deepEqual([tensor.name, tensor.datatype, tensor.shape], [sent.name, sent.datatype, sent.shape]);
              assert.deepEqual(bits(tensor), bits(sent));
            });
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("are the same in one buffer and in pieces", () => {
    const large = Float32Array.from({ length: 40_001 }, (_, index) => index / 3);
    const tensors: Tensor[] = [
      { name: "large", datatype: "FP32", shape: [40_001], data: large },
      { name: "text", datatype: "BYTES", shape: [2], data: ["a", "ü".repeat(100)] },
      { name: "odd", datatype: "INT8", shape: [3], data: Int8Array.of(-1, 2, -3) },
    ];
    const pieces = encodeFrame({ type: "run" }, tensors);
    assert.ok(pieces.some((piece) => piece.buffer === large.buffer), "a large blob is sent from where it lies");
    const [frame] = decodeAll([Buffer.concat(pieces)]);
    assert.deepEqual(frame?.tensors, tensors);
  });

  it("give views on the received memory", () => {
    const bytes = Buffer.concat(encodeFrame({}, [{ name: "x", datatype: "FP64", shape: [3], data: Float64Array.of(1, 2, 3) }]));
    const received = Buffer.from(new ArrayBuffer(bytes.length));
    bytes.copy(received);
    const frames: Frame<Header>[] = [];
    new FrameDecoder<Header>((frame) => frames.push(frame)).push(received);
    assert.equal((frames[0]!.tensors[0]!.data as Float64Array).buffer, received.buffer);
  });

  it("go out in one write", () => {
    const calls: string[] = [];
    const sink = { cork: () => calls.push("cork"), uncork: () => calls.push("uncork"), write: () => calls.push("write") > 0 };
    writeFrame(sink, { type: "close" });
    assert.deepEqual(calls.splice(0), ["write"]);
    writeFrame(sink, {}, [{ name: "x", datatype: "UINT8", shape: [100_000], data: new Uint8Array(100_000) }]);
    assert.deepEqual(calls, ["cork", "write", "write", "uncork"]);
  });

  it("beyond the limit are neither sent nor taken", () => {
    const tensor: Tensor = { name: "x", datatype: "UINT8", shape: [1000], data: new Uint8Array(1000) };
    assert.throws(() => encodeFrame({}, [tensor], 1000), FrameError);
    assert.throws(() => decodeAll(encodeFrame({}, [tensor]), 1000), /beyond the limit/);
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(0xffff_fffc);
    for (const chunks of [[prefix], [...prefix].map((byte) => Buffer.of(byte))]) assert.throws(() => decodeAll(chunks), /beyond the limit/);
  });

  const withTensor = (descriptor: unknown, rest?: Uint8Array) => handMade(JSON.stringify({ tensors: [descriptor] }), rest);
  const lies: [string, Buffer][] = [
    ["a length that is no multiple of 8", Buffer.from([5, 0, 0, 0, 1, 0, 0, 0, 0])],
    ["a length below the prefix", Buffer.from([0, 0, 0, 0, 0, 0, 0, 0])],
    ["a header longer than the frame", Buffer.from([12, 0, 0, 0, 200, 0, 0, 0, 123, 125, 0, 0, 0, 0, 0, 0])],
    ["a header that is not JSON", handMade("{type")],
    ["a header that is not an object", handMade("[1]")],
    ["bytes behind the last blob", handMade("{}", new Uint8Array(8))],
    ["tensors that are no list", handMade('{"tensors":{"length":1}}')],
    ["a tensor that is null", withTensor(null)],
    ["a blob beyond the frame", withTensor({ name: "x", datatype: "UINT8", shape: [900], bytes: 900 })],
    ["a negative length", withTensor({ name: "x", datatype: "UINT8", shape: [0], bytes: -8 })],
    ["a shape that contradicts the length", withTensor({ name: "x", datatype: "FP32", shape: [3], bytes: 8 }, new Uint8Array(8))],
    ["a shape beyond all numbers", withTensor({ name: "x", datatype: "FP32", shape: [2 ** 40, 2 ** 40], bytes: 8 }, new Uint8Array(8))],
    ["a negative dimension", withTensor({ name: "x", datatype: "UINT8", shape: [-1, -8], bytes: 8 }, new Uint8Array(8))],
    ["an unknown datatype", withTensor({ name: "x", datatype: "toString", shape: [1], bytes: 8 }, new Uint8Array(8))],
    ["a tensor without a name", withTensor({ datatype: "UINT8", shape: [0], bytes: 0 })],
    ["more text elements than bytes", withTensor({ name: "x", datatype: "BYTES", shape: [2 ** 31], bytes: 8 }, new Uint8Array(8))],
    ["a text element beyond its blob", withTensor({ name: "x", datatype: "BYTES", shape: [1], bytes: 8 }, Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0))],
    ["a text blob with bytes left over", withTensor({ name: "x", datatype: "BYTES", shape: [1], bytes: 8 }, Uint8Array.of(1, 0, 0, 0, 65, 0, 0, 0))],
  ];
  for (const [name, bytes] of lies) {
    it(`with ${name} are refused, and nothing after them is read`, () => {
      const decoder = new FrameDecoder<Header>(() => assert.fail("no frame may come out"));
      assert.throws(() => decoder.push(bytes), FrameError);
      assert.throws(() => decoder.push(Buffer.concat(encodeFrame({ type: "close" }, []))), FrameError);
    });
  }

  it("of random bytes end in a FrameError or in waiting, never otherwise", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        bytes.fill(0, 2, 4);
        try {
          decodeAll([bytes]);
        } catch (error) {
          assert.ok(error instanceof FrameError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
