import { epochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import { Datatype, elementCount, type TensorData, typedArrayOf } from "../../../core/tensor.ts";
import type { Assignment, LogTensor, PredictionEntry } from "../../../serving/index.ts";
import { ByteReader, type ByteWriter } from "./byte-buffer.ts";

/*
 * One entry as bytes, little-endian. Numbers stay the bytes they are in memory: turning them into text would cost more
 * than everything else that the log does on the way of a request.
 *
 *   u8 version = 1, 2 or 3, text id, text model, text version, text outcome
 *   of version 2, for predictions of a model with a route: text id of the prediction that it is a shadow of, or empty; text assignment as JSON
 *   of version 3, for predictions with a span: as of version 2, with an empty assignment where there is none; text id of the trace
 *   f64 time, u32 rows, u32 batchRows, f64 queueUs, f64 runUs, f64 totalUs, u8 has a request id [text requestId]
 *   u16 inputs, u16 outputs, then each tensor:
 *     text name, u8 datatype, u8 flags, u16 rank, u32 dimension..., [text digest], [u32 length, values]
 *   text = u32 length + UTF-8; values of BYTES = one text each
 */
/** Of predictions without an assignment: what releases before rollouts can read. */
const plainVersion = 1;
const assignedVersion = 2;
const tracedVersion = 3;
const datatypes = Datatype.options;
const datatypeNumber = new Map(datatypes.map((datatype, index) => [datatype, index]));

const hasValues = 1;
const hasDigest = 2;
const hasRedacted = 4;
const isRedacted = 8;

/** What is needed to find an entry and to decide whether it is asked for, without decoding its tensors. */
export interface EntryKey {
  id: string;
  model: string;
  version: string;
  outcome: string;
  /** Of a shadow answer, the prediction that the caller got. */
  shadowOf: string | null;
}

/** Appends one entry to the writer; throws INVALID_INPUT for what the format cannot hold, leaving the writer as it was. */
export function encodeEntry(writer: ByteWriter, entry: PredictionEntry): void {
  const start = writer.length;
  try {
    const assignment = entry.assignment ?? null;
    const traceId = entry.traceId ?? null;
    writer.byte(traceId !== null ? tracedVersion : assignment === null ? plainVersion : assignedVersion);
    writer.text(entry.id);
    writer.text(entry.model);
    writer.text(entry.version);
    writer.text(entry.outcome);
    if (assignment !== null || traceId !== null) {
      writer.text(assignment?.shadowOf ?? "");
      writer.text(assignment === null ? "" : JSON.stringify(assignment));
    }
    if (traceId !== null) writer.text(traceId);
    writer.float64(entry.time);
    writer.uint32(entry.rows);
    writer.uint32(entry.timing.batchRows);
    writer.float64(entry.timing.queueUs);
    writer.float64(entry.timing.runUs);
    writer.float64(entry.timing.totalUs);
    writer.byte(entry.requestId === null ? 0 : 1);
    if (entry.requestId !== null) writer.text(entry.requestId);
    writer.uint16(entry.inputs.length);
    writer.uint16(entry.outputs.length);
    for (const tensor of entry.inputs) encodeTensor(writer, tensor);
    for (const tensor of entry.outputs) encodeTensor(writer, tensor);
  } catch (cause) {
    writer.length = start;
    throw cause instanceof RangeError ? new AppError("INVALID_INPUT", "The prediction has a size that the log cannot hold.", { cause }) : cause;
  }
}

function encodeTensor(writer: ByteWriter, tensor: LogTensor): void {
  const digest = "digest" in tensor ? tensor.digest : undefined;
  const redacted = "redacted" in tensor ? tensor.redacted : undefined;
  writer.text(tensor.name);
  writer.byte(datatypeNumber.get(tensor.datatype)!);
  writer.byte(
    (tensor.data === null ? 0 : hasValues) |
      (digest === undefined ? 0 : hasDigest) |
      (redacted === undefined ? 0 : hasRedacted) |
      (redacted === true ? isRedacted : 0),
  );
  writer.uint16(tensor.shape.length);
  for (const dimension of tensor.shape) writer.uint32(dimension);
  if (digest !== undefined) writer.text(digest);
  const data: TensorData | null = tensor.data;
  if (data === null) return;
  if (Array.isArray(data)) {
    writer.uint32(data.length);
    for (const text of data) writer.text(text);
  } else {
    writer.uint32(data.byteLength);
    writer.bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

/** Reads the key of an encoded entry; null for a format that this release does not know. */
export function readEntryKey(payload: Buffer): EntryKey | null {
  const reader = new ByteReader(payload);
  const format = reader.byte();
  if (format < plainVersion || format > tracedVersion) return null;
  const key = { id: reader.text(), model: reader.text(), version: reader.text(), outcome: reader.text() };
  return { ...key, shadowOf: format === plainVersion ? null : reader.text() || null };
}

/** Throws RangeError for bytes that are not an encoded entry; the checksum of the frame makes that a matter of versions. */
export function decodeEntry(payload: Buffer): PredictionEntry & { assignment: Assignment | null; traceId: string | null } {
  const reader = new ByteReader(payload);
  const format = reader.byte();
  if (format < plainVersion || format > tracedVersion) throw new RangeError("unknown format of a logged prediction");
  const key = { id: reader.text(), model: reader.text(), version: reader.text(), outcome: reader.text() };
  const assignment = format === plainVersion ? null : decodeAssignment(reader);
  const traceId = format === tracedVersion ? reader.text() : null;
  const time = epochMs(reader.float64());
  const rows = reader.uint32();
  const batchRows = reader.uint32();
  const timing = { queueUs: reader.float64(), runUs: reader.float64(), totalUs: reader.float64(), batchRows };
  const requestId = reader.byte() === 1 ? reader.text() : null;
  const inputCount = reader.uint16();
  const outputCount = reader.uint16();
  const inputs = Array.from({ length: inputCount }, () => decodeTensor(reader));
  const outputs = Array.from({ length: outputCount }, () => decodeTensor(reader));
  return { ...key, time, requestId, rows, timing, inputs, outputs, assignment, traceId };
}

function decodeAssignment(reader: ByteReader): Assignment | null {
  // What it is a shadow of stands in the assignment too.
  reader.text();
  const text = reader.text();
  return text === "" ? null : (JSON.parse(text) as Assignment);
}

function decodeTensor(reader: ByteReader): LogTensor {
  const name = reader.text();
  const datatype = datatypes[reader.byte()];
  if (datatype === undefined) throw new RangeError("unknown datatype");
  const flags = reader.byte();
  const shape = Array.from({ length: reader.uint16() }, () => reader.uint32());
  const digest = flags & hasDigest ? reader.text() : undefined;
  if (!(flags & hasValues)) {
    return {
      name,
      datatype,
      shape,
      data: null,
      ...(digest === undefined ? {} : { digest }),
      ...(flags & hasRedacted ? { redacted: (flags & isRedacted) !== 0 } : {}),
    };
  }
  const length = reader.uint32();
  if (datatype === "BYTES") return { name, datatype, shape, data: Array.from({ length }, () => reader.text()) };
  // Copied, because typed arrays need their values aligned and a frame begins anywhere.
  const bytes = reader.copy(length);
  const data = new typedArrayOf[datatype](bytes.buffer, 0, length / typedArrayOf[datatype].BYTES_PER_ELEMENT);
  if (data.length !== elementCount(shape)) throw new RangeError("values do not match their shape");
  return { name, datatype, shape, data };
}
