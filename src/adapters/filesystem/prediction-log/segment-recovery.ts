import { join } from "node:path";
import type { Logger } from "../../../core/logger.ts";
import type { FileSystem } from "../file-system.ts";
import { readEntryKey } from "./entry-codec.ts";
import { Segment } from "./segment.ts";
import { scanSegment, segmentIdOf } from "./segment-file.ts";

/** Segments that an earlier process left, oldest first; nothing was read of them yet. */
export async function leftSegments(fileSystem: FileSystem, directory: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const name of await fileSystem.list(directory)) {
    const id = segmentIdOf(name);
    if (id !== null) segments.push(new Segment(id, join(directory, name)));
  }
  return segments;
}

/**
 * Reads a segment that an earlier process left: finds out what it holds and cuts its torn end, which no `append` was
 * answered for. Throws when it cannot be read.
 */
export async function recoverSegment(fileSystem: FileSystem, segment: Segment, logger: Logger): Promise<void> {
  const facts = await fileSystem.facts(segment.path);
  const bytes = facts?.bytes ?? 0;
  let unknown = 0;
  const scan = await scanSegment(fileSystem, segment.path, { bytes, verify: true }, (payload) => {
    const key = readEntryKey(payload);
    if (key === null) unknown++;
    else segment.add(key.id, key.model, key.version);
  });
  segment.bytes = scan.validBytes;
  // Written by a newer release: conversion refuses it, so it stays for that release.
  if (unknown > 0) logger.warn("prediction-log.unknown-format", { segment: segment.id, predictions: unknown });
  if (scan.damagedFrames > 0) logger.error("prediction-log.damaged", { segment: segment.id, predictions: scan.damagedFrames });
  if (scan.validBytes === bytes) return;
  logger.warn("prediction-log.torn", { segment: segment.id, bytesCut: bytes - scan.validBytes, predictions: segment.entries });
  const file = await fileSystem.open(segment.path, "change");
  try {
    await file.truncate(scan.validBytes);
    await file.sync();
  } catch (cause) {
    // Nothing reads behind `bytes`, so the torn end may as well stay.
    logger.warn("prediction-log.cut-failed", { segment: segment.id, cause });
  } finally {
    await file.close();
  }
}
