/** Protobuf written by hand, so that it can be written wrong. */
export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** A length-delimited field; `claimedLength` lies about it. */
export function field(number: number, content: Uint8Array | string, claimedLength?: bigint): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([varint(BigInt((number << 3) | 2)), varint(claimedLength ?? BigInt(bytes.length)), bytes]);
}

export const packed = (number: number, values: readonly bigint[]): Buffer => field(number, Buffer.concat(values.map(varint)));

export interface InputFields {
  name?: string;
  datatype?: string;
  shape?: readonly bigint[];
  /** The content of InferTensorContents. */
  contents?: Buffer;
  /** Fields behind the others. */
  more?: Buffer;
}

/** An InferInputTensor as field 5 of a ModelInferRequest. */
export function inputField({ name, datatype, shape, contents, more }: InputFields): Buffer {
  const parts: Buffer[] = [];
  if (name !== undefined) parts.push(field(1, name));
  if (datatype !== undefined) parts.push(field(2, datatype));
  if (shape !== undefined) parts.push(packed(3, shape));
  if (contents !== undefined) parts.push(field(5, contents));
  if (more !== undefined) parts.push(more);
  return field(5, Buffer.concat(parts));
}

export const rawField = (bytes: Uint8Array): Buffer => field(7, bytes);
export const floatBytes = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
