import { AppError } from "../../core/errors.ts";

const mostParts = 20_000;

/** The parts of a multipart/form-data body by their names, in their order; of files too. Throws INVALID_REQUEST for what is none. */
export function multipartParts(body: Buffer, contentType: string | string[] | undefined): Map<string, Buffer> {
  const boundary = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(String(contentType));
  if (boundary === null) throw broken();
  const mark = Buffer.from(`--${boundary[1] ?? boundary[2]!}`);
  const parts = new Map<string, Buffer>();
  let at = body.indexOf(mark);
  while (at >= 0) {
    const head = at + mark.length;
    if (body.subarray(head, head + 2).toString() === "--") return parts;
    const headEnd = body.indexOf("\r\n\r\n", head);
    const next = headEnd < 0 ? -1 : body.indexOf(mark, headEnd);
    if (next < 0 || parts.size >= mostParts) throw broken();
    const name = /name="([^"]{1,500})"/i.exec(body.subarray(head, Math.min(headEnd, head + 4096)).toString("utf8"))?.[1];
    if (name !== undefined) parts.set(name, body.subarray(headEnd + 4, next - 2));
    at = next;
  }
  throw broken();
}

function broken(): AppError {
  return new AppError("INVALID_REQUEST", "The body is no multipart/form-data.");
}
